//! Keeps what is readable, and moves the rest aside.

use std::{collections::HashSet, sync::Arc};

use levada_model::{Path as DevicePath, SeriesSchema};
use levada_tsfile::{ChunkReader, DeviceMeta, ReadAt, TsFileError, TsFileReader};

use super::{
    copies::keep_copy,
    file::{Readable, inspect, nothing},
    files,
    give_up::give_up,
};
use crate::{
    Action, Finding, Severity, StorageError, StorageOptions,
    block::{Block, concat},
    catalog::Catalog,
    folder::{adopt, holds_data, move_aside, take_lock, tells_all, unknown},
    manifest::{Commit, Loaded, Manifest, State},
    read::{SoundPages, all_pages, salvage_aligned, salvage_plain},
    sealed::{ChunkSink as _, DataFolder, FileMeta, FileWriter, SUMS, SealedFile},
    wal::replay,
};

/// Brings a data folder that nobody has open into a state in which it opens: a damaged manifest is written anew from what
/// can be read of it, of damaged files the readable pages are kept; what is not readable, and what the manifest does not
/// name, is moved into the folder `lost`. Nothing is deleted. Damage in the log needs no repair: the store reads around it. What is
/// gone of the log is given up, and the rest of it written into sealed files. Says what was done.
///
/// # Errors
/// The folder is in use, or cannot be read or written.
pub fn repair(options: &StorageOptions) -> Result<Vec<Action>, StorageError> {
    let lock = take_lock(options)?;
    let (disk, data) = (&options.disk, options.dir.join("data"));
    let folder = Arc::new(DataFolder::new(data.clone(), Arc::clone(disk)));
    let (mut manifest, mut loaded) = Manifest::salvage(disk, &options.dir, options.partition_width)?;
    let mut done = Vec::new();
    let mut rewrite = loaded.torn.is_some();
    if let Some(Finding { path, .. }) = loaded.damage.first() {
        let what =
            format!("{} records that cannot be read are left out of a new manifest", loaded.damage.len());
        done.push(Action { path: path.clone(), what });
        rewrite = true;
    }
    if loaded.absent && holds_data(disk, &options.dir)? {
        done.push(Action { path: options.dir.clone(), what: "a manifest is made".to_owned() });
        rewrite = true;
    }
    let named = files(&loaded, &folder).map(|file| file.path.clone()).collect();
    let unnamed = unknown(disk, &data, &named)?;
    if rewrite || !unnamed.is_empty() && !tells_all(&folder, &options.dir.join("wal"), &loaded)? {
        for path in adopt(&mut loaded, &folder, &unnamed)? {
            done.push(Action { path, what: "taken back: it is whole, and no manifest named it".to_owned() });
            rewrite = true;
        }
    }
    if !loaded.damage.is_empty() || loaded.absent {
        // What the log does not have any more was in files, as far as anybody knows.
        let first = replay(disk, &options.dir.join("wal"), None, |_, _| Ok(()))?.first_seq;
        loaded.floor = first.map_or(loaded.floor, |first| loaded.floor.max(first.saturating_sub(1)));
    }
    let mut known = HashSet::new();
    for file in files(&loaded, &folder).collect::<Vec<_>>() {
        let (found, readable) = inspect(&file, disk);
        if found.iter().all(|finding| finding.severity == Severity::Note) {
            known.extend([file.path.clone(), file.path.with_extension(SUMS)]);
            continue;
        }
        rewrite = true;
        let meta = FileMeta { id: loaded.next_file.max(file.meta.id + 1), ..file.meta };
        loaded.next_file = meta.id + 1;
        loaded.files.remove(&file.meta.id);
        let what = match salvage(&file, &readable, &folder, meta, &loaded.catalog) {
            Ok(Some(kept)) => {
                known.extend([kept.path.clone(), kept.path.with_extension(SUMS)]);
                loaded.files.insert(kept.meta.id, kept.meta);
                let (points, path) = (kept.meta.points, kept.path.display());
                format!("kept {points} of {} values in {path}", file.meta.points)
            }
            Ok(None) => "nothing of it can be kept".to_owned(),
            Err(error) => format!("nothing of it can be kept: {error}"),
        };
        done.push(Action { path: file.path.clone(), what });
    }
    if rewrite {
        // The manifest first: what it does not name any more may then be moved.
        keep_manifest(options, &loaded, &mut done)?;
        manifest.commit(&Commit::default(), None, || state(loaded))?;
    }
    for path in unknown(disk, &data, &known)? {
        let Finding { path, what, .. } = move_aside(disk, &data, &path)?;
        done.push(Action { path, what });
    }
    drop((manifest, lock));
    done.extend(give_up(options)?);
    Ok(done)
}

