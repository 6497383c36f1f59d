//! Where the time of a record stands: in it, or beside it.

use std::{borrow::Cow, str::FromStr};

use levada_connector_api::Meta;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::path::JsonPath;

/// A place in a record (`$.time`), or what comes with it (`@timestamp`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the record.
    Path(JsonPath),
    /// Beside it.
    Meta(Meta),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('@') { text.parse().map(Self::Meta) } else { text.parse().map(Self::Path) }
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Place {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Place".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": r"^(\$[.\[]|@[a-z])", "examples": ["$.reading.time"]})
    }
}
