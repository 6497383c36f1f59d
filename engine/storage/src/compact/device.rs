//! Merges what files have of a device.
//!
//! ```text
//!   file 1   ███████ ███████            parts, a chunk or an aligned device's chunk group each, in the order of their times
//!   file 2              ▓▓▓  ███████
//!            ─────── ─────── ───────    clusters of parts that overlap
//!             copied  merged  copied
//! ```

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use levada_tsfile::{ChunkMeta, DeviceId, DeviceMeta, EncodedAligned, SeriesMeta};

use super::gather::{Extent, Gather, PAGE_ROWS, Raw};
use crate::{
    Direction, StorageError, TimeRange,
    catalog::{Device, Series},
    read::{
        AlignedChunk, AlignedChunks, Cut, Input, Merge, PlainChunks, Rank, Snapshot, Wanted, in_order,
        next_cluster, range_of,
    },
    sealed::{ChunkSink, SealedFile, SeriesColumn},
    tombstone::Hidden,
};

/// A file that is merged, as far as it is.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) file: Arc<SealedFile>,
    pub(crate) window: TimeRange,
}

/// A chunk, or a chunk group.
#[derive(Clone)]
struct Part {
    source: usize,
    /// Where in the file: of those of one file that overlap the later counts.
    at: usize,
    range: TimeRange,
    content: Content,
}

#[derive(Clone)]
enum Content {
    /// A series' chunk: the series' place, and the chunk.
    Plain(usize, ChunkMeta),
    /// The times, a column for each series, and whether these are all that there are.
    Group { time: Option<ChunkMeta>, columns: Vec<Option<ChunkMeta>>, whole: bool },
}

/// What is done to a device.
pub(crate) struct DeviceMerge<'a> {
    snapshot: &'a Snapshot,
    sources: &'a [Source],
    device: &'a Device,
    /// The series that are merged.
    wanted: Vec<Wanted>,
    /// What of the device counts.
    live: TimeRange,
    /// What the files know of it.
    metas: Vec<Option<DeviceMeta>>,
}

impl<'a> DeviceMerge<'a> {
    /// Reads what the files know of a device; `None` where there is nothing that counts. Its series are merged that `wants` says so
    /// of.
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        sources: &'a [Source],
        (id, device): (&DeviceId, &'a Device),
        slice: TimeRange,
        wants: impl Fn(&Series) -> bool,
    ) -> Result<Option<Self>, StorageError> {
        let wanted: Vec<Wanted> =
            device.all().iter().filter(|series| wants(series)).map(Wanted::of).collect();
        let live = snapshot.live(device, slice);
        let mut metas = Vec::with_capacity(sources.len());
        for Source { file, window } in sources {
            let overlaps = !live.is_empty() && window.overlaps(live);
            let meta =
                if overlaps { file.reader()?.device(id).map_err(|error| file.error(error))? } else { None };
            metas.push(meta);
        }
        let any = metas.iter().any(Option::is_some) && !wanted.is_empty();
        Ok(any.then_some(Self { snapshot, sources, device, wanted, live, metas }))
    }

    /// Writes it; `keep_pace` is called with the file's size from time to time.
    pub(crate) fn write(
        &self,
        writer: &mut dyn ChunkSink,
        keep_pace: &dyn Fn(u64) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        writer.device(&self.device.path)?;
        let wanted = &self.wanted[..];
        let found = self.found(wanted);
        if self.device.aligned {
            let series: Vec<SeriesColumn<'_>> = wanted
                .iter()
                .enumerate()
                .map(|(at, wanted)| (at, &*wanted.measurement, wanted.schema))
                .collect();
            let parts = self.parts(wanted, &found.iter().collect::<Vec<_>>());
            let gather = Gather::new(writer, &series, true);
            return self.stream(wanted, parts, gather, keep_pace);
        }
        for (wanted, found) in wanted.chunks(1).zip(&found) {
            let series = [(0, &*wanted[0].measurement, wanted[0].schema)];
            let parts = self.parts(wanted, &[found]);
            self.stream(wanted, parts, Gather::new(writer, &series, false), keep_pace)?;
        }
        Ok(())
    }

