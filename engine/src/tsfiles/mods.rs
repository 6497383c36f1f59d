//! Deletions that servers keep beside a file.
//!
//! ```text
//!   x.tsfile.mods     before 2.0: lines  DELETION,<series>,<offset>,<start>,<end>
//!                     values of the series at times from start to end are deleted in all chunks that begin before the offset
//!   x.tsfile.mods2    from 2.0 on: records  kind: u8   start, end: i64   what
//!                     kind 1, tree model: a pattern of series; in the whole file
//!                     kind 0, table model: a table, devices, columns; not obeyed here, since tables are not imported
//! ```

mod binary;

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use arrow_array::{BooleanArray, Int64Array};
use levada_model::{Path as SeriesPath, PathPattern};
use tracing::warn;

use super::ReadError;

/// All deletions of one file.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    all: Vec<Deletion>,
    /// Records of the table model.
    tables: usize,
    /// Records, or bytes at the end, that were not understood.
    strange: usize,
}

#[derive(Debug, PartialEq)]
struct Deletion {
    series: PathPattern,
    /// Chunks from here on were written later.
    before: u64,
    start: i64,
    end: i64,
}

impl Deletions {
    /// Those in `<file>.mods` and `<file>.mods2`; none where there are no such files. What of them cannot be obeyed is logged.
    pub(super) fn beside(file: &Path) -> Result<Self, ReadError> {
        let mut deletions = Self::default();
        for (extension, parse) in [("mods", Self::lines as fn(&mut Self, &[u8])), ("mods2", Self::records)] {
            let mut name = file.as_os_str().to_owned();
            name.push(".");
            name.push(extension);
            let path = PathBuf::from(name);
            match std::fs::read(&path) {
                Ok(bytes) => parse(&mut deletions, &bytes),
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(source) => return Err(ReadError::Io { path, source }),
            }
            let (tables, strange) =
                (std::mem::take(&mut deletions.tables), std::mem::take(&mut deletions.strange));
            if tables > 0 {
                warn!(path = %path.display(), count = tables, "deletions from tables are skipped: tables are not imported");
            }
            if strange > 0 {
                warn!(path = %path.display(), count = strange, "deletions that cannot be understood are skipped");
            }
        }
        Ok(deletions)
    }

    /// Takes lines. A last one that is cut off does not count, as servers hold it.
    fn lines(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for line in text.split_inclusive('\n') {
            match Deletion::parse(line) {
                Some(deletion) => self.all.push(deletion),
                None if line.trim().is_empty() || !line.ends_with('\n') => {}
                None => self.strange += 1,
            }
        }
    }

    /// Takes records, up to one that is cut off.
    fn records(&mut self, bytes: &[u8]) {
        let mut from = binary::Records::new(bytes);
        while let Some(record) = from.next() {
            match record {
                binary::Record::Tree { start, end, pattern } => match PathPattern::from_names(pattern) {
                    Ok(series) => self.all.push(Deletion { series, before: u64::MAX, start, end }),
                    Err(_) => self.strange += 1,
                },
                binary::Record::Table => self.tables += 1,
            }
        }
        self.strange += usize::from(!from.is_at_end());
    }

    /// Which rows of a chunk that begins at an offset are not deleted; `None` where all stay.
    pub(super) fn keep(&self, series: &SeriesPath, offset: u64, times: &Int64Array) -> Option<BooleanArray> {
        let mut of_series =
            self.all.iter().filter(|deletion| offset < deletion.before && deletion.series.matches(series));
        let first = of_series.next()?;
        let all: Vec<_> = std::iter::once(first).chain(of_series).collect();
        let kept = |time: &i64| !all.iter().any(|deletion| (deletion.start..=deletion.end).contains(time));
        Some(times.values().iter().map(|time| Some(kept(time))).collect())
    }
}

impl Deletion {
    fn parse(line: &str) -> Option<Self> {
        // From the right: a path may have commas in it.
        let mut parts = line.trim_end().rsplitn(4, ',');
        let end = parts.next()?.parse().ok()?;
        let start = parts.next()?.parse().ok()?;
        let before: i64 = parts.next()?.parse().ok()?;
        let series = PathPattern::from_names(parts.next()?.strip_prefix("DELETION,")?).ok()?;
        Some(Self { series, before: u64::try_from(before).ok()?, start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(text: &str) -> SeriesPath {
        SeriesPath::parse(text).expect("a path")
    }

    #[test]
    fn a_deletion_holds_for_chunks_before_it() {
        let mut deletions = Deletions::default();
        deletions.lines(
            b"DELETION,root.a.d.s,100,2,3\nwhat is this\nDELETION,root.a.*.t,9223372036854775807,1,1\nDELETION,roo",
        );
        let times = Int64Array::from(vec![1, 2, 3, 4]);
        let keep = |name, offset| deletions.keep(&series(name), offset, &times);
        assert_eq!(keep("root.a.d.s", 99), Some(vec![true, false, false, true].into()));
        assert_eq!(keep("root.a.d.s", 100), None);
        assert_eq!(keep("root.a.d.t", 5_000), Some(vec![false, true, true, true].into()));
        assert_eq!(keep("root.a.d.u", 0), None);
        assert_eq!(deletions.strange, 1);
    }

    #[test]
    fn records_of_newer_servers_hold_for_the_whole_file() {
        let mut bytes = Vec::new();
        let times = |bytes: &mut Vec<u8>, start: i64, end: i64| {
            bytes.extend_from_slice(&start.to_be_bytes());
            bytes.extend_from_slice(&end.to_be_bytes());
        };
        let text = |bytes: &mut Vec<u8>, text: &str| {
            bytes.push(2 * text.len() as u8);
            bytes.extend_from_slice(text.as_bytes());
        };
        bytes.push(1);
        times(&mut bytes, 2, 3);
        text(&mut bytes, "root.a.d.s");
        // A table; devices whose first segment is `x` and second `y`; two columns.
        bytes.push(0);
        times(&mut bytes, i64::MIN, i64::MAX);
        text(&mut bytes, "t");
        bytes.extend_from_slice(&[3, 4, 2]);
        text(&mut bytes, "x");
        bytes.extend_from_slice(&[0, 1, 2]);
        text(&mut bytes, "t");
        text(&mut bytes, "y");
        bytes.push(4);
        text(&mut bytes, "a");
        text(&mut bytes, "b");
        bytes.push(1);
        times(&mut bytes, i64::MIN, 1);
        text(&mut bytes, "root.**");
        let whole = bytes.len();
        bytes.extend_from_slice(&[1, 0, 0]);
        let rows = Int64Array::from(vec![1, 2, 3, 4]);
        for (length, strange) in [(whole, 0), (bytes.len(), 1)] {
            let mut deletions = Deletions::default();
            deletions.records(&bytes[..length]);
            assert_eq!((deletions.all.len(), deletions.tables, deletions.strange), (2, 1, strange));
            let keep = |name| deletions.keep(&series(name), 1 << 40, &rows);
            assert_eq!(keep("root.a.d.s"), Some(vec![false, false, false, true].into()));
            assert_eq!(keep("root.a.d.t"), Some(vec![false, true, true, true].into()));
        }
        // Wherever it is cut off, or whatever it is: no panic.
        for cut in 0..bytes.len() {
            Deletions::default().records(&bytes[cut..]);
            Deletions::default().records(&bytes[..cut]);
        }
    }
}
