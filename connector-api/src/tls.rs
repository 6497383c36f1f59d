//! How a connection is encrypted, as users say it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::Problem;

/// How a connection is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsOptions {
    /// The certificates of the authorities that are trusted, in a PEM file; those of the system where nothing is said.
    #[serde(default)]
    #[schemars(example = &"ca.pem")]
    pub ca_file: Option<PathBuf>,
    /// The certificate that this side shows where the other asks for one, in a PEM file.
    #[serde(default)]
    pub crt_file: Option<PathBuf>,
    /// The private key of `crt_file`, in a PEM file, not encrypted.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Whether the other side's certificate has to be for the host of its address. One that no authority vouches for is
    /// rejected in any case.
    #[serde(default = "yes")]
    pub verify_hostname: bool,
}

fn yes() -> bool {
    true
}

/// Only authorities of the system, for the host of the address.
impl Default for TlsOptions {
    fn default() -> Self {
        Self { ca_file: None, crt_file: None, key_file: None, verify_hostname: true }
    }
}

impl TlsOptions {
    /// What cannot work, without a look at the files. `path` is where these options stand.
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let (there, missing) = match (&self.crt_file, &self.key_file) {
            (Some(_), None) => ("crt_file", "key_file"),
            (None, Some(_)) => ("key_file", "crt_file"),
            _ => return Vec::new(),
        };
        let message = format!("a certificate and its key belong together: `{missing}` is missing");
        vec![Problem::new(format!("{path}.{there}"), message)]
    }
}
