//! Where a pipe begins to read.
//!
//! ```text
//!            what is stored                      the log
//!   ├───────── began ──────────────── now ──┤
//!   first start of the pipe ▲
//!   nothing was settled        history up to `began`, then the log behind it, which says by whom rows came
//!   … but a part of history    the rest of it
//!   … and that is not kept any more        history (a snapshot of now), then the log behind it
//!   … and history is withheld              the log behind `began`
//!   settled up to P                        the log behind P
//!   … and that is not kept any more        history behind P; where it is withheld, what the log still has
//! ```
//! Rows that are stored do not say by which pipe they came, those of the log do. Sent back, they would replace what was written there since. So what is
//! stored in a database goes to no engine whose pipes have ever sent rows of it here, unless the pipe asks for it: history has none of it. Where
//! nobody knows what an engine has sent, history is withheld from it.

use std::sync::Arc;

use levada_model::{Path, PathPattern, SessionError};
use levada_storage::{ChangesFrom, ChunksOf, Direction, HistoryMark, StorageError, TimeRange, View};
use tokio::task::spawn_blocking;

use super::{PipeWork, Selection, reader};
use crate::{ChangeFeed, EngineError, changes::HistoryFeed, error::panicked};

/// What is told where history is withheld.
const WITHHELD: &str = "what was stored here is not sent: the receiver's own pipe has sent to this server, and what came back would replace \
     newer values there";

impl PipeWork {
    /// What is to be sent to a receiver that is known by a name, behind what was settled last, and whether what is stored comes first. What is not
    /// kept any more comes from what is stored: see [`PipeWork::lost`] for what cannot be told so. What is stored, but not what
    /// was written since the pipe was started, is withheld from an engine whose pipes have ever sent here, as far as these may have sent
    /// it, and that is told; where it comes all the same, in rows, [`PipeWork::origins`] says what is to be left out. To a
    /// receiver that takes `chunks` what is stored in files comes so, as far as the pipe sends it.
    ///
    /// # Errors
    /// The log or the store cannot be read, or a feed of this pipe is still being ended: transient.
    pub async fn feed(
        &self,
        receiver: Option<&str>,
        chunks: bool,
    ) -> Result<(ChangeFeed, bool), SessionError> {
        let chunks = chunks && self.definition.chunks;
        let (feed, stored_first) = self.feed_of(receiver, chunks).await?;
        match stored_first {
            true => self.history_begins(),
            false => self.history_sent(),
        }
        Ok((feed, stored_first))
    }

    async fn feed_of(
        &self,
        receiver: Option<&str>,
        chunks: bool,
    ) -> Result<(ChangeFeed, bool), SessionError> {
        let named = receiver;
        let receiver = receiver.filter(|_| !self.definition.history_back);
        let has_sent = receiver.is_some_and(|receiver| self.writers.has(receiver));
        let withholds = receiver.is_some_and(|receiver| self.writers.has_anywhere(receiver));
        let position = self.status.progress.position();
        let back = receiver.filter(|_| has_sent);
        if let Some(feed) = self.rest_of_history(position, (named, withholds), chunks, back).await? {
            return Ok((feed, true));
        }
        if position.is_none() && self.definition.history {
            if !withholds {
                let since = match self.begin_history(ChangesFrom::Since(self.began), chunks, back).await {
                    // What is stored now does not tell what was written here since from what came.
                    Err(EngineError::Storage(StorageError::Behind { kept, .. })) if has_sent => {
                        return Ok((self.what_is_kept(kept).await?, false));
                    }
                    // The log has not all of it any more, and what is stored has.
                    Err(EngineError::Storage(StorageError::Behind { .. })) => {
                        self.begin_history(ChangesFrom::History { after: 0 }, chunks, None).await
                    }
                    begun => begun,
                };
                let since = since?;
                if let Some(receiver) = back {
                    self.tell_withheld(Some(receiver)).await?;
                }
                return Ok((since, true));
            }
            self.tell_withheld(None).await?;
        }
        let after = position.unwrap_or(self.began);
        match self.begin(ChangesFrom::After(after)).await {
            Err(EngineError::Storage(StorageError::Behind { kept, .. })) if has_sent => {
                Ok((self.what_is_kept(kept).await?, false))
            }
            Err(EngineError::Storage(StorageError::Behind { .. })) => {
                Ok((self.anew(after, chunks).await?, true))
            }
            begun => Ok((begun?, false)),
        }
    }

    /// What is left of a history that was broken off, where the log has what follows it.
    async fn rest_of_history(
        &self,
        position: Option<u64>,
        (receiver, withholds): (Option<&str>, bool),
        chunks: bool,
        back: Option<&str>,
    ) -> Result<Option<ChangeFeed>, SessionError> {
        let has_history = match position {
            None => self.definition.history && !withholds,
            // What the log did not have any more. From who sent here it is not told so.
            Some(_) => back.is_none(),
        };
        let done = self
            .status
            .progress
            .mark(receiver, &self.history_of())
            .filter(|done| done.place.is_some() == chunks);
        let Some(done) = done.filter(|_| has_history) else { return Ok(None) };
        let since = ChangesFrom::Since(done.until);
        match self.begin_history_behind(since, chunks, back, Some(done)).await {
            Err(EngineError::Storage(StorageError::Behind { .. })) => Ok(None),
            begun => {
                let begun = begun?;
                if back.is_some() {
                    self.tell_withheld(back).await?;
                }
                Ok(Some(begun))
            }
        }
    }

