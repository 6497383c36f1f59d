//! `${VAR}` in strings: after parsing, so that a variable's value cannot change the structure; never in keys.
//!
//! | written | becomes |
//! | --- | --- |
//! | `${VAR}` | the variable's value; it has to be set |
//! | `${VAR:-text}` | its value, or the text where it is not set or empty |
//! | `${VAR:?message}` | its value; where it is not set or empty the message is reported |
//! | `$$` | `$` |
//!
//! A `$` before anything else stands for itself (`$.device`). The text of `:-` may hold further `${…}`.

use crate::{
    code,
    node::{Kind, Node},
    report::Report,
    text::At,
    words,
};

/// Gives the value of a variable.
pub(crate) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// How deep `${…}` may be nested.
const MAX_DEPTH: usize = 16;

/// Substitutes in all strings below a node.
pub(crate) fn interpolate(
    node: &mut Node,
    path: &mut String,
    environment: Environment<'_>,
    report: &mut Report<'_>,
) {
    let length = path.len();
    match &mut node.kind {
        Kind::Scalar(scalar) if scalar.text.contains('$') => {
            let mut variables = Vec::new();
            let mut problems = Vec::new();
            let mut state = State { environment, variables: &mut variables, problems: &mut problems };
            let text = state.substitute(&scalar.text, 0);
            scalar.broken = !problems.is_empty();
            for problem in problems {
                problem.report(node.at, path, report);
            }
            scalar.text = text;
            scalar.variables = variables;
        }
        Kind::Scalar(_) => {}
        Kind::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{index}]"));
                interpolate(item, path, environment, report);
                path.truncate(length);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                words::push_key(path, &entry.key);
                interpolate(&mut entry.value, path, environment, report);
                path.truncate(length);
            }
        }
    }
}

enum Problem {
    Unset { name: String },
    Demanded { name: String, message: String },
    Malformed { what: String },
}

struct State<'s> {
    environment: Environment<'s>,
    variables: &'s mut Vec<String>,
    problems: &'s mut Vec<Problem>,
}

impl State<'_> {
    fn substitute(&mut self, text: &str, depth: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let Some(end) = closing(after) else {
                    self.problems.push(Problem::Malformed { what: "a `${` without its `}`".to_owned() });
                    return out;
                };
                let value = self.expand(&after[..end], depth);
                out.push_str(&value);
                rest = &after[end + 1..];
            } else {
                out.push('$');
            }
        }
        out.push_str(rest);
        out
    }

    /// The text between the braces.
    fn expand(&mut self, inside: &str, depth: usize) -> String {
        let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
        let (name, rest) = inside.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            let what = format!("`${{{}}}` holds no name of a variable", words::shown(inside));
            self.problems.push(Problem::Malformed { what });
            return String::new();
        }
        if depth >= MAX_DEPTH {
            let what = format!("`${{…}}` in each other more than {MAX_DEPTH} deep");
            self.problems.push(Problem::Malformed { what });
            return String::new();
        }
        if !self.variables.iter().any(|known| known == name) {
            self.variables.push(name.to_owned());
        }
        let value = (self.environment)(name);
        let filled = value.clone().filter(|value| !value.is_empty());
        if rest.is_empty() {
            value.unwrap_or_else(|| {
                self.problems.push(Problem::Unset { name: name.to_owned() });
                String::new()
            })
        } else if let Some(default) = rest.strip_prefix(":-") {
            filled.unwrap_or_else(|| self.substitute(default, depth + 1))
        } else if let Some(message) = rest.strip_prefix(":?") {
            filled.unwrap_or_else(|| {
                let (name, message) = (name.to_owned(), message.to_owned());
                self.problems.push(Problem::Demanded { name, message });
                String::new()
            })
        } else {
            let what = format!(
                "`${{{}}}` is not `${{VAR}}`, `${{VAR:-text}}` or `${{VAR:?message}}`",
                words::shown(inside)
            );
            self.problems.push(Problem::Malformed { what });
            String::new()
        }
    }
}

/// The index of the closing brace for a brace opened before the text.
pub(crate) fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

impl Problem {
    fn report(self, at: At, path: &str, report: &mut Report<'_>) {
        // The variable's own place is better than that of the whole string, if it can be found in the source.
        let place = |name: &str| {
            let written = report.text.slice(at);
            let start = written.find(&format!("${{{name}"));
            let found = start.and_then(|start| {
                let end = closing(&written[start + 2..])?;
                Some(At { start: at.start + start, end: at.start + start + 2 + end + 1 })
            });
            found.unwrap_or(at)
        };
        match self {
            Self::Unset { name } => {
                let at = place(&name);
                let help = format!("set it, or give a default: `${{{name}:-…}}`; `$$` stands for a `$`");
                report.error(code::UNSET, path, at, format!("the variable `{name}` is not set")).help(help);
            }
            Self::Demanded { name, message } => {
                let at = place(&name);
                let message = match message.trim() {
                    "" => format!("the variable `{name}` is not set"),
                    message => format!("the variable `{name}` is not set: {message}"),
                };
                report.error(code::UNSET, path, at, message);
            }
            Self::Malformed { what } => {
                let help = "write `$$` where a `$` is meant";
                report.error(code::SUBSTITUTION, path, at, what).help(help);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substituted(text: &str) -> (String, usize) {
        let environment = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            "DOLLAR" => Some("${A}".to_owned()),
            _ => None,
        };
        let (mut variables, mut problems) = (Vec::new(), Vec::new());
        let mut state =
            State { environment: &environment, variables: &mut variables, problems: &mut problems };
        let text = state.substitute(text, 0);
        (text, problems.len())
    }

    #[test]
    fn variables_are_put_in_where_they_stand() {
        for (written, becomes) in [
            ("${A}", "a"),
            ("x${A}y${A}", "xaya"),
            ("${EMPTY}", ""),
            ("${EMPTY:-b}", "b"),
            ("${NONE:-b}", "b"),
            ("${NONE:-}", ""),
            ("${NONE:-${A}}!", "a!"),
            ("${NONE:-{x}}", "{x}"),
            ("${A:?needed}", "a"),
            ("$$", "$"),
            ("$${A}", "${A}"),
            ("$.device", "$.device"),
            ("cost: 5$", "cost: 5$"),
            // A variable's value is not substituted again.
            ("${DOLLAR}", "${A}"),
        ] {
            assert_eq!(substituted(written), (becomes.to_owned(), 0), "{written}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_a_problem() {
        for written in ["${NONE}", "${EMPTY:?needed}", "${A", "${}", "${1A}", "${A-b}", "${A b}"] {
            assert_eq!(substituted(written).1, 1, "{written}");
        }
        let deep = "${N:-".repeat(1_000) + &"}".repeat(1_000);
        assert_eq!(substituted(&deep).1, 1);
    }
}
