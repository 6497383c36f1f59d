//! Who looks at the clock.

use std::{
    future::pending,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{sync::Notify, task::JoinSet, time::sleep};

use super::{ContinuousQueries, run::catch_up, runner::Runner};

/// The clock may be set, so it is looked at this often.
const MOST_PAUSE: Duration = Duration::from_secs(1);

/// Begins what is due, until the engine goes.
pub(super) async fn tick(queries: Weak<ContinuousQueries>, runner: Weak<dyn Runner>, made: Arc<Notify>) {
    let mut running = JoinSet::new();
    loop {
        // They are held no longer than this: the engine goes with whoever uses it.
        let Some((queries, runner)) = queries.upgrade().zip(runner.upgrade()) else { return };
        let pause = begin_due(&queries, &runner, &mut running);
        drop((queries, runner));
        let pause = async {
            match pause {
                Some(pause) => sleep(pause).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = pause => {}
            () = made.notified() => {}
            Some(ended) = running.join_next() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!(%error, "a continuous query ended in a panic");
                }
            }
        }
    }
}

/// Begins what is due, and says how long nothing else is; `None` where there are no queries, for which nobody need wake up.
fn begin_due(
    queries: &Arc<ContinuousQueries>,
    runner: &Arc<dyn Runner>,
    running: &mut JoinSet<()>,
) -> Option<Duration> {
    let now = runner.now();
    let mut pause = None;
    let takes_writes = runner.takes_writes();
    for query in queries.all() {
        let pause = pause.get_or_insert(MOST_PAUSE);
        match u64::try_from(query.next_from(now).saturating_sub(now)) {
            Ok(ahead @ 1..) => *pause = (*pause).min(Duration::from_millis(ahead)),
            _ if takes_writes && query.running.try_lock().is_ok() => {
                running.spawn(catch_up(Arc::clone(queries), Arc::clone(runner), query));
            }
            _ => {}
        }
    }
    pause
}
