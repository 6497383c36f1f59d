//! A client's side of encryption: whom it trusts, and what it shows of itself.

mod any_host;

use std::{
    fmt,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring, pki_types::ServerName,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use self::any_host::AnyHost;
use crate::{
    Failure, TlsError,
    pem::{authorities, certificates, no_pair, private_key, unfit},
    renewed::{Files, Renewed},
};

/// An encrypted connection with a server.
pub type ClientStream = TlsStream<TcpStream>;
/// An encrypted connection with a server for a thread that may block.
pub type BlockingStream<S> = StreamOwned<ClientConnection, S>;

/// Which files a client's encryption needs, all PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFiles {
    /// Certificates of the authorities that are trusted; those of the system where there is none.
    pub authorities: Option<PathBuf>,
    /// The client's own certificate, and those between it and an authority, for servers that ask for one.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, not encrypted.
    pub key: Option<PathBuf>,
    /// Take a certificate that an authority vouches for whichever host it names.
    pub any_host: bool,
}

/// How a client encrypts. Clones share the files.
#[derive(Clone)]
pub struct ClientTls(Arc<Renewed<ClientFiles>>);

impl ClientTls {
    /// Reads the files. If one of them has changed, the next handshake reads them all again. Files
    /// that cannot be used are logged, and the ones read before stay in use.
    ///
    /// # Errors
    /// A file cannot be read or is no PEM of its kind; certificate and key do not fit; the system has no authorities.
    pub fn load(files: ClientFiles) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(Renewed::load(files)?)))
    }

    /// What a library that shakes hands itself is configured with. It does not see files that change later.
    pub fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.0.get())
    }

    /// The same for connections that are not encrypted: one that is would be with nobody that is trusted.
    ///
    /// # Errors
    /// None that is known: the library of ciphers has no version of the protocol.
    pub fn plain_config() -> Result<ClientConfig, TlsError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?;
        Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }

    /// Shakes hands with the server at `address`, a host with or without a port. The caller limits the time.
    ///
    /// # Errors
    /// The connection is lost, or one side does not take what the other shows.
    pub async fn connect(&self, stream: TcpStream, address: &str) -> Result<ClientStream, Failure> {
        let connector = TlsConnector::from(self.0.get());
        let shaken = connector.connect(name_of(address)?, stream).await;
        shaken.map_err(|error| Failure::of_handshake(&error))
    }

    /// Shakes hands as [`connect`](Self::connect) does, and blocks. The stream limits the time.
    ///
    /// # Errors
    /// See [`connect`](Self::connect).
    pub fn connect_blocking<S: Read + Write>(
        &self,
        mut stream: S,
        address: &str,
    ) -> Result<BlockingStream<S>, Failure> {
        let connection = ClientConnection::new(self.0.get(), name_of(address)?);
        let mut connection = connection.map_err(|error| Failure::of_handshake(&io::Error::other(error)))?;
        connection.complete_io(&mut stream).map_err(|error| Failure::of_handshake(&error))?;
        Ok(StreamOwned::new(connection, stream))
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTls")
    }
}

/// The name that the certificate of a server has to have.
fn name_of(address: &str) -> Result<ServerName<'static>, Failure> {
    let host = match address.rsplit_once(':') {
        // An address of IPv6 has colons of its own.
        Some((host, _)) if !host.contains(':') || host.ends_with(']') => host,
        _ => address,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(|error| Failure::Name(host.to_owned(), error.to_string()))
}

impl Files for ClientFiles {
    type Given = Arc<ClientConfig>;

    fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.authorities, &self.certificate, &self.key].into_iter().flatten().map(PathBuf::as_path)
    }

    fn read(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let authorities = authorities(self.authorities.as_deref())?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?;
        let builder = if self.any_host {
            let verifier = AnyHost::new(authorities, provider)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        } else {
            builder.with_root_certificates(authorities)
        };
        let config = match (&self.certificate, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => builder
                .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
                .map_err(|error| no_pair(key, certificate, &error))?,
            _ => return Err(unfit("a certificate and its key belong together, and one of them is missing")),
        };
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn the_name_of_a_server_is_its_address_without_the_port() {
        let name = |address| name_of(address).map(|name| name.to_str().into_owned());
        for (address, expected) in [
            ("host:6667", "host"),
            ("host", "host"),
            ("127.0.0.1:6667", "127.0.0.1"),
            ("[::1]:6667", "::1"),
            ("[::1]", "::1"),
            ("::1", "::1"),
        ] {
            assert_eq!(name(address).as_deref(), Ok(expected), "{address}");
        }
        assert!(name("a host:1").expect_err("no name").to_string().contains("`a host` is no name"));
    }
}
