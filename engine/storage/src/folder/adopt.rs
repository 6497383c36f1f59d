//! Takes sealed files back that no manifest names any more.
//!
//! A sealed file tells what the manifest said of it (`sealed/sums.rs`) and holds the names and types of its series. So where a
//! manifest is lost, damaged or cut off, whole files take their places again, and with them the databases, devices and
//! series they are of. What only the manifest knew (deletions whose rows are still in files, lives of rows, tags) is not
//! brought back.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_model::{Path as DevicePath, SeriesSchema};
use levada_tsfile::{DeviceId, DeviceMeta};

use super::unknown;
use crate::{
    StorageError, TimeRange,
    catalog::{Catalog, check_database},
    catalog_op::{CatalogOp, SeriesDef},
    disk::read_whole,
    manifest::Loaded,
    place::Place,
    sealed::{About, DataFolder, FileBytes, FileMeta, SUMS, SealedFile, Sums},
    wal::replay,
};

/// A file that no manifest names, as it tells of itself.
#[derive(Debug)]
struct Orphan {
    file: SealedFile,
    /// `None` where it is of an older version, and does not tell.
    database: Option<DevicePath>,
    devices: Vec<DeviceMeta>,
}

/// Names in `loaded` those of some files that are whole and do not stand in the way of others; gives their paths.
///
/// # Errors
/// A file that the manifest names cannot be looked into.
pub(crate) fn adopt(
    loaded: &mut Loaded,
    folder: &Arc<DataFolder>,
    unnamed: &[PathBuf],
) -> Result<Vec<PathBuf>, StorageError> {
    let mut orphans: Vec<Orphan> = unnamed
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "tsfile"))
        .filter_map(|path| Orphan::read(path, folder, loaded.seq))
        .filter(|orphan| !loaded.removed.contains(&orphan.file.meta.id))
        .collect();
    // A file that others were compacted into came later than they.
    orphans.sort_by_key(|orphan| std::cmp::Reverse(orphan.file.meta.id));
    let whole = loaded.damage.is_empty() && !loaded.absent;
    if whole && is_all_there(folder, loaded)? {
        // All up to the floor is in files that are named. What else is that old is left of a write that failed, and perhaps not all of it.
        let floor = loaded.floor;
        let old = orphans.extract_if(.., |orphan| orphan.file.meta.seq <= floor);
        loaded.removed.extend(old.map(|orphan| orphan.file.meta.id));
    }
    // A number below, of a database that is not there, is one of a database that was deleted.
    let deleted = if whole { loaded.catalog.next_id() } else { 0 };
    let mut taken = Taken::of(loaded, folder);
    if !whole {
        // What made the databases and series of the files that are named may be what was lost.
        for meta in loaded.files.values() {
            if let Some(named) = Orphan::read(&SealedFile::new(*meta, folder).path, folder, meta.seq)
                && named.claim_database(&mut loaded.catalog, deleted)
            {
                named.claim_series(&mut loaded.catalog);
            }
        }
    }
    let mut adopted = Vec::new();
    for orphan in orphans {
        let meta = orphan.file.meta;
        if !taken.has_room_for(&orphan) || !orphan.claim_database(&mut loaded.catalog, deleted) {
            continue;
        }
        orphan.claim_series(&mut loaded.catalog);
        taken.add(&orphan);
        loaded.next_file = loaded.next_file.max(meta.id + 1);
        loaded.files.insert(meta.id, meta);
        adopted.push(orphan.file.path.clone());
    }
    // Numbers of folders are taken, whatever became of their databases.
    for dir in folder.disk.folders(&folder.dir).map_err(StorageError::io("cannot list", &folder.dir))? {
        if let Some(id) = number::<u32>(&dir) {
            loaded.catalog.reserve_ids(id.saturating_add(1));
        }
    }
    Ok(adopted)
}

/// Whether the files that the manifest names are all there, and the log goes on where they end: then what is in others is in
/// these too. Otherwise the manifest may have lost its last records.
pub(crate) fn tells_all(
    folder: &Arc<DataFolder>,
    logs: &Path,
    loaded: &Loaded,
) -> Result<bool, StorageError> {
    let replayed = replay(&folder.disk, logs, Some(loaded.floor), |_, _| Ok(()))?;
    Ok(replayed.follows(loaded.floor) && is_all_there(folder, loaded)?)
}

/// Whether the files that the manifest names are all there.
fn is_all_there(folder: &Arc<DataFolder>, loaded: &Loaded) -> Result<bool, StorageError> {
    let found = unknown(&folder.disk, &folder.dir, &HashSet::new())?;
    Ok(named(loaded, folder).is_subset(&found.into_iter().collect()))
}

/// The paths of the files that the manifest names, and of their checksums.
pub(crate) fn named(loaded: &Loaded, folder: &Arc<DataFolder>) -> HashSet<PathBuf> {
    let files = loaded.files.values().map(|meta| SealedFile::new(*meta, folder).path.clone());
    files.flat_map(|path| [path.with_extension(SUMS), path]).collect()
}

fn number<N: std::str::FromStr>(path: &Path) -> Option<N> {
    path.file_stem()?.to_str()?.parse().ok()
}

/// The times that sequence files of a place hold of a device.
#[derive(Debug, Default)]
struct Taken(BTreeMap<(Place, DeviceId), Vec<TimeRange>>);

