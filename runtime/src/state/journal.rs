//! The journal of one transform's states: a folder of files, each of which begins with a whole state.
//!
//! ```text
//!   window.state/
//!     00000000000000000000.log   whole 0 │ change 1 │ change 2 │ settled 1 │ change 3 │ …
//!     00000000000000000812.log   whole 812 │ change 813 │ …          begun when the changes outgrew the whole
//! ```
//!
//! A version is durable before what was emitted with it is sent on, so a sink never stands at a version that is not here.
//! Which version a run begins with is decided by those behind it; later ones are given up by a note behind them. Their numbers are
//! not given again, as a sink may know one of them. What was emitted with a version is in its record, where several are behind and
//! one of them is a transform with state: whoever lacks it gets it from there.
//!
//! Two files behind the settled version are kept: a store that acknowledges before it syncs may fall back behind it by a power
//! cut.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use levada_model::Checkpoint;

use super::record::{Behind, Head, Targets, decode, encode};

/// How a file begins.
const MAGIC: &[u8] = b"levada state 1\n";

/// Changes of fewer bytes are no reason for a new file.
const CHANGES_AT_LEAST: u64 = 1 << 20;

/// So many bytes of what was emitted are none, either: a new file costs two syncs.
const EMITTED_AT_LEAST: u64 = 32 << 20;

/// What there is in a folder.
#[derive(Debug, Default)]
pub(crate) struct Found {
    versions: Vec<Saved>,
    abandoned: Vec<(u64, u64)>,
    files: Vec<(u64, PathBuf)>,
    /// How much of each file is whole records.
    lengths: BTreeMap<PathBuf, u64>,
    /// What is known to be settled, and by which sinks.
    pub(crate) settled: Option<(u64, Targets)>,
    /// Who is behind; `None` in a journal of a time before that was noted.
    pub(crate) behind: Option<Behind>,
    /// The highest version that was ever given.
    pub(crate) last: u64,
    /// The first file with bytes that are no record, and where they are.
    damage: Option<(PathBuf, usize)>,
}

#[derive(Debug)]
struct Saved {
    version: u64,
    whole: bool,
    positions: Checkpoint,
    file: PathBuf,
    state: Range<usize>,
    /// Where that is which was emitted with it, if it is kept.
    emitted: Option<Range<usize>>,
}

/// What was emitted with some versions, in their order.
pub(crate) type Emissions = VecDeque<(u64, Vec<u8>)>;

/// A version that was read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Recovered {
    pub(crate) version: u64,
    pub(crate) positions: Checkpoint,
    /// The whole state, then each change; none where there was no state yet.
    pub(crate) parts: Vec<Vec<u8>>,
}

/// The journal, open for more.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    file: File,
    /// How much of the file is whole records.
    length: u64,
    /// There may be more than `length` in it.
    torn: bool,
    /// The first version of each file.
    firsts: Vec<u64>,
    whole_bytes: u64,
    change_bytes: u64,
    /// Bytes of what was emitted that are in the file.
    emitted_bytes: u64,
    behind: Behind,
}

impl Saved {
    fn emitted_bytes(&self) -> u64 {
        self.emitted.as_ref().map_or(0, |emitted| emitted.len() as u64)
    }
}

impl Found {
    /// Looks at a folder; nothing is in one that is not there. Blocks.
    ///
    /// # Errors
    /// As the system says.
    pub(crate) fn look(folder: &Path) -> io::Result<Self> {
        let mut found = Self { files: files_of(folder)?, ..Self::default() };
        for (_, path) in found.files.clone() {
            found.read(&path)?;
        }
        Ok(found)
    }

