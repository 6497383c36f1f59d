//! Checks a part of the document against its schema: reports every problem at once, and converts the value for its option.
//!
//! A string that was written plain or came from a variable becomes a number, or true or false, if the schema says so; a plain
//! `5` or `true` becomes a string if one is expected, exactly as written. In quotes it stays a string.

mod choice;
mod scalar;

use serde_json::{Map, Value};

use crate::{
    code,
    node::{Entry, Kind, Node},
    report::Report,
    schema::{Schema, Type},
    text::At,
    words,
};

/// How many steps a document may take, whatever its schema: nested choices may multiply.
const MAX_STEPS: usize = 20_000_000;

/// Checks parts of a document; problems go into the report.
pub(crate) struct Checker<'c, 't> {
    pub(crate) report: &'c mut Report<'t>,
    /// The current place in the document.
    path: String,
    steps: usize,
}

impl<'c, 't> Checker<'c, 't> {
    /// A checker that begins at a field.
    pub(crate) fn new(report: &'c mut Report<'t>, path: impl Into<String>) -> Self {
        Self { report, path: path.into(), steps: 0 }
    }

    /// The value of a node as the schema requires it, `None` if there is a problem. `key_at` is the place of its key, used for
    /// missing options.
    pub(crate) fn check(&mut self, node: &Node, schema: Schema<'_>, key_at: At) -> Option<Value> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            if self.steps == MAX_STEPS + 1 {
                self.error(code::TOO_LARGE, node.at, "this takes too long to check".to_owned());
            }
            return None;
        }
        if schema.is_free() && schema.parts().next().is_none() {
            return self.free(node);
        }
        let alternatives = schema.alternatives();
        if !alternatives.is_empty() {
            return self.choose(node, schema, &alternatives, key_at);
        }
        let mut parts = schema.parts().peekable();
        if parts.peek().is_some() && schema.get("type").is_none() {
            return self.all_of(node, schema, key_at);
        }
        match &node.kind {
            Kind::Scalar(scalar) if scalar.is_null() && schema.takes(Type::Null) => Some(Value::Null),
            // `stdout:` says the same as `stdout: {}`.
            Kind::Scalar(scalar) if scalar.is_null() && schema.types() == [Type::Object] => {
                self.map(&[], schema, key_at)
            }
            // That the expected type is unknown was reported already.
            Kind::Scalar(scalar) if scalar.broken => None,
            Kind::Scalar(scalar) if scalar.text.is_empty() && scalar.is_null() => {
                self.scalar(scalar, key_at, schema)
            }
            Kind::Scalar(scalar) => self.scalar(scalar, node.at, schema),
            Kind::List(items) if schema.takes(Type::Array) => self.list(items, node.at, schema),
            Kind::Map(entries) if schema.takes(Type::Object) => self.map(entries, schema, key_at),
            Kind::List(_) => self.wrong_type(node.at, schema, "a list"),
            Kind::Map(_) => self.wrong_type(node.at, schema, "a mapping"),
        }
    }

    /// A value of any type: read as YAML reads it.
    fn free(&mut self, node: &Node) -> Option<Value> {
        match &node.kind {
            Kind::Scalar(scalar) => Some(scalar::natural(scalar)),
            Kind::List(items) => {
                items.iter().map(|item| self.free(item)).collect::<Option<_>>().map(Value::Array)
            }
            Kind::Map(entries) => {
                let entries = entries.iter().map(|entry| Some((entry.key.clone(), self.free(&entry.value)?)));
                entries.collect::<Option<Map<_, _>>>().map(Value::Object)
            }
        }
    }

    /// A value that must fit several schemas at once; mappings are joined.
    fn all_of(&mut self, node: &Node, schema: Schema<'_>, key_at: At) -> Option<Value> {
        let mut joined: Option<Value> = None;
        for part in schema.parts() {
            let value = self.check(node, part, key_at)?;
            match (&mut joined, value) {
                (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                (joined, value) => *joined = Some(value),
            }
        }
        joined
    }

    fn list(&mut self, items: &[Node], at: At, schema: Schema<'_>) -> Option<Value> {
        let anything = Value::Bool(true);
        let rest = schema.get("items").unwrap_or(&anything);
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let length = self.path.len();
        let mut values = Some(Vec::with_capacity(items.len()));
        for (index, item) in items.iter().enumerate() {
            self.path.push_str(&format!("[{index}]"));
            let each = first.and_then(|first| first.get(index)).unwrap_or(rest);
            let value = self.check(item, schema.sub(each), item.at);
            self.path.truncate(length);
            values = values.zip(value).map(|(mut values, value)| {
                values.push(value);
                values
            });
        }
        let count = items.len() as f64;
        let (least, most) = (schema.number("minItems"), schema.number("maxItems"));
        if let Some(least) = least.filter(|least| count < *least) {
            let message = match least {
                1.0 => "the list is empty, and has to hold something".to_owned(),
                _ => format!("expected a list of at least {least} items, found {count}"),
            };
            self.error(code::WRONG_VALUE, at, message);
            return None;
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.error(
                code::WRONG_VALUE,
                at,
                format!("expected a list of at most {most} items, found {count}"),
            );
            return None;
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            values = self.unique(values?, items);
        }
        values.map(Value::Array)
    }

    fn unique(&mut self, values: Vec<Value>, items: &[Node]) -> Option<Vec<Value>> {
        let mut seen = std::collections::HashMap::new();
        for (value, item) in values.iter().zip(items) {
            if let Some(first) = seen.insert(value.to_string(), item.at) {
                let text = self.report.text;
                let message = "this stands in the list twice".to_owned();
                self.error(code::WRONG_VALUE, item.at, message).note_at(text, first, "the first stands here");
                return None;
            }
        }
        Some(values)
    }

    fn map(&mut self, entries: &[Entry], schema: Schema<'_>, key_at: At) -> Option<Value> {
        let mut values = Map::new();
        let mut right = true;
        for entry in entries {
            let Some(each) = schema.property(&entry.key).or_else(|| schema.additional()) else {
                self.unknown_key(entry, entries, schema);
                right = false;
                continue;
            };
            let length = self.path.len();
            words::push_key(&mut self.path, &entry.key);
            match self.check(&entry.value, each, entry.key_at) {
                Some(value) => drop(values.insert(entry.key.clone(), value)),
                None => right = false,
            }
            self.path.truncate(length);
        }
        for key in schema.required().filter(|key| !entries.iter().any(|entry| entry.key == *key)) {
            self.missing_key(key, key_at, schema);
            right = false;
        }
        right.then_some(Value::Object(values))
    }

    fn unknown_key(&mut self, entry: &Entry, entries: &[Entry], schema: Schema<'_>) {
        let known = schema.properties().into_iter().flat_map(Map::keys).map(String::as_str);
        let unused = known.clone().filter(|name| !entries.iter().any(|each| each.key == *name));
        let help = match words::nearest(&entry.key, known) {
            Some(used) if entries.iter().any(|each| each.key == used) => {
                Some(format!("did you mean `{used}`? It is there already"))
            }
            _ => words::suggest(&entry.key, unused),
        };
        let path = words::joined(&self.path, &entry.key);
        let message = format!("unknown key `{}`", words::shown(&entry.key));
        self.report.error(code::UNKNOWN_KEY, &path, entry.key_at, message).maybe_help(help);
    }

    fn missing_key(&mut self, key: &str, at: At, schema: Schema<'_>) {
        let path = words::joined(&self.path, key);
        let message = format!("`{key}` is missing");
        let property = schema.property(key);
        let help = property.map(|property| match property.text("description") {
            Some(description) => {
                format!("give {} as `{key}`: {}", property.wanted(), first_sentence(description))
            }
            None => format!("give {} as `{key}`", property.wanted()),
        });
        self.report.error(code::MISSING_KEY, &path, at, message).maybe_help(help);
    }

    fn wrong_type(&mut self, at: At, schema: Schema<'_>, found: &str) -> Option<Value> {
        let message = format!("expected {}, found {found}", schema.wanted());
        let help = match found {
            "a list" | "a mapping" => None,
            _ if schema.takes(Type::Array) && schema.get("items").is_some() => {
                Some(format!("put it in brackets: `[{}]`", words::shown(self.report.text.slice(at))))
            }
            _ => None,
        };
        self.error(code::WRONG_TYPE, at, message).maybe_help(help);
        None
    }

    fn error(&mut self, code: &'static str, at: At, message: String) -> &mut crate::Diagnostic {
        self.report.error(code, &self.path, at, message)
    }
}

/// A description's first sentence, without its full stop.
pub(crate) fn first_sentence(description: &str) -> String {
    let line = description.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let end = line.find(". ").unwrap_or(line.len());
    line[..end].trim_end_matches('.').to_owned()
}
