//! The store's handle.

mod insert;

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use levada_model::{Checkpoint, Compressor, Encoding, Path, PathPattern, SeriesSchema, Write};
use parking_lot::Mutex;

use crate::{
    Applied, Catalog, Changes, ChangesFrom, DeviceSeries, Finding, Inserted, LogicalView, NewSeries,
    ReaderInfo, RegionInfo, SeriesChange, Stats, StorageError, StorageOptions, TimeRange, TryInsertError,
    View,
    feed::HistoryOf,
    store::{By, Store, open},
    wait::block_on,
    wal::Wal,
};

pub use self::insert::Insert;

/// An open store. Cheap to clone; it is closed with [`Storage::close`], or when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Storage {
    handle: Arc<Handle>,
}

/// The threads that work for a store, and the store.
#[derive(Debug)]
struct Handle {
    store: Arc<Store>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the store could not be closed");
        }
    }
}

impl Storage {
    /// Opens a data folder, or makes one: takes its lock, reads the manifest, replays the log. [`StorageOptions::access`] says
    /// whether it may be made, and whether it is enough to read it.
    ///
    /// # Errors
    /// [`StorageError::Locked`] where another process owns the folder; [`StorageError::LogGone`] where files of the log are
    /// missing; I/O; a manifest that cannot be read. Damage in the log does not keep it from opening: see [`Storage::recovery`].
    pub fn open(options: StorageOptions) -> Result<Self, StorageError> {
        let flush_threads = options.flush_threads.max(1);
        let store = open(options)?;
        let handle = Handle { store, threads: Mutex::default() };
        if handle.store.read_only.is_some() {
            return Ok(Self { handle: Arc::new(handle) });
        }
        for number in 0..flush_threads {
            let store = Arc::clone(&handle.store);
            handle.start(format!("levada-flush-{number}"), move || store.run_flushes())?;
        }
        if handle.store.options.compaction {
            let store = Arc::clone(&handle.store);
            handle.start("levada-compact".to_owned(), move || store.run_compactions())?;
        }
        Ok(Self { handle: Arc::new(handle) })
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.handle.store
    }

    /// What was wrong with the folder when it was opened.
    pub fn recovery(&self) -> &[Finding] {
        &self.store().recovery
    }

    /// Why it takes no writes, where it was opened to read alone.
    pub fn read_only(&self) -> Option<StorageError> {
        self.store().read_only.as_ref().map(|_| self.store().closed())
    }

    /// Stores rows, in one atomic step with their positions; blocks while memory is full.
    ///
    /// What the rows need of the catalog and is not there is made: the database `root.<second node>`, and series with
    /// [`SeriesSchema::default_for`]. What does not fit is in the report, all else is visible when this returns. Calls that
    /// begin in some order are applied in that order.
    ///
    /// Positions of a write of which something is rejected are not stored: see [`Write::positions`].
    /// Rejected are also values of more than 255 MiB, which no file can hold, and tablets that make a write larger than 768 MiB.
    /// A tablet without rows is passed over. Of a series that comes by its name and by its alias, the latter is rejected.
    /// An empty range among the positions, `a..a`, says that reading begins at `a`: all before it is settled elsewhere.
    ///
    /// # Errors
    /// Nothing was stored: the log cannot be written (the disk is full), the store is closed.
    pub fn insert(&self, write: Write) -> Result<Inserted, StorageError> {
        block_on(self.insert_when_ready(write))
    }

    /// [`Storage::insert`] where there is room and nobody waits.
    ///
    /// # Errors
    /// As [`Storage::insert`]; the write comes back where it would have to wait.
    pub fn try_insert(&self, write: Write) -> Result<Inserted, TryInsertError> {
        let store = self.store();
        let Some(turn) = store.admission.try_turn(|| store.has_room()) else {
            return Err(TryInsertError::Full(write));
        };
        let core = store.core.lock();
        drop(turn);
        store.insert(core, write, By::ANYBODY).map_err(TryInsertError::Failed)
    }

    /// [`Storage::insert`] as a future, for tasks: it waits without blocking its thread, and does the (short) work itself
    /// when it is polled and its turn has come. The turn is taken at the first poll. Dropped before it resolves, it stores
    /// nothing. With [`Insert::known_series_alone`] it makes no series.
    pub fn insert_when_ready(&self, write: Write) -> Insert {
        let store = Arc::clone(self.store());
        let write = store.with_known_types(write);
        Insert::new(store, write)
    }

