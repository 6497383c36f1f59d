//! Compares the index with the content of the file, and keeps what is credible.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use arrow_array::Int64Array;
use levada_model::DataType;

use super::{
    super::{ChunkMeta, Content, DeviceMeta, SeriesMeta, TsFileReader},
    Flaw, Part,
    headers::chunk_header,
    page::{self, Decoded},
    told::{Told, ToldChunk},
    unless_damaged,
    walk::{Found, Walked},
};
use crate::{DeviceId, ReadAt, Statistics, TsFileError, layout::ChunkKind};

/// Whether index and walk describe the same chunks; chunks that only the walk found must hold no value.
pub(super) fn agree<R: ReadAt>(
    reader: &TsFileReader<R>,
    told: &Told,
    walked: &Walked,
) -> Result<bool, TsFileError> {
    let mut seen = 0;
    for found in &walked.chunks {
        match told.chunks.get(&found.offset).map(Vec::as_slice) {
            Some([told]) if fits(found, told) => seen += 1,
            Some(_) => return Ok(false),
            None if found.kind == ChunkKind::Value => {
                let times = match found.time.map(|at| page::chunk(reader, at, None, None)) {
                    Some(times) => unless_damaged(times)?.map(|times| times.times).unwrap_or_default(),
                    None => return Ok(false),
                };
                let decoded = unless_damaged(page::chunk(reader, found.offset, None, Some(&times)))?;
                if decoded.map_or(1, |decoded| decoded.statistics.count()) > 0 {
                    return Ok(false);
                }
            }
            None => return Ok(false),
        }
    }
    Ok(seen == told.chunks.len())
}

fn fits(found: &Found, told: &ToldChunk) -> bool {
    found.device.as_ref() == Some(&told.device)
        && found.measurement == told.measurement
        && found.data_type == told.data_type
}

/// A chunk that may be readable.
struct Candidate<'a> {
    offset: u64,
    found: Option<&'a Found>,
    told: &'a [ToldChunk],
}

/// The series that a chunk belongs to.
struct Owner<'a> {
    device: DeviceId,
    measurement: Arc<str>,
    data_type: Option<DataType>,
    /// What the index says of the chunk, if it names the same series.
    said: Option<&'a Statistics>,
}

struct Judge<'a, R> {
    reader: &'a TsFileReader<R>,
    told: &'a Told,
    flaws: &'a mut Vec<Flaw>,
    /// For devices that walk and index name differently: whether the bloom filter allows the one, the other.
    doubts: HashMap<(DeviceId, DeviceId), (bool, bool)>,
    /// The offsets of a device's time chunks by the index; `None` if one of them is not there.
    told_times: HashMap<DeviceId, Option<Vec<u64>>>,
    /// The time chunk decoded last.
    times: Option<(u64, Option<Vec<Int64Array>>)>,
    devices: BTreeMap<DeviceId, DeviceMeta>,
}

/// Decodes every chunk, and returns the credible ones.
pub(super) fn judge<R: ReadAt>(
    reader: &TsFileReader<R>,
    told: &Told,
    walked: &Walked,
    flaws: &mut Vec<Flaw>,
) -> Result<BTreeMap<DeviceId, DeviceMeta>, TsFileError> {
    let mut judge = Judge {
        reader,
        told,
        flaws,
        doubts: HashMap::new(),
        told_times: HashMap::new(),
        times: None,
        devices: BTreeMap::new(),
    };
    judge.weigh(walked)?;
    let found: BTreeMap<u64, &Found> = walked.chunks.iter().map(|found| (found.offset, found)).collect();
    let offsets: BTreeSet<u64> = found.keys().chain(told.chunks.keys()).copied().collect();
    for offset in offsets {
        let told = told.chunks.get(&offset).map_or(&[][..], Vec::as_slice);
        judge.candidate(&Candidate { offset, found: found.get(&offset).copied(), told })?;
    }
    for &(from, to) in &walked.gaps {
        let what = "these bytes are neither a chunk nor the head of a chunk group";
        judge.flaws.push(Flaw::new(Part::Gap, from, what).spanning(to - from));
    }
    Ok(judge.devices)
}

