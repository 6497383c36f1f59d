//! For whom the log, and files that were replaced, are kept: readers of changes, each with the write behind which it reads on.
//!
//! ```text
//!   log      ├── freed ──┤── kept for A ──┤── kept for A and B ──┤── needed by the store itself ──►
//!                        ▲ A              ▲ B                    ▲ floor
//!                        └──────── at most so many bytes ────────┘   else A is lost, and told so when it reads
//! ```
//! A reader with a name outlives the store's being closed: the manifest has its name and its write.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;

use crate::sealed::SealedFile;

/// A reader of changes, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderInfo {
    /// Its name; one without is gone with its [`crate::Changes`].
    pub name: Option<Arc<str>>,
    /// It needs nothing up to this write.
    pub position: u64,
    /// Writes behind that.
    pub behind: u64,
    /// Values of those, about.
    pub points: u64,
    /// Bytes of the log that the store itself does not need any more and that are kept since this reader needs them, or one
    /// that is ahead of it does.
    pub log_bytes: u64,
    /// Bytes of sealed files that were replaced and are kept since it reads what was stored when it began.
    pub file_bytes: u64,
    /// Whether it fell so far behind that what it needs went.
    pub lost: bool,
    /// How many bytes are kept for it at most.
    pub bound: u64,
}

/// Something that keeps files until it is told to let go.
pub(crate) trait LetGo: fmt::Debug + Send + Sync {
    /// Lets go of all files, at once or when it is touched next.
    fn let_go(&self);
}

/// Which files somebody keeps, and how much of them only it does.
#[derive(Debug)]
struct Files {
    /// Bytes by number.
    all: HashMap<u64, u64>,
    replaced: u64,
    keeper: Arc<dyn LetGo>,
}

#[derive(Debug)]
struct Hold {
    name: Option<Arc<str>>,
    after: u64,
    /// Somebody reads with it now.
    open: bool,
    /// Shared with whoever reads.
    lost: Arc<AtomicBool>,
    files: Option<Files>,
    /// It was told that it is near to being lost.
    warned: bool,
}

#[derive(Debug, Default)]
struct All {
    next: u64,
    held: BTreeMap<u64, Hold>,
}

/// The readers of a store's changes. Its lock is taken last.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    bound: u64,
    all: Mutex<All>,
}

/// A reader's own part of its hold.
#[derive(Clone, Debug)]
pub(crate) struct HoldId {
    id: u64,
    /// What it kept before, for another that had the name.
    before: Option<u64>,
    lost: Arc<AtomicBool>,
}

impl HoldId {
    /// Whether what the reader needs may have gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Whether something was kept by the reader's name before it began.
    pub(crate) fn kept_before(&self) -> bool {
        self.before.is_some()
    }

    /// The reader has met what cannot be told, and must not read on behind it.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }
}

impl Holds {
    /// The readers that the manifest names.
    pub(crate) fn of(named: Vec<(Arc<str>, u64)>, bound: u64) -> Self {
        let holds = Self { bound, ..Self::default() };
        let mut all = holds.all.lock();
        for (name, after) in named {
            all.add(Some(name), after, false);
        }
        drop(all);
        holds
    }

    /// Begins to keep the log behind a write; `None` where somebody reads by that name now.
    pub(crate) fn begin(&self, name: Option<Arc<str>>, after: u64) -> Option<HoldId> {
        let mut all = self.all.lock();
        if let Some(name) = &name
            && let Some((id, known)) = all.named(name)
        {
            if known.open {
                return None;
            }
            let before = (!known.is_lost()).then_some(known.after);
            // Until it is known that the log has what is asked for, what was kept still is.
            known.after = before.map_or(after, |before| before.min(after));
            (known.open, known.lost) = (true, Arc::default());
            return Some(HoldId { id, before, lost: Arc::clone(&known.lost) });
        }
        Some(all.add(name, after, true))
    }

    /// The reader reads no more. What is kept for one with a name still is, unless it is lost; for one that never began, what was
    /// kept before.
    pub(crate) fn end(&self, hold: &HoldId, begun: bool) {
        let mut all = self.all.lock();
        let Some(held) = all.held.get_mut(&hold.id) else { return };
        (held.open, held.files) = (false, None);
        match hold.before {
            Some(before) if !begun => held.after = before,
            None if !begun => drop(all.held.remove(&hold.id)),
            _ if held.name.is_none() || hold.is_lost() => drop(all.held.remove(&hold.id)),
            _ => {}
        }
    }

    /// The reader needs nothing up to a write. Where another has begun by its name since, it has no say any more.
    pub(crate) fn settle(&self, hold: &HoldId, after: u64) {
        let mut all = self.all.lock();
        let held = all.held.get_mut(&hold.id).filter(|held| Arc::ptr_eq(&held.lost, &hold.lost));
        if let Some(held) = held {
            held.after = after;
        }
    }

