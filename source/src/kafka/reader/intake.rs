//! From messages to batches.

use std::{collections::BTreeSet, sync::Arc};

use levada_connector_api::{Batch, BatchBuilder, Decoder, DecoderFactory, Meta, MetaValue, model::SplitName};
use rdkafka::error::RDKafkaErrorCode;

use crate::kafka::{
    native::{Content, Envelope, Message},
    offsets::Partition,
    options::{KafkaOptions, Tombstones},
    partitions::{Partitions, position},
};

/// What messages go through; apart from the queue, so that both can be borrowed at once.
pub(super) struct Intake {
    pub(super) partitions: Partitions,
    pub(super) decoder: Box<dyn Decoder>,
    pub(super) rows: BatchBuilder,
    pub(super) current: Option<SplitName>,
    pub(super) read: u64,
    pub(super) most_rows: usize,
    pub(super) most_bytes: usize,
    /// Full batches that could not wait until the messages at hand were through.
    pub(super) full: Vec<Batch>,
    /// What reading partitions failed with.
    pub(super) failed: Vec<(Partition, RDKafkaErrorCode)>,
    /// Why the last message was not taken.
    pub(super) not_now: Option<String>,
    /// The decoder reads what producers put before a message for a schema registry.
    reads_header: bool,
    tombstones: Tombstones,
    keep_headers: bool,
    /// What the decoder needs of what comes with messages, and behind it what becomes a measurement.
    wanted: Vec<Meta>,
    /// Names of measurements, and which of what is wanted they are.
    beside: Vec<(String, usize)>,
    header: Vec<u8>,
    /// The topic of the message at hand.
    topic: Arc<str>,
}

impl Intake {
    pub(super) fn new(options: &KafkaOptions, decoder: &DecoderFactory) -> Self {
        let limits = options.batch;
        let mut wanted = decoder.wanted().to_vec();
        let beside =
            (wanted.len()..).zip(&options.metadata).map(|(nth, (name, _))| (name.clone(), nth)).collect();
        wanted.extend(options.metadata.values().cloned());
        Self {
            partitions: Partitions::default(),
            decoder: decoder.make(),
            rows: BatchBuilder::new(),
            current: None,
            read: 0,
            most_rows: limits.rows.max(1),
            most_bytes: usize::try_from(limits.bytes.0).unwrap_or(usize::MAX).max(1),
            full: Vec::new(),
            failed: Vec::new(),
            not_now: None,
            reads_header: decoder.asks(),
            tombstones: options.tombstones,
            keep_headers: options.keep_headers,
            wanted,
            beside,
            header: Vec::new(),
            topic: "".into(),
        }
    }

    /// Takes a message on, unless its topic's name stands for another than it did. Gives `false` where it cannot be read for now: it
    /// is to be given again, before any other.
    #[inline]
    pub(super) fn message(&mut self, message: Message<'_>, remade: &BTreeSet<String>) -> bool {
        let Some(at) = self.partitions.find(message.topic, message.partition) else { return true };
        let Some(partition) = self.partitions.get_mut(at) else { return true };
        let value = match message.content {
            Content::Value(value) => Some(value),
            Content::Nothing => None,
            Content::Error(code) => {
                self.failed.push((partition.name.clone(), code));
                return true;
            }
        };
        if partition.given_up || (!remade.is_empty() && remade.contains(&partition.name.0)) {
            return true;
        }
        partition.failing = None;
        if message.offset < partition.next {
            if !std::mem::replace(&mut partition.backward, true) {
                let ((topic, partition), offset) = (&partition.name, message.offset);
                tracing::warn!(
                    topic,
                    partition,
                    offset,
                    "offsets that were read before come again, and are left out"
                );
            }
            return true;
        }
        if partition.end.is_some_and(|end| message.offset >= end) {
            partition.next = partition.end.unwrap_or(partition.next);
            return true;
        }
        let before = std::mem::replace(&mut partition.next, message.offset + 1);
        if self.current.as_ref() != Some(&partition.split) {
            self.rows.split(&partition.split);
            self.current = Some(partition.split.clone());
        }
        self.read += 1;
        if value.is_none() && self.tombstones == Tombstones::Ignore {
            return true;
        }
        if !self.wanted.is_empty() && *self.topic != *partition.name.0 {
            self.topic = partition.name.0.as_str().into();
        }
        if !self.record(value, &message) {
            self.read -= 1;
            if let Some(partition) = self.partitions.get_mut(at) {
                partition.next = before;
            }
            return false;
        }
        if self.rows.rows() >= self.most_rows || self.rows.bytes() >= self.most_bytes {
            self.cut();
        }
        true
    }