impl Taken {
    fn of(loaded: &Loaded, folder: &Arc<DataFolder>) -> Self {
        let mut taken = Self::default();
        for meta in loaded.files.values() {
            // One that cannot be read is dealt with elsewhere.
            let file = SealedFile::new(*meta, folder);
            if let Some(devices) = devices(&file) {
                taken.note(meta, &devices);
            }
        }
        taken
    }

    fn note(&mut self, meta: &FileMeta, devices: &[DeviceMeta]) {
        if meta.sequence {
            for device in devices {
                self.0.entry((meta.place, device.device.clone())).or_default().push(range(device));
            }
        }
    }

    fn add(&mut self, orphan: &Orphan) {
        self.note(&orphan.file.meta, &orphan.devices);
    }

    /// Sequence files share no times of a device: one that does was compacted into the other.
    fn has_room_for(&self, orphan: &Orphan) -> bool {
        let meta = &orphan.file.meta;
        !meta.sequence
            || orphan.devices.iter().all(|device| {
                let taken = self.0.get(&(meta.place, device.device.clone()));
                !taken.into_iter().flatten().any(|taken| taken.overlaps(range(device)))
            })
    }
}

fn range(device: &DeviceMeta) -> TimeRange {
    let ends = |end: fn(&levada_tsfile::Statistics) -> i64| {
        device.series.iter().map(move |series| end(&series.statistics))
    };
    TimeRange {
        start: ends(|statistics| statistics.start()).min().unwrap_or(i64::MAX),
        end: ends(|statistics| statistics.end()).max().unwrap_or(i64::MIN),
    }
}

fn devices(file: &SealedFile) -> Option<Vec<DeviceMeta>> {
    let reader = file.reader().ok()?;
    let ids = reader.devices().ok()?;
    ids.iter().map(|id| reader.device(id).ok().flatten()).collect()
}

impl Orphan {
    /// A file that is whole; `None` where it is not.
    fn read(path: &Path, folder: &Arc<DataFolder>, seq: u64) -> Option<Self> {
        let disk = &*folder.disk;
        let bytes = FileBytes::open(disk, path).ok()?;
        let sound = bytes.verify().ok()?.is_empty();
        let len = disk.open(path).ok()?.len().ok()?;
        let sums = Sums::parse(&read_whole(disk, &path.with_extension(SUMS)).ok()?, len).ok()?;
        let partition = path.parent()?;
        let place = Place { database: number(partition.parent()?)?, partition: number(partition)? };
        let (meta, database) = match sums.about {
            Some(About { meta, database }) => (meta, Some(database)),
            // Nothing tells whether it was sequence. Of files that are not, the newer counts.
            None => {
                let range = TimeRange::ALL;
                let id = number(path)?;
                let (first, last, points, level) = (0, seq, 0, 0);
                let sequence = false;
                let meta =
                    FileMeta { id, place, sequence, seq, first, last, range, bytes: len, points, level };
                (meta, None)
            }
        };
        let file = SealedFile::new(meta, folder);
        if !sound || file.path != path {
            return None;
        }
        let devices = devices(&file)?;
        let meta = if database.is_some() { meta } else { measured(meta, &devices) };
        Some(Self { file: SealedFile::new(meta, folder), database, devices })
    }

    /// Makes the database of the file's number, if that is `deleted` or higher; `false` where it is another's, or was deleted.
    fn claim_database(&self, catalog: &mut Catalog, deleted: u32) -> bool {
        let id = self.file.meta.place.database;
        if let Some(known) = catalog.database(id) {
            return self.database.as_ref().is_none_or(|own| *own == known.path);
        }
        if id < deleted {
            return false;
        }
        let Some(path) = self.database.clone().or_else(|| common(&self.devices)) else { return false };
        if check_database(catalog, &path).is_err() {
            return false;
        }
        catalog.apply(&CatalogOp::CreateDatabase { id, path, ttl: None, partition: None }, 0);
        true
    }

    fn claim_series(&self, catalog: &mut Catalog) {
        for device in &self.devices {
            let Ok(path) = device.device.to_path() else { continue };
            let series: BTreeSet<_> = device
                .series
                .iter()
                .filter_map(|series| Some((&series.measurement, series.data_type?)))
                .collect();
            let known = catalog.device(&path);
            let series: Vec<SeriesDef> = series
                .into_iter()
                .filter(|(name, _)| known.is_none_or(|known| known.series(name).is_none()))
                .map(|(name, data_type)| {
                    SeriesDef::plain(Arc::clone(name), SeriesSchema::default_for(data_type))
                })
                .collect();
            if !series.is_empty() {
                let op = CatalogOp::CreateSeries { device: path, aligned: device.is_aligned(), series };
                catalog.apply(&op, 0);
            }
        }
    }
}

/// What of a file's description its index tells.
fn measured(meta: FileMeta, devices: &[DeviceMeta]) -> FileMeta {
    let start = devices.iter().map(|device| range(device).start).min().unwrap_or(i64::MAX);
    let end = devices.iter().map(|device| range(device).end).max().unwrap_or(i64::MIN);
    let points =
        devices.iter().flat_map(|device| &device.series).map(|series| series.statistics.count()).sum();
    FileMeta { range: TimeRange { start, end }, points, ..meta }
}

/// The database that devices would be made in if it were not there: the first node below `root`.
fn common(devices: &[DeviceMeta]) -> Option<DevicePath> {
    let path = devices.first()?.device.to_path().ok()?;
    let nodes: Vec<&str> = path.nodes().take(2).collect();
    DevicePath::parse(&nodes.join(".")).ok()
}
