//! Nodes that are made of a source's: `::`, `${2}`, `copy_${3}`.

use std::sync::Arc;

use levada_model::{Path, quote_node, unquote_node};

use crate::QueryError;

/// All of the source's that are left, or its measurement.
const REST: &str = "::";

/// Whether a node is made of a source's.
pub(crate) fn is_made(node: &str) -> bool {
    node == REST || node.contains("${")
}

/// The device that nodes stand for, made of the source's device where there is one.
pub(crate) fn target_device(nodes: &[String], source: Option<&Path>) -> Result<Path, QueryError> {
    let sources = raw_nodes(source);
    let mut made: Vec<String> = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        if node != REST {
            made.push(filled(node, &sources)?);
        } else if at + 1 < nodes.len() {
            return Err(QueryError::semantic(
                "select into: placeholder `::` can only be used at the end of the path.",
            ));
        } else {
            made.extend(sources.iter().skip(at).cloned());
        }
    }
    let path = Path::from_raw_nodes(made.iter().map(String::as_str));
    if made.first().is_none_or(|first| first != "root") || made.len() < 2 {
        return Err(QueryError::semantic(format!(
            "select into: {path} is no device: its path begins with root, and has at least two nodes"
        )));
    }
    Ok(path)
}

/// The measurement that a node stands for, in canonical form, made of the source's path where there is one.
pub(crate) fn target_measurement(node: &str, source: Option<&Path>) -> Result<Arc<str>, QueryError> {
    let sources = raw_nodes(source);
    let made = match (node, sources.last()) {
        (REST, Some(measurement)) => measurement.clone(),
        (REST, None) => return Err(super::not_of_series()),
        _ => filled(node, &sources)?,
    };
    Ok(Arc::from(&*quote_node(&made)))
}

/// The nodes of a path, without quotes.
fn raw_nodes(path: Option<&Path>) -> Vec<String> {
    path.into_iter().flat_map(Path::nodes).map(|node| unquote_node(node).into_owned()).collect()
}

/// A node without quotes, and for each `${n}` in it the source's node of that number.
fn filled(node: &str, sources: &[String]) -> Result<String, QueryError> {
    if !node.contains("${") {
        return Ok(unquote_node(node).into_owned());
    }
    let mut made = String::new();
    let mut rest = node;
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((number, after)) = behind.split_once('}') else { break };
        let at: usize = number
            .trim()
            .parse()
            .map_err(|_| QueryError::semantic("select into: the i of ${i} should be an integer."))?;
        if sources.is_empty() {
            return Err(super::not_of_series());
        }
        let source = sources.get(at).filter(|_| at > 0).ok_or_else(|| {
            QueryError::semantic(format!(
                "select into: the i of ${{i}} should be greater than 0 and equal to or less than the length of queried path prefix, which {at} is not."
            ))
        })?;
        made.push_str(before);
        made.push_str(source);
        rest = after;
    }
    made.push_str(rest);
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(nodes: &[&str], source: &str) -> Result<String, String> {
        let nodes: Vec<String> = nodes.iter().map(|node| (*node).to_owned()).collect();
        let source = Path::parse(source).expect("a path");
        let made = target_device(&nodes, Some(&source)).map_err(|error| error.to_string());
        made.map(|path| path.to_string())
    }

    #[test]
    fn nodes_are_made_of_those_of_the_source() {
        let source = "root.a.`b.c`.d";
        assert_eq!(device(&["::"], source), Ok(source.to_owned()));
        assert_eq!(device(&["root", "copy", "::"], source), Ok("root.copy.`b.c`.d".to_owned()));
        assert_eq!(device(&["root", "copy", "x", "y", "::"], source), Ok("root.copy.x.y".to_owned()));
        assert_eq!(device(&["root", "x${1}_${3}y"], source), Ok("root.xa_dy".to_owned()));
        assert_eq!(device(&["root", "${2}", "`1`"], source), Ok("root.`b.c`.`1`".to_owned()));
        for bad in
            [&["root", "::", "x"][..], &["root", "${0}"], &["root", "${4}"], &["root", "${x}"], &["root"]]
        {
            assert!(device(bad, source).is_err(), "{bad:?}");
        }
        let series = Path::parse("root.a.d.`s 1`").expect("a path");
        let measurement = |node| target_measurement(node, Some(&series)).map(|name| name.to_string()).ok();
        assert_eq!(measurement("::").as_deref(), Some("`s 1`"));
        assert_eq!(measurement("a${2}_${3}").as_deref(), Some("`ad_s 1`"));
        assert_eq!(target_measurement("::", None).ok(), None);
    }
}
