//! The source: messages become batches, and are acknowledged when those are settled.

use std::{collections::VecDeque, hash::Hasher as _, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use levada_connector_api::{
    Batch, BatchBuilder, BuildContext, DecodeError, Decoder, DecoderFactory, Error, FieldValue, Guarantee,
    Meta, MetaValue, Problem, Progress, Reread, Result, Source, SourceCapabilities, SourceType,
    model::{Checkpoint, SplitName, SplitPosition, SplitRange},
};
use tokio::time::{Instant, timeout_at};
use twox_hash::XxHash64;

use super::{
    connection::{Connection, Place, goodbye},
    options::MqttOptions,
    packet::{self, Hello, Incoming},
    topic::DeviceName,
};

/// The component `mqtt`.
pub struct MqttSource {
    options: MqttOptions,
    client_id: String,
    split: SplitName,
    device: Option<DeviceName>,
    decoder: Box<dyn Decoder>,
    connection: Option<Connection>,
    /// Why the connection was lost, where what came before is given first.
    lost: Option<Error>,
    intake: Intake,
}

/// What messages go through.
struct Intake {
    rows: BatchBuilder,
    /// The position of the first message that is in no batch yet, and of the next.
    range: std::ops::Range<u64>,
    /// When the first message came that is in no batch yet.
    since: Option<Instant>,
    /// Messages that are not acknowledged, in the order in which they came.
    in_flight: VecDeque<InFlight>,
    /// Those of a connection that was lost, which come again.
    before: VecDeque<InFlight>,
    /// All before this is settled.
    settled: u64,
    read: u64,
    /// Where the names of devices are made.
    name: String,
    /// What the decoder needs of what comes with messages.
    wanted: Arc<[Meta]>,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    position: u64,
    id: u16,
    print: u64,
}

impl std::fmt::Debug for MqttSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MqttSource").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl SourceType for MqttSource {
    const NAME: &'static str = "mqtt";
    const SUMMARY: &'static str =
        "MQTT topics, read in a session that the broker keeps; acknowledged when settled.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "At least once, for messages of QoS 1. A message is acknowledged when its rows are stored or dead-lettered; until then the \
            broker keeps it in the session of `client_id`, and sends it again after a crash. Messages of QoS 0 are kept by nobody and may be lost.",
        tests: &[
            "mqtt_passes_the_contract",
            "a_message_is_acknowledged_when_it_is_settled_and_not_before",
            "tests/real/mqtt.sh",
        ],
    });
    const DECODES: bool = true;
    const ALONE: bool = true;
    type Options = MqttOptions;

    fn check(options: &MqttOptions) -> Vec<Problem> {
        options.problems()
    }

    fn claims(options: &MqttOptions) -> Vec<String> {
        let id = options.client_id.as_ref();
        id.map(|id| format!("MQTT client {id} of {}", options.broker)).into_iter().collect()
    }

    fn reread(options: MqttOptions, context: &BuildContext) -> Result<Box<dyn Reread>> {
        let ((wanted, decoder), device) = (decoder(context)?, device(&options)?);
        Ok(Box::new(Earlier { options, device, wanted, decoder, name: String::new() }))
    }

    fn build(options: MqttOptions, context: &BuildContext) -> Result<Box<dyn Source>> {
        let (wanted, decoder) = decoder(context)?;
        let usual = || format!("levada-{}-{}", context.pipeline, context.node);
        Ok(Box::new(Self {
            client_id: options.client_id.clone().unwrap_or_else(usual),
            split: SplitName::new(context.node.as_str()),
            device: device(&options)?,
            decoder,
            connection: None,
            lost: None,
            intake: Intake {
                rows: BatchBuilder::new(),
                range: 0..0,
                since: None,
                in_flight: VecDeque::new(),
                before: VecDeque::new(),
                settled: 0,
                read: 0,
                name: String::new(),
                wanted,
            },
            options,
        }))
    }
}

/// What a decoder wants to know of a message beside its bytes, and the decoder.
type Wanting = (Arc<[Meta]>, Box<dyn Decoder>);

fn decoder(context: &BuildContext) -> Result<Wanting> {
    let decoder: Option<DecoderFactory> = context.decoder.clone();
    let decoder = decoder.ok_or_else(|| Error::config("mqtt needs `decode`, as in decode: {json: {}}"))?;
    let decoder = decoder.at_once()?;
    let (wanted, decoder) = (decoder.wanted(), decoder.make());
    match decoder.header_lines() {
        0 => Ok((wanted, decoder)),
        _ => Err(Error::config("messages have no header line: name the columns with `columns`")),
    }
}

