//! What is asked of the server: which nodes, regions and settings there are. There is one node, which does all that a cluster's do.

use std::{net::SocketAddr, sync::Arc};

use arrow_array::{ArrayRef, Int32Array, Int64Array, StringArray};
use levada_model::{DataType, Rows, SessionError, StatusCode};
use levada_query::QueryContext;
use levada_sql::ast::{Absent, ChangeTrigger, Regions, Show};

use super::Request;
use crate::{
    engine::Shared,
    rows::{column, ready},
};

/// The number of the node.
const NODE: i32 = 1;

/// What a server is needed for, where there is none.
fn no_server(what: &str) -> SessionError {
    let message =
        format!("{what} is for a server, and this store is not served: start one with `levada serve`");
    SessionError::new(StatusCode::UNSUPPORTED_OPERATION, message)
}

pub(super) async fn load_configuration(shared: &Shared) -> Result<String, SessionError> {
    let host = shared.host.get().ok_or_else(|| no_server("LOAD CONFIGURATION"))?;
    host.load_configuration().await
}

/// Triggers are not run: says what is.
pub(super) fn trigger(change: &ChangeTrigger) -> Result<String, SessionError> {
    let (code, message) = match change {
        ChangeTrigger::Create { name } => (
            StatusCode::CREATE_TRIGGER_ERROR,
            format!(
                "trigger [{name}] is not made: triggers are not run here. A pipeline does what they are for: it reads \
                 what is written with `sources: {{…: {{iotdb: {{follow: true}}}}}}`, checks it in `transforms` and sends on what \
                 they find, run by `levada run` or `levada serve --pipelines`"
            ),
        ),
        ChangeTrigger::Drop { name } => (
            StatusCode::DROP_TRIGGER_ERROR,
            format!("Failed to drop trigger [{name}], this trigger has not been created"),
        ),
        ChangeTrigger::Switch { name } => (
            StatusCode::EXECUTE_STATEMENT_ERROR,
            format!("there is no trigger [{name}]: triggers are not run here, pipelines are"),
        ),
    };
    Err(SessionError::new(code, message))
}

/// Answers what is asked of the server.
pub(super) fn show(request: &Request<'_>, show: &Show) -> Result<Rows, SessionError> {
    let shared = request.shared;
    let node = || Node::of(request);
    match show {
        Show::Variables => variables(shared),
        Show::ClusterId => table(vec![("ClusterId", Cells::one(shared.pipes.engine()))]),
        Show::DataNodes => node()?.as_data_node(shared.storage.stats().databases),
        Show::ConfigNodes => node()?.as_config_node(),
        Show::Cluster { details: false } => node()?.as_cluster(),
        Show::Cluster { details: true } => node()?.in_detail(),
        Show::Regions(which) => regions(shared, &node()?, which),
        Show::Triggers => table(
            ["TriggerName", "Event", "Type", "State", "PathPattern", "ClassName", "NodeID"]
                .map(|name| (name, Cells::Texts(Vec::new())))
                .into(),
        ),
        Show::PipePlugins => pipe_plugins(),
        Show::Absent(what) => table(absent(*what).iter().map(|&head| (head, Cells::none(head))).collect()),
        _ => Err(SessionError::unsupported("what is asked of the store, asked of the server")),
    }
}

/// What pipes are made of here; the names as a pipe's definition has them.
fn pipe_plugins() -> Result<Rows, SessionError> {
    const NAMES: [&str; 4] = ["DO-NOTHING-PROCESSOR", "DO-NOTHING-SINK", "IOTDB-SOURCE", "IOTDB-THRIFT-SINK"];
    let same = |text: &str| Cells::Texts(vec![text.to_owned(); NAMES.len()]);
    table(vec![
        ("PluginName", Cells::Texts(NAMES.map(str::to_owned).into())),
        ("PluginType", same("Builtin")),
        ("ClassName", same("")),
        ("PluginJar", same("")),
    ])
}

