//! Where something stands in a JSON document: `$.a.b[0]`.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

/// A path into a JSON object: `$.reading.time`, `$['a key']`, `$.list[0]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    pub(super) steps: Vec<Step>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl JsonPath {
    /// The path of a key at the top.
    pub(super) fn key(key: &str) -> Self {
        Self { steps: vec![Step::Key(key.to_owned())] }
    }

    /// The key, where that is all there is to it.
    pub(super) fn as_key(&self) -> Option<&str> {
        match self.steps.as_slice() {
            [Step::Key(key)] => Some(key),
            _ => None,
        }
    }
}

impl FromStr for JsonPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` is not a path: {why}, as in $.reading.time");
        let mut rest = text.strip_prefix('$').ok_or_else(|| wrong("it begins with $"))?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                if end == 0 {
                    return Err(wrong("a key is empty"));
                }
                steps.push(Step::Key(after[..end].to_owned()));
                rest = &after[end..];
            } else if let Some(after) = rest.strip_prefix("['") {
                let end = after.find("']").ok_or_else(|| wrong("a bracket is not closed"))?;
                steps.push(Step::Key(after[..end].to_owned()));
                rest = &after[end + 2..];
            } else if let Some(after) = rest.strip_prefix('[') {
                let end = after.find(']').ok_or_else(|| wrong("a bracket is not closed"))?;
                let index = after[..end]
                    .parse()
                    .map_err(|_| wrong("between brackets stands a number or a quoted key"))?;
                steps.push(Step::Index(index));
                rest = &after[end + 1..];
            } else {
                return Err(wrong("keys are joined by full stops"));
            }
        }
        if steps.is_empty() {
            return Err(wrong("a key follows the $"));
        }
        Ok(Self { steps })
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.steps.iter().try_for_each(|step| match step {
            Step::Key(key) if key.contains(['.', '[']) => write!(f, "['{key}']"),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(index) => write!(f, "[{index}]"),
        })
    }
}

impl<'de> Deserialize<'de> for JsonPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for JsonPath {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "JsonPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": r"^\$[.\[]", "examples": ["$.reading.time"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_and_print_their_notation() {
        for text in ["$.a", "$.a.b[0].c", "$['a.b'].c"] {
            assert_eq!(text.parse::<JsonPath>().map(|path| path.to_string()), Ok(text.to_owned()));
        }
        for wrong in ["", "a", "$", "$a", "$.", "$.a..b", "$.a[x]", "$['a", "$.a[0"] {
            assert!(wrong.parse::<JsonPath>().is_err(), "{wrong}");
        }
    }
}
