//! `show timeseries`.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Write as _};

use levada_model::SeriesSchema;
use levada_sql::{ParseContext, ast::ShowTimeseries};
use levada_storage::{Deadband, SeriesInfo, View};

use super::{filter, in_batches, page, paths, text_columns};
use crate::{
    QueryContext, QueryError,
    bind::schema_order::{self, Purpose},
    chunk::texts,
    context::SchemaOrder,
    plan::Bound,
};

pub(super) fn plan(
    query: &ShowTimeseries,
    view: &dyn View,
    context: &QueryContext,
) -> Result<Bound, QueryError> {
    let series = found(query, view.series(&query.pattern), view, context)?;
    let order = context.order;
    let columns = text_columns(&[
        "Timeseries",
        "Alias",
        "Database",
        "DataType",
        "Encoding",
        "Compression",
        "Tags",
        "Attributes",
        "Deadband",
        "DeadbandParameters",
        "ViewType",
    ]);
    Ok(in_batches(columns, series, context.batch_rows, move |series| {
        let map = |get: fn(&SeriesInfo) -> &BTreeMap<String, String>| {
            let all: Vec<Option<String>> = series.iter().map(|each| json(get(each), order)).collect();
            texts(all.iter().map(Option::as_deref))
        };
        let parameters: Vec<Option<String>> = series.iter().map(|each| deadband(each, order)).collect();
        vec![
            paths(series.iter().map(|each| &each.path)),
            texts(series.iter().map(|each| each.alias.as_deref())),
            paths(series.iter().map(|each| &each.database)),
            texts(series.iter().map(|each| Some(each.schema.data_type.name()))),
            texts(series.iter().map(|each| stored(each).map(|schema| schema.encoding.name()))),
            texts(series.iter().map(|each| stored(each).map(|schema| schema.compressor.name()))),
            map(|each| &each.tags),
            map(|each| &each.attributes),
            texts(series.iter().map(|each| each.deadband.as_ref().map(Deadband::name))),
            texts(parameters.iter().map(Option::as_deref)),
            texts(series.iter().map(|each| Some(if each.view.is_some() { "VIEW" } else { "BASE" }))),
        ]
    }))
}

/// `show view`: the views among the series.
pub(super) fn plan_views(
    query: &ShowTimeseries,
    view: &dyn View,
    context: &QueryContext,
) -> Result<Bound, QueryError> {
    let mut views = view.series(&query.pattern);
    views.retain(|each| each.view.is_some());
    let views = found(query, views, view, context)?;
    let order = context.order;
    let parsing = ParseContext { zone: context.zone.clone(), now: context.now };
    let columns =
        text_columns(&["Timeseries", "Database", "DataType", "Tags", "Attributes", "ViewType", "Source"]);
    Ok(in_batches(columns, views, context.batch_rows, move |views| {
        let map = |get: fn(&SeriesInfo) -> &BTreeMap<String, String>| {
            let all: Vec<Option<String>> = views.iter().map(|each| json(get(each), order)).collect();
            texts(all.iter().map(Option::as_deref))
        };
        let sources: Vec<String> = views
            .iter()
            .filter_map(|each| each.view.as_deref())
            .map(|source| {
                let parsed = levada_sql::parse_expression(source, &parsing);
                parsed.map_or_else(|_| source.to_owned(), |expression| expression.column_name())
            })
            .collect();
        vec![
            paths(views.iter().map(|each| &each.path)),
            paths(views.iter().map(|each| &each.database)),
            texts(views.iter().map(|each| Some(each.schema.data_type.name()))),
            map(|each| &each.tags),
            map(|each| &each.attributes),
            texts(views.iter().map(|_| Some("VIEW"))),
            texts(sources.iter().map(|source| Some(source.as_str()))),
        ]
    }))
}

/// How a series is stored, if it is.
fn stored(series: &SeriesInfo) -> Option<SeriesSchema> {
    series.view.is_none().then_some(series.schema)
}

/// Those of some series that are asked for, in order.
fn found(
    query: &ShowTimeseries,
    series: Vec<SeriesInfo>,
    view: &dyn View,
    context: &QueryContext,
) -> Result<Vec<SeriesInfo>, QueryError> {
    let series = schema_order::sort(series, context.order, Purpose::Show, |series| &series.path);
    let mut series = filter::series(series, query.filter.as_ref(), view)?;
    if query.latest {
        series = by_last_time(series, view)?;
    }
    page(series, query.offset, query.limit)
}

/// Those with the newest rows first; those without any last.
fn by_last_time(series: Vec<SeriesInfo>, view: &dyn View) -> Result<Vec<SeriesInfo>, QueryError> {
    let mut timed = Vec::with_capacity(series.len());
    for each in series {
        let last = view.last(&each.device, &each.measurement)?.map(|(time, _)| time);
        timed.push((last, each));
    }
    timed.sort_by_key(|(last, _)| Reverse(*last));
    Ok(timed.into_iter().map(|(_, each)| each).collect())
}

/// `{compdev=0.5, compmintime=2}`
fn deadband(series: &SeriesInfo, order: SchemaOrder) -> Option<String> {
    let parameters = series.deadband.as_ref()?.parameters();
    let entries = entries(parameters, order).into_iter().map(|(key, value)| format!("{key}={value}"));
    Some(format!("{{{}}}", entries.collect::<Vec<_>>().join(", ")))
}

/// The entries of a map in the order in which they are shown.
fn entries(map: &BTreeMap<String, String>, order: SchemaOrder) -> Vec<(&String, &String)> {
    let mut entries: Vec<_> = map.iter().collect();
    if order == SchemaOrder::Peer {
        schema_order::sort_names(&mut entries, |(key, _)| key);
    }
    entries
}

/// `{"unit":"c","site":"north"}`; nothing where there is none.
fn json(map: &BTreeMap<String, String>, order: SchemaOrder) -> Option<String> {
    if map.is_empty() {
        return None;
    }
    let mut out = String::from("{");
    for (at, (key, value)) in entries(map, order).into_iter().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        quote(key, &mut out);
        out.push(':');
        quote(value, &mut out);
    }
    out.push('}');
    Some(out)
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a String does not fail.
            control if control < ' ' => write!(out, "\\u{:04x}", u32::from(control)).unwrap_or_default(),
            other => out.push(other),
        }
    }
    out.push('"');
}
