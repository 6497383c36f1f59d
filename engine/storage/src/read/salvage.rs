//! Reading what can be read of a file that is damaged.

use std::collections::BTreeMap;

use crate::block::Block;
use levada_tsfile::{ChunkMeta, ChunkReader, ReadAt, SeriesMeta, TsFileError, TsFileReader};

/// Says for each page of a chunk, which begins at an offset of the file, whether it is to be read.
pub(crate) type SoundPages<'a> = &'a dyn Fn(u64, &ChunkReader) -> Vec<bool>;

/// All pages are: the reader has found them sound.
pub(crate) fn all_pages(_: u64, chunk: &ChunkReader) -> Vec<bool> {
    vec![true; chunk.pages().len()]
}

/// The rows of a plain device's series, page by page, or why there are none.
pub(crate) fn salvage_plain<R: ReadAt>(
    reader: &TsFileReader<R>,
    series: &SeriesMeta,
    sound: SoundPages<'_>,
) -> Vec<Result<Block, TsFileError>> {
    let mut blocks = Vec::new();
    for chunk in &series.chunks {
        match reader.read_chunk(chunk) {
            Ok(read) => {
                let pages = sound(chunk.offset, &read).into_iter().enumerate().filter(|(_, sound)| *sound);
                blocks.extend(pages.map(|(page, _)| {
                    let page = read.read_page(page)?;
                    Ok(Block { times: page.times.values().clone(), columns: vec![Some(page.values)] })
                }));
            }
            Err(error) => blocks.push(Err(error)),
        }
    }
    blocks
}

/// The rows of an aligned device's columns, page by page, or why there are none.
pub(crate) fn salvage_aligned<R: ReadAt>(
    reader: &TsFileReader<R>,
    series: &[&SeriesMeta],
    sound: SoundPages<'_>,
) -> Vec<Result<Block, TsFileError>> {
    let mut groups: BTreeMap<u64, Vec<Option<&ChunkMeta>>> = BTreeMap::new();
    for (at, meta) in series.iter().enumerate() {
        for chunk in &meta.chunks {
            let Some(offset) = chunk.time_offset else { continue };
            groups.entry(offset).or_insert_with(|| vec![None; series.len()])[at] = Some(chunk);
        }
    }
    let mut blocks = Vec::new();
    for (offset, group) in groups {
        if let Err(error) = salvage_group(reader, offset, &group, sound, &mut blocks) {
            blocks.push(Err(error));
        }
    }
    blocks
}

fn salvage_group<R: ReadAt>(
    reader: &TsFileReader<R>,
    times_at: u64,
    group: &[Option<&ChunkMeta>],
    sound: SoundPages<'_>,
    blocks: &mut Vec<Result<Block, TsFileError>>,
) -> Result<(), TsFileError> {
    let Some(any) = group.iter().flatten().next() else { return Ok(()) };
    let times = reader.read_time_chunk(any)?;
    let timed = sound(times_at, &times);
    // A column that cannot be read is lost alone.
    let columns: Vec<_> = group
        .iter()
        .map(|column| {
            let column = (*column)?;
            match reader.read_chunk(column) {
                Ok(read) => Some((sound(column.offset, &read), read)),
                Err(error) => {
                    blocks.push(Err(error));
                    None
                }
            }
        })
        .collect();
    for page in (0..times.pages().len()).filter(|page| timed.get(*page) == Some(&true)) {
        let times = match times.read_times(page) {
            Ok(times) => times,
            Err(error) => {
                blocks.push(Err(error));
                continue;
            }
        };
        let mut values = Vec::with_capacity(columns.len());
        for column in &columns {
            let there = column.as_ref().filter(|(sound, column)| {
                sound.get(page) == Some(&true) && column.pages().get(page).is_some_and(|page| !page.is_null())
            });
            values.push(match there.map(|(_, column)| column.read_values(page, times.len())) {
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
