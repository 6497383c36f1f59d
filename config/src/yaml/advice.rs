//! Explains syntax errors to the author of a file: the parser says what it met, this module what to do.

use saphyr_parser::ScanError;

use crate::{code, report::Report, text::At};

/// Parts of the parser's messages, the message shown instead, and the help.
const ADVICE: [(&str, &str, &str); 14] = [
    ("tabs disallowed", "a tab where blanks have to indent", "indent with blanks"),
    (
        "mapping values are not allowed",
        "a `:` where no key can stand",
        "the line may be indented too far; a text that holds `: ` needs quotes",
    ),
    (
        "simple key expect ':'",
        "a line without `:` among the keys of a mapping",
        "write `key: value`, or `- ` in front of a list's item",
    ),
    (
        "did not find expected '-'",
        "a key among the items of a list",
        "begin each item with `- `, or indent the key differently",
    ),
    (
        "did not find expected key",
        "a line that does not fit those around it",
        "the keys of a mapping are all indented alike, each with `key: value`",
    ),
    ("flow mapping", "a `{` that is not closed", "close it with `}`"),
    ("flow sequence", "a `[` that is not closed", "close it with `]`"),
    (
        "illegal placement of ':'",
        "a `:` within brackets that are not closed",
        "close the `[` or `{` before it",
    ),
    ("quoted scalar, found unexpected end", "a quote that is not closed", "close it with the same quote"),
    (
        "indentation in quoted scalar",
        "a quote that is not closed on its line",
        "close it with the same quote",
    ),
    ("unknown escape", "a `\\` that escapes nothing", "write `\\\\`, or put the text in single quotes"),
    ("unknown anchor", "an alias of an anchor that is not there", "a text that begins with `*` needs quotes"),
    ("unexpected character", "a character that cannot begin a value", "put the text in quotes"),
    (
        "invalid indentation",
        "a line that is indented unlike its neighbours",
        "indent what belongs together alike",
    ),
];

/// Reports where the parser could not read on.
pub(super) fn syntax_error(report: &mut Report<'_>, error: &ScanError) {
    let text = report.text;
    let start = text.offset(error.marker().line(), error.marker().col());
    let mut at = At { start, end: start };
    let line = text.line(text.line_of(start));
    let begin = text.offset(text.line_of(start), 0);
    let blank = line.len() - line.trim_start().len();
    if let Some(tab) = line[..blank].find('\t') {
        at = At { start: begin + tab, end: begin + tab + 1 };
        let (_, message, help) = ADVICE[0];
        report.error(code::SYNTAX, "", at, message).help(help);
        return;
    }
    // An error at the very end is on no line; the last line with content is more useful.
    if text.slice(At { start, end: text.text.len() }).trim().is_empty() {
        let kept = text.text.trim_end();
        at.start = kept.char_indices().last().map_or(0, |(at, _)| at);
    }
    at.end = text.text[at.start..].chars().next().map_or(at.start, |c| at.start + c.len_utf8());
    if text.text[..at.start].ends_with('$') && text.slice(at) == "{" {
        let help = "close it on the same line, as in `{port: ${PORT:-6667}}`, or put the text in quotes";
        at.start -= 1;
        report.error(code::SYNTAX, "", at, "a `${` within braces or brackets that cannot be read").help(help);
        return;
    }
    let info = error.info();
    match ADVICE.iter().find(|(part, _, _)| info.contains(part)) {
        Some((_, message, help)) => report.error(code::SYNTAX, "", at, *message).help(*help),
        None => report.error(code::SYNTAX, "", at, info),
    };
}
