//! Reads the log back.

use std::{
    cmp::Ordering,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_model::StatusCode;

use super::{
    LogEnd, Op,
    end::GIVEN_UP,
    segment::{self, HEAD, Head, VERSION, newer_version, number},
    state::ClosedSegment,
};
use crate::{
    Finding, Severity, StorageError,
    codec::Take,
    disk::{Disk, read_whole},
    frame::{Frame, Frames, is_torn},
};

/// The extension of a segment that is being copied.
const COPY: &str = "tmp";

/// What reading the log gave beside its records.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// The segments, in order.
    pub(crate) segments: Vec<ClosedSegment>,
    /// The number of the first write in it; `None` where there is none.
    pub(crate) first_seq: Option<u64>,
    /// The highest number seen.
    pub(crate) last_seq: u64,
    /// The first numbers that are missing, beyond what need not be there: the first and the last.
    missing: Option<(u64, u64)>,
    /// The number of the first write in the segment that was read last.
    segment_first: Option<u64>,
    /// The last segment whose head is whole, whatever its file is called; 0 where there is none.
    newest: u64,
    /// Whether something is damaged or gone; a file under another's name alone is neither.
    is_damaged: bool,
    /// What was wrong.
    pub(crate) findings: Vec<Finding>,
}

impl Replayed {
    /// Whether the log begins no later than it has to, where all up to `floor` is elsewhere; `false` for one without writes.
    pub(crate) fn follows(&self, floor: u64) -> bool {
        self.first_seq.is_some_and(|first| first <= floor.saturating_add(1))
    }

    /// Whether an error was found.
    fn has_error(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// What is missing of a log that has no damage: files of it that are gone.
    fn gap(&self, dir: &Path) -> Option<Finding> {
        let (first, last) = self.missing?;
        if self.has_error() {
            return None;
        }
        let what = format!("the writes {first} to {last} are not in the log: a file of it is gone");
        Some(Finding::error(dir, what).means("what they stored is lost").repaired_by(GIVEN_UP).blocking())
    }

    /// Says what is missing at the end of a log that should reach to `end`, where all up to `floor` is elsewhere. Where damage
    /// was met, that is what is missing.
    pub(crate) fn miss(&mut self, dir: &Path, end: LogEnd, floor: u64) {
        if self.is_damaged {
            return;
        }
        if let Some(missing) = end.missing(self.newest, self.last_seq.max(floor), dir) {
            // What looks as a crash leaves it did not come of one.
            self.findings.retain(|finding| finding.severity == Severity::Error);
            self.findings.push(missing);
        }
    }

    /// Takes note of a record.
    fn note(&mut self, seq: u64, op: &Op, floor: Option<u64>) {
        let first = op.first_seq(seq);
        if let Some(floor) = floor {
            let expected = self.last_seq.max(floor).saturating_add(1);
            if first > expected {
                self.missing.get_or_insert((expected, first - 1));
            }
        }
        self.first_seq.get_or_insert(first);
        self.segment_first.get_or_insert(first);
        self.last_seq = seq;
    }
}

/// Reads all segments in a folder, in order, and hands every record to `apply`.
///
/// What is damaged is left out and told of, as is a record whose number does not grow, so that none counts twice. A torn
/// end of the last segment is as a crash leaves it, and does not count. Of segments that hold nothing behind `floor`, which
/// are not needed, nothing is told: a power cut may bring them back in any state. Where `floor` is not known, all is told but what
/// is missing.
///
/// # Errors
/// A segment cannot be read at all; `apply` failed.
pub(crate) fn replay(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    floor: Option<u64>,
    mut apply: impl FnMut(u64, Op) -> Result<(), StorageError>,
) -> Result<Replayed, StorageError> {
    let files = found(disk, dir)?;
    let newest = files.iter().filter_map(|file| file.head).map(|head| head.number).max().unwrap_or(0);
    let mut replayed = Replayed { newest, ..Replayed::default() };
    for (at, file) in files.iter().enumerate() {
        let bytes = read(disk, &file.path)?;
        let last = at + 1 == files.len();
        let told = replayed.findings.len();
        replayed.segment_first = None;
        let mut apply = |replayed: &mut Replayed, seq, op| {
            replayed.note(seq, &op, floor);
            apply(seq, op)
        };
        let len = records(file, &bytes, file.counts(&files[at + 1..]), last, &mut replayed, &mut apply)?;
        if let (Some(first), Some(floor)) = (replayed.segment_first, floor)
            && first <= floor.saturating_add(1)
        {
            replayed.findings.drain(..told);
        }
        let last_seq = replayed.last_seq;
        // What is begun next takes neither a name nor a number that is taken.
        let number = file.number.max(file.place());
        replayed.segments.push(ClosedSegment { number, path: file.path.clone(), last_seq, len });
    }
    replayed.findings.extend(replayed.gap(dir));
    replayed.is_damaged = replayed.has_error();
    let misnamed = files.iter().filter(|file| file.is_misnamed);
    replayed.findings.extend(misnamed.map(|file| file.misnamed(dir)));
    in_order(&mut replayed.segments);
    Ok(replayed)
}

/// Puts segments in the order of their numbers, in which they are freed: none goes before all in it, and in those before it,
/// is elsewhere.
fn in_order(segments: &mut [ClosedSegment]) {
    segments.sort_by_key(|segment| segment.number);
    let mut last_seq = 0;
    for segment in segments {
        last_seq = last_seq.max(segment.last_seq);
        segment.last_seq = last_seq;
    }
}

/// A file of the log.
#[derive(Debug)]
struct Found {
    /// By its name.
    number: u64,
    path: PathBuf,
    head: Option<Head>,
    /// Whether its head says that it has another name: it was renamed, or is a copy.
    is_misnamed: bool,
}

impl Found {
    /// Which segment it is: its head knows better than its name.
    fn place(&self) -> u64 {
        self.head.map_or(self.number, |head| head.number)
    }

