//! Records of a CSV file, and where each of them stands. A record that is none is told of, with its line, and reading goes on with
//! the next line. Empty lines, and lines that begin with `#`, are passed over.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    path::Path,
};

use levada_connector_api::{
    csv::{Field, Place, Scanned, Scanner, trimmed},
    text_of,
};

/// Bytes that are read at once, at least.
const CHUNK: usize = 256 << 10;
/// A batch ends behind so many bytes.
const BATCH: usize = 8 << 20;
const MARK: &[u8] = "\u{feff}".as_bytes();

/// A record, by where its parts are in the bytes of its batch.
#[derive(Debug)]
pub(super) struct Record {
    /// The line it begins in, from 1.
    pub(super) line: u64,
    bytes: Range<usize>,
    fields: Range<usize>,
    /// Why it is none.
    pub(super) wrong: Option<String>,
}

/// Some records.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Within their record.
    fields: Vec<Place>,
    pub(super) records: Vec<Record>,
}

impl Batch {
    /// A field of a record; an empty one where there are fewer.
    pub(super) fn field(&self, record: &Record, at: usize) -> Field<'_> {
        let field = self.fields[record.fields.clone()].get(at).filter(|_| record.wrong.is_none());
        let (range, quoted) = field.map_or((0..0, false), |(range, quoted)| (range.clone(), *quoted));
        // Of a record with other bytes than text, `wrong` says so.
        let range = range.start + record.bytes.start..range.end + record.bytes.start;
        Field::new(std::str::from_utf8(&self.bytes[range]).unwrap_or_default(), quoted)
    }

    /// How many fields a record has.
    pub(super) fn width(&self, record: &Record) -> usize {
        record.fields.len()
    }

    /// A record as it is in the file, without the end of its line.
    pub(super) fn raw(&self, record: &Record) -> &[u8] {
        &self.bytes[record.bytes.clone()]
    }
}

/// Reads records, in order.
#[derive(Debug)]
pub(super) struct Records {
    file: File,
    buffer: Vec<u8>,
    at_end: bool,
    /// The line the buffer begins with.
    line: u64,
    /// How far the next record was looked at, and its fields so far.
    scanner: Scanner,
    fields: Vec<Place>,
}

fn scanner() -> Scanner {
    Scanner::new(b',', true)
}

impl Records {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut records = Self {
            file: File::open(path)?,
            buffer: Vec::new(),
            at_end: false,
            line: 1,
            scanner: scanner(),
            fields: Vec::new(),
        };
        records.fill()?;
        if records.buffer.starts_with(MARK) {
            records.buffer.drain(..MARK.len());
        }
        Ok(records)
    }

    /// The next records, at most `rows`; none at the end.
    pub(super) fn next(&mut self, rows: usize) -> io::Result<Batch> {
        let mut batch = Batch::default();
        let mut at = 0;
        while batch.records.len() < rows && at < BATCH {
            if at == self.buffer.len() && self.at_end {
                break;
            }
            let scanned = self.scanner.scan(&self.buffer[at..], self.at_end, &mut self.fields);
            let Scanned::Whole { length, wrong: scanned_wrong } = scanned else {
                self.fill()?;
                continue;
            };
            self.scanner = scanner();
            let bytes = at..at + trimmed(&self.buffer[at..at + length]);
            let content = &self.buffer[bytes.clone()];
            let lines = self.buffer[at..at + length].iter().filter(|byte| **byte == b'\n').count();
            let (line, passed) = (self.line, content.is_empty() || content.starts_with(b"#"));
            self.line += lines as u64;
            at += length;
            let first = batch.fields.len();
            if passed {
                self.fields.clear();
                continue;
            }
            batch.fields.append(&mut self.fields);
            let wrong = text_of(content).err().map(|wrong| format!("it is {wrong}"));
            let wrong = wrong.or_else(|| scanned_wrong.map(str::to_owned));
            let fields = first..batch.fields.len();
            batch.records.push(Record { line, bytes, fields, wrong });
        }
        let rest = self.buffer.split_off(at);
        batch.bytes = std::mem::replace(&mut self.buffer, rest);
        Ok(batch)
    }

    /// Reads more: as much again as there is, so that a long record is scanned a few times only.
    fn fill(&mut self) -> io::Result<()> {
        let more = self.buffer.len().max(CHUNK);
        let read = (&mut self.file).take(more as u64).read_to_end(&mut self.buffer)?;
        self.at_end = read < more;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Fields and whether they are quoted, or what is wrong.
    type Fields = Result<Vec<(String, bool)>, String>;

    fn all(text: &str, rows: usize) -> Vec<(u64, Fields)> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        let mut records = Records::open(file.path()).expect("opened");
        let mut found = Vec::new();
        loop {
            let batch = records.next(rows).expect("read");
            if batch.records.is_empty() {
                return found;
            }
            for record in &batch.records {
                let fields = (0..batch.width(record)).map(|at| batch.field(record, at));
                let fields = fields.map(|field| (field.text().into_owned(), field.is_quoted())).collect();
                found.push((record.line, record.wrong.clone().map_or(Ok(fields), Err)));
            }
        }
    }

    fn plain(texts: &[&str]) -> Fields {
        Ok(texts.iter().map(|text| ((*text).to_owned(), false)).collect())
    }

    #[test]
    fn fields_are_told_apart_and_know_their_quotes() {
        for rows in [1, 100] {
            let found = all("\u{feff}a,b\r\n\n# a remark\n1,\"x \"\"y\"\"\nz\"\n,\"\"", rows);
            let quoted = |text: &str| (text.to_owned(), true);
            assert_eq!(found[0], (1, plain(&["a", "b"])));
            assert_eq!(found[1], (4, Ok(vec![("1".to_owned(), false), quoted("x \"y\"\nz")])));
            assert_eq!(found[2], (6, Ok(vec![(String::new(), false), quoted("")])));
            assert_eq!(found.len(), 3);
        }
    }

    #[test]
    fn what_is_wrong_costs_its_own_line_only() {
        let found = all("1,\"open\n2,\"closed\"\n3,\"x\"y\n4,\"never\n5,five\n", 100);
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        let sound: Vec<bool> = found.iter().map(|(_, fields)| fields.is_ok()).collect();
        assert_eq!(sound, [false, true, false, false, true]);
        assert!(found[3].1.as_ref().is_err_and(|wrong| wrong.contains("not closed")), "{found:?}");
    }

    #[test]
    fn records_longer_than_a_chunk_are_whole() {
        let long = "x".repeat(3 * CHUNK);
        let found = all(&format!("1,\"{long}\"\n2,{long}\n3,c"), 2);
        assert_eq!(found[0].1.as_ref().map(|fields| fields[1].0.len()), Ok(long.len()));
        assert_eq!(found[1].1.as_ref().map(|fields| fields[1].0.len()), Ok(long.len()));
        assert_eq!(found[2], (3, plain(&["3", "c"])));
    }
}
