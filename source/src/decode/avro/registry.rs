//! A schema registry: what it says of ids is kept, as an id stands for one schema for ever.
//!
//! ```text
//!   GET /schemas/ids/7  ──▶ 200 {"schema": "…", "references": [{"subject": "place", "version": 2}, …]}    kept
//!                           404 {"error_code": 40403, …}          records are rejected; asked again after a while
//!                           anything else, or nobody              not now: records wait
//! ```
//!
//! A status of 404 alone says nothing of a schema: a proxy gives it while the registry behind it is away, and so does another server.
//! The registry's own code counts.

mod encrypted;

use std::{
    collections::HashMap,
    fmt,
    ops::RangeInclusive,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use levada_connector_api::{DecodeError, Result};
use parking_lot::Mutex;
use serde::Deserialize;
use ureq::{
    Agent,
    unversioned::{
        resolver::DefaultResolver,
        transport::{Connector, TcpConnector},
    },
};

use self::encrypted::Encrypts;
use super::{options::SchemaRegistry, shape::Shapes};
use crate::tls;

/// An answer is waited for so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// An id that is not known is asked for again so often.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// Schemas that refer to others that refer to others.
const DEEPEST: usize = 16;
/// By these codes a registry says that it has no such schema, subject or version.
const HAS_NONE: RangeInclusive<u32> = 40_401..=40_499;

/// A schema registry. It is asked by one decoder at a time, which blocks meanwhile.
pub(super) struct Registry {
    agent: Agent,
    url: String,
    login: Option<String>,
    known: Mutex<HashMap<u32, Known>>,
}

/// What is known of an id.
#[derive(Clone)]
enum Known {
    Schema(Arc<Shapes>),
    /// What the registry has cannot be read.
    Unfit(String),
    /// The registry has none, or none of what it refers to, when it was asked.
    Missing(Option<String>, Instant),
}

/// Why there is no schema.
enum Fault {
    /// The registry says that it has none; or which of those that it refers to it does not have.
    Missing(Option<String>),
    Unfit(String),
    Away(String),
}

/// A schema as the registry gives it.
#[derive(Deserialize)]
struct Answer {
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

/// What it says instead of a schema.
#[derive(Default, Deserialize)]
struct Complaint {
    #[serde(default)]
    error_code: u32,
    #[serde(default)]
    message: String,
}

impl Registry {
    /// Reads the files of its encryption; asks nothing yet.
    ///
    /// # Errors
    /// A file cannot be used.
    pub(super) fn new(options: &SchemaRegistry) -> Result<Self> {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .proxy(None)
            .user_agent("levada")
            .build();
        let tls = match options.url.starts_with("https://") {
            true => Some(tls::client(&options.tls.clone().unwrap_or_default(), "registry.tls")?),
            false => None,
        };
        let connector = ().chain(TcpConnector::default()).chain(Encrypts(tls));
        let agent = Agent::with_parts(config, connector, DefaultResolver::default());
        let login = options.user.as_ref().map(|user| {
            let password = options.password.as_ref().map_or("", |password| password.reveal());
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        });
        let url = options.url.trim_end_matches('/').to_owned();
        Ok(Self { agent, url, login, known: Mutex::default() })
    }

    /// The schema of an id.
    ///
    /// # Errors
    /// The registry has none, or one that cannot be read; or not now, as the registry is away.
    pub(super) fn schema(&self, id: u32) -> Result<Arc<Shapes>, DecodeError> {
        let mut known = self.known.lock();
        let asks = match known.get(&id) {
            None => true,
            Some(Known::Missing(_, asked)) => asked.elapsed() >= ASK_AGAIN,
            Some(_) => false,
        };
        if asks {
            let found = match self.ask(&format!("/schemas/ids/{id}")) {
                Ok(shapes) => Known::Schema(Arc::new(shapes)),
                Err(Fault::Unfit(why)) => Known::Unfit(why),
                Err(Fault::Missing(reference)) => Known::Missing(reference, Instant::now()),
                Err(Fault::Away(why)) => {
                    return Err(DecodeError::not_now(format!("the schema {id} cannot be had: {why}")));
                }
            };
            known.insert(id, found);
        }
        match known.get(&id) {
            Some(Known::Schema(shapes)) => Ok(Arc::clone(shapes)),
            Some(Known::Unfit(why) | Known::Missing(Some(why), _)) => {
                Err(DecodeError::new(format!("the schema {id}: {why}")))
            }
            _ => Err(DecodeError::new(format!("the schema registry at {} has no schema {id}", self.url))),
        }
    }

    /// A schema with all that it refers to.
    fn ask(&self, path: &str) -> Result<Shapes, Fault> {
        let answer = self.get(path)?;
        let mut references = Vec::new();
        self.follow(&answer.references, 0, &mut references)?;
        let texts: Vec<_> = references.into_iter().map(|(_, text)| text).collect();
        Shapes::parse(&answer.schema, &texts).map_err(Fault::Unfit)
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
        let away = |why: &dyn fmt::Display| {
            Fault::Away(format!("the schema registry at {} does not give it: {why}", self.url))
        };
        let mut request = self
            .agent
            .get(format!("{}{path}", self.url))
            .header("Accept", "application/vnd.schemaregistry.v1+json, application/json");
        if let Some(login) = &self.login {
            request = request.header("Authorization", login);
        }
        let mut response = request.call().map_err(|error| away(&error))?;
        let status = response.status();
        let body = response.body_mut().read_to_string().map_err(|error| away(&error))?;
        if status.is_success() {
            let answer: Answer = serde_json::from_str(&body)
                .map_err(|error| away(&format!("what it answers is no schema: {error}")))?;
            return match answer.kind.as_deref() {
                None | Some("AVRO") => Ok(answer),
                Some(kind) => Err(Fault::Unfit(format!("it is one of {kind}, and only Avro is read"))),
            };
        }
        let complaint: Complaint = serde_json::from_str(&body).unwrap_or_default();
        if status.as_u16() == 404 && HAS_NONE.contains(&complaint.error_code) {
            return Err(Fault::Missing(None));
        }
        Err(away(&format!("{status} {}", complaint.message).trim_end()))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("url", &self.url).finish_non_exhaustive()
    }
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
