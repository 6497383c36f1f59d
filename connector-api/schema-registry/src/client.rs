//! A client of a registry.
//!
//! ```text
//!   GET  /schemas/ids/7                      ──▶ 200 {"schema": "…", "references": [{"subject": "place", "version": 2}, …]}
//!   GET  /subjects/SUBJECT/versions/latest   ──▶ 200 {"id": 7, "schema": "…", …}
//!   POST /subjects/SUBJECT[/versions]        ──▶ 200 {"id": 7}      looked up, or registered if it is new
//!                                                404 {"error_code": 40403, …}       there is none
//!                                                409, 422                           it does not take the schema
//!                                                401, 403                           not for this user
//!                                                anything else, or nobody           not now
//! ```
//!
//! A status of 404 alone says nothing of a schema: a proxy gives it while the registry behind it is away, and so does another server.
//! The registry's own code counts. Each call blocks, ten seconds at most.

mod encrypted;

use std::{fmt, ops::RangeInclusive, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use levada_connector_api::{Error, Result, TlsOptions};
use levada_net::{ClientFiles, ClientTls};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use ureq::{
    Agent, Body, RequestBuilder,
    http::Response,
    unversioned::{
        resolver::DefaultResolver,
        transport::{Connector, TcpConnector},
    },
};

use self::encrypted::Encrypts;
use crate::SchemaRegistry;

/// An answer is waited for so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Schemas that refer to others that refer to others.
const DEEPEST: usize = 16;
/// By these codes a registry says that it has no such schema, subject or version.
const HAS_NONE: RangeInclusive<u32> = 40_401..=40_499;
/// What is sent.
const KIND: &str = "application/vnd.schemaregistry.v1+json";
/// What is taken for an answer.
const ACCEPTED: &str = "application/vnd.schemaregistry.v1+json, application/json";

/// A client of a schema registry. Each of its calls blocks.
pub struct Client {
    agent: Agent,
    url: String,
    login: Option<String>,
}

/// Why a registry did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It says that it has none; or which of those that a schema refers to it does not have.
    Missing(Option<String>),
    /// What it has is no schema of Avro, or none that can be read.
    Unfit(String),
    /// It does not take the schema: it is not compatible with those before it, or not legal.
    Refused(String),
    /// This user may not.
    Denied(String),
    /// Nobody answers, or somebody else.
    Away(String),
}

/// A schema that a registry has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its id; 0 where the registry was asked for an id.
    pub id: u32,
    /// Its text.
    pub schema: String,
    /// Schemas that it refers to, each behind those that it refers to itself.
    pub references: Vec<String>,
}

/// A schema as the registry gives it.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: u32,
    schema: String,
    #[serde(default, rename = "schemaType")]
    kind: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    subject: String,
    version: i64,
}

/// What it says of a schema that it was given.
#[derive(Deserialize)]
struct Taken {
    id: u32,
}

/// What it says instead.
#[derive(Default, Deserialize)]
struct Complaint {
    #[serde(default)]
    error_code: u32,
    #[serde(default)]
    message: String,
}

