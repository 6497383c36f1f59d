//! A sealed file of which some blocks are damaged and the index is not: page by page.
//!
//! ```text
//!   blocks      ok  ok  BAD  ok  ok  ok  ok
//!   chunk       ├ header ┤                                    must be good
//!   pages           ├h┤body├h┤body├h┤body├h┤body┤              the 2nd is lost, the others are as they were written
//! ```
//! A page counts where its bytes are in good blocks, and the headers of all pages before it, as these say where it is.

use std::{collections::HashMap, ops::Range, sync::Arc};

use levada_tsfile::{ChunkMeta, ChunkReader, DeviceMeta, TsFileReader, Version};

use super::unsummed::Unsummed;
use crate::{disk::Disk, sealed::SealedFile};

/// Such a file.
pub(super) struct Holed {
    /// Reads bytes as they are.
    pub(super) reader: TsFileReader<Unsummed>,
    /// Where the damaged blocks begin, ascending.
    bad: Vec<u64>,
    block: u64,
}

/// What is lost of a series.
#[derive(Debug)]
pub(super) struct LostPages {
    /// The device and the measurement.
    pub(super) series: String,
    /// Where the first chunk stands of which something is lost.
    pub(super) offset: u64,
    /// Values that are lost, and how many its damaged chunks had.
    pub(super) values: u64,
    pub(super) of: u64,
    /// The first and last time of those chunks.
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Holed {
    /// A file whose blocks at `bad`, of `block` bytes each, are damaged; `None` where that concerns its index.
    pub(super) fn open(file: &SealedFile, disk: &Arc<dyn Disk>, bad: &[u64], block: u64) -> Option<Self> {
        let bytes = disk.open(&file.path).ok()?;
        let len = bytes.len().ok()?;
        let reader = TsFileReader::open(Unsummed { file: bytes }).ok()?;
        // Its head may be damaged, but all sealed files are of one version.
        let holed = (reader.version() == Version::V4).then(|| Self { reader, bad: bad.to_vec(), block })?;
        holed.is_good(&(holed.reader.data_end()..len)).then_some(holed)
    }

    fn is_good(&self, bytes: &Range<u64>) -> bool {
        let next = self.bad.partition_point(|bad| bad + self.block <= bytes.start);
        bytes.is_empty() || self.bad.get(next).is_none_or(|bad| *bad >= bytes.end)
    }

    /// For each page of a chunk that begins at an offset whether it is as it was written.
    pub(super) fn sound(&self, offset: u64, chunk: &ChunkReader) -> Vec<bool> {
        let mut located = true;
        let mut before = offset;
        let pages = (0..chunk.pages().len()).map_while(|page| chunk.page_bytes(page));
        pages
            .map(|(header, body)| {
                // With the first page, the chunk's own header.
                located &= self.is_good(&(before..header.end));
                before = body.end;
                located && self.is_good(&body)
            })
            .collect()
    }

    /// What is lost, series by series.
    pub(super) fn lost(&self) -> Vec<LostPages> {
        let mut lost = Vec::new();
        for id in self.reader.devices().unwrap_or_default() {
            if let Ok(Some(device)) = self.reader.device(&id) {
                self.lost_of(&device, &mut lost);
            }
        }
        lost
    }

    fn lost_of(&self, device: &DeviceMeta, lost: &mut Vec<LostPages>) {
        let mut times: HashMap<u64, Vec<bool>> = HashMap::new();
        for series in &device.series {
            let mut of_series: Option<LostPages> = None;
            for chunk in &series.chunks {
                let times = chunk.time_offset.map(|offset| {
                    let read = || self.reader.read_time_chunk(chunk).map(|times| self.sound(offset, &times));
                    &*times.entry(offset).or_insert_with(|| read().unwrap_or_default())
                });
                let kept = self.kept(chunk, times.map(Vec::as_slice));
                let (start, end) = (chunk.statistics.start(), chunk.statistics.end());
                let count = chunk.statistics.count();
                if kept >= count {
                    continue;
                }
                let known = of_series.get_or_insert_with(|| LostPages {
                    series: format!("{}.{}", device.device, series.measurement),
                    offset: chunk.offset,
                    values: 0,
                    of: 0,
                    start,
                    end,
                });
                known.values += count - kept;
                known.of += count;
                (known.start, known.end) = (known.start.min(start), known.end.max(end));
            }
            lost.extend(of_series);
        }
    }

    /// How many values of a chunk are in sound pages; `times` says which pages of its time chunk are.
    fn kept(&self, chunk: &ChunkMeta, times: Option<&[bool]>) -> u64 {
        let Ok(read) = self.reader.read_chunk(chunk) else { return 0 };
        let sound = self.sound(chunk.offset, &read);
        let timed = |page: usize| times.is_none_or(|times| times.get(page).copied().unwrap_or(false));
        let pages = read.pages().iter().zip(sound).enumerate();
        pages
            .filter(|(page, (_, sound))| *sound && timed(*page))
            .filter_map(|(_, (page, _))| page.statistics())
            .map(|statistics| statistics.count())
            .sum()
    }
}
