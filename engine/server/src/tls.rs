//! Encrypted connections: the server's certificate, read anew when its files change, and handshakes.

use std::{
    collections::VecDeque,
    fmt, fs, io,
    net::SocketAddr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::{debug, info, warn};

/// Why a certificate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub struct TlsError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// A server's side of encryption. Clones share the certificate.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads a certificate, with those between it and an authority behind it, and its private key, which is not encrypted; both
    /// are PEM. If either file has changed, the next handshake reads both again. Files that
    /// cannot be used are logged, and the ones read before stay in use.
    ///
    /// # Errors
    /// A file cannot be read or is no PEM of its kind; the key is not the certificate's.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let failed = |error: rustls::Error| TlsError { file: certificate.into(), reason: error.to_string() };
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let marks = files.marks();
        let pair = Arc::new(files.read(&provider)?);
        let certificates =
            Certificates { files, provider: Arc::clone(&provider), current: Mutex::new((marks, pair)) };
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
        let config = builder.with_no_client_auth().with_cert_resolver(Arc::new(certificates));
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands with a client. One that does not begin so is answered with an alert, which tells those that know TLS what is
    /// wanted here.
    pub(crate) async fn accept(&self, mut stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first != HANDSHAKE_RECORD {
            stream.write_all(&UNEXPECTED).await?;
            stream.shutdown().await?;
            // What the client has sent is read: closed over it, the connection would be reset and the alert lost.
            let mut rest = [0; 4 << 10];
            let ended = async { while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {} };
            if timeout(LINGER, ended).await.is_err() {
                debug!("a client without TLS does not hang up");
            }
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client does not ask for TLS"));
        }
        self.0.accept(stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What tells whether a file has changed: device, inode, length, seconds and nanoseconds.
type Mark = Option<(u64, u64, u64, i64, i64)>;

impl Files {
    fn marks(&self) -> [Mark; 2] {
        [&self.certificate, &self.key].map(|file| {
            let about = fs::metadata(file).ok()?;
            Some((about.dev(), about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
        })
    }

    fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let of = |file: &Path, reason: &dyn fmt::Display| TlsError {
            file: file.to_owned(),
            reason: reason.to_string(),
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| of(&self.certificate, &error))?;
        if chain.is_empty() {
            return Err(of(&self.certificate, &"there is no certificate in it: PEM is expected"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| of(&self.key, &error))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            of(&self.key, &format!("it is no key for {}: {error}", self.certificate.display()))
        })
    }
}

/// The certificate that counts.
#[derive(Debug)]
struct Certificates {
    files: Files,
    provider: Arc<CryptoProvider>,
    current: Mutex<([Mark; 2], Arc<CertifiedKey>)>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let marks = self.files.marks();
        let mut current = self.current.lock();
        let (known, pair) = &mut *current;
        if *known != marks {
            // What cannot be read now is not tried again before it has changed once more.
            *known = marks;
            match self.files.read(&self.provider) {
                Ok(read) => {
                    info!(certificate = %self.files.certificate.display(), "the certificate was read anew");
                    *pair = Arc::new(read);
                }
                Err(error) => {
                    warn!(%error, "the certificate has changed and cannot be used: the one before counts")
                }
            }
        }
        Some(Arc::clone(pair))
    }
}

/// How long a client that was answered with an alert has to hang up.
const LINGER: Duration = Duration::from_secs(1);
/// How a record of a handshake begins.
const HANDSHAKE_RECORD: [u8; 1] = [0x16];
/// An alert: fatal, `unexpected_message`.
const UNEXPECTED: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 10];

/// How long a handshake of HTTP may take, and how many are under way at once at most.
const HANDSHAKE: Duration = Duration::from_secs(10);
const HANDSHAKES: usize = 1_000;
/// How long accepting pauses after it failed.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// A listener for HTTP whose connections have shaken hands. One that is slow to holds up no other.
pub(crate) struct TlsListener {
    listener: TcpListener,
    tls: Tls,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
    /// Those that have shaken hands and were not taken yet.
    ready: VecDeque<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, tls: Tls) -> Self {
        Self { listener, tls, handshakes: JoinSet::new(), ready: VecDeque::new() }
    }

    fn begin(&mut self, stream: TcpStream, peer: SocketAddr) {
        let tls = self.tls.clone();
        self.handshakes.spawn(async move {
            match timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => Some((stream, peer)),
                Ok(Err(error)) => {
                    debug!(%peer, %error, "a handshake failed");
                    None
                }
                Err(_) => None,
            }
        });
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return ready;
            }
            tokio::select! {
                Some(ended) = self.handshakes.join_next() => self.ready.extend(ended.ok().flatten()),
                accepted = self.listener.accept(), if self.handshakes.len() < HANDSHAKES => match accepted {
                    Ok((stream, peer)) => self.begin(stream, peer),
                    Err(error) => {
                        warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_BACKOFF).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
