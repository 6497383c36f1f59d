//! Types that options are made of: each reads one notation, says so in its schema, and prints it back.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A length of time with its unit: `200ms`, `1.5s`, `2m`, `1h`, `7d`. What is read from text is at most a hundred years,
/// so that every moment it leads to can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(pub Duration);

/// A number of bytes with its unit: `512B`, `64KiB`, `4MiB`, `1GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A text that is never shown: `Debug` and `Display` print `***`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// When a batch is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchLimits {
    /// Rows after which a batch is written.
    #[schemars(range(min = 1))]
    pub rows: usize,
    /// Bytes in memory after which a batch is written.
    pub bytes: ByteSize,
    /// How long the first row waits for company.
    pub linger: Interval,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { rows: 10_000, bytes: ByteSize(4 << 20), linger: Interval(Duration::from_millis(200)) }
    }
}

/// The port of an address, `host:port`, as in `127.0.0.1:9464` or `[::1]:9464`. Says nothing of whether anybody is there.
///
/// # Errors
/// It is none; the message says why.
pub fn port_of(address: &str) -> Result<u16, String> {
    let is_host = |host: &str| match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => !host.is_empty(),
        None => {
            !host.is_empty() && !host.contains([':', '/', '[', ']']) && !host.contains(char::is_whitespace)
        }
    };
    let Some((_, port)) = address.rsplit_once(':').filter(|(host, _)| is_host(host)) else {
        return Err(format!("`{address}` is no address: write host:port, as in 127.0.0.1:6667"));
    };
    match port.parse() {
        Ok(number) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
        _ => Err(format!(
            "`{address}` is no address: `{port}` is no port, which is a number up to {}",
            u16::MAX
        )),
    }
}

/// The longest length of time that is read: a hundred years.
const MAX_INTERVAL: Duration = Duration::from_secs(36_500 * 86_400);

const UNITS_OF_TIME: [(&str, f64); 7] =
    [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];

const UNITS_OF_SIZE: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Splits `1.5s` into its number and its unit.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(at);
    number.parse().ok().map(|number| (number, unit.trim()))
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a length of time: write a number and ns, us, ms, s, m, h or d, as in 200ms"
            )
        };
        let (number, unit) = number_and_unit(text).ok_or_else(wrong)?;
        let (_, seconds) = UNITS_OF_TIME.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        match Duration::try_from_secs_f64(number * seconds) {
            Ok(length) if length <= MAX_INTERVAL => Ok(Self(length)),
            _ => Err(format!("`{text}` is too long: the longest is {}", Self(MAX_INTERVAL))),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let units = [
            ("d", 86_400_000_000_000),
            ("h", 3_600_000_000_000),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
            ("ms", 1_000_000),
            ("us", 1_000),
        ];
        match units.iter().find(|(_, unit)| nanos > 0 && nanos.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", nanos / unit),
            None if nanos == 0 => f.write_str("0s"),
            None => write!(f, "{nanos}ns"),
        }
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a number of bytes: write a number and B, KiB, MiB, GiB, KB, MB or GB, as in 4MiB"
            )
        };
        let (number, unit) = number_and_unit(text).ok_or_else(wrong)?;
        let (_, size) =
            UNITS_OF_SIZE.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(wrong)?;
        let bytes = number * *size as f64;
        // Casting saturates; a number past 2^53 bytes is nobody's batch.
        if bytes.is_finite() && bytes < 9e15 { Ok(Self(bytes as u64)) } else { Err(wrong()) }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("TiB", 1u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match units.iter().find(|(_, unit)| self.0 > 0 && self.0.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

macro_rules! written_as_text {
    ($type:ty, $name:literal, $format:literal, $pattern:literal, $example:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "format": $format, "pattern": $pattern, "examples": [$example]})
            }
        }
    };
}

written_as_text!(Interval, "Interval", "interval", r"^[0-9]+(\.[0-9]+)?\s*(ns|us|ms|s|m|h|d)$", "200ms");
written_as_text!(ByteSize, "ByteSize", "byte-size", r"^[0-9]+(\.[0-9]+)?\s*([KMGTkmgt][Ii]?)?[Bb]$", "4MiB");

impl Secret {
    /// A secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "password", "writeOnly": true})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port_that_can_be() {
        for (address, port) in
            [("127.0.0.1:9464", 9464), ("[::1]:0", 0), ("sensor-7.plant.local:65535", 65_535)]
        {
            assert_eq!(port_of(address), Ok(port));
        }
        for no in ["9464", ":9464", "a b:1", "http://a:1", "a:1/metrics", "::1:80", "[]:1", "a:", "a:x", ""] {
            assert!(port_of(no).is_err(), "{no}");
        }
        for port in ["65536", "99999", "-1", "+1", "184467440737095516160"] {
            let error = port_of(&format!("127.0.0.1:{port}")).expect_err(port);
            assert!(
                error.ends_with(&format!("`{port}` is no port, which is a number up to 65535")),
                "{error}"
            );
        }
    }

    #[test]
    fn intervals_and_sizes_read_and_print_their_notation() {
        for text in ["200ms", "90s", "2m", "7d", "0s"] {
            let interval: Interval = text.parse().expect(text);
            assert_eq!(interval.to_string().parse::<Interval>(), Ok(interval));
        }
        assert_eq!("1.5s".parse(), Ok(Interval(Duration::from_millis(1_500))));
        assert_eq!("4MiB".parse(), Ok(ByteSize(4 << 20)));
        assert_eq!("1.5 kb".parse(), Ok(ByteSize(1_500)));
        assert_eq!(ByteSize(4 << 20).to_string(), "4MiB");
        assert!("36500d".parse::<Interval>().is_ok());
        for long in ["36501d", "213503982334601d", &format!("{}s", "9".repeat(400))] {
            let error = long.parse::<Interval>().expect_err(long);
            assert!(error.ends_with("is too long: the longest is 36500d"), "{error}");
        }
        for wrong in ["", "ms", "5", "5 parsecs", "-1s", "1e999d"] {
            assert!(wrong.parse::<Interval>().is_err(), "{wrong}");
            assert!(wrong.parse::<ByteSize>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("hunter2");
        let shown = format!("{secret} {secret:?} {}", serde_json::to_string(&secret).expect("a string"));
        assert!(!shown.contains("hunter2"));
    }
}