impl Client {
    /// Reads the files of its encryption; asks nothing yet.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn new(options: &SchemaRegistry) -> Result<Self> {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .proxy(None)
            .user_agent("levada")
            .build();
        let tls = match options.url.starts_with("https://") {
            true => Some(encryption(options.tls.clone().unwrap_or_default())?),
            false => None,
        };
        let connector = ().chain(TcpConnector::default()).chain(Encrypts(tls));
        let agent = Agent::with_parts(config, connector, DefaultResolver::default());
        let login = options.user.as_ref().map(|user| {
            let password = options.password.as_ref().map_or("", |password| password.reveal());
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        });
        let url = options.url.trim_end_matches('/').to_owned();
        Ok(Self { agent, url, login })
    }

    /// Where the registry is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The schema of an id.
    ///
    /// # Errors
    /// There is none, or it cannot be had.
    pub fn schema(&self, id: u32) -> Result<Found, Fault> {
        self.found(&format!("/schemas/ids/{id}"))
    }

    /// The last schema of a subject; `None` where it has none yet.
    ///
    /// # Errors
    /// It cannot be had, or is none of Avro.
    pub fn latest(&self, subject: &str) -> Result<Option<Found>, Fault> {
        match self.found(&format!("/subjects/{}/versions/latest", escaped(subject))) {
            Ok(found) => Ok(Some(found)),
            Err(Fault::Missing(None)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The id of a schema of a subject, which is registered if it is new.
    ///
    /// # Errors
    /// The registry does not take it, or cannot be asked.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, Fault> {
        self.post(&format!("/subjects/{}/versions", escaped(subject)), schema)
    }

    /// The id of a schema of a subject that has been registered.
    ///
    /// # Errors
    /// The subject does not have it, or the registry cannot be asked.
    pub fn look_up(&self, subject: &str, schema: &str) -> Result<u32, Fault> {
        self.post(&format!("/subjects/{}", escaped(subject)), schema)
    }

    /// A schema with all that it refers to.
    fn found(&self, path: &str) -> Result<Found, Fault> {
        let answer = self.get(path)?;
        let mut references = Vec::new();
        self.follow(&answer.references, 0, &mut references)?;
        let references = references.into_iter().map(|(_, text)| text).collect();
        Ok(Found { id: answer.id, schema: answer.schema, references })
    }

    fn follow(
        &self,
        references: &[Reference],
        depth: usize,
        into: &mut Vec<(String, String)>,
    ) -> Result<(), Fault> {
        for Reference { subject, version } in references {
            let path = format!("/subjects/{}/versions/{version}", escaped(subject));
            if into.iter().any(|(known, _)| *known == path) {
                continue;
            }
            if depth >= DEEPEST {
                return Err(Fault::Unfit(format!("it refers to others more than {DEEPEST} deep")));
            }
            let answer = self.get(&path).map_err(|fault| match fault {
                Fault::Missing(_) => Fault::Missing(Some(format!(
                    "it refers to version {version} of `{subject}`, which the registry does not have"
                ))),
                other => other,
            })?;
            self.follow(&answer.references, depth + 1, into)?;
            into.push((path, answer.schema));
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Result<Answer, Fault> {
        let request = self.headed(self.agent.get(format!("{}{path}", self.url)));
        let response = request.call().map_err(|error| self.away(&error))?;
        let answer: Answer = self.answer(response)?;
        match answer.kind.as_deref() {
            None | Some("AVRO") => Ok(answer),
            Some(kind) => Err(Fault::Unfit(format!("it is one of {kind}, and only Avro is read"))),
        }
    }

    fn post(&self, path: &str, schema: &str) -> Result<u32, Fault> {
        let request = self.headed(self.agent.post(format!("{}{path}", self.url)));
        let request = request.header("Content-Type", KIND);
        let body = json!({"schema": schema}).to_string();
        let response = request.send(body).map_err(|error| self.away(&error))?;
        Ok(self.answer::<Taken>(response)?.id)
    }

    fn headed<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        let request = request.header("Accept", ACCEPTED);
        match &self.login {
            Some(login) => request.header("Authorization", login),
            None => request,
        }
    }

    fn answer<T: DeserializeOwned>(&self, mut response: Response<Body>) -> Result<T, Fault> {
        let status = response.status();
        let body = response.body_mut().read_to_string().map_err(|error| self.away(&error))?;
        if status.is_success() {
            return serde_json::from_str(&body)
                .map_err(|error| self.away(&format!("what it answers is no schema: {error}")));
        }
        let Complaint { error_code, message } = serde_json::from_str(&body).unwrap_or_default();
        let said = format!("{status} {message}");
        let said = said.trim_end();
        Err(match status.as_u16() {
            404 if HAS_NONE.contains(&error_code) => Fault::Missing(None),
            // Its own code, and not that of a proxy.
            409 | 422 if error_code != 0 => Fault::Refused(said.to_owned()),
            401 | 403 => Fault::Denied(format!("the schema registry at {} says {said}", self.url)),
            _ => self.away(&said),
        })
    }

    fn away(&self, why: &dyn fmt::Display) -> Fault {
        Fault::Away(format!("the schema registry at {} cannot be used now: {why}", self.url))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

fn encryption(options: TlsOptions) -> Result<ClientTls> {
    let files = ClientFiles {
        authorities: options.ca_file,
        certificate: options.crt_file,
        key: options.key_file,
        any_host: !options.verify_hostname,
    };
    ClientTls::load(files).map_err(|error| Error::config(error.to_string()).with("option", "registry.tls"))
}

/// A name as a part of a path.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
