//! The options of the source.

use std::{path::PathBuf, time::Duration};

use levada_connector_api::{BatchLimits, ByteSize, Interval, Problem, Secret, port_of};
use levada_net::ServerFiles;
use schemars::JsonSchema;
use serde::Deserialize;

/// Where requests are taken, and which.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpOptions {
    /// The address to listen at, `host:port`.
    #[schemars(example = &"127.0.0.1:8087")]
    pub listen: String,
    /// The path of requests.
    #[serde(default = "default_path")]
    pub path: String,
    /// What requests must bring, as `Authorization: Bearer TOKEN`; anybody may send unless given.
    #[serde(default)]
    pub token: Option<Secret>,
    /// Takes encrypted connections only (`https`); connections are not encrypted unless given.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"crt_file": "server.pem", "key_file": "server.key"}))]
    pub tls: Option<HttpTlsOptions>,
    /// The largest body, as it comes and unpacked: one with `Content-Encoding: gzip` is unpacked.
    #[serde(default = "default_body")]
    pub body: ByteSize,
    /// How many connections there may be at once; more wait.
    #[serde(default = "default_connections")]
    #[schemars(range(min = 1))]
    pub connections: usize,
    /// How long a connection may be without a request before it is closed.
    #[serde(default = "default_idle")]
    pub idle: Interval,
    /// How long a request may take, from its first line to its answer.
    #[serde(default = "default_timeout")]
    pub timeout: Interval,
    /// How large batches are at most, and how long requests wait for one to fill.
    #[serde(default = "default_batch")]
    pub batch: BatchLimits,
}

/// How the connections of clients are encrypted. Files that change count for the connections that come after.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpTlsOptions {
    /// The certificate that is shown to clients, with those between it and an authority behind it, in a PEM file.
    #[schemars(example = &"server.pem")]
    pub crt_file: PathBuf,
    /// The private key of `crt_file`, in a PEM file, not encrypted.
    #[schemars(example = &"server.key")]
    pub key_file: PathBuf,
    /// The certificates of the authorities of clients, in a PEM file: clients must show a certificate that one of them vouches for.
    /// Clients need none unless given.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl HttpTlsOptions {
    pub(super) fn files(&self) -> ServerFiles {
        ServerFiles {
            certificate: self.crt_file.clone(),
            key: self.key_file.clone(),
            authorities: self.ca_file.clone(),
        }
    }
}

fn default_path() -> String {
    "/".to_owned()
}

fn default_body() -> ByteSize {
    ByteSize(16 << 20)
}

fn default_connections() -> usize {
    256
}

fn default_idle() -> Interval {
    Interval(Duration::from_secs(60))
}

fn default_timeout() -> Interval {
    Interval(Duration::from_secs(30))
}

fn default_batch() -> BatchLimits {
    BatchLimits { rows: 10_000, bytes: ByteSize(4 << 20), linger: Interval(Duration::from_millis(5)) }
}

impl HttpOptions {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(error) = port_of(&self.listen) {
            problems.push(Problem::new("listen", error));
        }
        let is_odd = self.path.contains(|c: char| !c.is_ascii_alphanumeric() && !"/._~-".contains(c));
        if !self.path.starts_with('/') || is_odd {
            problems.push(Problem::new(
                "path",
                "a path begins with `/`, as in /readings, and is of ASCII letters, digits and `._~-`",
            ));
        }
        if self.token.as_ref().is_some_and(|token| token.reveal().is_empty()) {
            problems.push(Problem::new("token", "it is empty: leave it out where anybody may send"));
        }
        let zero = [
            ("body", self.body.0 == 0),
            ("connections", self.connections == 0),
            ("idle", self.idle.0.is_zero()),
            ("timeout", self.timeout.0.is_zero()),
        ];
        let zero = zero.into_iter().filter(|(_, zero)| *zero);
        problems.extend(zero.map(|(option, _)| Problem::new(option, "at 0 no request can be taken")));
        problems
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_work_is_named() {
        let paths = |options| {
            let options: HttpOptions = serde_json::from_value(options).expect("well formed");
            options.problems().into_iter().map(|each| each.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(json!({"listen": "127.0.0.1:0", "path": "/readings", "token": "t"})), [""; 0]);
        assert_eq!(
            paths(json!({"listen": "8087", "path": "readings", "token": ""})),
            ["listen", "path", "token"]
        );
        let zero =
            json!({"listen": "127.0.0.1:0", "body": "0B", "connections": 0, "idle": "0s", "timeout": "0s"});
        assert_eq!(paths(zero), ["body", "connections", "idle", "timeout"]);
    }
}
