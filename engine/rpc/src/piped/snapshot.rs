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
use levada_model::{Path, PathPattern, Series};

use super::{
    NewSeries,
    plan::{database, life},
    tablet::measurement,
    take::{Take, path, pattern},
};
use crate::thrift::WireError;

/// So deep a tree may be.
const DEPTH: usize = 64;
/// The longest path of a series, and the most that its tags and attributes have together, in bytes.
const LONGEST: usize = 64 << 10;

/// A node whose children are still to come.
struct Above {
    /// How much of the path is its own and that of its ancestors.
    length: usize,
    /// What it is as a device, once a series of it has come.
    device: Option<Path>,
    aligned: bool,
    left: usize,
}

/// The series of a database, by its tree, and the log of tags where there is one. They are read some at a time: together they may
/// be many times as long as the tree, which has each name once.
pub struct SeriesTree {
    from: Take,
    tags: Option<Bytes>,
    database: String,
    /// The path of the last node that may have children.
    path: String,
    above: Vec<Above>,
}

impl std::fmt::Debug for SeriesTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeriesTree").field("left", &self.from.0.len()).finish_non_exhaustive()
    }
}

impl SeriesTree {
    /// Begins to read a tree.
    ///
    /// # Errors
    /// It has no version.
    pub fn new(tree: Bytes, tags: Option<Bytes>, database: String) -> Result<Self, WireError> {
        let mut from = Take(tree);
        from.u8()?;
        Ok(Self { from, tags, database, path: String::new(), above: Vec::new() })
    }

    /// The series that come next, of about so many bytes of paths, tags and attributes together, but one at least; none at the end.
    ///
    /// # Errors
    /// The bytes are no such tree.
    pub fn next(&mut self, bytes: usize) -> Result<Vec<NewSeries>, WireError> {
        let (mut found, mut read) = (Vec::new(), 0);
        while !self.from.0.is_empty() && (found.is_empty() || read < bytes) {
            while self.above.pop_if(|node| node.left == 0).is_some() {}
            if let Some(parent) = self.above.last_mut() {
                parent.left -= 1;
            }
            match self.from.u8()? {
                2 => {
                    let left = self.from.0.len();
                    let (series, tags) = self.series()?;
                    read += left - self.from.0.len() + tags + series.series.device.as_str().len();
                    found.push(series);
                }
                kind => self.node(kind)?,
            }
        }
        Ok(found)
    }

    fn node(&mut self, kind: u8) -> Result<(), WireError> {
        let (left, name) = (self.from.count_of(1)?, self.from.text()?);
        self.from.i32()?;
        self.from.u8()?;
        self.path.truncate(self.above.last().map_or(0, |parent| parent.length));
        match (kind, self.above.is_empty()) {
            (1, true) => self.path.push_str(&self.database),
            (0, true) => self.path.push_str(&name),
            (0 | 3, false) => {
                self.path.push('.');
                self.path.push_str(&name);
            }
            _ => return Err(WireError::Code { what: "node of a catalog", code: kind.into() }),
        }
        if self.above.len() >= DEPTH {
            return Err(WireError::Depth(DEPTH));
        }
        if self.path.len() > LONGEST {
            return Err(WireError::Mismatch(format!("a path of {} bytes", self.path.len())));
        }
        let aligned = kind == 3 && self.from.is()?;
        self.above.push(Above { length: self.path.len(), device: None, aligned, left });
        Ok(())
    }

    /// A series, and how many bytes its tags and attributes have.
    fn series(&mut self) -> Result<(NewSeries, usize), WireError> {
        let from = &mut self.from;
        let name = measurement(&from.text()?)?;
        from.text()?;
        let schema = from.schema()?;
        from.map()?;
        let alias = from.nullable_text()?;
        let offset = from.i64()?;
        from.u8()?;
        let parent = self.above.last_mut();
        let parent = parent.ok_or_else(|| WireError::Mismatch("a series of no device".to_owned()))?;
        let device = match &parent.device {
            Some(device) => device.clone(),
            None => {
                let device = path(self.path.get(..parent.length).unwrap_or_default())?;
                parent.device.insert(device).clone()
            }
        };
        let series = Series { device, measurement: name, aligned: parent.aligned, schema };
        let at = usize::try_from(offset).ok().zip(self.tags.as_ref()).filter(|(at, tags)| *at < tags.len());
        let ((tags, attributes), bytes) = match at {
            Some((at, tags)) => {
                let mut from = Take(tags.slice(at..tags.len().min(at.saturating_add(LONGEST))));
                let before = from.0.len();
                ((from.map()?, from.map()?), before - from.0.len())
            }
            None => ((Vec::new(), Vec::new()), 0),
        };
        Ok((NewSeries { series, alias, tags, attributes }, bytes))
    }
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
