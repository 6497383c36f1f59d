//! Regular expressions, and `regexmatch`.

use fancy_regex::{Captures, Regex, RegexBuilder};
use levada_udf::{DataType, Failure, UdfParameters};

use super::{Made, each};
use crate::{read::at_least, work::Work};

/// Steps that a search may go back before it is given up: expressions that double their work with each letter end.
const STEPS: usize = 1_000_000;

/// The expression of the attribute `regex`.
pub(super) fn read(parameters: &UdfParameters) -> Result<Regex, Failure> {
    let text = parameters.required("regex")?;
    if text.is_empty() {
        return Err(Failure::parameters("regex should not be empty"));
    }
    RegexBuilder::new(text)
        .backtrack_limit(STEPS)
        .build()
        .map_err(|error| Failure::parameters(format!("`{text}` is no regular expression: {error}")))
}

/// What happened in a search.
pub(super) fn searched<T>(found: Result<T, fancy_regex::Error>) -> Result<T, Failure> {
    found.map_err(|error| Failure::new(format!("a text cannot be searched: {error}")))
}

pub(super) fn matched(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let regex = read(parameters)?;
    let group = at_least(parameters, "group", 0, 0)?;
    let groups = regex.captures_len();
    if group >= groups {
        return Err(Failure::parameters(format!(
            "the regular expression has no group {group}, but {} at most",
            groups - 1
        )));
    }
    Ok(each(DataType::Text, move |text| {
        let found = searched(regex.captures(text))?;
        let part = found.as_ref().and_then(|found| found.get(group));
        Ok(part.map_or(Made::Nothing, |part| Made::Text(part.as_str().to_owned())))
    }))
}

/// A replacement: text, and references to groups.
#[derive(Debug)]
pub(super) struct Replacement(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Group(usize),
    Named(String),
}

impl Replacement {
    /// `$1` and `${name}` refer to groups, and a backslash takes the meaning from what follows. Of several digits as many
    /// count as there are groups.
    pub(super) fn parse(text: &str, regex: &Regex) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::parameters(format!("`{text}` is no replacement: {what}"));
        let groups = regex.captures_len();
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(next) = rest.next() {
            match next {
                '\\' => plain.push(rest.next().ok_or_else(|| wrong("nothing follows the last backslash"))?),
                '$' => {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    if rest.next_if_eq(&'{').is_some() {
                        let name: String = rest.by_ref().take_while(|each| *each != '}').collect();
                        if !regex.capture_names().flatten().any(|known| known == name) {
                            return Err(wrong(&format!("there is no group `{name}`")));
                        }
                        pieces.push(Piece::Named(name));
                        continue;
                    }
                    let first = rest.next().and_then(|digit| digit.to_digit(10));
                    let mut group = first
                        .ok_or_else(|| wrong("a dollar sign is followed by the number of a group"))?
                        as usize;
                    if group >= groups {
                        return Err(wrong(&format!("there is no group {group}")));
                    }
                    while let Some(digit) = rest.peek().and_then(|digit| digit.to_digit(10)) {
                        let longer = group * 10 + digit as usize;
                        if longer >= groups {
                            break;
                        }
                        group = longer;
                        rest.next();
                    }
                    pieces.push(Piece::Group(group));
                }
                other => plain.push(other),
            }
        }
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// Adds it for a match.
    pub(super) fn add(&self, found: &Captures<'_, str>, to: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => to.push_str(text),
                Piece::Group(group) => to.push_str(found.get(*group).map_or("", |part| part.as_str())),
                Piece::Named(name) => to.push_str(found.name(name).map_or("", |part| part.as_str())),
            }
        }
    }
}
