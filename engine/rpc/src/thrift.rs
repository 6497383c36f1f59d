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
//! The codec is written by hand rather than generated, for three reasons: blobs must be slices of the frame they arrived in,
//! every length must be checked against the bytes left before anything is allocated, and one port must tell both protocols
//! apart by their first byte. A macro describes each structure once, for reading and writing.
//!
//! Bounds: a frame is no longer than its reader allows, and memory grows with the bytes that arrive, not with the stated
//! length. Containers hold no more elements than bytes are left. Structures nest at most 32 deep. Decoded data takes at most
//! about thirty times the frame's size (a list of empty strings).

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

/// How structures are encoded as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Protocol {
    /// Numbers of fixed width.
    #[default]
    Binary,
    /// Numbers of variable width: small numbers take fewer bytes.
    Compact,
}
