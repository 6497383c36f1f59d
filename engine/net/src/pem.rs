//! PEM files: certificates, private keys, authorities.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// Why files cannot be used for encryption.
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

pub(crate) fn unread(file: &Path, error: impl fmt::Display) -> TlsError {
    TlsError::File { file: file.to_owned(), reason: error.to_string() }
}

pub(crate) fn unfit(error: impl fmt::Display) -> TlsError {
    TlsError::Unfit(error.to_string())
}

/// Where a certificate and a key are no pair.
pub(crate) fn no_pair(key: &Path, certificate: &Path, error: &rustls::Error) -> TlsError {
    unread(key, format!("it is no key for {}: {error}", certificate.display()))
}

/// The certificates of a file, at least one.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| unread(file, error))?;
    match found.is_empty() {
        true => {
            Err(unread(file, "there is no certificate in it: PEM is expected, `-----BEGIN CERTIFICATE-----`"))
        }
        false => Ok(found),
    }
}

/// The private key of a file. It is not encrypted.
pub(crate) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| unread(file, error))
}

/// The authorities of a file; those of the system where there is none.
pub(crate) fn authorities(file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    let Some(file) = file else {
        // A few that cannot be read do not matter.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return match store.is_empty() {
            true => Err(unfit("this system has no certificates of authorities: name a file that has some")),
            false => Ok(store),
        };
    };
    for certificate in certificates(file)? {
        store.add(certificate).map_err(|error| unread(file, error))?;
    }
    Ok(store)
}
