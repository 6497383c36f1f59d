//! The contract between connectors and the runtime that drives them.
//!
//! ```text
//!            ┌────────── runtime ──────────────────────────────────────────┐
//!   Source ──▶ Batch ──▶ Transform ──▶ Batch ──▶ batching, retry ──▶ Sink   │
//!      ▲     │                                                      │      │
//!      └─────│◀── settle(watermark) ◀── ledger ◀── Delivery ────────┘      │
//!            └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! A [`Source`] yields [`Batch`]es of tablets, each with the range of positions it covers. A [`Sink`] answers for every
//! batch: delivered, these rows rejected, or an [`Error`] that says whether trying again helps. The runtime keeps the
//! account and tells the source how far everything before is settled; the source commits that and nothing beyond.
//! Queues, retries, batching, dead letters, metrics and deadlines are the runtime's: a connector has none of them.
//!
//! Invariants: a batch's positions lie behind those of the batch before it in the same split; a row's bytes as they came
//! ([`Records`]) stay reachable until the row is settled; nothing here spawns a task before `connect`.
//!
//! [`guide`] shows how to write a connector, with a whole source and a whole sink.

mod batch;
mod build;
mod builder;
pub mod csv;
mod declare;
mod decode;
mod encode;
mod error;
mod facilities;
pub mod guide;
mod meta;
mod options;
mod packing;
mod records;
mod registry;
mod reread;
mod sink;
mod source;
mod state_file;
mod store_options;
mod text;
mod text_list;
mod tls;
mod transform;

pub use batch::{Batch, Readings, RejectedRecord};
pub use build::{BuildContext, EngineTuning, NoStores, StoreTarget, Stores, SyncMode};
pub use builder::{BatchBuilder, FieldValue, Placed, RowError};
pub use declare::{Options, With};
pub use decode::{DecodeError, Decoder, DecoderFactory, Noticed, Remark};
pub use encode::{Encoder, EncoderFactory};
pub use error::{Domain, Error, ErrorKind, Result, Retry};
pub use facilities::Facilities;
pub use meta::{Meta, MetaValue};
pub use options::{BatchLimits, ByteSize, Interval, Secret, port_of};
pub use packing::packing_of;
pub use records::{Envelope, Headers, RecordRef, Records, RecordsBuilder};
pub use registry::{
    Component, ComponentKind, DecoderType, EncoderType, Guarantee, Problem, Registry, SinkType, SourceType,
    TransformType,
};
pub use reread::{Earlier, Reread, plain_reread};
pub use sink::{Delivery, Rejection, Sink, SinkCapabilities};
pub use source::{Point, Progress, Source, SourceCapabilities, SplitState};
pub use state_file::replace_state;
pub use store_options::StoreOptions;
pub use text::text_of;
pub use text_list::TextList;
pub use tls::TlsOptions;
pub use transform::{Emitted, Emitter, Holds, Transform};

pub use levada_model as model;
pub use levada_model::Repeats;
