//! CSV (RFC 4180) as all of the workspace reads and writes it, so that what one part writes another reads back.
//!
//! ```text
//!   1,root.a.d1,"a ""b""␤c",,""       fields: from, to, quoted?     "" is an empty text, nothing is no value
//!            └────────┘ a line break between quotes ends no record
//! ```
//!
//! A record that is none is told of and costs its first line only: behind a quote that is never closed, nothing is lost but its
//! own line.

use std::{borrow::Cow, io, io::BufRead, ops::Range};

/// No record is longer: a quote that is not closed within so many bytes was not meant to be one.
const MAX_RECORD_BYTES: usize = 64 << 20;

/// What is said of a quote that is never closed.
const OPEN: &str = "a quote is opened that is not closed";

/// The character that stands between the columns of a head where those separators would leave it in one: `;`, a tab or `|`.
///
/// ```
/// use levada_connector_api::csv::other_separator;
/// assert_eq!(other_separator("time;device;a"), Some(';'));
/// assert_eq!(other_separator("temperature"), None);
/// ```
pub fn other_separator(head: &str) -> Option<char> {
    [';', '\t', '|', ','].into_iter().find(|separator| head.contains(*separator))
}

/// One field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    raw: &'a str,
    quoted: bool,
}

impl<'a> Field<'a> {
    /// A field by what is written, or by what stands between its quotes.
    pub fn new(raw: &'a str, quoted: bool) -> Self {
        Self { raw, quoted }
    }

    /// Whether it is between quotes.
    pub fn is_quoted(self) -> bool {
        self.quoted
    }

    /// What it says; of quotes within quotes, one for each two.
    pub fn text(self) -> Cow<'a, str> {
        if self.quoted && self.raw.contains('"') {
            Cow::Owned(self.raw.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// Whether it says that there is no value: nothing, or `null`, without quotes.
    pub fn is_null(self) -> bool {
        !self.quoted && matches!(self.raw, "" | "null")
    }
}

/// Where a field is in the bytes of its record, and whether it is between quotes.
pub type Place = (Range<usize>, bool);

/// What a record's bytes come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// It is so long, with the end of its last line.
    Whole {
        /// Its bytes.
        length: usize,
        /// Why it is no record; then it is a line, and has no fields.
        wrong: Option<&'static str>,
    },
    /// Its end is not among the bytes.
    Open,
}

/// Finds the fields of one record. Where the end is not there yet, it is asked again with more bytes, and goes on where it was.
#[derive(Clone, Copy, Debug)]
pub struct Scanner {
    separator: u8,
    remarks: bool,
    /// Where the field begins that is not whole.
    field: usize,
    /// How far it was looked through for its closing quote.
    searched: usize,
}

impl Scanner {
    /// A scanner of a record that begins at the beginning. `remarks` says that a line which begins with `#` is none.
    pub fn new(separator: u8, remarks: bool) -> Self {
        Self { separator, remarks, field: 0, searched: 0 }
    }

    /// Looks at a record's bytes and what is behind them; the places of fields go to `fields`, which is not touched in between.
    /// `at_end` says that there is no more.
    pub fn scan(&mut self, bytes: &[u8], at_end: bool, fields: &mut Vec<Place>) -> Scanned {
        if self.remarks && bytes.first() == Some(&b'#') {
            return first_line(bytes, at_end, "it is a remark", fields);
        }
        let closed = at_end || bytes.len() >= MAX_RECORD_BYTES;
        loop {
            let from = self.field;
            let quoted = bytes.get(from) == Some(&b'"');
            let end = if quoted {
                match closing_quote(bytes, self.searched.max(from + 1), at_end) {
                    Ok(end) => end,
                    Err(searched) => {
                        self.searched = searched;
                        return if closed { first_line(bytes, at_end, OPEN, fields) } else { Scanned::Open };
                    }
                }
            } else {
                let ends = |byte: &u8| *byte == self.separator || matches!(byte, b'\n' | b'\r');
                bytes[from..].iter().position(ends).map_or(bytes.len(), |length| from + length)
            };
            let after = end + usize::from(quoted);
            let place = (from + usize::from(quoted)..end, quoted);
            let whole = |length| Scanned::Whole { length, wrong: None };
            let scanned = match bytes.get(after) {
                Some(byte) if *byte == self.separator => {
                    fields.push(place);
                    (self.field, self.searched) = (after + 1, 0);
                    continue;
                }
                Some(b'\n') => whole(after + 1),
                Some(b'\r') if bytes.get(after + 1) == Some(&b'\n') => whole(after + 2),
                Some(b'\r') if after + 1 == bytes.len() && at_end => whole(after + 1),
                None if at_end => whole(after),
                Some(b'\r') if after + 1 == bytes.len() => return Scanned::Open,
                None if closed => {
                    return first_line(bytes, at_end, "the line is longer than any record may be", fields);
                }
                None => return Scanned::Open,
                Some(_) if quoted => {
                    let wrong =
                        "something follows a closing quote that is neither a separator nor the line's end";
                    return first_line(bytes, at_end, wrong, fields);
                }
                // A plain field ends at nothing else.
                Some(_) => {
                    return first_line(
                        bytes,
                        at_end,
                        "there is a carriage return in the midst of the line",
                        fields,
                    );
                }
            };
            fields.push(place);
            return scanned;
        }
    }
}

/// What is wrong counts for one line; the next may be right.
fn first_line(bytes: &[u8], at_end: bool, wrong: &'static str, fields: &mut Vec<Place>) -> Scanned {
    fields.clear();
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => Scanned::Whole { length: end + 1, wrong: Some(wrong) },
        None if at_end || bytes.len() >= MAX_RECORD_BYTES => {
            Scanned::Whole { length: bytes.len(), wrong: Some(wrong) }
        }
        None => Scanned::Open,
    }
}

