//! The files that were met, and the name under which the positions of each are kept.
//!
//! ```text
//!   logs/a.jsonl   inode 7, head h1   → split  files/logs/a.jsonl@h1
//!        │ rotated: renamed to logs/a.jsonl.1, a new file in its place
//!   logs/a.jsonl.1 inode 7, head h1   → split  files/logs/a.jsonl@h1    goes on where it was
//!   logs/a.jsonl   inode 9, head h2   → split  files/logs/a.jsonl@h2    from its start
//! ```
//!
//! A position belongs to a file's content and not to its name. A file is the one that was met before where its head is the
//! same, where what stood before the last position still stands there (the *mark*), and where it is as long as what was
//! read of it; and where it has the same device and inode, or a name that the old one may have been given: its own, or
//! one in the same folder that begins alike (`a.jsonl` → `a.jsonl.1.gz`, `a-2026.jsonl`). Of two files that hold the same,
//! each is taken for one that was met before at most once, the one with the same inode first.
//!
//! The account is a file in the pipeline's state folder. It is durable before the first position of a new name is handed
//! out; marks may lag behind what was read. Where it is lost, a position that a sink has stored is told by its split's
//! [name](super::split), which has the file's print: it is this file's where the path is the same, the file begins with that
//! print, a line ends at the position, and the print is a whole one or covers all that was read. Where that does not hold, the
//! file is read from its start, which is said: reading rows again is better than leaving some out.
//!
//! A file that has several names among those to be read (links) is read once, under the first.

mod name;

