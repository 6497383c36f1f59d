//! A connection: calls and their replies, one after the other.

use std::{fmt, time::Duration};

use levada_model::{SessionError, StatusCode};
use levada_net::Failure;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use super::{ClientError, ClientOptions, tls};
use crate::{
    messages::Call,
    thrift::{
        Exception, FrameError, FrameReader, Head, Kind, Protocol, Reply, Wire, WireError, message, open,
        write_frame,
    },
};

/// How the alert of a server that speaks TLS begins, read as the upper half of a frame's length: no reply to a login is as long.
const TLS_ALERT: usize = 0x15_03;

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A connection with a node.
pub(super) struct Connection {
    pub(super) node: String,
    stream: Box<dyn Stream>,
    reader: FrameReader,
    protocol: Protocol,
    sequence: i32,
    timeout: Duration,
    /// A call is under way or was left unfinished: the next bytes are not the next reply.
    pub(super) broken: bool,
}

impl Connection {
    /// Connects. The caller limits the time.
    pub(super) async fn open(node: &str, options: &ClientOptions) -> Result<Self, ClientError> {
        let failed = |error: std::io::Error| ClientError::Lost {
            node: node.to_owned(),
            reason: format!("cannot connect: {error}"),
            timed_out: false,
        };
        let stream = TcpStream::connect(node).await.map_err(failed)?;
        // Requests are sent whole; waiting for more would only delay them.
        stream.set_nodelay(true).map_err(failed)?;
        let stream: Box<dyn Stream> = match &options.tls {
            Some(tls) => {
                let shaken = tls.connect(stream, node).await;
                Box::new(shaken.map_err(|failure| tls::failed(node, &failure))?)
            }
            None => Box::new(stream),
        };
        Ok(Self {
            node: node.to_owned(),
            stream,
            reader: FrameReader::new(options.frame_bytes),
            protocol: if options.compact { Protocol::Compact } else { Protocol::Binary },
            sequence: 0,
            timeout: options.call_timeout,
            broken: false,
        })
    }

    fn lost(&self, reason: impl fmt::Display, timed_out: bool) -> ClientError {
        ClientError::Lost { node: self.node.clone(), reason: reason.to_string(), timed_out }
    }

    fn failed(&self, error: FrameError) -> ClientError {
        match &error {
            FrameError::Length { length, .. } if length >> 16 == TLS_ALERT as i32 => tls::wanted(&self.node),
            FrameError::Io(io) => match Failure::of(io) {
                Some(failure) => tls::failed(&self.node, &failure),
                None => self.lost(error, false),
            },
            _ => self.lost(error, false),
        }
    }

    /// Calls a method and waits for its reply.
    pub(super) async fn call<C: Call>(&mut self, arguments: &C) -> Result<C::Reply, ClientError> {
        if self.broken {
            return Err(self.lost("the connection is out of step", false));
        }
        self.broken = true;
        let limit = self.timeout;
        let reply = match timeout(limit, self.exchange(arguments)).await {
            Ok(reply) => reply.map_err(|error| self.failed(error))?,
            Err(_) => return Err(self.lost(format!("no answer to {} within {limit:?}", C::METHOD), true)),
        };
        self.broken = false;
        reply.map_err(|exception| {
            let message = exception.message.unwrap_or_else(|| "no reason given".to_owned());
            let code = match exception.kind {
                Some(Exception::UNKNOWN_METHOD) => StatusCode::UNSUPPORTED_OPERATION,
                _ => StatusCode::EXECUTE_STATEMENT_ERROR,
            };
            let message = format!("{}: {} failed in the server: {message}", self.node, C::METHOD);
            ClientError::Rejected(SessionError::new(code, message))
        })
    }

    async fn exchange<C: Call>(&mut self, arguments: &C) -> Result<Result<C::Reply, Exception>, FrameError> {
        self.sequence = self.sequence.wrapping_add(1);
        let head = Head { name: C::METHOD.to_owned(), kind: Kind::Call, sequence: self.sequence };
        write_frame(&mut self.stream, message(self.protocol, &head, arguments)).await?;
        if self.sequence == 1
            && let Some(length) = self.reader.length(&mut self.stream).await?
            && length >> 16 == TLS_ALERT
        {
            return Err(FrameError::Length { length: i32::try_from(length).unwrap_or(i32::MAX), most: 0 });
        }
        let frame = self.reader.next(&mut self.stream).await?.ok_or(FrameError::Ended)?;
        let nonsense = |error: WireError| {
            let text = format!("the reply to {} cannot be read: {error}", C::METHOD);
            FrameError::Io(std::io::Error::new(std::io::ErrorKind::InvalidData, text))
        };
        let (head, mut from) = open(frame).map_err(nonsense)?;
        if head.sequence != self.sequence {
            return Err(nonsense(WireError::Mismatch(format!(
                "it is for call {} where {} was made",
                head.sequence, self.sequence
            ))));
        }
        match head.kind {
            Kind::Reply => Ok(Ok(Reply::read(&mut from).map_err(nonsense)?.0)),
            Kind::Exception => Ok(Err(Exception::read(&mut from).map_err(nonsense)?)),
            Kind::Call | Kind::Oneway => Err(nonsense(WireError::Mismatch("it is a call".to_owned()))),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("node", &self.node)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}
