//! What deletions mean for files: so that a file is rewritten where it pays, and a deletion is forgotten that no file needs.

use std::{collections::HashSet, sync::Arc};

use levada_model::Path;
use levada_tsfile::SeriesMeta;

use crate::{
    StorageError,
    sealed::{SealedFile, Verdict},
    store::{Change, Core, Store},
    tombstone::Tombstone,
};

impl Store {
    /// Whether there are files of which it is not known what deletions mean for them.
    pub(super) fn has_open_verdicts(core: &Core) -> bool {
        core.open_verdict().is_some()
    }

    /// Finds out for a file what deletions hide of it; says whether there was one.
    pub(super) fn judge_next(&self) -> Result<bool, StorageError> {
        let (file, open, live) = {
            let core = self.core.lock();
            if core.closed {
                return Err(self.closed());
            }
            let Some((file, open)) = core.open_verdict() else { return Ok(false) };
            let live: HashSet<u64> = core.tombstones.iter().map(|tombstone| tombstone.seq).collect();
            (file, open, live)
        };
        let since = self.options.clock.now();
        let hidden = hidden(&file.reading_ahead(), &open).unwrap_or_else(|error| {
            // Whoever rewrites it will say so again.
            tracing::warn!(%error, "cannot tell what is deleted of a file");
            vec![1; open.len()]
        });
        let verdicts = open.iter().zip(hidden).map(|(open, hidden)| (open.seq, Verdict { hidden, since }));
        file.judge(verdicts, &live);
        let mut core = self.core.lock();
        let none = HashSet::new();
        let forgotten = open.iter().any(|tombstone| {
            core.oldest_in_memory(&Change::default()).is_none_or(|oldest| oldest >= tombstone.seq)
                && !core.is_needed(tombstone, &none)
        });
        if forgotten {
            core.commit_wanted = true;
            drop(core);
            self.work.notify_all();
        }
        Ok(true)
    }
}

impl Core {
    /// A file, and the deletions that it is not known of what they hide of it.
    fn open_verdict(&self) -> Option<(Arc<SealedFile>, Vec<Tombstone>)> {
        let newest = self.tombstones.newest()?;
        self.files.iter().find_map(|(place, files)| {
            let mut open = files.iter().filter(|file| !file.is_judged(newest)).peekable();
            open.peek()?;
            let database = &self.catalog.database(place.database)?.path;
            let concerning: Vec<&Tombstone> =
                self.tombstones.iter().filter(|tombstone| tombstone.may_concern(database)).collect();
            open.find_map(|file| {
                let open: Vec<Tombstone> = concerning
                    .iter()
                    .filter(|tombstone| file.may_need(tombstone) && file.verdict(tombstone.seq).is_none())
                    .map(|tombstone| (*tombstone).clone())
                    .collect();
                if open.is_empty() {
                    file.judged_up_to(newest);
                    return None;
                }
                Some((Arc::clone(file), open))
            })
        })
    }
}

/// How many values each deletion hides of a file, about.
fn hidden(file: &SealedFile, tombstones: &[Tombstone]) -> Result<Vec<u64>, StorageError> {
    let reader = file.reader()?;
    let mut hidden = vec![0; tombstones.len()];
    for id in reader.devices().map_err(|error| file.error(error))? {
        let Ok(path) = id.to_path() else { continue };
        if !tombstones.iter().any(|tombstone| tombstone.may_concern(&path)) {
            continue;
        }
        let device = reader.device(&id).map_err(|error| file.error(error))?;
        for series in device.iter().flat_map(|device| &device.series) {
            for (tombstone, hidden) in tombstones.iter().zip(&mut hidden) {
                if concerns(tombstone, &path, &series.measurement) {
                    *hidden += within(tombstone, file, series);
                }
            }
        }
    }
    Ok(hidden)
}

fn concerns(tombstone: &Tombstone, device: &Path, measurement: &str) -> bool {
    let nodes: Vec<&str> = device.nodes().chain([measurement]).collect();
    tombstone.patterns.iter().any(|pattern| pattern.matches_nodes(&nodes))
}

/// How many values of a series a deletion hides: of a chunk that it overlaps at all, one at least.
fn within(tombstone: &Tombstone, file: &SealedFile, series: &SeriesMeta) -> u64 {
    let counts = |start: i64, end: i64| {
        let counting = file.meta.range;
        let start = start.max(tombstone.range.start).max(counting.start);
        let end = end.min(tombstone.range.end).min(counting.end);
        (i128::from(end) - i128::from(start) + 1).max(0)
    };
    let chunks =
        series.chunks.iter().map(|chunk| &chunk.statistics).filter(|statistics| statistics.count() > 0);
    chunks
        .map(|statistics| {
            let width = i128::from(statistics.end()) - i128::from(statistics.start()) + 1;
            match counts(statistics.start(), statistics.end()) {
                0 => 0,
                part => ((i128::from(statistics.count()) * part / width.max(1)) as u64).max(1),
            }
        })
        .sum()
}
