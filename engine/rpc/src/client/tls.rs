//! Encrypted connections: whom a client trusts, and what it shows of itself.

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_model::{SessionError, StatusCode};
use parking_lot::Mutex;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tracing::{info, warn};

use super::ClientError;

/// Authentication failed before a login: the code IoTDB has for it.
const INIT_AUTH_ERROR: StatusCode = StatusCode(800);

/// Which files a client's encryption needs, all PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authorities that are trusted; those of the system where there is none.
    pub authorities: Option<PathBuf>,
    /// The client's own certificate, and those between it and an authority, for servers that ask for one.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, not encrypted.
    pub key: Option<PathBuf>,
    /// Take a certificate that an authority vouches for whichever host it names.
    pub any_host: bool,
}

/// Why a client cannot encrypt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used.
    #[error("{}: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The parts do not fit together, or one is missing.
    #[error("{0}")]
    Unfit(String),
}

/// How a client encrypts. Clones share the files.
#[derive(Clone)]
pub struct Tls(Arc<Loaded>);

/// The files, and what they held when they were last read.
struct Loaded {
    files: TlsFiles,
    current: Mutex<([Mark; 3], TlsConnector)>,
}

/// What tells whether a file has changed: device, inode, length, seconds and nanoseconds.
type Mark = Option<(u64, u64, u64, i64, i64)>;

impl TlsFiles {
    fn marks(&self) -> [Mark; 3] {
        [&self.authorities, &self.certificate, &self.key].map(|file| {
            let about = fs::metadata(file.as_ref()?).ok()?;
            Some((about.dev(), about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
        })
    }
}

impl Tls {
    /// Reads the files. If one of them has changed, the next handshake reads them all again. Files
    /// that cannot be used are logged, and the ones read before stay in use.
    ///
    /// # Errors
    /// A file cannot be read or is no PEM of its kind; certificate and key do not fit; the system has no authorities.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        // What changes while it is read is read again.
        let marks = files.marks();
        let current = Mutex::new((marks, Self::connector_of(files)?));
        Ok(Self(Arc::new(Loaded { files: files.clone(), current })))
    }

    fn connector(&self) -> TlsConnector {
        let Loaded { files, current } = &*self.0;
        let marks = files.marks();
        let mut current = current.lock();
        if current.0 != marks {
            current.0 = marks;
            match Self::connector_of(files) {
                Ok(connector) => {
                    info!("the certificates for connections to nodes were read anew");
                    current.1 = connector;
                }
                Err(error) => warn!(
                    %error,
                    "the certificates for connections to nodes have changed and cannot be used: those before count"
                ),
            }
        }
        current.1.clone()
    }

    fn connector_of(files: &TlsFiles) -> Result<TlsConnector, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let authorities = Arc::new(match &files.authorities {
            Some(file) => authorities_of(file)?,
            None => authorities_of_the_system()?,
        });
        let unfit = |error: Error| TlsError::Unfit(error.to_string());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?;
        let builder = if files.any_host {
            builder.dangerous().with_custom_certificate_verifier(AnyHost::new(authorities, provider)?)
        } else {
            builder.with_root_certificates(authorities)
        };
        let config = match (&files.certificate, &files.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate)?;
                let key_file = key;
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unread(key_file, &error))?;
                let pair = builder.with_client_auth_cert(chain, key);
                pair.map_err(|error| TlsError::File {
                    file: key_file.clone(),
                    reason: format!("it is no key for {}: {error}", certificate.display()),
                })?
            }
            _ => {
                let message = "a certificate and its key belong together, and one of them is missing";
                return Err(TlsError::Unfit(message.to_owned()));
            }
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }

    /// Shakes hands with a node.
    pub(super) async fn secure(
        &self,
        stream: TcpStream,
        node: &str,
    ) -> Result<TlsStream<TcpStream>, ClientError> {
        let host = node.rsplit_once(':').map_or(node, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            rejected(node, &format!("`{host}` is no name that a certificate could be for: {error}"))
        })?;
        self.connector().connect(name, stream).await.map_err(|error| {
            failure(node, &error, true).unwrap_or_else(|| ClientError::Lost {
                node: node.to_owned(),
                reason: format!(
                    "cannot agree on encryption: {error}; perhaps it does not serve TLS (`enable_thrift_ssl` of an \
                     IoTDB)"
                ),
                timed_out: false,
            })
        })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn unread(file: &Path, error: &impl fmt::Display) -> TlsError {
    TlsError::File { file: file.to_owned(), reason: error.to_string() }
}

