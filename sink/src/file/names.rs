//! Names of files: `readings.jsonl`, `readings-000001.jsonl`, and `.part` while they are written; `.whole` for a file of
//! columns that is being made of its `.part`.

use std::path::{Path, PathBuf};

/// What a file is called while it is written, behind its name.
const PART: &str = ".part";
/// What a file of columns is called until it has its name, behind that.
const WHOLE: &str = ".whole";

/// The names that belong to one path.
#[derive(Clone, Debug)]
pub(super) struct Names {
    folder: PathBuf,
    stem: String,
    /// With its full stop; empty where the path has none.
    extension: String,
}

/// A file of this sink in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// 0 is the path itself.
    pub(super) number: u64,
    /// Whether it is not finished.
    pub(super) part: bool,
}

impl Names {
    /// `None` where the path has no file name that is text.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let stem = path.file_stem()?.to_str()?.to_owned();
        let extension = match path.extension() {
            Some(extension) => format!(".{}", extension.to_str()?),
            None => String::new(),
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Some(Self { folder: folder.map_or_else(|| PathBuf::from("."), PathBuf::from), stem, extension })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of a finished file.
    pub(super) fn finished(&self, number: u64) -> PathBuf {
        let Self { folder, stem, extension } = self;
        match number {
            0 => folder.join(format!("{stem}{extension}")),
            number => folder.join(format!("{stem}-{number:06}{extension}")),
        }
    }

    /// The name of the same file while it is written.
    pub(super) fn part(&self, number: u64) -> PathBuf {
        let mut name = self.finished(number).into_os_string();
        name.push(PART);
        name.into()
    }

    /// The name of a file of columns while it is made.
    pub(super) fn whole(&self, number: u64) -> PathBuf {
        let mut name = self.finished(number).into_os_string();
        name.push(WHOLE);
        name.into()
    }

    /// The path that a file belongs to which was being written, by its name: without `.part` and the number.
    pub(super) fn base(name: &str) -> Option<String> {
        let name = name.strip_suffix(PART)?;
        let (stem, extension) = match name.rfind('.') {
            Some(at) if at > 0 => name.split_at(at),
            _ => (name, ""),
        };
        let numbered = stem.rsplit_once('-').filter(|(_, digits)| {
            let number = digits.parse::<u64>().unwrap_or(0);
            number > 0 && format!("{number:06}") == *digits
        });
        Some(format!("{}{extension}", numbered.map_or(stem, |(stem, _)| stem)))
    }

    /// The files of this sink among the names in its folder, in order.
    pub(super) fn found(&self, names: &[String]) -> Vec<Found> {
        let mut found: Vec<_> = names.iter().filter_map(|name| self.read(name)).collect();
        found.sort_unstable();
        found
    }

    fn read(&self, name: &str) -> Option<Found> {
        let (name, part) = name.strip_suffix(PART).map_or((name, false), |name| (name, true));
        let middle = name.strip_prefix(self.stem.as_str())?.strip_suffix(self.extension.as_str())?;
        if middle.is_empty() {
            return Some(Found { number: 0, part });
        }
        let digits = middle.strip_prefix('-')?;
        let number: u64 = digits.parse().ok()?;
        (number > 0 && format!("{number:06}") == digits).then_some(Found { number, part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_those_of_others_are_not() {
        let names = Names::of(Path::new("out/readings.jsonl")).expect("a name");
        assert_eq!(names.finished(0), Path::new("out/readings.jsonl"));
        assert_eq!(names.part(12), Path::new("out/readings-000012.jsonl.part"));
        let listed = [
            "readings-000012.jsonl.part",
            "readings.jsonl",
            "readings-1234567.jsonl",
            "readings-12.jsonl",
            "readings-000000.jsonl",
            "readings-00001x.jsonl",
            "readings.csv",
            "other-000001.jsonl",
            "readings-2.jsonl.part",
        ];
        let found = names.found(&listed.map(str::to_owned));
        let found: Vec<_> = found.into_iter().map(|Found { number, part }| (number, part)).collect();
        assert_eq!(found, [(0, false), (12, true), (1_234_567, false)]);
    }

    #[test]
    fn a_file_being_written_tells_its_path() {
        for (name, base) in [
            ("r.csv.part", Some("r.csv")),
            ("r-000012.csv.part", Some("r.csv")),
            ("r-12.csv.part", Some("r-12.csv")),
            ("r-000001.part", Some("r")),
            ("r.csv", None),
        ] {
            assert_eq!(Names::base(name).as_deref(), base, "{name}");
        }
    }

    #[test]
    fn a_path_without_folder_or_extension_works() {
        let names = Names::of(Path::new("readings")).expect("a name");
        assert_eq!(names.part(1), Path::new("./readings-000001.part"));
        assert_eq!(names.found(&["readings.part".to_owned()]).len(), 1);
        assert!(Names::of(Path::new("/")).is_none());
    }
}
