//! Which type values get of which nobody says it: a column of CSV, a series of JSON lines.
//!
//! All of the file is looked at, so that a type does not turn out to be wrong half way. BOOLEAN where values are true or false;
//! INT64 where they are whole numbers; DOUBLE where they are numbers and none of the whole ones is too large for one; TEXT
//! otherwise: [`Inferred`] says what a value looks like. One value in a hundred may be something else: those rows are rejected, rather than that a slip makes a column of
//! numbers one of texts. In CSV what stands between quotes is text, unless the file has quotes around everything.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use levada_connector_api::csv::Field;
use levada_model::{
    DataType, Path,
    convert::{Inferred, Reason},
};

/// Whole numbers beyond are not all to be had as DOUBLE.
const EXACT: i64 = 1 << 53;
/// One value of so many may be of another kind.
const SLIP: u64 = 100;

/// What was seen of values.
#[derive(Clone, Debug, Default)]
pub(super) struct Guess {
    booleans: u64,
    whole: u64,
    real: u64,
    texts: u64,
    /// A whole number that DOUBLE would round.
    large: bool,
}

/// Series that have the type that was guessed, though some of their values are of another kind. Once some rows are stored such a
/// series exists like any other.
#[derive(Debug, Default)]
pub(super) struct Mixed(HashMap<Path, HashSet<Arc<str>>>);

impl Mixed {
    pub(super) fn add(&mut self, device: &Path, name: &Arc<str>) {
        self.0.entry(device.clone()).or_default().insert(Arc::clone(name));
    }

    pub(super) fn has(&self, device: &Path, name: &Arc<str>) -> bool {
        self.0.get(device).is_some_and(|names| names.contains(name))
    }
}

/// What one value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Boolean,
    Whole(i64),
    /// Any other number.
    Real,
    Text,
}

impl Guess {
    /// Counts a value.
    pub(super) fn see(&mut self, seen: Seen) {
        match seen {
            Seen::Boolean => self.booleans += 1,
            Seen::Whole(number) => {
                self.whole += 1;
                self.large |= !(-EXACT..=EXACT).contains(&number);
            }
            Seen::Real => self.real += 1,
            Seen::Text => self.texts += 1,
        }
    }

    /// Looks at a field of CSV; `loose` says that quotes mean nothing.
    pub(super) fn see_field(&mut self, field: Field<'_>, loose: bool) {
        let text = field.text();
        let text = text.trim();
        if field.is_null() || (loose && text.is_empty()) {
            return;
        }
        self.see(if field.is_quoted() && !loose { Seen::Text } else { Seen::of(text) });
    }

    /// How many values there are.
    pub(super) fn count(&self) -> u64 {
        self.booleans + self.whole + self.real + self.texts
    }

    /// The type, and how many values are of it; `None` where there is no value.
    pub(super) fn data_type(&self) -> Option<(DataType, u64)> {
        let count = self.count();
        let most = |of_kind: u64| (count - of_kind) * SLIP <= count;
        let numbers = self.whole + self.real;
        if count == 0 {
            return None;
        }
        Some(if most(self.booleans) {
            (DataType::Boolean, self.booleans)
        } else if most(numbers) && self.real == 0 {
            (DataType::Int64, numbers)
        } else if most(numbers) && !self.large {
            (DataType::Double, numbers)
        } else {
            (DataType::Text, count)
        })
    }

    /// Whether values are of several kinds, or numbers of which no type holds all.
    pub(super) fn is_mixed(&self) -> bool {
        let kinds = [self.booleans, self.whole + self.real, self.texts];
        kinds.iter().filter(|count| **count > 0).count() > 1 || self.large && self.real > 0
    }

    /// How many values there are of each kind.
    pub(super) fn kinds(&self) -> String {
        let counts = [
            (self.whole, "whole numbers"),
            (self.real, "other numbers"),
            (self.booleans, "booleans"),
            (self.texts, "texts"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, noun)| format!("{count} {noun}")).collect::<Vec<_>>().join(", ")
    }
}

