//! From bytes to rows.

use std::{fmt, sync::Arc};

use crate::{BatchBuilder, Error, Meta, Result as ApiResult, Retry};

/// Why a record's bytes are not rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// What is wrong, and where in the record.
    pub message: String,
    /// Whether the same bytes may become rows later.
    pub retry: Retry,
}

impl DecodeError {
    /// The record is bad, now and ever: it is rejected.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: Retry::Never }
    }

    /// What it takes to read the record cannot be had for now, as whoever knows it is away. Nothing is said of the record: it is held
    /// back, with all behind it, and tried again. Only of decoders whose factory [asks](DecoderFactory::asking).
    pub fn not_now(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: Retry::Later }
    }

    /// Whether the record is to be tried again later.
    pub fn is_not_now(&self) -> bool {
        self.retry == Retry::Later
    }
}

/// Makes rows of records. One decoder is used by one task at a time and may keep scratch memory between records.
pub trait Decoder: Send {
    /// Puts the rows of one record into the builder. Of a record of several parts (elements of a list, lines) those that are not well
    /// formed are rejected for themselves ([`BatchBuilder::reject_part`]) as long as there are others.
    ///
    /// # Errors
    /// The record is not well formed, or cannot be read [for now](DecodeError::not_now); the builder holds none of its rows.
    fn decode(&mut self, record: &[u8], rows: &mut BatchBuilder) -> Result<(), DecodeError>;

    /// Whether these bytes are a whole record beyond doubt: no more bytes behind them could make it another (a JSON object
    /// is closed, a line of separated values may go on). Asked of a last line that has no line break: one that may go on
    /// waits for its end.
    fn is_whole(&mut self, record: &[u8]) -> bool {
        let _ = record;
        false
    }

    /// How many lines at the head of a file are no records but say how to read them (the header of a CSV file). A
    /// source of lines gives them to a new decoder first, also where it goes on in the middle of the file.
    fn header_lines(&self) -> usize {
        0
    }

    /// What separates the fields of CSV: in a file, a line end between quotes ends no record then. Otherwise a line of a file is a
    /// record.
    fn separator(&self) -> Option<u8> {
        None
    }
}

/// What decoders noticed of all the records that they were given: nothing in a record goes by without a word.
pub trait Noticed: Send + Sync {
    /// Records, or rows of a record of many, that gave no value.
    fn empty(&self) -> u64;

    /// What a user is to be told by now. It is asked for from time to time, and at the end; a remark that was told is not told
    /// again.
    fn remarks(&self) -> Vec<Remark>;
}

/// Something a user is to be told, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it is about: of remarks about one thing, only the first is told.
    pub about: String,
    /// What there is to say, and what to do.
    pub message: String,
}

/// Makes decoders, one for each task that reads.
#[derive(Clone)]
pub struct DecoderFactory {
    make: Arc<dyn Fn() -> Box<dyn Decoder> + Send + Sync>,
    noticed: Option<Arc<dyn Noticed>>,
    wanted: Arc<[Meta]>,
    asks: bool,
}

impl DecoderFactory {
    /// A factory from a function.
    pub fn new(make: impl Fn() -> Box<dyn Decoder> + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), noticed: None, wanted: Arc::new([]), asks: false }
    }

    /// With what all of its decoders notice together.
    #[must_use]
    pub fn noticing(self, noticed: Arc<dyn Noticed>) -> Self {
        Self { noticed: Some(noticed), ..self }
    }

    /// Of decoders that need what comes with a record: a source gives it with [`BatchBuilder::know`], in this order.
    #[must_use]
    pub fn wanting(self, wanted: impl Into<Arc<[Meta]>>) -> Self {
        Self { wanted: wanted.into(), ..self }
    }

    /// Of decoders that ask somebody else how to read a record: they may wait some seconds for an answer, and say
    /// [not now](DecodeError::not_now).
    #[must_use]
    pub fn asking(self) -> Self {
        Self { asks: true, ..self }
    }

    /// Whether its decoders ask somebody else.
    pub fn asks(&self) -> bool {
        self.asks
    }

    /// Itself, for a source that cannot hold a record back.
    ///
    /// # Errors
    /// Its decoders may say not now.
    pub fn at_once(self) -> ApiResult<Self> {
        if self.asks {
            let message = "this decoder asks another server how to read a record, and has to wait while that is away: only the \
                           source `kafka` can hold records back";
            return Err(Error::config(message));
        }
        Ok(self)
    }

    /// What its decoders need of what comes with a record.
    pub fn wanted(&self) -> Arc<[Meta]> {
        Arc::clone(&self.wanted)
    }

    /// A new decoder.
    pub fn make(&self) -> Box<dyn Decoder> {
        (self.make)()
    }

    /// What its decoders noticed; `None` where they do not say.
    pub fn noticed(&self) -> Option<Arc<dyn Noticed>> {
        self.noticed.clone()
    }
}

impl fmt::Debug for DecoderFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecoderFactory")
    }
}
