//! The options of the sink, and what can be said of them without touching the world.

use std::{collections::BTreeSet, path::PathBuf};

use levada_connector_api::{
    ByteSize, EngineTuning, Interval, Problem, Secret, StoreOptions, StoreTarget, SyncMode, TlsOptions,
    model::{Compressor, DataType, Encoding, Path, SeriesSchema},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// Which store, and how rows become series.
///
/// With `embedded` each row is stored exactly once: its position is stored with it. With `nodes` delivery is at least once; the
/// effect is once, as a row written again replaces itself: it is known by its series and time. A row that the store rejects is
/// rejected with the store's words, and holds up no other. What passes (a node that is down, or short of memory or disk) is
/// waited for. A write at which nodes hang up, or fail and do not say that it is why, five times and for a minute, is divided until
/// the rows that cause it stand alone: they are rejected. `nodes` was tried with Apache IoTDB 0.12.0 and 2.0.1-beta.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"embedded": "./data", "database": "root.plant"}))]
#[schemars(example = serde_json::json!({
    "nodes": ["10.0.0.5:6667"], "user": "root", "password": "${IOTDB_PASSWORD}", "database": "root.plant",
}))]
pub struct IotdbOptions {
    /// The folder of the embedded engine; made if missing. Either this or `nodes`.
    #[serde(default)]
    pub embedded: Option<PathBuf>,
    /// When the embedded engine's acknowledgement means that rows are on disk.
    #[serde(default)]
    #[schemars(example = &"group")]
    pub sync: Option<SyncMode>,
    /// How long a group of writes gathers before it is synced (3ms where nothing is said), or how far syncs are apart with
    /// `sync: interval` (1s).
    #[serde(default)]
    #[schemars(example = &"3ms")]
    pub sync_delay: Option<Interval>,
    /// Bytes after which a group of writes waits no longer (4MiB where nothing is said).
    #[serde(default)]
    pub sync_bytes: Option<ByteSize>,
    /// Memory of the embedded engine for rows that are not in files yet; writers wait when it is full (128MiB where nothing
    /// is said).
    #[serde(default)]
    #[schemars(example = &"128MiB")]
    pub memory: Option<ByteSize>,
    /// `host:port` of each node of a running IoTDB, one an entry or several with commas. Either this or `embedded`. Rows go to the node that the server recommends
    /// for their device, or else to the least busy one. A node that does not answer is left out, for a second at first and for
    /// 30s at most, and taken back when it answers.
    #[serde(default)]
    #[schemars(example = ["10.0.0.5:6667"])]
    pub nodes: Vec<String>,
    /// Who logs in at the nodes; `root` where nothing is said.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password; `root` where nothing is said. A login that a node rejects ends the pipeline.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Encrypts the connections with the nodes; `{}` where the system's authorities vouch for their certificates. A certificate
    /// that is rejected ends the pipeline.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"ca_file": "ca.pem"}))]
    pub tls: Option<TlsOptions>,
    /// The database (`root.plant`; before IoTDB 1.0 a storage group), created if missing. Devices whose path does not start
    /// with `root` are put under it.
    #[serde(default)]
    #[schemars(schema_with = "path_schema")]
    pub database: Option<Path>,
    /// Series to create before the first write, where they are missing. All others are created by the store, with types
    /// as the rows have them.
    #[serde(default)]
    #[schemars(example = serde_json::json!([{"path": "root.plant.d1.temperature", "type": "DOUBLE"}]))]
    pub timeseries: Vec<TimeseriesOption>,
    /// Store the series of a device with one time column for all of them.
    #[serde(default)]
    pub aligned: bool,
    /// How many writes may be under way at once; with nodes, how many connections there are at most, over all nodes. A
    /// device's rows stay in order.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 64))]
    pub sessions: usize,
    /// How long a node may take to answer (60s where nothing is said). One that takes longer is left out for a while, and the
    /// write is made again.
    #[serde(default)]
    pub timeout: Option<Interval>,
}

