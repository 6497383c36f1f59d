//! How to write a connector.
//!
//! 1. Declare the options: a plain struct with `Deserialize` and `JsonSchema`. Its doc comments become the reference
//!    page, its defaults the defaults, its schema what an editor completes and `levada lint` checks. A group of options
//!    that several components have is a struct too, and stands beside the own ones: [`With`](crate::With).
//! 2. Implement [`Source`](crate::Source) or [`Sink`](crate::Sink): a handful of methods, no tasks, no queues, no retries.
//! 3. Say what it is called: [`SourceType`](crate::SourceType) or [`SinkType`](crate::SinkType), and add it to the
//!    registry that the runtime is started with.
//! 4. Run the contract suite of `levada-testkit` over it.
//!
//! # The smallest source
//!
//! It counts. It is bounded, and since a number is its own position, it can go on where it was settled.
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow_array::Int64Array;
//! use async_trait::async_trait;
//! use levada_connector_api::{
//!     Batch, BuildContext, Readings, Registry, Result, Source, SourceCapabilities, SourceType,
//!     model::{Checkpoint, Column, DataType, Path, SplitPosition, SplitRange, Tablet},
//! };
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! /// How far to count.
//! #[derive(Debug, Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct CountOptions {
//!     /// The first number that is not counted.
//!     to: u64,
//! }
//!
//! struct Count {
//!     next: u64,
//!     to: u64,
//! }
//!
//! #[async_trait]
//! impl Source for Count {
//!     fn capabilities(&self) -> SourceCapabilities {
//!         SourceCapabilities { bounded: true, replayable: true, remembers: false }
//!     }
//!
//!     async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
//!         self.next = stored.get(&"count".into()).copied().unwrap_or(0);
//!         Ok(())
//!     }
//!
//!     async fn next(&mut self) -> Result<Option<Batch>> {
//!         if self.next >= self.to {
//!             return Ok(None);
//!         }
//!         let range = self.next..(self.next + 1_000).min(self.to);
//!         self.next = range.end;
//!         let numbers = Int64Array::from_iter_values(range.clone().map(|n| n as i64));
//!         let column = Column { name: "n".into(), data_type: DataType::Int64, values: Arc::new(numbers.clone()) };
//!         let device = Path::parse("root.count").expect("a legal path");
//!         let tablet = Tablet::try_new(device, false, numbers, vec![column]).expect("columns of one length");
//!         let positions = vec![SplitRange { split: "count".into(), range }];
//!         Ok(Some(Batch { readings: vec![Readings::synthetic(tablet)], positions, rejected: Vec::new() }))
//!     }
//!
//!     async fn settle(&mut self, _: &[SplitPosition]) -> Result<()> {
//!         Ok(())
//!     }
//!
//!     async fn close(&mut self) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! impl SourceType for Count {
//!     const NAME: &'static str = "count";
//!     const SUMMARY: &'static str = "Counts.";
//!     type Options = CountOptions;
//!
//!     fn build(options: CountOptions, _: &BuildContext) -> Result<Box<dyn Source>> {
//!         Ok(Box::new(Count { next: 0, to: options.to }))
//!     }
//! }
//!
//! let registry = Registry::new().with_source::<Count>();
//! # assert!(registry.get(levada_connector_api::ComponentKind::Source, "count").is_some());
//! # futures::executor::block_on(async {
//! # let context = BuildContext::new("doc", "count");
//! # let mut source = Count::build(CountOptions { to: 1_500 }, &context).expect("built");
//! # source.connect(&Checkpoint::new()).await.expect("connected");
//! # let mut rows = 0;
//! # while let Some(batch) = source.next().await.expect("a batch") { rows += batch.rows(); }
//! # assert_eq!(rows, 1_500);
//! # });
//! ```
//!
//! # The smallest sink
//!
//! It sums every number it is given, and rejects rows that hold none.
//!
//! ```
//! use std::sync::{Arc, atomic::{AtomicI64, Ordering}};
//!
//! use arrow_array::{cast::AsArray, types::Int64Type};
//! use async_trait::async_trait;
//! use levada_connector_api::{Batch, BuildContext, Delivery, Registry, Rejection, Result, Sink, SinkType, model::DataType};
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! /// Nothing to choose.
//! #[derive(Debug, Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct SumOptions {}
//!
//! #[derive(Default)]
//! struct Sum(AtomicI64);
//!
//! #[async_trait]
//! impl Sink for Sum {
//!     async fn connect(&self) -> Result<()> {
//!         Ok(())
//!     }
//!
//!     async fn write(&self, batch: &Batch) -> Result<Delivery> {
//!         let mut delivery = Delivery::default();
//!         for (index, readings) in batch.readings.iter().enumerate() {
//!             match readings.tablet.columns().iter().find(|column| column.data_type == DataType::Int64) {
//!                 Some(column) => {
//!                     // What was read without a type is as it was written until a sink wants it of one.
//!                     let converted = column.to(DataType::Int64);
//!                     let sum: i64 = converted.values.as_primitive::<Int64Type>().iter().flatten().sum();
//!                     self.0.fetch_add(sum, Ordering::Relaxed);
//!                 }
//!                 None => delivery.rejected.push(Rejection {
//!                     readings: index,
//!                     rows: None,
//!                     error: "no column of type INT64".to_owned(),
//!                 }),
//!             }
//!         }
//!         Ok(delivery)
//!     }
//!
//!     async fn close(&self) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! impl SinkType for Sum {
//!     const NAME: &'static str = "sum";
//!     const SUMMARY: &'static str = "Sums whole numbers.";
//!     type Options = SumOptions;
//!
//!     fn build(_: SumOptions, _: &BuildContext) -> Result<Arc<dyn Sink>> {
//!         Ok(Arc::new(Sum::default()))
//!     }
//! }
//!
//! let registry = Registry::new().with_sink::<Sum>();
//! # assert!(registry.get(levada_connector_api::ComponentKind::Sink, "sum").is_some());
//! ```
//!
//! # What the runtime does for you
//!
//! | | where |
//! | --- | --- |
//! | batching by rows, bytes and time | `batch:` beside every sink |
//! | retries with backoff and jitter | after every error whose [`Retry`](crate::Retry) is `Later` |
//! | dead letters | for every [`RejectedRecord`](crate::RejectedRecord) and [`Rejection`](crate::Rejection) |
//! | metrics | for every node, named by the pipeline's document |
//! | deadlines | around `connect`, `write` and `close` |
//! | commits | through [`Source::settle`](crate::Source::settle), never beyond what is settled |
