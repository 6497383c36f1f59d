//! Messages: calls, replies and exceptions.

use bytes::{Buf, Bytes};

use super::{Frame, Protocol, Reader, Type, Wire, WireError, Writer, structures};

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A call; its arguments follow.
    Call = 1,
    /// A reply; its result follows.
    Reply = 2,
    /// A call that failed; an [`Exception`] follows.
    Exception = 3,
    /// A call without a reply.
    Oneway = 4,
}

/// The head of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The method's name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// The call's number; its reply has the same.
    pub sequence: i32,
}

structures! {
    /// Why a call failed: the method is unknown, the arguments are not readable, the server is at fault.
    Exception {
        1 optional message: String,
        /// 1: the method is not known, 6: internal error, 7: protocol error.
        2 optional kind: i32,
    }
}

impl Exception {
    /// The [`Exception::kind`] of an unknown method.
    pub const UNKNOWN_METHOD: i32 = 1;
}

/// A method's result, as a structure.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply<T>(pub T);

impl<T: Wire> Wire for Reply<T> {
    const TYPE: Type = Type::Struct;

    fn write(&self, to: &mut Writer) {
        to.begin();
        self.0.write_field(0, to);
        to.end();
    }

    fn read(from: &mut Reader) -> Result<Self, WireError> {
        from.nested(|from| {
            let mut success = None;
            while let Some((id, kind)) = from.field()? {
                if id == 0 && kind == T::TYPE {
                    success = Some(T::read(from)?);
                } else {
                    from.skip(kind)?;
                }
            }
            success.map(Self).ok_or(WireError::Missing { structure: "the reply", field: "success" })
        })
    }
}

/// A message as a frame.
pub fn message(protocol: Protocol, head: &Head, body: &impl Wire) -> Frame {
    let mut to = Writer::new(protocol);
    to.head(&head.name, head.kind, head.sequence);
    body.write(&mut to);
    to.into_frame()
}

/// The reply to a call as a frame.
pub fn reply<T: Wire>(protocol: Protocol, call: &Head, result: T) -> Frame {
    let head = Head { name: call.name.clone(), kind: Kind::Reply, sequence: call.sequence };
    message(protocol, &head, &Reply(result))
}

fn kind(code: u8) -> Result<Kind, WireError> {
    match code {
        1 => Ok(Kind::Call),
        2 => Ok(Kind::Reply),
        3 => Ok(Kind::Exception),
        4 => Ok(Kind::Oneway),
        _ => Err(WireError::Code { what: "kind of message", code: code.into() }),
    }
}

/// The head of a frame's payload, and a reader of the rest. The first byte tells the protocol.
///
/// # Errors
/// The payload is not a message.
pub fn open(mut payload: Bytes) -> Result<(Head, Reader), WireError> {
    let ends = |left| WireError::Ends { what: "a message", needed: 4, left };
    let first = *payload.first().ok_or(ends(0))?;
    match first {
        0x82 => {
            let mut from = Reader::new(payload.split_off(1), Protocol::Compact);
            let code = from.byte("a message")?;
            if code & 0x1f != 1 {
                let code = (code & 0x1f).into();
                return Err(WireError::Code { what: "version of the compact protocol", code });
            }
            let kind = kind(code >> 5)?;
            let sequence = from.varint("a sequence number")? as u32 as i32;
            Ok((Head { name: from.text("a method's name")?, kind, sequence }, from))
        }
        0x80 => {
            if payload.len() < 4 {
                return Err(ends(payload.len()));
            }
            let version = payload.get_u32();
            if version & 0xffff_0000 != 0x8001_0000 {
                return Err(WireError::Code {
                    what: "version of the binary protocol",
                    code: (version >> 16).into(),
                });
            }
            let kind = kind(version as u8)?;
            let mut from = Reader::new(payload, Protocol::Binary);
            let name = from.text("a method's name")?;
            Ok((Head { name, kind, sequence: from.i32()? }, from))
        }
        0 => {
            let mut from = Reader::new(payload, Protocol::Binary);
            let name = from.text("a method's name")?;
            let kind = kind(from.byte("a message")?)?;
            Ok((Head { name, kind, sequence: from.i32()? }, from))
        }
        _ => Err(WireError::Code { what: "first byte of a message", code: first.into() }),
    }
}
