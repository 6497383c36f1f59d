//! A device's name made of several fields.
//!
//! ```text
//!   root.{$.site}.line_{$.line}     {"site": "hall 1", "line": 7, …}   →   root.`hall 1`.line_7
//!   ──┬─ ───┬──── ──────┬──────
//!   node   node       node          full stops outside of braces separate nodes; those in a field do not
//! ```
//!
//! A node gets backquotes where it needs them, so that whatever a field holds is one node or a part of one.

use std::borrow::Cow;

use levada_connector_api::{
    Meta, MetaValue,
    model::{Path, quote_node},
};

use super::{
    path::{JsonPath, Step},
    tape::Value,
};
use crate::decode::typed::is_whole;

/// A name with fields in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// As it is written, in canonical form.
    Fixed(String),
    Made(Vec<Piece>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(JsonPath),
    Meta(Meta),
}

/// Whether a name has fields in it: braces outside of backquotes.
pub(super) fn is_template(text: &str) -> bool {
    text.split('`').step_by(2).any(|outside| outside.contains(['{', '}']))
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A brace has no other, what stands between two is not a path, or a node is empty or not legal.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut nodes = Vec::new();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = text;
        loop {
            let end = end_of_text(rest)?;
            if end > 0 {
                pieces.push(Piece::Text(rest[..end].to_owned()));
            }
            rest = &rest[end..];
            match rest.chars().next() {
                None => {
                    nodes.push(node(pieces, text)?);
                    return Ok(Self { nodes });
                }
                Some('.') => {
                    nodes.push(node(std::mem::take(&mut pieces), text)?);
                    rest = &rest[1..];
                }
                Some('{') => {
                    let end =
                        end_of_field(rest).ok_or_else(|| format!("`{text}` has a `{{` without its `}}`"))?;
                    pieces.push(field(&rest[1..end])?);
                    rest = &rest[end + 1..];
                }
                Some(_) => return Err(format!("`{text}` has a `}}` without its `{{`")),
            }
        }
    }

    /// The fields that it needs.
    pub(super) fn fields(&self) -> impl Iterator<Item = &JsonPath> {
        let made = self.nodes.iter().filter_map(|node| match node {
            Node::Made(pieces) => Some(pieces),
            Node::Fixed(_) => None,
        });
        made.flatten().filter_map(|piece| match piece {
            Piece::Field(path) => Some(path),
            Piece::Text(_) | Piece::Meta(_) => None,
        })
    }

    /// What it needs of what comes with a record.
    pub(super) fn metas(&self) -> impl Iterator<Item = &Meta> {
        let made = self.nodes.iter().filter_map(|node| match node {
            Node::Made(pieces) => Some(pieces),
            Node::Fixed(_) => None,
        });
        made.flatten().filter_map(|piece| match piece {
            Piece::Meta(meta) => Some(meta),
            Piece::Text(_) | Piece::Field(_) => None,
        })
    }

    /// Writes the name of a record's device, whose fields `find` gives; `know` gives what comes with it.
    ///
    /// # Errors
    /// The record lacks a field, or it is not a text nor a whole number.
    pub(super) fn write<'t, 'a: 't, 'k>(
        &self,
        find: impl Fn(&[Step]) -> Result<Option<&'t Value<'a>>, String>,
        know: impl Fn(&Meta) -> Option<MetaValue<'k>>,
        name: &mut String,
    ) -> Result<(), String> {
        name.clear();
        for (nth, node) in self.nodes.iter().enumerate() {
            if nth > 0 {
                name.push('.');
            }
            match node {
                Node::Fixed(node) => name.push_str(node),
                Node::Made(pieces) => {
                    let from = name.len();
                    for piece in pieces {
                        match piece {
                            Piece::Text(text) => name.push_str(text),
                            Piece::Field(path) => push(path, find(&path.steps)?, name)?,
                            Piece::Meta(meta) => name.push_str(&part(meta, know(meta))?),
                        }
                    }
                    if let Cow::Owned(quoted) = quote_node(&name[from..]) {
                        name.truncate(from);
                        name.push_str(&quoted);
                    }
                }
            }
        }
        Ok(())
    }
}

/// What comes with a record as a part of the device's name.
///
/// # Errors
/// There is none, or it is no text.
pub(super) fn part<'k>(meta: &Meta, value: Option<MetaValue<'k>>) -> Result<Cow<'k, str>, String> {
    let value =
        value.ok_or_else(|| format!("the record comes without {meta}, which is a part of the device"))?;
    match value.text() {
        Some(text) if text.is_empty() => Err(format!("{meta}, which is a part of the device, is empty")),
        Some(text) => Ok(text),
        None => Err(format!("{meta}, which is a part of the device, is not UTF-8")),
    }
}

