//! Deletions that servers before 2.0 keep beside a file, as lines `DELETION,<series>,<offset>,<start>,<end>`: values of the
//! series at times from start to end are deleted in all chunks that begin before the offset.

use std::path::{Path, PathBuf};

use arrow_array::{BooleanArray, Int64Array};
use levada_model::{Path as SeriesPath, PathPattern};

use super::ReadError;

/// All deletions of one file.
#[derive(Debug, Default)]
pub(super) struct Deletions(Vec<Deletion>);

#[derive(Debug)]
struct Deletion {
    series: PathPattern,
    /// Chunks from here on were written later.
    before: u64,
    start: i64,
    end: i64,
}

impl Deletions {
    /// Those in `<file>.mods`; none where there is no such file.
    pub(super) fn beside(file: &Path) -> Result<Self, ReadError> {
        let mut name = file.as_os_str().to_owned();
        name.push(".mods");
        let path = PathBuf::from(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ReadError::Io { path, source }),
        }
    }

    /// A last line that is cut off does not count, as servers hold it.
    fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(Deletion::parse).collect())
    }

    /// Which rows of a chunk that begins at an offset are not deleted; `None` where all stay.
    pub(super) fn keep(&self, series: &SeriesPath, offset: u64, times: &Int64Array) -> Option<BooleanArray> {
        let mut of_series =
            self.0.iter().filter(|deletion| offset < deletion.before && deletion.series.matches(series));
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
        let series = PathPattern::parse(parts.next()?.strip_prefix("DELETION,")?).ok()?;
        Some(Self { series, before: u64::try_from(before).ok()?, start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_holds_for_chunks_before_it() {
        let deletions = Deletions::parse(
            "DELETION,root.a.d.s,100,2,3\nDELETION,root.a.*.t,9223372036854775807,1,1\nDELETION,roo",
        );
        let times = Int64Array::from(vec![1, 2, 3, 4]);
        let series = |text| SeriesPath::parse(text).expect("a path");
        let keep = |name, offset| deletions.keep(&series(name), offset, &times);
        assert_eq!(keep("root.a.d.s", 99), Some(vec![true, false, false, true].into()));
        assert_eq!(keep("root.a.d.s", 100), None);
        assert_eq!(keep("root.a.d.t", 5_000), Some(vec![false, true, true, true].into()));
        assert_eq!(keep("root.a.d.u", 0), None);
    }
}
