//! Pipeline documents: parsed with positions, interpolated, checked, explained.
//!
//! [`load`] turns a text into a [`Pipeline`], or reports everything that is wrong with it, each problem with its place. Options
//! are declared once: in the option structs of the components in a [`Registry`](levada_connector_api::Registry), and in this
//! crate for the keys around them.
//!
//! Invariants: this crate never touches the file system or the environment (the caller passes the text and the variables); no
//! input from outside makes it panic, and its work is bounded by the size of the text.

mod check;
mod code;
mod diagnostic;
mod draw;
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
pub use draw::{GraphForm, draw};
pub use explain::{
    Topic, UnknownComponent, document_reference, document_schema, reference, skeleton, topics,
};
pub use load::{load, load_and_look};
pub use pipeline::{ComponentRef, Pipeline, SinkNode, SourceNode, TransformNode, input_parts};
pub use render::render;
pub use settings::{
    DeadLetterSettings, ErrorSettings, LogFormat, LogLevel, LogSettings, OnError, QueueLimits, RetryPolicy,
    TestCase,
};
pub use single::{Given, explained_options, load_options, option_names};
pub use together::check_together;