fn push(path: &JsonPath, value: Option<&Value<'_>>, name: &mut String) -> Result<(), String> {
    match value {
        Some(Value::Text(text)) if text.is_empty() => {
            return Err(format!("{path}, which is a part of the device, is empty"));
        }
        Some(Value::Text(text)) => name.push_str(text),
        Some(Value::Characters(_, text)) => name.push_str(text),
        Some(Value::Number(digits)) if is_whole(digits) => name.push_str(digits),
        None | Some(Value::Null) => return Err(format!("there is no {path}, which is a part of the device")),
        Some(other) => match other.whole() {
            Some(number) => name.push_str(&number.to_string()),
            None => {
                return Err(format!(
                    "{path}, which is a part of the device, is neither a text nor a whole number"
                ));
            }
        },
    }
    Ok(())
}

/// Where the next full stop or brace outside of backquotes stands.
fn end_of_text(text: &str) -> Result<usize, String> {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '`' => quoted = !quoted,
            '.' | '{' | '}' if !quoted => return Ok(at),
            _ => {}
        }
    }
    if quoted { Err("a backquote is not closed".to_owned()) } else { Ok(text.len()) }
}

/// Where the brace stands that closes the first one; one within `['…']` is none.
fn end_of_field(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '\'';
        (c == '}' && !quoted).then_some(at)
    })
}

fn field(text: &str) -> Result<Piece, String> {
    let text = text.trim();
    if text.starts_with('@') {
        return text.parse().map(Piece::Meta);
    }
    if !text.starts_with('$') {
        return Err(format!("between braces stands where a field is: write `{{$.{text}}}` for `{{{text}}}`"));
    }
    text.parse().map(Piece::Field)
}

fn node(pieces: Vec<Piece>, all: &str) -> Result<Node, String> {
    match pieces.as_slice() {
        [] => Err(format!("`{all}` has an empty node")),
        [Piece::Text(text)] if text.contains('`') => {
            let path = Path::parse(text).map_err(|error| error.to_string())?;
            Ok(Node::Fixed(path.as_str().to_owned()))
        }
        [Piece::Text(text)] => Ok(Node::Fixed(quote_node(text).into_owned())),
        _ => Ok(Node::Made(pieces)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(template: &str, values: &[(&str, Value<'static>)]) -> Result<String, String> {
        let template = Template::parse(template)?;
        let find = |steps: &[Step]| {
            let path = JsonPath { steps: steps.to_vec() }.to_string();
            Ok(values.iter().find(|(at, _)| *at == path).map(|(_, value)| value))
        };
        let mut name = "before".to_owned();
        template
            .write(find, |meta| (*meta == Meta::Topic).then_some(MetaValue::Bytes(b"plant.1")), &mut name)
            .map(|()| name)
    }

    fn text(text: &'static str) -> Value<'static> {
        Value::Text(Cow::Borrowed(text))
    }

    #[test]
    fn every_part_is_a_node_or_a_part_of_one() {
        let record =
            || [("$.site", text("a.b")), ("$.line", Value::Number("7")), ("$.m['}.x']", text("it`s"))];
        for (template, name) in [
            ("{$.site}.{$.line}", "`a.b`.`7`"),
            ("root.plant.{ $.line }", "root.plant.`7`"),
            ("line_{$.line}", "line_7"),
            ("root.{@topic}.{$.line}", "root.`plant.1`.`7`"),
            ("{$.line}{$.line}.x y", "`77`.`x y`"),
            ("`{x}`.{$.m['}.x']}", "`{x}`.`it``s`"),
        ] {
            assert_eq!(made(template, &record()), Ok(name.to_owned()), "{template}");
            assert!(Path::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_record_that_lacks_a_part_is_rejected_with_that_reason() {
        let missing = Err("there is no $.line, which is a part of the device".to_owned());
        assert_eq!(made("{$.site}.{$.line}", &[("$.site", text("a"))]), missing);
        assert_eq!(made("{$.line}", &[("$.line", Value::Null)]), missing);
        let missing = Err("the record comes without @headers.site, which is a part of the device".to_owned());
        assert_eq!(made("root.{@headers.site}", &[]), missing);
        for wrong in [text(""), Value::Bool(true), Value::Number("1.5"), Value::Object(1)] {
            assert!(made("{$.line}", &[("$.line", wrong)]).is_err());
        }
    }

    #[test]
    fn a_template_that_cannot_work_says_why() {
        for (template, reason) in [
            ("{site}.{line}", "write `{$.site}` for `{site}`"),
            ("{}", "write `{$.}` for `{}`"),
            ("{$.a", "a `{` without its `}`"),
            ("$.a}", "a `}` without its `{`"),
            ("{$.a}..x", "has an empty node"),
            ("{$.a}.", "has an empty node"),
            ("{$a}", "is not a path"),
            ("{@site}", "does not come with a record"),
            ("`x.{$.a}", "a backquote is not closed"),
        ] {
            assert!(is_template(template) || template.starts_with('`'), "{template}");
            let error = Template::parse(template).expect_err(template);
            assert!(error.contains(reason), "{template}: {error}");
        }
        assert!(!is_template("root.a.`{b}`") && !is_template("root.a"));
    }
}
