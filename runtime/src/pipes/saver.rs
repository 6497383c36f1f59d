//! Makes durable how far a pipe has come, beside the sending.

use std::{convert::Infallible, time::Duration};

use levada_engine::{FeedMarker, HistoryMark, PipeWork};
use levada_model::SessionError;
use tokio::{sync::watch, time::sleep};
use tracing::warn;

/// How far saves are apart: as much may be sent again after a crash.
const APART: Duration = Duration::from_millis(200);
/// How long to wait after a save that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Saves how far what is delivered goes.
pub(super) struct Saver<'a> {
    work: &'a PipeWork,
    marker: FeedMarker,
    /// Who receives it.
    receiver: Option<String>,
    delivered: watch::Sender<Delivered>,
}

/// What is delivered.
#[derive(Clone, Debug, Default)]
struct Delivered {
    /// All changes up to a position.
    position: Option<u64>,
    /// What is stored, up to a mark.
    mark: Option<HistoryMark>,
}

impl<'a> Saver<'a> {
    pub(super) fn new(work: &'a PipeWork, marker: FeedMarker, receiver: Option<String>) -> Self {
        Self { work, marker, receiver, delivered: watch::Sender::new(Delivered::default()) }
    }

    /// All changes up to a position are delivered.
    pub(super) fn delivered(&self, position: u64) {
        self.delivered.send_modify(|delivered| delivered.position = Some(position));
    }

    /// What is stored is delivered as far as a mark says.
    pub(super) fn delivered_of_history(&self, mark: HistoryMark) {
        self.delivered.send_modify(|delivered| delivered.mark = Some(mark));
    }

    /// Saves as positions come. Dropped, it leaves at most the last of them unsaved.
    pub(super) async fn save(&self) -> Infallible {
        let mut delivered = self.delivered.subscribe();
        // What was delivered before this was polled for the first time is to be saved, too.
        delivered.mark_changed();
        let mut saved = None;
        loop {
            // The sender is this saver's own, and is there as long as it is.
            if delivered.changed().await.is_err() {
                futures::future::pending::<()>().await;
            }
            let Delivered { position, mark } = delivered.borrow_and_update().clone();
            let mark = mark.filter(|mark| saved.as_ref() != Some(mark));
            if position.is_none() && mark.is_none() {
                continue;
            }
            if let Err(error) = self.save_all(position, mark.clone()).await {
                warn!(pipe = self.work.definition().name, %error, "how far a pipe has come cannot be stored: after a crash more is sent again");
                sleep(AFTER_FAILURE).await;
                delivered.mark_changed();
            } else if mark.is_some() {
                saved = mark;
            }
            sleep(APART).await;
        }
    }

    /// The mark first: it goes where the position is beyond it.
    async fn save_all(&self, position: Option<u64>, mark: Option<HistoryMark>) -> Result<(), SessionError> {
        if let Some(mark) = mark {
            self.work.settle_history(mark, self.receiver.clone()).await?;
        }
        match position {
            Some(position) => self.save_last(position).await,
            None => Ok(()),
        }
    }

    /// Saves a position at once.
    pub(super) async fn save_last(&self, position: u64) -> Result<(), SessionError> {
        self.work.settle(&self.marker, position).await
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use futures::{FutureExt, future::BoxFuture};
    use levada_engine::{Engine, EngineOptions, PipeDefinition, PipeRunner, PipeWork};
    use levada_model::Session;
    use tokio::{sync::mpsc, time::timeout};

    use super::Saver;

    /// Delivers all that is stored before its saver is polled for the first time.
    #[derive(Debug)]
    struct Early(mpsc::Sender<Option<u64>>);

    impl PipeRunner for Early {
        fn run(&self, work: PipeWork) -> BoxFuture<'static, ()> {
            let saved = self.0.clone();
            async move {
                let (mut feed, _) = work.feed(None, false).await.expect("a feed");
                let saver = Saver::new(&work, feed.marker(), None);
                let position = loop {
                    let changes = feed.next(1 << 20).await.expect("changes");
                    let last = changes.last().expect("never none").position;
                    if last > 0 {
                        break last;
                    }
                };
                saver.delivered(position);
                let seen = async {
                    while work.position() != Some(position) {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                };
                tokio::select! {
                    never = saver.save() => match never {},
                    () = seen => saved.send(work.position()).await.expect("the test waits"),
                }
            }
            .boxed()
        }

        fn reach(&self, _: PipeDefinition) -> BoxFuture<'static, Result<(), String>> {
            futures::future::ready(Ok(())).boxed()
        }
    }

    #[tokio::test]
    async fn what_was_delivered_before_the_saver_began_is_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::open(EngineOptions::new(folder.path())).expect("opens");
        let (sender, mut saved) = mpsc::channel(1);
        engine.run_pipes(Arc::new(Early(sender))).await.expect("run");
        let session = engine.session(None).expect("UTC");
        for statement in [
            "insert into root.a.d(time, s) values (1, 1.5)",
            "create pipe p with sink ('node-urls'='127.0.0.1:1')",
            "start pipe p",
        ] {
            session.execute(statement).await.expect(statement);
        }
        let position = timeout(Duration::from_secs(60), saved.recv()).await.expect("it is saved");
        assert!(position.flatten().is_some());
    }
}
