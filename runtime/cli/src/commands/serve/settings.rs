//! The settings of a server: declared once, named by files and by the command line, and what of them can change while it runs.
//!
//! ```text
//!   --config levada.yaml, iotdb-*.properties ─▶ named values, a later file's before an earlier's ─▶ Settings ◀─ options of the command line
//! ```

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use levada_connector_api::{ByteSize, Interval, SyncMode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ServeArgs, proportion::Proportion};
use crate::exit::Failure;

/// The settings of `levada serve`. Names are those of IoTDB where it has one for the same thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The data folder; it is made where there is none. `--data` comes before it.
    #[schemars(example = "./data")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The address at which clients of IoTDB, and of the REST interface, are served: `0.0.0.0` is all of this machine's. `--rpc` and
    /// `--rest` come before it.
    pub(crate) dn_rpc_address: IpAddr,
    /// The port at which clients of IoTDB are served.
    pub(crate) dn_rpc_port: u16,
    /// Whether IoTDB's REST interface is served.
    pub(crate) enable_rest_service: bool,
    /// The port of the REST interface.
    pub(crate) rest_service_port: u16,
    /// How long a connection of the REST interface may be without a request before it is closed.
    pub(crate) rest_idle_timeout: Interval,
    /// Where `/metrics`, `/ready` and `/ping` are served, as `host:port`. Nowhere where not given. `--http` comes before it.
    #[schemars(example = "127.0.0.1:9464")]
    pub(crate) http: Option<SocketAddr>,
    /// Encrypts all connections of clients with this certificate, a PEM file that may hold those between it and an authority too. It is
    /// read anew when it changes.
    #[schemars(example = "server.pem")]
    pub(crate) tls_cert_file: Option<PathBuf>,
    /// The private key of `tls_cert_file`, a PEM file, not encrypted.
    #[schemars(example = "server.key")]
    pub(crate) tls_key_file: Option<PathBuf>,
    /// How many clients may be connected at once, and as many to the REST interface.
    #[schemars(range(min = 1))]
    pub(crate) dn_rpc_max_concurrent_client_num: usize,
    /// The longest request that is read.
    pub(crate) dn_thrift_max_frame_size: ByteSize,
    /// How much all requests that are under way may have together.
    pub(crate) request_memory: ByteSize,
    /// How long a query may compute, where its client does not say. Changes while the server runs.
    pub(crate) query_timeout_threshold: Interval,
    /// How much memory one query may have.
    pub(crate) query_memory: ByteSize,
    /// The folder of modules that `create function` looks into, with its sub-folders; `ext/udf` in the data folder where not given.
    #[schemars(example = "./data/ext/udf")]
    pub(crate) udf_root_dir: Option<PathBuf>,
    /// How much one call of such a function may hold: of rows that wait for their window to be complete, and besides of what the
    /// function says it holds.
    pub(crate) udf_memory_budget: ByteSize,
    /// How that budget is divided: between the rows that the function reads, what it holds of them, and what it gives. Rows that wait
    /// beyond the first part, and windows that are larger than it, are in files without a name in the data folder, where the function can
    /// read them there.
    #[schemars(with = "String")]
    pub(crate) udf_reader_transformer_collector_memory_proportion: Proportion,
    /// How many bytes of rows that wait for their window one call of such a function may have on disk.
    pub(crate) udf_disk_budget: ByteSize,
    /// Whether writes make the databases and series they need. Changes while the server runs.
    pub(crate) enable_auto_create_schema: bool,
    /// When a write is acknowledged: `always` and `group` when it is on disk, `interval` when it is with the operating system, which
    /// loses writes of `sync_delay` where the power fails.
    pub(crate) sync: SyncMode,
    /// How long a group of writes gathers before it is synced (3ms where nothing is said), or how far syncs are apart with
    /// `sync: interval` (1s).
    #[schemars(example = "3ms")]
    pub(crate) sync_delay: Option<Interval>,
    /// Bytes after which a group of writes waits no longer (4MiB where nothing is said).
    pub(crate) sync_bytes: Option<ByteSize>,
    /// Memory for rows that are not in files yet; writers wait when it is full (128MiB where nothing is said).
    #[schemars(example = "128MiB")]
    pub(crate) memory: Option<ByteSize>,
    /// Where pipes of other servers may come from: networks, with commas between, as `192.168.0.0/16,fd00::/8`. Nobody may where it is
    /// empty. Changes while the server runs.
    pub(crate) ip_white_list: String,
    /// How often a pipe tries to send something before `SHOW PIPES` warns of it; it goes on trying, more slowly. Changes while the
    /// server runs.
    #[schemars(range(max = 2_147_483_647))]
    pub(crate) max_number_of_sync_file_retry: u32,
    /// How much of the log, and of files that were replaced, is kept for pipes that are stopped or whose receiver cannot be reached. A pipe that falls behind
    /// further sends what is stored anew, and says so.
    pub(crate) pipe_log_retention: ByteSize,
    /// How many bytes the files may have together that pipes of other servers have begun to send. Who sends more waits, and one file that is
    /// larger is rejected.
    pub(crate) pipe_received_bytes: ByteSize,
    /// A folder of pipelines that run in this process, all files `*.yaml` and `*.yml` of it but hidden ones. Files that are
    /// added, changed or removed while the server runs are taken up; one that is wrong is reported, and what ran before runs on. `--pipelines` comes before it.
    #[schemars(example = "./pipelines")]
    pub(crate) pipelines_dir: Option<PathBuf>,
    /// How often the folder of pipelines is looked at; `0s` for never: then SIGHUP alone says when. Changes while the server runs.
    pub(crate) pipelines_interval: Interval,
    /// The folder for what a pipeline remembers from one run to the next. `--state` comes before it.
    pub(crate) state_dir: PathBuf,
    /// How long a stop waits for calls and pipelines that are under way.
    pub(crate) grace: Interval,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: None,
            dn_rpc_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            dn_rpc_port: 6667,
            enable_rest_service: false,
            rest_service_port: 18080,
            rest_idle_timeout: Interval(Duration::from_secs(60)),
            http: None,
            tls_cert_file: None,
            tls_key_file: None,
            dn_rpc_max_concurrent_client_num: 10_000,
            dn_thrift_max_frame_size: ByteSize(128 << 20),
            request_memory: ByteSize(512 << 20),
            query_timeout_threshold: Interval(Duration::from_secs(60)),
            query_memory: ByteSize(64 << 20),
            udf_root_dir: None,
            udf_memory_budget: ByteSize(64 << 20),
            udf_reader_transformer_collector_memory_proportion: Proportion::EVEN,
            udf_disk_budget: ByteSize(16 << 30),
            enable_auto_create_schema: true,
            sync: SyncMode::Group,
            sync_delay: None,
            sync_bytes: None,
            memory: None,
            ip_white_list: levada_server::WhiteList::default().to_string(),
            max_number_of_sync_file_retry: 5,
            pipe_log_retention: ByteSize(4 << 30),
            pipe_received_bytes: ByteSize(16 << 30),
            pipelines_dir: None,
            pipelines_interval: Interval(Duration::from_secs(1)),
            state_dir: PathBuf::from(".levada"),
            grace: Interval(Duration::from_secs(10)),
        }
    }
}