    fn read(&mut self, path: &Path) -> io::Result<()> {
        let bytes = fs::read(path)?;
        let mut at = if bytes.starts_with(MAGIC) { MAGIC.len() } else { 0 };
        while let Some((head, state, length)) = bytes.get(at..).filter(|_| at > 0).and_then(decode) {
            match head {
                Head::Saved { version, whole, positions, emitted } => {
                    self.last = self.last.max(version);
                    let bytes = emitted.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
                    let parted = (at + state.end).saturating_sub(bytes.unwrap_or(0)).max(at + state.start);
                    let emitted = bytes.map(|_| parted..at + state.end);
                    let (file, state) = (path.to_owned(), at + state.start..parted);
                    self.versions.push(Saved { version, whole, positions, file, state, emitted });
                }
                Head::Settled { version, sinks } => self.settled = Some((version, sinks)),
                Head::Behind(behind) => self.behind = Some(behind),
                Head::Abandoned { after, upto } => {
                    self.last = self.last.max(upto);
                    self.versions.retain(|each| each.version <= after || each.version > upto);
                    self.abandoned.push((after, upto));
                }
            }
            at += length;
        }
        if at < bytes.len() || bytes.is_empty() {
            self.damage.get_or_insert((path.to_owned(), at));
        }
        self.lengths.insert(path.to_owned(), at as u64);
        Ok(())
    }

    /// Whether a transform of a pipeline may hold something by it.
    pub(crate) fn is_held_by(&self, pipeline: &str) -> bool {
        let owner = self.behind.as_ref().map_or("", |behind| &behind.pipeline);
        (owner.is_empty() || owner == pipeline) && self.versions.iter().any(|each| each.version > 0)
    }

    /// The version that stands for `asked`, with its positions.
    ///
    /// # Errors
    /// It is not there, in words.
    pub(crate) fn version(&self, asked: u64) -> Result<(u64, &Checkpoint), String> {
        let known = self.versions.iter().rev().find(|each| each.version <= asked);
        let stands = |each: &Saved| {
            let covers = |&(after, upto): &(u64, u64)| after <= each.version && upto >= asked;
            each.version == asked || self.abandoned.iter().any(covers)
        };
        if let Some(known) = known.filter(|each| stands(each)) {
            return Ok((known.version, &known.positions));
        }
        let why = match &self.damage {
            Some((file, at)) => format!("{} is damaged at byte {at}", file.display()),
            None if self.versions.is_empty() => "there is none at all".to_owned(),
            None => format!("the last one there is {}", self.versions.last().map_or(0, |each| each.version)),
        };
        Err(format!("version {asked} of the state is not there: {why}"))
    }

    /// Whether all is kept that was emitted with the versions behind `after` up to `upto`, both of which are there.
    pub(crate) fn keeps_emitted(&self, after: u64, upto: u64) -> bool {
        let mut at = after;
        for each in self.between(after, upto) {
            let was_given_up = |&(from, to): &(u64, u64)| from <= at && to + 1 >= each.version;
            let follows = each.version == at + 1 || self.abandoned.iter().any(was_given_up);
            if !follows || each.emitted.is_none() {
                return false;
            }
            at = each.version;
        }
        at == upto
    }

    /// Reads what was emitted with the versions behind `after` up to `upto`. Blocks.
    ///
    /// # Errors
    /// As the system says.
    pub(crate) fn emitted(&self, after: u64, upto: u64) -> io::Result<Emissions> {
        let mut all = VecDeque::new();
        let mut open: Option<(&Path, File)> = None;
        for Saved { version, file: path, emitted, .. } in self.between(after, upto) {
            let place = emitted.clone().ok_or(io::ErrorKind::NotFound)?;
            let file = match &mut open {
                Some((known, file)) if *known == path.as_path() => file,
                other => &mut other.insert((path.as_path(), File::open(path)?)).1,
            };
            let mut bytes = vec![0; place.len()];
            file.seek(SeekFrom::Start(place.start as u64))?;
            file.read_exact(&mut bytes)?;
            all.push_back((*version, bytes));
        }
        Ok(all)
    }

    fn between(&self, after: u64, upto: u64) -> impl Iterator<Item = &Saved> {
        self.versions.iter().filter(move |each| each.version > after && each.version <= upto)
    }