    /// How much of it counts; `None` where nothing says so. The next head does: of the segment it names, and nothing of one
    /// that it passes over, which could not be begun. The head of a file under another's name says nothing of others, nor others
    /// anything of that.
    fn counts(&self, behind: &[Self]) -> Option<u64> {
        if self.is_misnamed {
            return None;
        }
        let next = behind.iter().filter(|file| !file.is_misnamed).find_map(|file| file.head)?;
        match next.before.cmp(&self.number) {
            Ordering::Less => Some(0),
            Ordering::Equal => Some(next.before_len),
            Ordering::Greater => None,
        }
    }

    /// Tells of a file under another's name.
    fn misnamed(&self, dir: &Path) -> Finding {
        let right = segment::path(dir, self.place());
        let what = format!("the file stands under another's name: by its head it is {}", right.display());
        tracing::error!(path = %self.path.display(), what, "the log has a file that was renamed or copied");
        Finding::error(&self.path, what)
            .means("what it holds counts; what the file of this name held is lost, unless it stands under another name")
            .repaired_by(
                "all records that are there are kept in sealed files; the log as it was is copied into `lost`; where there \
                 is a copy of the right file, put that back instead",
            )
    }
}

/// The files of a log, as they were written: a copy comes behind the file that it is of.
fn found(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Vec<Found>, StorageError> {
    let mut files = Vec::new();
    for path in disk.files(dir).map_err(StorageError::io("cannot list", dir))? {
        let Some(number) = number(&path) else { continue };
        let head = head(disk, &path)?;
        let right = head.map(|head| segment::path(dir, head.number));
        let is_misnamed = right.is_some_and(|right| right.file_name() != path.file_name());
        files.push(Found { number, path, head, is_misnamed });
    }
    files.sort_by(|a, b| (a.place(), a.is_misnamed, &a.path).cmp(&(b.place(), b.is_misnamed, &b.path)));
    Ok(files)
}

/// Makes what was read of the log durable, as far as it is needed: all but the last segment with records is, since syncs
/// of later ones succeeded, and that one is replaced by a copy.
///
/// # Errors
/// It cannot be copied.
pub(crate) fn make_durable(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[ClosedSegment],
    floor: u64,
) -> Result<(), StorageError> {
    let leftovers = disk.files(dir).map_err(StorageError::io("cannot list", dir))?;
    for path in leftovers.iter().filter(|path| path.extension().is_some_and(|extension| extension == COPY)) {
        disk.remove(path).map_err(StorageError::io("cannot remove", path))?;
    }
    let Some(last) = segments.iter().rfind(|segment| segment.len > HEAD as u64) else { return Ok(()) };
    if last.last_seq <= floor {
        return Ok(());
    }
    let copied = last.path.with_extension(COPY);
    let copy = || {
        let bytes = read_whole(disk, &last.path)?;
        let mut file = disk.create(&copied)?;
        file.write_all(bytes.get(..usize::try_from(last.len).unwrap_or(usize::MAX)).unwrap_or(&bytes))?;
        file.sync()?;
        disk.rename(&copied, &last.path)?;
        disk.sync_dir(dir)
    };
    copy().map_err(StorageError::io("cannot write anew", &last.path))
}

fn head(disk: &Arc<dyn Disk>, path: &Path) -> Result<Option<Head>, StorageError> {
    let mut bytes = [0; HEAD];
    let file = disk.open(path).map_err(StorageError::io("cannot open", path))?;
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok(Head::parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(StorageError::io("cannot read", path)(error)),
    }
}

fn read(disk: &Arc<dyn Disk>, path: &Path) -> Result<Vec<u8>, StorageError> {
    read_whole(&**disk, path).map_err(StorageError::io("cannot read", path))
}

/// Reads one segment; gives the length of it that counts.
fn records(
    file: &Found,
    bytes: &[u8],
    counts: Option<u64>,
    last: bool,
    replayed: &mut Replayed,
    apply: &mut impl FnMut(&mut Replayed, u64, Op) -> Result<(), StorageError>,
) -> Result<u64, StorageError> {
    let path = file.path.as_path();
    check_head(path, bytes, counts, replayed)?;
    let counted = counts
        .and_then(|counts| usize::try_from(counts).ok())
        .map_or(bytes.len(), |counts| counts.min(bytes.len()));
    // A head alone may be lost: nothing of a segment without records was ever acknowledged.
    if let Some(counts) = counts.filter(|&counts| counts > HEAD as u64 && counts > bytes.len() as u64) {
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
                if seq <= replayed.last_seq && file.is_misnamed {
                    // A copy, and that is told of the file.
                    continue;
                }
                if seq <= replayed.last_seq {
                    let what = "a record of the log comes a second time, or too late; it does not count";
                    finding(replayed, path, at as u64, what.to_owned());
                    continue;
                }
                apply(replayed, seq, op)?;
            }
            Frame::Damage { at, end } => {
                let what = format!("{} bytes of the log are damaged; what they held is lost", end - at);
                finding(replayed, path, at as u64, what);
            }
            Frame::Torn { at } => {
                let length = counted - at;
                if last && is_torn(&bytes[at..counted], at as u64) {
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

/// Finds out whether a segment's head is whole, or need not be.
///
/// # Errors
/// A newer program wrote it.
fn check_head(
    path: &Path,
    bytes: &[u8],
    counts: Option<u64>,
    replayed: &mut Replayed,
) -> Result<(), StorageError> {
    // A crash may have come before the head was whole, and then nothing is behind it that counts: as the next head says, if
    // that did not meet the same.
    let empty = match counts {
        Some(counts) => counts <= HEAD as u64,
        None => bytes.len() < HEAD || bytes.iter().all(|&byte| byte == 0),
    };
    if Head::parse(bytes).is_none() && !empty {
        if let Some(version) = newer_version(bytes) {
            let message = format!(
                "{}: the log segment is of version {version}, newer than this program, which reads version {VERSION}: \
                 open the folder with the program that wrote it",
                path.display()
            );
            return Err(StorageError::rejected(StatusCode::INCOMPATIBLE_VERSION, message));
        }
        finding(replayed, path, 0, "the head of a log segment is damaged".to_owned());
    }
    Ok(())
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
