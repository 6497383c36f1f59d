//! Which memtables and chunks have to be read for some series of a device.

use std::{collections::BTreeMap, sync::Arc};

use levada_tsfile::{ChunkMeta, DeviceId, SeriesMeta, TsFileError};

use super::{
    AlignedChunks, Input, PlainChunks, Rank, Snapshot,
    chunks::{AlignedChunk, Cut, decoded_rows, range_of},
    cluster::in_order,
    memory::MemorySource,
    wanted::Wanted,
};
use crate::{
    StorageError, TimeRange,
    catalog::Device,
    memtable::{Memtable, Named},
    place::Place,
    sealed::{Cached, KnownMeta, MetaCache, SealedFile},
    tombstone::Hidden,
};

/// A part of one series in one source, before it is read.
pub(super) struct Item {
    pub(super) rank: Rank,
    pub(super) range: TimeRange,
    pub(super) part: Part,
}

/// What an item is.
pub(super) enum Part {
    Memory(MemorySource),
    /// A chunk.
    Chunk {
        cut: Cut,
        chunk: ChunkMeta,
    },
}

impl Snapshot {
    /// The sources of some series within a range.
    pub(crate) fn inputs(
        &self,
        device: &Device,
        wanted: &[Wanted],
        range: TimeRange,
    ) -> Result<Vec<Input>, StorageError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let hidden = self.hidden(device, wanted);
        let mut inputs = Vec::new();
        for (age, memtable) in self.memtables_of(device, range) {
            let source = memory(memtable, device, wanted, range, self.seq, &hidden);
            inputs.extend(source.map(|source| Input::new(Rank::Memory(age), source)));
        }
        for file in self.files_of(device, range) {
            let metas = wanted
                .iter()
                .map(|series| series_meta(&self.metas, file, device, (series, wanted.len())))
                .collect::<Result<Vec<_>, _>>()?;
            if metas.iter().any(|meta| meta.as_deref().is_some_and(is_aligned)) {
                aligned_inputs(file, wanted, &metas, range, &hidden, &mut inputs);
            } else {
                for (place, meta) in metas.into_iter().enumerate() {
                    let Some(meta) = meta else { continue };
                    let mut cut = cut(file, range, vec![(0, hidden[place].clone())], 1);
                    cut.rows = decoded_rows(wanted.len());
                    plain_inputs(cut, place, &meta.chunks, &mut inputs);
                }
            }
        }
        Ok(inputs)
    }

    /// The parts of one series, of so many that are asked for, within a range.
    pub(super) fn items(
        &self,
        device: &Device,
        (wanted, together): (&Wanted, usize),
        range: TimeRange,
    ) -> Result<Vec<Item>, StorageError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let one = std::slice::from_ref(wanted);
        let hidden = self.hidden(device, one);
        let mut items = Vec::new();
        for (age, memtable) in self.memtables_of(device, range) {
            let source = memory(memtable, device, one, range, self.seq, &hidden);
            items.extend(source.and_then(|source| {
                let range = super::Source::range(&source)?;
                Some(Item { rank: Rank::Memory(age), range, part: Part::Memory(source) })
            }));
        }
        for file in self.files_of(device, range) {
            let Some(meta) = series_meta(&self.metas, file, device, (wanted, together))? else { continue };
            let range = within(file, range);
            let cut = cut(file, range, vec![(0, hidden[0].clone())], 1);
            for (at, chunk) in meta.chunks.iter().enumerate() {
                let covered = range_of(chunk);
                if chunk.statistics.count() > 0 && covered.overlaps(range) {
                    let part = Part::Chunk { cut: cut.clone(), chunk: chunk.clone() };
                    items.push(Item { rank: Rank::of(file, at), range: covered, part });
                }
            }
        }
        Ok(items)
    }

    fn hidden(&self, device: &Device, wanted: &[Wanted]) -> Vec<Vec<Hidden>> {
        wanted.iter().map(|wanted| self.tombstones.of_series(&device.path, &wanted.measurement)).collect()
    }

    fn place_overlaps(&self, place: Place, range: TimeRange) -> bool {
        let partition = |time: i64| time.div_euclid(self.partition_width);
        (partition(range.start)..=partition(range.end)).contains(&place.partition)
    }

    /// The memtables that may have rows of a device, with their age.
    fn memtables_of(
        &self,
        device: &Device,
        range: TimeRange,
    ) -> impl Iterator<Item = (usize, &Arc<Memtable>)> {
        let database = device.database;
        self.memtables.iter().enumerate().filter(move |(_, memtable)| {
            memtable.place.database == database && self.place_overlaps(memtable.place, range)
        })
    }

    fn files_of(&self, device: &Device, range: TimeRange) -> impl Iterator<Item = &Arc<SealedFile>> {
        let database = device.database;
        let partition = |time: i64| time.div_euclid(self.partition_width);
        let first = Place { database, partition: partition(range.start) };
        let last = Place { database, partition: partition(range.end) };
        self.files
            .range(first..=last)
            .flat_map(|(_, files)| files)
            .filter(move |file| file.meta.range.overlaps(range))
    }
}

