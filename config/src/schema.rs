//! Reading JSON Schemas, as far as options need them.

use serde_json::{Map, Value};

use crate::words;

/// A schema and the document its references point into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema<'s> {
    root: &'s Value,
    value: &'s Value,
}

/// The types of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

const TYPES: [(&str, Type); 7] = [
    ("null", Type::Null),
    ("boolean", Type::Boolean),
    ("integer", Type::Integer),
    ("number", Type::Number),
    ("string", Type::String),
    ("array", Type::Array),
    ("object", Type::Object),
];

impl<'s> Schema<'s> {
    pub(crate) fn of(root: &'s Value) -> Self {
        Self { root, value: root }.resolved()
    }

    /// Another schema of the same document.
    pub(crate) fn sub(self, value: &'s Value) -> Self {
        Self { root: self.root, value }.resolved()
    }

    /// Follows `$ref`; a dangling or circular reference allows everything.
    fn resolved(mut self) -> Self {
        for _ in 0..16 {
            let Some(reference) = self.value.get("$ref").and_then(Value::as_str) else { return self };
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            self.value = target.unwrap_or(&Value::Bool(true));
        }
        self
    }

    /// Whether the two have the same parts: a recursive schema occurs twice, at its root and as a definition.
    pub(crate) fn is_like(self, other: Self) -> bool {
        let parts = ["properties", "oneOf", "anyOf", "items"];
        let same = |part: &&str| self.get(part) == other.get(part);
        std::ptr::eq(self.value, other.value)
            || (parts.iter().any(|part| self.get(part).is_some()) && parts.iter().all(same))
    }

