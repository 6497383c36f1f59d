//! A server's side of encryption: what it shows of itself, and whom it lets in.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{ServerConfig, crypto::ring, server::WebPkiClientVerifier};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::debug;

use crate::{
    TlsError,
    pem::{authorities, certificates, no_pair, private_key, unfit, unread},
    renewed::{Files, Renewed},
};

/// How long a client that was answered with an alert has to hang up.
const LINGER: Duration = Duration::from_secs(1);
/// How a record of a handshake begins.
const HANDSHAKE_RECORD: [u8; 1] = [0x16];
/// An alert: fatal, `unexpected_message`.
const UNEXPECTED: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 10];

/// An encrypted connection with a client.
pub type ServerStream = TlsStream<TcpStream>;

/// Which files a server's encryption needs, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFiles {
    /// The certificate that is shown to clients, with those between it and an authority behind it.
    pub certificate: PathBuf,
    /// The certificate's private key, not encrypted.
    pub key: PathBuf,
    /// Certificates of the authorities that vouch for clients; clients need no certificate where there is none.
    pub authorities: Option<PathBuf>,
}

/// How a server encrypts. Clones share the files.
#[derive(Clone)]
pub struct ServerTls(Arc<Renewed<ServerFiles>>);

impl ServerTls {
    /// Reads the files. If one of them has changed, the next handshake reads them all again. Files
    /// that cannot be used are logged, and the ones read before stay in use.
    ///
    /// # Errors
    /// A file cannot be read or is no PEM of its kind; the key is not the certificate's.
    pub fn load(files: ServerFiles) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(Renewed::load(files)?)))
    }

    /// Shakes hands with a client. One that does not begin so is answered with an alert, which tells those that know TLS what is
    /// wanted here. The caller limits the time.
    ///
    /// # Errors
    /// The connection is lost, or one side does not take what the other shows.
    pub async fn accept(&self, mut stream: TcpStream) -> io::Result<ServerStream> {
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
        TlsAcceptor::from(self.0.get()).accept(stream).await
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}

impl Files for ServerFiles {
    type Given = Arc<ServerConfig>;

    fn paths(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.certificate), Some(&self.key), self.authorities.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
    }

    fn read(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?;
        let builder = match &self.authorities {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let roots = Arc::new(authorities(Some(file))?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| unread(file, error))?)
            }
        };
        let config = builder
            .with_single_cert(certificates(&self.certificate)?, private_key(&self.key)?)
            .map_err(|error| no_pair(&self.key, &self.certificate, &error))?;
        Ok(Arc::new(config))
    }
}