    /// Reads a version that is there. Blocks.
    ///
    /// # Errors
    /// As the system says.
    pub(crate) fn recover(&self, version: u64) -> io::Result<Recovered> {
        let upto = self.versions.iter().rposition(|each| each.version == version);
        let upto = upto.ok_or(io::ErrorKind::NotFound)?;
        let from = self.versions[..=upto].iter().rposition(|each| each.whole).unwrap_or(0);
        let bytes = fs::read(&self.versions[upto].file)?;
        let mut parts = Vec::with_capacity(upto - from + 1);
        for each in &self.versions[from..=upto] {
            let part = bytes.get(each.state.clone()).ok_or(io::ErrorKind::UnexpectedEof)?;
            if !part.is_empty() {
                parts.push(part.to_vec());
            }
        }
        Ok(Recovered { version, positions: self.versions[upto].positions.clone(), parts })
    }
}

/// The files of a folder, by their first versions; none in a folder that is not there.
fn files_of(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    let mut files = Vec::new();
    for entry in listed {
        let path = entry?.path();
        let first = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".log")?.parse().ok());
        files.extend(first.map(|first| (first, path)));
    }
    files.sort_unstable();
    Ok(files)
}

impl Journal {
    /// Goes on behind a version: those behind it are given up, up to a version that was ever given or that anybody knows. Nothing is
    /// removed before that is durable. Blocks.
    ///
    /// # Errors
    /// As the system says.
    pub(crate) fn go_on(
        folder: &Path,
        found: &Found,
        version: u64,
        upto: u64,
        behind: Behind,
    ) -> io::Result<Self> {
        let at = found.versions.iter().rposition(|each| each.version == version);
        let at = at.ok_or(io::ErrorKind::NotFound)?;
        let saved = &found.versions[at];
        let (kept, gone): (Vec<_>, Vec<_>) = found.files.iter().partition(|(first, _)| *first <= version);
        let file = OpenOptions::new().write(true).open(&saved.file)?;
        let from = found.versions[..=at].iter().rposition(|each| each.whole).unwrap_or(0);
        let size = |each: &Saved| each.state.len() as u64;
        let mut journal = Self {
            folder: folder.to_owned(),
            file,
            length: found.lengths.get(&saved.file).copied().unwrap_or(0),
            torn: true,
            firsts: kept.into_iter().map(|(first, _)| *first).collect(),
            whole_bytes: size(&found.versions[from]),
            change_bytes: found.versions[from..=at].iter().skip(1).map(size).sum(),
            emitted_bytes: found.versions[from..=at].iter().map(Saved::emitted_bytes).sum(),
            behind: behind.clone(),
        };
        // The notes may be in a file that is removed; all are written in one step.
        let mut notes = encode(&Head::Behind(behind), &[])?;
        let settled = found.settled.as_ref().map(|(settled, sinks)| ((*settled).min(version), sinks.clone()));
        if let Some((version, sinks)) = settled.clone() {
            notes.extend(encode(&Head::Settled { version, sinks }, &[])?);
        }
        if upto > version {
            notes.extend(encode(&Head::Abandoned { after: version, upto }, &[])?);
        }
        journal.append(&notes)?;
        for (_, path) in gone {
            fs::remove_file(path)?;
        }
        if let Some((settled, _)) = settled {
            journal.forget(settled)?;
        }
        journal.sync_folder()?;
        Ok(journal)
    }

