//! A frozen memtable becomes sealed files.

use std::sync::Arc;

use levada_model::Path as DevicePath;

use super::{DataFolder, FileMeta, FileWriter, SealedFile};
use crate::{
    StorageError, TimeRange,
    catalog::{Catalog, Device},
    memtable::{Hidden, Memtable, Named, resolve},
    read::{Block, concat},
    tombstone::Tombstones,
};

/// What a flush needs to know, frozen when it begins.
#[derive(Debug)]
pub(crate) struct FlushInput<'a> {
    pub(crate) folder: &'a Arc<DataFolder>,
    pub(crate) catalog: &'a Catalog,
    pub(crate) tombstones: &'a Tombstones,
    /// The live files of the memtable's place.
    pub(crate) files: &'a [Arc<SealedFile>],
    /// Numbers for the two files there may be.
    pub(crate) ids: [u64; 2],
    /// The number of the last write; deletions up to it are among the tombstones.
    pub(crate) seq: u64,
}

/// Writes a memtable's rows: those beyond all that the files hold of their device into a sequence file, the others into an
/// unsequence file. What is deleted is left out.
pub(crate) fn flush(memtable: &Memtable, input: &FlushInput<'_>) -> Result<Vec<SealedFile>, StorageError> {
    let mut writers = [None, None];
    // In the order of the index, so that files read from front to back.
    let mut devices: Vec<(levada_tsfile::DeviceId, DevicePath)> =
        memtable.devices().into_iter().map(|path| ((&path).into(), path)).collect();
    devices.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (_, path) in &devices {
        let Some(device) = input.catalog.device(path) else { continue };
        let Some((_, first, _)) = memtable.device(path) else { continue };
        let reached = reached(input.files, path, first)?;
        let mut begun = [false, false];
        let mut target = Target { memtable, input, writers: &mut writers, begun: &mut begun, path, reached };
        target.device(device)?;
    }
    let mut files = Vec::new();
    for writer in writers.into_iter().flatten() {
        files.extend(writer.finish()?);
    }
    Ok(files)
}

/// The last time that files hold of a device, where that is `first` or later.
fn reached(files: &[Arc<SealedFile>], path: &DevicePath, first: i64) -> Result<Option<i64>, StorageError> {
    let id = path.into();
    let mut reached = None;
    for file in files.iter().filter(|file| file.meta.range.end >= first) {
        let meta = file.reader()?.device(&id).map_err(|error| file.error(error))?;
        let ends = meta.iter().flat_map(|meta| meta.series.iter().map(|series| series.statistics.end()));
        reached = reached.max(ends.max());
    }
    Ok(reached)
}

struct Target<'a> {
    memtable: &'a Memtable,
    input: &'a FlushInput<'a>,
    writers: &'a mut [Option<FileWriter>; 2],
    begun: &'a mut [bool; 2],
    path: &'a DevicePath,
    reached: Option<i64>,
}

impl Target<'_> {
    fn device(&mut self, device: &Device) -> Result<(), StorageError> {
        let Some((columns, ..)) = self.memtable.device(self.path) else { return Ok(()) };
        // Rows of a series that was deleted are of no use, and those of an earlier one of the same name neither.
        let live: Vec<_> = columns
            .into_iter()
            .filter_map(|named| {
                let series = device.series(&named.0)?;
                let fits = series.schema.data_type == named.1 && series.since <= self.memtable.last_seq();
                fits.then_some((named, series.schema))
            })
            .collect();
        let columns: Vec<Named> = live.iter().map(|(named, _)| named.clone()).collect();
        if live.is_empty() {
            return Ok(());
        }
        if device.aligned {
            let series: Vec<_> =
                live.iter().enumerate().map(|(place, (named, schema))| (place, &*named.0, *schema)).collect();
            if let Some(rows) = self.rows(&columns)? {
                return self.split(&rows, |writer, rows| writer.aligned(rows, &series));
            }
            return Ok(());
        }
        // Measurements that always came together are sorted together.
        let together = self.memtable.rows(self.path, &columns).is_some_and(|rows| rows.groups.len() == 1);
        for part in live.chunks(if together { live.len() } else { 1 }) {
            let columns: Vec<Named> = part.iter().map(|(named, _)| named.clone()).collect();
            let Some(rows) = self.rows(&columns)? else { continue };
            self.split(&rows, |writer, rows| {
                part.iter()
                    .enumerate()
                    .try_for_each(|(place, (named, schema))| writer.plain(rows, (place, &named.0, *schema)))
            })?;
        }
        Ok(())
    }

    fn rows(&self, columns: &[Named]) -> Result<Option<Block>, StorageError> {
        let Some(rows) = self.memtable.rows(self.path, columns) else { return Ok(None) };
        let hidden: Vec<Vec<Hidden>> =
            columns.iter().map(|(name, _)| self.input.tombstones.of_series(self.path, name)).collect();
        let resolved = resolve(&rows, columns, TimeRange::ALL, u64::MAX, &hidden);
        let blocks: Vec<Block> = (0..resolved.blocks()).map(|index| resolved.block(index)).collect();
        let types: Vec<_> = columns.iter().map(|(_, data_type)| *data_type).collect();
        Ok(concat(blocks, &types))
    }

    fn split(
        &mut self,
        rows: &Block,
        mut write: impl FnMut(&mut FileWriter, &Block) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let late = self.reached.map_or(0, |reached| rows.times.partition_point(|&time| time <= reached));
        for (index, (from, to)) in [(late, rows.rows()), (0, late)].into_iter().enumerate() {
            if from == to {
                continue;
            }
            if self.writers[index].is_none() {
                self.writers[index] = Some(self.create(index)?);
            }
            let Some(writer) = &mut self.writers[index] else { continue };
            if !self.begun[index] {
                writer.device(self.path)?;
                self.begun[index] = true;
            }
            write(writer, &rows.slice(from, to - from))?;
        }
        Ok(())
    }

    fn create(&self, index: usize) -> Result<FileWriter, StorageError> {
        let meta = FileMeta {
            id: self.input.ids[index],
            place: self.memtable.place,
            sequence: index == 0,
            seq: self.input.seq,
            range: TimeRange::ALL,
            bytes: 0,
            points: 0,
            level: 0,
        };
        let database = self.input.catalog.database(meta.place.database);
        // A device in the catalog has its database there.
        let database = database.map_or_else(|| self.path.clone(), |database| database.path.clone());
        FileWriter::create(self.input.folder, meta, database)
    }
}
