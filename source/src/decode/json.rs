//! JSON records: flat objects, event maps, arrays of those.
//!
//! ```text
//!   {"device": "d1", "time": 1700000000000, "temperature": 21.3, "state": {"on": true}}
//!        → d1, 1700000000000: temperature DOUBLE 21.3, state_on BOOLEAN true
//!   {"device": "d1", "timestamp": 1700000000000, "measurements": "temperature,on", "types": "FLOAT,BOOLEAN", "values": "21.3,true"}
//!   {"device": "d1", "timestamp": 1700000000000, "measurements": ["temperature"], "values": [21.3]}
//!        → the event map of the Flink connector, each part a list or a text with separators
//!   {"device": "d1", "timestamps": [1700000000000, 1700000001000], "measurements": ["a"], "values": [[1], [2]]}
//!        → a row for each time, as IoTDB's own MQTT service takes it
//!   {"device": "d1", "time": 1700000000000, "values": {"temperature": 21.3}}
//!        → members of `measurements` or `values` are measurements by their own names
//!   {"device": "d1", "time": 1700000000000, "count": 5, "types": {"count": "INT32"}}
//!        → values of these types, as the encoder `jsonl` says them with `types: true`
//! ```
//!
//! With `lines: true` a record is several of these, one in a line. Of an array or of lines those that are not well formed are rejected,
//! each by itself, with its number and the reason; the others are taken.
//!
//! `types` in the record and `cast` in the options say of which type values are. Without either a number stays as it is
//! written until the type of its series is known: that of a series that exists or is declared, otherwise DOUBLE, or INT64 for
//! whole numbers with `integers: int64`. True and false are BOOLEAN, texts TEXT, null is no value. Members of nested objects are
//! named `outer_inner`, elements of nested lists `list_0`.
//!
//! Of two values that come to one name neither is taken: a record that has a key twice, or `{"a": {"b": 1}, "a_b": 2}`, is
//! rejected, as which of the two is meant is not said. A record none of whose values is one (all are null, or no field is where
//! `fields` look for it) has no row: such records are counted, and told of once.

use std::{ops::Range, sync::Arc};

use jiff::tz::TimeZone;
use levada_connector_api::{
    BatchBuilder, BuildContext, DecodeError, Decoder, DecoderFactory, DecoderType, FieldValue, Meta, Problem,
    Result, text_of,
};

mod device;
mod event;
mod fields;
mod flat;
mod leaf;
mod options;
mod path;
mod place;
mod row;
mod scan;
mod tape;
#[cfg(test)]
mod tests;
mod types;

pub use self::{
    options::{FieldChoice, JsonOptions},
    path::JsonPath,
    place::Place,
};

pub(super) use self::tape::{DEEPEST, Node, Value};

use self::{fields::Fields, flat::Pattern, options::Plan, tape::children};
use super::{account::Account, parts::Parts};

/// The type of the decoder, for the registry.
#[derive(Debug)]
pub struct JsonDecoder {
    plan: Arc<Plan>,
    tape: Vec<Node<'static>>,
    /// Of a document that is a list, the bytes of its elements.
    elements: Vec<Range<usize>>,
    fields: Vec<(&'static str, FieldValue<'static>)>,
    /// Where the names of devices are made.
    name: String,
    pattern: Pattern,
}

impl DecoderType for JsonDecoder {
    const NAME: &'static str = "json";
    const SUMMARY: &'static str = "JSON objects, flat or as event maps, and arrays of them.";
    type Options = JsonOptions;

    fn check(options: &JsonOptions) -> Vec<Problem> {
        options.problems()
    }

    fn build(options: JsonOptions, context: &BuildContext) -> Result<DecoderFactory> {
        let maker = Maker::new(options, &context.node);
        let (noticed, wanted) = (maker.account(), maker.wanted());
        let make = move || -> Box<dyn Decoder> { Box::new(maker.make()) };
        Ok(DecoderFactory::new(make).noticing(noticed).wanting(wanted))
    }
}

impl Decoder for JsonDecoder {
    fn decode(&mut self, record: &[u8], rows: &mut BatchBuilder) -> Result<(), DecodeError> {
        let text = text_of(record).map_err(DecodeError::new)?;
        let start = record.len() - text.len();
        // A record of blank lines alone holds none: it is rejected as one value would be.
        let decoded = if let Err(error) = self.plan.beside(rows) {
            Err(error)
        } else if self.plan.lines && !text.trim().is_empty() {
            let several = text.trim().contains('\n');
            let mut parts = Parts::default();
            let mut at = start;
            for (nth, line) in text.split_inclusive('\n').enumerate() {
                let from = at;
                at += line.len();
                let line = line.trim_end();
                if !line.is_empty() {
                    let bytes = several.then_some(from..from + line.len());
                    parts.part(
                        rows,
                        bytes,
                        || format!("line {}", nth + 1),
                        |rows| self.document(line, from, rows),
                    );
                }
            }
            parts.end(rows)
        } else {
            self.document(text, start, rows)
        };
        decoded.map_err(|message| {
            rows.take_back();
            DecodeError::new(message)
        })
    }

    fn is_whole(&mut self, record: &[u8]) -> bool {
        is_closed(record)
    }
}

/// Makes decoders of one source, also for those who read other bytes to the same parts.
#[derive(Debug)]
pub(super) struct Maker(Arc<Plan>);

impl Maker {
    pub(super) fn new(options: JsonOptions, node: &str) -> Self {
        Self(Arc::new(Plan::new(options, node)))
    }

