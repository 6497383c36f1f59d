//! A network that can be cut, and can be slow.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What passes at once of a slow network, and how long that takes.
const SLOW_BYTES: usize = 256;
const SLOW_TIME: Duration = Duration::from_millis(1);

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    slow: &AtomicBool,
) -> io::Result<()> {
    let mut bytes = [0; 16 << 10];
    loop {
        let is_slow = slow.load(Ordering::Acquire);
        let most = if is_slow { SLOW_BYTES } else { bytes.len() };
        let count = from.read(&mut bytes[..most]).await?;
        if count == 0 {
            return Ok(());
        }
        if is_slow {
            tokio::time::sleep(SLOW_TIME).await;
        }
        to.write_all(&bytes[..count]).await?;
    }
}

/// Leads connections on.
pub(crate) struct Proxy {
    pub(crate) address: String,
    target: Arc<Mutex<String>>,
    cuts: watch::Sender<u64>,
    slow: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let target = Arc::new(Mutex::new(target));
        let (leads, cuts) = (Arc::clone(&target), watch::Sender::new(0));
        let slow = Arc::<AtomicBool>::default();
        let is_slow = Arc::clone(&slow);
        let cut = cuts.subscribe();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let to = leads.lock().clone();
                let mut cut = cut.clone();
                cut.mark_unchanged();
                let is_slow = Arc::clone(&is_slow);
                tokio::spawn(async move {
                    let Ok(mut to) = TcpStream::connect(to).await else { return };
                    let ((mut from, mut into), (mut back, mut to)) = (from.split(), to.split());
                    tokio::select! {
                        _ = cut.changed() => {}
                        _ = copy(&mut from, &mut to, &is_slow) => {}
                        _ = copy(&mut back, &mut into, &is_slow) => {}
                    }
                });
            }
        });
        Self { address, target, cuts, slow }
    }

    /// Ends all connections.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// A few bytes pass at once from now on.
    pub(crate) fn slow_down(&self) {
        self.slow.store(true, Ordering::Release);
    }

    /// Leads those that come to another address.
    pub(crate) fn lead_to(&self, target: String) {
        *self.target.lock() = target;
    }
}
