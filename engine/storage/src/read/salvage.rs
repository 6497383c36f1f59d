//! Reading what can be read of a file that is damaged.

use std::collections::BTreeMap;

use levada_tsfile::{ChunkMeta, SeriesMeta};

use super::Block;
use crate::{StorageError, sealed::SealedFile};

/// The pages of a plain device's series: rows, or why there are none.
pub(crate) fn salvage_plain(
    file: &SealedFile,
    series: &SeriesMeta,
) -> Result<Vec<Result<Block, StorageError>>, StorageError> {
    let reader = file.reader()?;
    let mut blocks = Vec::new();
    for chunk in &series.chunks {
        let chunk = match reader.read_chunk(chunk) {
            Ok(chunk) => chunk,
            Err(error) => {
                blocks.push(Err(file.error(error)));
                continue;
            }
        };
        for page in 0..chunk.pages().len() {
            let page = chunk.read_page(page).map_err(|error| file.error(error));
            blocks.push(
                page.map(|page| Block {
                    times: page.times.values().clone(),
                    columns: vec![Some(page.values)],
                }),
            );
        }
    }
    Ok(blocks)
}

/// The chunks of an aligned device's columns: rows, or why there are none.
pub(crate) fn salvage_aligned(
    file: &SealedFile,
    series: &[&SeriesMeta],
) -> Result<Vec<Result<Block, StorageError>>, StorageError> {
    let mut groups: BTreeMap<u64, Vec<Option<&ChunkMeta>>> = BTreeMap::new();
    for (at, meta) in series.iter().enumerate() {
        for chunk in &meta.chunks {
            let Some(offset) = chunk.time_offset else { continue };
            groups.entry(offset).or_insert_with(|| vec![None; series.len()])[at] = Some(chunk);
        }
    }
    let mut blocks = Vec::new();
    for group in groups.into_values() {
        salvage_group(file, &group, &mut blocks)?;
    }
    Ok(blocks)
}

fn salvage_group(
    file: &SealedFile,
    group: &[Option<&ChunkMeta>],
    blocks: &mut Vec<Result<Block, StorageError>>,
) -> Result<(), StorageError> {
    let reader = file.reader()?;
    let Some(any) = group.iter().flatten().next() else { return Ok(()) };
    let times = match reader.read_time_chunk(any) {
        Ok(times) => times,
        Err(error) => {
            blocks.push(Err(file.error(error)));
            return Ok(());
        }
    };
    // A column that cannot be read is lost alone.
    let columns: Vec<_> = group
        .iter()
        .map(|column| match column.map(|column| reader.read_chunk(column)) {
            Some(Ok(column)) => Some(column),
            Some(Err(error)) => {
                blocks.push(Err(file.error(error)));
                None
            }
            None => None,
        })
        .collect();
    for page in 0..times.pages().len() {
        let read = times.read_times(page).map(|times| {
            let values = columns.iter().map(|column| {
                let column = column
                    .as_ref()
                    .filter(|column| column.pages().get(page).is_some_and(|page| !page.is_null()))?;
                column.read_values(page, times.len()).ok()
            });
            Block { columns: values.collect(), times: times.values().clone() }
        });
        match read.map_err(|error| file.error(error)) {
            Ok(block) => blocks.extend(block.without_empty_rows().map(Ok)),
            Err(error) => blocks.push(Err(error)),
        }
    }
    Ok(())
}
