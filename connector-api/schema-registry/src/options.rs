//! Where a registry is, as users say it.

use levada_connector_api::{Problem, Secret, TlsOptions};
use schemars::JsonSchema;
use serde::Deserialize;

/// A schema registry, as Confluent's is asked over HTTP.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaRegistry {
    /// Where it is: `http://` or `https://`, a host, a port unless it is the usual one, a path if there is one.
    #[schemars(example = &"http://localhost:8081")]
    pub url: String,
    /// The user to log in as.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// How `https` is encrypted.
    #[serde(default)]
    pub tls: Option<TlsOptions>,
}

impl SchemaRegistry {
    /// What cannot work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let host = self.url.strip_prefix("http://").or_else(|| self.url.strip_prefix("https://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
            let message = format!("`{}` is no address of a registry, as in http://localhost:8081", self.url);
            problems.push(Problem::new("registry.url", message));
        }
        if self.password.is_some() && self.user.is_none() {
            problems.push(Problem::new(
                "registry.password",
                "whose password it is is not said: `user` is missing",
            ));
        }
        if let Some(tls) = &self.tls {
            problems.extend(tls.problems("registry.tls"));
            if self.url.starts_with("http://") {
                problems.push(Problem::new(
                    "registry.tls",
                    "nothing is encrypted with `http://`: write `https://`",
                ));
            }
        }
        problems
    }
}
