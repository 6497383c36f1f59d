//! Lines that were read before. Where the first line of a file says how to read the others, it is read from the file again.

use std::path::Path;

use levada_connector_api::{
    BatchBuilder, DecodeError, Decoder, DecoderFactory, Earlier, Reread, model::SplitName,
};

use super::{excerpt::head_of, lines, split};

/// Lines of any of a source's files.
pub(super) struct Lines {
    node: String,
    factory: DecoderFactory,
    /// The decoder of the file that the last line came from.
    last: Option<(SplitName, Box<dyn Decoder>)>,
}

impl Lines {
    pub(super) fn new(node: &str, factory: DecoderFactory) -> Self {
        Self { node: node.to_owned(), factory, last: None }
    }

    /// A decoder that has the head of a file.
    fn decoder(&self, of: &SplitName, rows: &mut BatchBuilder) -> Result<Box<dyn Decoder>, DecodeError> {
        let mut decoder = self.factory.make();
        let header_lines = decoder.header_lines();
        if header_lines == 0 {
            return Ok(decoder);
        }
        let (plain, print) =
            split::parts(of.as_str()).map_or((of.as_str(), None), |parts| (parts.plain, Some(parts.print)));
        let path = plain.strip_prefix(&self.node).and_then(|rest| rest.strip_prefix('/')).unwrap_or(plain);
        let gone = |why: &dyn std::fmt::Display| {
            DecodeError::new(format!("the first line of {path} says how to read this one: {why}"))
        };
        if let Some(print) = print {
            let head = head_of(Path::new(path), print.end).map_err(|error| gone(&error))?;
            if !print.begins(&head) {
                return Err(gone(&"another file is there now"));
            }
        }
        let mut lines =
            lines::Lines::open(Path::new(path), decoder.separator()).map_err(|error| gone(&error))?;
        for _ in 0..header_lines {
            let line = lines.next().map_err(|error| gone(&error))?;
            let line = line.ok_or_else(|| gone(&"it is not there any more"))?;
            decoder.decode(line.bytes, rows)?;
        }
        Ok(decoder)
    }
}

impl Reread for Lines {
    fn reread(&mut self, record: &Earlier<'_>, rows: &mut BatchBuilder) -> Result<(), DecodeError> {
        if self.last.as_ref().is_none_or(|(split, _)| split != record.split) {
            self.last = Some((record.split.clone(), self.decoder(record.split, rows)?));
        }
        match &mut self.last {
            Some((_, decoder)) => decoder.decode(record.bytes, rows),
            None => Ok(()),
        }
    }
}