    /// What the decoders notice together.
    pub(super) fn account(&self) -> Arc<Account> {
        Arc::clone(&self.0.account)
    }

    /// What they need of what comes with a record.
    pub(super) fn wanted(&self) -> Vec<Meta> {
        self.0.metas.clone()
    }

    pub(super) fn make(&self) -> JsonDecoder {
        let plan = Arc::clone(&self.0);
        let (tape, elements, fields) = (Vec::new(), Vec::new(), Vec::new());
        JsonDecoder { plan, tape, elements, fields, name: String::new(), pattern: Pattern::default() }
    }
}

impl JsonDecoder {
    /// Puts the rows of a record whose parts `fill` puts on a tape.
    ///
    /// # Errors
    /// The record is not well formed; the builder holds none of its rows.
    pub(super) fn of_tape<'a>(
        &mut self,
        rows: &mut BatchBuilder,
        fill: impl FnOnce(&mut Vec<Node<'a>>) -> Result<(), String>,
    ) -> Result<(), String> {
        let decoded = self.plan.beside(rows).and_then(|()| self.in_full(0, |tape, _| fill(tape), rows));
        decoded.inspect_err(|_| rows.take_back())
    }

    /// The zone of times that do not say theirs.
    pub(super) fn zone(&self) -> TimeZone {
        self.plan.time.zone().clone()
    }

    /// Puts the rows of one document, which begins at a byte of its record.
    fn document(&mut self, text: &str, start: usize, rows: &mut BatchBuilder) -> Result<(), String> {
        let mut fields = reuse(std::mem::take(&mut self.fields));
        let decoded = self.pattern.decode(&self.plan, text, &mut fields, rows);
        self.fields = reuse(fields);
        if decoded? {
            self.pattern.fits();
            return Ok(());
        }
        self.in_full(start, |tape, elements| tape::read(text, tape, elements), rows)?;
        self.pattern.take(&self.plan, text);
        Ok(())
    }

    /// Puts the rows of a document that is not like the one before.
    fn in_full<'a>(
        &mut self,
        start: usize,
        fill: impl FnOnce(&mut Vec<Node<'a>>, &mut Vec<Range<usize>>) -> Result<(), String>,
        rows: &mut BatchBuilder,
    ) -> Result<(), String> {
        let mut tape = reuse(std::mem::take(&mut self.tape));
        let mut memory = (std::mem::take(&mut self.fields), std::mem::take(&mut self.name));
        self.elements.clear();
        let decoded = fill(&mut tape, &mut self.elements).and_then(|()| {
            let document = Document { tape: &tape, start, elements: &self.elements };
            decode_root(&self.plan, document, &mut memory, rows)
        });
        (self.fields, self.name) = memory;
        self.tape = reuse(tape);
        decoded
    }
}

/// Whether a text is a closed object or list.
fn is_closed(record: &[u8]) -> bool {
    let mut tape = Vec::new();
    let text = std::str::from_utf8(record).ok();
    text.is_some_and(|text| tape::read(text, &mut tape, &mut Vec::new()).is_ok())
        && matches!(tape.first().map(|root| &root.value), Some(Value::Object(_) | Value::List(_)))
}

/// A document on its tape.
#[derive(Clone, Copy)]
struct Document<'t, 'a> {
    tape: &'t [Node<'a>],
    /// Where in its record it begins.
    start: usize,
    /// The bytes of its elements, where it is a list in text.
    elements: &'t [Range<usize>],
}

/// One object, or a list of them.
fn decode_root(
    plan: &Plan,
    document: Document<'_, '_>,
    kept: &mut (Vec<(&'static str, FieldValue<'static>)>, String),
    rows: &mut BatchBuilder,
) -> Result<(), String> {
    let (memory, name) = std::mem::take(kept);
    let mut fields = Fields::new(reuse(memory), name);
    let tape = document.tape;
    let decoded = match tape.first().map(|root| &root.value) {
        Some(&Value::List(1)) => {
            plan.account.empty_record();
            Ok(())
        }
        Some(&Value::Object(end)) => row::decode(plan, tape, 1..end, &mut fields, rows),
        Some(&Value::List(end)) => decode_list(plan, document, 1..end, &mut fields, rows),
        _ => Err("neither an object nor a list of objects".to_owned()),
    };
    let (memory, name) = fields.into_memory();
    *kept = (reuse(memory), name);
    decoded
}

fn decode_list<'t>(
    plan: &'t Plan,
    document: Document<'t, '_>,
    range: Range<usize>,
    fields: &mut Fields<'t>,
    rows: &mut BatchBuilder,
) -> Result<(), String> {
    let Document { tape, start, elements } = document;
    let mut parts = Parts::default();
    for (nth, (at, element)) in children(tape, range.start, range.end).enumerate() {
        parts.part(
            rows,
            elements.get(nth).map(|bytes| start + bytes.start..start + bytes.end),
            || format!("element {nth}"),
            |rows| match element.value {
                Value::Object(end) => row::decode(plan, tape, at + 1..end, fields, rows),
                _ => Err("not an object".to_owned()),
            },
        );
    }
    parts.end(rows)
}

/// The memory of an emptied list, for elements that borrow from something else.
fn reuse<A, B>(mut list: Vec<A>) -> Vec<B> {
    list.clear();
    // Collecting in place keeps the allocation where both kinds of elements have the same layout.
    list.into_iter().filter_map(|_| None).collect()
}
