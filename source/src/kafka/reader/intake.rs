//! From messages to batches.

use levada_connector_api::{Batch, BatchBuilder, Decoder, model::SplitName};

use crate::kafka::{
    native::{Content, Message},
    options::KafkaOptions,
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
}

impl Intake {
    pub(super) fn new(options: &KafkaOptions, decoder: Box<dyn Decoder>) -> Self {
        let limits = options.batch;
        Self {
            partitions: Partitions::default(),
            decoder,
            rows: BatchBuilder::new(),
            current: None,
            read: 0,
            most_rows: limits.rows.max(1),
            most_bytes: usize::try_from(limits.bytes.0).unwrap_or(usize::MAX).max(1),
            full: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn message(&mut self, message: Message<'_>) {
        let Some(at) = self.partitions.find(message.topic, message.partition) else { return };
        let Some(partition) = self.partitions.get_mut(at) else { return };
        let value = match message.content {
            Content::Value(value) => Some(value),
            Content::Nothing => None,
            Content::Error(error) => {
                let (topic, partition) = &partition.name;
                tracing::warn!(%error, topic, partition, "kafka");
                return;
            }
        };
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
            return;
        }
        if partition.end.is_some_and(|end| message.offset >= end) {
            partition.next = partition.end.unwrap_or(partition.next);
            return;
        }
        partition.next = message.offset + 1;
        if self.current.as_ref() != Some(&partition.split) {
            self.rows.split(&partition.split);
            self.current = Some(partition.split.clone());
        }
        let bytes = value.unwrap_or_default();
        self.rows.record(bytes, position(message.offset));
        let decoded = match value {
            Some(_) => self.decoder.decode(bytes, &mut self.rows).map_err(|error| error.message),
            None => Err("the message has no value".to_owned()),
        };
        if let Err(message) = decoded {
            self.rows.reject(message);
        }
        self.read += 1;
        if self.rows.rows() >= self.most_rows || self.rows.bytes() >= self.most_bytes {
            self.cut();
        }
    }

    /// Makes a batch of all that was read.
    pub(super) fn cut(&mut self) {
        let ranges = self.partitions.take_ranges();
        if !ranges.is_empty() {
            self.full.push(self.rows.finish(ranges));
        }
    }
}