use std::{
    collections::{HashMap, HashSet, hash_map},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use levada_connector_api::{
    Error, SplitState,
    model::{Checkpoint, SplitName},
    replace_state,
};
use serde::{Deserialize, Serialize};

use super::{
    excerpt::{Excerpt, bytes_of, is_packed},
    look::{Look, PRINT, siblings, stem},
    split,
};

/// How often marks are written while files are read.
const SAVED_EVERY: Duration = Duration::from_secs(1);
/// Files that are remembered beside those that there are.
const GONE_KEPT: usize = 10_000;

/// A file that was met.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    split: SplitName,
    #[serde(with = "name")]
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
    /// Other names of files that are read, of which it was said.
    links: HashSet<PathBuf>,
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
            tracing::warn!(file = %at.display(), %error, "what was known of files cannot be read: a file is told by its path and head");
            Vec::new()
        });
        let mut known = Self {
            node: node.to_owned(),
            at,
            entries,
            index: HashMap::new(),
            changed: false,
            save_at: Instant::now(),
            links: HashSet::new(),
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
                Err(error) => plan.faults.push((split::plain(&self.node, path), error)),
            }
        }
        self.leave_out_links(&mut looks);
        let mut taken = HashSet::new();
        let found = self.recognise(&looks, positions, &mut taken);
        let mut files = self.rotated(paths, &looks, positions, &mut taken);
        let (mut begun, mut new) = (Vec::new(), Vec::new());
        for (look, found) in looks.into_iter().zip(found) {
            let entry = match found {
                Some(at) => at,
                None => self.adopt(&look, positions),
            };
            let split = self.enter(entry, &look, positions);
            let list = if positions.contains_key(&split) { &mut begun } else { &mut new };
            list.push(planned(look, split));
        }
        files.append(&mut begun);
        files.append(&mut new);
        self.forget(&files);
        plan.files = files;
        plan
    }

    /// The splits of which a position is stored and whose files are there.
    pub(super) fn there(&mut self, paths: &[PathBuf], stored: &Checkpoint) -> Vec<SplitState> {
        let planned = self.plan(paths, stored).files.into_iter();
        let state = |file: Planned| SplitState {
            // Nobody knows how much a packed file holds.
            end: (!is_packed(&file.path)).then_some(file.size),
            split: file.split,
            first: Some(0),
            committed: None,
            next: None,
        };
        planned.filter(|file| stored.contains_key(&file.split)).map(state).collect()
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

    /// Leaves out what is a file that is there already, under another name.
    fn leave_out_links(&mut self, looks: &mut Vec<Look>) {
        let mut first: HashMap<(u64, u64), PathBuf> = HashMap::new();
        let mut links = Vec::new();
        looks.retain(|look| match look.id.map(|id| first.entry(id)) {
            Some(hash_map::Entry::Occupied(other)) => {
                links.push((look.path.clone(), other.get().clone()));
                false
            }
            Some(hash_map::Entry::Vacant(free)) => {
                free.insert(look.path.clone());
                true
            }
            None => true,
        });
        links.retain(|(link, _)| self.links.insert(link.clone()));
        if let Some((link, other)) = links.first() {
            tracing::warn!(
                file = %link.display(), same_as = %other.display(), files = links.len(),
                "a file that has another name, too, is read once"
            );
        }
    }

    /// An entry for a file that is not known. Where a sink has a position of it, that counts.
    fn adopt(&mut self, look: &Look, positions: &Checkpoint) -> usize {
        let plain = split::plain(&self.node, &look.path);
        let split = self.stored(&plain, look, positions).unwrap_or_else(|| {
            let split = self.free_name(&plain, look, positions);
            self.tell_of_start(&plain, look, &split, positions);
            split
        });
        let (path, head) = (look.path.clone(), Excerpt::of(0, &look.head));
        self.index.insert(split.clone(), self.entries.len());
        self.entries.push(Entry { split, path, id: look.id, head, mark: None });
        self.changed = true;
        self.entries.len() - 1
    }

    /// The split of a file that is not known, by a position that a sink has.
    fn stored(&self, plain: &SplitName, look: &Look, positions: &Checkpoint) -> Option<SplitName> {
        let (newest, name, position) = named_alike(plain, positions)
            .filter(|(name, _)| !self.index.contains_key(*name))
            .filter_map(|(name, position)| Some((split::parts(name.as_str())?, name, *position)))
            .filter(|(parts, ..)| parts.plain == plain.as_str())
            .filter(|(parts, ..)| parts.print.is_in(&look.path).unwrap_or(false))
            .max_by_key(|(parts, ..)| (parts.print.end, parts.number))?;
        // A print of few bytes, as a file has when it begins, is no proof for all that came later.
        let proven = newest.print.end >= PRINT || position <= newest.print.end;
        (proven && goes_on_at(look, position)).then(|| name.clone())
    }

    /// A name that no position and no other file has.
    fn free_name(&self, plain: &SplitName, look: &Look, positions: &Checkpoint) -> SplitName {
        let name = split::named(plain, &look.print);
        let is_free = |name: &SplitName| !positions.contains_key(name) && !self.index.contains_key(name);
        if is_free(&name) {
            return name;
        }
        (2..).map(|number| split::numbered(&name, number)).find(is_free).unwrap_or(name)
    }

    /// Says that a file is read from its start although there are positions of its path.
    fn tell_of_start(&self, plain: &SplitName, look: &Look, split: &SplitName, positions: &Checkpoint) {
        let mut stored = positions.get_key_value(plain).into_iter().chain(named_alike(plain, positions));
        let Some((other, _)) = stored.next() else { return };
        let file = look.path.display();
        if self.index.contains_key(other) {
            tracing::info!(%file, %split, "another file stands where one was read before: it is read from its start");
        } else {
            tracing::warn!(
                %file, %split, stored = %other,
                "nothing tells that the file is the one of which a position is stored: it is read from its start"
            );
        }
    }

    /// Brings an entry up to date with the file as it is. Gives its split.
    fn enter(&mut self, at: usize, look: &Look, positions: &Checkpoint) -> SplitName {
        let named = split::parts(self.entries[at].split.as_str()).map_or(0, |parts| parts.print.end);
        if named < look.print.end && !positions.contains_key(&self.entries[at].split) {
            // As long as nothing was read of it, its name may still become one that tells more.
            let split = self.free_name(&split::plain(&self.node, &look.path), look, positions);
            self.index.remove(&self.entries[at].split);
            self.index.insert(split.clone(), at);
            self.entries[at].split = split;
            self.changed = true;
        }
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
                    "what is known of files cannot be written: the next run tells them by their paths and heads"
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

/// The positions of a path's files, by their names.
fn named_alike<'a>(
    plain: &SplitName,
    positions: &'a Checkpoint,
) -> impl Iterator<Item = (&'a SplitName, &'a u64)> {
    let prefix = SplitName::new(format!("{plain}@"));
    let from = positions.range(prefix.clone()..);
    from.take_while(move |(name, _)| name.as_str().starts_with(prefix.as_str()))
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