impl Seen {
    /// Whether [`Guess::data_type`] counts it as a value of the type.
    pub(super) fn is(self, data_type: DataType) -> bool {
        match data_type {
            DataType::Boolean => self == Self::Boolean,
            DataType::Int64 => matches!(self, Self::Whole(_)),
            DataType::Double => matches!(self, Self::Whole(_) | Self::Real),
            _ => true,
        }
    }

    /// What a text without quotes is.
    pub(super) fn of(text: &str) -> Self {
        match Inferred::of(text) {
            Inferred::Boolean(_) => Self::Boolean,
            // It fits, as it is called whole.
            Inferred::Whole => text.trim().parse().map_or(Self::Text, Self::Whole),
            Inferred::Number => Self::Real,
            Inferred::Text => Self::Text,
        }
    }
}

/// What is said of a value that is not of the type that the others have.
pub(super) fn other_kind(value: impl fmt::Display, data_type: DataType) -> String {
    format!("{}, which was guessed from the other values", Reason::Never.of(value, data_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(texts: &[&str]) -> Option<DataType> {
        let mut guess = Guess::default();
        for text in texts {
            guess.see_field(Field::new(text, false), false);
        }
        guess.data_type().map(|(data_type, _)| data_type)
    }

    #[test]
    fn types_come_from_all_values() {
        assert_eq!(guessed(&["", "true", "FALSE", "null"]), Some(DataType::Boolean));
        assert_eq!(guessed(&["1", "0", "-9223372036854775808"]), Some(DataType::Int64));
        assert_eq!(guessed(&["1", "0", "2.5", "1e3", "NaN", "-Infinity"]), Some(DataType::Double));
        assert_eq!(guessed(&["1", "b"]), Some(DataType::Text));
        assert_eq!(guessed(&["1", "true"]), Some(DataType::Text));
        assert_eq!(guessed(&["", ""]), None);
    }

    #[test]
    fn what_a_number_would_lose_is_text() {
        for texts in [&["007"][..], &["9223372036854775808"], &["9007199254740993", "0.5"], &["+1"], &["1E5"]]
        {
            assert_eq!(guessed(texts), Some(DataType::Text), "{texts:?}");
        }
    }

    #[test]
    fn values_of_another_kind_are_not_of_the_guessed_type() {
        for (text, data_type, is) in [
            ("123", DataType::Int64, true),
            ("00123", DataType::Int64, false),
            ("00123", DataType::Double, false),
            ("1e3", DataType::Double, true),
            ("1", DataType::Boolean, false),
            ("FALSE", DataType::Boolean, true),
            ("00123", DataType::Text, true),
        ] {
            assert_eq!(Seen::of(text).is(data_type), is, "{text} {data_type}");
        }
    }

    #[test]
    fn values_of_several_kinds_are_told_by_kind() {
        let mut guess = Guess::default();
        for seen in [Seen::Whole(1), Seen::Whole(2)] {
            guess.see(seen);
        }
        assert!(!guess.is_mixed());
        guess.see(Seen::Real);
        assert!(!guess.is_mixed());
        guess.see(Seen::Text);
        assert!(guess.is_mixed());
        assert_eq!(guess.kinds(), "2 whole numbers, 1 other numbers, 1 texts");
        let mut numbers = Guess::default();
        numbers.see(Seen::Whole(i64::MAX));
        numbers.see(Seen::Real);
        assert!(numbers.is_mixed(), "no type holds both");
    }

    #[test]
    fn a_slip_does_not_make_numbers_texts() {
        let mut texts = vec!["1"; 99];
        texts.push("oops");
        assert_eq!(guessed(&texts), Some(DataType::Int64));
        texts.push("again");
        assert_eq!(guessed(&texts), Some(DataType::Text));
    }
}