    /// Makes rows of a message, or rejects it. Gives `false` where it can do neither for now.
    #[inline]
    fn record(&mut self, value: Option<&[u8]>, message: &Message<'_>) -> bool {
        let bytes = value.unwrap_or_default();
        self.rows.record(bytes, position(message.offset));
        let envelope = &message.envelope;
        self.rows.envelope(envelope.key(), envelope.time(), value.is_some());
        let known = if self.wanted.is_empty() { Ok(()) } else { self.know(message) };
        let decoded = match (known, value) {
            (Ok(()), Some(_)) => match self.decoder.decode(bytes, &mut self.rows) {
                Ok(()) => Ok(()),
                Err(error) if error.is_not_now() => {
                    self.not_now = Some(error.message);
                    self.rows.take_back_record();
                    return false;
                }
                Err(error) if self.reads_header => Err(error.message),
                Err(error) => Err(reason(bytes, error.message)),
            },
            (Ok(()), None) => Err("the message has no value".to_owned()),
            (Err(error), _) => Err(error),
        };
        if decoded.is_err() || self.keep_headers || self.rows.rejected_parts().len() > 0 {
            envelope.headers(|name, value| self.rows.header(name, value));
        }
        if let Err(message) = decoded {
            self.rows.reject(message);
        }
        true
    }

    /// Says what comes with a message.
    ///
    /// # Errors
    /// What is to be a measurement is no text.
    fn know(&mut self, message: &Message<'_>) -> Result<(), String> {
        for meta in &self.wanted {
            let value = match meta {
                Meta::Key => message.envelope.key().map(MetaValue::Bytes),
                Meta::Topic => Some(MetaValue::Bytes(self.topic.as_bytes())),
                Meta::Partition => Some(MetaValue::Integer(message.partition.into())),
                Meta::Offset => Some(MetaValue::Integer(message.offset)),
                Meta::Timestamp => message.envelope.time().map(MetaValue::Time),
                Meta::Header(name) => {
                    let found = last_header(&message.envelope, name, &mut self.header);
                    found.then_some(MetaValue::Bytes(&self.header))
                }
            };
            self.rows.know(value);
        }
        for (name, nth) in &self.beside {
            self.rows.beside_known(name, *nth).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Makes a batch of all that was read.
    pub(super) fn cut(&mut self) {
        let ranges = self.partitions.take_ranges();
        if !ranges.is_empty() {
            self.full.push(self.rows.finish(ranges));
        }
    }
}

/// Looks for the last header of a name that has a value, and copies it.
fn last_header(envelope: &Envelope<'_>, wanted: &str, into: &mut Vec<u8>) -> bool {
    let mut found = false;
    envelope.headers(|name, value| {
        if let Some(value) = value.filter(|_| name == wanted) {
            found = true;
            into.clear();
            into.extend_from_slice(value);
        }
    });
    found
}

/// Why a message is rejected by a decoder that asks no schema registry: what producers put before messages for one is named.
fn reason(bytes: &[u8], message: String) -> String {
    match bytes {
        [0, a, b, c, d, ..] => {
            let schema = u32::from_be_bytes([*a, *b, *c, *d]);
            format!(
                "begins with a schema registry header (a zero byte and the schema id {schema}): if it is Avro, it is read with \
                 `decode: {{avro: {{registry: {{url: …}}}}}}`; Protobuf and JSON Schema framing are not read; {message}"
            )
        }
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn a_schema_registry_header_is_named() {
        let framed = reason(b"\0\0\0\0\x07{}", "not JSON".to_owned());
        assert!(framed.contains("schema registry header") && framed.contains("schema id 7"), "{framed}");
        for other in [b"".as_slice(), b"\0", b"\0\0\0\0", b"{\"a\":", b"\x01\0\0\0\x07{}"] {
            assert_eq!(reason(other, "not JSON".to_owned()), "not JSON");
        }
    }
}
