//! The crates depend on each other as ARCHITECTURE.md says, and in no other way.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// For every crate, the crates of this workspace it may depend on. What is not named here is not allowed.
const ALLOWED: [(&str, &[&str]); 24] = [
    ("levada-model", &[]),
    ("levada-net", &[]),
    ("levada-tsfile", &["levada-model"]),
    ("levada-sql", &["levada-model"]),
    ("levada-rpc", &["levada-model", "levada-net"]),
    ("levada-storage", &["levada-model", "levada-tsfile"]),
    ("levada-query", &["levada-model", "levada-sql", "levada-storage", "levada-udf"]),
    (
        "levada-engine",
        &[
            "levada-model",
            "levada-query",
            "levada-sql",
            "levada-storage",
            "levada-tsfile",
            "levada-udf",
            "levada-udf-library",
        ],
    ),
    ("levada-udf-sdk", &[]),
    ("levada-udf", &["levada-model", "levada-udf-sdk"]),
    ("levada-udf-library", &["levada-udf"]),
    ("levada-udf-host", &["levada-udf"]),
    ("levada-server", &["levada-engine", "levada-model", "levada-net", "levada-rpc"]),
    ("levada-connector-api", &["levada-model"]),
    ("levada-kafka", &["levada-connector-api"]),
    ("levada-schema-registry", &["levada-connector-api", "levada-net"]),
    ("levada-objects", &["levada-connector-api", "levada-net"]),
    ("levada-testkit", &["levada-connector-api", "levada-model"]),
    ("levada-config", &["levada-connector-api", "levada-model"]),
    (
        "levada-source",
        &[
            "levada-connector-api",
            "levada-kafka",
            "levada-model",
            "levada-net",
            "levada-schema-registry",
            "levada-sql",
        ],
    ),
    (
        "levada-sink",
        &[
            "levada-connector-api",
            "levada-kafka",
            "levada-model",
            "levada-objects",
            "levada-schema-registry",
            "levada-tsfile",
        ],
    ),
    ("levada-connector", &["levada-connector-api", "levada-rpc", "levada-sink"]),
    (
        "levada-runtime",
        &[
            "levada-config",
            "levada-connector",
            "levada-connector-api",
            "levada-engine",
            "levada-model",
            "levada-rpc",
            "levada-sink",
            "levada-source",
        ],
    ),
    (
        "levada",
        &[
            "levada-config",
            "levada-connector-api",
            "levada-engine",
            "levada-kafka",
            "levada-model",
            "levada-runtime",
            "levada-server",
            "levada-sink",
            "levada-source",
            "levada-tsfile",
            "levada-udf",
            "levada-udf-host",
        ],
    ),
];

/// The metadata of this workspace's crates.
pub(crate) fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("a list").clone()
}

#[test]
fn no_crate_names_an_address() {
    // There is none yet: an address in the metadata would lead nowhere, or to somebody else.
    for package in packages() {
        for key in ["repository", "homepage", "documentation"] {
            assert!(package[key].is_null(), "{}: {key} is {}", package["name"], package[key]);
        }
    }
}

#[test]
fn crates_depend_on_each_other_only_as_the_architecture_allows() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let packages = packages();
    let mut seen = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().expect("a name");
        let may = allowed.get(name).unwrap_or_else(|| panic!("{name} is not in the list of allowed edges"));
        seen.push(name);
        for dependency in package["dependencies"].as_array().expect("a list") {
            let to = dependency["name"].as_str().expect("a name");
            // Tests may use what they like.
            let ours = to.starts_with("levada") && dependency["kind"].is_null();
            assert!(!ours || may.contains(&to), "{name} must not depend on {to}: see ARCHITECTURE.md");
        }
    }
    assert_eq!(seen.len(), allowed.len(), "a crate of the list is gone: {seen:?}");
}
