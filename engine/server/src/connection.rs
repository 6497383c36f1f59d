//! One connection: frames in, frames out.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use levada_rpc::{
    messages::Request,
    thrift::{Exception, Frame, FrameError, FrameReader, Head, Kind, Protocol, message, open, write_frame},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    pin,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{ServerTls, conversation::Conversation, shared::Shared};

/// The longest request before a login.
const STRANGER_BYTES: usize = 64 << 10;

/// Serves a connection until it ends, fails, or the server stops.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    tls: Option<ServerTls>,
    peer: SocketAddr,
    stop: CancellationToken,
) {
    let Ok(address) = stream.local_addr() else { return };
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "answers may be sent late");
    }
    let conversation = Conversation::new(Arc::clone(&shared), address, peer);
    let ended = match tls {
        None => {
            let (from, to) = stream.into_split();
            Connection::new(shared, from, to, conversation).serve(&stop).await
        }
        Some(tls) => {
            let shaken = tokio::select! {
                () = stop.cancelled() => return,
                shaken = timeout(shared.options.stall, tls.accept(stream)) => shaken,
            };
            match shaken {
                Ok(Ok(stream)) => {
                    let (from, to) = tokio::io::split(stream);
                    Connection::new(shared, from, to, conversation).serve(&stop).await
                }
                Ok(Err(error)) => Err(error.into()),
                Err(_) => Err(Ended::Slow("a handshake")),
            }
        }
    };
    match ended {
        Ok(()) => debug!(%peer, "a connection was closed"),
        Err(error) => debug!(%peer, %error, "a connection ended"),
    }
}

struct Connection<R, W> {
    shared: Arc<Shared>,
    from: R,
    to: W,
    reader: FrameReader,
    conversation: Conversation,
}

/// Why a connection ends without having been closed.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0} took too long")]
    Slow(&'static str),
    #[error("what was sent is no message: {0}")]
    NoMessage(levada_rpc::thrift::WireError),
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    fn new(shared: Arc<Shared>, from: R, to: W, conversation: Conversation) -> Self {
        Self { shared, from, to, reader: FrameReader::new(STRANGER_BYTES), conversation }
    }

    /// Serves, and tells the client when it is over: over TLS a connection that just ends may have been cut.
    async fn serve(mut self, stop: &CancellationToken) -> Result<(), Ended> {
        self.run(stop).await?;
        timeout(self.shared.options.stall, self.to.shutdown()).await.map_err(|_| Ended::Slow("an end"))??;
        Ok(())
    }

    async fn run(&mut self, stop: &CancellationToken) -> Result<(), Ended> {
        while !stop.is_cancelled() {
            let length = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                length = self.next_length() => length?,
            };
            let Some(length) = length else { return Ok(()) };
            let permit = self.shared.admit(length).await;
            let arriving = timeout(self.shared.options.stall, self.reader.next(&mut self.from));
            let arrived = arriving.await.map_err(|_| Ended::Slow("a request"))??;
            let Some(request) = arrived else { return Ok(()) };
            let Some(answer) = self.answer(request).await? else { return Ok(()) };
            drop(permit);
            let sending = timeout(self.shared.options.stall, write_frame(&mut self.to, answer));
            sending.await.map_err(|_| Ended::Slow("reading an answer"))??;
            if self.conversation.is_known() {
                self.reader.set_most(self.shared.options.frame_bytes);
            }
        }
        Ok(())
    }

    /// Waits for the next request. Who is logged in may be silent for as long as they like, a stranger may not: their number is
    /// bounded. Nor may who has sent a step in part: the room for such steps is, too.
    async fn next_length(&mut self) -> Result<Option<usize>, Ended> {
        if let Some(due) = self.conversation.slice_due() {
            // Requests of other kinds do not put it off.
            if due > Instant::now()
                && let Ok(length) = timeout_at(due, self.reader.length(&mut self.from)).await
            {
                return Ok(length?);
            }
            self.conversation.forget_slices();
        }
        let length = self.reader.length(&mut self.from);
        if self.conversation.is_known() {
            return Ok(length.await?);
        }
        let length = timeout(self.shared.options.stall, length).await;
        Ok(length.map_err(|_| Ended::Slow("a login"))??)
    }

    /// The answer to a request; `None` where its client has gone meanwhile, which ends what it asked for.
    async fn answer(&mut self, request: Bytes) -> Result<Option<Frame>, Ended> {
        let (head, mut from) = open(request).map_err(Ended::NoMessage)?;
        let protocol = from.protocol();
        let request = match Request::read(&head.name, &mut from) {
            Ok(Some(request)) => request,
            Ok(None) => {
                let words = format!("Invalid method name: '{}'", head.name);
                return Ok(Some(exception(protocol, head, Exception::UNKNOWN_METHOD, words)));
            }
            Err(error) => return Ok(Some(exception(protocol, head, PROTOCOL_ERROR, error.to_string()))),
        };
        let answer = self.conversation.answer(&head, protocol, request);
        pin!(answer);
        // The next request may be there already: it is read when this one is answered.
        let mut is_there = false;
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return Ok(Some(answer)),
                next = self.reader.length(&mut self.from), if !is_there => match next? {
                    Some(_) => is_there = true,
                    None => return Ok(None),
                },
            }
        }
    }
}

/// `Exception::kind` where a message's arguments cannot be read.
const PROTOCOL_ERROR: i32 = 7;

fn exception(protocol: Protocol, head: Head, kind: i32, words: String) -> Frame {
    let exception = Exception { message: Some(words), kind: Some(kind) };
    message(protocol, &Head { kind: Kind::Exception, ..head }, &exception)
}