    /// Makes a database.
    ///
    /// # Errors
    /// It exists, or lies above or below another; the log cannot be written.
    pub fn create_database(&self, path: &Path, ttl: Option<i64>) -> Result<Applied, StorageError> {
        self.store().create_database(path, ttl, None)
    }

    /// As [`Storage::create_database`], with a length of time partitions in milliseconds. It is kept and shown; rows are divided by the
    /// width of the store.
    ///
    /// # Errors
    /// As there.
    pub fn create_database_in(
        &self,
        path: &Path,
        ttl: Option<i64>,
        partition: i64,
    ) -> Result<Applied, StorageError> {
        self.store().create_database(path, ttl, Some(partition))
    }

    /// Deletes databases with all that is in them.
    ///
    /// # Errors
    /// The log cannot be written. That no database matches is not an error here: the count says so.
    pub fn delete_databases(&self, patterns: &[PathPattern]) -> Result<Applied, StorageError> {
        self.store().delete_databases(patterns, None)
    }

    /// As [`Storage::delete_databases`], for somebody whom readers of changes are told of.
    ///
    /// # Errors
    /// As [`Storage::delete_databases`].
    pub fn delete_databases_of(
        &self,
        owner: Option<Arc<str>>,
        patterns: &[PathPattern],
    ) -> Result<Applied, StorageError> {
        self.store().delete_databases(patterns, owner)
    }

    /// Sets how long rows live, in milliseconds (`i64::MAX`: for ever), or takes back what was set (`None`).
    ///
    /// A path without wildcards means the device of that path; if it is a database's, that and all devices in it. Any other
    /// pattern means the devices that it matches, now and later. What is most specific counts for a device: its own path,
    /// then the longest pattern that matches; where nothing is set rows live for ever. Rows that have lived are not seen
    /// any more, and go when files are compacted. What is set for a database goes with it.
    ///
    /// # Errors
    /// The log cannot be written. That nothing changes is not an error here: the count says so.
    pub fn set_ttl(&self, pattern: &PathPattern, ttl: Option<i64>) -> Result<Applied, StorageError> {
        self.store().set_ttl(pattern, ttl)
    }

    /// All lives of rows that are set: see [`Catalog::path_ttls`].
    pub fn path_ttls(&self) -> Vec<(PathPattern, i64)> {
        self.catalog().path_ttls()
    }

    /// Makes series, all or none; a database as [`Storage::insert`] does.
    ///
    /// # Errors
    /// One exists, its alias is in use, its encoding does not fit its type, its device is aligned and it is not or the
    /// reverse, its path runs through a series; the log cannot be written.
    pub fn create_series(&self, series: Vec<NewSeries>) -> Result<Applied, StorageError> {
        self.store().create_series(series)
    }

    /// Makes a template: series that many devices have alike.
    ///
    /// # Errors
    /// There is one of this name, it has two measurements of one name, or an encoding does not fit its type; the log cannot be
    /// written.
    pub fn create_template(
        &self,
        name: &str,
        aligned: bool,
        series: &[(Arc<str>, SeriesSchema)],
    ) -> Result<Applied, StorageError> {
        self.store().change_templates(|catalog| catalog.plan_template(name, aligned, series))
    }

    /// Gives a template more series, and all devices that have it.
    ///
    /// # Errors
    /// There is no such template, or it has one of them; the log cannot be written.
    pub fn extend_template(
        &self,
        name: &str,
        series: &[(Arc<str>, SeriesSchema)],
    ) -> Result<Applied, StorageError> {
        self.store().change_templates(|catalog| catalog.plan_extension(name, series))
    }

    /// Removes a template.
    ///
    /// # Errors
    /// There is no such template, or it is set somewhere; the log cannot be written.
    pub fn drop_template(&self, name: &str) -> Result<Applied, StorageError> {
        self.store().change_templates(|catalog| catalog.plan_drop(name))
    }

