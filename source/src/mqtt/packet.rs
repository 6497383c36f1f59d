//! MQTT's packets, versions 5 and 3.1.1: what a subscriber writes and reads.
//!
//! ```text
//!   packet    kind and flags u8 │ length, 1–4 bytes of 7 bits │ content
//!   text      length u16 │ UTF-8
//! ```
//!
//! Invariant: no bytes, whatever they are, make reading panic.

use std::ops::Range;

/// The largest packet there is by the format.
pub(super) const MAX_PACKET_BYTES: usize = 268_435_455;

/// The version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V3_1_1,
    V5,
}

/// What a client says of itself.
#[derive(Debug)]
pub(super) struct Hello<'a> {
    pub(super) client_id: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) password: Option<&'a str>,
    /// Seconds.
    pub(super) keep_alive: u16,
    /// Seconds.
    pub(super) session: u32,
    pub(super) in_flight: u16,
}

/// A packet that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// The answer to the first packet.
    Welcome { session_present: bool, code: u8 },
    /// The answer to a subscription: a code for each filter.
    Subscribed { codes: Vec<u8> },
    /// A message. Ranges are of the packet.
    Message { again: bool, qos: u8, id: u16, topic: Range<usize>, payload: Range<usize> },
    /// The answer to a ping.
    Pong,
    /// The broker ends the connection.
    Goodbye { code: u8 },
    /// Anything else.
    Other,
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&bytes[..length as usize]);
}

fn put_length(mut length: usize, out: &mut Vec<u8>) {
    loop {
        let byte = (length % 128) as u8;
        length /= 128;
        out.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            return;
        }
    }
}

fn put_packet(head: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(head);
    put_length(content.len(), out);
    out.extend_from_slice(content);
}

/// The first packet of a connection.
pub(super) fn put_hello(hello: &Hello<'_>, version: Version, out: &mut Vec<u8>) {
    let mut content = Vec::new();
    put_text("MQTT", &mut content);
    content.push(if version == Version::V5 { 5 } else { 4 });
    // The session is kept: there is no clean start.
    let flags = u8::from(hello.user.is_some()) << 7 | u8::from(hello.password.is_some()) << 6;
    content.push(flags);
    content.extend_from_slice(&hello.keep_alive.to_be_bytes());
    if version == Version::V5 {
        put_length(8, &mut content);
        content.push(0x11);
        content.extend_from_slice(&hello.session.to_be_bytes());
        content.push(0x21);
        content.extend_from_slice(&hello.in_flight.to_be_bytes());
    }
    put_text(hello.client_id, &mut content);
    for text in [hello.user, hello.password].into_iter().flatten() {
        put_text(text, &mut content);
    }
    put_packet(0x10, &content, out);
}

/// Asks for topics with QoS 1.
pub(super) fn put_subscribe(id: u16, filters: &[String], version: Version, out: &mut Vec<u8>) {
    let mut content = id.to_be_bytes().to_vec();
    if version == Version::V5 {
        content.push(0);
    }
    for filter in filters {
        put_text(filter, &mut content);
        content.push(1);
    }
    put_packet(0x82, &content, out);
}

/// Acknowledges a message. The short form is the same in both versions.
pub(super) fn put_acknowledge(id: u16, out: &mut Vec<u8>) {
    put_packet(0x40, &id.to_be_bytes(), out);
}

/// Asks whether the broker is there.
pub(super) const PING: [u8; 2] = [0xc0, 0];

/// Ends a connection in order; the session stays.
pub(super) const GOODBYE: [u8; 2] = [0xe0, 0];

/// The size of the packet at the beginning of bytes; `None` where there are too few of them to know it.
///
/// # Errors
/// This is no packet.
pub(super) fn size(bytes: &[u8]) -> Result<Option<usize>, String> {
    let mut length = 0;
    for at in 0..4 {
        let Some(&byte) = bytes.get(1 + at) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some(2 + at + length));
        }
    }
    Err("a packet's length has more than four bytes".to_owned())
}

