//! `iotdb-*.properties`, as servers of Apache IoTDB have them.

use std::{collections::BTreeMap, path::Path};

use levada_connector_api::Options;
use serde_json::{Map, Number, Value, json};
use tracing::warn;

use super::settings::Settings;
use crate::exit::Failure;

/// How a value is written there.
#[derive(Clone, Copy)]
enum As {
    /// As in our own settings.
    Itself,
    /// A text, whatever it looks like.
    Text,
    /// An address, or `localhost`.
    Address,
    /// A number of milliseconds.
    Milliseconds,
    /// A number of bytes.
    Bytes,
    /// A number of mebibytes, whole or not.
    Mebibytes,
}

/// The names of IoTDB's servers that are read: of 1.0 and later, and of 0.12 and 0.13 where those differ.
const NAMES: [(&str, &str, As); 19] = [
    ("rpc_address", "dn_rpc_address", As::Address),
    ("dn_rpc_address", "dn_rpc_address", As::Address),
    ("rpc_port", "dn_rpc_port", As::Itself),
    ("dn_rpc_port", "dn_rpc_port", As::Itself),
    ("rpc_max_concurrent_client_num", "dn_rpc_max_concurrent_client_num", As::Itself),
    ("dn_rpc_max_concurrent_client_num", "dn_rpc_max_concurrent_client_num", As::Itself),
    ("thrift_max_frame_size", "dn_thrift_max_frame_size", As::Bytes),
    ("dn_thrift_max_frame_size", "dn_thrift_max_frame_size", As::Bytes),
    ("enable_rest_service", "enable_rest_service", As::Itself),
    ("rest_service_port", "rest_service_port", As::Itself),
    ("query_time_threshold", "query_timeout_threshold", As::Milliseconds),
    ("query_timeout_threshold", "query_timeout_threshold", As::Milliseconds),
    ("enable_auto_create_schema", "enable_auto_create_schema", As::Itself),
    ("ip_white_list", "ip_white_list", As::Text),
    ("max_number_of_sync_file_retry", "max_number_of_sync_file_retry", As::Itself),
    ("udf_root_dir", "udf_root_dir", As::Itself),
    ("udf_lib_dir", "udf_root_dir", As::Itself),
    ("udf_memory_budget_in_mb", "udf_memory_budget", As::Mebibytes),
    (
        "udf_reader_transformer_collector_memory_proportion",
        "udf_reader_transformer_collector_memory_proportion",
        As::Text,
    ),
];

/// Settings that need nothing done: the size of texts is counted, not guessed.
const NEEDLESS: [&str; 1] = ["udf_initial_byte_array_length_for_memory_control"];

/// Why a server with this setting would not do what it says, though it bears on who is let in or on what is kept; `None` where it
/// does, or the setting is another.
fn rejection(name: &str, value: &str) -> Option<&'static str> {
    let is_on = value.eq_ignore_ascii_case("true");
    match name {
        "enable_thrift_ssl" | "enable_https" if is_on => Some(
            "a Java key store is not read: give the certificate and its key as PEM files, by --tls-cert and --tls-key, and leave \
             this out",
        ),
        "enable_white_list" if is_on => Some(
            "there is no list of clients that are let in: let a firewall say who may connect, and leave this out",
        ),
        "timestamp_precision" if value != "ms" => Some("times are in milliseconds: only `ms` is supported"),
        "default_ttl" | "default_ttl_in_ms" if !is_endless(value) => Some(
            "rows live for ever unless a statement says otherwise: leave this out, and run SET TTL for each database",
        ),
        _ => None,
    }
}

/// Whether a time to live means that rows live for ever.
fn is_endless(ttl: &str) -> bool {
    ttl.eq_ignore_ascii_case("inf") || ttl.parse::<i64>().is_ok_and(|ttl| ttl < 0 || ttl == i64::MAX)
}

/// What such a file names of our settings. Names that mean nothing here are listed in one warning.
///
/// # Errors
/// A value is none of its setting, or the file asks for what cannot be done and must not be left out in silence: encryption with a
/// Java key store, a list of clients that are let in, times in other units, a time to live for all rows.
pub(super) fn read(text: &str, file: &Path) -> anyhow::Result<Map<String, Value>> {
    let wrong = |line: usize, message: &str| {
        anyhow::Error::from(Failure::invalid(format!("{}:{line}: {message}", file.display())))
    };
    let mut named = Map::new();
    let mut unknown = Vec::new();
    for (name, (line, text)) in pairs(text) {
        if let Some(reason) = rejection(&name, &text) {
            return Err(wrong(line, &format!("{name}={text}: {reason}")));
        }
        let Some((_, setting, how)) = NAMES.into_iter().find(|(known, ..)| *known == name) else {
            if !NEEDLESS.contains(&name.as_str()) {
                unknown.push(name);
            }
            continue;
        };
        let value = value(&text, how);
        let one = Value::Object(Map::from_iter([(setting.to_owned(), value.clone())]));
        if let Err(problem) = Settings::read(one) {
            return Err(wrong(line, &format!("{name}={text}: {}", problem.message)));
        }
        named.insert(setting.to_owned(), value);
    }
    if !unknown.is_empty() {
        warn!(file = %file.display(), names = unknown.join(", "), "settings of IoTDB that mean nothing here are left out");
    }
    Ok(named)
}