    /// For each series and file, what the file knows of it, where that counts.
    fn found(&self, wanted: &[Wanted]) -> Vec<Vec<Option<&SeriesMeta>>> {
        let mut found = vec![vec![None; self.metas.len()]; wanted.len()];
        let places: BTreeMap<&str, usize> =
            wanted.iter().enumerate().map(|(place, wanted)| (&*wanted.measurement, place)).collect();
        for (source, meta) in self.metas.iter().enumerate() {
            let seq = self.sources[source].file.meta.seq;
            for series in meta.iter().flat_map(|meta| &meta.series) {
                let Some(&place) = places.get(&*series.measurement) else { continue };
                let schema = wanted[place].schema;
                let fits = series.data_type.is_some_and(|found| found.arrow() == schema.data_type.arrow());
                if fits && wanted[place].since <= seq {
                    found[place][source] = Some(series);
                }
            }
        }
        found
    }

    /// The chunks of some series that have something that counts, by time.
    fn parts(&self, wanted: &[Wanted], found: &[&Vec<Option<&SeriesMeta>>]) -> Vec<Part> {
        let mut parts = Vec::new();
        for (source, meta) in self.metas.iter().enumerate() {
            let mut groups: BTreeMap<u64, Vec<Option<ChunkMeta>>> = BTreeMap::new();
            for (place, found) in found.iter().enumerate() {
                for (at, chunk) in found[source].iter().flat_map(|series| &series.chunks).enumerate() {
                    if let Some(time) = chunk.time_offset {
                        groups.entry(time).or_insert_with(|| vec![None; wanted.len()])[place] =
                            Some(chunk.clone());
                    } else if chunk.statistics.count() > 0 {
                        let range = range_of(chunk);
                        parts.push(Part { source, at, range, content: Content::Plain(place, chunk.clone()) });
                    }
                }
            }
            let times = meta.iter().filter_map(|meta| meta.time.as_ref()).flat_map(|time| &time.chunks);
            let times: BTreeMap<u64, &ChunkMeta> = times.map(|chunk| (chunk.offset, chunk)).collect();
            // All its series, or some are not wanted any more.
            let all = found.iter().filter(|found| found[source].is_some()).count();
            let whole = meta.as_ref().is_some_and(|meta| meta.series.len() == all);
            for (at, (offset, columns)) in groups.into_iter().enumerate() {
                let time = times.get(&offset).map(|chunk| (*chunk).clone());
                let ranges =
                    columns.iter().flatten().chain(&time).map(range_of).filter(|range| !range.is_empty());
                let Some(range) = ranges.reduce(TimeRange::hull) else { continue };
                parts.push(Part { source, at, range, content: Content::Group { time, columns, whole } });
            }
        }
        parts.retain(|part| part.range.overlaps(self.window(part.source)));
        parts.sort_by_key(|part| (part.range.start, part.range.end));
        parts
    }

    /// What counts of a source.
    fn window(&self, source: usize) -> TimeRange {
        let window = self.sources[source].window;
        window.intersect(self.live)
    }

    /// Hands on the parts of some series.
    fn stream(
        &self,
        wanted: &[Wanted],
        parts: Vec<Part>,
        mut gather: Gather<'_>,
        keep_pace: &dyn Fn(u64) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        if parts.is_empty() {
            return Ok(());
        }
        let device = &self.device.path;
        let hidden: Vec<Vec<Hidden>> = wanted
            .iter()
            .map(|wanted| self.snapshot.tombstones.of_series(device, &wanted.measurement))
            .collect();
        let mut parts = VecDeque::from(parts);
        while !parts.is_empty() {
            let cluster = next_cluster(&mut parts, |part| part.range);
            let copied = match &cluster[..] {
                [part] => self.copy(part, wanted, &hidden, &gather)?,
                _ => None,
            };
            match copied {
                Some((raw, extent)) => gather.raw(raw, extent)?,
                None => self.decode(cluster, wanted, &hidden, &mut gather)?,
            }
            keep_pace(gather.position())?;
        }
        gather.write()
    }

    /// The deletions that concern a series in a file.
    fn concerning(&self, hidden: &[Hidden], source: usize) -> Vec<Hidden> {
        let meta = &self.sources[source].file.meta;
        let concerns = |hidden: &&Hidden| hidden.seq > meta.seq && hidden.range.overlaps(meta.range);
        hidden.iter().filter(concerns).copied().collect()
    }

