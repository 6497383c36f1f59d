//! How often each reason for a rejection was given.
//!
//! Each letter says its own value, so reasons are counted by kind: those that differ only in values and numbers are one, told by
//! the first of them.
//!
//! ```text
//!   `a`: `n/a` is not of type INT32 ─┐
//!   `a`: `x` is not of type INT32 ───┴──▶  `a`: `…` is not of type INT32     2
//! ```

use std::{collections::HashMap, sync::Arc};

use serde::Serialize;

use crate::dead_letters::Stage;

/// So many kinds are told apart; the rest are counted together.
const KINDS: usize = 100;

/// A reason for which records or rows were rejected, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonCount {
    /// The node that rejected them.
    pub node: String,
    /// What it was doing: `decode`, `transform`, `write`.
    pub stage: &'static str,
    /// The first reason of its kind.
    pub reason: String,
    /// How many reasons there were of the kind, which differ in nothing but values.
    pub count: u64,
}

/// Counts of reasons.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    places: HashMap<(Arc<str>, Stage, String), usize>,
    counts: Vec<ReasonCount>,
    /// Reasons of kinds beyond those that are told apart.
    others: u64,
}

impl Reasons {
    /// Counts a reason.
    pub(super) fn count(&mut self, node: &Arc<str>, stage: Stage, reason: &str) {
        let kind = (Arc::clone(node), stage, kind_of(reason));
        if let Some(&place) = self.places.get(&kind) {
            self.counts[place].count += 1;
        } else if self.counts.len() < KINDS {
            self.places.insert(kind, self.counts.len());
            let (node, stage, reason) = (node.to_string(), stage.name(), reason.to_owned());
            self.counts.push(ReasonCount { node, stage, reason, count: 1 });
        } else {
            self.others += 1;
        }
    }

    /// The kinds there were, the most frequent first, and how many reasons were of others.
    pub(super) fn all(&self) -> (Vec<ReasonCount>, u64) {
        let mut counts = self.counts.clone();
        counts.sort_by_key(|each| std::cmp::Reverse(each.count));
        (counts, self.others)
    }
}

/// A reason without what is different from one value to the next: what stands between backquotes, unless it is at the beginning and
/// says where, and numbers.
fn kind_of(reason: &str) -> String {
    let mut kind = String::with_capacity(reason.len());
    let (place, what) = reason.split_at(reason.find(": ").map_or(0, |at| at + 2));
    let mut rest = what;
    push_without_numbers(place, &mut kind);
    while let Some((before, quoted)) = rest.split_once('`') {
        push_without_numbers(before, &mut kind);
        kind.push_str("`…`");
        // A value may hold a backquote itself: nothing is lost but some of the difference between kinds.
        rest = quoted.split_once('`').map_or("", |(_, after)| after);
    }
    push_without_numbers(rest, &mut kind);
    kind
}

fn push_without_numbers(text: &str, kind: &mut String) {
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((from, c)) = chars.next() {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        if c.is_ascii_digit() && !is_part(before) {
            let mut to = from + 1;
            while let Some((at, c)) = chars.next_if(|(_, c)| c.is_ascii_digit() || *c == '.') {
                to = at + c.len_utf8();
            }
            match chars.peek() {
                // `1d` is a name.
                Some(&(_, next)) if is_part(next) => kind.push_str(&text[from..to]),
                _ => kind.push('#'),
            }
            before = '0';
        } else {
            kind.push(c);
            before = c;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(reasons: &[&str]) -> (Vec<(String, u64)>, u64) {
        let mut all = Reasons::default();
        let node: Arc<str> = "n".into();
        for reason in reasons {
            all.count(&node, Stage::Decode, reason);
        }
        let (counts, others) = all.all();
        (counts.into_iter().map(|each| (each.reason, each.count)).collect(), others)
    }

    #[test]
    fn reasons_that_differ_in_values_are_one_kind_and_fields_and_types_tell_them_apart() {
        let (counts, others) = counted(&[
            "`b`: `1` is not of type INT32",
            "`a`: `n/a` is not of type INT32",
            "`a`: `` is not of type INT32",
            "`a`: `broken` is not of type INT64",
            "not JSON: expected value at line 1 column 7",
            "`a`: `x y` is not of type INT32",
            "not JSON: expected value at line 2 column 15",
            "there is no device",
        ]);
        let expected = [
            ("`a`: `n/a` is not of type INT32", 3),
            ("not JSON: expected value at line 1 column 7", 2),
            ("`b`: `1` is not of type INT32", 1),
            ("`a`: `broken` is not of type INT64", 1),
            ("there is no device", 1),
        ];
        assert_eq!(
            (counts, others),
            (expected.map(|(reason, count)| (reason.to_owned(), count)).to_vec(), 0)
        );
    }

    #[test]
    fn kinds_are_bounded_and_the_rest_is_counted() {
        let reasons: Vec<_> = (0..KINDS + 30).map(|n| format!("`m{n}`: wrong")).collect();
        let (counts, others) = counted(&reasons.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((counts.len(), others), (KINDS, 30));
    }

    #[test]
    fn any_text_is_of_some_kind() {
        for text in ["", "`", "``", "a: `", "9", "9a", "é9: `é`9", ": ", "1.5.6 x"] {
            assert!(kind_of(text).len() <= text.len() + 6, "{text}");
        }
        assert_eq!(kind_of("x 12 d1 1d 2.5, [7]"), "x # d1 1d #, [#]");
    }
}