/// The columns of a table that has no rows here.
fn absent(what: Absent) -> &'static [&'static str] {
    match what {
        Absent::Topics => &["TopicName", "TopicConfigs"],
        Absent::Subscriptions => &["TopicName", "ConsumerGroupName", "SubscribedConsumers"],
        Absent::Models => &["ModelId", "ModelType", "State", "Configs", "Notes"],
        Absent::AiNodes => &["NodeID", "Status", "RpcAddress", "RpcPort"],
    }
}

/// The node, as tables show it.
struct Node {
    status: &'static str,
    address: SocketAddr,
    context: QueryContext,
}

impl Node {
    fn of(request: &Request<'_>) -> Result<Self, SessionError> {
        let shared = request.shared;
        // A client is told the address by which it comes: others it may not reach.
        let address = request.reached_at.or_else(|| Some(shared.host.get()?.address()));
        let address = address.ok_or_else(|| no_server("this statement"))?;
        Ok(Self {
            status: if shared.gate.is_read_only() { "ReadOnly" } else { "Running" },
            address,
            context: shared.query_context(request.zone),
        })
    }

    fn ip(&self) -> Cells {
        Cells::one(self.address.ip().to_canonical().to_string())
    }

    fn port(&self) -> Cells {
        Cells::Ints(vec![self.address.port().into()])
    }

    fn status(&self) -> Cells {
        Cells::one(self.status.to_owned())
    }

    fn as_data_node(&self, databases: usize) -> Result<Rows, SessionError> {
        let regions = || Cells::Ints(vec![i32::try_from(databases).unwrap_or(i32::MAX)]);
        table(vec![
            ("NodeID", Cells::Ints(vec![NODE])),
            ("Status", self.status()),
            ("RpcAddress", self.ip()),
            ("RpcPort", self.port()),
            ("DataRegionNum", regions()),
            ("SchemaRegionNum", regions()),
        ])
    }

    fn as_config_node(&self) -> Result<Rows, SessionError> {
        table(vec![
            ("NodeID", Cells::Ints(vec![NODE])),
            ("Status", self.status()),
            ("InternalAddress", self.ip()),
            ("InternalPort", self.port()),
            ("Role", Cells::one("Leader".to_owned())),
        ])
    }

    fn of_cluster(&self) -> Vec<(&'static str, Cells)> {
        vec![
            ("NodeID", Cells::Ints(vec![NODE])),
            ("NodeType", Cells::one("DataNode".to_owned())),
            ("Status", self.status()),
            ("InternalAddress", self.ip()),
            ("InternalPort", self.port()),
        ]
    }