fn memory(
    memtable: &Arc<Memtable>,
    device: &Device,
    wanted: &[Wanted],
    range: TimeRange,
    seq: u64,
    hidden: &[Vec<Hidden>],
) -> Option<MemorySource> {
    let named: Vec<Named> =
        wanted.iter().map(|wanted| (Arc::clone(&wanted.measurement), wanted.schema.data_type)).collect();
    let hidden = hidden
        .iter()
        .map(|hidden| hidden.iter().filter(|hidden| hidden.seq > memtable.first_seq).copied().collect())
        .collect();
    MemorySource::new(memtable, &device.path, named, range, seq, hidden)
}

/// A device of at most so many series is read from an index whole: its entries lie together.
const WHOLE: usize = 256;
/// A larger one when more than one in so many of its series were asked for.
const SPARSE: usize = 32;

/// What the file's index says of a series, of so many that are asked for; `None` where the file has none, or one of another
/// time.
fn series_meta(
    cache: &MetaCache,
    file: &SealedFile,
    device: &Device,
    (wanted, together): (&Wanted, usize),
) -> Result<KnownMeta, StorageError> {
    if file.meta.seq < wanted.since {
        return Ok(None);
    }
    let known = match cache.get(file.meta.id, &device.path, &wanted.measurement) {
        Cached::Known(known) => known,
        Cached::Missing(asked) => {
            let reads_whole =
                device.all().len() <= WHOLE || asked.max(together) * SPARSE > device.all().len();
            read_meta(cache, file, device, wanted, reads_whole).map_err(|error| match error {
                Unread::Storage(error) => error,
                Unread::File(error) => file.error(error),
            })?
        }
    };
    let fits = |meta: &Arc<SeriesMeta>| {
        meta.data_type.is_some_and(|found| found.arrow() == wanted.schema.data_type.arrow())
    };
    Ok(known.filter(fits))
}

/// Why an index was not read.
enum Unread {
    Storage(StorageError),
    File(TsFileError),
}