    /// Sets a template for the devices at and below a path: they get its series when they are activated, or when rows are first
    /// written to them, and can have no others.
    ///
    /// # Errors
    /// There is no such template or no database, one is set there, above or below, or there are devices; the log cannot be written.
    pub fn set_template(&self, name: &str, path: &Path) -> Result<Applied, StorageError> {
        self.store().change_templates(|catalog| catalog.plan_set(name, path))
    }

    /// Takes back that a template is set for a path.
    ///
    /// # Errors
    /// It is not, or devices have its series; the log cannot be written.
    pub fn unset_template(&self, name: &str, path: &Path) -> Result<Applied, StorageError> {
        self.store().change_templates(|catalog| catalog.plan_unset(name, path))
    }

    /// Gives a device the series of the template that is set for it.
    ///
    /// # Errors
    /// None is set, or the device has them; the log cannot be written.
    pub fn activate_template(&self, device: &Path) -> Result<Applied, StorageError> {
        self.store().change_templates(|catalog| catalog.plan_activation(device))
    }

    /// Takes the series of a template, or of any, away from devices, with their rows; for `owner`, whom readers of changes are told
    /// of.
    ///
    /// # Errors
    /// No such template is set where the devices may be, or none of them has its series; the log cannot be written.
    pub fn deactivate_template(
        &self,
        owner: Option<Arc<str>>,
        template: Option<&str>,
        devices: &[PathPattern],
    ) -> Result<Applied, StorageError> {
        self.store().deactivate(template, devices, owner)
    }

    /// Changes what is known of a series.
    ///
    /// # Errors
    /// There is no such series, the alias is in use; the log cannot be written.
    pub fn alter_series(&self, path: &Path, change: SeriesChange) -> Result<Applied, StorageError> {
        self.store().alter_series(path, change, None)
    }

    /// As [`Storage::alter_series`], for somebody whom readers of changes are told of.
    ///
    /// # Errors
    /// As [`Storage::alter_series`].
    pub fn alter_series_of(
        &self,
        owner: Option<Arc<str>>,
        path: &Path,
        change: SeriesChange,
    ) -> Result<Applied, StorageError> {
        self.store().alter_series(path, change, owner)
    }

    /// Changes how new rows of series are stored, for somebody whom readers of changes are told of: those that are flushed or compacted
    /// from now on. What is stored already is read as it was written. The count is of series that are there and of no template.
    ///
    /// # Errors
    /// The encoding does not fit the type of one of them, and none is changed; the log cannot be written.
    pub fn alter_stored_of(
        &self,
        owner: Option<Arc<str>>,
        series: &[DeviceSeries],
        encoding: Option<Encoding>,
        compressor: Option<Compressor>,
    ) -> Result<Applied, StorageError> {
        self.store().alter_stored(series, encoding, compressor, owner)
    }

    /// Makes logical views: all, or none where one cannot be made. Their databases are made where they are missing.
    ///
    /// # Errors
    /// A series or a view has such a name; a database, a series or a view is in the way; the log cannot be written.
    pub fn create_views(&self, views: Vec<LogicalView>) -> Result<Applied, StorageError> {
        self.store().change_views(|catalog| catalog.plan_views(views))
    }

    /// Puts logical views in the place of those of the same names: all, or none where one is missing.
    ///
    /// # Errors
    /// There is no such view; the log cannot be written.
    pub fn alter_views(&self, views: Vec<LogicalView>) -> Result<Applied, StorageError> {
        self.store().change_views(|catalog| catalog.plan_altered(views))
    }

    /// Removes the logical views that patterns match. Rows are not concerned.
    ///
    /// # Errors
    /// The log cannot be written. That no view matches is not an error here: the count says so.
    pub fn drop_views(&self, patterns: &[PathPattern]) -> Result<Applied, StorageError> {
        self.store().change_views(|catalog| Ok(catalog.plan_drop_views(patterns)))
    }

    /// Gives a logical view another name.
    ///
    /// # Errors
    /// There is no such view, or the new name is taken: see [`Storage::create_views`]; the log cannot be written.
    pub fn rename_view(&self, from: &Path, to: &Path) -> Result<Applied, StorageError> {
        self.store().change_views(|catalog| catalog.plan_rename(from, to))
    }

    /// Deletes series with their rows.
    ///
    /// # Errors
    /// The log cannot be written. That no series matches is not an error here: the count says so.
    pub fn delete_series(&self, patterns: &[PathPattern]) -> Result<Applied, StorageError> {
        self.store().delete_series(patterns, None)
    }