    pub(crate) fn get(self, keyword: &str) -> Option<&'s Value> {
        self.value.get(keyword)
    }

    pub(crate) fn text(self, keyword: &str) -> Option<&'s str> {
        self.get(keyword).and_then(Value::as_str)
    }

    pub(crate) fn number(self, keyword: &str) -> Option<f64> {
        self.get(keyword).and_then(Value::as_f64)
    }

    /// The types that a value may have; all if the schema names none.
    pub(crate) fn types(self) -> Vec<Type> {
        let named = |name: &str| TYPES.iter().find(|(known, _)| *known == name).map(|(_, each)| *each);
        match self.get("type") {
            Some(Value::String(name)) => named(name).into_iter().collect(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).filter_map(named).collect(),
            _ => match self.constants() {
                constants if constants.is_empty() => TYPES.map(|(_, each)| each).to_vec(),
                constants if constants.iter().all(|each| each.is_string()) => vec![Type::String],
                _ => TYPES.map(|(_, each)| each).to_vec(),
            },
        }
    }

    pub(crate) fn takes(self, wanted: Type) -> bool {
        self.types().contains(&wanted)
    }

    /// Whether the schema says nothing about the value.
    pub(crate) fn is_free(self) -> bool {
        let says = ["type", "const", "enum", "anyOf", "oneOf", "allOf", "properties"];
        says.iter().all(|keyword| self.get(keyword).is_none())
    }

    /// The values that `const` or `enum` name.
    pub(crate) fn constants(self) -> Vec<&'s Value> {
        match (self.get("const"), self.get("enum")) {
            (Some(value), _) => vec![value],
            (None, Some(Value::Array(values))) => values.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The alternatives of `anyOf` or `oneOf`, including nested ones.
    pub(crate) fn alternatives(self) -> Vec<Self> {
        let mut all = Vec::new();
        self.collect_alternatives(&mut all, 0);
        all
    }

    fn collect_alternatives(self, all: &mut Vec<Self>, depth: usize) {
        for keyword in ["anyOf", "oneOf"] {
            for each in self.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                let each = self.sub(each);
                let nested = each.get("anyOf").is_some() || each.get("oneOf").is_some();
                // An alternative with keys of its own beside its alternatives stays whole.
                if nested && each.get("properties").is_none() && depth < 8 {
                    each.collect_alternatives(all, depth + 1);
                } else {
                    all.push(each);
                }
            }
        }
    }

    pub(crate) fn parts(self) -> impl Iterator<Item = Self> {
        self.get("allOf").and_then(Value::as_array).into_iter().flatten().map(move |each| self.sub(each))
    }

    pub(crate) fn properties(self) -> Option<&'s Map<String, Value>> {
        self.get("properties").and_then(Value::as_object)
    }

    pub(crate) fn property(self, key: &str) -> Option<Self> {
        self.properties().and_then(|properties| properties.get(key)).map(|value| self.sub(value))
    }

    pub(crate) fn required(self) -> impl Iterator<Item = &'s str> {
        self.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The schema for keys that are not properties; `None` if there may be none.
    ///
    /// A schema with properties that says nothing allows none: a key that nobody reads is a mistake.
    pub(crate) fn additional(self) -> Option<Self> {
        match self.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(value) => Some(self.sub(value)),
            None if self.properties().is_some_and(|properties| !properties.is_empty()) => None,
            None => Some(self.sub(&Value::Bool(true))),
        }
    }

    pub(crate) fn is_secret(self) -> bool {
        self.text("format") == Some("password")
    }

    /// The expected value, in words: `a whole number`, `` `a` or `b` ``, `a list`.
    pub(crate) fn wanted(self) -> String {
        let alternatives = self.alternatives();
        if !alternatives.is_empty() {
            let mut names = Vec::new();
            let mut others = Vec::new();
            for each in alternatives {
                let constants = each.constants();
                if constants.is_empty() {
                    let wanted = each.wanted();
                    if wanted != "nothing" && !others.contains(&wanted) {
                        others.push(wanted);
                    }
                } else {
                    names.extend(constants.into_iter().filter(|value| !value.is_null()).map(constant));
                }
            }
            names.extend(others);
            return words::join(names, "or");
        }
        let constants = self.constants();
        if !constants.is_empty() {
            let named = constants.into_iter().filter(|value| !value.is_null()).map(constant);
            return words::join(named.collect(), "or");
        }
        let types: Vec<_> = self.types().into_iter().filter(|each| *each != Type::Null).collect();
        if types.len() > 4 {
            return "a value".to_owned();
        }
        let parts: Vec<_> = types.into_iter().map(|each| self.wanted_type(each)).collect();
        if parts.is_empty() { "nothing".to_owned() } else { words::join(parts, "or") }
    }

    fn wanted_type(self, each: Type) -> String {
        match (each, self.text("format")) {
            (Type::Null, _) => "nothing".to_owned(),
            (Type::Boolean, _) => "`true` or `false`".to_owned(),
            (Type::Integer, _) => "a whole number".to_owned(),
            (Type::Number, _) => "a number".to_owned(),
            (Type::String, Some("interval")) => "a length of time such as `200ms`".to_owned(),
            (Type::String, Some("byte-size")) => "a number of bytes such as `4MiB`".to_owned(),
            (Type::String, Some("address")) => "a host and port such as `127.0.0.1:9464`".to_owned(),
            (Type::String, Some("date-time")) => "a time such as `2026-05-01T12:00:00Z`".to_owned(),
            (Type::String, Some("password")) => "a secret text".to_owned(),
            (Type::String, _) => "a text".to_owned(),
            (Type::Array, _) => "a list".to_owned(),
            (Type::Object, _) => match self.only_key() {
                Some(key) => format!("a mapping with `{key}`"),
                None => "a mapping".to_owned(),
            },
        }
    }

    /// The key of a variant that is written as a mapping with one key: `rows` in `{rows: 5}`.
    pub(crate) fn only_key(self) -> Option<&'s str> {
        let properties = self.properties().filter(|properties| properties.len() == 1)?;
        let key = properties.keys().next()?;
        self.required().any(|required| required == key).then_some(key.as_str())
    }
}

fn constant(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        Value::Null => "nothing".to_owned(),
        other => format!("`{other}`"),
    }
}