    /// The reader keeps files, until it lets go of them.
    pub(crate) fn keep_files<'a>(
        &self,
        hold: &HoldId,
        files: impl Iterator<Item = &'a Arc<SealedFile>>,
        keeper: Arc<dyn LetGo>,
    ) {
        let all = files.map(|file| (file.meta.id, file.meta.bytes)).collect();
        if let Some(held) = self.all.lock().held.get_mut(&hold.id) {
            held.files = Some(Files { all, replaced: 0, keeper });
        }
    }

    /// The reader keeps files no more.
    pub(crate) fn kept_files_go(&self, hold: &HoldId) {
        if let Some(held) = self.all.lock().held.get_mut(&hold.id) {
            held.files = None;
        }
    }

    /// Files do not count any more: whoever keeps too much of that lets go.
    pub(crate) fn removed<'a>(&self, files: impl Iterator<Item = &'a Arc<SealedFile>>) {
        let mut all = self.all.lock();
        if all.held.values().all(|held| held.files.is_none()) {
            return;
        }
        let gone: Vec<u64> = files.map(|file| file.meta.id).collect();
        for held in all.held.values_mut() {
            let Some(files) = &mut held.files else { continue };
            files.replaced += gone.iter().filter_map(|id| files.all.remove(id)).sum::<u64>();
            let replaced = files.replaced;
            if replaced > self.bound {
                held.lose(replaced, self.bound);
            }
        }
    }

    /// Frees the log that the store does not need up to `floor`, but for what readers need; `bytes` says how much of it is behind a
    /// write, and `detach` takes it up to one. No reader begins meanwhile.
    pub(crate) fn free<T>(&self, floor: u64, bytes: impl Fn(u64) -> u64, detach: impl FnOnce(u64) -> T) -> T {
        let mut all = self.all.lock();
        loop {
            let waiting = all.held.values_mut().filter(|held| !held.is_lost() && held.after < floor);
            let Some(slowest) = waiting.min_by_key(|held| held.after) else { return detach(floor) };
            let kept = bytes(slowest.after);
            if kept <= self.bound {
                slowest.warn_of(kept, self.bound);
                return detach(slowest.after);
            }
            slowest.lose(kept, self.bound);
        }
    }

    /// The write behind which the reader is that is furthest behind; `None` where there is none.
    pub(crate) fn slowest(&self) -> Option<u64> {
        let all = self.all.lock();
        all.held.values().filter(|held| !held.is_lost()).map(|held| held.after).min()
    }

    /// How many bytes are kept for a reader at most.
    pub(crate) fn bound(&self) -> u64 {
        self.bound
    }

    /// The readers with names that are not lost, for the manifest.
    pub(crate) fn named(&self) -> Vec<(Arc<str>, u64)> {
        let all = self.all.lock();
        let kept = all.held.values().filter(|held| !held.is_lost());
        kept.filter_map(|held| Some((Arc::clone(held.name.as_ref()?), held.after))).collect()
    }

    /// Forgets a reader by its name; whoever reads with it is told that it is lost. Says whether there was one.
    pub(crate) fn forget(&self, name: &str) -> bool {
        let mut all = self.all.lock();
        let Some((id, held)) = all.named(name) else { return false };
        held.let_go();
        all.held.remove(&id);
        true
    }

    /// All readers; `bytes` says how much of the log is kept behind a write.
    pub(crate) fn infos(
        &self,
        seq: u64,
        points: impl Fn(u64) -> u64,
        bytes: impl Fn(u64) -> u64,
    ) -> Vec<ReaderInfo> {
        let all = self.all.lock();
        let info = |held: &Hold| ReaderInfo {
            name: held.name.clone(),
            position: held.after,
            behind: seq.saturating_sub(held.after),
            points: points(held.after),
            log_bytes: if held.is_lost() { 0 } else { bytes(held.after) },
            file_bytes: held.files.as_ref().map_or(0, |files| files.replaced),
            lost: held.is_lost(),
            bound: self.bound,
        };
        all.held.values().map(info).collect()
    }
}

impl All {
    fn add(&mut self, name: Option<Arc<str>>, after: u64, open: bool) -> HoldId {
        self.next += 1;
        let lost = Arc::<AtomicBool>::default();
        let hold = Hold { name, after, open, lost: Arc::clone(&lost), files: None, warned: false };
        self.held.insert(self.next, hold);
        HoldId { id: self.next, before: None, lost }
    }

    fn named(&mut self, name: &str) -> Option<(u64, &mut Hold)> {
        let mut held = self.held.iter_mut();
        held.find(|(_, held)| held.name.as_deref() == Some(name)).map(|(id, held)| (*id, held))
    }
}

impl Hold {
    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// It may be lost soon: tells it, once.
    fn warn_of(&mut self, kept: u64, bound: u64) {
        let is_near = kept > bound / 5 * 4;
        if is_near && !self.warned {
            let name = self.name.as_deref().unwrap_or("without a name");
            tracing::warn!(
                reader = name,
                position = self.after,
                kept,
                bound,
                "a reader of changes is far behind: soon what is kept for it goes"
            );
        }
        self.warned = is_near;
    }

    /// It fell too far behind.
    fn lose(&mut self, kept: u64, bound: u64) {
        let name = self.name.as_deref().unwrap_or("without a name");
        tracing::warn!(
            reader = name,
            position = self.after,
            kept,
            bound,
            "a reader of changes fell too far behind: what was kept for it goes"
        );
        self.let_go();
    }

    /// Whoever reads with it is told that it is lost, and keeps files no more.
    fn let_go(&mut self) {
        self.lost.store(true, Ordering::Release);
        if let Some(files) = self.files.take() {
            files.keeper.let_go();
        }
    }
}
