//! The catalog as files.
//!
//! ```text
//!   mtree.snapshot       version: u8, then nodes, each before those below it:
//!                        0 inner      children: i32, name, template: i32, uses it: u8
//!                        1 database   the same
//!                        3 device     the same, aligned: u8
//!                        2 series     name, name, type, encoding, compressor: u8, properties, alias, offset: i64, goes: u8
//!   tlog.txt.snapshot    at a series' offset: tags and attributes, as maps
//!   cluster_schema.bin   nodes: 1 database   name, template: i32, description in Thrift
//!                               0 inner      name, template: i32, children: i32
//!   ttl_info.bin         count: i32, for each: path, milliseconds: i64
//! ```

use bytes::Bytes;
use levada_model::{Path, PathPattern};

use super::{
    NewSeries,
    node::series as series_of,
    plan::{database, life},
    take::{Take, path, pattern},
};
use crate::thrift::WireError;

/// A node that has children which are still to come.
struct Above {
    path: String,
    aligned: bool,
    left: usize,
}

/// The series of a database, by its tree, and the log of tags where there is one.
///
/// # Errors
/// The bytes are no such tree.
pub fn series(tree: Bytes, tags: Option<&Bytes>, database: &str) -> Result<Vec<NewSeries>, WireError> {
    let mut from = Take(tree);
    from.u8()?;
    let (mut all, mut above): (Vec<_>, Vec<Above>) = (Vec::new(), Vec::new());
    while !from.0.is_empty() {
        while above.last().is_some_and(|node| node.left == 0) {
            above.pop();
        }
        if let Some(parent) = above.last_mut() {
            parent.left -= 1;
        }
        let kind = from.u8()?;
        if kind == 2 {
            let parent =
                above.last().ok_or_else(|| WireError::Mismatch("a series of no device".to_owned()))?;
            all.push(one_series(&mut from, tags, parent)?);
            continue;
        }
        let (left, name) = (from.count_of(1)?, from.text()?);
        from.i32()?;
        from.u8()?;
        let path = match (kind, above.last()) {
            (1, None) => database.to_owned(),
            (0 | 3, Some(parent)) => format!("{}.{name}", parent.path),
            (0, None) => name,
            _ => return Err(WireError::Code { what: "node of a catalog", code: kind.into() }),
        };
        let aligned = kind == 3 && from.is()?;
        above.push(Above { path, aligned, left });
    }
    Ok(all)
}

fn one_series(from: &mut Take, tags: Option<&Bytes>, device: &Above) -> Result<NewSeries, WireError> {
    let name = from.text()?;
    from.text()?;
    let schema = from.schema()?;
    from.map()?;
    let alias = from.nullable_text()?;
    let offset = from.i64()?;
    from.u8()?;
    let series = series_of(&path(&format!("{}.{name}", device.path))?, device.aligned, schema)?;
    let at = usize::try_from(offset).ok().zip(tags).filter(|(at, tags)| *at < tags.len());
    let (tags, attributes) = match at {
        Some((at, tags)) => {
            let mut from = Take(tags.slice(at..));
            (from.map()?, from.map()?)
        }
        None => (Vec::new(), Vec::new()),
    };
    Ok(NewSeries { series, alias, tags, attributes })
}

/// The databases that a file describes.
///
/// # Errors
/// The bytes are no such file.
pub fn databases(bytes: Bytes) -> Result<Vec<Path>, WireError> {
    let (mut from, mut all) = (Take(bytes), Vec::new());
    while !from.0.is_empty() {
        let kind = from.u8()?;
        from.text()?;
        from.i32()?;
        match kind {
            1 => all.push(path(&database(&mut from)?)?),
            0 => drop(from.i32()?),
            kind => return Err(WireError::Code { what: "node of databases", code: kind.into() }),
        }
    }
    Ok(all)
}

/// How long rows live, in milliseconds, by the file that says so; for ever where `None`.
///
/// # Errors
/// The bytes are no such file.
pub fn ttls(bytes: Bytes) -> Result<Vec<(PathPattern, Option<i64>)>, WireError> {
    let mut from = Take(bytes);
    (0..from.count_of(12)?).map(|_| Ok((pattern(&from.text()?)?, life(from.i64()?)))).collect()
}
