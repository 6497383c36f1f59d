//! Pipeline documents: parsed with positions, interpolated, checked, explained.
//!
//! [`load`] makes a [`Pipeline`] of a text, or says everything that is wrong with it, each with its place. What may stand
//! in a document comes from one declaration per option: the option structs of the components in a
//! [`Registry`](levada_connector_api::Registry), and those in this crate for the keys around them.
//!
//! Invariants: nothing here touches the file system or the environment (the text and the variables are handed in);
//! nothing read from outside can make it panic, and its work is bounded by the size of the text.

mod check;
mod code;
mod diagnostic;
mod echo;
mod explain;
mod interpolate;
mod keys;
mod load;
mod node;
mod pipeline;
mod render;
mod report;
mod schema;
mod secret;
mod settings;
mod single;
mod text;
mod together;
mod words;
mod write;
mod yaml;

pub use code::CODES;
pub use diagnostic::{Diagnostic, Level, Note, Span};
pub use explain::{
    Topic, UnknownComponent, document_reference, document_schema, reference, skeleton, topics,
};
pub use load::load;
pub use pipeline::{ComponentRef, Pipeline, SinkNode, SourceNode, TransformNode, input_parts};
pub use render::render;
pub use settings::{
    DeadLetterSettings, ErrorSettings, LogFormat, LogLevel, LogSettings, OnError, QueueLimits, RetryPolicy,
    TestCase,
};
pub use single::{Given, explained_options, load_options, option_names};
pub use together::check_together;
