//! Rows that were rejected: in a file beside the one they come from, each behind a remark that says why.
//!
//! ```text
//!   late.csv.failed     Time,Device,s(DOUBLE)
//!                       # line 200002: column 3: `oops` is no DOUBLE
//!                       200001,root.a.d1,oops
//!                       # end of what was rejected, 1 in all: 0d3a9f17
//! ```
//!
//! Of CSV the head is the same, of JSON lines there is none; rows of Parquet become JSON lines. Once they are mended, the file can
//! be imported as it is: remarks are passed over.
//!
//! The last line has the checksum of all before it. A file of that name whose last line is right is one that nobody has touched,
//! and is replaced; any other (mended, or somebody else's) stays, and the next name is taken: `late.csv.failed-2`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use crc32fast::Hasher;

/// What the last line begins with.
const END: &str = "# end of what was rejected, ";

/// Rows of one file that were rejected.
#[derive(Debug)]
pub(super) struct Failed {
    of: PathBuf,
    head: Option<Vec<u8>>,
    out: Option<Out>,
    count: u64,
}

#[derive(Debug)]
struct Out {
    path: PathBuf,
    file: BufWriter<File>,
    sum: Hasher,
}

impl Failed {
    /// There are none yet, of a file with a head or without one.
    pub(super) fn new(of: &Path, head: Option<Vec<u8>>) -> Self {
        Self { of: of.to_owned(), head, out: None, count: 0 }
    }

    /// Keeps a row; `place` says which it is (`line 7`).
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn add(&mut self, place: &str, raw: &[u8], reason: &str) -> anyhow::Result<()> {
        self.write(place, raw, reason).with_context(|| {
            format!("cannot keep {place} of {}, which is rejected: {reason}", self.of.display())
        })
    }

    fn write(&mut self, place: &str, raw: &[u8], reason: &str) -> io::Result<()> {
        let out = match &mut self.out {
            Some(out) => out,
            none => {
                let mut out = Out::create(&self.of)?;
                if let Some(head) = &self.head {
                    out.line(&[head])?;
                }
                none.insert(out)
            }
        };
        self.count += 1;
        out.line(&[format!("# {place}: {}", reason.replace(['\n', '\r'], " ")).as_bytes()])?;
        out.line(&[raw])
    }

    /// How many there are and where; `None` where there are none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn finish(self) -> anyhow::Result<Option<(u64, PathBuf)>> {
        let Some(mut out) = self.out else { return Ok(None) };
        let end = end(self.count, &out.sum);
        let written = out.line(&[end.as_bytes()]).and_then(|()| out.file.flush());
        written.with_context(|| format!("cannot write {}", out.path.display()))?;
        Ok(Some((self.count, out.path)))
    }
}

impl Out {
    /// Makes the file that rejected rows of another go to.
    fn create(of: &Path) -> io::Result<Self> {
        for number in 1u64.. {
            let mut path = of.to_owned().into_os_string();
            path.push(if number == 1 { ".failed".to_owned() } else { format!(".failed-{number}") });
            let path = PathBuf::from(path);
            let new = || OpenOptions::new().write(true).create_new(true).open(&path);
            let file = match new() {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if !is_untouched(&path)? {
                        continue;
                    }
                    fs::remove_file(&path)?;
                    new()
                }
                made => made,
            };
            return Ok(Self { file: BufWriter::new(file?), path, sum: Hasher::new() });
        }
        Err(io::Error::other("all names are taken"))
    }

    fn line(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        for part in parts.iter().chain(&[&b"\n"[..]]) {
            self.sum.update(part);
            self.file.write_all(part)?;
        }
        Ok(())
    }
}

fn end(count: u64, sum: &Hasher) -> String {
    format!("{END}{count} in all: {:08x}", sum.clone().finalize())
}

/// Whether a file is one that an import has written, and nobody since.
fn is_untouched(path: &Path) -> io::Result<bool> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut lines = BufReader::new(File::open(path)?);
    let (mut sum, mut last, mut line) = (Hasher::new(), Vec::new(), Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        sum.update(&last);
        std::mem::swap(&mut last, &mut line);
        line.clear();
    }
    let last = String::from_utf8_lossy(&last);
    let count = last
        .strip_prefix(END)
        .and_then(|rest| rest.split_once(' '))
        .and_then(|(count, _)| count.parse().ok());
    Ok(count.is_some_and(|count| last.trim_end_matches('\n') == end(count, &sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(of: &Path, raw: &str) -> PathBuf {
        let mut failed = Failed::new(of, Some(b"Time,Device,s".to_vec()));
        failed.add("line 2", raw.as_bytes(), "two\nlines").expect("written");
        failed.finish().expect("written").expect("one").1
    }

    #[test]
    fn what_nobody_touched_is_replaced_and_all_else_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = folder.path().join("a.csv");
        let first = reject(&of, "1,d,x");
        assert_eq!(first, folder.path().join("a.csv.failed"));
        assert_eq!(reject(&of, "1,d,y"), first, "nobody has touched it");
        let text = fs::read_to_string(&first).expect("there");
        assert!(text.starts_with("Time,Device,s\n# line 2: two lines\n1,d,y\n# end"), "{text}");
        // Mended, cut, added to, or never ours.
        let (cut, _) = text.rsplit_once("# end").expect("an end");
        for other in [
            text.replace("1,d,y", "1,d,5"),
            cut.to_owned(),
            format!("{text}2,d,6\n"),
            "my lines\n".to_owned(),
            String::new(),
        ] {
            fs::write(&first, &other).expect("written");
            let second = reject(&of, "1,d,z");
            assert_eq!(second, folder.path().join("a.csv.failed-2"), "{other}");
            assert_eq!(fs::read_to_string(&first).expect("there"), other);
        }
    }

    #[test]
    fn a_link_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = folder.path().join("a.jsonl");
        let ours = reject(&of, "x");
        let target = folder.path().join("elsewhere");
        fs::rename(&ours, &target).expect("moved");
        std::os::unix::fs::symlink(&target, &ours).expect("linked");
        assert_eq!(reject(&of, "y"), folder.path().join("a.jsonl.failed-2"));
        assert!(fs::read_to_string(&target).expect("there").contains("\nx\n"));
    }
}
