//! `stdout`: rows as lines on standard output, for looking at a pipeline and for other programs to read.
//!
//! # Delivery
//!
//! At least once, as far as whoever reads: a batch counts as delivered when standard output has taken all its lines. After
//! an error in the middle of a batch its first lines come again; a line that was cut off is ended first. When nobody reads any
//! more (`levada run … | head`) the pipeline ends. Proven by `standard_output_passes_the_contract`.

use std::{
    io::{self, Write},
    sync::Arc,
};

use levada_connector_api::{BuildContext, EncoderFactory, Guarantee, Problem, Result, Sink, SinkType, With};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::lines::{CsvForm, LineOptions, TimeFormat};
use crate::{
    lines::{Format, LINE_KEYS, Of, encoders},
    stream::Stream,
};

/// How rows are printed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StdoutOptions {
    /// The format of a line.
    #[serde(default)]
    pub format: StdoutFormat,
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StdoutFormat {
    /// Time, device and `name=value`, for people; times always as `rfc3339`.
    #[default]
    Text,
    /// A JSON object for each row.
    Jsonl,
    /// Comma-separated values under a header.
    Csv,
}

/// The component `stdout`.
#[derive(Debug)]
pub struct Stdout;

impl SinkType for Stdout {
    const NAME: &'static str = "stdout";
    const SUMMARY: &'static str = "Prints rows on standard output, as text, JSON lines or CSV.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "At least once, as far as whoever reads: a batch counts as delivered when standard output has taken all its lines.",
        tests: &["standard_output_passes_the_contract"],
    });
    const ENCODES: Option<&'static [&'static str]> = Some(LINE_KEYS);
    type Options = With<StdoutOptions, LineOptions>;

    fn check(options: &Self::Options) -> Vec<Problem> {
        options.group.problems(match options.own.format {
            StdoutFormat::Csv => Of::Csv,
            StdoutFormat::Jsonl => Of::Jsonl,
            StdoutFormat::Text => Of::Other,
        })
    }

    fn build(options: Self::Options, context: &BuildContext) -> Result<Arc<dyn Sink>> {
        let to = Box::new(io::stdout());
        Ok(match &context.encoder {
            Some(encoder) => Arc::new(encoding(&encoder.clone().of_lines()?, to)),
            None => Arc::new(printing(&options.own, &options.group, to)),
        })
    }
}

/// A sink into any stream. See the [module](self) for what it promises.
pub fn printing(
    options: &StdoutOptions,
    lines: &LineOptions,
    to: Box<dyn Write + Send>,
) -> impl Sink + use<> {
    let format = match options.format {
        StdoutFormat::Text => Format::Text,
        StdoutFormat::Jsonl => lines.jsonl(),
        StdoutFormat::Csv => lines.csv(),
    };
    encoding(&encoders::factory(format, lines.time), to)
}

/// A sink into any stream, of lines as an encoder makes them.
pub fn encoding(encoder: &EncoderFactory, to: Box<dyn Write + Send>) -> impl Sink + use<> {
    Stream::new("standard output", encoder.make(), to)
}
