//! What one text asks for.

use levada_model::{Path, PathPattern};

use super::{
    AlterStored, AlterTimeseries, ChangeAuthority, ChangeCq, ChangePipe, ChangeTemplate, ChangeTrigger,
    ChangeView, Count, CreateAlignedTimeseries, CreateDatabase, CreateFunction, CreateTimeseries, Delete,
    Insert, ListAuthority, Load, Select, Show, ShowPipes, ShowTemplates,
};

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `create database`
    CreateDatabase(CreateDatabase),
    /// `delete database root.a, root.b.*`
    DeleteDatabases {
        /// Which.
        patterns: Vec<PathPattern>,
    },
    /// `create timeseries`
    CreateTimeseries(CreateTimeseries),
    /// `create aligned timeseries`
    CreateAlignedTimeseries(CreateAlignedTimeseries),
    /// `delete timeseries root.a.b, root.c.**`
    DeleteTimeseries {
        /// Which.
        patterns: Vec<PathPattern>,
    },
    /// `alter timeseries`
    AlterTimeseries(AlterTimeseries),
    /// `alter timeseries root.a.** set storage_properties encoding=PLAIN`
    AlterStored(AlterStored),
    /// `set ttl to root.a 3600000`
    SetTtl {
        /// A database, or devices.
        pattern: PathPattern,
        /// How long rows live, in milliseconds; for ever where `None` (`INF`).
        ttl: Option<i64>,
    },
    /// `unset ttl from root.a`
    UnsetTtl {
        /// As it was set.
        pattern: PathPattern,
    },
    /// `insert`
    Insert(Insert),
    /// `delete from`
    Delete(Delete),
    /// `load`
    Load(Load),
    /// `select`
    Select(Box<Select>),
    /// `explain select`
    Explain {
        /// The query.
        select: Box<Select>,
        /// Run it, and say what it cost.
        analyze: bool,
        /// Say more.
        verbose: bool,
    },
    /// `show`
    Show(Show),
    /// `count`
    Count(Count),
    /// `flush root.a, root.b`
    Flush {
        /// Which databases; all where empty.
        databases: Vec<Path>,
        /// Only files in order of time (`true`), or only the others (`false`), where said.
        sequence: Option<bool>,
    },
    /// `merge`, `full merge`, `settle`: compact now.
    Merge,
    /// `clear cache`
    ClearCache,
    /// `set system to readonly`
    SetSystem(SystemStatus),
    /// `set configuration 'key'='value'`
    SetConfiguration(Vec<(String, String)>),
    /// `load configuration`: reads the settings of the server anew.
    LoadConfiguration,
    /// `start repair data`, `stop repair data`
    Repair {
        /// Whether it is to begin.
        start: bool,
    },
    /// `show queries`
    ShowQueries,
    /// `kill query '…'`, `kill all queries`
    KillQuery {
        /// Which, as `show queries` names it; all where `None`.
        query: Option<String>,
    },
    /// `create user`, `grant`, …
    ChangeAuthority(ChangeAuthority),
    /// `list user`, `list privileges of user amy`, …
    ListAuthority(ListAuthority),
    /// `create function`
    CreateFunction(CreateFunction),
    /// `drop function adder`
    DropFunction {
        /// Its name, in any case.
        name: String,
    },
    /// `create pipe`, `start pipe`, …
    ChangePipe(ChangePipe),
    /// `show pipes`, `show pipesinks`, …
    ShowPipes(ShowPipes),
    /// `create device template`, `set device template t to root.a`, …
    ChangeTemplate(ChangeTemplate),
    /// `show device templates`, …
    ShowTemplates(ShowTemplates),
    /// `create view`, `alter view`, …
    ChangeView(ChangeView),
    /// `create cq`, `drop cq mean`
    ChangeCq(ChangeCq),
    /// `show cqs`
    ShowCqs,
    /// `create trigger`, …
    ChangeTrigger(ChangeTrigger),
    /// A statement that is recognised and not carried out.
    Unsupported {
        /// What it is: `create model`.
        what: String,
    },
}

/// Whether the store takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemStatus {
    /// It does: `running`, `writable`.
    Running,
    /// It does not.
    ReadOnly,
}