    /// Begins anew, at version 0 and with no state, behind these positions. Versions up to `upto` are taken for 0. Blocks.
    ///
    /// # Errors
    /// As the system says.
    pub(crate) fn begin(
        folder: &Path,
        positions: &Checkpoint,
        upto: u64,
        behind: Behind,
    ) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for (_, path) in files_of(folder)? {
            fs::remove_file(path)?;
        }
        let mut journal = Self::create(folder, 0, positions, &[], None, behind)?;
        if upto > 0 {
            journal.append(&encode(&Head::Abandoned { after: 0, upto }, &[])?)?;
        }
        Ok(journal)
    }

    fn create(
        folder: &Path,
        version: u64,
        positions: &Checkpoint,
        state: &[u8],
        emitted: Option<&[u8]>,
        behind: Behind,
    ) -> io::Result<Self> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(saved(version, true, positions, state, emitted)?);
        // The files before it go.
        bytes.extend(encode(&Head::Behind(behind.clone()), &[])?);
        let mut file = File::create(folder.join(format!("{version:020}.log")))?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        let journal = Self {
            folder: folder.to_owned(),
            file,
            length: bytes.len() as u64,
            torn: false,
            firsts: vec![version],
            whole_bytes: state.len() as u64,
            change_bytes: 0,
            emitted_bytes: emitted.map_or(0, <[u8]>::len) as u64,
            behind,
        };
        journal.sync_folder()?;
        Ok(journal)
    }

    /// Whether the next state is to be a whole one: the changes have outgrown it, or what was emitted.
    pub(crate) fn wants_whole(&self) -> bool {
        self.change_bytes > CHANGES_AT_LEAST.max(2 * self.whole_bytes)
            || self.emitted_bytes > EMITTED_AT_LEAST.max(2 * self.whole_bytes)
    }

    /// Saves a version, with what was emitted if that is to be kept: durable when it returns. After an error it may be called again with the same. Blocks.
    ///
    /// # Errors
    /// As the system says; nothing of it counts.
    pub(crate) fn save(
        &mut self,
        version: u64,
        whole: bool,
        positions: &Checkpoint,
        state: &[u8],
        emitted: Option<&[u8]>,
    ) -> io::Result<()> {
        if whole {
            let mut firsts = std::mem::take(&mut self.firsts);
            match Self::create(&self.folder, version, positions, state, emitted, self.behind.clone()) {
                Ok(created) => {
                    firsts.push(version);
                    *self = Self { firsts, ..created };
                    return Ok(());
                }
                Err(error) => {
                    self.firsts = firsts;
                    return Err(error);
                }
            }
        }
        self.append(&saved(version, whole, positions, state, emitted)?)?;
        self.change_bytes += state.len() as u64;
        self.emitted_bytes += emitted.map_or(0, <[u8]>::len) as u64;
        Ok(())
    }

    /// All up to a version is delivered: notes it for sinks that store no positions, and once for each that is new; lets go of
    /// files that nobody will ask for. Durable when it returns. Blocks.
    ///
    /// # Errors
    /// As the system says.
    pub(crate) fn settled(&mut self, version: u64, sinks: Option<Targets>) -> io::Result<()> {
        let newest = self.behind.members.values().map(|member| member.since).max().unwrap_or(0);
        let (mut notes, mut first) = (Vec::new(), None);
        if let Some(sinks) = sinks {
            notes.extend(encode(&Head::Settled { version, sinks }, &[])?);
        }
        if self.behind.delivered <= newest && version > newest {
            let behind = Behind { delivered: version, ..self.behind.clone() };
            notes.extend(encode(&Head::Behind(behind.clone()), &[])?);
            first = Some(behind);
        }
        if !notes.is_empty() {
            self.append(&notes)?;
        }
        if let Some(behind) = first {
            self.behind = behind;
        }
        self.forget(version)
    }

    /// Lets go of files that nobody will ask for, where all up to a version is delivered. Blocks.
    ///
    /// # Errors
    /// As the system says.
    fn forget(&mut self, settled: u64) -> io::Result<()> {
        while let [first, second, _, ..] = self.firsts[..]
            && second <= settled
        {
            fs::remove_file(self.folder.join(format!("{first:020}.log")))?;
            self.firsts.remove(0);
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
        }
        self.torn = true;
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.torn = false;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        // Elsewhere a folder cannot be opened as a file, nor need it be.
        if cfg!(unix) { File::open(&self.folder)?.sync_all() } else { Ok(()) }
    }
}

/// The record of a version.
fn saved(
    version: u64,
    whole: bool,
    positions: &Checkpoint,
    state: &[u8],
    emitted: Option<&[u8]>,
) -> io::Result<Vec<u8>> {
    let bytes = emitted.map(|emitted| emitted.len() as u64);
    let head = Head::Saved { version, whole, positions: positions.clone(), emitted: bytes };
    encode(&head, &[state, emitted.unwrap_or_default()])
}

#[cfg(test)]
mod tests;
