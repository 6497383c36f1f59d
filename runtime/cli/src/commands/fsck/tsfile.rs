//! One TsFile: every byte of it is accounted for, every page decoded.

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::Context;
use levada_tsfile::{
    DeviceMeta, EncodedAligned, EncodedChunk, Flaw, TsFileError, TsFileReader, TsFileWriter, WriterOptions,
};

use super::{Done, ERROR, Found, Outcome, lost_beside};

type Reader = TsFileReader<File>;

const KEPT: &str = "what can be read is written to a new file of this name, this one moved into `lost`";

pub(super) fn run(path: &Path, repair: bool) -> anyhow::Result<Outcome> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let (reader, flaws) = match TsFileReader::inspect(file) {
        Ok(inspected) => inspected,
        Err(error) => {
            let (offset, what) = match error {
                TsFileError::Damaged { offset, reason } => (Some(offset), reason),
                error => (None, error.to_string()),
            };
            let found = Found {
                offset,
                means: "nothing of it can be read".to_owned(),
                repair: "nothing: the file stays as it is".to_owned(),
                ..found(path, what)
            };
            return Ok(Outcome::new(path, vec![found]));
        }
    };
    let mut outcome = Outcome::new(path, flaws.into_iter().map(|flaw| of_flaw(path, flaw)).collect());
    if !repair || outcome.clean {
        return Ok(outcome);
    }
    let part = path.with_extension("tsfile.part");
    let kept = write(&reader, &part).with_context(|| format!("cannot write {}", part.display()))?;
    let lost = lost_beside(path);
    fs::create_dir_all(&lost).with_context(|| format!("cannot create {}", lost.display()))?;
    let old = free(&lost, path);
    fs::rename(path, &old).with_context(|| format!("cannot move {} to {}", path.display(), old.display()))?;
    fs::rename(&part, path).with_context(|| format!("cannot move {} into place", part.display()))?;
    let what = format!("kept {kept} values; the file as it was is {}", old.display());
    outcome.done.push(Done { file: path.to_owned(), what });
    (outcome.clean, outcome.lost) = (true, Some(lost));
    Ok(outcome)
}

/// A name in the folder that nothing has yet: what was moved there before stays.
fn free(lost: &Path, path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default();
    let numbered = (1..).map(|number| lost.join(format!("{}.{number}", name.to_string_lossy())));
    std::iter::once(lost.join(name))
        .chain(numbered)
        .find(|to| !to.exists())
        .unwrap_or_else(|| lost.join(name))
}

fn found(path: &Path, what: String) -> Found {
    Found {
        severity: ERROR,
        file: path.to_owned(),
        offset: None,
        bytes: None,
        series: None,
        what,
        means: String::new(),
        repair: KEPT.to_owned(),
    }
}

fn of_flaw(path: &Path, flaw: Flaw) -> Found {
    Found {
        offset: Some(flaw.offset),
        bytes: flaw.bytes,
        series: flaw.series(),
        means: flaw.meaning(),
        ..found(path, format!("{}: {}", flaw.part.name(), flaw.what))
    }
}

/// Copies readable chunks into a new file; how many values that are.
fn write(reader: &Reader, to: &Path) -> anyhow::Result<u64> {
    let mut writer = TsFileWriter::new(File::create(to)?, reader.version(), WriterOptions::default())?;
    for id in reader.devices()? {
        let Some(device): Option<DeviceMeta> = reader.device(&id)? else { continue };
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
