//! The options of the encoder.

use std::path::PathBuf;

use levada_connector_api::Problem;
use levada_schema_registry::SchemaRegistry;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{derive::is_legal, plan::Names};
use crate::template::Template;

/// How rows become Avro records. With a `registry`, each begins with the id of its schema; with a `schema_file` alone, all are of
/// that schema and have nothing before their fields.
///
/// Without a `schema_file` the schema is the subject's last one. Where a measurement is new or comes with another type, it is extended
/// and registered (unless `register` is false); a first one is a record of `device`, `time` (`timestamp-millis`) and the measurements,
/// each of which may be null. A measurement that is named like one of these (`time`, `device`, `measurements`, `types`, `values`,
/// `timestamp`) stands in a record `measurements`. What cannot be written is rejected with the reason.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(example = serde_json::json!({"registry": {"url": "http://localhost:8081"}}))]
pub struct AvroOptions {
    /// The registry that knows schemas, or is told of them. While it is away, rows wait; a schema that it does not take ends the
    /// pipeline.
    pub registry: Option<SchemaRegistry>,
    /// The subject of the schema, `TOPIC-value` unless given. `{device}`, `{date}`, `{year}`, `{month}`, `{day}` and `{hour}` stand for
    /// a row's device and time (in UTC), as in the topic.
    #[schemars(example = &"readings-value")]
    pub subject: Option<String>,
    /// Whether a schema that the registry does not have is registered. If not, rows that the subject's last schema has no field for
    /// are rejected, and a `schema_file` that the registry does not know ends the pipeline.
    pub register: bool,
    /// A file with the schema of all records, `.avsc`. Its fields have the names of measurements, those of nested records
    /// `outer_inner`; values are converted to their types as into a series.
    #[schemars(example = &"reading.avsc")]
    pub schema_file: Option<PathBuf>,
    /// The name of a schema that is made of rows.
    #[schemars(example = &"plant.Reading")]
    pub record: String,
    /// The field for the device. Empty where a schema that is given has none.
    pub device: String,
    /// The field for the time; unless given, `time`, and where a schema that is given has none `timestamp`. It is a `long`, with or
    /// without a logical type for times; without one it takes milliseconds.
    #[schemars(example = &"time")]
    pub time: Option<String>,
}

impl Default for AvroOptions {
    fn default() -> Self {
        Self {
            registry: None,
            subject: None,
            register: true,
            schema_file: None,
            record: "Reading".to_owned(),
            device: "device".to_owned(),
            time: None,
        }
    }
}

impl AvroOptions {
    /// Whether the schema is made of rows.
    pub(super) fn derives(&self) -> bool {
        self.schema_file.is_none() && self.register
    }

    /// The fields that are no measurements.
    pub(super) fn names(&self) -> Names {
        Names { device: self.device.clone(), time: self.time.clone() }
    }

    /// The subject of rows that go to a place.
    pub(super) fn subject_of(&self, place: &str) -> Template {
        let text = self.subject.clone().unwrap_or_else(|| format!("{place}-value"));
        // Whoever names a place has read it, and options without problems have been, too.
        Template::parse(&text, "subject").unwrap_or_else(|_| Template::plain(text))
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |path: &str, message: String| problems.push(Problem::new(path, message));
        if self.registry.is_none() {
            if self.schema_file.is_none() {
                let message =
                    "of which schema records are is not said: name a `registry`, or a `schema_file`";
                add("registry", message.to_owned());
            }
            if self.subject.is_some() {
                add("subject", "only a `registry` has subjects".to_owned());
            }
            if !self.register {
                add("register", "there is no `registry` to look the schema up".to_owned());
            }
        }
        if let Some(subject) = &self.subject {
            match Template::parse(subject, "subject") {
                Ok(_) if subject.trim().is_empty() => add("subject", "a subject has a name".to_owned()),
                Ok(_) => {}
                Err(message) => add("subject", message),
            }
        }
        if let Some(wrong) = self.record.split('.').find(|part| !is_legal(part)) {
            let message =
                format!("`{wrong}` is no name in Avro: letters and digits of ASCII and `_`, no digit first");
            add("record", message);
        }
        let time = self.time.as_deref().unwrap_or("time");
        for (path, name) in [("device", self.device.as_str()), ("time", time)] {
            if self.derives() && !is_legal(name) {
                let message = format!(
                    "`{name}` is no name in Avro: letters and digits of ASCII and `_`, no digit first"
                );
                add(path, message);
            }
        }
        if self.device == time {
            add("time", "device and time are two fields".to_owned());
        }
        problems.extend(self.registry.iter().flat_map(SchemaRegistry::problems));
        problems
    }
}
