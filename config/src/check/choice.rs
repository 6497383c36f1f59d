//! Options with several forms: which one is meant, and what to report if none fits.

use serde_json::Value;

use super::{Checker, scalar::natural};
use crate::{
    code,
    node::{Entry, Kind, Node, Scalar},
    schema::{Schema, Type},
    text::At,
    words,
};

impl Checker<'_, '_> {
    /// The value by the first alternative that it fits; the likeliest are tried first. If none fits, the problems are those of
    /// the alternative that must be meant, or one that names them all.
    pub(super) fn choose(
        &mut self,
        node: &Node,
        schema: Schema<'_>,
        alternatives: &[Schema<'_>],
        key_at: At,
    ) -> Option<Value> {
        if node.is_null() && alternatives.iter().any(|each| each.takes(Type::Null) && !each.is_free()) {
            return Some(Value::Null);
        }
        let mut likely: Vec<_> = alternatives
            .iter()
            .filter_map(|each| likelihood(node, *each).map(|rank| (rank, *each)))
            .collect();
        likely.sort_by_key(|(rank, _)| *rank);
        if let Kind::Map(entries) = &node.kind {
            let keep = discriminated(node, &likely.iter().map(|(_, each)| *each).collect::<Vec<_>>());
            if let Some(keep) = keep {
                likely = vec![(0, keep)];
            } else if likely.len() > 1 && likely.iter().all(|(_, each)| each.only_key().is_some()) {
                let names: Vec<_> = likely.iter().filter_map(|(_, each)| each.only_key()).collect();
                self.wrong_variant(node, entries, &names, key_at);
                return None;
            } else if likely.len() > 1
                && let Some(tag) = common_tag(&likely)
            {
                self.wrong_tag(node, tag, &likely, key_at);
                return None;
            }
        }
        let before = self.report.found.len();
        for (_, each) in &likely {
            let value = self.check(node, *each, key_at);
            if value.is_some() {
                self.report.found.truncate(before);
                return value;
            }
            if likely.len() > 1 {
                self.report.found.truncate(before);
            }
        }
        if likely.len() == 1 {
            self.widen(node, schema, before);
            return None;
        }
        let found = match &node.kind {
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping that is none of its forms".to_owned(),
            Kind::Scalar(scalar) => super::scalar::found(scalar, schema),
        };
        let names: Vec<_> =
            alternatives.iter().flat_map(|each| each.constants()).filter_map(Value::as_str).collect();
        let help = node
            .text()
            .and_then(|text| words::nearest(text, names))
            .map(|name| format!("did you mean `{name}`?"));
        let code = if likely.is_empty() { code::WRONG_TYPE } else { code::WRONG_VALUE };
        let message = format!("expected {}, found {found}", schema.wanted());
        self.error(code, node.at, message).maybe_help(help);
        None
    }

    /// Reports that none or several of the variants' keys are present.
    fn wrong_variant(&mut self, node: &Node, entries: &[Entry], names: &[&str], key_at: At) {
        let known = entries.iter().filter(|entry| names.contains(&entry.key.as_str())).count();
        let all = words::list(names.iter().copied(), "or");
        let (place, message, help) = match entries {
            [] => (
                if node.is_null() { key_at } else { node.at },
                format!("expected one of the keys {all}"),
                None,
            ),
            [_, second, ..] if known > 1 => {
                (second.key_at, format!("expected only one of the keys {all}"), None)
            }
            [first, ..] => {
                let help = words::nearest(&first.key, names.iter().copied());
                (
                    first.key_at,
                    format!("expected one of the keys {all}"),
                    help.map(|name| format!("did you mean `{name}`?")),
                )
            }
        };
        self.error(code::UNKNOWN_KEY, place, message).maybe_help(help);
    }

    /// Reports that the key that selects the form is missing, or names no form.
    fn wrong_tag(&mut self, node: &Node, tag: &str, likely: &[(u8, Schema<'_>)], key_at: At) {
        let tags = likely.iter().filter_map(|(_, each)| each.property(tag)).flat_map(Schema::constants);
        let tags: Vec<_> = tags.filter_map(Value::as_str).collect();
        let all = words::list(tags.iter().copied(), "or");
        let path = words::joined(&self.path, tag);
        match node.entry(tag) {
            Some(entry) => {
                let written = entry.value.text().unwrap_or_default();
                let found = match &entry.value.kind {
                    Kind::Scalar(scalar) if scalar.broken => return,
                    Kind::Scalar(scalar) => super::scalar::found(scalar, likely[0].1),
                    Kind::List(_) => "a list".to_owned(),
                    Kind::Map(_) => "a mapping".to_owned(),
                };
                let help = words::nearest(written, tags).map(|name| format!("did you mean `{name}`?"));
                let message = format!("expected {all}, found {found}");
                self.report.error(code::WRONG_VALUE, &path, entry.value.at, message).maybe_help(help);
            }
            None => {
                let place = if node.entries().is_empty() { key_at } else { node.at };
                let help = format!("give {all} as `{tag}`");
                self.report.error(code::MISSING_KEY, &path, place, format!("`{tag}` is missing")).help(help);
            }
        }
    }

    /// If only one alternative could be meant and the value has the wrong type, reports all types that are allowed.
    fn widen(&mut self, node: &Node, schema: Schema<'_>, before: usize) {
        let at = self.report.text.span(node.at);
        let [problem] = &mut self.report.found[before..] else { return };
        let whole = problem.span.as_ref() == Some(&at) && problem.code == code::WRONG_TYPE;
        if whole && let Some((_, found)) = problem.message.split_once(", found ") {
            problem.message = format!("expected {}, found {found}", schema.wanted());
        }
    }
}

/// The key by which every alternative identifies itself.
fn common_tag<'s>(likely: &[(u8, Schema<'s>)]) -> Option<&'s str> {
    let (_, first) = likely.first()?;
    let is_tag = |key: &str| {
        likely
            .iter()
            .all(|(_, each)| each.property(key).is_some_and(|property| property.get("const").is_some()))
    };
    first.properties()?.keys().map(String::as_str).find(|key| is_tag(key))
}