    /// As [`Storage::delete_series`], for somebody whom readers of changes are told of.
    ///
    /// # Errors
    /// As [`Storage::delete_series`].
    pub fn delete_series_of(
        &self,
        owner: Option<Arc<str>>,
        patterns: &[PathPattern],
    ) -> Result<Applied, StorageError> {
        self.store().delete_series(patterns, owner)
    }

    /// Deletes the values of series within a time range; the count is of series.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn delete(&self, patterns: &[PathPattern], range: TimeRange) -> Result<Applied, StorageError> {
        self.store().delete(patterns, range, None)
    }

    /// As [`Storage::delete`], for somebody whom readers of changes are told of: see [`crate::ChangeKind::Delete`].
    ///
    /// # Errors
    /// As [`Storage::delete`].
    pub fn delete_of(
        &self,
        owner: Option<Arc<str>>,
        patterns: &[PathPattern],
        range: TimeRange,
    ) -> Result<Applied, StorageError> {
        self.store().delete(patterns, range, owner)
    }

    /// The positions that an owner's durable writes hold: for every split the first position that is not settled.
    pub fn checkpoint(&self, owner: &str) -> Checkpoint {
        let core = self.store().core.lock();
        let acked = self.store().wal.as_ref().map_or(0, Wal::acked_seq);
        core.positions.checkpoint(owner, acked)
    }

    /// All that is done to the store, in order, from somewhere on; what is stored already too, where that is asked for.
    ///
    /// With a name, what comes is kept for the reader when it goes, and when the store is closed and opened again, until it
    /// comes again by that name or is forgotten ([`Storage::forget_reader`]); without one, until the reader is dropped. In both cases
    /// within [`StorageOptions::changes_bytes`].
    ///
    /// Before what is stored is read, memory is flushed; else this blocks for a commit at most. Without readers nothing is done
    /// for them, and with readers writers do nothing for them.
    ///
    /// # Errors
    /// [`StorageError::Behind`] where the log does not have all that is asked for; somebody reads by the name now; the last
    /// write comes before the one named; the store keeps no log, is closed, or open to read alone; the manifest cannot be
    /// written.
    pub fn changes(&self, reader: Option<&str>, from: ChangesFrom) -> Result<Changes, StorageError> {
        Changes::begin(self.store(), reader, from, HistoryOf::default())
    }

    /// Keeps what is done to the store from now on for a reader that will come by a name, as [`Storage::changes`] does. Returns the number of
    /// the last write, behind which it reads ([`ChangesFrom::After`]), when that write and what is kept are durable. Blocks.
    ///
    /// # Errors
    /// As [`Storage::changes`]; the log cannot be written. What is kept still is then, until [`Storage::forget_reader`].
    pub fn keep_changes(&self, reader: &str) -> Result<u64, StorageError> {
        Changes::keep(self.store(), reader)
    }

    /// The readers of changes: those that read now, and those with names that may come again.
    pub fn readers(&self) -> Vec<ReaderInfo> {
        self.store().readers()
    }

    /// Keeps nothing any more for a reader of changes that has a name; says whether there is one. If it reads now, it is told that it is
    /// behind.
    ///
    /// # Errors
    /// The manifest cannot be written: after a crash the reader may be there again.
    pub fn forget_reader(&self, name: &str) -> Result<bool, StorageError> {
        self.store().forget_reader(name)
    }

    /// The names as they are now. Rows are not concerned, and writers take no note of it: to look names up, take this and no
    /// view.
    pub fn catalog(&self) -> Arc<dyn Catalog> {
        Arc::new(self.store().core.lock().catalog.clone())
    }

    /// Returns when all that was acknowledged so far is synced, whatever the sync mode. Blocks.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn sync(&self) -> Result<(), StorageError> {
        self.store().sync()
    }

    /// The store as it is now.
    pub fn view(&self) -> Arc<dyn View> {
        Arc::new(self.store().snapshot())
    }

    /// Writes what is in memory of the databases that match (all where there is no pattern) into sealed files, and
    /// returns when that is durable.
    ///
    /// # Errors
    /// A file cannot be written; nothing is lost, the log still has it.
    pub fn flush(&self, patterns: &[PathPattern]) -> Result<(), StorageError> {
        self.store().flush(patterns)
    }

    /// Compacts the files of the databases that match (all where there is no pattern) until nothing is left to do.
    ///
    /// # Errors
    /// A file cannot be read or written; what was there still counts.
    pub fn compact(&self, patterns: &[PathPattern]) -> Result<(), StorageError> {
        self.store().compact(patterns, || true)
    }

    /// [`Storage::compact`] of all, which ends early where `goes_on` says so: it is asked before each job.
    ///
    /// # Errors
    /// As there.
    pub fn compact_while(&self, goes_on: impl Fn() -> bool) -> Result<(), StorageError> {
        self.store().compact(&[], goes_on)
    }

    /// The databases, and how their rows are spread; by number.
    pub fn regions(&self) -> Vec<RegionInfo> {
        self.store().regions()
    }

    /// The width of a time partition in milliseconds.
    pub fn partition_width(&self) -> i64 {
        self.store().options.partition_width
    }

    /// How much it holds.
    pub fn stats(&self) -> Stats {
        self.store().stats()
    }

    /// Ends the store: what was written becomes durable, the lock is released. Views stay usable. A second call does
    /// nothing.
    ///
    /// # Errors
    /// What was written may not be durable.
    pub fn close(&self) -> Result<(), StorageError> {
        self.handle.close()
    }
}

