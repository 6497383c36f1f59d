//! Variables (`${VAR}`) in unquoted texts of a flow sequence or mapping. YAML would read their `{` as the start of a mapping.
//!
//! Only a text that is not YAML as it stands is looked at. The characters of each `${…}` outside quotes and comments are hidden from
//! the parser behind private ones, one for one, so that places stay what they are; what comes out of the parser gets them back.
//! Where the parser gets no further with that, the text stays what it was, and so does the error.

use std::borrow::Cow;

use saphyr_parser::Parser;

use crate::{interpolate::closing, text::Text};

/// The private characters stand from here on, in the order of ASCII.
const HIDDEN: u32 = 0xF000;

/// The text as the parser is to see it: as many lines, and as many characters in each.
pub(super) fn hide<'t>(text: &Text<'t>) -> Cow<'t, str> {
    let whole = Cow::Borrowed(text.text);
    if !whole.contains("${") || whole.contains(is_hidden) {
        return whole;
    }
    let Some(stopped) = stop(&whole) else { return whole };
    let hidden = Scanner::default().hide(text.text);
    match stop(&hidden) {
        Some(again) if again <= stopped => whole,
        _ => Cow::Owned(hidden),
    }
}

/// Gives a text that the parser read its characters back.
pub(super) fn show(text: Cow<'_, str>) -> String {
    match text.contains(is_hidden) {
        true => text.chars().map(shown).collect(),
        false => text.into_owned(),
    }
}

/// Where the parser cannot read on: the line, and the character in it.
fn stop(text: &str) -> Option<(usize, usize)> {
    let mut parser = Parser::new_from_str(text);
    std::iter::from_fn(|| parser.next_event())
        .find_map(Result::err)
        .map(|error| (error.marker().line(), error.marker().col()))
}

/// Goes through a text line by line.
#[derive(Default)]
struct Scanner {
    /// The quote that is open, also over lines.
    quote: Option<char>,
    /// Within a text over lines (`|`, `>`): how far the line was indented that began it.
    literal: Option<usize>,
}

impl Scanner {
    fn hide(mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 256);
        for line in text.split_inclusive(['\n', '\r']) {
            let indent = line.len() - line.trim_start_matches([' ', '\n', '\r']).len();
            let is_blank = line.trim().is_empty();
            if !is_blank && self.literal.is_some_and(|begun| indent <= begun) {
                self.literal = None;
            }
            match is_blank || self.literal.is_some() {
                true => out.push_str(line),
                false => self.line(line, &mut out),
            }
        }
        out
    }

    fn line(&mut self, line: &str, out: &mut String) {
        let mut rest = line;
        let mut before = ' ';
        while let Some(c) = rest.chars().next() {
            if self.quote.is_none() && c == '#' && before.is_whitespace() {
                break;
            }
            let mut hidden = 0;
            if self.quote.is_none() && c == '$' && rest.starts_with("${") {
                match variable(rest, out) {
                    Some(length) => hidden = length,
                    // Behind one that is not closed nothing can be told, nor is the line read again and again.
                    None => break,
                }
            }
            let taken = match c {
                _ if hidden > 0 => hidden,
                '\\' if self.quote == Some('"') => {
                    rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at)
                }
                _ => c.len_utf8(),
            };
            if hidden == 0 {
                out.push_str(&rest[..taken]);
            }
            let opens = before.is_whitespace() || "[{,:".contains(before);
            match self.quote {
                Some(quote) if quote == c => self.quote = None,
                // A doubled one has closed, and opens again.
                None if (c == '\'' || c == '"') && (opens || before == c) => self.quote = Some(c),
                _ => {}
            }
            before = c;
            rest = &rest[taken..];
        }
        out.push_str(rest);
        if self.quote.is_none() {
            self.literal = begins_literal(&line[..line.len() - rest.len()]);
        }
    }
}

/// Whether a text over lines begins at the end of a line: how far the line is indented, with the dashes of lists.
fn begins_literal(line: &str) -> Option<usize> {
    let last = line.split_whitespace().next_back()?;
    let begins = last.starts_with(['|', '>']) && last.len() <= 3;
    begins.then(|| line.len() - line.trim_start_matches(' ').trim_start_matches("- ").len())
}

/// Appends the variable that a text begins with, hidden but for its `$`, and gives its length; `None` where it has no end.
fn variable(text: &str, out: &mut String) -> Option<usize> {
    let inside = text.strip_prefix("${")?;
    let inside = &inside[..inside.find(['\n', '\r']).unwrap_or(inside.len())];
    let end = 2 + closing(inside)? + 1;
    let hide = |c: char| if c.is_ascii() { char::from_u32(HIDDEN + u32::from(c)).unwrap_or(c) } else { c };
    out.push('$');
    out.extend(text[1..end].chars().map(hide));
    Some(end)
}

fn is_hidden(c: char) -> bool {
    (HIDDEN..HIDDEN + 0x80).contains(&u32::from(c))
}

fn shown(c: char) -> char {
    let ascii = u32::from(c).wrapping_sub(HIDDEN);
    if ascii < 0x80 { char::from_u32(ascii).unwrap_or(c) } else { c }
}
