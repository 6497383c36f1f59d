//! What of files has lived by the life of its path alone: where it is worth it, a file is rewritten without that.
//!
//! What all of a database has outlived goes with the files that hold nothing else. Rows of a device that live shorter than others of
//! its database share files with those, and would stay as long as they.

use std::sync::Arc;

use levada_tsfile::SeriesMeta;

use super::policy::Policy;
use crate::{
    StorageError,
    sealed::{Outlived, SealedFile},
    store::{Core, Store},
};

/// A file is rewritten when such a share of its values has lived.
const SHARE: u64 = 8;

/// Where all is compacted that can be, such a share: more rows end their lives meanwhile.
const EAGER_SHARE: u64 = 100;

/// A file is rewritten for any value that has lived for so long without going, in milliseconds.
const MAX_OVERDUE_MILLIS: i64 = 86_400_000;

/// A file is looked into again no sooner than after so many milliseconds, nor than after this share of the shortest life.
const AGAIN: i64 = 60_000;
const AGAIN_SHARE: i64 = 8;

impl Store {
    /// Whether there are files of which it is to be found out how much of them has lived.
    pub(super) fn has_open_lives(&self, core: &Core) -> bool {
        core.open_lives(self.options.clock.now()).is_some()
    }

    /// Finds out for a file how much of it has lived; says whether there was one.
    pub(super) fn judge_lives(&self) -> Result<bool, StorageError> {
        let now = self.options.clock.now();
        let (file, database, shortest, catalog) = {
            let core = self.core.lock();
            if core.closed {
                return Err(self.closed());
            }
            let Some((file, shortest)) = core.open_lives(now) else { return Ok(false) };
            (file.clone(), file.meta.place.database, shortest, core.catalog.clone())
        };
        let lives = catalog.lives();
        let all = catalog.longest_ttl(database);
        let values = values(&file.reading_ahead(), |path| {
            let own = lives.of(path).filter(|own| all.is_none_or(|all| *own < all))?;
            Some(now.saturating_sub(own))
        });
        let values = values.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot tell how much of a file has lived");
            0
        });
        let before = file.outlived(lives).filter(|before| before.values > 0);
        file.note_outlived(Outlived {
            lives: Arc::clone(lives),
            values,
            since: before.map_or(now, |before| before.since),
            again: now.saturating_add(AGAIN.max(shortest / AGAIN_SHARE)),
        });
        Ok(true)
    }
}

impl Core {
    /// A file of which it is to be found out how much of it has lived, and the shortest life of its database's rows.
    fn open_lives(&self, now: i64) -> Option<(Arc<SealedFile>, i64)> {
        let lives = self.catalog.lives();
        let mut known: Option<(u32, Option<i64>)> = None;
        self.files.iter().find_map(|(place, files)| {
            let shortest = match known {
                Some((database, shortest)) if database == place.database => shortest,
                _ => {
                    let path = &self.catalog.database(place.database)?.path;
                    let all = self.catalog.longest_ttl(place.database);
                    let shortest =
                        lives.shortest(path).filter(|shortest| all.is_none_or(|all| *shortest < all));
                    known = Some((place.database, shortest));
                    shortest
                }
            }?;
            let bound = now.saturating_sub(shortest);
            let open = files.iter().find(|file| {
                file.meta.sequence
                    && file.meta.range.start < bound
                    && !file.is_unreadable()
                    && file.outlived(lives).is_none_or(|known| known.again <= now)
            })?;
            Some((Arc::clone(open), shortest))
        })
    }
}

impl Policy<'_> {
    /// Whether a file is to be rewritten for what of it has lived.
    pub(super) fn is_outlived(&self, file: &SealedFile) -> bool {
        let Some(Outlived { values, since, .. }) = file.outlived(self.lives).filter(|known| known.values > 0)
        else {
            return false;
        };
        let share = if self.eager { EAGER_SHARE } else { SHARE };
        values >= (file.meta.points / share).max(1) || self.now.saturating_sub(since) >= MAX_OVERDUE_MILLIS
    }
}

/// How many values of a file lie before the time that is given for their device, about.
fn values(
    file: &SealedFile,
    bound: impl Fn(&levada_model::Path) -> Option<i64>,
) -> Result<u64, StorageError> {
    let reader = file.reader()?;
    let mut all = 0;
    for id in reader.devices().map_err(|error| file.error(error))? {
        let Some(bound) = id.to_path().ok().and_then(|path| bound(&path)) else { continue };
        let device = reader.device(&id).map_err(|error| file.error(error))?;
        all +=
            device.iter().flat_map(|device| &device.series).map(|series| before(series, bound)).sum::<u64>();
    }
    Ok(all)
}

fn before(series: &SeriesMeta, bound: i64) -> u64 {
    let chunks = series.chunks.iter().map(|chunk| &chunk.statistics);
    chunks
        .map(|statistics| {
            let width = i128::from(statistics.end()) - i128::from(statistics.start()) + 1;
            let part = (i128::from(bound) - i128::from(statistics.start())).clamp(0, width.max(0));
            ((i128::from(statistics.count()) * part / width.max(1)) as u64).max(u64::from(part > 0))
        })
        .sum()
}