    fn build(&self) -> [(&'static str, Cells); 2] {
        [
            ("Version", Cells::one(self.context.version.to_string())),
            ("BuildInfo", Cells::one(self.context.build.to_string())),
        ]
    }

    fn as_cluster(&self) -> Result<Rows, SessionError> {
        table(self.of_cluster().into_iter().chain(self.build()).collect())
    }

    /// It has no ports but the one for clients.
    fn in_detail(&self) -> Result<Rows, SessionError> {
        let none = || Cells::one(String::new());
        let ports = [
            ("ConfigConsensusPort", none()),
            ("RpcAddress", self.ip()),
            ("RpcPort", Cells::one(self.address.port().to_string())),
            ("MppPort", none()),
            ("SchemaConsensusPort", none()),
            ("DataConsensusPort", none()),
        ];
        table(self.of_cluster().into_iter().chain(ports).chain(self.build()).collect())
    }
}

/// What the peer's variables are here, as far as there is such a thing, and then the settings of the server.
fn variables(shared: &Shared) -> Result<Rows, SessionError> {
    let of_peer = [
        ("ClusterName", "levada".to_owned()),
        ("DataReplicationFactor", "1".to_owned()),
        ("SchemaReplicationFactor", "1".to_owned()),
        ("TimePartitionOrigin", "0".to_owned()),
        ("TimePartitionInterval", shared.storage.partition_width().to_string()),
        ("ReadConsistencyLevel", "strong".to_owned()),
        ("TimestampPrecision", "ms".to_owned()),
    ];
    let settings = shared.host.get().map_or_else(Vec::new, |host| host.settings());
    let (names, values) =
        of_peer.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(settings).unzip();
    table(vec![("Variable", Cells::Texts(names)), ("Value", Cells::Texts(values))])
}

/// Of each database, a region of its names and one of its rows. When they were made is not kept.
fn regions(shared: &Shared, node: &Node, which: &Regions) -> Result<Rows, SessionError> {
    let wanted = |database: &levada_model::Path| {
        which.databases.is_empty() || which.databases.iter().any(|pattern| pattern.matches(database))
    };
    let kinds = [("SchemaRegion", which.schema), ("DataRegion", which.data)];
    let databases = shared.storage.regions();
    let mut rows = Vec::new();
    for database in databases.iter().filter(|each| wanted(&each.database)) {
        for (at, (kind, shown)) in (0..).zip(kinds) {
            if shown {
                rows.push((database.id.saturating_mul(2).saturating_add(at), kind, database));
            }
        }
    }
    let count = rows.len();
    let is_data = |kind: &str| kind == "DataRegion";
    let texts = |text: &str| Cells::Texts(vec![text.to_owned(); count]);
    let port = i32::from(node.address.port());
    let ip = node.address.ip().to_canonical().to_string();
    let slots = |(_, kind, region): &(u32, &str, &levada_storage::RegionInfo)| {
        if is_data(kind) { i64::try_from(region.partitions).unwrap_or(i64::MAX) } else { 0 }
    };
    let size = |(_, kind, region): &(u32, &str, &levada_storage::RegionInfo)| {
        if is_data(kind) { format!("{} B", region.file_bytes) } else { String::new() }
    };
    table(vec![
        (
            "RegionId",
            Cells::Ints(rows.iter().map(|(id, ..)| i32::try_from(*id).unwrap_or(i32::MAX)).collect()),
        ),
        ("Type", Cells::Texts(rows.iter().map(|(_, kind, _)| (*kind).to_owned()).collect())),
        ("Status", texts(node.status)),
        ("Database", Cells::Texts(rows.iter().map(|(.., region)| region.database.to_string()).collect())),
        ("SeriesSlotNum", Cells::Ints(vec![1; count])),
        ("TimeSlotNum", Cells::Longs(rows.iter().map(slots).collect())),
        ("DataNodeId", Cells::Ints(vec![NODE; count])),
        ("RpcAddress", texts(&ip)),
        ("RpcPort", Cells::Ints(vec![port; count])),
        ("InternalAddress", texts(&ip)),
        ("Role", texts("Leader")),
        ("CreateTime", texts("")),
        ("TsFileSize", Cells::Texts(rows.iter().map(size).collect())),
    ])
}

/// The cells of a column.
enum Cells {
    Texts(Vec<String>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
}

impl Cells {
    fn one(text: String) -> Self {
        Self::Texts(vec![text])
    }

    /// No cells, of the type that a column of this name has.
    fn none(head: &str) -> Self {
        match head {
            "NodeID" | "RpcPort" => Self::Ints(Vec::new()),
            _ => Self::Texts(Vec::new()),
        }
    }
}

fn table(columns: Vec<(&str, Cells)>) -> Result<Rows, SessionError> {
    let mut heads = Vec::with_capacity(columns.len());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    for (name, cells) in columns {
        let (data_type, array): (_, ArrayRef) = match cells {
            Cells::Texts(texts) => (DataType::Text, Arc::new(StringArray::from(texts))),
            Cells::Ints(numbers) => (DataType::Int32, Arc::new(Int32Array::from(numbers))),
            Cells::Longs(numbers) => (DataType::Int64, Arc::new(Int64Array::from(numbers))),
        };
        heads.push(column(name, data_type));
        arrays.push(array);
    }
    ready(false, heads, arrays)
}
