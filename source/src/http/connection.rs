//! Connections of clients: so many at once, encrypted or not, none of which keeps its place without a request.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep, timeout},
};
use tokio_rustls::server::TlsStream;

use crate::tls::Server;

/// No connection is silent for longer.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// A listener that lets so many in at once.
pub(super) struct Limited {
    pub(super) listener: TcpListener,
    pub(super) room: Arc<Semaphore>,
    /// How connections are encrypted, where they are.
    pub(super) tls: Option<Server>,
    /// How long shaking hands may take, and a request.
    pub(super) patience: Duration,
}

/// A connection with its place among those that there may be. It fails where nothing is asked for twice as long as a request may take,
/// or a request that has begun is not answered by then: its head does not come, or its answer is not read.
pub(super) struct Placed {
    stream: Stream,
    due: Pin<Box<Sleep>>,
    stall: Duration,
    /// A request has begun to come since an answer went out.
    has_begun: bool,
    _place: Option<OwnedSemaphorePermit>,
}

enum Stream {
    Plain(TcpStream),
    /// Hands are shaken by whoever serves the connection: the others do not wait for it.
    Shaking(Pin<Box<dyn Future<Output = io::Result<TlsStream<TcpStream>>> + Send>>),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl Listener for Limited {
    type Io = Placed;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Placed, SocketAddr) {
        if self.room.available_permits() == 0 {
            tracing::warn!("there are as many connections as there may be: more wait until one of them ends");
        }
        // It is never closed.
        let place = Arc::clone(&self.room).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some(tls) => Stream::Shaking(Box::pin(shake(tls.acceptor(), stream, self.patience))),
        };
        let stall = self.patience.saturating_mul(2).min(LONGEST);
        let due = Box::pin(sleep(stall));
        (Placed { stream, due, stall, has_begun: false, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn shake(
    acceptor: tokio_rustls::TlsAcceptor,
    stream: TcpStream,
    patience: Duration,
) -> io::Result<TlsStream<TcpStream>> {
    let shaken = timeout(patience, acceptor.accept(stream)).await;
    let shaken = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    if let Err(error) = &shaken {
        tracing::debug!(%error, "a client does not agree on encryption");
    }
    shaken
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Both for S {}

impl Placed {
    /// The stream, once hands are shaken.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Both>>> {
        if let Stream::Shaking(shaking) = &mut self.stream {
            let shaken = ready!(shaking.as_mut().poll(cx))?;
            self.stream = Stream::Encrypted(Box::new(shaken));
        }
        Poll::Ready(match &mut self.stream {
            Stream::Plain(stream) => Ok(Pin::new(stream)),
            Stream::Encrypted(stream) => Ok(Pin::new(&mut **stream)),
            Stream::Shaking(_) => Err(io::ErrorKind::NotConnected.into()),
        })
    }

    fn put_off(&mut self) {
        let due = Instant::now() + self.stall;
        self.due.as_mut().reset(due);
    }

    /// An error where something is not there yet, and it is too late.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_pending() && self.due.as_mut().poll(cx).is_ready() {
            tracing::debug!("a connection without a request is closed");
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        done
    }

    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(ready!(self.poll_stream(cx))?.poll_read(cx, buf))?;
        // More of the same request does not give it more time.
        if buf.filled().len() > before && !std::mem::replace(&mut self.has_begun, true) {
            self.put_off();
        }
        Poll::Ready(Ok(()))
    }

    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(ready!(self.poll_stream(cx))?.poll_write(cx, bytes))?;
        if written > 0 {
            self.has_begun = false;
            self.put_off();
        }
        Poll::Ready(Ok(written))
    }
}

impl AsyncRead for Placed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.read(cx, buf);
        self.in_time(cx, read)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            // Nothing was said, so there is nothing to end.
            Stream::Shaking(_) => Poll::Ready(Ok(())),
            _ => ready!(self.poll_stream(cx))?.poll_shutdown(cx),
        }
    }
}
