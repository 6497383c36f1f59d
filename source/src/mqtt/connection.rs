//! A connection with a broker: what comes is read where it is asked for, what goes is written by a task.

use std::{fmt, io, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry, TlsOptions};
use levada_net::Failure;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use super::packet::{self, Hello, Incoming, MAX_PACKET_BYTES, Version};
use crate::tls;

/// Writes that may wait; those who acknowledge wait behind them.
const QUEUED: usize = 64;
/// Bytes that are read at once, about.
const READ: usize = 64 << 10;
/// How the alert of a broker that speaks TLS begins.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

type ReadHalf = Box<dyn AsyncRead + Send + Sync + Unpin>;
type WriteHalf = Box<dyn AsyncWrite + Send + Sync + Unpin>;

/// Where the broker is, and how the connection is encrypted, where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) broker: &'a str,
    pub(super) tls: Option<&'a TlsOptions>,
}

impl Place<'_> {
    /// Connects, and agrees on encryption within a time.
    async fn connect(self, patience: Duration) -> Result<(ReadHalf, WriteHalf)> {
        let Self { broker, tls } = self;
        let stream = TcpStream::connect(broker).await.map_err(|error| unreachable(broker, &error))?;
        stream.set_nodelay(true).map_err(|error| unreachable(broker, &error))?;
        let Some(tls) = tls else {
            let (read, write) = stream.into_split();
            return Ok((Box::new(read), Box::new(write)));
        };
        let tls = tls::client(tls, "tls")?;
        let silent = |_| Error::connection(format!("{broker} does not answer: it may not speak TLS"));
        let shaken = timeout(patience, tls.connect(stream, broker)).await.map_err(silent)?;
        let (read, write) = tokio::io::split(shaken.map_err(|failure| tls::failed(broker, &failure))?);
        Ok((Box::new(read), Box::new(write)))
    }
}

fn unreachable(broker: &str, error: &io::Error) -> Error {
    Error::connection(format!("cannot reach {broker}: {error}"))
}

/// An open connection, subscribed. The task that writes ends with it.
pub(super) struct Connection {
    broker: String,
    read: ReadHalf,
    buffer: BytesMut,
    version: Version,
    /// How long nothing may be heard.
    patience: Duration,
    writes: mpsc::Sender<Vec<u8>>,
    writer: JoinHandle<()>,
    /// Messages that came before the subscription was answered.
    early: Vec<(Incoming, Bytes)>,
    /// Whether the broker had kept a session.
    pub(super) resumed: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("broker", &self.broker).finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl Connection {
    /// Connects, in the newest version of the protocol that the broker speaks, and subscribes.
    ///
    /// # Errors
    /// The broker is not there, or does not let this client in or subscribe.
    pub(super) async fn open(place: Place<'_>, hello: &Hello<'_>, filters: &[String]) -> Result<Self> {
        match Self::open_in(place, hello, filters, Version::V5).await {
            Ok(Some(connection)) => Ok(connection),
            // A broker of old may also hang up on what it does not know.
            Ok(None) => {
                let older = Self::open_in(place, hello, filters, Version::V3_1_1).await?;
                older.ok_or_else(|| {
                    let message = "the broker speaks neither MQTT 5 nor MQTT 3.1.1";
                    Error::new(ErrorKind::Rejected, Domain::External, Retry::Never, message)
                })
            }
            Err(error) => Err(error),
        }
    }

    /// `None` where the broker does not speak the version.
    async fn open_in(
        place: Place<'_>,
        hello: &Hello<'_>,
        filters: &[String],
        version: Version,
    ) -> Result<Option<Self>> {
        let broker = place.broker;
        let keep_alive = Duration::from_secs(hello.keep_alive.into());
        let (read, mut write) = place.connect(keep_alive).await?;
        let mut out = Vec::new();
        packet::put_hello(hello, version, &mut out);
        let written = match write.write_all(&out).await {
            Ok(()) => write.flush().await,
            failed => failed,
        };
        written.map_err(|error| unreachable(broker, &error))?;
        let (writes, queue) = mpsc::channel(QUEUED);
        let writer = tokio::spawn(write_on(write, queue, keep_alive / 2));
        let patience = keep_alive + keep_alive / 2;
        let buffer = BytesMut::with_capacity(READ);
        let mut connection = Self {
            broker: broker.to_owned(),
            read,
            buffer,
            version,
            patience,
            writes,
            writer,
            early: Vec::new(),
            resumed: false,
        };
        let (welcome, _) = connection.packet().await?;
        match welcome {
            Incoming::Welcome { code: 0, session_present } => connection.resumed = session_present,
            Incoming::Welcome { code: 0x84 | 1, .. } => return Ok(None),
            Incoming::Welcome { code, .. } => return Err(turned_away(code, version)),
            _ => return Err(Error::connection(format!("{broker} does not answer as a broker of MQTT does"))),
        }
        let mut out = Vec::new();
        packet::put_subscribe(1, filters, version, &mut out);
        connection.write(out).await?;
        let mut early = Vec::new();
        loop {
            match connection.packet().await? {
                (Incoming::Subscribed { codes }, _) => {
                    check_granted(&codes, filters)?;
                    break;
                }
                // Not into the connection yet: the next call of `receive` would give it back.
                (message @ Incoming::Message { .. }, bytes) => early.push((message, bytes)),
                (Incoming::Goodbye { code }, _) => return Err(goodbye(code)),
                _ => {}
            }
        }
        early.reverse();
        connection.early = early;
        Ok(Some(connection))
    }

    /// The next packet, with its bytes. Cancel safe.
    ///
    /// # Errors
    /// The connection is lost, or the broker says nothing.
    pub(super) async fn receive(&mut self) -> Result<(Incoming, Bytes)> {
        match self.early.pop() {
            Some(early) => Ok(early),
            None => self.packet().await,
        }
    }

    /// The next packet off the wire.
    async fn packet(&mut self) -> Result<(Incoming, Bytes)> {
        loop {
            if self.buffer.starts_with(&TLS_ALERT) {
                let message = format!("{} wants TLS: ask for it with `tls: {{}}`", self.broker);
                return Err(Error::new(ErrorKind::Rejected, Domain::External, Retry::Never, message));
            }
            if let Some(size) = packet::size(&self.buffer).map_err(not_mqtt)? {
                if size > MAX_PACKET_BYTES + 5 {
                    return Err(not_mqtt("a packet is too long".to_owned()));
                }
                if self.buffer.len() >= size {
                    let bytes = self.buffer.split_to(size).freeze();
                    return Ok((packet::read(&bytes, self.version).map_err(not_mqtt)?, bytes));
                }
            }
            self.buffer.reserve(READ);
            let read = timeout(self.patience, self.read.read_buf(&mut self.buffer)).await;
            match read {
                Ok(Ok(0)) => return Err(Error::connection("the broker has closed the connection")),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    return Err(match Failure::of(&error) {
                        Some(failure) => tls::failed(&self.broker, &failure),
                        None => Error::connection(format!("the connection is lost: {error}")),
                    });
                }
                Err(_) => return Err(Error::connection("the broker does not answer any more")),
            }
        }
    }

