//! Diagnostics as people read them: the place, the line, a mark under it, and the help.
//!
//! ```text
//! error[CFG012]: unknown key `broker`
//!   --> plant.yaml:5:7
//!    |
//!  5 |       broker: 10.0.0.1:9092
//!    |       ^^^^^^
//!    = field: sources.readings.kafka.broker
//!    = help: did you mean `brokers`?
//! ```

use crate::{
    diagnostic::{Diagnostic, Level, Span},
    text::Text,
};

/// How much of a line is shown, in characters.
const MAX_LINE_CHARS: usize = 160;

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const BLUE: &str = "\x1b[1;34m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// Writes diagnostics of a document, with the lines they are about; `colour` for terminals.
///
/// Programs can serialise a [`Diagnostic`] to JSON as it is.
pub fn render(diagnostics: &[Diagnostic], text: &str, colour: bool) -> String {
    let text = Text::new("", text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut renderer = Renderer { text, colour, out: String::new() };
    for each in diagnostics {
        renderer.diagnostic(each);
    }
    renderer.out
}

struct Renderer<'a> {
    text: Text<'a>,
    colour: bool,
    out: String,
}

impl Renderer<'_> {
    fn paint(&mut self, colour: &str, text: &str) {
        if self.colour {
            self.out.push_str(colour);
        }
        self.out.push_str(text);
        if self.colour {
            self.out.push_str(RESET);
        }
    }

    fn diagnostic(&mut self, each: &Diagnostic) {
        let colour = match each.level {
            Level::Error => RED,
            Level::Warning => YELLOW,
        };
        self.paint(colour, &format!("{}[{}]", each.level, each.code));
        self.paint(BOLD, &format!(": {}", each.message));
        self.out.push('\n');
        let notes = each.notes.iter().filter_map(|note| note.span.as_ref());
        let spans = each.span.iter().chain(notes);
        let width = spans.map(|span| span.line.to_string().len()).max().unwrap_or(1);
        if let Some(span) = &each.span {
            self.place(span, width, colour, '^', "");
        }
        if !each.path.is_empty() {
            self.fact(width, "field", &each.path);
        }
        for note in &each.notes {
            match &note.span {
                Some(span) => self.place(span, width, BLUE, '-', &note.message),
                None => self.fact(width, "note", &note.message),
            }
        }
        if let Some(help) = &each.help {
            self.fact(width, "help", help);
        }
        self.out.push('\n');
    }

    fn fact(&mut self, width: usize, what: &str, text: &str) {
        self.paint(BLUE, &format!("{:width$} = ", ""));
        self.paint(BOLD, &format!("{what}: "));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn place(&mut self, span: &Span, width: usize, colour: &str, mark: char, label: &str) {
        let bar = format!("{:width$} |", "");
        self.paint(BLUE, &format!("{:width$}--> ", ""));
        self.out.push_str(&format!("{}:{}:{}\n", span.file, span.line, span.column));
        let line = self.text.line(span.line);
        let (line, column) = cut(line, span.column);
        // Tabs are shown as one blank, so that the mark is under what it marks.
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.paint(BLUE, &bar);
        self.out.push('\n');
        self.paint(BLUE, &format!("{:>width$} |", span.line));
        self.out.push_str(format!(" {line}").trim_end());
        self.out.push('\n');
        self.paint(BLUE, &bar);
        let room = (line.chars().count() + 2).saturating_sub(column).max(1);
        let marks: String = std::iter::repeat_n(mark, span.len.min(room)).collect();
        self.out.push_str(&" ".repeat(column));
        let label = if label.is_empty() { String::new() } else { format!(" {label}") };
        self.paint(colour, &format!("{marks}{label}"));
        self.out.push('\n');
    }
}

/// The part of a long line around a column (from 1), and the column within it.
fn cut(line: &str, column: usize) -> (String, usize) {
    let length = line.chars().count();
    if length <= MAX_LINE_CHARS {
        return (line.to_owned(), column);
    }
    let begin = column.saturating_sub(MAX_LINE_CHARS / 2).min(length - MAX_LINE_CHARS);
    let part: String = line.chars().skip(begin).take(MAX_LINE_CHARS).collect();
    let (before, column) = if begin > 0 { ("…", column - begin + 1) } else { ("", column) };
    let after = if begin + MAX_LINE_CHARS < length { "…" } else { "" };
    (format!("{before}{part}{after}"), column)
}
