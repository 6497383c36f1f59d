//! Readings whose sums are known: message `n` depends on `n` alone, and its numbers are multiples of 1/8, so that sums are
//! exact in whatever order they are taken.

use std::{collections::BTreeMap, io::Write};

/// The first reading's time: 2023-11-14T22:13:20Z.
const EPOCH: u64 = 1_700_000_000_000;

/// A stream of readings from some devices in turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readings {
    devices: u64,
    malformed_every: Option<u64>,
}

/// What a store must hold of one device.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Expected {
    /// Rows.
    pub(crate) count: u64,
    /// The sum of `temperature`.
    pub(crate) temperature: f64,
    /// The sum of `sequence`.
    pub(crate) sequence: u64,
}

impl Readings {
    /// Readings of `devices` devices; every `malformed_every`th message is cut off in the middle.
    pub(crate) fn new(devices: u64, malformed_every: Option<u64>) -> Self {
        Self { devices: devices.max(1), malformed_every: malformed_every.filter(|&every| every > 0) }
    }

    /// The device of a message.
    pub(crate) fn device(&self, n: u64) -> String {
        let device = n % self.devices;
        format!("root.plant.hall{}.line{:02}.sensor{device:05}", device % 7, device % 31)
    }

    /// Whether a message is malformed.
    pub(crate) fn is_malformed(&self, n: u64) -> bool {
        self.malformed_every.is_some_and(|every| n % every == every - 1)
    }

    /// Writes message `n`, replacing what the buffer held.
    pub(crate) fn write(&self, n: u64, buffer: &mut Vec<u8>) {
        buffer.clear();
        let time = EPOCH + n / self.devices * 100;
        // Writing into a `Vec` cannot fail.
        let written = write!(
            buffer,
            r#"{{"device":"{}","timestamp":{time},"temperature":{},"pressure":{},"sequence":{n}}}"#,
            self.device(n),
            temperature(n),
            1_000.0 + (n % 397) as f64 / 8.0,
        );
        debug_assert!(written.is_ok());
        if self.is_malformed(n) {
            buffer.truncate(buffer.len() / 2);
        }
    }

    /// What a store must hold after messages `0..messages`.
    pub(crate) fn expected(&self, messages: u64) -> BTreeMap<String, Expected> {
        let mut devices = vec![Expected::default(); usize::try_from(self.devices).unwrap_or(usize::MAX)];
        for n in (0..messages).filter(|&n| !self.is_malformed(n)) {
            if let Some(device) = devices.get_mut((n % self.devices) as usize) {
                device.count += 1;
                device.temperature += temperature(n);
                device.sequence += n;
            }
        }
        devices
            .into_iter()
            .enumerate()
            .filter(|(_, expected)| expected.count > 0)
            .map(|(n, expected)| (self.device(n as u64), expected))
            .collect()
    }
}

fn temperature(n: u64) -> f64 {
    (n.wrapping_mul(2_654_435_761) >> 7) as u8 as f64 / 8.0 + 5.125
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_json_and_their_sums_are_known() {
        let readings = Readings::new(3, Some(5));
        let mut sums = BTreeMap::<String, Expected>::new();
        let mut buffer = Vec::new();
        for n in 0..20 {
            readings.write(n, &mut buffer);
            let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&buffer);
            assert_eq!(parsed.is_err(), n % 5 == 4);
            if let Ok(message) = parsed {
                let device =
                    sums.entry(message["device"].as_str().unwrap_or_default().to_owned()).or_default();
                device.count += 1;
                device.temperature += message["temperature"].as_f64().unwrap_or(f64::NAN);
                device.sequence += message["sequence"].as_u64().unwrap_or(u64::MAX);
            }
        }
        assert_eq!(sums, readings.expected(20));
    }
}
