//! Writing structures.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Frame, Protocol, Type, message::Kind};

/// Blobs of at least this size are sent from where they lie; copying a smaller one costs less than sending one more piece.
const SHARED_BYTES: usize = 4 << 10;

/// Collects a message.
#[derive(Debug)]
pub struct Writer {
    protocol: Protocol,
    parts: VecDeque<Bytes>,
    tail: BytesMut,
    /// The last field's id in the structure being written, and in those around it.
    last: i16,
    outer: Vec<i16>,
}

impl Writer {
    /// An empty message.
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            parts: VecDeque::new(),
            tail: BytesMut::with_capacity(256),
            last: 0,
            outer: Vec::new(),
        }
    }

    /// What was written, with its length before it.
    pub fn into_frame(mut self) -> Frame {
        self.parts.push_back(self.tail.freeze());
        Frame::new(self.parts)
    }

    /// The head of a message.
    pub fn head(&mut self, name: &str, kind: Kind, sequence: i32) {
        match self.protocol {
            Protocol::Binary => {
                self.tail.put_slice(&[0x80, 0x01, 0x00, kind as u8]);
                self.text(name);
                self.tail.put_i32(sequence);
            }
            Protocol::Compact => {
                self.tail.put_slice(&[0x82, (kind as u8) << 5 | 1]);
                // The number's bits as they are, not zigzag.
                self.varint(u64::from(sequence as u32));
                self.text(name);
            }
        }
    }

    /// Begins a structure.
    pub fn begin(&mut self) {
        self.outer.push(self.last);
        self.last = 0;
    }

    /// Ends a structure.
    pub fn end(&mut self) {
        self.tail.put_u8(0);
        self.last = self.outer.pop().unwrap_or(0);
    }

    /// The head of a field; its value follows.
    pub fn field(&mut self, id: i16, kind: Type) {
        match self.protocol {
            Protocol::Binary => {
                self.tail.put_u8(kind.binary_code());
                self.tail.put_i16(id);
            }
            Protocol::Compact => self.compact_field(id, kind.compact_code()),
        }
    }

    /// A boolean field; the compact protocol keeps the value in the head.
    pub fn bool_field(&mut self, id: i16, value: bool) {
        match self.protocol {
            Protocol::Binary => {
                self.field(id, Type::Bool);
                self.tail.put_u8(value.into());
            }
            Protocol::Compact => self.compact_field(id, if value { 1 } else { 2 }),
        }
    }

    fn compact_field(&mut self, id: i16, code: u8) {
        match i32::from(id) - i32::from(self.last) {
            delta @ 1..=15 => self.tail.put_u8((delta as u8) << 4 | code),
            _ => {
                self.tail.put_u8(code);
                self.zigzag(id.into());
            }
        }
        self.last = id;
    }

    /// The head of a list; its elements follow.
    pub fn list(&mut self, element: Type, length: usize) {
        match self.protocol {
            Protocol::Binary => {
                self.tail.put_u8(element.binary_code());
                self.length(length);
            }
            Protocol::Compact if length < 15 => {
                self.tail.put_u8((length as u8) << 4 | element.compact_code());
            }
            Protocol::Compact => {
                self.tail.put_u8(0xf0 | element.compact_code());
                self.length(length);
            }
        }
    }

    /// The head of a map; key, value, key, value … follow.
    pub fn map(&mut self, key: Type, value: Type, length: usize) {
        match self.protocol {
            Protocol::Binary => {
                self.tail.put_slice(&[key.binary_code(), value.binary_code()]);
                self.length(length);
            }
            Protocol::Compact if length == 0 => self.tail.put_u8(0),
            Protocol::Compact => {
                self.length(length);
                self.tail.put_u8(key.compact_code() << 4 | value.compact_code());
            }
        }
    }

    /// A boolean that is not a field.
    pub fn bool(&mut self, value: bool) {
        self.tail.put_u8(match self.protocol {
            Protocol::Binary => value.into(),
            Protocol::Compact => 2 - u8::from(value),
        });
    }

    /// A byte.
    pub fn i8(&mut self, value: i8) {
        self.tail.put_i8(value);
    }

    /// A number of 16 bits.
    pub fn i16(&mut self, value: i16) {
        match self.protocol {
            Protocol::Binary => self.tail.put_i16(value),
            Protocol::Compact => self.zigzag(value.into()),
        }
    }

    /// A number of 32 bits.
    pub fn i32(&mut self, value: i32) {
        match self.protocol {
            Protocol::Binary => self.tail.put_i32(value),
            Protocol::Compact => self.zigzag(value.into()),
        }
    }

    /// A number of 64 bits.
    pub fn i64(&mut self, value: i64) {
        match self.protocol {
            Protocol::Binary => self.tail.put_i64(value),
            Protocol::Compact => self.zigzag(value),
        }
    }

    /// A string.
    pub fn text(&mut self, text: &str) {
        self.length(text.len());
        self.tail.put_slice(text.as_bytes());
    }

    /// Bytes; a large blob is not copied.
    pub fn blob(&mut self, blob: &Bytes) {
        self.length(blob.len());
        if blob.len() < SHARED_BYTES {
            self.tail.put_slice(blob);
        } else {
            self.parts.push_back(self.tail.split().freeze());
            self.parts.push_back(blob.clone());
        }
    }

    /// Lengths beyond 2 GiB cannot be written: a frame of that size is rejected before it is sent, see [`Frame::bytes`].
    fn length(&mut self, length: usize) {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        match self.protocol {
            Protocol::Binary => self.tail.put_u32(length),
            Protocol::Compact => self.varint(length.into()),
        }
    }

    fn zigzag(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63) as u64);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.tail.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.tail.put_u8(value as u8);
    }
}