impl Handle {
    fn start(&self, name: String, work: impl FnOnce() + Send + 'static) -> Result<(), StorageError> {
        let thread = thread::Builder::new()
            .name(name)
            .spawn(work)
            .map_err(StorageError::io("cannot start a thread for", &self.store.options.dir))?;
        self.threads.lock().push(thread);
        Ok(())
    }

    fn close(&self) -> Result<(), StorageError> {
        let mut threads = self.threads.lock();
        if self.store.core.lock().closed {
            self.store.lock.lock().take();
            return Ok(());
        }
        // Without a log only files keep what was written.
        let flushed = if self.store.wal.is_none() { self.store.flush(&[]) } else { Ok(()) };
        self.store.core.lock().closed = true;
        self.store.work.notify_all();
        self.store.done.notify_all();
        let ended = threads.drain(..).map(JoinHandle::join).filter(Result::is_err).count();
        if ended > 0 {
            tracing::error!(threads = ended, "threads of the store ended in a panic");
        }
        // Somebody may be compacting at a caller's wish, or taking chunks. That ends soon now, and only then may others have the folder.
        drop(self.store.compacting.lock());
        drop(self.store.taking.lock());
        let closed = self.store.wal.as_ref().map_or(Ok(()), Wal::close);
        // All is synced now: whatever goes of the log from here on is missed.
        if closed.is_ok()
            && let Err(error) = self.store.note_log()
        {
            tracing::warn!(%error, "the manifest does not say up to where the log goes");
        }
        self.store.manifest.lock().close();
        self.store.admission.wake();
        self.store.lock.lock().take();
        flushed.and(closed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int64Array};
    use levada_model::{Column, DataType, Tablet};

    use super::*;

    #[test]
    fn looking_names_up_leaves_no_mark_in_memtables() {
        let dir = tempfile::tempdir().expect("a folder");
        let storage =
            Storage::open(StorageOptions { wal: false, ..StorageOptions::new(dir.path()) }).expect("opens");
        let device = Path::parse("root.a.d").expect("a path");
        let values = Arc::new(Float64Array::from(vec![1.0]));
        let column = Column { name: "s".into(), data_type: DataType::Double, values };
        let tablet = Tablet::try_new(device.clone(), false, Int64Array::from(vec![1]), vec![column]);
        let write = Write { tablets: vec![tablet.expect("one value")], ..Write::default() };
        storage.insert(write).expect("taken");
        let state = || {
            let core = storage.store().core.lock();
            (core.boundary, core.seq)
        };
        let (before, seq) = state();
        assert!(before < seq);
        let names = storage.catalog();
        assert_eq!(names.device(&device).map(|device| device.aligned), Some(false));
        assert_eq!(names.series_named(&device, &["s".into(), "t".into()]).len(), 1);
        assert_eq!(state(), (before, seq));
        drop(storage.view());
        assert_eq!(state(), (seq, seq));
    }
}
