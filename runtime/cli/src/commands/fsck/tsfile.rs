//! One TsFile: every page of it is decoded.

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::Context;
use levada_model::Value;
use levada_tsfile::{
    ChunkMeta, ChunkReader, DeviceMeta, EncodedAligned, EncodedChunk, Page, SeriesMeta, Statistics,
    TsFileError, TsFileReader, TsFileWriter, WriterOptions,
};

use super::{Found, Outcome, lost_beside};

type Reader = TsFileReader<File>;

pub(super) fn run(path: &Path, repair: bool) -> anyhow::Result<Outcome> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut findings = Findings { path, list: Vec::new() };
    let reader = match TsFileReader::salvage(file) {
        Ok(reader) => reader,
        Err(error) => {
            findings.error(&error);
            return Ok(findings.outcome(None, false));
        }
    };
    if !reader.is_sealed() {
        let what = "the file's end or its index is missing or damaged; what stands before is whole chunk groups and \
                    can be read, what follows is lost";
        findings.push(Some(reader.data_end()), what.to_owned());
    }
    let good = readable(&reader, &mut findings);
    if !repair || findings.list.is_empty() {
        let clean = findings.list.is_empty();
        return Ok(findings.outcome(None, clean));
    }
    let part = path.with_extension("tsfile.part");
    let kept = write(&reader, &good, &part).with_context(|| format!("cannot write {}", part.display()))?;
    let lost = lost_beside(path);
    fs::create_dir_all(&lost).with_context(|| format!("cannot create {}", lost.display()))?;
    let old = lost.join(path.file_name().unwrap_or_default());
    fs::rename(path, &old).with_context(|| format!("cannot move {} to {}", path.display(), old.display()))?;
    fs::rename(&part, path).with_context(|| format!("cannot move {} into place", part.display()))?;
    findings.push(None, format!("kept {kept} values; the file as it was is {}", old.display()));
    Ok(findings.outcome(Some(lost), true))
}

struct Findings<'a> {
    path: &'a Path,
    list: Vec<Found>,
}

impl Findings<'_> {
    fn push(&mut self, offset: Option<u64>, what: String) {
        self.list.push(Found { file: self.path.to_owned(), offset, what });
    }

    fn error(&mut self, error: &TsFileError) {
        match error {
            TsFileError::Damaged { offset, reason } => self.push(Some(*offset), reason.clone()),
            error => self.push(None, error.to_string()),
        }
    }

    fn outcome(self, lost: Option<std::path::PathBuf>, clean: bool) -> Outcome {
        Outcome { path: self.path.to_owned(), findings: self.list, clean, lost }
    }
}

/// What can be read of each device: its meta with the damaged chunks left out.
fn readable(reader: &Reader, findings: &mut Findings<'_>) -> Vec<DeviceMeta> {
    let devices = reader.devices().unwrap_or_else(|error| {
        findings.error(&error);
        Vec::new()
    });
    let mut good = Vec::new();
    for id in devices {
        match reader.device(&id) {
            Ok(Some(mut device)) => {
                let times: Vec<_> = device.time.iter().flat_map(|time| time.chunks.clone()).collect();
                let mut bad_times = Vec::new();
                for chunk in times {
                    if let Err(error) = check_times(reader, &chunk) {
                        findings.error(&error);
                        bad_times.push(chunk.offset);
                    }
                }
                if let Some(time) = &mut device.time {
                    time.chunks.retain(|chunk| !bad_times.contains(&chunk.offset));
                }
                for series in &mut device.series {
                    series.chunks.retain(|chunk| chunk.time_offset.is_none_or(|at| !bad_times.contains(&at)));
                    retain_readable(reader, &id.to_string(), series, findings);
                }
                good.push(device);
            }
            Ok(None) => {}
            Err(error) => findings.error(&error),
        }
    }
    good
}

