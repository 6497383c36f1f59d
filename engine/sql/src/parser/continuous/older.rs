//! `into` as continuous queries of IoTDB 0.13 have it: a name or a path, made of the series that is read.
//!
//! ```text
//!   select max_value(t) into t_max from root.ln.*.*            root.ln.a.b.t ──▶ root.ln.a.b.t_max
//!   select avg(t) into root.avg.${2}.${3}.t from root.ln.*.*   root.ln.a.b.t ──▶ root.avg.a.b.t
//!   … into t_max from root.ln.a.* group by (10s), level = 2    root.ln.a.*.t ──▶ root.ln.a.t_max
//! ```
//! It is written as the query that does the same now: aligned by device, or, by level, with a device that is spelt out.

use levada_model::PathPattern;

use crate::ast::{Alignment, ExpressionKind, IntoTarget, Select, SelectInto, SeriesName};

/// Writes a query whose rows go to `nodes` as one of now.
///
/// # Errors
/// It is none that 0.13 has, or its target is not known before it runs.
pub(super) fn modernise(select: &mut Select, nodes: Vec<String>) -> Result<(), String> {
    fold_suffix(select)?;
    let [from] = &select.from[..] else {
        return Err("INTO a name or a path, as of 0.13, is for one path behind FROM.".to_owned());
    };
    let levels = select.group_by.as_ref().map(|group_by| group_by.levels.as_slice()).unwrap_or_default();
    let (mut device, measurement) = match nodes.split_last() {
        Some((measurement, device)) => (device.to_vec(), measurement.clone()),
        None => return Err("The query body misses an INTO clause.".to_owned()),
    };
    match levels.iter().max() {
        None => {
            if device.is_empty() {
                device.push("::".to_owned());
            }
            select.alignment = Alignment::Device;
        }
        Some(&level) => {
            let known = literal_nodes(&from.pattern);
            if device.is_empty() {
                let count = usize::try_from(level).unwrap_or(usize::MAX).saturating_add(1);
                let above = known.get(..count).ok_or_else(|| not_known(level))?;
                device = above.to_vec();
            } else {
                for node in &mut device {
                    *node = spelt_out(node, &known).ok_or_else(|| not_known(level))?;
                }
            }
        }
    }
    let target = IntoTarget { aligned: false, device, measurements: vec![measurement] };
    select.into = Some(SelectInto { targets: vec![target] });
    Ok(())
}

/// Moves the nodes of `f(a.b.s)` that are not the measurement behind those of `from`.
fn fold_suffix(select: &mut Select) -> Result<(), String> {
    let one = "INTO a name or a path, as of 0.13, is for one function of one series.";
    let [column] = &mut select.columns[..] else { return Err(one.to_owned()) };
    let ExpressionKind::Function(function) = &mut column.expression.kind else { return Err(one.to_owned()) };
    let [argument] = &mut function.arguments[..] else { return Err(one.to_owned()) };
    let ExpressionKind::Series(name) = &argument.kind else { return Err(one.to_owned()) };
    if name.is_whole() {
        return Err(one.to_owned());
    }
    if let Some((above, measurement)) = name.pattern().split_last() {
        argument.kind = ExpressionKind::Series(SeriesName::suffix(measurement));
        for from in &mut select.from {
            from.pattern = from.pattern.join(&above);
        }
    }
    Ok(())
}

/// The nodes of a pattern up to the first wildcard.
fn literal_nodes(pattern: &PathPattern) -> Vec<String> {
    let prefix = pattern.as_path().or_else(|| pattern.literal_prefix());
    prefix.iter().flat_map(|path| path.nodes().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// A node with each `${n}` replaced; `None` where one is not known.
fn spelt_out(node: &str, known: &[String]) -> Option<String> {
    let mut made = String::new();
    let mut rest = node;
    while let Some((before, behind)) = rest.split_once("${") {
        let (number, after) = behind.split_once('}')?;
        made.push_str(before);
        made.push_str(known.get(number.trim().parse::<usize>().ok()?)?);
        rest = after;
    }
    Some(made + rest)
}

fn not_known(level: u32) -> String {
    format!(
        "With LEVEL = {level} the nodes that the target is made of must be spelt out behind FROM, not matched by a wildcard: write INTO device(measurement)."
    )
}
