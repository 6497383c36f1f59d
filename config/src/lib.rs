//! Pipeline documents: parsed with positions, interpolated, checked, explained.

mod diagnostic;
mod pipeline;
mod settings;

pub use diagnostic::{Diagnostic, Level, Note, Span};
pub use pipeline::{ComponentRef, Pipeline, SinkNode, SourceNode, TransformNode};
pub use settings::{
    DeadLetterSettings, ErrorSettings, LogFormat, LogLevel, LogSettings, OnError, QueueLimits, RetryPolicy,
    TestCase,
};