/// A text as a value of our settings.
fn value(text: &str, how: As) -> Value {
    if let (As::Mebibytes, Ok(size)) = (how, text.parse::<f64>()) {
        // What is negative, or no number at all, is told as it stands.
        let bytes = size * f64::from(1 << 20);
        return if (0.0..1e18).contains(&bytes) { json!(format!("{bytes:.0}B")) } else { json!(text) };
    }
    match (how, text.parse::<u64>()) {
        (As::Milliseconds, Ok(_)) => json!(format!("{text}ms")),
        (As::Bytes, Ok(_)) => json!(format!("{text}B")),
        (As::Address, _) if text.eq_ignore_ascii_case("localhost") => json!("127.0.0.1"),
        (As::Text, _) => Value::String(text.to_owned()),
        (As::Itself, Ok(number)) => Value::Number(Number::from(number)),
        _ => match text.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::String(text.to_owned()),
        },
    }
}

/// Names with their line and their value, in Java's notation for properties; of a name that comes twice, the last.
fn pairs(text: &str) -> BTreeMap<String, (usize, String)> {
    let mut pairs = BTreeMap::new();
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let mut whole = line.trim_start().to_owned();
        if whole.is_empty() || whole.starts_with(['#', '!']) {
            continue;
        }
        // A line that ends in an odd number of backslashes goes on in the next.
        while whole.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1 {
            whole.pop();
            match lines.next() {
                Some((_, more)) => whole.push_str(more.trim_start()),
                None => break,
            }
        }
        let end = end_of_name(&whole);
        let rest = whole[end..].trim_start();
        let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim();
        pairs.insert(unescaped(&whole[..end]), (at + 1, unescaped(rest)));
    }
    pairs
}

/// Where a name ends: at the first `=`, `:` or blank that no backslash stands before.
fn end_of_name(line: &str) -> usize {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' | ':' => return at,
            c if c.is_whitespace() => return at,
            _ => {}
        }
    }
    line.len()
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('u') => {
                let code: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                plain.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read_as_java_reads_them() {
        let text = "# rpc_port=1\n! no\n  rpc_port = 6668\ndn_rpc_address: 0.0.0.0\nrest_service_port 18081\n\
                    query_timeout\\_threshold=\\\n   1500\na\\=b=\\u00e9\\t\\\\\nempty=\n";
        let found: Vec<_> =
            pairs(text).into_iter().map(|(name, (line, value))| (name, line, value)).collect();
        let expected = [
            ("a=b", 8, "é\t\\"),
            ("dn_rpc_address", 4, "0.0.0.0"),
            ("empty", 9, ""),
            ("query_timeout_threshold", 6, "1500"),
            ("rest_service_port", 5, "18081"),
            ("rpc_port", 3, "6668"),
        ];
        let expected = expected.map(|(name, line, value)| (name.to_owned(), line, value.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn names_of_old_and_new_servers_are_settings_with_their_units() {
        let text = "rpc_port=6668\nthrift_max_frame_size=67108864\nquery_timeout_threshold=1500\nenable_rest_service=TRUE\n\
                    wal_buffer_size_in_byte=1\nudf_memory_budget_in_mb=30.5\nudf_lib_dir=ext/udf\n\
                    udf_reader_transformer_collector_memory_proportion=4:1:1\n\
                    udf_initial_byte_array_length_for_memory_control=48\n";
        let named = read(text, Path::new("iotdb-engine.properties")).expect("right");
        let settings = Settings::read(Value::Object(named)).expect("right");
        assert_eq!(settings.dn_rpc_port, 6668);
        assert_eq!(settings.dn_thrift_max_frame_size.0, 64 << 20);
        assert_eq!(settings.query_timeout_threshold.0.as_millis(), 1_500);
        assert!(settings.enable_rest_service);
        assert_eq!(settings.udf_memory_budget.0, 61 << 19);
        assert_eq!(settings.udf_reader_transformer_collector_memory_proportion.of_reader(600), 400);
        assert_eq!(settings.udf_root_dir.as_deref(), Some(Path::new("ext/udf")));
    }

    #[test]
    fn what_is_done_anyway_is_no_error_and_localhost_is_an_address() {
        let text = "dn_rpc_address=localhost\nenable_white_list=false\ntimestamp_precision=ms\ndefault_ttl_in_ms=-1\n\
                    enable_thrift_ssl=false\n";
        let named = read(text, Path::new("iotdb-system.properties")).expect("right");
        let settings = Settings::read(Value::Object(named)).expect("right");
        assert_eq!(settings.dn_rpc_address, std::net::Ipv4Addr::LOCALHOST);
    }

    #[test]
    fn a_value_that_is_none_is_rejected_with_its_line() {
        for (text, words) in [
            ("\nrpc_port=sixty", "x.properties:2: rpc_port=sixty"),
            ("rpc_port=66678", "x.properties:1: rpc_port=66678"),
            ("rpc_address=nowhere", "rpc_address=nowhere"),
            ("query_timeout_threshold=-1", "query_timeout_threshold=-1"),
            ("udf_memory_budget_in_mb=-1", "udf_memory_budget_in_mb=-1"),
            (
                "udf_reader_transformer_collector_memory_proportion=1:1",
                "`1:1` are not three whole numbers above 0",
            ),
            ("enable_thrift_ssl=true", "enable_thrift_ssl=true: a Java key store is not read"),
            (
                "\nenable_white_list=TRUE",
                "x.properties:2: enable_white_list=TRUE: there is no list of clients",
            ),
            ("timestamp_precision=ns", "timestamp_precision=ns: times are in milliseconds"),
            ("default_ttl_in_ms=86400000", "default_ttl_in_ms=86400000: rows live for ever"),
            ("default_ttl=0", "default_ttl=0: rows live for ever"),
        ] {
            let error = read(text, Path::new("x.properties")).expect_err("wrong").to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
