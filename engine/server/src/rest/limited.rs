//! So many connections of HTTP at once, and no more, none of which is silent for long.
//!
//! ```text
//!   silent ── first byte ──► head ── complete ──► request under way ── answered ──► silent
//!     │ stall                 │ stall               no bound of its own     │ stall without a byte that goes out
//!     └───────────────────────┴────────► closed ◄──────────────────────────┘
//! ```

use std::{
    future::Future,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};
use tracing::warn;

/// A listener that closes a connection as soon as it is made where there are as many as there may be.
pub(crate) struct Limited<L> {
    listener: L,
    /// A permit for each connection.
    connections: Arc<Semaphore>,
    /// See [`Counted`].
    stall: Duration,
}

impl<L> Limited<L> {
    pub(crate) fn new(listener: L, connections: Arc<Semaphore>, stall: Duration) -> Self {
        Self { listener, connections, stall }
    }
}

impl<L> Listener for Limited<L>
where
    L: Listener<Addr = SocketAddr>,
{
    type Io = Counted<L::Io>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, peer) = self.listener.accept().await;
            match Arc::clone(&self.connections).try_acquire_owned() {
                Ok(permit) => return (Counted::new(stream, permit, self.stall), peer),
                Err(_) => warn!(%peer, "there are too many connections of HTTP: one more was closed"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The requests of a connection that are under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(Arc<AtomicUsize>);

/// A request under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Request(UnderWay);

impl UnderWay {
    /// The head of a request is complete.
    pub(crate) fn begin(&self) -> Request {
        self.0.fetch_add(1, Ordering::AcqRel);
        Request(self.clone())
    }

    fn is_any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A connection with its permit, which goes with it. It fails where no request is under way and for `stall` nothing comes, no head is
/// complete, or nothing goes out.
pub(crate) struct Counted<S> {
    stream: S,
    _permit: OwnedSemaphorePermit,
    under_way: UnderWay,
    stall: Duration,
    due: Pin<Box<Sleep>>,
    /// A request was under way when it was looked at last: the time is not running.
    is_busy: bool,
    /// A head has begun.
    has_begun: bool,
}

impl<S> Counted<S> {
    fn new(stream: S, permit: OwnedSemaphorePermit, stall: Duration) -> Self {
        let due = Box::pin(sleep(stall));
        let under_way = UnderWay::default();
        Self { stream, _permit: permit, under_way, stall, due, is_busy: false, has_begun: false }
    }

    pub(crate) fn under_way(&self) -> UnderWay {
        self.under_way.clone()
    }

    fn go_on(&mut self) {
        let due = Instant::now() + self.stall;
        self.due.as_mut().reset(due);
    }

    /// Whether the connection took too long. To be asked where it has nothing to give or to take.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        if self.under_way.is_any() {
            (self.is_busy, self.has_begun) = (true, false);
            return false;
        }
        if std::mem::take(&mut self.is_busy) {
            self.go_on();
        }
        self.due.as_mut().poll(context).is_ready()
    }

    /// Something came.
    fn came(&mut self) {
        if !self.under_way.is_any() && !std::mem::replace(&mut self.has_begun, true) {
            self.go_on();
        }
    }

    /// Something went out.
    fn went(&mut self) {
        self.has_begun = false;
        self.go_on();
    }

    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(1..)) => self.went(),
            Poll::Pending if self.is_late(context) => {
                return Poll::Ready(Err(late("an answer was not read for too long")));
            }
            _ => {}
        }
        written
    }
}

fn late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        match read {
            Poll::Ready(Ok(())) if into.filled().len() > before => self.came(),
            Poll::Pending if self.is_late(context) => {
                return Poll::Ready(Err(late("no request came for too long")));
            }
            _ => {}
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
