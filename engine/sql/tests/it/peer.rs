//! Statements that a real IoTDB 2.0.1 or 0.12.0 carried out, or rejected as not well formed.

use super::parse;

const ACCEPTED: &str = include_str!("../data/accepted.sql");
const REJECTED: &str = include_str!("../data/rejected.sql");

/// What releases between the two carry out.
const OF_OTHER_RELEASES: [&str; 1] = ["without null any"];

#[test]
fn whatever_the_peer_carries_out_is_parsed() {
    let failures: Vec<_> = ACCEPTED
        .lines()
        .filter_map(|sql| parse(sql).err().map(|error| format!("{sql}\n    {error}")))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        ACCEPTED.lines().count(),
        failures.join("\n")
    );
}

#[test]
fn whatever_the_peer_finds_malformed_is_rejected() {
    let accepted: Vec<_> = REJECTED
        .lines()
        .filter(|sql| !OF_OTHER_RELEASES.iter().any(|clause| sql.ends_with(clause)))
        .filter(|sql| parse(sql).is_ok())
        .collect();
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
}
