//! From bytes to rows.

use std::{fmt, sync::Arc};

use crate::BatchBuilder;

/// Why a record's bytes are not rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// What is wrong, and where in the record.
    pub message: String,
}

impl DecodeError {
    /// An error of a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Makes rows of records. One decoder is used by one task at a time and may keep scratch memory between records.
pub trait Decoder: Send {
    /// Puts the rows of one record into the builder, all or none of them.
    ///
    /// # Errors
    /// The record is not well formed; the builder holds none of its rows.
    fn decode(&mut self, record: &[u8], rows: &mut BatchBuilder) -> Result<(), DecodeError>;

    /// How many lines at the head of a file are no records but say how to read them (the header of a CSV file). A
    /// source of lines gives them to a new decoder first, also where it goes on in the middle of the file.
    fn header_lines(&self) -> usize {
        0
    }
}

/// Makes decoders, one for each task that reads.
#[derive(Clone)]
pub struct DecoderFactory(Arc<dyn Fn() -> Box<dyn Decoder> + Send + Sync>);

impl DecoderFactory {
    /// A factory from a function.
    pub fn new(make: impl Fn() -> Box<dyn Decoder> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// A new decoder.
    pub fn make(&self) -> Box<dyn Decoder> {
        (self.0)()
    }
}

impl fmt::Debug for DecoderFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecoderFactory")
    }
}