impl From<StorageError> for Unread {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<TsFileError> for Unread {
    fn from(error: TsFileError) -> Self {
        Self::File(error)
    }
}

/// Reads what the index says of a series, or of all of its device, into the cache.
fn read_meta(
    cache: &MetaCache,
    file: &SealedFile,
    device: &Device,
    wanted: &Wanted,
    reads_whole: bool,
) -> Result<KnownMeta, Unread> {
    let (reader, id) = (file.reader()?, DeviceId::from(&device.path));
    // Where another series is damaged, this one may be whole.
    if reads_whole
        && reader.may_contain(&id, &wanted.measurement)
        && let Ok(found) = reader.device(&id)
    {
        let series = found.map_or_else(Vec::new, |found| found.series);
        let series: Vec<Arc<SeriesMeta>> = series.into_iter().map(Arc::new).collect();
        cache.put_all(file.meta.id, &device.path, &series);
        return Ok(series.into_iter().find(|meta| meta.measurement == wanted.measurement));
    }
    let read = reader.series(&id, &wanted.measurement)?.map(Arc::new);
    cache.put(file.meta.id, &device.path, &wanted.measurement, read.clone());
    Ok(read)
}

fn is_aligned(meta: &SeriesMeta) -> bool {
    meta.chunks.iter().any(|chunk| chunk.time_offset.is_some())
}

fn cut(file: &Arc<SealedFile>, range: TimeRange, columns: Vec<(usize, Vec<Hidden>)>, width: usize) -> Cut {
    let seq = file.meta.seq;
    let range = within(file, range);
    let columns = columns
        .into_iter()
        .map(|(place, mut hidden)| {
            hidden.retain(|hidden| hidden.seq > seq && hidden.range.overlaps(file.meta.range));
            (place, hidden)
        })
        .collect();
    Cut { file: Arc::clone(file), range, columns, rows: decoded_rows(width), width }
}

/// What of a range counts of a file.
fn within(file: &SealedFile, range: TimeRange) -> TimeRange {
    range.intersect(file.meta.range)
}

fn plain_inputs(cut: Cut, place: usize, chunks: &[ChunkMeta], inputs: &mut Vec<Input>) {
    if in_order(chunks.iter().map(range_of)) {
        inputs.push(Input::of_column(Rank::of(&cut.file, 0), place, PlainChunks::new(cut, chunks)));
        return;
    }
    for (at, chunk) in chunks.iter().enumerate() {
        let chunks = PlainChunks::new(cut.clone(), std::slice::from_ref(chunk));
        inputs.push(Input::of_column(Rank::of(&cut.file, at), place, chunks));
    }
}

fn aligned_inputs(
    file: &Arc<SealedFile>,
    wanted: &[Wanted],
    metas: &[Option<Arc<SeriesMeta>>],
    range: TimeRange,
    hidden: &[Vec<Hidden>],
    inputs: &mut Vec<Input>,
) {
    let mut groups: BTreeMap<u64, AlignedChunk> = BTreeMap::new();
    for (place, meta) in metas.iter().enumerate() {
        for chunk in meta.iter().flat_map(|meta| &meta.chunks) {
            let Some(offset) = chunk.time_offset else { continue };
            let group =
                groups.entry(offset).or_insert_with(|| AlignedChunk { columns: vec![None; wanted.len()] });
            group.columns[place] = Some(chunk.clone());
        }
    }
    let columns = (0..wanted.len()).map(|place| (place, hidden[place].clone())).collect();
    let cut = cut(file, range, columns, wanted.len());
    let groups: Vec<AlignedChunk> = groups.into_values().collect();
    if in_order(groups.iter().map(AlignedChunk::range)) {
        inputs.push(Input::new(Rank::of(file, 0), AlignedChunks::new(cut, groups)));
        return;
    }
    for (at, group) in groups.into_iter().enumerate() {
        inputs.push(Input::new(Rank::of(file, at), AlignedChunks::new(cut.clone(), vec![group])));
    }
}

impl Part {
    /// The part as a source, to be merged with others.
    pub(super) fn into_input(self, rank: Rank) -> Input {
        match self {
            Self::Memory(source) => Input::new(rank, source),
            Self::Chunk { cut, chunk } if chunk.time_offset.is_some() => {
                let group = AlignedChunk { columns: vec![Some(chunk)] };
                Input::new(rank, AlignedChunks::new(cut, vec![group]))
            }
            Self::Chunk { cut, chunk } => Input::new(rank, PlainChunks::new(cut, &[chunk])),
        }
    }
}
