//! Lines that were refused: in a file beside the one they come from, with the same head, each behind a remark that says why.
//!
//! ```text
//!   late.csv.failed     Time,Device,s(DOUBLE)
//!                       # line 200002: column 3: `oops` is not of type DOUBLE: it is not a number
//!                       200001,root.a.d1,oops
//! ```
//!
//! Once they are mended, the file can be imported as it is: remarks are passed over.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

#[derive(Debug)]
pub(super) struct Failed {
    path: PathBuf,
    head: Vec<u8>,
    out: Option<BufWriter<File>>,
    lines: u64,
}

impl Failed {
    /// There are none yet, of a file with a head.
    pub(super) fn new(of: &Path, head: Vec<u8>) -> Self {
        let mut path = of.to_owned().into_os_string();
        path.push(".failed");
        Self { path: path.into(), head, out: None, lines: 0 }
    }

    /// Keeps a line.
    pub(super) fn add(&mut self, line: u64, raw: &[u8], reason: &str) -> anyhow::Result<()> {
        self.write(line, raw, reason)
            .with_context(|| format!("cannot write {}, for lines that are refused", self.path.display()))
    }

    fn write(&mut self, line: u64, raw: &[u8], reason: &str) -> std::io::Result<()> {
        let out = match &mut self.out {
            Some(out) => out,
            none => {
                let mut out = BufWriter::new(File::create(&self.path)?);
                out.write_all(&self.head)?;
                out.write_all(b"\n")?;
                none.insert(out)
            }
        };
        self.lines += 1;
        writeln!(out, "# line {line}: {}", reason.replace(['\n', '\r'], " "))?;
        out.write_all(raw)?;
        out.write_all(b"\n")
    }

    /// How many there are and where; `None` where there are none.
    pub(super) fn finish(self) -> anyhow::Result<Option<(u64, PathBuf)>> {
        let Some(mut out) = self.out else { return Ok(None) };
        out.flush().with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(Some((self.lines, self.path)))
    }
}