fn device(options: &MqttOptions) -> Result<Option<DeviceName>> {
    options.device.as_deref().map(DeviceName::parse).transpose().map_err(Error::config)
}

#[async_trait]
impl Source for MqttSource {
    fn capabilities(&self) -> SourceCapabilities {
        // The broker keeps what is not acknowledged.
        SourceCapabilities { bounded: false, replayable: true, remembers: true }
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        let from = stored.get(&self.split).copied().unwrap_or(0).max(self.intake.range.end);
        self.intake.start(from, &self.split);
        self.open().await
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            if self.connection.is_none() {
                // What came before does not wait for the broker.
                if self.intake.since.is_some() {
                    return Ok(Some(self.intake.cut(&self.split)));
                }
                if let Some(error) = self.lost.take() {
                    return Err(error);
                }
                self.open().await?;
            }
            let Some(connection) = &mut self.connection else { continue };
            let limits = self.options.batch;
            let is_full = self.intake.rows.rows() >= limits.rows.max(1)
                || self.intake.rows.bytes() as u64 >= limits.bytes.0;
            let deadline = self.intake.since.map(|since| since + limits.linger.0);
            if is_full
                || deadline.is_some_and(|deadline| Instant::now() >= deadline && !connection.has_more())
            {
                return Ok(Some(self.intake.cut(&self.split)));
            }
            let received = match deadline {
                Some(deadline) => match timeout_at(deadline, connection.receive()).await {
                    Ok(received) => received,
                    Err(_) => return Ok(Some(self.intake.cut(&self.split))),
                },
                None => connection.receive().await,
            };
            match received {
                Ok((Incoming::Message { again, id, qos, topic, payload }, bytes)) => {
                    let message = Message { again, id: (qos > 0).then_some(id), topic, payload, bytes };
                    if let Some(id) =
                        self.intake.take(&message, &self.options, &self.device, &mut self.decoder)
                    {
                        let mut out = Vec::new();
                        packet::put_acknowledge(id, &mut out);
                        connection.write(out).await?;
                    }
                }
                Ok((Incoming::Goodbye { code }, _)) => {
                    self.lost = Some(goodbye(code));
                    self.connection = None;
                }
                Ok(_) => {}
                Err(error) => {
                    self.lost = Some(error);
                    self.connection = None;
                }
            }
        }
    }

    async fn settle(&mut self, settled: &[SplitPosition]) -> Result<()> {
        for each in settled.iter().filter(|each| each.split == self.split) {
            self.intake.settled = self.intake.settled.max(each.position);
        }
        let (until, in_flight) = (self.intake.settled, &mut self.intake.in_flight);
        let due = in_flight.iter().take_while(|message| message.position < until).count();
        let Some(connection) = self.connection.as_ref().filter(|_| due > 0) else { return Ok(()) };
        let mut out = Vec::new();
        in_flight.iter().take(due).for_each(|message| packet::put_acknowledge(message.id, &mut out));
        connection.write(out).await?;
        in_flight.drain(..due);
        Ok(())
    }

    fn progress(&self) -> Progress {
        Progress { read: self.intake.read, total: None, lag: None }
    }

    async fn close(&mut self) -> Result<()> {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
        Ok(())
    }
}

impl MqttSource {
    async fn open(&mut self) -> Result<()> {
        self.connection = None;
        let options = &self.options;
        let seconds = |interval: levada_connector_api::Interval| interval.0.as_secs();
        let hello = Hello {
            client_id: &self.client_id,
            user: options.user.as_deref(),
            password: options.password.as_ref().map(|password| password.reveal()),
            keep_alive: u16::try_from(seconds(options.keep_alive)).unwrap_or(u16::MAX),
            session: u32::try_from(seconds(options.session)).unwrap_or(u32::MAX),
            in_flight: options.in_flight,
        };
        let place = Place { broker: &options.broker, tls: options.tls.as_ref() };
        let connection = Connection::open(place, &hello, options.topics.as_slice()).await?;
        if !connection.resumed {
            // The broker knows of none of them.
            self.intake.in_flight.clear();
        }
        let lost = std::mem::take(&mut self.intake.in_flight);
        self.intake.before.extend(lost);
        self.connection = Some(connection);
        Ok(())
    }
}

