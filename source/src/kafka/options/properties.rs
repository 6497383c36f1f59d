//! Which properties of librdkafka work: what the source depends on, and what this build can do.

use levada_connector_api::Problem;
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, DefaultConsumerContext},
    error::KafkaError,
};

use super::KafkaOptions;
use crate::kafka::client;

/// Properties that the source depends on.
const FIXED: [(&str, &str); 6] = [
    ("bootstrap.servers", "use `brokers`"),
    ("metadata.broker.list", "use `brokers`"),
    ("group.id", "use `group`"),
    ("enable.auto.commit", "offsets are committed when their rows are settled"),
    ("enable.auto.offset.store", "offsets are committed when their rows are settled"),
    ("enable.partition.eof", "the source must not have it"),
];

/// Two names of one property.
const MECHANISMS: [&str; 2] = ["sasl.mechanism", "sasl.mechanisms"];
/// What users log in with that this build can do.
const KNOWN: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

pub(super) fn problems(options: &KafkaOptions) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |name: &str, message: String| {
        problems.push(Problem::new(format!("properties.{name}"), message));
    };
    for (name, reason) in FIXED {
        if options.properties.contains_key(name) {
            problem(name, reason.to_owned());
        }
    }
    for (name, value) in &options.properties {
        if FIXED.iter().any(|(fixed, _)| fixed == name) || MECHANISMS.contains(&name.as_str()) {
            continue;
        }
        let mut alone = ClientConfig::new();
        alone.set(name, value.text());
        if let Err(KafkaError::ClientConfig(_, reason, ..)) = alone.create_native_config() {
            problem(name, reason);
        }
    }
    if let Some((name, message)) = login(options) {
        problem(name, message);
    }
    if problems.is_empty()
        && let Some(reason) = together(options)
    {
        problems.push(Problem::new("properties", reason));
    }
    problems
}

/// What is wrong with how the user logs in.
fn login(options: &KafkaOptions) -> Option<(&'static str, String)> {
    let text =
        |name: &str| options.properties.get(name).map(|value| value.text().trim().to_ascii_uppercase());
    let given = MECHANISMS.into_iter().find_map(|name| Some((name, text(name)?)));
    let needed = text("security.protocol").is_some_and(|protocol| protocol.starts_with("SASL_"));
    let choose = "use SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN";
    let (name, mechanism) = match given {
        Some(given) => given,
        None if needed => {
            let message = format!(
                "`sasl.mechanism` is missing; the default of librdkafka, GSSAPI, is not in this build: {choose}"
            );
            return Some(("security.protocol", message));
        }
        None => return None,
    };
    if mechanism == "GSSAPI" {
        let message =
            format!("GSSAPI (Kerberos) needs the library cyrus-sasl, which is not in this build: {choose}");
        return Some((name, message));
    }
    if mechanism == "OAUTHBEARER" {
        let message = format!(
            "OAUTHBEARER needs somebody who fetches tokens (for OIDC the library curl), and neither is in this build: {choose}"
        );
        return Some((name, message));
    }
    if !KNOWN.contains(&mechanism.as_str()) {
        return Some((name, format!("there is no mechanism `{mechanism}`: {choose}")));
    }
    if needed {
        for missing in ["sasl.username", "sasl.password"] {
            if !options.properties.contains_key(missing) {
                return Some((name, format!("{mechanism} needs `{missing}`")));
            }
        }
    }
    None
}

/// What is wrong with the properties taken together: a client is made of them that knows no broker. Files are left out, as
/// they may be on another machine.
fn together(options: &KafkaOptions) -> Option<String> {
    let mut options = options.clone();
    options.properties.retain(|name, _| !name.ends_with(".location"));
    let made: Result<BaseConsumer<DefaultConsumerContext>, _> = client::properties(&options).create();
    match made {
        Ok(_) => None,
        Err(KafkaError::ClientConfig(_, reason, ..) | KafkaError::ClientCreation(reason)) => Some(reason),
        Err(error) => Some(error.to_string()),
    }
}
