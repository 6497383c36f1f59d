//! Regular expressions as Java has them.
//!
//! What can be matched in one pass is, in time that is linear in the text. Look-around, back references, atomic groups
//! and possessive quantifiers need backtracking: they are matched with a limit on the steps that a text may take.

use std::sync::Arc;

use crate::QueryError;

/// Memory that one compiled expression may take, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Steps back that one text may take.
const MOST_STEPS: usize = 1_000_000;

/// A regular expression.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// In one pass.
    Linear(regex::Regex),
    /// With backtracking.
    Backtracking(Arc<fancy_regex::Regex>),
}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// It is none, or too large (701).
    pub(crate) fn new(text: &str) -> Result<Self, QueryError> {
        // One pass takes a possessive quantifier for a repetition of a repetition.
        let may_be_possessive =
            ["++", "*+", "?+", "}+"].into_iter().any(|quantifier| text.contains(quantifier));
        if !may_be_possessive && let Ok(regex) = regex::RegexBuilder::new(text).size_limit(MOST_BYTES).build()
        {
            return Ok(Self::Linear(regex));
        }
        let backtracking = fancy_regex::RegexBuilder::new(text)
            .delegate_size_limit(MOST_BYTES)
            .backtrack_limit(MOST_STEPS)
            .build();
        backtracking.map(|regex| Self::Backtracking(Arc::new(regex))).map_err(|error| {
            QueryError::semantic(format!("`{text}` is not a regular expression that is understood: {error}"))
        })
    }

    /// Compiles an expression that the whole text has to fit.
    ///
    /// # Errors
    /// As [`Pattern::new`].
    pub(crate) fn of_whole_text(text: &str) -> Result<Self, QueryError> {
        Self::new(&format!("^(?:{text})$"))
    }

    /// Whether the expression is found anywhere in a text.
    ///
    /// # Errors
    /// A text takes too many steps (701).
    pub(crate) fn is_found_in(&self, text: &str) -> Result<bool, QueryError> {
        match self {
            Self::Linear(regex) => Ok(regex.is_match(text)),
            Self::Backtracking(regex) => regex.is_match(text).map_err(|error| {
                QueryError::semantic(format!(
                    "the regular expression `{}` takes too long for a text of {} bytes: {error}",
                    regex.as_str(),
                    text.len()
                ))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).and_then(|pattern| pattern.is_found_in(text)).expect("an expression")
    }

    #[test]
    fn look_around_and_back_references_are_matched() {
        for (pattern, yes, no) in [
            (r"(ab)\1", "abab", "abba"),
            (r"(?<!x)ab", "ab", "xab"),
            (r"(?<=x)ab", "xab", "ab"),
            (r"^(?=.*\d)(?=.*[a-z]).{3,}$", "a1b", "abc"),
            (r"foo(?!bar)", "foobaz", "foobar"),
            (r"(?<first>\w)\k<first>", "aa", "ab"),
            (r"^a++b", "aab", "aac"),
            (r"^a++.", "aab", "aaa"),
            (r"(?>a|ab)c", "ac", "abc"),
        ] {
            assert!(is_found(pattern, yes) && !is_found(pattern, no), "{pattern}");
        }
    }

    #[test]
    fn what_needs_no_backtracking_is_matched_in_one_pass() {
        assert!(matches!(Pattern::new("^b.$|(x+x+)+y"), Ok(Pattern::Linear(_))));
    }

    #[test]
    fn what_is_no_expression_is_an_error() {
        for pattern in ["(", r"(?<!", r"\1", r"[z-a]"] {
            let error = Pattern::new(pattern).expect_err(pattern).to_string();
            assert!(error.contains("not a regular expression"), "{error}");
        }
    }

    #[test]
    fn a_text_that_takes_too_many_steps_is_an_error() {
        let pattern = Pattern::new(r"^(a|aa|a)+(?!x)\1y$").expect("an expression");
        let error = pattern.is_found_in(&"a".repeat(200)).expect_err("too many steps").to_string();
        assert!(error.contains("takes too long"), "{error}");
    }
}
