//! Where a row goes: topic, key and headers, filled in.

use std::collections::BTreeMap;

use levada_connector_api::Problem;
use rdkafka::message::{Header, OwnedHeaders};

use crate::template::Template;

/// The longest name of a topic.
const LONGEST_TOPIC: usize = 249;

/// Makes addresses of rows.
#[derive(Debug)]
pub(super) struct Addresses {
    topic: Template,
    key: Option<Template>,
    headers: Vec<(String, Template)>,
    span: Option<i64>,
}

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) topic: String,
    pub(super) key: Option<String>,
    headers: Vec<(String, String)>,
}

impl Addresses {
    /// Reads the templates.
    ///
    /// # Errors
    /// One of them is none.
    pub(super) fn new(topic: &str, key: &str, headers: &BTreeMap<String, String>) -> Result<Self, Problem> {
        let read = |text: &str, option: String| {
            Template::parse(text, option.split('.').next().unwrap_or_default())
                .map_err(|message| Problem::new(option, message))
        };
        let topic = read(topic, "topic".to_owned())?;
        // A text without places must be a name by itself.
        if let Ok(name) = topic.fill("d", 0, |device, out| out.push_str(device)) {
            legal(&name).map_err(|message| Problem::new("topic", message))?;
        }
        let key = (!key.is_empty()).then(|| read(key, "key".to_owned())).transpose()?;
        let mut filled = Vec::new();
        for (name, value) in headers {
            let option = format!("headers.{name}");
            if name.is_empty() || name.contains('\0') {
                return Err(Problem::new(option, "a header needs a name"));
            }
            filled.push((name.clone(), read(value, option)?));
        }
        let all = [&topic].into_iter().chain(&key).chain(filled.iter().map(|(_, value)| value));
        let span = all.filter_map(Template::span).min();
        Ok(Self { topic, key, headers: filled, span })
    }

    /// Milliseconds within which rows of a device have one address; `None` where times have no part in it.
    pub(super) fn span(&self) -> Option<i64> {
        self.span
    }

    /// The address of rows of a device and a time.
    ///
    /// # Errors
    /// There is none; the message says why.
    pub(super) fn of(&self, device: &str, time: i64) -> Result<Address, String> {
        let fill = |template: &Template| template.fill(device, time, |device, out| out.push_str(device));
        let topic = fill(&self.topic)?;
        legal(&topic)?;
        let key = self.key.as_ref().map(fill).transpose()?;
        let headers = self.headers.iter().map(|(name, value)| Ok((name.clone(), fill(value)?)));
        Ok(Address { topic, key, headers: headers.collect::<Result<_, String>>()? })
    }
}

impl Address {
    /// Its headers, as librdkafka takes them; one list for each message.
    pub(super) fn headers(&self) -> Option<OwnedHeaders> {
        (!self.headers.is_empty()).then(|| {
            let list = OwnedHeaders::new_with_capacity(self.headers.len());
            self.headers
                .iter()
                .fold(list, |list, (name, value)| list.insert(Header { key: name, value: Some(value) }))
        })
    }

    /// The bytes of a message beside its value.
    pub(super) fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len() + 8);
        self.key.as_ref().map_or(0, String::len) + headers.sum::<usize>() + 64
    }
}

/// Whether Kafka takes a topic's name.
fn legal(topic: &str) -> Result<(), String> {
    let is_legal = |each: char| each.is_ascii_alphanumeric() || matches!(each, '.' | '_' | '-');
    match topic {
        "" | "." | ".." => Err(format!("`{topic}` is no name of a topic")),
        _ if topic.len() > LONGEST_TOPIC => Err(format!(
            "the name of a topic has {LONGEST_TOPIC} characters at most, and this has {}",
            topic.len()
        )),
        _ => match topic.chars().find(|each| !is_legal(*each)) {
            Some(other) => Err(format!(
                "the topic `{}` cannot be: its name has `{}`, and Kafka takes letters and digits of ASCII, `.`, `_` and `-`",
                topic.escape_debug(),
                other.escape_debug()
            )),
            None => Ok(()),
        },
    }
}
