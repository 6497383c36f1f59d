//! Plans of a config node: databases, series that go, how long rows live.

use bytes::Buf;
use levada_model::PathPattern;

use super::{
    Change,
    take::{Take, path, pattern},
};
use crate::{
    messages::DatabaseSchema,
    thrift::{Protocol, Reader, Wire, WireError},
};

/// A plan.
pub(super) fn plan(from: &mut Take) -> Result<Change, WireError> {
    Ok(match from.i16()? {
        200 => Change::CreateDatabase(path(&database(from)?)?),
        201 => {
            let nodes = (0..from.count_of(4)?).map(|_| from.text()).collect::<Result<Vec<_>, _>>()?;
            Change::Ttl(pattern(&nodes.join("."))?, life(from.i64()?))
        }
        206 => Change::DeleteDatabase(from.path()?),
        1702 => {
            // Its length, then the tree.
            from.i32()?;
            let mut patterns = Vec::new();
            tree(from, &mut Vec::new(), &mut patterns)?;
            Change::DeleteSeries(patterns)
        }
        kind => Change::Unknown(kind),
    })
}

/// How long rows live, in milliseconds.
pub(super) fn life(milliseconds: i64) -> Option<i64> {
    (milliseconds > 0 && milliseconds < i64::MAX).then_some(milliseconds)
}

/// The name of a database that is described in Thrift.
pub(super) fn database(from: &mut Take) -> Result<String, WireError> {
    let mut reader = Reader::new(from.0.clone(), Protocol::Binary);
    let schema = DatabaseSchema::read(&mut reader)?;
    let read = from.0.len().saturating_sub(reader.left());
    from.0.advance(read);
    Ok(schema.name)
}

/// So deep a tree of patterns may be.
const DEPTH: usize = 64;

/// Patterns as a tree: name, what it is (-1: a pattern ends here), children.
fn tree(from: &mut Take, above: &mut Vec<String>, patterns: &mut Vec<PathPattern>) -> Result<(), WireError> {
    if above.len() >= DEPTH {
        return Err(WireError::Depth(DEPTH));
    }
    above.push(from.text()?);
    let (mark, children) = (from.i32()?, from.count_of(12)?);
    if mark == -1 {
        patterns.push(pattern(&above.join("."))?);
    }
    for _ in 0..children {
        tree(from, above, patterns)?;
    }
    above.pop();
    Ok(())
}