    /// What the log still has, of which that is all behind a write.
    async fn what_is_kept(&self, mut kept: u64) -> Result<ChangeFeed, EngineError> {
        self.lost(format!(
            "{WITHHELD}. The pipe stood still for longer than the log is kept (pipe_log_retention), and sends what the log still has"
        ));
        loop {
            match self.begin(ChangesFrom::After(kept)).await {
                // More of it went meanwhile.
                Err(EngineError::Storage(StorageError::Behind { kept: now, .. })) if now > kept => kept = now,
                begun => return begun,
            }
        }
    }

    /// What is stored of the writes behind one, as the log does not have them any more.
    async fn anew(&self, after: u64, chunks: bool) -> Result<ChangeFeed, EngineError> {
        let told = "the pipe stood still for longer than the log is kept (pipe_log_retention)";
        if self.definition.deletions {
            self.lost(format!("{told}: what is stored is sent anew, but deletions made meanwhile cannot be told and have to be repeated at the receiver"));
        } else {
            self.lost(format!("{told}: what is stored is sent anew, so that no row is missing"));
        }
        match self.begin_history(ChangesFrom::History { after }, chunks, None).await {
            Err(EngineError::Storage(StorageError::Behind { .. })) => {
                self.begin_history(ChangesFrom::History { after: 0 }, chunks, None).await
            }
            begun => begun,
        }
    }

    async fn begin(&self, from: ChangesFrom) -> Result<ChangeFeed, EngineError> {
        ChangeFeed::begin(&self.storage, Some(&reader(self.definition.id)), (from, None)).await
    }

    /// Begins with what is stored; as chunks, where that is asked for, without those that may have come from an engine.
    async fn begin_history(
        &self,
        from: ChangesFrom,
        chunks: bool,
        back: Option<&str>,
    ) -> Result<ChangeFeed, EngineError> {
        self.begin_history_behind(from, chunks, back, None).await
    }

    /// As [`PipeWork::begin_history`], but for what is done.
    async fn begin_history_behind(
        &self,
        from: ChangesFrom,
        chunks: bool,
        back: Option<&str>,
        done: Option<HistoryMark>,
    ) -> Result<ChangeFeed, EngineError> {
        let (selection, writers) = (self.definition.selection.clone(), self.writers.clone());
        let (start, end) = selection.of_history();
        let back = back.map(str::to_owned);
        // Asked when the series is read: who had sent it by then is known.
        let is_back =
            move |series: &Path| back.as_ref().is_some_and(|engine| writers.origins().has(engine, series));
        let of = ChunksOf {
            series: Arc::new(move |series| selection.has(series) && !is_back(series)),
            times: TimeRange { start, end },
        };
        let name = reader(self.definition.id);
        let history = HistoryFeed { chunks: chunks.then_some(of), done };
        ChangeFeed::begin(&self.storage, Some(&name), (from, Some(history))).await
    }

    /// Tells that what is stored is withheld, where there is something: all of it, or what an engine may have sent here.
    async fn tell_withheld(&self, from: Option<&str>) -> Result<(), SessionError> {
        if self.began == 0 {
            return Ok(());
        }
        let (storage, selection, origins) =
            (self.storage.clone(), self.definition.selection.clone(), self.origins());
        let engine = from.map(str::to_owned);
        let found = spawn_blocking(move || {
            let is_withheld =
                |device: &Path| engine.as_ref().is_none_or(|engine| origins.has(engine, device));
            has_rows(&*storage.view(), &selection, is_withheld)
        });
        let Some(device) = found.await.map_err(panicked)?? else { return Ok(()) };
        let which = from.map(|_| format!(" (in the databases that it has sent, such as that of {device})"));
        self.lost(format!(
            "{WITHHELD}{}. The pipe sends what was written since it was started. To send what is stored all the same, make the \
             pipe anew with 'history.enable'='true'",
            which.unwrap_or_default()
        ));
        Ok(())
    }
}

/// A device of those asked for of which something is stored that would be sent.
fn has_rows(
    view: &dyn View,
    selection: &Selection,
    asked: impl Fn(&Path) -> bool,
) -> Result<Option<Path>, StorageError> {
    let (start, end) = selection.of_history();
    let range = TimeRange { start, end };
    let all = PathPattern::parse("root.**").expect("a pattern");
    if range.is_empty() {
        return Ok(None);
    }
    for found in view.series_by_device(&all).into_iter().filter(|found| asked(&found.device)) {
        let sent =
            found.series.iter().map(|(name, _)| name).filter(|name| selection.has(&found.device.child(name)));
        let sent: Vec<_> = sent.map(Arc::clone).collect();
        if !sent.is_empty()
            && view.scan(&found.device, &sent, range, Direction::Ascending)?.next().transpose()?.is_some()
        {
            return Ok(Some(found.device));
        }
    }
    Ok(None)
}
