//! `count databases`, `count devices`, `count timeseries`, `count nodes`.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use arrow_array::{ArrayRef, Int32Array, Int64Array};
use levada_model::{DataType, Path, PathPattern};
use levada_sql::ast::Count;
use levada_storage::View;

use super::filter;
use crate::{
    QueryContext, QueryError,
    plan::{Bound, column},
};

pub(super) fn plan(what: &Count, view: &dyn View, _: &QueryContext) -> Result<Bound, QueryError> {
    match what {
        Count::Databases { pattern } => {
            let count = i32::try_from(view.databases(pattern).len()).unwrap_or(i32::MAX);
            let value: ArrayRef = Arc::new(Int32Array::from(vec![count]));
            Ok(Bound::ready(vec![column("count", DataType::Int32)], vec![value]))
        }
        Count::Devices { pattern, filter } => {
            let found = filter::devices(view.devices(pattern), filter.as_ref(), view)?;
            Ok(one("count(devices)", found.len()))
        }
        Count::Timeseries { pattern, filter, level: None } => {
            let found = filter::series(view.series(pattern), filter.as_ref(), view)?;
            Ok(one("count(timeseries)", found.len()))
        }
        Count::Timeseries { pattern, filter, level: Some(level) } => {
            let found = filter::series(view.series(pattern), filter.as_ref(), view)?;
            let mut counts: BTreeMap<Path, i64> = BTreeMap::new();
            for prefix in found.iter().filter_map(|series| prefix(&series.path, *level)) {
                *counts.entry(prefix).or_default() += 1;
            }
            let columns =
                vec![column("Column", DataType::Text), column("count(timeseries)", DataType::Int64)];
            let values: Vec<ArrayRef> =
                vec![super::paths(counts.keys()), Arc::new(counts.values().copied().collect::<Int64Array>())];
            Ok(Bound::ready(columns, values))
        }
        Count::Nodes { pattern, level } => Ok(one("count(nodes)", nodes(pattern, *level, view).len())),
    }
}

fn one(name: &str, count: usize) -> Bound {
    let value: ArrayRef = Arc::new(Int64Array::from(vec![i64::try_from(count).unwrap_or(i64::MAX)]));
    Bound::ready(vec![column(name, DataType::Int64)], vec![value])
}

/// The first nodes of a path, as many as a level below `root` says; `None` where it has not so many.
fn prefix(path: &Path, level: u32) -> Option<Path> {
    let wanted = level as usize + 1;
    let mut here = path.clone();
    let mut nodes = here.nodes().count();
    if nodes < wanted {
        return None;
    }
    while nodes > wanted {
        here = here.parent()?;
        nodes -= 1;
    }
    Some(here)
}

/// The nodes at a level on the way to what fits.
fn nodes(pattern: &PathPattern, level: u32, view: &dyn View) -> HashSet<Path> {
    if pattern.as_path().is_some_and(|path| path.nodes().count() == 1) {
        // Of `root` alone, its own children count.
        let everything = pattern.join(&PathPattern::parse("**").expect("a pattern of wildcards"));
        return if level > 1 { HashSet::new() } else { nodes(&everything, level, view) };
    }
    let series = view.series(pattern).into_iter().map(|series| series.path);
    let devices = view.devices(pattern).into_iter().map(|device| device.path);
    let databases = view.databases(pattern).into_iter().map(|database| database.path);
    series.chain(devices).chain(databases).filter_map(|path| prefix(&path, level)).collect()
}
