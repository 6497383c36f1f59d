//! Rows that have no room in memory: files without a name, which are gone with whoever has them open, however it ends.

use std::{
    fmt,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_udf_sdk::DataType;

use super::saved::{Put, Take};
use crate::{Batch, Fault, FaultKind};

/// The least size at which a file is full. The rows of a file that is full leave the disk when the last of them is used up.
const FULL: u64 = 64 << 20;
/// Of all rows that wait, one part in so many is in one file.
const FILES: u64 = 16;

/// A folder in which rows have room that memory has not. Nothing in it has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scratch(Arc<Path>);

impl Scratch {
    /// In a folder, which is there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into().into())
    }
}

/// The files of one call.
pub(super) struct Files {
    scratch: Scratch,
    /// The file that is written, and how long it is.
    current: Option<(Arc<ScratchFile>, u64)>,
}

/// A file of rows.
struct ScratchFile {
    file: File,
    folder: Scratch,
}

impl ScratchFile {
    fn failed(&self, error: &io::Error) -> Fault {
        failed(&self.folder, error)
    }
}

fn failed(Scratch(folder): &Scratch, error: &io::Error) -> Fault {
    let message = format!("rows that wait for their window cannot be kept in {}: {error}", folder.display());
    Fault::new(FaultKind::Io, message)
}

/// Some rows in a file.
#[derive(Clone)]
pub(super) struct Stored {
    file: Arc<ScratchFile>,
    offset: u64,
    bytes: usize,
    types: Arc<[DataType]>,
    /// Which of the rows that were put there.
    first: usize,
    rows: usize,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("offset", &self.offset)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Files {
    pub(super) fn new(scratch: Scratch) -> Self {
        Self { scratch, current: None }
    }

    /// Keeps rows. `waiting` is how many bytes of rows wait in all.
    pub(super) fn put(&mut self, batch: &Batch, waiting: usize) -> Result<Stored, Fault> {
        if self.current.as_ref().is_some_and(|(_, end)| *end >= FULL.max(waiting as u64 / FILES)) {
            self.current = None;
        }
        let (file, end) = match &mut self.current {
            Some((file, end)) => (file, end),
            none => {
                let file =
                    tempfile::tempfile_in(&self.scratch.0).map_err(|error| failed(&self.scratch, &error))?;
                let file = Arc::new(ScratchFile { file, folder: self.scratch.clone() });
                let (file, end) = none.insert((file, 0));
                (file, end)
            }
        };
        let mut put = Put::default();
        put.rows(batch);
        file.file.write_all_at(&put.0, *end).map_err(|error| file.failed(&error))?;
        let stored = Stored {
            file: Arc::clone(file),
            offset: *end,
            bytes: put.0.len(),
            types: Arc::clone(&batch.types),
            first: 0,
            rows: batch.rows(),
        };
        *end += put.0.len() as u64;
        Ok(stored)
    }
}

impl Stored {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Reads the rows.
    pub(super) fn read(&self) -> Result<Batch, Fault> {
        let mut bytes = vec![0; self.bytes];
        self.file.file.read_exact_at(&mut bytes, self.offset).map_err(|error| self.file.failed(&error))?;
        let mut take = Take::of(&bytes);
        let batch = take.rows(&self.types)?;
        take.end()?;
        if self.first + self.rows > batch.rows() {
            return Err(super::saved::damaged());
        }
        Ok(batch.slice(self.first, self.rows))
    }

    /// Some of the rows.
    pub(super) fn slice(&self, from: usize, rows: usize) -> Self {
        Self { first: self.first + from, rows, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch() -> Batch {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("ü"), None]));
        let types = [DataType::Int64, DataType::Text].into();
        Batch { times: vec![10, 20, 30].into(), columns: vec![numbers, texts], types }
    }

    #[test]
    fn rows_are_read_as_they_were_put_and_no_file_has_a_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files = Files::new(Scratch::new(folder.path()));
        let stored: Vec<Stored> = (0..3).map(|_| files.put(&batch(), 0).expect("there is room")).collect();
        for each in stored {
            assert_eq!(each.read().expect("it is there").columns, batch().columns);
            let last = each.slice(1, 2).slice(1, 1).read().expect("it is there");
            assert_eq!((&*last.times, &last.columns), (&[30][..], &batch().slice(2, 1).columns));
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
    }

    #[test]
    fn what_cannot_be_kept_or_read_names_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let absent = folder.path().join("absent");
        let fault = Files::new(Scratch::new(&absent)).put(&batch(), 0).expect_err("there is no folder");
        assert_eq!(fault.kind, FaultKind::Io);
        let begin = format!("rows that wait for their window cannot be kept in {}: ", absent.display());
        assert!(fault.message.starts_with(&begin), "{fault}");
        let stored = Files::new(Scratch::new(folder.path())).put(&batch(), 0).expect("there is room");
        stored.file.file.set_len(5).expect("it is ours");
        assert_eq!(stored.read().expect_err("it is cut").kind, FaultKind::Io);
    }
}
