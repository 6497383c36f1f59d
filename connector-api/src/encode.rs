//! From rows to bytes: what [`Decoder`](crate::Decoder)s are the other way.

use std::{fmt, sync::Arc};

use crate::{Batch, Error, Readings, Rejection, Result};

/// Makes lines of rows. A sink that writes lines has one, and puts them where it puts them: into files, a stream, messages.
///
/// For each batch the caller calls `meet`, then `put_rows`; and `put_header` in front of lines that stand under another header than
/// those before, or under none yet.
pub trait Encoder: Send {
    /// Takes note of a batch's measurements. Nothing is put. One whose factory [asks](EncoderFactory::asking) may block for some seconds.
    ///
    /// # Errors
    /// Whoever has to be asked how to write them is away, or rejects them: nothing of the batch can be written, now or for good.
    fn meet(&mut self, batch: &Batch) -> Result<()> {
        let _ = batch;
        Ok(())
    }

    /// What tells one header from another: it changes when the header does.
    fn header(&self) -> usize {
        0
    }

    /// Puts the header as it is now, with the end of its line; nothing for a form that has none.
    fn put_header(&self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// Puts a batch's rows, each as one line or several, with their ends. Every batch has been met before. Gives the rows that
    /// this form cannot say; nothing of them is put.
    fn put_rows(&self, batch: &Batch, out: &mut Vec<u8>) -> Vec<Rejection>;

    /// Like [`Encoder::put_rows`], and appends the offset in `out` at which each row ends: one offset per row of the batch, in order. A row
    /// that is left out has the offset of the row before it. The default encodes row by row; an encoder may do better.
    fn put_apart(&self, batch: &Batch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Vec<Rejection> {
        let mut rejected = Vec::new();
        for (readings, all) in batch.readings.iter().enumerate() {
            for row in 0..all.tablet.rows() {
                let one = Readings::synthetic(all.tablet.slice(row, 1));
                let one = Batch { readings: vec![one], ..Batch::default() };
                let rows = u32::try_from(row).ok().map(|row| vec![row]);
                let wrong = self.put_rows(&one, out).into_iter().next();
                rejected.extend(wrong.map(|Rejection { error, .. }| Rejection { readings, rows, error }));
                ends.push(out.len());
            }
        }
        rejected
    }
}

/// Makes an encoder of rows that go to a place.
type Make = dyn Fn(&str) -> Box<dyn Encoder> + Send + Sync;

/// Makes encoders, one for each place that is written to.
#[derive(Clone)]
pub struct EncoderFactory {
    make: Arc<Make>,
    has_header: bool,
    needs_header: bool,
    asks: bool,
    is_binary: bool,
}

impl EncoderFactory {
    /// A factory from a function, of encoders without a header.
    pub fn new(make: impl Fn() -> Box<dyn Encoder> + Send + Sync + 'static) -> Self {
        Self::of_places(move |_| make())
    }

    /// Makes a factory from a function that takes the place rows go to: a topic, or its template with device and time in it.
    pub fn of_places(make: impl Fn(&str) -> Box<dyn Encoder> + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), has_header: false, needs_header: false, asks: false, is_binary: false }
    }

    /// Of encoders that put a header: the first line of what is whole is none of a row.
    #[must_use]
    pub fn with_header(self) -> Self {
        Self { has_header: true, ..self }
    }

    /// Of encoders whose lines nobody understands who does not know the header, which may change from batch to batch.
    #[must_use]
    pub fn needing_header(self) -> Self {
        Self { has_header: true, needs_header: true, ..self }
    }

    /// Of encoders that ask somebody else how to write rows: [`Encoder::meet`] may block for some seconds, and fail.
    #[must_use]
    pub fn asking(self) -> Self {
        Self { asks: true, ..self }
    }

    /// Of encoders that make a record of bytes of each row, and no lines: what parts records is for the sink to say.
    #[must_use]
    pub fn binary(self) -> Self {
        Self { is_binary: true, ..self }
    }

    /// A new encoder.
    pub fn make(&self) -> Box<dyn Encoder> {
        self.make_for("")
    }

    /// A new encoder of rows that go to a place.
    pub fn make_for(&self, place: &str) -> Box<dyn Encoder> {
        (self.make)(place)
    }

    /// Whether its encoders ask somebody else.
    pub fn asks(&self) -> bool {
        self.asks
    }

    /// Whether its encoders make records of bytes, which only a sink of messages takes.
    pub fn is_binary(&self) -> bool {
        self.is_binary
    }

    /// Itself, for a sink of lines.
    ///
    /// # Errors
    /// Its encoders make no lines.
    pub fn of_lines(self) -> Result<Self> {
        match self.is_binary {
            true => Err(Error::config(
                "this encoder makes records of bytes and no lines: it is for messages, as those of the sink `kafka`",
            )),
            false => Ok(self),
        }
    }

    /// Whether its encoders put a header.
    pub fn has_header(&self) -> bool {
        self.has_header
    }

    /// Whether its lines say nothing without the header: they cannot stand alone, as messages do.
    pub fn needs_header(&self) -> bool {
        self.needs_header
    }
}

impl fmt::Debug for EncoderFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncoderFactory").field("has_header", &self.has_header).finish_non_exhaustive()
    }
}
