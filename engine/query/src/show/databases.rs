//! `show databases` and `show ttl`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array};
use levada_model::{DataType, PathPattern};
use levada_storage::View;

use super::text_columns;
use crate::{Plan, chunk::texts, plan::column};

/// How long a time partition is, in milliseconds: a week, as the peer has it.
const PARTITION: i64 = 604_800_000;

pub(super) fn plan(pattern: &PathPattern, details: bool, view: &dyn View) -> Plan {
    let databases = view.databases(pattern);
    let rows = databases.len();
    let ones = || -> ArrayRef { Arc::new(Int32Array::from(vec![1; rows])) };
    let mut columns = vec![
        column("Database", DataType::Text),
        column("SchemaReplicationFactor", DataType::Int32),
        column("DataReplicationFactor", DataType::Int32),
        column("TimePartitionOrigin", DataType::Int64),
        column("TimePartitionInterval", DataType::Int64),
    ];
    let mut values: Vec<ArrayRef> = vec![
        texts(databases.iter().map(|database| Some(database.path.as_str()))),
        ones(),
        ones(),
        Arc::new(Int64Array::from(vec![0; rows])),
        Arc::new(Int64Array::from(vec![PARTITION; rows])),
    ];
    if details {
        for name in [
            "SchemaRegionGroupNum",
            "MinSchemaRegionGroupNum",
            "MaxSchemaRegionGroupNum",
            "DataRegionGroupNum",
            "MinDataRegionGroupNum",
            "MaxDataRegionGroupNum",
        ] {
            columns.push(column(name, DataType::Int32));
            values.push(ones());
        }
    }
    Plan::ready(columns, values)
}

/// A time to live holds for a database and all below it.
pub(super) fn ttl(patterns: &[PathPattern], view: &dyn View) -> Plan {
    let mut rows: Vec<(String, String)> = Vec::new();
    for pattern in patterns {
        if pattern.to_string() == "root.**" {
            rows.push(("root.**".to_owned(), "INF".to_owned()));
        }
        let below = |database: &levada_model::Path| PathPattern::parse(&format!("{database}.**")).ok();
        for database in view.databases(&PathPattern::from(&root()).join(&any())) {
            let Some(ttl) = database.ttl else { continue };
            if pattern.matches(&database.path) {
                rows.push((database.path.to_string(), ttl.to_string()));
            }
            if pattern.matches(&database.path) || below(&database.path).is_some_and(|below| below == *pattern)
            {
                rows.push((format!("{}.**", database.path), ttl.to_string()));
            }
        }
    }
    rows.dedup();
    let values = vec![
        texts(rows.iter().map(|row| Some(row.0.as_str()))),
        texts(rows.iter().map(|row| Some(row.1.as_str()))),
    ];
    Plan::ready(text_columns(&["Device", "TTL(ms)"]), values)
}

fn root() -> levada_model::Path {
    levada_model::Path::from_raw_nodes(["root"])
}

fn any() -> PathPattern {
    PathPattern::parse("**").expect("a pattern of one wildcard")
}
