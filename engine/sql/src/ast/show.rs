//! Statements that ask for the catalog. A pattern that is not written is `root.**`; for `child paths` and `child nodes`
//! it is `root`.

use levada_model::{DataType, PathPattern};

use super::Expression;

/// `show …`
#[derive(Clone, Debug, PartialEq)]
pub enum Show {
    /// `show databases details root.a.*`
    Databases {
        /// Which.
        pattern: PathPattern,
        /// With the numbers of regions.
        details: bool,
    },
    /// `show devices …`
    Devices(ShowDevices),
    /// `show timeseries …`
    Timeseries(ShowTimeseries),
    /// `show view root.v.**`: what there is of [`Show::Timeseries`] that is no series of its own.
    Views(ShowTimeseries),
    /// `show child paths root.a`
    ChildPaths {
        /// Below which.
        pattern: PathPattern,
    },
    /// `show child nodes root.a`
    ChildNodes {
        /// Below which.
        pattern: PathPattern,
    },
    /// `show ttl on root.a.**`, `show all ttl` (`root.**`)
    Ttl {
        /// Of which.
        patterns: Vec<PathPattern>,
    },
    /// `show version`
    Version,
    /// `show functions`
    Functions,
    /// `show variables`
    Variables,
    /// `show cluster`
    Cluster {
        /// With ports.
        details: bool,
    },
    /// `show clusterid`
    ClusterId,
    /// `show datanodes`
    DataNodes,
    /// `show confignodes`
    ConfigNodes,
    /// `show regions`, `show data regions`, `show schema regions of database root.a`
    Regions(Regions),
    /// `show triggers`
    Triggers,
    /// `show pipeplugins`
    PipePlugins,
    /// What there is none of here.
    Absent(Absent),
    /// `show current_timestamp`
    CurrentTimestamp,
}

/// What a cluster may have and a store of this kind has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// `show topics`, `show topic t`
    Topics,
    /// `show subscriptions`, `show subscriptions on t`
    Subscriptions,
    /// `show models`
    Models,
    /// `show ainodes`
    AiNodes,
}

/// Which regions.
#[derive(Clone, Debug, PartialEq)]
pub struct Regions {
    /// Those of names.
    pub schema: bool,
    /// Those of rows.
    pub data: bool,
    /// Of which databases; of all where there is none.
    pub databases: Vec<PathPattern>,
}

/// `show devices root.a.** with database where device contains 'x' limit 1`
#[derive(Clone, Debug, PartialEq)]
pub struct ShowDevices {
    /// Which.
    pub pattern: PathPattern,
    /// With the column of the database.
    pub with_database: bool,
    /// Which of these.
    pub filter: Option<SchemaFilter>,
    /// Rows at most.
    pub limit: Option<i64>,
    /// Rows to leave out before.
    pub offset: Option<i64>,
}

/// `show latest timeseries root.a.** where tags(unit)='c' limit 1`
#[derive(Clone, Debug, PartialEq)]
pub struct ShowTimeseries {
    /// Those written to last come first.
    pub latest: bool,
    /// Which.
    pub pattern: PathPattern,
    /// Which of these.
    pub filter: Option<SchemaFilter>,
    /// Rows at most.
    pub limit: Option<i64>,
    /// Rows to leave out before.
    pub offset: Option<i64>,
}

/// Which devices or series are shown or counted.
#[derive(Clone, Debug, PartialEq)]
pub enum SchemaFilter {
    /// `timeseries contains 'x'`, `device contains 'x'`: part of the path.
    PathContains(String),
    /// `datatype = FLOAT`
    DataType(DataType),
    /// `tags(key) = 'value'`; in the old spelling `key = value`, the value bare.
    TagEquals {
        /// The tag.
        key: String,
        /// Its value.
        value: String,
    },
    /// `tags(key) contains 'value'`
    TagContains {
        /// The tag.
        key: String,
        /// Part of its value.
        value: String,
    },
    /// `template = 't'`, `template is null`
    Template {
        /// Its name; without a template where `None`.
        name: Option<String>,
        /// `!=`, `is not null`
        negated: bool,
    },
    /// `time > 5`: those with a row there.
    Time(Expression),
}

/// `count …`
#[derive(Clone, Debug, PartialEq)]
pub enum Count {
    /// `count databases root.a.*`
    Databases {
        /// Which.
        pattern: PathPattern,
    },
    /// `count devices root.a.**`
    Devices {
        /// Which.
        pattern: PathPattern,
        /// Which of these.
        filter: Option<SchemaFilter>,
    },
    /// `count timeseries root.a.** where … group by level=2`
    Timeseries {
        /// Which.
        pattern: PathPattern,
        /// Which of these.
        filter: Option<SchemaFilter>,
        /// One count for each path of so many nodes below `root`.
        level: Option<u32>,
    },
    /// `count nodes root.a.** level=2`
    Nodes {
        /// Which.
        pattern: PathPattern,
        /// How many nodes below `root` they lie.
        level: u32,
    },
}

impl Count {
    /// The pattern that is counted.
    pub fn pattern(&self) -> &PathPattern {
        match self {
            Self::Databases { pattern }
            | Self::Devices { pattern, .. }
            | Self::Timeseries { pattern, .. }
            | Self::Nodes { pattern, .. } => pattern,
        }
    }
}
