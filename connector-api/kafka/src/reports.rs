//! What a client reports from threads of its own.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use levada_connector_api::Repeats;
use parking_lot::Mutex;
use rdkafka::{
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
};

use crate::fault::is_lasting;

/// What is reported again and again has a line in the log that often.
const SAID_EVERY: Duration = Duration::from_secs(60);
/// Kinds of reports that are told apart.
const KINDS: usize = 256;

/// What keeps brokers from being reached.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// librdkafka's code.
    pub code: Option<RDKafkaErrorCode>,
    /// librdkafka's words.
    pub reason: String,
    /// No broker at all is reached.
    pub all_down: bool,
}

/// Tells of what a client reports, and keeps what last kept brokers from being reached. Methods take a lock of their own for a moment.
#[derive(Debug)]
pub struct Reports {
    node: Arc<str>,
    state: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    trouble: Option<Trouble>,
    /// By what they are about.
    repeats: BTreeMap<String, Repeats>,
}

impl Trouble {
    /// Whether it stays until somebody changes something. A broker that restarts breaks handshakes off, too.
    pub fn is_lasting(&self) -> bool {
        let broken_off = ["Disconnected", "transport error", "reset by peer"];
        self.code.is_some_and(is_lasting)
            && !(self.code == Some(RDKafkaErrorCode::SSL)
                && broken_off.iter().any(|text| self.reason.contains(text)))
    }
}

impl Reports {
    /// The reports of a node's client.
    pub fn new(node: &str) -> Self {
        Self { node: node.into(), state: Mutex::default() }
    }

    /// What keeps brokers from being reached, if anything.
    pub fn trouble(&self) -> Option<Trouble> {
        self.state.lock().trouble.clone()
    }

    /// A broker was reached: what kept it before is over.
    pub fn reached(&self) {
        self.state.lock().trouble = None;
    }

    /// Tells of a fault at once, and of its repetitions once in a while, with their number.
    pub fn warn(&self, key: &str, text: &str) {
        let mut state = self.state.lock();
        if state.repeats.len() >= KINDS && !state.repeats.contains_key(key) {
            state.repeats.clear();
        }
        let repeats = state.repeats.entry(key.to_owned()).or_insert(Repeats::new(SAID_EVERY));
        let said = repeats.note(1, Instant::now());
        drop(state);
        match said {
            Some(1) => tracing::warn!(node = %self.node, error = text, "kafka"),
            Some(times) => tracing::warn!(node = %self.node, error = text, times, "kafka"),
            None => {}
        }
    }

    /// Takes a line of librdkafka's log.
    pub fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            // What fails on the way to a broker comes as an error, too.
            _ if matches!(facility, "FAIL" | "ERROR") => tracing::debug!(facility, message, "librdkafka"),
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => self.warn(facility, message),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(facility, message, "librdkafka");
            }
        }
    }

    /// Takes an error of the client as a whole.
    pub fn error(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let mut state = self.state.lock();
        let all_down = code == Some(RDKafkaErrorCode::AllBrokersDown);
        let before = state.trouble.take();
        // That all are down says nothing of the reason, which came before.
        state.trouble = Some(match before {
            Some(before) if all_down => Trouble { all_down, ..before },
            // A failed attempt may be told of in two errors, the second after all were down.
            Some(before) if before.all_down && before.is_lasting() => before,
            _ => Trouble { code, reason: reason.to_owned(), all_down },
        });
        drop(state);
        let key = code.map_or_else(String::new, |code| format!("{code:?}"));
        self.warn(&key, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_that_brokers_are_not_reached_outlives_that_they_are_all_down() {
        let reports = Reports::new("in");
        let report = |code, reason: &str| reports.error(&KafkaError::Global(code), reason);
        report(RDKafkaErrorCode::Authentication, "wrong password");
        assert!(reports.trouble().is_some_and(|trouble| trouble.is_lasting() && !trouble.all_down));
        report(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down");
        let trouble = reports.trouble().expect("trouble");
        assert!(trouble.is_lasting() && trouble.all_down, "{trouble:?}");
        assert_eq!(trouble.reason, "wrong password");
        report(RDKafkaErrorCode::BrokerTransportFailure, "the same, in other words");
        assert_eq!(reports.trouble().map(|trouble| trouble.reason).as_deref(), Some("wrong password"));
        reports.reached();
        assert!(reports.trouble().is_none());
        // What passes by itself makes nothing of a later fault lasting.
        report(RDKafkaErrorCode::BrokerTransportFailure, "Disconnected");
        report(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down");
        report(RDKafkaErrorCode::Authentication, "of one broker");
        assert!(reports.trouble().is_some_and(|trouble| trouble.is_lasting() && !trouble.all_down));
    }
}
