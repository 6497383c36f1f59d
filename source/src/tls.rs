//! TLS as the options of sources say it, and its failures as errors of sources.

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry, TlsOptions};
use levada_net::{ClientFiles, ClientTls, Failure, TlsError};

/// A client's side of encryption. `path` is where the options stand.
///
/// # Errors
/// A file cannot be used.
pub(crate) fn client(options: &TlsOptions, path: &str) -> Result<ClientTls> {
    let files = ClientFiles {
        authorities: options.ca_file.clone(),
        certificate: options.crt_file.clone(),
        key: options.key_file.clone(),
        any_host: !options.verify_hostname,
    };
    ClientTls::load(files).map_err(|error| unusable(&error, path))
}

/// The error where the files of the options at `path` cannot be used.
pub(crate) fn unusable(error: &TlsError, path: &str) -> Error {
    Error::config(error.to_string()).with("option", path)
}

/// The error of a connection whose encryption failed: it ends the source where waiting does not heal it.
pub(crate) fn failed(address: &str, failure: &Failure) -> Error {
    let message = format!("{address}: {failure}");
    match failure.lasts() {
        true => Error::new(ErrorKind::Rejected, Domain::External, Retry::Never, message),
        false => Error::connection(message),
    }
}