fn retain_readable(reader: &Reader, device: &str, series: &mut SeriesMeta, findings: &mut Findings<'_>) {
    let name = series.measurement.to_string();
    series.chunks.retain(|chunk| match check_chunk(reader, chunk) {
        Ok(()) => true,
        Err(error) => {
            let (count, (start, end)) =
                (chunk.statistics.count(), (chunk.statistics.start(), chunk.statistics.end()));
            let what =
                format!("{count} values of {device}.{name} from {start} to {end} cannot be read: {error}");
            findings.push(Some(chunk.offset), what);
            false
        }
    });
}

/// Decodes all pages of a time chunk.
fn check_times(reader: &Reader, chunk: &ChunkMeta) -> Result<(), TsFileError> {
    let times = reader.read_chunk(chunk)?;
    (0..times.pages().len()).try_for_each(|index| times.read_times(index).map(drop))
}

/// Decodes all pages of a chunk and compares what they hold with what the index says of it.
fn check_chunk(reader: &Reader, chunk: &ChunkMeta) -> Result<(), TsFileError> {
    if chunk.statistics.count() == 0 {
        return Ok(());
    }
    let values = reader.read_chunk(chunk)?;
    let times = chunk.time_offset.map(|_| reader.read_time_chunk(chunk)).transpose()?;
    let mut found: Option<Statistics> = None;
    for index in 0..values.pages().len() {
        let page = page(&values, times.as_ref(), index)?;
        if let Some(data_type) = chunk.statistics.data_type() {
            let page = Statistics::of(data_type, page.times.values(), &page.values);
            match &mut found {
                Some(found) => found.merge(&page),
                None => found = Some(page),
            }
        }
    }
    let (said, Some(found)) = (&chunk.statistics, found) else { return Ok(()) };
    let differs = |what| Err(TsFileError::Damaged { offset: chunk.offset, reason: what });
    if (found.count(), found.start(), found.end()) != (said.count(), said.start(), said.end()) {
        return differs("times are not those that the index tells of".to_owned());
    }
    if !same(found.min(), said.min()) || !same(found.max(), said.max()) || !same(found.last(), said.last()) {
        return differs("values are not those that the index tells of".to_owned());
    }
    Ok(())
}

/// Whether two values of statistics agree, where both are there. Servers differ in what they hold NaN for.
fn same(found: Option<Value>, said: Option<Value>) -> bool {
    let is_nan = |value: &Value| match value {
        Value::Float(value) => value.is_nan(),
        Value::Double(value) => value.is_nan(),
        _ => false,
    };
    match (found, said) {
        (Some(found), Some(said)) => found == said || is_nan(&found) || is_nan(&said),
        _ => true,
    }
}

fn page(values: &ChunkReader, times: Option<&ChunkReader>, index: usize) -> Result<Page, TsFileError> {
    match times {
        Some(times) => values.read_rows(index, &times.read_times(index)?),
        None => values.read_page(index),
    }
}

/// Copies readable chunks into a new file; how many values that are.
fn write(reader: &Reader, good: &[DeviceMeta], to: &Path) -> anyhow::Result<u64> {
    let mut writer = TsFileWriter::new(File::create(to)?, reader.version(), WriterOptions::default())?;
    for device in good {
        writer.start_chunk_group(&device.device)?;
        match &device.time {
            Some(time) => {
                for group in &time.chunks {
                    let columns: Result<Vec<EncodedChunk>, _> = device
                        .series
                        .iter()
                        .filter_map(|series| {
                            series.chunks.iter().find(|chunk| chunk.time_offset == Some(group.offset))
                        })
                        .filter(|chunk| chunk.statistics.count() > 0)
                        .map(|chunk| reader.copy_chunk(chunk))
                        .collect();
                    writer.append_aligned(EncodedAligned::try_new(reader.copy_chunk(group)?, columns?)?)?;
                }
            }
            None => {
                for chunk in device.series.iter().flat_map(|series| &series.chunks) {
                    writer.append(reader.copy_chunk(chunk)?)?;
                }
            }
        }
    }
    let (file, summary) = writer.finish()?;
    file.sync_all()?;
    Ok(summary.points)
}
