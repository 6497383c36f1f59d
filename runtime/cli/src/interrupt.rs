//! Ctrl-C, and the signal that service managers end a process with.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::signal::unix::{SignalKind, signal};

use crate::exit;

/// Ends when Ctrl-C is pressed. From the first time this is polled, that does not end the process by itself.
pub(crate) async fn pressed() {
    match signal(SignalKind::interrupt()) {
        Ok(mut interrupt) => drop(interrupt.recv().await),
        Err(_) => std::future::pending().await,
    }
}

/// Ends when the process is asked to stop. From the first time this is polled, a signal does not end the process by itself.
pub(crate) async fn asked() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Signals end the process as they do without this.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Whether the process was asked to stop, for work that stops between two of its steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. A second signal ends the process at once.
    pub(crate) fn listen() -> Self {
        let interrupt = Self::default();
        let asked_for = Arc::clone(&interrupt.0);
        // It ends with the runtime.
        drop(tokio::spawn(async move {
            asked().await;
            asked_for.store(true, Ordering::Release);
            asked().await;
            std::process::exit(i32::from(exit::INTERRUPTED));
        }));
        interrupt
    }

    /// Whether to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