/// What changes while the server runs; all else counts at the next start.
pub(super) const LIVE: [&str; 5] = [
    "query_timeout_threshold",
    "enable_auto_create_schema",
    "ip_white_list",
    "max_number_of_sync_file_retry",
    "pipelines_interval",
];

/// Below this an engine would flush all the time.
const LEAST_MEMORY: ByteSize = ByteSize(4 << 20);

impl Settings {
    /// Options of the command line come before what files say.
    pub(super) fn overrule(&mut self, args: &ServeArgs) {
        fn put<T: Clone>(into: &mut T, given: &Option<T>) {
            if let Some(given) = given {
                into.clone_from(given);
            }
        }
        let some = |given: &Option<PathBuf>| given.clone().map(Some);
        put(&mut self.data_dir, &some(&args.data));
        put(&mut self.pipelines_dir, &some(&args.pipelines));
        put(&mut self.tls_cert_file, &some(&args.tls_cert));
        put(&mut self.tls_key_file, &some(&args.tls_key));
        put(&mut self.http, &args.http.map(Some));
        put(&mut self.state_dir, &args.state);
        put(&mut self.dn_rpc_max_concurrent_client_num, &args.connections);
        put(&mut self.dn_thrift_max_frame_size, &args.frame);
        put(&mut self.request_memory, &args.memory);
        put(&mut self.query_timeout_threshold, &args.query_timeout);
        put(&mut self.grace, &args.grace);
        put(&mut self.sync, &args.sync.map(Into::into));
    }

