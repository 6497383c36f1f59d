//! What Avro's decoder and encoder share: a client of Confluent's schema registry, schemas, and the head of a message.
//!
//! ```text
//!   0 │ schema id, u32 big-endian │ datum        a message whose schema a registry knows
//! ```
//!
//! The client caches nothing. An id always stands for the same schema, so a caller may keep an answer.

mod client;
mod options;
mod schema;

pub use client::{Client, Fault, Found};
pub use options::SchemaRegistry;
pub use schema::{Field, Schema, Shape};

/// The attribute of a string schema that tells STRING from TEXT. Avro has only one type for both.
pub const TYPE_NOTE: &str = "iotdb.type";

/// How many bytes stand before a datum.
const HEAD: usize = 5;

/// The bytes before a datum of the schema with this id.
#[must_use]
pub fn head(id: u32) -> [u8; HEAD] {
    let [a, b, c, d] = id.to_be_bytes();
    [0, a, b, c, d]
}

/// The id of the schema, and the datum; `None` where a message has no such head.
#[must_use]
pub fn split(message: &[u8]) -> Option<(u32, &[u8])> {
    match message {
        [0, a, b, c, d, datum @ ..] => Some((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        _ => None,
    }
}