/// How likely an alternative is meant: less is likelier, `None` means impossible.
fn likelihood(node: &Node, schema: Schema<'_>) -> Option<u8> {
    match &node.kind {
        Kind::List(_) => schema.takes(Type::Array).then_some(0),
        Kind::Map(_) => schema.takes(Type::Object).then_some(0),
        Kind::Scalar(scalar) => scalar_likelihood(scalar, schema),
    }
}

fn scalar_likelihood(scalar: &Scalar, schema: Schema<'_>) -> Option<u8> {
    let constants = schema.constants();
    if !constants.is_empty() {
        let fits = constants.iter().any(|constant| match constant {
            Value::String(text) => *text == scalar.text,
            other => **other == natural(scalar),
        });
        return fits.then_some(0);
    }
    let own = match natural(scalar) {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        // `1.10` and `007` are numbers only if nothing is lost, or if only a number is expected.
        Value::Number(number) if number.to_string() != scalar.text => Type::String,
        Value::Number(number) if number.is_f64() => Type::Number,
        Value::Number(_) => Type::Integer,
        _ => Type::String,
    };
    let types = schema.types();
    let number = types.contains(&Type::Number) && own == Type::Integer;
    // A string with a format is more specific than any string.
    let plain = schema.get("format").is_none() && schema.get("pattern").is_none();
    if types.contains(&own) && own != Type::String {
        Some(1)
    } else if number {
        Some(2)
    } else if types.contains(&Type::String) {
        Some(if plain { 5 } else { 3 })
    } else if types.iter().any(|each| is_scalar(*each)) && could_be(scalar, &types) {
        Some(6)
    } else {
        None
    }
}

fn is_scalar(each: Type) -> bool {
    matches!(each, Type::Boolean | Type::Integer | Type::Number)
}

/// Whether a string can be converted to one of the types: it was substituted, or is a number in another notation.
fn could_be(scalar: &Scalar, types: &[Type]) -> bool {
    let number = types.contains(&Type::Integer) || types.contains(&Type::Number);
    !scalar.variables.is_empty() || (number && (scalar.integer().is_some() || scalar.float().is_some()))
}

/// The only alternative that the mapping's keys fit.
fn discriminated<'s>(node: &Node, alternatives: &[Schema<'s>]) -> Option<Schema<'s>> {
    let tagged = alternatives.iter().find(|each| {
        let properties = each.properties().into_iter().flatten();
        let mut tags =
            properties.filter_map(|(key, value)| value.get("const").map(|tag| (key, tag))).peekable();
        tags.peek().is_some()
            && tags.all(|(key, tag)| node.entry(key).and_then(|entry| entry.value.text()) == tag.as_str())
    });
    if tagged.is_some() {
        return tagged.copied();
    }
    let has_required = |each: &&Schema<'s>| {
        let mut required = each.required().peekable();
        required.peek().is_some() && required.all(|key| node.entry(key).is_some())
    };
    let mut fitting = alternatives.iter().filter(has_required);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(*only),
        _ => None,
    }
}