    /// That the settings go together.
    ///
    /// # Errors
    /// They do not: the message says which.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let wrong = |message: &str| Err(Failure::invalid(message).into());
        if self.tls_cert_file.is_some() != self.tls_key_file.is_some() {
            return wrong(
                "a certificate and its key belong together: `tls_cert_file` or `tls_key_file` is missing",
            );
        }
        self.white_list()?;
        if self.memory.is_some_and(|memory| memory < LEAST_MEMORY) {
            return wrong(&format!("memory: {LEAST_MEMORY} is the least an engine can work with"));
        }
        if self.sync == SyncMode::Always && self.sync_delay.is_some() {
            return wrong(
                "sync_delay: with `sync: always` nothing waits: take it away, or say `sync: group`",
            );
        }
        if self.sync != SyncMode::Group && self.sync_bytes.is_some() {
            return wrong("sync_bytes: this is for `sync: group`");
        }
        Ok(())
    }

    /// Where pipes of other servers may come from.
    ///
    /// # Errors
    /// It is no list of networks.
    pub(super) fn white_list(&self) -> anyhow::Result<levada_server::WhiteList> {
        let list = self.ip_white_list.parse();
        Ok(list.map_err(|error| Failure::invalid(format!("ip_white_list: {error}")))?)
    }

    fn values(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(values)) => values,
            _ => Map::new(),
        }
    }

    /// Those that are set, as text, by name. None of them is a secret.
    pub(super) fn named(&self) -> Vec<(String, String)> {
        let set = self.values().into_iter().filter(|(_, value)| !value.is_null());
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        set.map(|(name, value)| (name, text(value))).collect()
    }

    /// Which settings differ, by name.
    pub(super) fn differing(&self, other: &Self) -> Vec<String> {
        let other = other.values();
        self.values()
            .into_iter()
            .filter(|(name, value)| other.get(name) != Some(value))
            .map(|(name, _)| name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use levada_config::load_options;

    use super::*;

    /// `config/levada.yaml`.
    fn document() -> String {
        let head = "The settings of `levada serve --config levada.yaml`. Each line that is a comment shows a setting with its default, \
                    or with an example where it has none; take out the mark before a name to say something else. Options of the \
                    command line come before what stands here.\n\nVariables are those of the environment: `${NAME}`, or \
                    `${NAME:-default}`. SIGHUP and LOAD CONFIGURATION read this file anew: what changes while the server runs says so, all \
                    else counts at the next start.";
        levada_config::explained_options::<Settings>(head)
    }

    #[test]
    fn the_documented_configuration_is_the_declared_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/levada.yaml");
        if std::env::var_os("LEVADA_BLESS").is_some() {
            fs::write(path, document()).expect("writable");
        }
        let found = fs::read_to_string(path).expect("the documented configuration");
        assert_eq!(found, document(), "run this test with LEVADA_BLESS=1 to write it anew");
        // As it stands it says nothing, and out of its comments it is read without a problem.
        let read = |text: &str| {
            let (given, problems) = load_options::<Settings>(text, "levada.yaml", &|_| None);
            assert_eq!(problems, []);
            given.expect("right")
        };
        let given = read(&found);
        assert_eq!((given.named.len(), given.options), (0, Settings::default()));
        let is_setting = |line: &&str| {
            line.strip_prefix("# ").and_then(|line| line.split_once(": ")).is_some_and(|(name, _)| {
                levada_config::option_names::<Settings>().iter().any(|known| known == name)
            })
        };
        let all: Vec<&str> = found.lines().filter(is_setting).map(|line| &line[2..]).collect();
        assert_eq!(all.len(), levada_config::option_names::<Settings>().len());
        read(&all.join("\n"));
    }

    #[test]
    fn what_changes_while_it_runs_is_a_setting_and_says_so() {
        let document = document();
        for name in LIVE {
            let paragraph = document.split("\n\n").find(|text| text.contains(&format!("# {name}:")));
            let words = paragraph.expect("a setting").replace("\n# ", " ");
            assert!(words.contains("Changes while the server runs"), "{words}");
        }
        assert_eq!(
            document.replace("\n# ", " ").matches("Changes while the server runs").count(),
            LIVE.len()
        );
    }

    #[test]
    fn settings_that_differ_are_named() {
        let other = Settings { dn_rpc_port: 7000, http: "127.0.0.1:1".parse().ok(), ..Settings::default() };
        assert_eq!(Settings::default().differing(&other), ["dn_rpc_port", "http"]);
    }
}
