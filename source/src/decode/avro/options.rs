//! The options of the decoder.

use std::{collections::BTreeMap, path::PathBuf};

use levada_connector_api::{Problem, model::DataType};
use levada_schema_registry::SchemaRegistry;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::decode::{
    json::{FieldChoice, JsonDecoder, JsonOptions, Place},
    time::{MissingTime, TimeUnit},
};

/// How Avro records are read. One of `registry` and `schema_file` says where their schemas are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(example = serde_json::json!({"registry": {"url": "http://localhost:8081"}}))]
pub struct AvroOptions {
    /// The registry that knows the schemas of records, each of which begins with the id of its own. While it is away, records wait.
    pub registry: Option<SchemaRegistry>,
    /// A file with the schema of all records, `.avsc`. They have nothing before their fields then.
    #[schemars(example = &"reading.avsc")]
    pub schema_file: Option<PathBuf>,
    /// Where the device's name stands, `$.device` unless given. Of several fields, it is a name with their places between braces,
    /// `root.{$.site}.{$.line}`. `@key`, `@topic` and `@headers.NAME` of a Kafka message may stand alone or between braces, too.
    #[schemars(example = &"$.device")]
    pub device: Option<String>,
    /// Where the time stands; unless given, `$.time`, and where a record has none `$.timestamp`. `@timestamp` is the time of a Kafka
    /// message.
    #[schemars(example = &"$.time")]
    pub time: Option<Place>,
    /// What a time counts that is a number and no timestamp by its schema.
    pub time_unit: TimeUnit,
    /// The zone of local timestamps, and of times in texts that do not say theirs, by its name or offset; UTC unless given.
    #[schemars(example = "Europe/Paris")]
    pub zone: Option<String>,
    /// What becomes of a record without a time.
    pub missing_time: MissingTime,
    /// Takes these fields and no others: measurement → where its value stands, be it what comes with the record (`@partition`).
    #[schemars(example = serde_json::json!({"speed": "$.motor.speed"}))]
    pub fields: Option<BTreeMap<String, FieldChoice>>,
    /// Types of measurements by name, where those of the schema would not do.
    #[schemars(with = "BTreeMap<String, String>", example = serde_json::json!({"count": "INT64"}))]
    pub cast: BTreeMap<String, DataType>,
}

impl AvroOptions {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = match (&self.registry, &self.schema_file) {
            (None, None) => vec![Problem::new(
                "registry",
                "where the schemas are is not said: name a `registry`, or a `schema_file`",
            )],
            (Some(_), Some(_)) => {
                vec![Problem::new(
                    "schema_file",
                    "records begin with a schema's id, for the `registry`, or are all of one schema: name one",
                )]
            }
            _ => Vec::new(),
        };
        problems.extend(self.registry.iter().flat_map(SchemaRegistry::problems));
        problems.extend(<JsonDecoder as levada_connector_api::DecoderType>::check(&self.parts()));
        problems
    }

    /// How the fields of a record are read.
    pub(super) fn parts(&self) -> JsonOptions {
        JsonOptions {
            device: self.device.clone(),
            time: self.time.clone(),
            time_unit: self.time_unit,
            zone: self.zone.clone(),
            missing_time: self.missing_time,
            fields: self.fields.clone(),
            cast: self.cast.clone(),
            ..JsonOptions::default()
        }
    }
}
