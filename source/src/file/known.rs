//! The files that were met, and the name under which the positions of each are kept.
//!
//! ```text
//!   logs/a.jsonl   inode 7, head h1   → split  files/logs/a.jsonl
//!        │ rotated: renamed to logs/a.jsonl.1, a new file in its place
//!   logs/a.jsonl.1 inode 7, head h1   → split  files/logs/a.jsonl       goes on where it was
//!   logs/a.jsonl   inode 9, head h2   → split  files/logs/a.jsonl#2     from its start
//! ```
//!
//! A position belongs to a file's content and not to its name. A file is the one that was met before where its head is the
//! same, where what stood before the last position still stands there (the *mark*), and where it is as long as what was
//! read of it; and where it has the same device and inode, or a name that the old one may have been given: its own, or
//! one in the same folder that begins alike (`a.jsonl` → `a.jsonl.1.gz`, `a-2026.jsonl`). Of two files that hold the same,
//! each is taken for one that was met before at most once, the one with the same inode first.
//!
//! The account is a file in the pipeline's state folder. It is durable before the first position of a new name is handed
//! out; marks may lag behind what was read. Where it is lost, or was never written, positions that a sink has stored
//! under a file's name are taken for that file's if it is long enough and a line ends there.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use levada_connector_api::{
    Error,
    model::{Checkpoint, SplitName},
    replace_state,
};
use serde::{Deserialize, Serialize};

use super::{
    excerpt::{Excerpt, bytes_of, is_packed},
    look::{Look, siblings, stem},
};

/// How often marks are written while files are read.
const SAVED_EVERY: Duration = Duration::from_secs(1);
/// Files that are remembered beside those that there are.
const GONE_KEPT: usize = 10_000;

/// A file that was met.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    split: SplitName,
    path: PathBuf,
    /// Device and inode.
    id: Option<(u64, u64)>,
    head: Excerpt,
    /// What stood before a position that was read.
    mark: Option<Excerpt>,
}

/// The account.
#[derive(Debug)]
pub(super) struct Known {
    node: String,
    at: PathBuf,
    entries: Vec<Entry>,
    /// Where the entry of each split stands.
    index: HashMap<SplitName, usize>,
    changed: bool,
    /// Not to be written again before.
    save_at: Instant,
}

/// A file to be read, and as what.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) path: PathBuf,
    pub(super) split: SplitName,
    pub(super) id: Option<(u64, u64)>,
    /// Its length; of a packed file that of what is packed.
    pub(super) size: u64,
}

/// What is to be read, in order, and the files that cannot be.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) files: Vec<Planned>,
    pub(super) faults: Vec<(SplitName, Error)>,
}

impl Known {
    /// The account of a node as it was left. One that cannot be read is begun anew, and that is said.
    pub(super) fn load(node: &str, state_dir: &Path) -> Self {
        let at = state_dir.join(format!("{node}.files.json"));
        let entries = match std::fs::read(&at) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let entries = entries.unwrap_or_else(|error| {
            tracing::warn!(file = %at.display(), %error, "what was known of files cannot be read: a file is told by its name");
            Vec::new()
        });
        let mut known = Self {
            node: node.to_owned(),
            at,
            entries,
            index: HashMap::new(),
            changed: false,
            save_at: Instant::now(),
        };
        known.number();
        known
    }

    /// Tells which file is which and what is to be read: first what has been rotated away, then what was read in part, then
    /// what is new.
    pub(super) fn plan(&mut self, paths: &[PathBuf], positions: &Checkpoint) -> Plan {
        let mut plan = Plan::default();
        let mut looks = Vec::with_capacity(paths.len());
        for path in paths {
            match Look::at(path) {
                Ok(look) => looks.push(look),
                Err(error) => plan.faults.push((self.name(path), error)),
            }
        }
        let mut taken = HashSet::new();
        let found = self.recognise(&looks, positions, &mut taken);
        let mut files = self.rotated(paths, &looks, positions, &mut taken);
        let (mut begun, mut new) = (Vec::new(), Vec::new());
        for (look, found) in looks.into_iter().zip(found) {
            let entry = match found {
                Some(at) => at,
                None => self.adopt(&look, positions),
            };
            let split = self.enter(entry, &look);
            let list = if positions.contains_key(&split) { &mut begun } else { &mut new };
            list.push(planned(look, split));
        }
        files.append(&mut begun);
        files.append(&mut new);
        self.forget(&files);
        plan.files = files;
        plan
    }