impl<R: ReadAt> Judge<'_, R> {
    fn bloom(&self, device: &DeviceId, measurement: &str) -> bool {
        match &self.reader.content {
            Content::Indexed(_) => self.reader.may_contain(device, measurement),
            Content::Salvaged(_) => true,
        }
    }

    /// Collects what must be known of all chunks before any is judged.
    fn weigh(&mut self, walked: &Walked) -> Result<(), TsFileError> {
        for found in &walked.chunks {
            let Some(walked) = &found.device else { continue };
            for told in self.told.chunks.get(&found.offset).into_iter().flatten() {
                if told.device != *walked && told.data_type.is_some() {
                    let allowed =
                        (self.bloom(walked, &found.measurement), self.bloom(&told.device, &told.measurement));
                    let doubt =
                        self.doubts.entry((walked.clone(), told.device.clone())).or_insert((true, true));
                    *doubt = (doubt.0 && allowed.0, doubt.1 && allowed.1);
                }
            }
        }
        for (&offset, told) in &self.told.chunks {
            for told in told.iter().filter(|told| told.data_type.is_none()) {
                let header = chunk_header(self.reader, offset, self.reader.data_end)?;
                let there = header.is_some_and(|(header, _)| header.kind == ChunkKind::Time);
                let times = self.told_times.entry(told.device.clone()).or_insert_with(|| Some(Vec::new()));
                match times {
                    Some(times) if there => times.push(offset),
                    times => *times = None,
                }
            }
        }
        Ok(())
    }

    fn candidate(&mut self, candidate: &Candidate<'_>) -> Result<(), TsFileError> {
        let Some(owner) = self.owner(candidate)? else { return Ok(()) };
        let Candidate { offset, found, .. } = *candidate;
        let is_value = owner.data_type.is_some()
            && found.map_or_else(
                || self.told_times.contains_key(&owner.device),
                |found| found.kind == ChunkKind::Value,
            );
        let time_offset = if is_value { self.time_of(candidate, &owner) } else { None };
        let times = match time_offset {
            Some(time) => self.times(time)?,
            None => None,
        };
        let decoded = unless_damaged(page::chunk(self.reader, offset, owner.said, times.as_deref()))?;
        // A chunk with one page is decoded with what the index says of it; if that fails, the index may be wrong.
        let decoded = match (decoded, owner.said) {
            (Err(_), Some(_)) => unless_damaged(page::chunk(self.reader, offset, None, times.as_deref()))?,
            (decoded, _) => decoded,
        };
        self.times = self.times.take().or(time_offset.map(|time| (time, times)));
        match decoded {
            Ok(decoded) => self.decoded(candidate, owner, decoded, time_offset),
            Err(error) => {
                let what = match error {
                    TsFileError::Damaged { reason, .. } => reason,
                    other => other.to_string(),
                };
                if owner.data_type.is_none() {
                    self.times = Some((offset, None));
                }
                self.lose(candidate, &owner, &what);
                Ok(())
            }
        }
    }

    fn lose(&mut self, candidate: &Candidate<'_>, owner: &Owner<'_>, what: &str) {
        let mut flaw = Flaw::new(Part::Chunk, candidate.offset, what)
            .of(&owner.device, &owner.measurement)
            .losing(owner.said);
        flaw.bytes = candidate.found.map(|found| found.end - found.offset);
        self.flaws.push(flaw);
    }

    fn decoded(
        &mut self,
        candidate: &Candidate<'_>,
        owner: Owner<'_>,
        decoded: Decoded,
        time_offset: Option<u64>,
    ) -> Result<(), TsFileError> {
        let offset = candidate.offset;
        let mut statistics = decoded.statistics.clone();
        if let Some(said) = owner.said {
            let differing = decoded.differences(said);
            if differing.is_empty() {
                statistics = said.clone();
            } else if owner.data_type.is_none() || decoded.vouches_against(&differing) {
                // Wrong times show in the statistics of the columns: each column is judged by its own.
                let what = format!("the index says otherwise of this chunk ({})", differing.join(", "));
                self.flaws.push(Flaw::new(Part::Index, offset, what).of(&owner.device, &owner.measurement));
            } else {
                // Pages of a chunk with several have statistics of their own.
                let of = if decoded.vouched { "it" } else { "page 0" };
                let what = format!(
                    "{of} holds other values than the index says ({}), and nothing tells which is right",
                    differing.join(", ")
                );
                self.lose(candidate, &owner, &what);
                return Ok(());
            }
        }
        if owner.data_type.is_none() {
            self.times = Some((offset, Some(decoded.times)));
        }
        if statistics.count() == 0 {
            return Ok(());
        }
        if candidate.told.is_empty() && self.told.data_end.is_some() {
            let what = "the index does not have this chunk";
            self.flaws.push(Flaw::new(Part::Index, offset, what).of(&owner.device, &owner.measurement));
        }
        let chunk = ChunkMeta { offset, time_offset, statistics };
        if let Err(what) = add(&mut self.devices, &owner, chunk) {
            self.lose(candidate, &owner, what);
        }
        Ok(())
    }

    /// The series that a chunk belongs to; `None` if undecided, which is recorded as a flaw.
    fn owner<'b>(&mut self, candidate: &Candidate<'b>) -> Result<Option<Owner<'b>>, TsFileError> {
        let Candidate { offset, found, told } = *candidate;
        let by_told = |told: &'b ToldChunk| Owner {
            device: told.device.clone(),
            measurement: Arc::clone(&told.measurement),
            data_type: told.data_type,
            said: Some(&told.statistics),
        };
        let Some(found) = found else {
            // The walk did not pass here: the header must say the same.
            let header = chunk_header(self.reader, offset, self.reader.data_end)?;
            let right = header.as_ref().and_then(|(header, _)| {
                told.iter()
                    .find(|told| told.measurement == header.measurement && told.data_type == header.data_type)
            });
            if right.is_none() {
                for told in told {
                    let flaw =
                        Flaw::new(Part::Chunk, offset, "the chunk that the index has here is not there");
                    let flaw = flaw.of(&told.device, &told.measurement);
                    self.flaws.push(flaw.losing(Some(&told.statistics)));
                }
            }
            return Ok(right.map(by_told));
        };
        if let Some(told) = told.iter().find(|told| fits(found, told)) {
            return Ok(Some(by_told(told)));
        }
        let by_found = |device: &DeviceId| Owner {
            device: device.clone(),
            measurement: Arc::clone(&found.measurement),
            data_type: found.data_type,
            said: None,
        };
        let contrary = told.iter().find(|told| told.data_type == found.data_type);
        let (owner, what) = match (&found.device, contrary) {
            (None, Some(told)) if told.measurement == found.measurement => return Ok(Some(by_told(told))),
            (Some(device), None) => {
                let allowed = found.data_type.is_none() || self.bloom(device, &found.measurement);
                (allowed.then(|| by_found(device)), "the bloom filter denies that there is such a series")
            }
            (Some(device), Some(told)) => {
                let what = "chunk and index differ in whose it is, and nothing tells which is right";
                match self.preferred(device, found, told) {
                    Some(true) => (Some(by_found(device)), what),
                    Some(false) => (Some(by_told(told)), what),
                    None => (None, what),
                }
            }
            (None, _) => (None, "the head of its chunk group is not there: whose it is cannot be told"),
        };
        if let (Some(owner), true) = (&owner, contrary.is_some()) {
            let what = format!(
                "the index and the chunk differ in whose it is; by the bloom filter it is of {}.{}",
                owner.device, owner.measurement
            );
            self.flaws.push(Flaw::new(Part::Index, offset, what).of(&owner.device, &owner.measurement));
        }
        if owner.is_none() {
            let mut flaw = Flaw::new(Part::Chunk, offset, what)
                .spanning(found.end - found.offset)
                .losing(told.first().map(|told| &told.statistics));
            flaw.device.clone_from(&found.device);
            flaw.measurement = Some(Arc::clone(&found.measurement));
            self.flaws.push(flaw);
        }
        Ok(owner)
    }

    /// Whether the bloom filter agrees with the walk rather than with the index; `None` if it cannot tell.
    fn preferred(&self, device: &DeviceId, found: &Found, told: &ToldChunk) -> Option<bool> {
        let allowed = if told.device == *device {
            (self.bloom(device, &found.measurement), self.bloom(&told.device, &told.measurement))
        } else {
            let devices = self.doubts.get(&(device.clone(), told.device.clone())).copied()?;
            let same = found.measurement == told.measurement;
            (devices.0 && same, devices.1 && same)
        };
        match allowed {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }

    /// The time chunk of a value chunk.
    fn time_of(&self, candidate: &Candidate<'_>, owner: &Owner<'_>) -> Option<u64> {
        candidate.found.and_then(|found| found.time).or_else(|| {
            let times = self.told_times.get(&owner.device)?.as_ref()?;
            let before = times.partition_point(|&time| time < candidate.offset);
            before.checked_sub(1).map(|index| times[index])
        })
    }

    /// Takes the times of a time chunk, by page, out of the judge; `None` if they cannot be read.
    fn times(&mut self, offset: u64) -> Result<Option<Vec<Int64Array>>, TsFileError> {
        if let Some((known, times)) = self.times.take()
            && known == offset
        {
            return Ok(times);
        }
        let said = self.told.chunks.get(&offset).and_then(|told| told.first()).map(|told| &told.statistics);
        let decoded = match unless_damaged(page::chunk(self.reader, offset, said, None))? {
            Err(_) if said.is_some() => unless_damaged(page::chunk(self.reader, offset, None, None))?,
            decoded => decoded,
        };
        Ok(decoded.ok().map(|decoded| decoded.times))
    }
}

