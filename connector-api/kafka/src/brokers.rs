//! The addresses of brokers.

use levada_connector_api::{Problem, TextList, port_of};

/// What is wrong with a list of brokers, at the option `brokers`.
pub fn problems(brokers: &TextList) -> Vec<Problem> {
    let mut problems = Vec::new();
    let brokers = brokers.as_slice();
    if brokers.is_empty() || brokers.iter().any(|text| text.trim().is_empty()) {
        problems.push(Problem::new("brokers", "none is given, or one is empty"));
    }
    for broker in brokers.iter().flat_map(|list| list.split(',')).map(str::trim) {
        // The port may be left out, and a protocol may stand before.
        let address = broker.rsplit_once("://").map_or(broker, |(_, address)| address);
        let has_port = address.rfind(':') > address.rfind(']');
        if has_port && let Err(error) = port_of(address) {
            problems.push(Problem::new("brokers", error));
        }
    }
    problems
}

/// The brokers as librdkafka takes them.
pub fn joined(brokers: &TextList) -> String {
    brokers.as_slice().join(",")
}
