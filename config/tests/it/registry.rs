//! Components for tests: their options have every form that options of real ones have. They are never run.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use levada_connector_api::{
    BuildContext, ByteSize, DecoderFactory, DecoderType, Error, Interval, Problem, Registry,
    Result as ApiResult, Secret, Sink, SinkType, Source, SourceType, Transform, TransformType,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) fn registry() -> Registry {
    Registry::new()
        .with_source::<Kafka>()
        .with_source::<Sensor>()
        .with_decoder::<Json>()
        .with_decoder::<Csv>()
        .with_transform::<Sql>()
        .with_transform::<Where>()
        .with_sink::<Store>()
        .with_sink::<File>()
        .with_sink::<Stdout>()
}

macro_rules! component {
    ($trait:ident for $type:ident: $built:ty, $name:literal, $summary:literal, $options:ty $(, $($item:tt)*)?) => {
        struct $type;

        impl $trait for $type {
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = $summary;
            type Options = $options;
            $($($item)*)?

            fn build(_: $options, _: &BuildContext) -> ApiResult<$built> {
                Err(Error::bug("components of these tests are never built"))
            }
        }
    };
}

/// Where to read in a topic.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Start {
    /// The oldest record.
    #[default]
    Earliest,
    /// What comes from now on.
    Latest,
    /// The first record at or after a time, in milliseconds since 1970.
    #[serde(untagged)]
    At(i64),
}

/// Records of Kafka topics.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KafkaOptions {
    /// Brokers to begin with, as `host:port` with commas between them.
    #[schemars(length(min = 1), example = "127.0.0.1:9092")]
    pub(crate) brokers: String,
    /// Topics to read. One that begins with `^` is a pattern.
    #[schemars(length(min = 1), example = ["sensors"])]
    pub(crate) topics: Vec<String>,
    /// The consumer group.
    pub(crate) group: Option<String>,
    /// Where to begin where nothing is committed.
    #[serde(default)]
    pub(crate) start: Start,
    /// How often what is settled is committed.
    #[serde(default = "commit_interval")]
    pub(crate) commit_interval: Interval,
    /// Bytes fetched ahead.
    pub(crate) prefetch: Option<ByteSize>,
    /// Tasks that decode.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64))]
    pub(crate) tasks: u16,
    /// Passed to librdkafka as they are.
    #[serde(default)]
    pub(crate) properties: BTreeMap<String, String>,
    /// Passed to the decoder's threads as they are.
    #[serde(default)]
    pub(crate) more: BTreeMap<String, Property>,
    /// The first offset, in a notation of its own.
    #[schemars(example = "0:0")]
    pub(crate) offset: Option<Offset>,
}

/// A text, which may be a secret, or something else.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Property {
    Text(Secret),
    Number(serde_json::Number),
    Bool(bool),
}

/// `partition:offset`; the schema says only that it is a text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub(crate) struct Offset(String);

impl TryFrom<String> for Offset {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts =
            text.split_once(':').map(|(partition, offset)| (partition.parse::<u32>(), offset.parse::<u64>()));
        match parts {
            Some((Ok(_), Ok(_))) => Ok(Self(text)),
            _ => Err(format!("`{text}` is not `partition:offset`")),
        }
    }
}

fn commit_interval() -> Interval {
    Interval(Duration::from_secs(1))
}

fn one() -> u16 {
    1
}

component! {
    SourceType for Kafka: Box<dyn Source>, "kafka", "Records of Kafka topics.", KafkaOptions,
    const DECODES: bool = true;

    fn check(options: &KafkaOptions) -> Vec<Problem> {
        let taken = ["group.id", "enable.auto.commit"];
        let wrong = options.properties.keys().filter(|name| taken.contains(&name.as_str()));
        let mut problems: Vec<_> = wrong
            .map(|name| Problem::new(format!("properties.{name}"), format!("`{name}` is set by Levada")))
            .collect();
        let empty = options.topics.iter().position(|topic| topic.contains(' '));
        problems.extend(empty.map(|at| Problem::new(format!("topics[{at}]"), "a topic's name holds no blank")));
        problems
    }
}

/// A wave.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "shape", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Wave {
    /// Up and down.
    Sine {
        /// The time from top to top.
        period: Interval,
    },
    /// Always the same.
    Constant {
        /// The value.
        value: f64,
    },
}

