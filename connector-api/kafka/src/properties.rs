//! Properties of librdkafka: which work, and what this build can do.

use std::{borrow::Cow, collections::BTreeMap};

use levada_connector_api::{Problem, Secret};
use rdkafka::{ClientConfig, error::KafkaError};
use schemars::JsonSchema;
use serde::Deserialize;

/// Properties by name.
pub type Properties = BTreeMap<String, Property>;

/// A property of librdkafka; a text, a number or a truth. Never shown, since some are passwords.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Property {
    /// A text.
    Text(Secret),
    /// A number.
    Number(serde_json::Number),
    /// True or false.
    Bool(bool),
}

impl Property {
    /// As librdkafka takes it.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => text.reveal().into(),
            Self::Number(number) => number.to_string().into(),
            Self::Bool(value) => value.to_string().into(),
        }
    }
}

/// Sets the properties on top of what is set. Where no certificates of authorities are named, they are searched for: the TLS library
/// is part of the binary and knows none of the system's folders.
pub fn apply(properties: &Properties, config: &mut ClientConfig) {
    if !properties.keys().any(|name| name.starts_with("ssl.ca.")) {
        config.set("ssl.ca.location", "probe");
    }
    for (name, value) in properties {
        config.set(name, value.text());
    }
}

/// Two names of one property.
const MECHANISMS: [&str; 2] = ["sasl.mechanism", "sasl.mechanisms"];
/// What users log in with that this build can do.
const KNOWN: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// What is wrong with properties, at the option `properties`. `fixed` are those that the component depends on, with what to use in
/// their place; `create` makes a client of the properties it is given, which knows no broker, and finds what is wrong with them
/// together.
pub fn problems(
    properties: &Properties,
    fixed: &[(&str, &str)],
    create: impl FnOnce(&Properties) -> Result<(), KafkaError>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |name: &str, message: String| {
        problems.push(Problem::new(format!("properties.{name}"), message));
    };
    for (name, reason) in fixed {
        if properties.contains_key(*name) {
            problem(name, (*reason).to_owned());
        }
    }
    for (name, value) in properties {
        if fixed.iter().any(|(fixed, _)| fixed == name) || MECHANISMS.contains(&name.as_str()) {
            continue;
        }
        let mut alone = ClientConfig::new();
        alone.set(name, value.text());
        if let Err(KafkaError::ClientConfig(_, reason, ..)) = alone.create_native_config() {
            problem(name, reason);
        }
    }
    if let Some((name, message)) = login(properties) {
        problem(name, message);
    }
    if problems.is_empty()
        && let Some(reason) = together(properties, create)
    {
        problems.push(Problem::new("properties", reason));
    }
    problems
}

/// What is wrong with how the user logs in.
fn login(properties: &Properties) -> Option<(&'static str, String)> {
    let text = |name: &str| properties.get(name).map(|value| value.text().trim().to_ascii_uppercase());
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
            if !properties.contains_key(missing) {
                return Some((name, format!("{mechanism} needs `{missing}`")));
            }
        }
    }
    None
}

/// What is wrong with the properties taken together. Files are left out, as they may be on another machine.
fn together(
    properties: &Properties,
    create: impl FnOnce(&Properties) -> Result<(), KafkaError>,
) -> Option<String> {
    let mut properties = properties.clone();
    properties.retain(|name, _| !name.ends_with(".location"));
    match create(&properties) {
        Ok(()) => None,
        Err(KafkaError::ClientConfig(_, reason, ..) | KafkaError::ClientCreation(reason)) => Some(reason),
        Err(error) => Some(error.to_string()),
    }
}
