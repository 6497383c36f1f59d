//! TLS: what a source trusts and shows as a client, and the certificate that it shows as a server.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry, TlsOptions};
use parking_lot::Mutex;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

/// A connection with a server, encrypted.
///
/// # Errors
/// A file cannot be used; the server is not there, or its certificate is not one that these options trust.
pub(crate) async fn connect(
    options: &TlsOptions,
    stream: TcpStream,
    address: &str,
) -> Result<TlsStream<TcpStream>> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host.clone()).map_err(|error| {
        Error::config(format!("`{host}` is no name that a certificate could be for: {error}"))
    })?;
    let connector = TlsConnector::from(Arc::new(client(options)?));
    connector.connect(name, stream).await.map_err(|error| {
        let lost = || Error::connection(format!("{address}: cannot agree on encryption: {error}"));
        failure(address, &error, true).unwrap_or_else(lost)
    })
}

fn client(options: &TlsOptions) -> Result<ClientConfig> {
    let roots = match &options.ca_file {
        Some(file) => authorities(file)?,
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?.with_root_certificates(roots);
    match (&options.crt_file, &options.key_file) {
        (Some(certificate), Some(key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(|error| no_pair(key, certificate, &error)),
        _ => Ok(builder.with_no_client_auth()),
    }
}

/// What an error of a connection, or of its `handshake`, says of its encryption, where waiting does not heal it.
pub(crate) fn failure(address: &str, error: &io::Error, handshake: bool) -> Option<Error> {
    use rustls::Error as Tls;
    let reason = match error.get_ref()?.downcast_ref::<Tls>()? {
        // The time of a certificate comes, and passes when it is replaced.
        Tls::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => return None,
        Tls::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "no authority that is trusted here vouches for its certificate: name the authority's own as `tls.ca_file`".to_owned()
        }
        Tls::InvalidCertificate(reason) => format!("its certificate is rejected: {reason}"),
        Tls::AlertReceived(alert) if lasts(*alert) => {
            format!("it rejects the encrypted connection: {alert:?}; it may want a certificate")
        }
        // Later it is a broken record: it has spoken TLS.
        Tls::InvalidMessage(_) if handshake => "it does not speak TLS: leave out `tls`, or use its other port".to_owned(),
        _ => return None,
    };
    let message = format!("{address}: {reason}");
    Some(Error::new(ErrorKind::Rejected, Domain::External, Retry::Never, message))
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

/// Which files a server's encryption needs, all PEM.
#[derive(Clone, Debug)]
pub(crate) struct ServerFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// The authorities that vouch for clients; clients need no certificate where there are none.
    pub(crate) authorities: Option<PathBuf>,
}

/// A server's side of encryption. Files that change count for connections that come after.
pub(crate) struct Server {
    files: ServerFiles,
    current: Mutex<(Vec<Mark>, TlsAcceptor)>,
}

/// What tells whether a file has changed.
type Mark = Option<(u64, SystemTime)>;

impl Server {
    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be read or is no PEM of its kind; the key is not the certificate's.
    pub(crate) fn load(files: ServerFiles) -> Result<Self> {
        let current = Mutex::new((files.marks(), files.read()?));
        Ok(Self { files, current })
    }

    /// What shakes hands with a client that comes now. Files that have changed and cannot be used are told in the log, and what was
    /// there before counts.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock();
        let marks = self.files.marks();
        if marks != current.0 {
            match self.files.read() {
                Ok(acceptor) => *current = (marks, acceptor),
                Err(error) => {
                    tracing::warn!(%error, "a certificate has changed and cannot be used: the one before counts");
                    current.0 = marks;
                }
            }
        }
        current.1.clone()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ServerFiles {
    fn marks(&self) -> Vec<Mark> {
        let files = [Some(&self.certificate), Some(&self.key), self.authorities.as_ref()];
        let mark = |file: &PathBuf| {
            let about = fs::metadata(file).ok()?;
            Some((about.len(), about.modified().ok()?))
        };
        files.into_iter().flatten().map(mark).collect()
    }

    fn read(&self) -> Result<TlsAcceptor> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?;
        let builder = match &self.authorities {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities(file)?), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(|error| unread(file, &error))?)
            }
        };
        let config = builder
            .with_single_cert(certificates(&self.certificate)?, private_key(&self.key)?)
            .map_err(|error| no_pair(&self.key, &self.certificate, &error))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn authorities(file: &Path) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(file)? {
        store.add(certificate).map_err(|error| unread(file, &error))?;
    }
    Ok(store)
}

/// The certificates of a file, at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
    let found = found.map_err(|error| unread(file, &error))?;
    match found.is_empty() {
        true => Err(unread(file, &"there is no certificate in it: PEM is expected")),
        false => Ok(found),
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| unread(file, &error))
}

fn unread(file: &Path, why: &dyn fmt::Display) -> Error {
    Error::config(format!("{}: {why}", file.display())).with("option", "tls")
}

fn no_pair(key: &Path, certificate: &Path, why: &rustls::Error) -> Error {
    unread(key, &format!("it is no key for {}: {why}", certificate.display()))
}

fn unfit(error: rustls::Error) -> Error {
    Error::config(format!("TLS cannot be used: {error}"))
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
    fn only_what_waiting_does_not_heal_ends_a_source() {
        let ends = |error, handshake| failure("broker:8883", &broken(error), handshake).is_some();
        for handshake in [true, false] {
            assert!(LASTING.iter().all(|alert| ends(rustls::Error::AlertReceived(*alert), handshake)));
            assert!(!PASSING.iter().any(|alert| ends(rustls::Error::AlertReceived(*alert), handshake)));
            assert_eq!(ends(PLAIN, handshake), handshake);
        }
    }
}
