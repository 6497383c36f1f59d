//! The one client, and what its answers mean.

use std::{error::Error as StdError, fmt, time::Duration};

use async_trait::async_trait;
use levada_connector_api::{Error, Result};
use levada_net::{ClientFiles, ClientTls};
use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService},
};

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(10);

/// A server's answer that the library has no kind of error for.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// What the server says of it, XML as a rule.
    pub(crate) text: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}: {}", self.status, self.text)
    }
}

impl StdError for Answer {}

/// Gives the library a client whose encryption is that of this workspace.
#[derive(Debug)]
pub(crate) struct Connector(Client);

#[derive(Clone, Debug)]
struct Client(reqwest::Client);

impl Connector {
    /// A client. `files` is `None` where nothing is encrypted.
    ///
    /// # Errors
    /// The files cannot be used.
    pub(crate) fn new(files: Option<ClientFiles>, timeout: Duration) -> Result<Self> {
        let encrypted = files.is_some();
        let config = match files {
            Some(files) => ClientTls::load(files).map(|tls| tls.config()),
            None => ClientTls::plain_config(),
        };
        let config = config.map_err(|error| Error::config(error.to_string()).with("option", "tls"))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(encrypted)
            .connect_timeout(CONNECTING)
            .timeout(timeout)
            .build();
        let client = client.map_err(|error| Error::config(format!("no HTTP client can be made: {error}")))?;
        Ok(Self(Client(client)))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = HttpService::call(&self.0, request).await?;
        let status = response.status().as_u16();
        // The library knows these; the others come through it as texts only.
        let known = matches!(status, 304 | 401 | 403 | 404 | 409 | 412) || (200..300).contains(&status);
        if known {
            return Ok(response);
        }
        let text = response.into_body().bytes().await.unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        Err(HttpError::new(HttpErrorKind::Unknown, Answer { status, text }))
    }
}
