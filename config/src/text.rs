//! A document's text, and places in it.

use crate::diagnostic::Span;

/// The text of a document and the places of its lines.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    /// The byte at which each line begins.
    lines: Vec<usize>,
    /// Each character is a byte, also in a line of very many.
    is_ascii: bool,
}

/// A range of bytes of a document's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'a> Text<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        let mut lines = vec![0];
        let bytes = text.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            // YAML ends a line with a line feed, a carriage return, or both.
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
                lines.push(at + 1);
            }
        }
        Self { file, text, lines, is_ascii: text.is_ascii() }
    }

    /// The byte at a line (from 1) and a character within it (from 0), or the nearest one.
    pub(crate) fn offset(&self, line: usize, character: usize) -> usize {
        let start = match self.lines.get(line.saturating_sub(1)) {
            Some(start) => *start,
            None => return self.text.len(),
        };
        if self.is_ascii {
            return (start + character).min(self.text.len());
        }
        let rest = &self.text[start..];
        rest.char_indices().nth(character).map_or(self.text.len(), |(at, _)| start + at)
    }

    /// The text of a line (from 1), without its line ending.
    pub(crate) fn line(&self, line: usize) -> &'a str {
        let Some(start) = self.lines.get(line.saturating_sub(1)) else { return "" };
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        self.text[*start..end].trim_end_matches(['\n', '\r'])
    }

    /// The text at a place.
    pub(crate) fn slice(&self, at: At) -> &'a str {
        self.text.get(at.start..at.end).unwrap_or_default()
    }

    /// The line (from 1) of a byte.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    /// The part of a place on its first line, without trailing blanks.
    pub(crate) fn first_line(&self, at: At) -> At {
        let text = self.slice(at);
        let text = text.split(['\n', '\r']).next().unwrap_or_default().trim_end();
        At { start: at.start, end: at.start + text.len() }
    }

    pub(crate) fn span(&self, at: At) -> Span {
        let at = self.first_line(at);
        let line = self.line_of(at.start);
        let begin = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(begin..at.start).map_or(0, |before| before.chars().count());
        let len = self.slice(at).chars().count().max(1);
        Span { file: self.file.to_owned(), line, column: column + 1, offset: at.start, len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_and_found_in_bytes() {
        let text = Text::new("f", "é: 1\r\nü: ß ß\n");
        let at = text.offset(2, 3);
        assert_eq!(&text.text[at..at + 2], "ß");
        let span = text.span(At { start: at, end: text.text.len() });
        assert_eq!((span.line, span.column, span.len), (2, 4, 3));
        assert_eq!(text.line(1), "é: 1");
        assert_eq!(text.line(2), "ü: ß ß");
        assert_eq!(text.line(9), "");
        assert_eq!(text.offset(9, 0), text.text.len());
    }
}