    /// Whether a packet is there that need not be waited for.
    pub(super) fn has_more(&self) -> bool {
        let whole = packet::size(&self.buffer).ok().flatten();
        !self.early.is_empty() || whole.is_some_and(|size| self.buffer.remaining() >= size)
    }

    /// Hands bytes to the task that writes. Cancel safe: all of them or none.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) async fn write(&self, bytes: Vec<u8>) -> Result<()> {
        self.writes.send(bytes).await.map_err(|_| Error::connection("the connection is lost"))
    }

    /// Says goodbye, and waits until all is written.
    pub(super) async fn close(mut self) {
        let said = self.write(packet::GOODBYE.to_vec()).await;
        // The task ends when nothing more can come.
        let (closed, _) = mpsc::channel(1);
        self.writes = closed;
        if said.is_ok()
            && let Err(error) = (&mut self.writer).await
        {
            tracing::debug!(%error, "a connection was not closed in order");
        }
    }
}

/// Writes what comes, and a ping now and then; ends when the connection does.
async fn write_on(mut write: WriteHalf, mut queue: mpsc::Receiver<Vec<u8>>, every: Duration) {
    let mut pings = interval(every);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.tick().await;
    loop {
        let bytes = tokio::select! {
            bytes = queue.recv() => match bytes {
                Some(bytes) => bytes,
                None => break,
            },
            _ = pings.tick() => packet::PING.to_vec(),
        };
        if write.write_all(&bytes).await.is_err() || write.flush().await.is_err() {
            // Whoever reads learns that the connection is lost.
            return;
        }
    }
    if let Err(error) = write.shutdown().await {
        tracing::debug!(%error, "a connection was not closed in order");
    }
}

fn not_mqtt(reason: String) -> Error {
    Error::connection(format!("the broker does not speak MQTT: {reason}"))
}

fn check_granted(codes: &[u8], filters: &[String]) -> Result<()> {
    let rejected = |message: String| Error::new(ErrorKind::Rejected, Domain::External, Retry::Never, message);
    for (code, filter) in codes.iter().zip(filters) {
        match code {
            0x80.. => {
                return Err(rejected(format!(
                    "the broker does not let this client read `{filter}` (code {code:#04x})"
                )));
            }
            0 => {
                return Err(rejected(format!(
                    "the broker gives `{filter}` with QoS 0 only, with which messages are lost"
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Why the broker does not let a client in.
fn turned_away(code: u8, version: Version) -> Error {
    let never = |kind, message: &str| Error::new(kind, Domain::External, Retry::Never, message);
    let error = match (version, code) {
        (Version::V5, 0x86) | (Version::V3_1_1, 4) => {
            never(ErrorKind::Auth, "the broker does not accept this user and password")
        }
        (Version::V5, 0x87) | (Version::V3_1_1, 5) => {
            never(ErrorKind::Auth, "the broker does not let this client in")
        }
        (Version::V5, 0x8a) => never(ErrorKind::Auth, "the broker has banned this client"),
        (Version::V5, 0x85) | (Version::V3_1_1, 2) => {
            never(ErrorKind::Config, "the broker does not accept this client id")
        }
        _ => Error::connection("the broker lets nobody in now"),
    };
    error.with("code", format!("{code:#04x}"))
}

/// Why the broker has ended a connection.
pub(super) fn goodbye(code: u8) -> Error {
    let error = match code {
        // Both would take it from each other for ever.
        0x8e => Error::new(
            ErrorKind::Rejected,
            Domain::External,
            Retry::Never,
            "another client has connected with this client id: two that run at once need two",
        ),
        0x87 => Error::new(
            ErrorKind::Auth,
            Domain::External,
            Retry::Never,
            "the broker does not let this client in",
        ),
        _ => Error::connection("the broker has ended the connection"),
    };
    error.with("code", format!("{code:#04x}"))
}
