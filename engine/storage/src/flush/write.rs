//! A frozen memtable becomes sealed files.

use std::sync::Arc;

use levada_model::Path as DevicePath;
use levada_tsfile::DeviceId;

use crate::{
    StorageError, TimeRange,
    block::{Block, concat},
    catalog::{Catalog, Device},
    memtable::{Memtable, Named, Resolved, resolve},
    sealed::{ChunkSink as _, DataFolder, FileMeta, FileWriter, SealedFile, Unsealed},
    tombstone::{Hidden, Tombstones},
};

/// So many series of a plain device are taken from memory at once.
const SERIES_AT_ONCE: usize = 16;

/// So few devices are looked up in files one by one, more of them all at once.
const FEW_DEVICES: usize = 16;

/// Rows of an aligned device are taken from memory up to about so many bytes at once.
const PART_BYTES: usize = 8 << 20;

/// What a flush needs to know, frozen when it begins.
#[derive(Debug)]
pub(super) struct FlushInput<'a> {
    pub(super) folder: &'a Arc<DataFolder>,
    pub(super) catalog: &'a Catalog,
    pub(super) tombstones: &'a Tombstones,
    /// The live files of the memtable's place.
    pub(super) files: &'a [Arc<SealedFile>],
    /// Numbers for the two files there may be.
    pub(super) ids: [u64; 2],
    /// The number of the last write; deletions up to it are among the tombstones.
    pub(super) seq: u64,
}

/// Writes a memtable's rows: those beyond all that the files hold of their device into a sequence file, the others into an
/// unsequence file. What is deleted is left out. The files are yet to be sealed.
pub(super) fn flush(memtable: &Memtable, input: &FlushInput<'_>) -> Result<Vec<Unsealed>, StorageError> {
    let mut writers = [None, None];
    // In the order of the index, so that files read from front to back.
    let mut devices: Vec<(DeviceId, DevicePath)> =
        memtable.devices().into_iter().map(|path| ((&path).into(), path)).collect();
    devices.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (id, path) in &devices {
        let Some(device) = input.catalog.device(path) else { continue };
        let Some(TimeRange { start: first, .. }) = memtable.range(path) else { continue };
        let reached = reached(input.files, id, first, devices.len() > FEW_DEVICES);
        let mut begun = [false, false];
        let mut target = Target { memtable, input, writers: &mut writers, begun: &mut begun, path, reached };
        target.device(device)?;
    }
    let mut files = Vec::new();
    for writer in writers.into_iter().flatten() {
        files.extend(writer.end()?);
    }
    Ok(files)
}

/// The last time that files hold of a device, where that is `first` or later. Of a file that cannot be read that is not known:
/// then all rows are stored as late ones, which is right in any case.
pub(crate) fn reached(files: &[Arc<SealedFile>], device: &DeviceId, first: i64, many: bool) -> Option<i64> {
    let mut reached = None;
    for file in files.iter().filter(|file| file.meta.range.end >= first) {
        if file.is_unreadable() {
            return Some(i64::MAX);
        }
        match file.end_of(device, many) {
            Ok(end) => reached = reached.max(end),
            Err(error) => {
                file.note_unreadable(&error);
                return Some(i64::MAX);
            }
        }
    }
    reached
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
        // Rows of a series that was deleted are of no use, and those of an earlier one of the same name neither.
        let columns = self.memtable.columns(self.path);
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
            return self.in_parts(&columns, |target, rows| {
                target.split(rows, |writer, rows| writer.aligned(rows, &series))
            });
        }
        // Measurements that always came together are sorted together, but not too many at once, as they are copied for that.
        let together = self.memtable.is_together(self.path);
        for part in live.chunks(if together { SERIES_AT_ONCE } else { 1 }) {
            let columns: Vec<Named> = part.iter().map(|(named, _)| named.clone()).collect();
            let Some(resolved) = self.resolved(&columns) else { continue };
            let blocks: Vec<Block> = (0..resolved.blocks()).map(|index| resolved.block(index)).collect();
            for (place, ((name, data_type), schema)) in part.iter().enumerate() {
                let of_series = blocks.iter().map(|block| Block {
                    times: block.times.clone(),
                    columns: vec![block.columns[place].clone()],
                });
                let Some(rows) = concat(of_series.collect(), &[*data_type]) else { continue };
                self.split(&rows, |writer, rows| writer.plain(rows, (0, name, *schema)))?;
            }
        }
        Ok(())
    }

    /// The rows of some columns.
    fn resolved(&self, columns: &[Named]) -> Option<Resolved> {
        let rows = self.memtable.rows(self.path, columns)?;
        let hidden: Vec<Vec<Hidden>> =
            columns.iter().map(|(name, _)| self.input.tombstones.of_series(self.path, name)).collect();
        Some(resolve(&rows, columns, TimeRange::ALL, u64::MAX, &hidden))
    }

    /// Hands on the rows of some columns, so many at once as memory allows.
    fn in_parts(
        &mut self,
        columns: &[Named],
        mut write: impl FnMut(&mut Self, &Block) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let Some(resolved) = self.resolved(columns) else { return Ok(()) };
        let types: Vec<_> = columns.iter().map(|(_, data_type)| *data_type).collect();
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        for index in 0..resolved.blocks() {
            let block = resolved.block(index);
            bytes += block.bytes();
            blocks.push(block);
            if bytes < PART_BYTES && index + 1 < resolved.blocks() {
                continue;
            }
            bytes = 0;
            if let Some(rows) = concat(std::mem::take(&mut blocks), &types) {
                write(self, &rows)?;
            }
        }
        Ok(())
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
            first: self.memtable.first_seq,
            last: self.memtable.last_seq(),
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