/// A message as it came. Ranges are of its bytes.
struct Message {
    again: bool,
    /// `None` where nobody waits for an acknowledgement.
    id: Option<u16>,
    topic: std::ops::Range<usize>,
    payload: std::ops::Range<usize>,
    bytes: Bytes,
}

impl Intake {
    fn start(&mut self, from: u64, split: &SplitName) {
        self.rows = BatchBuilder::new();
        self.rows.split(split);
        self.range = from..from;
        self.since = None;
        self.settled = self.settled.max(from);
    }

    /// Takes a message; gives the id of one that came again and was settled long ago.
    fn take(
        &mut self,
        message: &Message,
        options: &MqttOptions,
        device: &Option<DeviceName>,
        decoder: &mut Box<dyn Decoder>,
    ) -> Option<u16> {
        let topic = message.bytes.get(message.topic.clone()).unwrap_or_default();
        let payload = message.bytes.get(message.payload.clone()).unwrap_or_default();
        if let Some(id) = message.id {
            let print = print(topic, payload);
            let known = self.before.iter().position(|each| each.id == id && each.print == print);
            if let Some(known) = known.filter(|_| message.again).and_then(|at| self.before.remove(at)) {
                if known.position < self.settled {
                    return Some(id);
                }
                self.in_flight.push_back(known);
                return None;
            }
            self.in_flight.push_back(InFlight { position: self.range.end, id, print });
        }
        let position = self.range.end;
        self.range.end += 1;
        self.read += 1;
        self.since.get_or_insert_with(Instant::now);
        self.rows.record(payload, position);
        self.rows.envelope(None, None, true);
        let topic = String::from_utf8_lossy(topic);
        self.rows.header(TOPIC, Some(topic.as_bytes()));
        let Self { rows, name, wanted, .. } = self;
        let decoded = decode(&topic, payload, (options, device.as_ref(), wanted), &mut **decoder, name, rows);
        if let Err(error) = decoded {
            self.rows.reject(error.message);
        }
        None
    }

    /// A batch of all that was read.
    fn cut(&mut self, split: &SplitName) -> Batch {
        self.since = None;
        let range = self.range.clone();
        self.range.start = self.range.end;
        self.rows.finish(vec![SplitRange { split: split.clone(), range }])
    }
}

/// The header of a record's envelope in which its topic is.
const TOPIC: &str = "topic";

/// Puts the rows of a message into the builder, and beside them what its topic says. `name` is where names of devices are made.
fn decode(
    topic: &str,
    payload: &[u8],
    (options, device, wanted): (&MqttOptions, Option<&DeviceName>, &[Meta]),
    decoder: &mut dyn Decoder,
    name: &mut String,
    rows: &mut BatchBuilder,
) -> Result<(), DecodeError> {
    for meta in wanted {
        rows.know((*meta == Meta::Topic).then_some(MetaValue::Bytes(topic.as_bytes())));
    }
    if let Some(column) = &options.topic_column {
        rows.beside(column, FieldValue::Text(topic));
    }
    let named = match device {
        Some(device) => device.write(topic, name).map(|()| rows.usual_device(name)),
        None => Ok(()),
    };
    decoder.decode(payload, rows).map_err(|error| match named {
        Err(reason) => DecodeError::new(format!("{}; {reason}", error.message)),
        Ok(()) => error,
    })
}

/// Messages that were read before: their topics are in their envelopes.
struct Earlier {
    options: MqttOptions,
    device: Option<DeviceName>,
    wanted: Arc<[Meta]>,
    decoder: Box<dyn Decoder>,
    name: String,
}

impl Reread for Earlier {
    fn reread(
        &mut self,
        record: &levada_connector_api::Earlier<'_>,
        rows: &mut BatchBuilder,
    ) -> Result<(), DecodeError> {
        let mut headers = record.envelope.iter().flat_map(|envelope| envelope.headers());
        let topic = headers.find_map(|(header, value)| value.filter(|_| header == TOPIC));
        let topic =
            topic.ok_or_else(|| DecodeError::new("the topic of the message is not known any more"))?;
        let topic = String::from_utf8_lossy(topic);
        let Self { options, device, wanted, decoder, name } = self;
        decode(&topic, record.bytes, (options, device.as_ref(), wanted), &mut **decoder, name, rows)
    }
}

/// Tells one message from another of its id.
fn print(topic: &[u8], payload: &[u8]) -> u64 {
    let mut hasher = XxHash64::with_seed(0);
    hasher.write(topic);
    hasher.write_u8(0);
    hasher.write(payload);
    hasher.finish()
}
