//! Reading what can be read of a file that is damaged.

use std::collections::BTreeMap;

use levada_tsfile::{ChunkMeta, ReadAt, SeriesMeta, TsFileError, TsFileReader};

use super::Block;

/// The rows of a plain device's series, page by page, or why there are none.
pub(crate) fn salvage_plain<R: ReadAt>(
    reader: &TsFileReader<R>,
    series: &SeriesMeta,
) -> Vec<Result<Block, TsFileError>> {
    let mut blocks = Vec::new();
    for chunk in &series.chunks {
        match reader.read_chunk(chunk) {
            Ok(chunk) => blocks.extend((0..chunk.pages().len()).map(|page| {
                let page = chunk.read_page(page)?;
                Ok(Block { times: page.times.values().clone(), columns: vec![Some(page.values)] })
            })),
            Err(error) => blocks.push(Err(error)),
        }
    }
    blocks
}

/// The rows of an aligned device's columns, page by page, or why there are none.
pub(crate) fn salvage_aligned<R: ReadAt>(
    reader: &TsFileReader<R>,
    series: &[&SeriesMeta],
) -> Vec<Result<Block, TsFileError>> {
    let mut groups: BTreeMap<u64, Vec<Option<&ChunkMeta>>> = BTreeMap::new();
    for (at, meta) in series.iter().enumerate() {
        for chunk in &meta.chunks {
            let Some(offset) = chunk.time_offset else { continue };
            groups.entry(offset).or_insert_with(|| vec![None; series.len()])[at] = Some(chunk);
        }
    }
    let mut blocks = Vec::new();
    for group in groups.into_values() {
        if let Err(error) = salvage_group(reader, &group, &mut blocks) {
            blocks.push(Err(error));
        }
    }
    blocks
}

fn salvage_group<R: ReadAt>(
    reader: &TsFileReader<R>,
    group: &[Option<&ChunkMeta>],
    blocks: &mut Vec<Result<Block, TsFileError>>,
) -> Result<(), TsFileError> {
    let Some(any) = group.iter().flatten().next() else { return Ok(()) };
    let times = reader.read_time_chunk(any)?;
    // A column that cannot be read is lost alone.
    let columns: Vec<_> = group
        .iter()
        .map(|column| match column.map(|column| reader.read_chunk(column)) {
            Some(Ok(column)) => Some(column),
            Some(Err(error)) => {
                blocks.push(Err(error));
                None
            }
            None => None,
        })
        .collect();
    for page in 0..times.pages().len() {
        let times = match times.read_times(page) {
            Ok(times) => times,
            Err(error) => {
                blocks.push(Err(error));
                continue;
            }
        };
        let mut values = Vec::with_capacity(columns.len());
        for column in &columns {
            let there =
                column.as_ref().filter(|column| column.pages().get(page).is_some_and(|page| !page.is_null()));
            values.push(match there.map(|column| column.read_values(page, times.len())) {
                Some(Ok(values)) => Some(values),
                Some(Err(error)) => {
                    blocks.push(Err(error));
                    None
                }
                None => None,
            });
        }
        let block = Block { columns: values, times: times.values().clone() };
        blocks.extend(block.without_empty_rows().map(Ok));
    }
    Ok(())
}
