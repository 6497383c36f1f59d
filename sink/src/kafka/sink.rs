//! The sink: one batch after another, each settled when all its messages are.

use std::{collections::HashSet, fmt, sync::Arc};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, Delivery, Encoder, EncoderFactory, Error, Guarantee, Problem, Result, Sink,
    SinkCapabilities, SinkType,
};
use rdkafka::error::RDKafkaErrorCode;
use tokio::{
    sync::{Mutex, MutexGuard},
    task::JoinHandle,
};

use super::{
    address::Addresses,
    messages::{Form, Messages},
    options::{KafkaOptions, MessageOf},
    producer::Producer,
};
use crate::lines::{Format, TimeFormat, encoders};

/// The component `kafka`.
#[derive(Debug)]
pub struct Kafka;

/// Writes rows as messages. See the [module](super) for what it promises.
pub struct KafkaSink {
    node: String,
    options: KafkaOptions,
    addresses: Addresses,
    encoder: EncoderFactory,
    state: Mutex<State>,
}

struct State {
    /// Made when it is needed: a write that is dropped while somebody is asked how to write rows leaves none.
    encoder: Option<Box<dyn Encoder>>,
    producer: Option<Producer>,
    /// A client that was given up, as long as it has not ended.
    ending: Option<JoinHandle<()>>,
}

impl SinkType for Kafka {
    const NAME: &'static str = "kafka";
    const SUMMARY: &'static str = "Kafka topics: a message for each row, or for several.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "At least once. A batch counts as delivered when all replicas in sync have all its messages (`acks=all`). A batch that was not \
            acknowledged is sent again from its beginning; messages of one key stay in order.",
        tests: &["kafka_passes_the_contract", "kafka_passes_the_contract_with_several_rows_in_a_message"],
    });
    const ENCODES: Option<&'static [&'static str]> = Some(&[]);
    const ALONE: bool = true;
    type Options = KafkaOptions;

    fn joins(options: &KafkaOptions) -> Option<&'static str> {
        (options.message == MessageOf::Rows).then_some("message")
    }

    fn check(options: &KafkaOptions) -> Vec<Problem> {
        options.problems()
    }

    fn build(options: KafkaOptions, context: &BuildContext) -> Result<Arc<dyn Sink>> {
        let jsonl = || encoders::factory(Format::Jsonl, TimeFormat::Milliseconds);
        let encoder = context.encoder.clone().unwrap_or_else(jsonl);
        Ok(Arc::new(KafkaSink::new(&context.node, options, &encoder)?))
    }
}

impl KafkaSink {
    /// A sink. Nothing is sent yet.
    ///
    /// # Errors
    /// The options cannot work, or the encoder's lines cannot stand alone.
    pub fn new(node: &str, options: KafkaOptions, encoder: &EncoderFactory) -> Result<Self> {
        if encoder.needs_header() {
            return Err(Error::config(
                "messages have no header line: name the columns, as in encode: {csv: {form: wide, columns: [temperature]}}",
            ));
        }
        if encoder.is_binary() && options.message == MessageOf::Rows {
            return Err(Error::config("the encoder makes records of bytes: a message has one row")
                .with("option", "message"));
        }
        let addresses = options
            .addresses()
            .map_err(|problem| Error::config(problem.message).with("option", problem.path))?;
        let (node, encoder) = (node.to_owned(), encoder.clone());
        let state = Mutex::new(State { encoder: None, producer: None, ending: None });
        Ok(Self { node, options, addresses, encoder, state })
    }