/// How long it goes on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    /// So many rows.
    Rows(u64),
    /// So long.
    Time(Interval),
}

/// Simulated sensors.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SensorOptions {
    /// How many devices.
    pub(crate) devices: u32,
    /// What each measures.
    pub(crate) waves: BTreeMap<String, Wave>,
    /// When to stop. Never where not given.
    pub(crate) limit: Option<Limit>,
    /// Rows a second, as fast as it goes where not given.
    pub(crate) rate: Option<f64>,
    /// Whether values jitter.
    pub(crate) noise: bool,
}

component! { SourceType for Sensor: Box<dyn Source>, "sensor", "Simulated sensors.", SensorOptions }

/// Fields of JSON objects.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JsonOptions {
    /// The path of the field with the device.
    pub(crate) device: Option<String>,
    /// The path of the field with the time.
    pub(crate) time: Option<String>,
}

component! { DecoderType for Json: DecoderFactory, "json", "JSON objects.", JsonOptions }

/// Comma-separated values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CsvOptions {
    /// What stands between values.
    #[schemars(length(min = 1, max = 1))]
    pub(crate) separator: String,
}

component! { DecoderType for Csv: DecoderFactory, "csv", "Comma-separated values.", CsvOptions }

/// An SQL select list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct SqlOptions(pub(crate) String);

component! { TransformType for Sql: Box<dyn Transform>, "sql", "Rows through a select list.", SqlOptions }

/// A condition.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Condition {
    /// All of these.
    All(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// A measurement above a limit.
    Above {
        /// The measurement.
        measurement: String,
        /// The limit.
        limit: f64,
    },
}

component! {
    TransformType for Where: Box<dyn Transform>, "where", "Rows that fit a condition.", Condition,
    fn outputs(_: &Condition) -> Vec<String> {
        vec!["late".to_owned()]
    }
}

/// A series that is made before the first write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Series {
    /// Its path.
    pub(crate) path: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) data_type: DataType,
}

/// A data type.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) enum DataType {
    #[serde(rename = "DOUBLE")]
    Double,
    #[serde(rename = "INT64")]
    Int64,
    #[serde(rename = "TEXT")]
    Text,
}

/// A store of series.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"embedded": "./data", "database": "root.plant", "sessions": 3}))]
#[schemars(example = serde_json::json!({"embedded": "./other", "database": "root.other"}))]
pub(crate) struct StoreOptions {
    /// The folder.
    #[schemars(example = "./data")]
    pub(crate) embedded: PathBuf,
    /// The database that rows go to.
    #[schemars(regex(pattern = r"^root\."), example = "root.plant")]
    pub(crate) database: String,
    /// Who logs in.
    #[serde(default = "root")]
    pub(crate) user: String,
    /// With what.
    pub(crate) password: Option<Secret>,
    /// Series made before the first write.
    #[serde(default)]
    pub(crate) timeseries: Vec<Series>,
    /// Sessions used at once.
    pub(crate) sessions: Option<u8>,
}

fn root() -> String {
    "root".to_owned()
}

component! {
    SinkType for Store: Arc<dyn Sink>, "iotdb", "Series of an IoTDB.", StoreOptions,

    fn claims(options: &StoreOptions) -> Vec<String> {
        vec![format!("folder {}", options.embedded.display())]
    }
}

/// A file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileOptions {
    /// What its rows are, by a name that the schema does not know.
    #[schemars(with = "Option<String>", example = &"DOUBLE")]
    pub(crate) rows: Option<DataType>,
    /// Where it is.
    #[schemars(example = "./out.csv")]
    pub(crate) path: PathBuf,
    /// How rows are written.
    pub(crate) format: Option<Format>,
}

/// The form of a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Csv,
    Jsonl,
}

component! {
    SinkType for File: Arc<dyn Sink>, "file", "A file of rows.", FileOptions,

    fn claims(options: &FileOptions) -> Vec<String> {
        vec![format!("file {}", options.path.display())]
    }
}

/// Rows as lines of text.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StdoutOptions {
    /// How many rows at most.
    pub(crate) limit: Option<u64>,
}

component! { SinkType for Stdout: Arc<dyn Sink>, "stdout", "Rows on the standard output.", StdoutOptions }