    /// For each file the entry of the one that it is: by device and inode first, then by its content.
    fn recognise(
        &self,
        looks: &[Look],
        positions: &Checkpoint,
        taken: &mut HashSet<usize>,
    ) -> Vec<Option<usize>> {
        let mut by_id: HashMap<(u64, u64), Vec<usize>> = HashMap::new();
        let mut by_head: HashMap<Excerpt, Vec<usize>> = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            entry.id.into_iter().for_each(|id| by_id.entry(id).or_default().push(at));
            by_head.entry(entry.head).or_default().push(at);
        }
        let lengths: HashSet<u64> = by_head.keys().map(|head| head.end).collect();
        let mut found = vec![None; looks.len()];
        for (look, found) in looks.iter().zip(&mut found) {
            let candidates = look.id.and_then(|id| by_id.get(&id)).into_iter().flatten();
            // The newest first: an inode may have had several lives.
            *found =
                candidates.rev().copied().find(|&at| self.is_same(at, look, positions) && taken.insert(at));
        }
        for (look, found) in looks.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
            let heads = lengths.iter().filter_map(|&length| look.head.get(..usize::try_from(length).ok()?));
            let candidates = heads.filter_map(|head| by_head.get(&Excerpt::of(0, head))).flatten();
            *found = candidates.copied().find(|&at| {
                self.may_be(at, &look.path) && self.is_same(at, look, positions) && taken.insert(at)
            });
        }
        found
    }

    /// Whether a file under this name may be one that was met under another inode: there has to be a mark to tell by.
    fn may_be(&self, at: usize, path: &Path) -> bool {
        let entry = &self.entries[at];
        entry.mark.is_some()
            && entry.path.parent() == path.parent()
            && stem(path).starts_with(&stem(&entry.path))
    }

    /// Whether a file's content is that of an entry. One that cannot be read is not told apart: reading says why.
    fn is_same(&self, at: usize, look: &Look, positions: &Checkpoint) -> bool {
        let entry = &self.entries[at];
        let read = positions.get(&entry.split).copied().unwrap_or(0);
        let long_enough = is_packed(&look.path) || look.size >= read;
        long_enough
            && entry.head.begins(&look.head)
            && entry.mark.is_none_or(|mark| mark.is_in(&look.path).unwrap_or(true))
    }

    /// Files that stood where another stands now, found beside it under a name that is not asked for.
    fn rotated(
        &self,
        paths: &[PathBuf],
        looks: &[Look],
        positions: &Checkpoint,
        taken: &mut HashSet<usize>,
    ) -> Vec<Planned> {
        let listed: HashSet<&Path> = paths.iter().map(PathBuf::as_path).collect();
        // The last of each name: what was rotated away before it has been read to its end.
        let mut last: HashMap<&Path, usize> = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if listed.contains(entry.path.as_path()) && !taken.contains(&at) {
                last.insert(&entry.path, at);
            }
        }
        let mut displaced: Vec<usize> = last.into_values().collect();
        displaced.sort_unstable();
        let seen: HashSet<_> = looks.iter().filter_map(|look| look.id).collect();
        let mut files = Vec::new();
        for at in displaced {
            let entry = &self.entries[at];
            let beside = siblings(&entry.path).into_iter().filter(|path| !listed.contains(path.as_path()));
            let candidates = beside.filter_map(|path| Look::at(&path).ok());
            let found = candidates.into_iter().find(|look| {
                let same_id = look.id.is_some() && look.id == entry.id;
                let unseen = look.id.is_none_or(|id| !seen.contains(&id));
                unseen && (same_id || self.may_be(at, &look.path)) && self.is_same(at, look, positions)
            });
            if let Some(look) = found
                && taken.insert(at)
            {
                tracing::debug!(file = %look.path.display(), was = %entry.path.display(), "rotated");
                files.push(planned(look, entry.split.clone()));
            }
        }
        files
    }

    /// An entry for a file that is not known. Where a sink has a position under its name and no file of that name was ever
    /// met, the position may be this file's.
    fn adopt(&mut self, look: &Look, positions: &Checkpoint) -> usize {
        let name = self.name(&look.path);
        let met = self.index.contains_key(&name);
        let stored = positions.get(&name).copied().filter(|_| !met);
        let split = match stored {
            Some(position) if goes_on_at(look, position) => name,
            None if !met && !positions.contains_key(&name) => name,
            _ => {
                let (file, split) = (look.path.display(), self.next_name(&name, positions));
                tracing::info!(%file, %split, "another file stands where one was read before: it is read from its start");
                split
            }
        };
        let (path, head) = (look.path.clone(), Excerpt::of(0, &look.head));
        self.index.insert(split.clone(), self.entries.len());
        self.entries.push(Entry { split, path, id: look.id, head, mark: None });
        self.changed = true;
        self.entries.len() - 1
    }

    /// Brings an entry up to date with the file as it is. Gives its split.
    fn enter(&mut self, at: usize, look: &Look) -> SplitName {
        let entry = &mut self.entries[at];
        let head = Excerpt::of(0, &look.head);
        if entry.path != look.path || entry.id != look.id || head.end > entry.head.end {
            entry.path.clone_from(&look.path);
            entry.id = look.id;
            entry.head = head;
            self.changed = true;
        }
        entry.split.clone()
    }

    fn name(&self, path: &Path) -> SplitName {
        SplitName::new(format!("{}/{}", self.node, path.display()))
    }

    fn next_name(&self, name: &SplitName, positions: &Checkpoint) -> SplitName {
        let numbered = |number: u64| SplitName::new(format!("{name}#{number}"));
        let is_free = |name: &SplitName| !positions.contains_key(name) && !self.index.contains_key(name);
        (2..).map(numbered).find(is_free).unwrap_or_else(|| name.clone())
    }

    /// Forgets the oldest of the files that are not there any more.
    fn forget(&mut self, files: &[Planned]) {
        let there: HashSet<&SplitName> = files.iter().map(|file| &file.split).collect();
        let mut surplus = self.entries.len().saturating_sub(there.len() + GONE_KEPT);
        self.entries.retain(|entry| {
            let kept = surplus == 0 || there.contains(&entry.split);
            surplus -= usize::from(!kept);
            kept
        });
        self.number();
    }

    fn number(&mut self) {
        self.index = self.entries.iter().enumerate().map(|(at, entry)| (entry.split.clone(), at)).collect();
    }

    /// What stands before a position that was read of a split.
    pub(super) fn mark(&mut self, split: &SplitName, mark: Excerpt) {
        if let Some(entry) = self.index.get(split).and_then(|&at| self.entries.get_mut(at)) {
            entry.mark = Some(mark);
            self.changed = true;
        }
        if Instant::now() >= self.save_at {
            self.save();
        }
    }

    /// Makes the account durable. Without it files are told by their names, which is said and is no reason to stop.
    pub(super) fn save(&mut self) {
        if !self.changed {
            return;
        }
        let started = Instant::now();
        let written = self.write();
        // However many files there are, writing takes a small part of the time.
        self.save_at = Instant::now() + SAVED_EVERY.max(started.elapsed() * 20);
        match written {
            Ok(()) => self.changed = false,
            Err(error) => {
                tracing::warn!(
                    file = %self.at.display(), %error,
                    "what is known of files cannot be written: the next run tells them by their names"
                );
            }
        }
    }

    fn write(&self) -> io::Result<()> {
        replace_state(&self.at, &serde_json::to_vec(&self.entries)?)
    }
}

fn planned(look: Look, split: SplitName) -> Planned {
    Planned { path: look.path, split, id: look.id, size: look.size }
}

/// Whether a position of which no more is known may be of this file: it is long enough, and a line or the file ends there.
fn goes_on_at(look: &Look, position: u64) -> bool {
    let around = bytes_of(&look.path, position.saturating_sub(1), position + 1);
    match around.as_deref() {
        Ok(_) if position == 0 => true,
        Ok([last] | [last, _]) => *last == b'\n' || (!is_packed(&look.path) && look.size == position),
        _ => false,
    }
}
