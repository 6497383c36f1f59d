//! Avro records, with the schema that a registry knows or a file holds.
//!
//! ```text
//!   0 │ schema id, u32 big-endian │ datum        `registry`: what Confluent's serializers write; the id is asked for once
//!   datum                                        `schema_file`: all records are of this schema
//! ```
//!
//! A record's fields are read as the members of a JSON object are: device, time and the rest, nested records as `outer_inner`, event
//! maps too. But they have the types that the schema says:
//!
//! | Avro | type |
//! | --- | --- |
//! | `boolean`, `int`, `long`, `float`, `double` | BOOLEAN, INT32, INT64, FLOAT, DOUBLE |
//! | `string`, `enum`, `uuid` in a string | TEXT |
//! | a `string` with the attribute `"iotdb.type": "STRING"` | STRING |
//! | `bytes`, `fixed`, `duration` | BLOB |
//! | `date` | DATE |
//! | `timestamp-millis`, `-micros`, `-nanos` | TIMESTAMP, rounded down to milliseconds |
//! | `local-timestamp-…` | the same, of the option `zone` |
//! | `time-millis`, `time-micros` | INT32, INT64 |
//! | `decimal` | a number as it is written: the type of its series decides |
//! | a union | that of its value; null is no value |
//! | `record`, `map`, `array` | nested: `outer_inner`, `list_0` |
//!
//! While the registry is away, records wait. A record is rejected for its schema only where the registry itself says that it has none
//! of that id, or where what it has cannot be read.

use std::{path::Path, sync::Arc};

use levada_connector_api::{
    BatchBuilder, BuildContext, DecodeError, Decoder, DecoderFactory, DecoderType, Error, Facilities,
    Problem, Result,
};
use levada_schema_registry::{Schema, split};

mod datum;
mod known;
mod options;
#[cfg(test)]
mod tests;

pub use self::options::AvroOptions;

use self::known::Known;
use super::json::{JsonDecoder, Maker};

/// The type of the decoder, for the registry of components.
#[derive(Debug)]
pub struct AvroDecoder {
    schemas: Schemas,
    /// The schema of the record before.
    last: Option<(u32, Arc<Schema>)>,
    records: JsonDecoder,
}

/// Where schemas come from.
#[derive(Clone, Debug)]
enum Schemas {
    Registry(Arc<Known>),
    File(Arc<Schema>),
}

impl DecoderType for AvroDecoder {
    const NAME: &'static str = "avro";
    const SUMMARY: &'static str = "Avro records, with a schema registry or a schema in a file.";
    type Options = AvroOptions;

    fn check(options: &AvroOptions) -> Vec<Problem> {
        options.problems()
    }

    fn look(options: &AvroOptions, _: &Facilities) -> Vec<Problem> {
        let read = options.schema_file.as_deref().map(read);
        read.and_then(Result::err)
            .map(|error| Problem::new("schema_file", error.message()))
            .into_iter()
            .collect()
    }

    fn build(options: AvroOptions, context: &BuildContext) -> Result<DecoderFactory> {
        if let Some(problem) = options.problems().into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let schemas = match (&options.registry, &options.schema_file) {
            (Some(registry), _) => Schemas::Registry(Arc::new(Known::new(registry)?)),
            (None, Some(file)) => Schemas::File(Arc::new(read(file)?)),
            (None, None) => return Err(Error::bug("options without problems have a schema")),
        };
        let asks = matches!(schemas, Schemas::Registry(_));
        let maker = Maker::new(options.parts(), &context.node);
        let (noticed, wanted) = (maker.account(), maker.wanted());
        let make = move || -> Box<dyn Decoder> {
            Box::new(Self { schemas: schemas.clone(), last: None, records: maker.make() })
        };
        let factory = DecoderFactory::new(make).noticing(noticed).wanting(wanted);
        Ok(if asks { factory.asking() } else { factory })
    }
}

/// Reads a schema in a file.
fn read(file: &Path) -> Result<Schema> {
    let cannot =
        |why: String| Error::config(format!("{}: {why}", file.display())).with("option", "schema_file");
    let text = std::fs::read_to_string(file).map_err(|error| cannot(error.to_string()))?;
    Schema::parse(&text, &[]).map_err(cannot)
}

impl Decoder for AvroDecoder {
    fn decode(&mut self, record: &[u8], rows: &mut BatchBuilder) -> Result<(), DecodeError> {
        let (schema, datum) = match &self.schemas {
            Schemas::File(schema) => (Arc::clone(schema), record),
            Schemas::Registry(known) => {
                let (id, datum) = framed(record)?;
                match &self.last {
                    Some((last, schema)) if *last == id => (Arc::clone(schema), datum),
                    _ => {
                        let schema = known.schema(id)?;
                        self.last = Some((id, Arc::clone(&schema)));
                        (schema, datum)
                    }
                }
            }
        };
        let zone = self.records.zone();
        let decoded = self.records.of_tape(rows, |tape| datum::read(&schema, datum, &zone, tape));
        decoded.map_err(DecodeError::new)
    }
}

/// The schema's id, and what stands behind it.
fn framed(record: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    split(record).ok_or_else(|| {
        DecodeError::new(
            "does not begin with a schema registry header, a zero byte and the schema's id in four bytes; where records are Avro \
             without one, name their schema with `schema_file`",
        )
    })
}
