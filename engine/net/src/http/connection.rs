//! A connection of a client, with its place.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::timeout,
};
use tracing::debug;

use super::{
    Times,
    silence::{Silence, UnderWay},
};
use crate::{ServerStream, ServerTls};

/// A connection with its place among those that there may be. It fails where it is silent for too long.
pub struct Connection {
    stream: Stream,
    silence: Silence,
    _place: OwnedSemaphorePermit,
}

enum Stream {
    Plain(TcpStream),
    Shaking(Pin<Box<dyn Future<Output = io::Result<ServerStream>> + Send>>),
    Encrypted(Box<ServerStream>),
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Both for S {}

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        tls: Option<ServerTls>,
        times: Times,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(tls) => Stream::Shaking(Box::pin(async move {
                let shaken = timeout(times.handshake, tls.accept(stream)).await;
                let shaken = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                if let Err(error) = &shaken {
                    debug!(%error, "a client does not agree on encryption");
                }
                shaken
            })),
        };
        Self { stream, silence: Silence::new(times), _place: place }
    }

    pub(super) fn requests(&self) -> UnderWay {
        self.silence.requests.clone()
    }

    /// The stream, once hands are shaken.
    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Both>>> {
        if let Stream::Shaking(shaking) = &mut self.stream {
            let shaken = ready!(shaking.as_mut().poll(context))?;
            self.silence.begins();
            self.stream = Stream::Encrypted(Box::new(shaken));
        }
        Poll::Ready(match &mut self.stream {
            Stream::Plain(stream) => Ok(Pin::new(stream)),
            Stream::Encrypted(stream) => Ok(Pin::new(&mut **stream)),
            Stream::Shaking(_) => Err(io::ErrorKind::NotConnected.into()),
        })
    }

    /// Writes as `write` does.
    fn poll_written(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut dyn Both>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = write(ready!(self.poll_stream(context))?, context);
        match written {
            Poll::Ready(Ok(1..)) => self.silence.went(),
            Poll::Pending if self.silence.is_unread_too_long(context) => {
                return Poll::Ready(Err(late("an answer was not read for too long")));
            }
            _ => {}
        }
        written
    }
}

fn late(what: &str) -> io::Error {
    debug!("a connection of HTTP is closed: {what}");
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("silence", &self.silence).finish_non_exhaustive()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = ready!(self.poll_stream(context))?.poll_read(context, into);
        match read {
            Poll::Ready(Ok(())) if into.filled().len() > before => self.silence.came(),
            Poll::Pending if self.silence.is_too_long(context) => {
                return Poll::Ready(Err(late("no request came for too long")));
            }
            _ => {}
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_written(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_written(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Encrypted(stream) => stream.is_write_vectored(),
            Stream::Shaking(_) => false,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            // Nothing was said, so there is nothing to end.
            Stream::Shaking(_) => Poll::Ready(Ok(())),
            _ => ready!(self.poll_stream(context))?.poll_shutdown(context),
        }
    }
}
