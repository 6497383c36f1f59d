//! Chunks into files of the places that they belong to.

use std::{collections::BTreeMap, sync::Arc};

use levada_tsfile::{DeviceId, EncodedAligned, TsFileError};

use super::{ChunkFile, FileDevice, file::FilePart};
use crate::{
    StorageError, TimeRange,
    catalog::Catalog,
    flush::reached,
    place::Place,
    sealed::{ChunkSink as _, FileMeta, FileWriter, Files, Unsealed},
    store::Store,
};

/// What became of chunks on their way into files.
pub(super) enum Routed {
    Written(Written),
    /// They cannot be copied as they are, for this reason.
    Not(&'static str),
}

/// Files that are yet to be sealed, and are of a write that has no number yet.
pub(super) struct Written {
    pub(super) files: Vec<Unsealed>,
    /// The first times of devices in sequence files.
    pub(super) sequence: BTreeMap<(Place, DeviceId), i64>,
}

/// Writes a file's chunks: those of a device that begin behind all that the files of their place have of it into a sequence file, those that
/// end before that into an unsequence file.
pub(super) fn route(
    store: &Store,
    file: &ChunkFile,
    catalog: &Catalog,
    files: &Files,
    first_id: u64,
) -> Result<Routed, StorageError> {
    let mut router =
        Router { store, catalog, next_id: first_id, writers: BTreeMap::new(), sequence: BTreeMap::new() };
    for device in &file.devices {
        // What is known of a device in a place, so that it is looked up once.
        let mut ends: BTreeMap<Place, Option<i64>> = BTreeMap::new();
        router.writers.values_mut().for_each(|(_, begun)| *begun = false);
        for part in &device.parts {
            let Some(place) = router.place(device, part) else {
                return Ok(Routed::Not("a device is not there"));
            };
            let of_place = files.get(&place).map(Vec::as_slice).unwrap_or_default();
            let many = file.devices.len() > 1;
            let end =
                *ends.entry(place).or_insert_with(|| reached(of_place, &device.id, device.range.start, many));
            let late = match end {
                Some(end) if part.range.start <= end && end < part.range.end => {
                    return Ok(Routed::Not("a chunk has rows before and behind what is stored"));
                }
                Some(end) => part.range.end <= end,
                None => false,
            };
            router.write(file, device, part, (place, late))?;
        }
    }
    router.end()
}

struct Router<'a> {
    store: &'a Store,
    catalog: &'a Catalog,
    next_id: u64,
    /// By place, and whether it is for late rows; with whether the device that is written was begun.
    writers: BTreeMap<(Place, bool), (FileWriter, bool)>,
    sequence: BTreeMap<(Place, DeviceId), i64>,
}

impl Router<'_> {
    fn place(&self, device: &FileDevice, part: &FilePart) -> Option<Place> {
        let database = self.catalog.device(&device.path)?.database;
        Some(Place { database, partition: part.range.start.div_euclid(self.store.options.partition_width) })
    }

    fn write(
        &mut self,
        file: &ChunkFile,
        device: &FileDevice,
        part: &FilePart,
        (place, late): (Place, bool),
    ) -> Result<(), StorageError> {
        if !self.writers.contains_key(&(place, late)) {
            let writer = self.create(device, place, late)?;
            self.writers.insert((place, late), (writer, false));
        }
        let Some((writer, begun)) = self.writers.get_mut(&(place, late)) else { return Ok(()) };
        if !std::mem::replace(begun, true) {
            writer.device(&device.path)?;
        }
        if !late {
            let first = self.sequence.entry((place, device.id.clone())).or_insert(part.range.start);
            *first = part.range.start.min(*first);
        }
        let chunks = part.values.iter().map(|chunk| file.reader.copy_chunk(chunk));
        let chunks = chunks.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        match &part.time {
            None => writer.plain_chunks(chunks),
            Some(time) => {
                let time = file.reader.copy_chunk(time).map_err(unreadable)?;
                let group = EncodedAligned::try_new(time, chunks).map_err(unreadable)?;
                writer.aligned_chunks(vec![group], part.range, part.points())
            }
        }
    }

    fn create(&mut self, device: &FileDevice, place: Place, late: bool) -> Result<FileWriter, StorageError> {
        let id = self.next_id;
        self.next_id += 1;
        let meta = FileMeta {
            id,
            place,
            sequence: !late,
            // The number of its write is given when nothing can come between.
            seq: 0,
            first: 0,
            last: 0,
            range: TimeRange::ALL,
            bytes: 0,
            points: 0,
            level: 0,
        };
        let database = self.catalog.database(place.database);
        let database = database.map_or_else(|| device.path.clone(), |database| database.path.clone());
        FileWriter::create(&self.store.folder, meta, database)
    }

    fn end(self) -> Result<Routed, StorageError> {
        let mut files = Vec::new();
        for (writer, _) in self.writers.into_values() {
            files.extend(writer.end()?);
        }
        Ok(Routed::Written(Written { files, sequence: self.sequence }))
    }
}

/// Whether files that were not there before hold rows of a device at or beyond the first that are to come into a sequence file.
pub(super) fn reaches(files: &Files, known: &Files, sequence: &BTreeMap<(Place, DeviceId), i64>) -> bool {
    sequence.iter().any(|((place, device), first)| {
        let before = known.get(place).map(Vec::as_slice).unwrap_or_default();
        let new = files.get(place).into_iter().flatten();
        let new: Vec<_> =
            new.filter(|file| !before.iter().any(|old| Arc::ptr_eq(old, file))).map(Arc::clone).collect();
        reached(&new, device, *first, true).is_some_and(|end| end >= *first)
    })
}

/// The file was checked, and is in memory.
fn unreadable(error: TsFileError) -> StorageError {
    StorageError::rejected(levada_model::StatusCode::LOAD_FILE_ERROR, error.to_string())
}