    /// A part as it is in the file, where nothing of it changes and it is worth it.
    fn copy(
        &self,
        part: &Part,
        wanted: &[Wanted],
        hidden: &[Vec<Hidden>],
        gather: &Gather<'_>,
    ) -> Result<Option<(Raw, Extent)>, StorageError> {
        let touched = |place: usize| {
            self.concerning(&hidden[place], part.source)
                .iter()
                .any(|hidden| hidden.range.overlaps(part.range))
        };
        // An array of one type may be read as another; the chunk's own type then stays in the file.
        let differs = |place: usize| {
            let found = self.metas[part.source].iter().flat_map(|meta| &meta.series);
            let mut same = found.filter(|series| series.measurement == wanted[place].measurement);
            same.any(|series| series.data_type != Some(wanted[place].schema.data_type))
        };
        let changes = |place: usize| touched(place) || differs(place);
        let rows = match &part.content {
            Content::Plain(_, chunk) => chunk.statistics.count(),
            Content::Group { time, .. } => time.as_ref().map_or(0, |time| time.statistics.count()),
        };
        if rows < PAGE_ROWS || gather.wants_rows(rows) || !self.window(part.source).covers(part.range) {
            return Ok(None);
        }
        let file = &self.sources[part.source].file;
        let read = |chunk: &ChunkMeta| file.reader()?.copy_chunk(chunk).map_err(|error| file.error(error));
        match &part.content {
            Content::Plain(place, chunk) if !self.device.aligned && !changes(*place) => {
                let extent = Extent { range: part.range, rows, points: rows };
                Ok(Some((Raw::Plain(read(chunk)?), extent)))
            }
            Content::Group { time: Some(time), columns, whole: true }
                if self.device.aligned
                    && columns
                        .iter()
                        .enumerate()
                        .all(|(place, column)| column.is_none() || !changes(place)) =>
            {
                let present = columns.iter().flatten();
                let points = present.clone().map(|column| column.statistics.count()).sum();
                let columns = present.map(read).collect::<Result<Vec<_>, _>>()?;
                let raw = EncodedAligned::try_new(read(time)?, columns).map_err(|error| file.error(error))?;
                Ok(Some((Raw::Aligned(raw), Extent { range: part.range, rows, points })))
            }
            _ => Ok(None),
        }
    }

    /// The rows of parts that overlap, merged.
    fn decode(
        &self,
        cluster: Vec<Part>,
        wanted: &[Wanted],
        hidden: &[Vec<Hidden>],
        gather: &mut Gather<'_>,
    ) -> Result<(), StorageError> {
        let mut inputs = Vec::new();
        let mut of_source: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
        for part in cluster {
            of_source.entry(part.source).or_default().push(part);
        }
        for (source, mut parts) in of_source {
            let hidden: Vec<_> = hidden.iter().map(|hidden| self.concerning(hidden, source)).collect();
            if in_order(parts.iter().map(|part| part.range)) {
                inputs.extend(self.inputs(source, parts, wanted.len(), &hidden));
                continue;
            }
            parts.sort_by_key(|part| part.at);
            for part in parts {
                inputs.extend(self.inputs(source, vec![part], wanted.len(), &hidden));
            }
        }
        let types = wanted.iter().map(|wanted| wanted.schema.data_type).collect();
        let mut merge = Merge::new(inputs, Direction::Ascending, types);
        while let Some(block) = merge.next()? {
            gather.rows(block)?;
        }
        Ok(())
    }

    /// Parts of one file that follow each other as sources of a merge.
    fn inputs(&self, source: usize, parts: Vec<Part>, width: usize, hidden: &[Vec<Hidden>]) -> Vec<Input> {
        let Source { file, .. } = &self.sources[source];
        let range = self.window(source);
        let at = parts.first().map_or(0, |part| part.at);
        let rank = Rank::of(file, at);
        let cut = |columns, width| Cut { file: Arc::clone(file), range, columns, width, rows: usize::MAX };
        let mut plain: BTreeMap<usize, Vec<ChunkMeta>> = BTreeMap::new();
        let mut groups = Vec::new();
        for part in parts {
            match part.content {
                Content::Plain(place, chunk) => plain.entry(place).or_default().push(chunk),
                Content::Group { columns, .. } => groups.push(AlignedChunk { columns }),
            }
        }
        let mut inputs: Vec<Input> = plain
            .into_iter()
            .map(|(place, chunks)| {
                let cut = cut(vec![(0, hidden[place].clone())], 1);
                Input::of_column(rank, place, PlainChunks::new(cut, &chunks))
            })
            .collect();
        if !groups.is_empty() {
            let cut = cut(hidden.iter().cloned().enumerate().collect(), width);
            inputs.push(Input::new(rank, AlignedChunks::new(cut, groups)));
        }
        inputs
    }
}
