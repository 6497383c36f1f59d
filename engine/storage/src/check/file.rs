//! One sealed file: checksums, then all that stands in it.

use std::{io, sync::Arc};

use levada_tsfile::{Flaw, TsFileReader};

use super::{holed::Holed, unsummed::Unsummed};
use crate::{
    Finding, StorageError,
    disk::Disk,
    sealed::{FileBytes, SealedFile},
};

/// A sealed file as far as it can be opened.
pub(super) enum Readable {
    /// Every byte that is read is checked.
    Summed(TsFileReader<FileBytes>),
    /// Some blocks of it are damaged, none of them of its index.
    Holed(Holed),
    /// Its checksums are lost.
    Unsummed(TsFileReader<Unsummed>),
    /// Nothing of it can be read.
    No,
}

const KEPT: &str = "what can be read is written to a new file, this one moved into `lost`";

/// Reads all of a sealed file; says what is wrong with it, and gives what can be read.
pub(super) fn inspect(file: &SealedFile, disk: &Arc<dyn Disk>) -> (Vec<Finding>, Readable) {
    let mut findings = Vec::new();
    let bytes = match FileBytes::open(&**disk, &file.path) {
        Ok(bytes) => bytes,
        Err(error) => return without_sums(file, disk, &error),
    };
    let bad = match bytes.verify() {
        Ok(blocks) => blocks,
        Err(error) => {
            findings.push(unreadable(file, &error));
            Vec::new()
        }
    };
    let block = bytes.block();
    findings.extend(bad.chunk_by(|a, b| a + block == *b).map(|blocks| {
        let bytes = blocks.len() as u64 * block;
        error(file, "the checksums of these bytes do not fit").at(blocks[0]).spanning(bytes)
    }));
    if !bad.is_empty()
        && let Some(holed) = Holed::open(file, disk, &bad, block)
    {
        findings.extend(holed.lost().into_iter().map(|lost| {
            let finding = error(file, "pages are, or their times are, in bytes whose checksums do not fit");
            let means =
                format!("{} of {} values from {} to {} are lost", lost.values, lost.of, lost.start, lost.end);
            Finding { series: Some(lost.series), ..finding.at(lost.offset).means(means) }
        }));
        return (findings, Readable::Holed(holed));
    }
    match TsFileReader::inspect(bytes) {
        Ok((reader, flaws)) => {
            if bad.is_empty() {
                findings.extend(flaws.into_iter().map(|flaw| of_flaw(file, flaw)));
            } else {
                findings.extend(behind_bad_sums(file, disk, Some(&reader)));
            }
            (findings, Readable::Summed(reader))
        }
        Err(failure) => {
            findings.push(
                error(file, failure.to_string()).means(all_of(file)).repaired_by("it is moved into `lost`"),
            );
            findings.extend(behind_bad_sums(file, disk, None));
            (findings, Readable::No)
        }
    }
}

/// Looks behind checksums that do not fit, to say what is lost: what is damaged, and what cannot be told from it.
fn behind_bad_sums(
    file: &SealedFile,
    disk: &Arc<dyn Disk>,
    kept: Option<&TsFileReader<FileBytes>>,
) -> Vec<Finding> {
    let Ok(opened) = disk.open(&file.path) else { return Vec::new() };
    let Ok((all, flaws)) = TsFileReader::inspect(Unsummed { file: opened }) else { return Vec::new() };
    let mut findings: Vec<Finding> = flaws.into_iter().map(|flaw| of_flaw(file, flaw)).collect();
    for id in all.devices().unwrap_or_default() {
        let Ok(Some(device)) = all.device(&id) else { continue };
        let kept = kept.and_then(|kept| kept.device(&id).ok().flatten());
        for series in &device.series {
            let of_kept = kept.iter().flat_map(|kept| &kept.series);
            let kept: Vec<u64> = of_kept
                .filter(|kept| kept.measurement == series.measurement)
                .flat_map(|kept| kept.chunks.iter().map(|chunk| chunk.offset))
                .collect();
            let lost: Vec<_> = series.chunks.iter().filter(|chunk| !kept.contains(&chunk.offset)).collect();
            let Some(first) = lost.first() else { continue };
            let count: u64 = lost.iter().map(|chunk| chunk.statistics.count()).sum();
            let start = lost.iter().map(|chunk| chunk.statistics.start()).min().unwrap_or_default();
            let end = lost.iter().map(|chunk| chunk.statistics.end()).max().unwrap_or_default();
            let finding = error(file, "chunks are, or their times are, in bytes whose checksums do not fit");
            findings.push(Finding {
                series: Some(format!("{id}.{}", series.measurement)),
                ..finding.at(first.offset).means(format!("{count} values from {start} to {end} are lost"))
            });
        }
    }
    findings
}

fn without_sums(file: &SealedFile, disk: &Arc<dyn Disk>, why: &io::Error) -> (Vec<Finding>, Readable) {
    let opened = match disk.open(&file.path) {
        Ok(opened) => opened,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            let finding = error(file, "the manifest names this file, and it is not there")
                .means(all_of(file))
                .repaired_by("the manifest names it no more");
            return (vec![finding], Readable::No);
        }
        Err(error) => return (vec![unreadable(file, &error)], Readable::No),
    };
    let sums = error(file, format!("its checksums cannot be used: {why}"))
        .means("the store does not read it: nothing would tell values that are damaged")
        .repaired_by("values that agree with the statistics in the file are written to a new file, this one moved into `lost`");
    let mut findings = vec![sums];
    match TsFileReader::inspect(Unsummed { file: opened }) {
        Ok((reader, flaws)) => {
            findings.extend(flaws.into_iter().map(|flaw| of_flaw(file, flaw)));
            (findings, Readable::Unsummed(reader))
        }
        Err(failure) => {
            findings.push(error(file, failure.to_string()).means(all_of(file)));
            (findings, Readable::No)
        }
    }
}

fn error(file: &SealedFile, what: impl Into<String>) -> Finding {
    Finding::error(&file.path, what)
        .means("queries of what stands there fail; it is told below where that is known")
        .repaired_by(KEPT)
}

fn unreadable(file: &SealedFile, why: &io::Error) -> Finding {
    error(file, format!("it cannot be read: {why}"))
        .means(all_of(file))
        .repaired_by("it is moved into `lost`")
}

fn all_of(file: &SealedFile) -> String {
    let meta = &file.meta;
    format!("its {} values from {} to {} cannot be read", meta.points, meta.range.start, meta.range.end)
}

fn of_flaw(file: &SealedFile, flaw: Flaw) -> Finding {
    let series = flaw.series();
    let means = flaw.meaning();
    let finding = Finding {
        series,
        bytes: flaw.bytes,
        ..error(file, format!("{}: {}", flaw.part.name(), flaw.what)).at(flaw.offset)
    };
    finding.means(means)
}

/// The error of a file that cannot be kept.
pub(super) fn nothing(file: &SealedFile) -> StorageError {
    StorageError::Damaged {
        path: file.path.clone(),
        offset: 0,
        reason: "nothing of it can be read".to_owned(),
    }
}
