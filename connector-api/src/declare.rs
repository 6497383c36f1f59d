//! How options are declared: one plain struct, and out of it parsing, defaults, checks, the schema and the reference.
//!
//! ```text
//!   With<FileOptions, LineOptions>      {path: …, rotate: …, form: …, time: …}     what the user writes: one level
//!                                          │                │
//!        own: FileOptions  ◀───────────────┘                └──────────▶  group: LineOptions
//! ```
//!
//! A group of options that several components share is a struct as well, and stands beside a component's own: [`With`].
//! serde's `flatten` is no way to it: it loses which option an error is in, and lets keys through that nobody knows.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Problem;

/// What can be declared as options: any plain struct that derives `Deserialize` and `JsonSchema`, alone or [`With`] another.
pub trait Options: Sized {
    /// The JSON Schema: with descriptions and defaults, in one piece.
    fn schema() -> Schema;

    /// Reads options.
    ///
    /// # Errors
    /// They do not have the form of the schema, or one of them does not say what its type wants to read.
    fn read(options: Value) -> Result<Self, Problem>;
}

/// A component's own options and a group of options that it shares with other components, on one level. The group's keys
/// come behind the component's own.
///
/// ```
/// use levada_connector_api::{Options, With};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use serde_json::json;
///
/// #[derive(Debug, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Place {
///     /// Where to.
///     path: String,
/// }
///
/// #[derive(Debug, Default, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields, default)]
/// struct Look {
///     /// Spaces before a line.
///     indent: u8,
/// }
///
/// let options = With::<Place, Look>::read(json!({"path": "a", "indent": 2})).expect("well formed");
/// assert_eq!((options.own.path.as_str(), options.group.indent), ("a", 2));
/// let problem = With::<Place, Look>::read(json!({"path": "a", "indent": -1})).expect_err("out of range");
/// assert_eq!(problem.path, "indent");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct With<Own, Group> {
    /// The component's own.
    pub own: Own,
    /// The shared ones.
    pub group: Group,
}

impl<T: DeserializeOwned + JsonSchema> Options for T {
    fn schema() -> Schema {
        SchemaSettings::draft2020_12()
            .with(|settings| {
                settings.meta_schema = None;
                settings.inline_subschemas = true;
            })
            .into_generator()
            .into_root_schema_for::<T>()
    }

    fn read(options: Value) -> Result<Self, Problem> {
        serde_path_to_error::deserialize(options).map_err(|error| {
            let path = match error.path().to_string() {
                // The options as a whole.
                path if path == "." => String::new(),
                path => path,
            };
            Problem::new(path, error.into_inner().to_string())
        })
    }
}

impl<Own: Options, Group: Options> Options for With<Own, Group> {
    fn schema() -> Schema {
        let mut schema = Own::schema();
        let group = Group::schema();
        for (key, option) in properties(&group) {
            let all = schema.ensure_object().entry("properties").or_insert_with(|| Map::new().into());
            let before = all.as_object_mut().and_then(|all| all.insert(key.clone(), option.clone()));
            assert!(before.is_none(), "`{key}` is declared twice");
        }
        if let Some(Value::Array(more)) = group.get("required") {
            let all = schema.ensure_object().entry("required").or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(all) = all {
                all.extend(more.iter().cloned());
            }
        }
        schema
    }

    fn read(options: Value) -> Result<Self, Problem> {
        let Value::Object(all) = options else {
            return Own::read(options)
                .and_then(|own| Ok(Self { own, group: Group::read(Map::new().into())? }));
        };
        let schema = Group::schema();
        let (group, own): (Map<_, _>, Map<_, _>) =
            all.into_iter().partition(|(key, _)| properties(&schema).any(|(known, _)| known == key));
        Ok(Self { own: Own::read(own.into())?, group: Group::read(group.into())? })
    }
}

fn properties(schema: &Schema) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    /// A place.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Place {
        /// Where to.
        path: String,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Look {
        /// Spaces before a line.
        #[serde(default)]
        indent: u8,
        /// What a line ends with.
        end: Vec<char>,
    }

    type Both = With<Place, Look>;

    #[test]
    fn own_options_and_a_group_are_one_schema() {
        let schema = serde_json::to_value(Both::schema()).expect("JSON");
        let keys: Vec<_> = schema["properties"].as_object().expect("some").keys().collect();
        assert_eq!(keys, ["path", "indent", "end"]);
        assert_eq!(schema["required"], json!(["path", "end"]));
        assert_eq!(schema["properties"]["indent"]["description"], "Spaces before a line.");
        assert_eq!(
            (&schema["description"], &schema["additionalProperties"]),
            (&json!("A place."), &json!(false))
        );
    }

    #[test]
    fn each_side_gets_its_own() {
        let Both { own, group } = Both::read(json!({"end": ["x"], "path": "a"})).expect("well formed");
        assert_eq!((own.path.as_str(), group.indent, group.end), ("a", 0, vec!['x']));
    }

    #[test]
    fn problems_name_the_option_on_either_side() {
        let path = |options| Both::read(options).expect_err("wrong").path;
        assert_eq!(path(json!({"path": 1, "end": []})), "path");
        assert_eq!(path(json!({"path": "a", "end": ["x", "long"]})), "end[1]");
        assert_eq!(path(json!({"path": "a", "end": [], "indent": 1000})), "indent");
        assert_eq!(Both::read(json!({"path": "a"})).expect_err("wrong").message, "missing field `end`");
        let unknown = Both::read(json!({"path": "a", "end": [], "ident": 1})).expect_err("wrong").message;
        assert!(unknown.contains("unknown field `ident`"), "{unknown}");
        assert!(Both::read(json!("text")).is_err());
    }
}