/// Reads a whole packet.
///
/// # Errors
/// It is not well formed; the message says what of it.
pub(super) fn read(packet: &[u8], version: Version) -> Result<Incoming, String> {
    let mut cursor = Cursor { packet, at: 0 };
    let head = cursor.byte("kind")?;
    cursor.number("length")?;
    let five = version == Version::V5;
    Ok(match head >> 4 {
        2 => {
            let session_present = cursor.byte("flags")? & 1 == 1;
            Incoming::Welcome { session_present, code: cursor.byte("code")? }
        }
        3 => {
            let topic = cursor.text("topic")?;
            let qos = head >> 1 & 3;
            let id = if qos > 0 { cursor.short("packet id")? } else { 0 };
            if five {
                cursor.skip_properties()?;
            }
            Incoming::Message { again: head & 8 != 0, qos, id, topic, payload: cursor.at..packet.len() }
        }
        9 => {
            cursor.short("packet id")?;
            if five {
                cursor.skip_properties()?;
            }
            Incoming::Subscribed { codes: packet.get(cursor.at..).unwrap_or_default().to_vec() }
        }
        13 => Incoming::Pong,
        14 => Incoming::Goodbye { code: cursor.byte("code").unwrap_or(0) },
        _ => Incoming::Other,
    })
}

struct Cursor<'a> {
    packet: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn byte(&mut self, what: &str) -> Result<u8, String> {
        let byte = self.packet.get(self.at).copied();
        self.at += 1;
        byte.ok_or_else(|| format!("a packet ends before its {what}"))
    }

    fn short(&mut self, what: &str) -> Result<u16, String> {
        Ok(u16::from_be_bytes([self.byte(what)?, self.byte(what)?]))
    }

    fn number(&mut self, what: &str) -> Result<usize, String> {
        let mut number = 0;
        for at in 0..4 {
            let byte = self.byte(what)?;
            number |= usize::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(format!("a packet's {what} has more than four bytes"))
    }

    fn text(&mut self, what: &str) -> Result<Range<usize>, String> {
        let length = usize::from(self.short(what)?);
        let range = self.at..self.at + length;
        self.at = range.end;
        match self.packet.get(range.clone()) {
            Some(_) => Ok(range),
            None => Err(format!("a packet ends within its {what}")),
        }
    }

    fn skip_properties(&mut self) -> Result<(), String> {
        let length = self.number("properties")?;
        self.at += length;
        if self.at > self.packet.len() {
            Err("a packet ends within its properties".to_owned())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets_are_as_the_standard_has_them() {
        let mut out = Vec::new();
        let hello = Hello {
            client_id: "c",
            user: Some("u"),
            password: None,
            keep_alive: 30,
            session: 60,
            in_flight: 20,
        };
        put_hello(&hello, Version::V3_1_1, &mut out);
        assert_eq!(out, b"\x10\x10\0\x04MQTT\x04\x80\0\x1e\0\x01c\0\x01u");
        out.clear();
        put_hello(&hello, Version::V5, &mut out);
        assert_eq!(out, b"\x10\x19\0\x04MQTT\x05\x80\0\x1e\x08\x11\0\0\0\x3c\x21\0\x14\0\x01c\0\x01u");
        out.clear();
        put_subscribe(1, &["a/#".to_owned()], Version::V5, &mut out);
        assert_eq!(out, b"\x82\x09\0\x01\0\0\x03a/#\x01");
        let message = b"\x3a\x0a\0\x01t\0\x07\x02\x01\x01hi";
        assert_eq!(size(message), Ok(Some(12)));
        let expected = Incoming::Message { again: true, qos: 1, id: 7, topic: 4..5, payload: 10..12 };
        assert_eq!(read(message, Version::V5), Ok(expected));
        assert_eq!(size(&[0x30, 0xff, 0x7f]), Ok(Some(3 + 16_383)));
        assert_eq!(size(&[0x30, 0xff]), Ok(None));
        assert!(size(&[0x30, 0xff, 0xff, 0xff, 0xff, 1]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_packet_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for version in [Version::V5, Version::V3_1_1] {
                if let Ok(Incoming::Message { topic, payload, .. }) = read(&bytes, version) {
                    prop_assert!(bytes.get(topic).is_some() && bytes.get(payload).is_some());
                }
            }
            prop_assert!(size(&bytes).is_ok() || bytes.len() > 4);
        }
    }
}
