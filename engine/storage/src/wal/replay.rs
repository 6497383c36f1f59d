//! Reads the log back.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Op,
    committer::ClosedSegment,
    segment::{HEAD, Head, number},
};
use crate::{
    Finding, StorageError,
    codec::Take,
    disk::{Disk, read_whole},
    frame::{Frame, Frames, is_torn},
};

/// What reading the log gave beside its records.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// The segments, in order.
    pub(crate) segments: Vec<ClosedSegment>,
    /// The highest number seen.
    pub(crate) last_seq: u64,
    /// What was wrong.
    pub(crate) findings: Vec<Finding>,
}

/// Reads all segments in a folder, in order, and hands every record to `apply`.
///
/// What is damaged is left out and told of, as is a record whose number does not grow, so that none counts twice. A torn
/// end of the last segment is as a crash leaves it, and does not count.
///
/// # Errors
/// A segment cannot be read at all; `apply` failed.
pub(crate) fn replay(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    mut apply: impl FnMut(u64, Op) -> Result<(), StorageError>,
) -> Result<Replayed, StorageError> {
    let mut paths: Vec<(u64, PathBuf)> = disk
        .files(dir)
        .map_err(StorageError::io("cannot list", dir))?
        .into_iter()
        .filter_map(|path| Some((number(&path)?, path)))
        .collect();
    paths.sort();
    let mut replayed = Replayed::default();
    let mut next_bytes = None;
    for at in 0..paths.len() {
        let (number, path) = &paths[at];
        let bytes = match next_bytes.take() {
            Some(bytes) => bytes,
            None => read(disk, path)?,
        };
        // The head of the next segment says how much of this one counts.
        let mut counts = None;
        if let Some((_, next)) = paths.get(at + 1) {
            let following = read(disk, next)?;
            counts =
                Head::parse(&following).filter(|head| head.before == *number).map(|head| head.before_len);
            next_bytes = Some(following);
        }
        let last = at + 1 == paths.len();
        let len = segment(path, &bytes, counts, last, &mut replayed, &mut apply)?;
        let last_seq = replayed.last_seq;
        replayed.segments.push(ClosedSegment { number: *number, path: path.clone(), last_seq, len });
    }
    Ok(replayed)
}

fn read(disk: &Arc<dyn Disk>, path: &Path) -> Result<Vec<u8>, StorageError> {
    read_whole(&**disk, path).map_err(StorageError::io("cannot read", path))
}

/// Reads one segment; gives the length of it that counts.
fn segment(
    path: &Path,
    bytes: &[u8],
    counts: Option<u64>,
    last: bool,
    replayed: &mut Replayed,
    apply: &mut impl FnMut(u64, Op) -> Result<(), StorageError>,
) -> Result<u64, StorageError> {
    // A crash may have come before the head was whole, and then nothing is behind it.
    if Head::parse(bytes).is_none() && (!last || bytes.len() >= HEAD) {
        finding(replayed, path, 0, "the head of a log segment is damaged".to_owned());
    }
    let counted = counts
        .and_then(|counts| usize::try_from(counts).ok())
        .map_or(bytes.len(), |counts| counts.min(bytes.len()));
    if let Some(counts) = counts.filter(|&counts| counts > bytes.len() as u64) {
        let what = format!("{} bytes of the log are missing at its end", counts - bytes.len() as u64);
        finding(replayed, path, bytes.len() as u64, what);
    }
    let mut len = HEAD.min(bytes.len());
    for frame in Frames::new(&bytes[..counted], HEAD) {
        match frame {
            Frame::Record { at, payload } => {
                len = at + crate::frame::HEAD + payload.len();
                let mut from = Take(payload);
                let Some((seq, op)) = from.u64().ok().and_then(|seq| Some((seq, Op::parse(&mut from).ok()?)))
                else {
                    finding(replayed, path, at as u64, "a record of the log cannot be understood".to_owned());
                    continue;
                };
                if seq <= replayed.last_seq {
                    let what = "a record of the log comes a second time, or too late; it does not count";
                    finding(replayed, path, at as u64, what.to_owned());
                    continue;
                }
                replayed.last_seq = seq;
                apply(seq, op)?;
            }
            Frame::Damage { at, end } => {
                let what = format!("{} bytes of the log are damaged; what they held is lost", end - at);
                finding(replayed, path, at as u64, what);
            }
            Frame::Torn { at } => {
                let length = counted - at;
                if last && is_torn(&bytes[at..counted]) {
                    let what = format!(
                        "the last {length} bytes of the log are torn, as a crash leaves what was never acknowledged; they do not count"
                    );
                    tracing::warn!(path = %path.display(), offset = at, what, "the log ends in a record that was not finished");
                    let torn = Finding::note(path, what).at(at as u64).spanning(length as u64);
                    replayed.findings.push(
                        torn.means("nothing is lost that was acknowledged")
                            .repaired_by("nothing: opening the folder cuts them"),
                    );
                } else {
                    let what = format!(
                        "the last {length} bytes of the log segment are damaged; what they held is lost"
                    );
                    finding(replayed, path, at as u64, what);
                }
            }
        }
    }
    Ok(len as u64)
}

fn finding(replayed: &mut Replayed, path: &Path, offset: u64, what: String) {
    tracing::error!(path = %path.display(), offset, what, "damage in the log");
    replayed.findings.push(
        Finding::error(path, what)
            .at(offset)
            .means("rows or changes of the catalog that were written last may be missing")
            .repaired_by(
                "all other records are kept in sealed files; the log as it was is copied into `lost`",
            ),
    );
}
