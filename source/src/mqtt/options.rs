//! The options of the source.

use std::time::Duration;

use levada_connector_api::{BatchLimits, ByteSize, Interval, Problem, Secret, TlsOptions, port_of};
use schemars::JsonSchema;
use serde::Deserialize;

use super::topic::DeviceName;
use crate::TextList;

/// Which topics are read, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MqttOptions {
    /// The broker, `host:port`.
    #[schemars(example = &"127.0.0.1:1883")]
    pub broker: String,
    /// Topics, with the wildcards `+` and `#`. Processes that share what comes have client ids of their own and topics as in
    /// `$share/plant/sensors/#`.
    #[schemars(example = ["sensors/#"])]
    pub topics: TextList,
    /// Who this is to the broker, which keeps the session under this name; `levada-PIPELINE-NODE` unless given. Two that run at once
    /// need two.
    #[serde(default)]
    #[schemars(example = &"levada-plant")]
    pub client_id: Option<String>,
    /// Who logs in.
    #[serde(default)]
    #[schemars(example = &"plant")]
    pub user: Option<String>,
    /// With what.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Encrypts the connection with the broker; `{}` where the system's authorities vouch for its certificate. A certificate that
    /// is rejected ends the pipeline. It has to be for the host of `broker`.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"ca_file": "ca.pem"}))]
    pub tls: Option<TlsOptions>,
    /// The device of messages that name none, made of the topic: `{topic}` is all of it with its levels as nodes, `{1}` its first
    /// level, `{2}` its second. Of `plant/line1/d7`, `root.{topic}` is `root.plant.line1.d7`.
    #[serde(default)]
    #[schemars(example = &"root.{topic}")]
    pub device: Option<String>,
    /// The measurement in which the topic is kept with each row; not at all unless given.
    #[serde(default)]
    #[schemars(example = &"topic")]
    pub topic_column: Option<String>,
    /// How many messages may be under way that are not acknowledged. Of a broker that speaks MQTT 3.1.1 alone, its own limit counts.
    #[serde(default = "default_in_flight")]
    #[schemars(range(min = 1))]
    pub in_flight: u16,
    /// How long the broker keeps the session, with what comes for it, while nobody is connected. A broker that speaks MQTT 3.1.1
    /// alone has a limit of its own.
    #[serde(default = "default_session")]
    pub session: Interval,
    /// How long nothing may be heard from the broker.
    #[serde(default = "default_keep_alive")]
    pub keep_alive: Interval,
    /// How large batches are at most, and how long messages wait for one to fill.
    #[serde(default = "default_batch")]
    pub batch: BatchLimits,
}

fn default_in_flight() -> u16 {
    10_000
}

fn default_session() -> Interval {
    Interval(Duration::from_secs(7 * 24 * 60 * 60))
}

fn default_keep_alive() -> Interval {
    Interval(Duration::from_secs(30))
}

fn default_batch() -> BatchLimits {
    BatchLimits { rows: 10_000, bytes: ByteSize(4 << 20), linger: Interval(Duration::from_millis(20)) }
}

impl MqttOptions {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(error) = port_of(&self.broker) {
            problems.push(Problem::new("broker", error));
        }
        if self.topics.as_slice().is_empty() {
            problems.push(Problem::new("topics", "none is given"));
        }
        for topic in self.topics.as_slice() {
            problems.extend(filter_problem(topic).map(|message| Problem::new("topics", message)));
        }
        if let Some(device) = &self.device
            && let Err(error) = DeviceName::parse(device)
        {
            problems.push(Problem::new("device", error));
        }
        if self.in_flight == 0 {
            problems.push(Problem::new("in_flight", "at 0 no message comes: leave it out, or write more"));
        }
        if !(1..=65_535).contains(&self.keep_alive.0.as_secs()) {
            problems.push(Problem::new("keep_alive", "between one second and 65535"));
        }
        if self.client_id.as_deref() == Some("") {
            problems.push(Problem::new(
                "client_id",
                "the name is empty, and a broker keeps no session without one",
            ));
        }
        if self.password.is_some() && self.user.is_none() {
            problems.push(Problem::new("password", "is for a `user`, and there is none"));
        }
        if let Some(tls) = &self.tls {
            problems.extend(tls.problems("tls"));
        }
        if self.topic_column.as_deref() == Some("") {
            problems.push(Problem::new("topic_column", "the name is empty"));
        }
        problems
    }
}

/// What is wrong with a topic filter.
fn filter_problem(filter: &str) -> Option<String> {
    if filter.is_empty() || filter.len() > 65_535 || filter.contains('\0') {
        return Some("a topic is empty, longer than 65535 bytes, or has a NUL character".to_owned());
    }
    let levels: Vec<_> = filter.split('/').collect();
    let last = levels.len() - 1;
    let wrong = levels.iter().enumerate().any(|(at, level)| {
        level.contains('#') && (*level != "#" || at != last) || level.contains('+') && *level != "+"
    });
    wrong.then(|| {
        format!("`{filter}`: `+` stands for one whole level, and `#`, at the end, for all that follow")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_work_is_named() {
        let paths = |mut more: serde_json::Value| {
            for (key, value) in [("broker", json!("127.0.0.1:1883")), ("topics", json!("a/#"))] {
                if more[key].is_null() {
                    more[key] = value;
                }
            }
            let options: MqttOptions = serde_json::from_value(more).expect("well formed");
            options.problems().into_iter().map(|each| each.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(json!({"device": "root.{topic}.{2}", "topics": ["+/a", "$share/g/#"]})), [""; 0]);
        assert_eq!(paths(json!({"broker": "localhost"})), ["broker"]);
        for topics in [json!([]), json!("a/#/b"), json!("a#"), json!("a/b+"), json!("")] {
            assert_eq!(paths(json!({"topics": topics})), ["topics"], "{topics}");
        }
        assert_eq!(paths(json!({"device": "root.{tpoic}"})), ["device"]);
        assert_eq!(paths(json!({"in_flight": 0, "keep_alive": "100ms"})), ["in_flight", "keep_alive"]);
        assert_eq!(paths(json!({"password": "p", "client_id": ""})), ["client_id", "password"]);
        let tls = json!({"tls": {"crt_file": "c", "verify_hostname": false}});
        assert_eq!(paths(tls), ["tls.crt_file"]);
    }
}
