//! Keeps what is readable, and moves the rest aside.

use std::{collections::HashSet, path::Path, sync::Arc};

use levada_model::{Path as DevicePath, SeriesSchema};
use levada_tsfile::DeviceMeta;

use super::{check_file, files, unknown};
use crate::{
    Finding, StorageError, StorageOptions,
    catalog::Catalog,
    disk::Disk,
    manifest::{Commit, Loaded, Manifest, State},
    read::{Block, concat, salvage_aligned, salvage_plain},
    sealed::{DataFolder, FileMeta, FileWriter, SUMS, SealedFile},
    store::take_lock,
};

/// Brings a data folder that nobody has open into a state in which it opens: a damaged manifest is written anew from what
/// can be read of it, of damaged files the readable pages are kept; what is not readable is moved into the folder `lost`.
/// Damage in the log needs no repair: the store reads around it. Says what was done.
///
/// # Errors
/// The folder is in use, or cannot be read or written.
pub fn repair(options: &StorageOptions) -> Result<Vec<Finding>, StorageError> {
    let _lock = take_lock(options)?;
    let (disk, data) = (&options.disk, options.dir.join("data"));
    let folder = Arc::new(DataFolder::new(data.clone(), Arc::clone(disk)));
    let (mut manifest, mut loaded) = Manifest::salvage(disk, &options.dir, options.partition_width)?;
    let mut done = std::mem::take(&mut loaded.damage);
    done.extend(loaded.torn.iter().map(|(path, offset)| {
        let what = "the manifest's last record is torn; it does not count".to_owned();
        Finding { path: path.clone(), offset: Some(*offset), what }
    }));
    let mut known = HashSet::new();
    for file in files(&loaded, &folder).collect::<Vec<_>>() {
        let found = check_file(&file, disk);
        if found.is_empty() {
            known.extend([file.path.clone(), file.path.with_extension(SUMS)]);
            continue;
        }
        done.extend(found);
        let meta = FileMeta { id: loaded.next_file.max(file.meta.id + 1), ..file.meta };
        loaded.next_file = meta.id + 1;
        loaded.files.remove(&file.meta.id);
        let what = match salvage(&file, &folder, meta, &loaded.catalog) {
            Ok((Some(kept), lost)) => {
                known.extend([kept.path.clone(), kept.path.with_extension(SUMS)]);
                loaded.files.insert(kept.meta.id, kept.meta);
                let (points, path) = (kept.meta.points, kept.path.display());
                format!("kept {points} values in {path}; {lost} pages are lost")
            }
            Ok((None, _)) => "nothing of it can be kept".to_owned(),
            Err(error) => format!("nothing of it can be kept: {error}"),
        };
        done.push(Finding { path: file.path.clone(), offset: None, what });
    }
    if !done.is_empty() {
        // The manifest first: what it does not name any more may then be moved.
        manifest.commit(&Commit::default(), || state(loaded))?;
        for path in unknown(disk, &data, &known)? {
            done.push(move_aside(disk, &data, &path)?);
        }
    }
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
    };
    State { catalog: loaded.catalog, rest }
}

/// Moves a file of the data folder into the folder `lost` beside that.
pub(crate) fn move_aside(disk: &Arc<dyn Disk>, data: &Path, path: &Path) -> Result<Finding, StorageError> {
    let lost = data.with_file_name("lost");
    disk.create_dir(&lost).map_err(StorageError::io("cannot create", &lost))?;
    let name: Vec<String> = path
        .strip_prefix(data)
        .unwrap_or(path)
        .components()
        .map(|component| component.as_os_str().to_string_lossy().into_owned())
        .collect();
    let to = lost.join(name.join("-"));
    disk.rename(path, &to).map_err(StorageError::io("cannot move", path))?;
    for dir in [Some(&*lost), path.parent()].into_iter().flatten() {
        disk.sync_dir(dir).map_err(StorageError::io("cannot sync", dir))?;
    }
    Ok(Finding { path: path.to_owned(), offset: None, what: format!("moved to {}", to.display()) })
}

/// Writes what can be read of a file into another; says how many pages cannot.
fn salvage(
    file: &SealedFile,
    folder: &Arc<DataFolder>,
    meta: FileMeta,
    catalog: &Catalog,
) -> Result<(Option<SealedFile>, usize), StorageError> {
    let reader = file.reader()?;
    let mut writer = FileWriter::create(folder, meta)?;
    let mut lost = 0;
    for id in reader.devices().map_err(|error| file.error(error))? {
        let Ok(path) = id.to_path() else { continue };
        match reader.device(&id) {
            Ok(Some(device)) => lost += salvage_device(file, &path, &device, &mut writer, catalog)?,
            Ok(None) => {}
            Err(_) => lost += 1,
        }
    }
    Ok((writer.finish()?, lost))
}

fn salvage_device(
    file: &SealedFile,
    path: &DevicePath,
    device: &DeviceMeta,
    writer: &mut FileWriter,
    catalog: &Catalog,
) -> Result<usize, StorageError> {
    let known = catalog.device(path);
    let schema_of = |measurement: &str, data_type| {
        let series = known.and_then(|device| device.series(measurement));
        let schema = series.map(|series| series.schema).filter(|schema| schema.data_type == data_type);
        schema.unwrap_or(SeriesSchema::default_for(data_type))
    };
    let mut lost = 0;
    let mut keep = |blocks: Vec<Result<Block, StorageError>>| -> Vec<Block> {
        lost += blocks.iter().filter(|block| block.is_err()).count();
        blocks.into_iter().flatten().collect()
    };
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
        if let Some(rows) = concat(keep(salvage_aligned(file, &metas)?), &types) {
            writer.aligned(&rows, &columns)?;
        }
        return Ok(lost);
    }
    for series in &device.series {
        let Some(data_type) = series.data_type else { continue };
        let schema = schema_of(&series.measurement, data_type);
        if let Some(rows) = concat(keep(salvage_plain(file, series)?), &[data_type]) {
            writer.plain(&rows, (0, &series.measurement, schema))?;
        }
    }
    Ok(lost)
}
