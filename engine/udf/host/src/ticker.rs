//! What deadlines are counted by: a thread that ticks while there are instances.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use levada_udf::{Fault, FaultKind};
use wasmtime::Engine;

/// From one tick to the next.
const TICK: Duration = Duration::from_millis(10);

/// Counts time while there are instances. Its thread ends with it.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Shared {
    instances: AtomicUsize,
    stopped: AtomicBool,
}

/// While it is there, time is counted.
#[derive(Debug)]
pub(crate) struct Ticking(Arc<Shared>);

impl Ticker {
    pub(crate) fn new(engine: &Engine) -> Result<Self, Fault> {
        let shared = Arc::new(Shared::default());
        let (of_thread, engine) = (Arc::clone(&shared), engine.clone());
        let thread = thread::Builder::new().name("udf-ticker".to_owned()).spawn(move || {
            while !of_thread.stopped.load(Ordering::Acquire) {
                if of_thread.instances.load(Ordering::Acquire) == 0 {
                    // Whoever adds the first instance, or stops this, unparks it.
                    thread::park();
                } else {
                    thread::sleep(TICK);
                    engine.increment_epoch();
                }
            }
        });
        let thread = thread.map_err(|error| {
            Fault::new(FaultKind::Io, format!("the thread that counts time cannot be started: {error}"))
        })?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// Counts from now on.
    pub(crate) fn tick(&self) -> Ticking {
        if self.shared.instances.fetch_add(1, Ordering::AcqRel) == 0 {
            self.thread.unpark();
        }
        Ticking(Arc::clone(&self.shared))
    }

    /// The ticks of a duration: at least the duration.
    pub(crate) fn ticks(time: Duration) -> u64 {
        u64::try_from(time.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX / 2).saturating_add(1)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.instances.fetch_sub(1, Ordering::AcqRel);
    }
}
