//! How a file names a device.

use std::{cmp::Ordering, fmt, sync::Arc};

use levada_model::{Path, PathError, canonical_node, node_ends};

use crate::{
    error::Parsed,
    wire::{Cursor, put_uvar, put_vstr},
};

/// A device: the segments of its path, the first of which is the "table" that the index groups devices by.
///
/// In a path of two or three nodes, the last node is a segment of its own; in a longer one, the first three nodes are the first
/// segment. Cheap to clone; ordered as in the index of version 4.
///
/// ```
/// use levada_model::Path;
/// use levada_tsfile::DeviceId;
/// let id = DeviceId::from(&Path::parse("root.plant.hall.d1")?);
/// assert_eq!(id.segments().collect::<Vec<_>>(), [Some("root.plant.hall"), Some("d1")]);
/// assert_eq!(id.to_string(), "root.plant.hall.d1");
/// # Ok::<(), levada_model::PathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId(Arc<[Option<Box<str>>]>);

impl DeviceId {
    /// A device from segments; trailing nulls, which only files of the table model have, are dropped.
    pub fn from_segments<'a>(segments: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut segments: Vec<Option<Box<str>>> =
            segments.into_iter().map(|segment| segment.map(Box::from)).collect();
        while matches!(segments.last(), Some(None)) && segments.len() > 1 {
            segments.pop();
        }
        Self(segments.into())
    }

    /// The device for a path as files of version 3 write it; an invalid path is split at its full stops.
    pub(crate) fn from_text(path: &str) -> Self {
        let ends = node_ends(path);
        let first = match ends.len() {
            0 | 1 => path.len(),
            count => ends[(count - 1).min(3) - 1],
        };
        let mut segments = vec![path.get(..first)];
        let mut start = first + 1;
        for &end in ends.iter().filter(|&&end| end > first) {
            segments.push(path.get(start..end));
            start = end + 1;
        }
        Self::from_segments(segments)
    }

    /// The segments; null ones occur only in files of the table model.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        self.0.iter().map(Option::as_deref)
    }

    /// The first segment.
    pub(crate) fn table(&self) -> &str {
        self.0.first().and_then(Option::as_deref).unwrap_or_default()
    }

    /// The device as a path of the tree model. Names are themselves, whether they are quoted or not: the first segment is cut at
    /// its full stops, each other one is one node.
    ///
    /// # Errors
    /// A node is empty.
    pub fn to_path(&self) -> Result<Path, PathError> {
        let mut segments = self.segments().map(|segment| segment.unwrap_or("null"));
        let mut path = Path::from_names(segments.next().unwrap_or_default())?;
        for segment in segments {
            if segment.is_empty() {
                return Err(PathError { path: self.to_string(), reason: "a node is empty".to_owned() });
            }
            path = path.child(&canonical_node(segment));
        }
        Ok(path)
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_uvar(out, self.0.len() as u32);
        for segment in self.segments() {
            match segment {
                Some(text) => put_vstr(out, text),
                None => out.push(0x01),
            }
        }
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let count = cursor.uvar_usize()?;
        let mut segments = Vec::with_capacity(count.min(cursor.remaining()).min(64));
        for _ in 0..count {
            segments.push(cursor.vstr_or_null()?);
        }
        if segments.is_empty() {
            return Err(cursor.corrupt("a device has no segments"));
        }
        Ok(Self::from_segments(segments))
    }
}

impl From<&Path> for DeviceId {
    fn from(path: &Path) -> Self {
        Self::from_text(path.as_str())
    }
}

impl From<&DeviceId> for DeviceId {
    fn from(device: &DeviceId) -> Self {
        device.clone()
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            f.write_str(segment.unwrap_or("null"))?;
        }
        Ok(())
    }
}

impl Ord for DeviceId {
    fn cmp(&self, other: &Self) -> Ordering {
        for (left, right) in self.segments().zip(other.segments()) {
            let order = match (left, right) {
                (Some(left), Some(right)) => utf16_order(left, right),
                (left, right) => left.is_some().cmp(&right.is_some()),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        self.0.len().cmp(&other.0.len())
    }
}

impl PartialOrd for DeviceId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of names in a file's index: by UTF-16 code units, which differs from UTF-8's only above U+FFFF.
pub(crate) fn utf16_order(left: &str, right: &str) -> Ordering {
    if left.is_ascii() || right.is_ascii() {
        left.cmp(right)
    } else {
        left.encode_utf16().cmp(right.encode_utf16())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &str) -> Vec<String> {
        DeviceId::from_text(path).segments().map(|segment| segment.unwrap_or("null").to_owned()).collect()
    }

    #[test]
    fn a_path_is_cut_as_the_format_says() {
        assert_eq!(segments("root"), ["root"]);
        assert_eq!(segments("root.a"), ["root", "a"]);
        assert_eq!(segments("root.a.b"), ["root.a", "b"]);
        assert_eq!(segments("root.a.b.c"), ["root.a.b", "c"]);
        assert_eq!(segments("root.a.b.c.d"), ["root.a.b", "c", "d"]);
        assert_eq!(segments("root.`a.b`.c.`d.e`.f"), ["root.`a.b`.c", "`d.e`", "f"]);
    }

    #[test]
    fn names_that_need_quotes_and_have_none_make_a_path() {
        let path = |segments: &[&str]| {
            let id = DeviceId::from_segments(segments.iter().map(|segment| Some(*segment)));
            id.to_path().map(String::from).map_err(|error| error.reason)
        };
        assert_eq!(path(&["root.p", "größe"]).as_deref(), Ok("root.p.`größe`"));
        assert_eq!(
            path(&["root.a-b.`c.d`", "x.y", "`x.y`", "z"]).as_deref(),
            Ok("root.`a-b`.`c.d`.`x.y`.`x.y`.z")
        );
        assert_eq!(path(&["root.p", ""]), Err("a node is empty".to_owned()));
        for text in ["root.a`b.c.d.e", "root.`a.b", "root.größe.a b.c.12"] {
            let id = DeviceId::from_text(text);
            assert_eq!(id.to_string(), text);
            assert_eq!(id.to_path(), Path::from_names(text));
        }
    }

    #[test]
    fn segments_order_as_in_the_index() {
        let id = |segments: &[Option<&str>]| DeviceId::from_segments(segments.iter().copied());
        let ascending = [
            id(&[Some("a")]),
            id(&[Some("a"), None, Some("z")]),
            id(&[Some("a"), Some("b")]),
            id(&[Some("a"), Some("b"), Some("c")]),
            id(&[Some("a"), Some("\u{10000}")]),
            id(&[Some("a"), Some("\u{ffff}")]),
            id(&[Some("a.b")]),
        ];
        assert!(ascending.is_sorted(), "{ascending:?}");
        assert_eq!(id(&[Some("a"), None, None]), id(&[Some("a")]));
    }

    #[test]
    fn a_device_survives_its_bytes() {
        for id in [DeviceId::from_text("root.a.b.c"), DeviceId::from_segments([Some("t"), None, Some("x")])] {
            let mut bytes = Vec::new();
            id.put(&mut bytes);
            assert_eq!(DeviceId::parse(&mut Cursor::new(&bytes)), Ok(id));
        }
    }
}