/// A series to create.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeseriesOption {
    /// Device and measurement: `root.plant.d1.temperature`. Put under `database` where it does not start with `root`.
    #[schemars(schema_with = "path_schema")]
    pub path: Path,
    /// The type of its values.
    #[serde(rename = "type")]
    #[schemars(schema_with = "data_type_schema")]
    pub data_type: DataType,
    /// How values are encoded; what suits the type where nothing is said.
    #[serde(default)]
    #[schemars(schema_with = "encoding_schema")]
    pub encoding: Option<Encoding>,
    /// How pages are compressed; LZ4 where nothing is said.
    #[serde(default)]
    #[schemars(schema_with = "compressor_schema")]
    pub compression: Option<Compressor>,
}

/// Below this an engine would flush all the time.
const LEAST_MEMORY: ByteSize = ByteSize(4 << 20);

fn three() -> usize {
    3
}

fn path_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "path", "examples": ["root.plant"]})
}

fn data_type_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": DataType::ALL.map(DataType::name)})
}

fn encoding_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": Encoding::ALL.map(Encoding::name)})
}

fn compressor_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": Compressor::ALL.map(Compressor::name)})
}

impl TimeseriesOption {
    /// How the series is to be stored.
    pub fn schema(&self) -> SeriesSchema {
        let default = SeriesSchema::default_for(self.data_type);
        SeriesSchema {
            data_type: self.data_type,
            encoding: self.encoding.unwrap_or(default.encoding),
            compressor: self.compression.unwrap_or(default.compressor),
        }
    }
}

impl IotdbOptions {
    /// Which store is meant; `None` where the options name none or two.
    pub fn target(&self) -> Option<StoreTarget> {
        self.store().target(self.tuning(), self.sessions)
    }

    /// The options that every connector to a store has.
    fn store(&self) -> StoreOptions {
        StoreOptions {
            embedded: self.embedded.clone(),
            nodes: self.nodes.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            tls: self.tls.clone(),
            timeout: self.timeout,
        }
    }

    fn tuning(&self) -> EngineTuning {
        EngineTuning { sync: self.sync, delay: self.sync_delay, bytes: self.sync_bytes, memory: self.memory }
    }

    /// Options that say something of another store, or another mode, than the one that is meant.
    fn misplaced(&self, problems: &mut Vec<Problem>) {
        let tuning = [
            ("sync", self.sync.is_some()),
            ("sync_delay", self.sync_delay.is_some()),
            ("sync_bytes", self.sync_bytes.is_some()),
            ("memory", self.memory.is_some()),
        ];
        for (option, _) in tuning.into_iter().filter(|(_, given)| *given && self.embedded.is_none()) {
            problems.push(Problem::new(option, "nodes have settings of their own: this is for `embedded`"));
        }
        let sync = self.sync.unwrap_or_default();
        if sync == SyncMode::Always && self.sync_delay.is_some() {
            problems.push(Problem::new(
                "sync_delay",
                "with `sync: always` nothing waits: take it away, or say `sync: group`",
            ));
        }
        if sync != SyncMode::Group && self.sync_bytes.is_some() {
            problems.push(Problem::new("sync_bytes", "this is for `sync: group`"));
        }
        if self.memory.is_some_and(|memory| memory < LEAST_MEMORY) {
            let message = format!("{LEAST_MEMORY} is the least an engine can work with");
            problems.push(Problem::new("memory", message));
        }
    }

