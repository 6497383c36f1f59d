//! Thrift, as far as IoTDB uses it: framed messages in the binary or the compact protocol.
//!
//! ```text
//!   frame     length i32 │ payload
//!   payload   head: name, kind, sequence number │ a structure: arguments, a reply or an exception
//!   binary    80 01 00 kind │ name │ sequence      fields: type i8, id i16, value … 00
//!   binary    name │ kind │ sequence               as very old clients write it
//!   compact   82 │ kind·version │ sequence │ name  fields: delta·type, value … 00
//! ```
//!
//! It is a codec of our own and no generated code, for three reasons: blobs must be slices of the frame they came in,
//! every length must be checked against the bytes that are left before anything is allocated, and both protocols must
//! be told apart by their first byte on one port. The structures are described once, by a macro, for reading and writing.
//!
//! Bounds: a frame is no longer than its reader allows and is read as it arrives, so that a length alone costs nothing;
//! containers hold no more elements than bytes are left; structures nest 32 deep at most. What is decoded takes at most
//! some thirty times the frame (a list of empty texts).

mod error;
mod frame;
mod message;
mod reader;
mod structure;
mod wire;
mod writer;

pub use error::WireError;
pub use frame::{Frame, FrameError, FrameReader, write_frame};
pub use message::{Exception, Head, Kind, Reply, message, open, reply};
pub use reader::Reader;
pub use wire::{Pairs, Type, Wire};
pub use writer::Writer;

pub(crate) use structure::{field_type, structures};

/// One of the two ways in which structures become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Protocol {
    /// Numbers of fixed width.
    #[default]
    Binary,
    /// Numbers as short as they are small.
    Compact,
}
