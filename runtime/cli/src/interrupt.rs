//! Ctrl-C, and the signal that service managers end a process with.

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::exit::{self, Failure};

/// Ends when Ctrl-C is pressed. From the first time this is polled, that does not end the process by itself.
pub(crate) async fn pressed() {
    match signal(SignalKind::interrupt()) {
        Ok(mut interrupt) => drop(interrupt.recv().await),
        Err(_) => std::future::pending().await,
    }
}

/// Ends when the process is asked to stop. From the first time this is polled, a signal does not end the process by itself.
pub(crate) async fn asked() {
    match Signals::listen() {
        Some(mut signals) => signals.received().await,
        // Signals end the process as they do without this.
        None => std::future::pending().await,
    }
}

/// The signals that ask a process to stop.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where it is ignored.
    hangup: Option<Signal>,
}

impl Signals {
    /// Listens from now on; `None` where the system does not allow it. A terminal that is closed (SIGHUP) counts as the
    /// others do, unless whoever started the process had it ignored, as `nohup` does.
    pub(crate) fn listen() -> Option<Self> {
        let hangup = if ignores_hangup() { None } else { Some(signal(SignalKind::hangup()).ok()?) };
        Some(Self { hangup, ..Self::listen_but_to_hangups()? })
    }

    /// As [`Signals::listen`], where SIGHUP means something else: see [`Hangups`].
    pub(crate) fn listen_but_to_hangups() -> Option<Self> {
        let interrupt = signal(SignalKind::interrupt()).ok()?;
        let terminate = signal(SignalKind::terminate()).ok()?;
        Some(Self { interrupt, terminate, hangup: None })
    }

    /// Waits for the next of them.
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hung_up(&mut self.hangup) => {}
        }
    }
}

/// SIGHUP where it asks a process to read its configuration anew. From the time this listens, the signal does not end the process.
pub(crate) struct Hangups(Option<Signal>);

impl Hangups {
    /// Listens from now on; for nothing where the system does not allow it.
    pub(crate) fn listen() -> Self {
        Self(signal(SignalKind::hangup()).ok())
    }

    /// Waits for the next.
    pub(crate) async fn received(&mut self) {
        hung_up(&mut self.0).await;
    }
}

async fn hung_up(hangup: &mut Option<Signal>) {
    match hangup {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether the process was started with SIGHUP ignored. Told where `/proc` is there; elsewhere it counts as not ignored.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal 1 is bit 0.
    ignored.is_some_and(|mask| mask & 1 == 1)
}

/// Whether the process was asked to stop, for work that stops between two of its steps.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Default for Interrupt {
    /// Nobody asks.
    fn default() -> Self {
        Self(watch::channel(false).1)
    }
}

impl Interrupt {
    /// Listens from now on, within a runtime. A second signal ends the process at once.
    pub(crate) fn listen() -> Self {
        let (asked_for, interrupt) = watch::channel(false);
        // Registered here and not in the task: a signal may come before the task is polled for the first time.
        if let Some(mut signals) = Signals::listen() {
            // The task ends with the runtime.
            drop(tokio::spawn(async move {
                signals.received().await;
                asked_for.send_replace(true);
                signals.received().await;
                std::process::exit(i32::from(exit::INTERRUPTED));
            }));
        }
        Self(interrupt)
    }

    /// Whether to stop.
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when it is asked to stop.
    pub(crate) async fn asked(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            // Nobody listens: signals end the process as they do without this.
            std::future::pending().await
        }
    }

    /// Opens a store, unless the process is asked to stop before that is done: `nothing` says what has not happened then.
    ///
    /// # Errors
    /// As the store's, or that it was interrupted.
    pub(crate) async fn unless<T>(
        &mut self,
        opening: impl Future<Output = anyhow::Result<T>>,
        nothing: &str,
    ) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            () = self.asked() => Err(Failure::interrupted(format!("interrupted: {nothing}")).into()),
            opened = opening => opened,
        }
    }
}