    /// Lets the encoder meet a batch. One that asks somebody does so on a thread that may block.
    async fn meet<'a>(
        &self,
        place: &'a mut Option<Box<dyn Encoder>>,
        batch: &Batch,
    ) -> Result<&'a dyn Encoder> {
        let made = place.take();
        let mut encoder = made.unwrap_or_else(|| self.encoder.make_for(&self.options.topic));
        let (encoder, met) = match self.encoder.asks() {
            false => {
                let met = encoder.meet(batch);
                (encoder, met)
            }
            true => {
                let batch = batch.clone();
                let meeting = tokio::task::spawn_blocking(move || {
                    let met = encoder.meet(&batch);
                    (encoder, met)
                });
                meeting.await.map_err(|error| Error::bug(error.to_string()))?
            }
        };
        let encoder = place.insert(encoder);
        met.map(|()| &**encoder)
    }

    async fn deliver(&self, state: &mut State, batch: &Batch) -> Result<Delivery> {
        let most = usize::try_from(self.options.max_message_bytes.0).unwrap_or(usize::MAX);
        let form = Form { of: self.options.message, most, lines: !self.encoder.is_binary() };
        let encoder = self.meet(&mut state.encoder, batch).await?;
        let mut messages = Messages::of(batch, encoder, &self.addresses, form);
        let producer = state.producer(&self.node, &self.options).await?;
        let mut parts = vec![(0..messages.len()).collect::<Vec<_>>()];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let outcome = producer.send(&messages, &part).await?;
            for (index, code) in &outcome.rejected {
                messages.reject(*index, &self.reason(&messages, *index, *code));
            }
            let Some((first, code)) = outcome.doubtful.first().copied() else { continue };
            if part.len() == 1 {
                messages.reject(first, &self.reason(&messages, first, code));
                continue;
            }
            // Behind the first that failed all is sent again, so that it lies in order.
            let known: HashSet<_> = outcome.rejected.iter().map(|(index, _)| *index).collect();
            let rest: Vec<_> =
                part.into_iter().filter(|index| *index >= first && !known.contains(index)).collect();
            if outcome.rejected.is_empty() {
                let (before, behind) = rest.split_at(rest.len().div_ceil(2));
                parts.push(behind.to_vec());
                parts.push(before.to_vec());
            } else {
                parts.push(rest);
            }
        }
        Ok(Delivery { rejected: messages.rejections(), beside: 0 })
    }

    /// Why a message was rejected.
    fn reason(&self, messages: &Messages, index: usize, code: RDKafkaErrorCode) -> String {
        let Some((address, value)) = messages.get(index) else { return code.to_string() };
        let topic = &address.topic;
        match code {
            RDKafkaErrorCode::MessageSizeTooLarge => format!(
                "the message for topic {topic} has {} bytes: {code} (`max_message_bytes` is {}, and the topic has `max.message.bytes`)",
                value.len() + address.bytes(),
                self.options.max_message_bytes
            ),
            _ => format!("topic {topic} does not take the message: {code}"),
        }
    }
}

impl State {
    /// The client, made anew where there is none.
    async fn producer(&mut self, node: &str, options: &KafkaOptions) -> Result<&mut Producer> {
        self.ended().await;
        let producer = match self.producer.take() {
            Some(producer) => producer,
            None => Producer::new(node, options)?,
        };
        Ok(self.producer.insert(producer))
    }

    /// Gives the client up, and what it has not sent yet.
    fn give_up(&mut self) {
        let Some(producer) = self.producer.take() else { return };
        // Ending takes its time: requests that are under way may yet be answered.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => self.ending = Some(runtime.spawn_blocking(move || drop(producer))),
            Err(_) => drop(producer),
        }
    }

    /// Waits until a client that was given up has ended: nothing of it may arrive behind what the next one sends.
    async fn ended(&mut self) {
        if let Some(ending) = &mut self.ending {
            // A panic there has been told of.
            drop(ending.await);
            self.ending = None;
        }
    }
}

/// Gives the client up where it is spent when a write is over, also one that was dropped: messages of a batch that failed must not
/// arrive behind those of the next.
struct UnderWay<'a>(MutexGuard<'a, State>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.0.producer.as_ref().is_some_and(Producer::is_spent) {
            self.0.give_up();
        }
    }
}

#[async_trait]
impl Sink for KafkaSink {
    fn capabilities(&self) -> SinkCapabilities {
        // One at a time: a batch that fails is not passed by the next.
        SinkCapabilities::default()
    }

    async fn connect(&self) -> Result<()> {
        let mut state = self.state.lock().await;
        state.producer(&self.node, &self.options).await?;
        let Some(producer) = state.producer.take() else { return Ok(()) };
        let timeout = self.options.timeout.0;
        let asked = tokio::task::spawn_blocking(move || (producer.answers(timeout), producer)).await;
        let (answered, producer) = asked.map_err(|error| Error::bug(error.to_string()))?;
        state.producer = Some(producer);
        answered
    }

    async fn write(&self, batch: &Batch) -> Result<Delivery> {
        if batch.rows() == 0 {
            return Ok(Delivery::default());
        }
        let mut under_way = UnderWay(self.state.lock().await);
        self.deliver(&mut under_way.0, batch).await
    }

    async fn close(&self) -> Result<()> {
        let mut state = self.state.lock().await;
        state.give_up();
        state.ended().await;
        Ok(())
    }
}

impl Drop for KafkaSink {
    fn drop(&mut self) {
        self.state.get_mut().give_up();
    }
}

impl fmt::Debug for KafkaSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSink").field("node", &self.node).finish_non_exhaustive()
    }
}
