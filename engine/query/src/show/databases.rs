//! `show databases`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array};
use levada_model::{DataType, PathPattern};
use levada_storage::Catalog;

use crate::plan::{Bound, column};

/// How long a time partition is, in milliseconds, where a database does not say it: a week, as the peer has it.
const PARTITION: i64 = 604_800_000;

pub(super) fn plan(pattern: &PathPattern, details: bool, catalog: &dyn Catalog) -> Bound {
    let databases = catalog.databases(pattern);
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
        super::paths(databases.iter().map(|database| &database.path)),
        ones(),
        ones(),
        Arc::new(Int64Array::from(vec![0; rows])),
        Arc::new(
            databases.iter().map(|database| database.partition.unwrap_or(PARTITION)).collect::<Int64Array>(),
        ),
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
    Bound::ready(columns, values)
}