fn state(loaded: Loaded) -> State {
    let mut positions = Vec::new();
    loaded.positions.put(&mut positions);
    let rest = Commit {
        ops: Vec::new(),
        seq: loaded.seq,
        floor: loaded.floor,
        added: loaded.files.into_values().collect(),
        removed: Vec::new(),
        flushed: loaded.flushed.into_iter().collect(),
        next_file: loaded.next_file,
        positions,
        tombstones: loaded.tombstones,
        readers: loaded.readers,
        forgotten: loaded.forgotten,
    };
    State { catalog: loaded.catalog, rest }
}

/// Copies a manifest that is damaged, or cut off, into the folder `lost`: a new one takes its place.
fn keep_manifest(
    options: &StorageOptions,
    loaded: &Loaded,
    done: &mut Vec<Action>,
) -> Result<(), StorageError> {
    let torn = loaded.torn.iter().map(|(path, _)| path);
    if let Some(path) = loaded.damage.iter().map(|finding| &finding.path).chain(torn).next() {
        done.push(keep_copy(options, path)?);
    }
    Ok(())
}

/// Writes what can be read of a file into another.
fn salvage(
    file: &SealedFile,
    readable: &Readable,
    folder: &Arc<DataFolder>,
    meta: FileMeta,
    catalog: &Catalog,
) -> Result<Option<SealedFile>, StorageError> {
    let Some(database) = catalog.database(meta.place.database) else { return Ok(None) };
    let mut writer = FileWriter::create(folder, meta, database.path.clone())?;
    let kept = match readable {
        Readable::Summed(reader) => salvage_all(reader, &mut writer, catalog, &all_pages),
        Readable::Unsummed(reader) => salvage_all(reader, &mut writer, catalog, &all_pages),
        Readable::Holed(holed) => {
            let sound = |offset, chunk: &ChunkReader| holed.sound(offset, chunk);
            salvage_all(&holed.reader, &mut writer, catalog, &sound)
        }
        Readable::No => Err(nothing(file)),
    };
    kept?;
    let file = writer.finish()?;
    // The manifest will name it.
    file.iter().for_each(SealedFile::adopt);
    Ok(file)
}

fn salvage_all<R: ReadAt>(
    reader: &TsFileReader<R>,
    writer: &mut FileWriter,
    catalog: &Catalog,
    sound: SoundPages<'_>,
) -> Result<(), StorageError> {
    // A reader of what was found sound has all of it in memory.
    for id in reader.devices().unwrap_or_default() {
        let Ok(path) = id.to_path() else { continue };
        if let Ok(Some(device)) = reader.device(&id) {
            salvage_device(reader, &path, &device, writer, catalog, sound)?;
        }
    }
    Ok(())
}

fn salvage_device<R: ReadAt>(
    reader: &TsFileReader<R>,
    path: &DevicePath,
    device: &DeviceMeta,
    writer: &mut FileWriter,
    catalog: &Catalog,
    sound: SoundPages<'_>,
) -> Result<(), StorageError> {
    let known = catalog.device(path);
    let schema_of = |measurement: &str, data_type| {
        let series = known.and_then(|device| device.series(measurement));
        let schema = series.map(|series| series.schema).filter(|schema| schema.data_type == data_type);
        schema.unwrap_or(SeriesSchema::default_for(data_type))
    };
    // What could be read a moment ago and cannot now is lost, too.
    let keep =
        |blocks: Vec<Result<Block, TsFileError>>| -> Vec<Block> { blocks.into_iter().flatten().collect() };
    writer.device(path)?;
    if device.is_aligned() {
        let series: Vec<_> = device
            .series
            .iter()
            .filter_map(|series| Some((series, schema_of(&series.measurement, series.data_type?))))
            .collect();
        let types: Vec<_> = series.iter().map(|(_, schema)| schema.data_type).collect();
        let metas: Vec<_> = series.iter().map(|(meta, _)| *meta).collect();
        let columns: Vec<_> =
            series.iter().enumerate().map(|(at, (meta, schema))| (at, &*meta.measurement, *schema)).collect();
        if let Some(rows) = concat(keep(salvage_aligned(reader, &metas, sound)), &types) {
            writer.aligned(&rows, &columns)?;
        }
        return Ok(());
    }
    for series in &device.series {
        let Some(data_type) = series.data_type else { continue };
        let schema = schema_of(&series.measurement, data_type);
        if let Some(rows) = concat(keep(salvage_plain(reader, series, sound)), &[data_type]) {
            writer.plain(&rows, (0, &series.measurement, schema))?;
        }
    }
    Ok(())
}
