//! The encoders, as components.

use levada_connector_api::{BuildContext, EncoderFactory, EncoderType, Error, Problem, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Format, Lines,
    options::{CsvForm, LineOptions, Of, TimeFormat},
};

/// How JSON lines are written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JsonlOptions {
    /// Say the types that a reader would not see, in an object `types` of each line, so that lines that are read back have the same types.
    pub types: bool,
    /// How times are written.
    pub time: TimeFormat,
}

/// How CSV is written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(example = serde_json::json!({}))]
#[schemars(example = serde_json::json!({"form": "wide", "columns": ["temperature", "humidity"]}))]
pub struct CsvOptions {
    /// One value a line, or one row.
    pub form: CsvForm,
    /// Wide: the measurements that become columns, in this order; others are left out. Where nothing is said, columns come as they
    /// are met, and when there are more the header is written again.
    #[schemars(example = ["temperature", "humidity"])]
    pub columns: Option<Vec<String>>,
    /// Wide: say the type of a column behind its name, `temperature(DOUBLE)`. Not together with `columns`.
    pub types: bool,
    /// How times are written.
    pub time: TimeFormat,
}

/// Nothing to choose.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// The encoder `jsonl`.
#[derive(Debug)]
pub struct Jsonl;

/// The encoder `csv`.
#[derive(Debug)]
pub struct Csv;

/// The encoder `line`.
#[derive(Debug)]
pub struct Line;

/// The encoder `text`.
#[derive(Debug)]
pub struct Text;

/// Makes encoders of a format.
pub(crate) fn factory(format: Format, time: TimeFormat) -> EncoderFactory {
    let (has_header, needs_header) = (format.has_header(), format.needs_header());
    let factory = EncoderFactory::new(move || Box::new(Lines::new(format.clone(), time)));
    match (has_header, needs_header) {
        (_, true) => factory.needing_header(),
        (true, false) => factory.with_header(),
        (false, false) => factory,
    }
}

impl EncoderType for Jsonl {
    const NAME: &'static str = "jsonl";
    const SUMMARY: &'static str = "A JSON object for each row, a row a line.";
    type Options = JsonlOptions;

    fn build(options: JsonlOptions, _: &BuildContext) -> Result<EncoderFactory> {
        Ok(factory(if options.types { Format::JsonlTyped } else { Format::Jsonl }, options.time))
    }
}

impl EncoderType for Csv {
    const NAME: &'static str = "csv";
    const SUMMARY: &'static str = "Comma-separated values under a header.";
    type Options = CsvOptions;

    fn check(options: &CsvOptions) -> Vec<Problem> {
        let problems = options.lines().problems(Of::Csv);
        let reworded = |problem: Problem| Problem {
            message: problem.message.replace("`format: csv` with ", ""),
            ..problem
        };
        problems.into_iter().map(reworded).collect()
    }

    fn needs_header(options: &CsvOptions) -> bool {
        options.lines().csv().needs_header()
    }

    fn build(options: CsvOptions, _: &BuildContext) -> Result<EncoderFactory> {
        if let Some(problem) = Self::check(&options).into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        Ok(factory(options.lines().csv(), options.time))
    }
}

impl CsvOptions {
    fn lines(&self) -> LineOptions {
        let Self { form, columns, types, time } = self.clone();
        LineOptions { form, columns, types, time }
    }
}

impl EncoderType for Line {
    const NAME: &'static str = "line";
    const SUMMARY: &'static str = "Events as text: device,time,m1:m2,TYPE1:TYPE2,v1:v2.";
    type Options = NoOptions;

    fn build(_: NoOptions, _: &BuildContext) -> Result<EncoderFactory> {
        Ok(factory(Format::Line, TimeFormat::Milliseconds))
    }
}

impl EncoderType for Text {
    const NAME: &'static str = "text";
    const SUMMARY: &'static str = "Time, device and name=value, for people: no decoder reads it.";
    type Options = NoOptions;

    fn build(_: NoOptions, _: &BuildContext) -> Result<EncoderFactory> {
        Ok(factory(Format::Text, TimeFormat::Rfc3339))
    }
}
