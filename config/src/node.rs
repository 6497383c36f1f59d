//! A document as a tree in which every part knows its place.

use crate::{text::At, words};

/// A value of the document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The place of the value; for a mapping or list, its first line.
    pub(crate) at: At,
    pub(crate) kind: Kind,
}

/// The kinds of value.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A scalar. Unquoted, it can be a number, a boolean or null.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scalar {
    /// The text as written, after substitution.
    pub(crate) text: String,
    /// Written in quotes or as a block: always a string, unless it was substituted.
    pub(crate) quoted: bool,
    /// The variables in it.
    pub(crate) variables: Vec<String>,
    /// A substitution in it failed and was reported: its text is not what was meant.
    pub(crate) broken: bool,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: At,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn null(at: At) -> Self {
        Self { at, kind: Kind::Scalar(Scalar::default()) }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.is_null())
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(scalar) if !scalar.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// The place of an option by its path (`timeseries[0].type`), as near as the document has it: a missing option has the
    /// place of the value that should contain it.
    pub(crate) fn locate(&self, path: &str) -> At {
        let path = path.trim_start_matches('.');
        if path.is_empty() {
            return self.at;
        }
        if let Some(rest) = path.strip_prefix('[') {
            let (index, rest) = rest.split_once(']').unwrap_or((rest, ""));
            let item = index.trim().parse().ok().and_then(|index: usize| self.items().get(index));
            return item.map_or(self.at, |item| item.locate(rest));
        }
        // A key may contain a dot itself (`properties.sasl.password`): the longest match is meant.
        let fits = |entry: &&Entry| {
            let rest = path.strip_prefix(entry.key.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        match self.entries().iter().filter(fits).max_by_key(|entry| entry.key.len()) {
            Some(entry) if entry.key.len() == path.len() && !matches!(entry.value.kind, Kind::Scalar(_)) => {
                entry.key_at
            }
            Some(entry) if entry.value.is_null() => entry.key_at,
            Some(entry) => entry.value.locate(&path[entry.key.len()..]),
            None => self.at,
        }
    }

    /// The first scalar in the tree for which `is` is true: its place, and its path from here.
    pub(crate) fn find(&self, is: &dyn Fn(&str) -> bool) -> Option<(At, String)> {
        match &self.kind {
            Kind::Scalar(scalar) => is(&scalar.text).then(|| (self.at, String::new())),
            Kind::List(items) => items
                .iter()
                .enumerate()
                .find_map(|(index, item)| item.find(is).map(|(at, inner)| (at, format!("[{index}]{inner}")))),
            Kind::Map(entries) => entries.iter().find_map(|entry| {
                let (at, inner) = entry.value.find(is)?;
                let mut path = String::from(".");
                words::push_key(&mut path, &entry.key);
                Some((at, path.replacen("..", ".", 1) + &inner))
            }),
        }
    }
}

impl Scalar {
    /// A null, as YAML writes it.
    pub(crate) fn is_null(&self) -> bool {
        !self.quoted
            && self.variables.is_empty()
            && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// True or false, as YAML writes it; in quotes it is a string.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.text.as_str() {
            _ if self.is_text() => None,
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// A whole number, as YAML writes it or with `_` between digits.
    pub(crate) fn integer(&self) -> Option<i128> {
        if self.is_text() {
            return None;
        }
        let (sign, digits) = match self.text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, self.text.strip_prefix('+').unwrap_or(&self.text)),
        };
        let (radix, digits) = match (digits.strip_prefix("0x"), digits.strip_prefix("0o")) {
            (Some(digits), _) => (16, digits),
            (_, Some(digits)) => (8, digits),
            _ => (10, digits),
        };
        let outside = digits.starts_with(['_', '+', '-']) || digits.ends_with('_') || digits.contains("__");
        if digits.is_empty() || outside {
            return None;
        }
        i128::from_str_radix(&digits.replace('_', ""), radix).ok().map(|number| sign * number)
    }

    /// A number in decimal form.
    pub(crate) fn float(&self) -> Option<f64> {
        let numeric = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        if self.is_text()
            || !self.text.contains(|c: char| c.is_ascii_digit())
            || !self.text.chars().all(numeric)
        {
            return None;
        }
        self.text.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Whether quotes make it a string. Substituted text is read as its option requires.
    fn is_text(&self) -> bool {
        self.quoted && self.variables.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Scalar {
        Scalar { text: text.to_owned(), ..Scalar::default() }
    }

    #[test]
    fn scalars_are_read_as_yaml_has_them() {
        assert_eq!(plain("0x1F").integer(), Some(31));
        assert_eq!(plain("-10_000").integer(), Some(-10_000));
        assert_eq!(plain("007").integer(), Some(7));
        for text in ["", "1_", "_1", "1__0", "--1", "1.0", "abc", "+-1"] {
            assert_eq!(plain(text).integer(), None, "{text}");
        }
        assert_eq!(plain("1.5e3").float(), Some(1_500.0));
        for text in ["", ".", "e", "inf", ".nan", "1e999", "1.2.3", "infinity"] {
            assert_eq!(plain(text).float(), None, "{text}");
        }
        assert_eq!(plain("yes").boolean(), None);
        assert!(plain("~").is_null());
        let quoted = Scalar { quoted: true, ..plain("5") };
        assert_eq!(quoted.integer(), None);
        let substituted = Scalar { quoted: true, variables: vec!["N".to_owned()], ..plain("5") };
        assert_eq!(substituted.integer(), Some(5));
    }
}