/// Adds a chunk to those of its series.
fn add(
    devices: &mut BTreeMap<DeviceId, DeviceMeta>,
    owner: &Owner<'_>,
    chunk: ChunkMeta,
) -> Result<(), &'static str> {
    let Owner { device, measurement, data_type, .. } = owner;
    let aligned = data_type.is_none() || chunk.time_offset.is_some();
    if let Some(known) = devices.get(device)
        && known.is_aligned() != aligned
    {
        return Err("the device is aligned and is not");
    }
    let known = devices.entry(device.clone()).or_insert_with(|| DeviceMeta {
        device: device.clone(),
        time: None,
        series: Vec::new(),
    });
    let new = || SeriesMeta {
        measurement: Arc::clone(measurement),
        data_type: *data_type,
        statistics: Statistics::empty(*data_type),
        chunks: Vec::new(),
    };
    let series = if data_type.is_none() {
        known.time.get_or_insert_with(new)
    } else {
        let found = known.series.binary_search_by(|series| series.measurement.cmp(measurement));
        let index = found.unwrap_or_else(|index| {
            known.series.insert(index, new());
            index
        });
        &mut known.series[index]
    };
    if series.data_type != *data_type {
        return Err("the series is of another type before");
    }
    series.statistics.merge(&chunk.statistics);
    series.chunks.push(chunk);
    Ok(())
}