/// Where the quote is that closes a field, or from where on to look for it where there is more.
fn closing_quote(bytes: &[u8], from: usize, at_end: bool) -> Result<usize, usize> {
    let mut at = from;
    loop {
        let found = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'"'));
        at += found.ok_or(bytes.len())?;
        match bytes.get(at + 1) {
            Some(b'"') => at += 2,
            None if !at_end => return Err(at),
            _ => return Ok(at),
        }
    }
}

/// The length of a line without its end.
pub fn trimmed(line: &[u8]) -> usize {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line).len()
}

/// Reads lines, or records that may take several lines, one after the other.
#[derive(Debug, Default)]
pub struct RecordReader {
    /// The separator of CSV; a record is a line where there is none.
    separator: Option<u8>,
    /// What was read of a record that turned out to be none, and how much of it was handed out.
    ahead: Vec<u8>,
    handed: usize,
    fields: Vec<Place>,
}

impl RecordReader {
    /// For CSV with a separator, or for lines.
    pub fn new(separator: Option<u8>) -> Self {
        Self { separator, ..Self::default() }
    }

    /// Forgets what was read ahead, where reading goes on elsewhere.
    pub fn restart(&mut self) {
        self.ahead.clear();
        self.handed = 0;
    }

    /// Appends the next record with the end of its line, of a line longer than `longest` so much; how many bytes these are, 0 at the
    /// end.
    ///
    /// # Errors
    /// As `input` says.
    pub fn read(&mut self, input: &mut dyn BufRead, longest: u64, into: &mut Vec<u8>) -> io::Result<usize> {
        let from = into.len();
        let read = self.line(input, longest, into)?;
        let Some(separator) = self.separator.filter(|_| into[from..].contains(&b'"')) else {
            return Ok(read);
        };
        let mut scanner = Scanner::new(separator, false);
        let mut at_end = false;
        loop {
            self.fields.clear();
            // Fields are not wanted: those before the one that is open are passed over.
            if let Scanned::Whole { length, .. } = scanner.scan(&into[from..], at_end, &mut self.fields) {
                self.put_back(into.split_off(from + length));
                return Ok(length);
            }
            at_end = self.line(input, longest, into)? == 0;
        }
    }

    fn put_back(&mut self, rest: Vec<u8>) {
        if self.handed < self.ahead.len() {
            // All of it came from there.
            self.handed -= rest.len();
        } else {
            (self.ahead, self.handed) = (rest, 0);
        }
    }

    /// The next line: what was read ahead comes first.
    fn line(&mut self, input: &mut dyn BufRead, longest: u64, into: &mut Vec<u8>) -> io::Result<usize> {
        let ahead = &self.ahead[self.handed..];
        let end = ahead.iter().position(|byte| *byte == b'\n');
        let first = end.map_or(ahead.len(), |end| end + 1);
        into.extend_from_slice(&ahead[..first]);
        self.handed += first;
        if end.is_some() {
            return Ok(first);
        }
        self.restart();
        let mut input = io::Read::take(input, longest);
        Ok(first + input.read_until(b'\n', into)?)
    }
}

/// Appends a field. It stands between quotes where `always` asks for it, and where they are needed: it holds a separator, a quote or
/// the end of a line, begins or ends with a blank, begins with `#` (a line that does is a remark to many), or is empty or `null`,
/// which without quotes are no value.
pub fn put_field(text: &str, separator: u8, always: bool, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let special = |byte: &u8| *byte == separator || matches!(byte, b'"' | b'\n' | b'\r');
    let blank = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    let outer = |text: &str| {
        text.chars().next().is_some_and(char::is_whitespace) || text.ends_with(char::is_whitespace)
    };
    let needed = blank(bytes.first())
        || blank(bytes.last())
        || bytes.first() == Some(&b'#')
        || text == "null"
        || bytes.iter().any(special)
        || !text.is_ascii() && outer(text);
    if !always && !needed {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    for &byte in bytes {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