/// The certificates of a file, at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(file).map_err(|error| unread(file, &error))?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| unread(file, &error))?;
    if found.is_empty() {
        return Err(unread(
            file,
            &"there is no certificate in it: PEM is expected, `-----BEGIN CERTIFICATE-----`",
        ));
    }
    Ok(found)
}

fn authorities_of(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(file)? {
        store.add(certificate).map_err(|error| unread(file, &error))?;
    }
    Ok(store)
}

/// Those of the system; a few that cannot be read do not matter.
fn authorities_of_the_system() -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        let message = "this system has no certificates of authorities: name a file that has some";
        return Err(TlsError::Unfit(message.to_owned()));
    }
    Ok(store)
}

/// What an error of a connection, or of its `handshake`, says of its encryption, where it does: a rejection where waiting does not
/// heal it. With others the connection is lost.
pub(super) fn failure(node: &str, error: &io::Error, handshake: bool) -> Option<ClientError> {
    let inner = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match inner {
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => lost(node, inner),
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => rejected(
            node,
            "no authority that is trusted here vouches for its certificate: name the authority's own certificate, a PEM \
             file, as the one to trust",
        ),
        Error::InvalidCertificate(reason) => {
            rejected(node, &format!("its certificate is rejected: {reason}"))
        }
        Error::AlertReceived(alert) if lasts(*alert) => rejected(
            node,
            &format!("it rejects the encrypted connection: {alert:?}; it may want a certificate"),
        ),
        Error::InvalidMessage(_) if handshake => {
            rejected(node, "it does not speak TLS: ask for none, or enable it there")
        }
        Error::PeerIncompatible(_) => rejected(node, &format!("cannot agree on encryption: {inner}")),
        _ => lost(node, inner),
    })
}

/// Whether a server that answers so will do so again until somebody changes something. What it says when it is short of something,
/// ends, or finds a record broken passes with the connection; the time of a certificate passes when that is replaced.
fn lasts(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::HandshakeFailure
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::UnknownCA
            | Alert::ProtocolVersion
            | Alert::InsufficientSecurity
            | Alert::UnrecognisedName
            | Alert::NoApplicationProtocol
    )
}

/// The error where a server speaks TLS to a client that does not.
pub(super) fn wanted(node: &str) -> ClientError {
    rejected(
        node,
        "it wants TLS: ask for it (`tls: {}` at `nodes` of a pipeline, `--tls` on the command line)",
    )
}

fn lost(node: &str, error: &Error) -> ClientError {
    ClientError::Lost { node: node.to_owned(), reason: error.to_string(), timed_out: false }
}

fn rejected(node: &str, reason: &str) -> ClientError {
    ClientError::Rejected(SessionError::new(INIT_AUTH_ERROR, format!("{node}: {reason}")))
}

/// Certificates are verified but for the host they name.
#[derive(Debug)]
struct AnyHost(Arc<WebPkiServerVerifier>);

impl AnyHost {
    fn new(authorities: Arc<RootCertStore>, provider: Arc<CryptoProvider>) -> Result<Arc<Self>, TlsError> {
        let verifier = WebPkiServerVerifier::builder_with_provider(authorities, provider).build();
        Ok(Arc::new(Self(verifier.map_err(|error| TlsError::Unfit(error.to_string()))?)))
    }
}

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // The name is looked at last: whoever gets that far is vouched for.
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::InvalidMessage;

    use super::*;

    /// Alerts that last, and ones that pass.
    const LASTING: [AlertDescription; 3] = [
        AlertDescription::CertificateRequired,
        AlertDescription::UnknownCA,
        AlertDescription::HandshakeFailure,
    ];
    const PASSING: [AlertDescription; 4] = [
        AlertDescription::InternalError,
        AlertDescription::UserCanceled,
        AlertDescription::AccessDenied,
        AlertDescription::CertificateExpired,
    ];
    const PLAIN: rustls::Error = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);

    fn broken(error: rustls::Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    #[test]
    fn only_what_waiting_does_not_heal_is_a_rejection() {
        let rejects = |error, handshake| {
            matches!(failure("node:6667", &broken(error), handshake), Some(ClientError::Rejected(_)))
        };
        for handshake in [true, false] {
            assert!(LASTING.iter().all(|alert| rejects(Error::AlertReceived(*alert), handshake)));
            assert!(!PASSING.iter().any(|alert| rejects(Error::AlertReceived(*alert), handshake)));
            assert_eq!(rejects(PLAIN, handshake), handshake);
            assert!(!rejects(Error::DecryptError, handshake));
        }
    }
}