    /// What cannot work.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = self.store().problems();
        self.misplaced(&mut problems);
        if !(1..=64).contains(&self.sessions) {
            problems.push(Problem::new("sessions", format!("{} is not from 1 to 64", self.sessions)));
        }
        if let Some(database) = &self.database
            && (!starts_with_root(database) || database.nodes().count() < 2)
        {
            let message =
                format!("`{database}` is no database: write `root` and at least one node, as in root.plant");
            problems.push(Problem::new("database", message));
        }
        self.timeseries_problems(&mut problems);
        problems
    }

    fn timeseries_problems(&self, problems: &mut Vec<Problem>) {
        let mut seen = BTreeSet::new();
        for (index, series) in self.timeseries.iter().enumerate() {
            let at = |option: &str| format!("timeseries[{index}].{option}");
            let path = &series.path;
            if starts_with_root(path) && path.nodes().count() < 3 {
                let message = format!(
                    "`{path}` is no series: it has a device and a measurement, as in root.plant.d1.t"
                );
                problems.push(Problem::new(at("path"), message));
            } else if !starts_with_root(path) && (self.database.is_none() || path.nodes().count() < 2) {
                let message = format!(
                    "`{path}` does not start with `root`, and there is no `database` to put it under"
                );
                problems.push(Problem::new(at("path"), message));
            }
            if !seen.insert(path) {
                problems.push(Problem::new(at("path"), format!("`{path}` is in the list twice")));
            }
            if let Some(encoding) = series.encoding
                && !encoding.supports(series.data_type)
            {
                let fitting = Encoding::ALL.into_iter().filter(|each| each.supports(series.data_type));
                let fitting: Vec<_> = fitting.map(Encoding::name).collect();
                let message = format!(
                    "{encoding} cannot hold {}: take one of {}",
                    series.data_type,
                    fitting.join(", ")
                );
                problems.push(Problem::new(at("encoding"), message));
            }
        }
    }
}

/// Whether a path says itself where it is.
pub(super) fn starts_with_root(path: &Path) -> bool {
    path.as_str().strip_prefix("root").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(options: serde_json::Value) -> Vec<String> {
        let options: IotdbOptions = serde_json::from_value(options).expect("well formed");
        options.problems().into_iter().map(|each| format!("{}: {}", each.path, each.message)).collect()
    }

    #[test]
    fn good_options_have_no_problem() {
        assert_eq!(problems(json!({"embedded": "./data"})), [""; 0]);
        let options = json!({
            "nodes": ["10.0.0.5:6667", "[::1]:6667"], "user": "u", "password": "p", "database": "root.plant",
            "timeseries": [
                {"path": "root.plant.d1.t", "type": "DOUBLE", "encoding": "GORILLA", "compression": "SNAPPY"},
                {"path": "d1.status", "type": "BOOLEAN"},
            ],
            "aligned": true, "sessions": 5,
        });
        assert_eq!(problems(options), [""; 0]);
        let tuned = json!({"embedded": "./data", "sync": "interval", "sync_delay": "5s", "memory": "64MiB"});
        assert_eq!(problems(tuned), [""; 0]);
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let options = json!({
            "nodes": ["localhost"], "embedded": "x", "user": "me", "database": "plant", "sessions": 0,
            "timeseries": [
                {"path": "root.t", "type": "TEXT", "encoding": "GORILLA"},
                {"path": "root.t", "type": "INT32"},
            ],
        });
        let found = problems(options);
        let paths: Vec<_> = found.iter().map(|each| each.split(": ").next().unwrap_or_default()).collect();
        assert_eq!(
            paths,
            [
                "embedded",
                "user",
                "nodes[0]",
                "sessions",
                "database",
                "timeseries[0].path",
                "timeseries[0].encoding",
                "timeseries[1].path",
                "timeseries[1].path"
            ],
            "{found:#?}"
        );
        assert!(found[6].contains("take one of PLAIN, DICTIONARY"), "{}", found[6]);
    }

    #[test]
    fn settings_of_the_engine_are_for_the_embedded_one() {
        let at_nodes = problems(json!({"nodes": ["h:1"], "sync": "always"}));
        assert_eq!(at_nodes, ["sync: nodes have settings of their own: this is for `embedded`"]);
        let waiting =
            problems(json!({"embedded": "x", "sync": "always", "sync_delay": "1ms", "memory": "1KiB"}));
        assert_eq!(waiting.len(), 2, "{waiting:?}");
    }

    #[test]
    fn a_password_is_not_shown() {
        let options: IotdbOptions =
            serde_json::from_value(json!({"nodes": ["h:1"], "password": "hunter2"})).expect("well formed");
        assert!(!format!("{options:?} {:?}", options.target()).contains("hunter2"));
    }
}
