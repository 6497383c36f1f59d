//! All files of a sink: one path, or as many as its template gives. Everything here blocks, and is called from one thread at a
//! time.
//!
//! Invariants: of the files being written at most `open_files` are open, those that were written to last; of one batch, what is on
//! disk after an error is taken back from all files before anything else is done with them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
};

use levada_connector_api::{Batch, Error, Rejection, Result};

use super::{
    division::divide,
    names::Names,
    recovery::recover,
    template::{Level, Template},
    writer::{Plan, Writer},
};

/// Files that may wait for more rows, open or not; beyond them, the one that has waited longest is finished.
const MAX_UNFINISHED: usize = 10_000;

/// The writers of a sink.
#[derive(Debug)]
pub(super) struct Writers {
    plan: Plan,
    template: Template,
    open_files: usize,
    files: HashMap<PathBuf, Slot>,
    /// Which files are open, by when they were written to.
    open: BTreeMap<u64, PathBuf>,
    /// All files, by when they were written to.
    used: BTreeMap<u64, PathBuf>,
    turn: u64,
}

#[derive(Debug)]
struct Slot {
    writer: Writer,
    turn: u64,
}

impl Writers {
    pub(super) fn new(plan: Plan, template: Template, open_files: usize) -> Self {
        Self {
            plan,
            template,
            open_files,
            files: HashMap::new(),
            open: BTreeMap::new(),
            used: BTreeMap::new(),
            turn: 0,
        }
    }

    /// Makes the folder and finishes what earlier processes left behind.
    pub(super) fn connect(&mut self) -> Result<()> {
        if let Some(path) = self.template.fixed() {
            return self.slot(&path)?.connect();
        }
        let root = self.template.root();
        let made = self.plan.disk.create_folder(&root);
        made.map_err(|error| Error::io(format!("cannot make the folder {}", root.display()), error))?;
        let mut left = BTreeSet::new();
        self.find_left(&root, &self.template.levels(), &mut left)?;
        for path in left {
            if let (false, Some(names)) = (self.files.contains_key(&path), Names::of(&path)) {
                recover(&*self.plan.disk, &names, self.plan.content)?;
            }
        }
        Ok(())
    }

    /// Puts a batch on disk. The rows that cannot be written are given back.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<Vec<Rejection>> {
        if let Some(path) = self.template.fixed() {
            return self.slot(&path)?.write(batch);
        }
        let (shares, mut rejected) = divide(batch, &self.template)?;
        let mut marks = Vec::with_capacity(shares.len());
        for (path, share) in shares {
            let writer = self.slot(&path)?;
            marks.push((path.clone(), writer.mark()));
            match writer.write(&share.batch) {
                Ok(of_share) => rejected.extend(of_share.into_iter().map(|each| share.original(each))),
                Err(error) => {
                    for (path, mark) in marks {
                        if let Some(slot) = self.files.get_mut(&path) {
                            slot.writer.go_back(mark);
                        }
                    }
                    return Err(error);
                }
            }
        }
        Ok(rejected)
    }

    /// Finishes files that are old enough. All are tried; the first error is given.
    pub(super) fn tick(&mut self) -> Result<()> {
        self.each(Writer::tick)
    }

    /// Finishes all files. All are tried; the first error is given.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.each(Writer::finish)
    }

    fn each(&mut self, work: impl Fn(&mut Writer) -> Result<()>) -> Result<()> {
        let mut done = Ok(());
        let paths: BTreeSet<PathBuf> = self.files.keys().cloned().collect();
        for path in paths {
            let Some(slot) = self.files.get_mut(&path) else { continue };
            let worked = work(&mut slot.writer);
            let is_idle = slot.writer.mark().is_none();
            if !self.open.contains_key(&slot.turn) {
                slot.writer.lay_aside();
            }
            if is_idle && self.template.fixed().is_none() {
                self.forget(&path);
            }
            done = done.and(worked);
        }
        done
    }

    /// The writer of a path, which may be written to now.
    fn slot(&mut self, path: &Path) -> Result<&mut Writer> {
        if !self.files.contains_key(path) {
            self.make_room()?;
            let names = Names::of(path).ok_or_else(|| Error::bug("a path without problems names a file"))?;
            let writer = Writer::new(self.plan.clone(), names);
            self.files.insert(path.to_owned(), Slot { writer, turn: 0 });
        }
        self.turn += 1;
        let turn = self.turn;
        if let Some(slot) = self.files.get_mut(path) {
            self.open.remove(&slot.turn);
            self.used.remove(&slot.turn);
            slot.turn = turn;
        }
        self.open.insert(turn, path.to_owned());
        self.used.insert(turn, path.to_owned());
        while self.open.len() > self.open_files
            && let Some((_, oldest)) = self.open.pop_first()
        {
            if let Some(slot) = self.files.get_mut(&oldest) {
                slot.writer.lay_aside();
            }
        }
        let slot = self.files.get_mut(path);
        slot.map(|slot| &mut slot.writer).ok_or_else(|| Error::bug("a writer that was made is gone"))
    }

    /// Finishes the file that has waited longest where there are too many.
    fn make_room(&mut self) -> Result<()> {
        while self.files.len() >= MAX_UNFINISHED
            && let Some((_, oldest)) = self.used.first_key_value()
        {
            let oldest = oldest.clone();
            if let Some(slot) = self.files.get_mut(&oldest) {
                slot.writer.finish()?;
            }
            self.forget(&oldest);
        }
        Ok(())
    }

    fn forget(&mut self, path: &Path) {
        if let Some(slot) = self.files.remove(path) {
            self.open.remove(&slot.turn);
            self.used.remove(&slot.turn);
        }
    }

    /// Paths of the template below a folder for which a file was left behind.
    fn find_left(&self, folder: &Path, levels: &[Level], found: &mut BTreeSet<PathBuf>) -> Result<()> {
        let Some((level, deeper)) = levels.split_first() else { return Ok(()) };
        if let (Some(name), false) = (level.fixed(), deeper.is_empty()) {
            return self.find_left(&folder.join(name), deeper, found);
        }
        let names = match self.plan.disk.list(folder) {
            Ok(names) => names,
            // Nothing was written there yet; or it is a file that somebody else has put there.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => return Err(Error::io(format!("cannot list {}", folder.display()), error)),
        };
        for name in names {
            if !deeper.is_empty() {
                if level.fits(&name) {
                    self.find_left(&folder.join(&name), deeper, found)?;
                }
            } else if let Some(base) = Names::base(&name)
                && level.fits(&base)
            {
                found.insert(folder.join(base));
            }
        }
        Ok(())
    }
}
