//! `avro`: a row as a record of Avro, for messages.
//!
//! ```text
//!   0 │ schema id, u32 big-endian │ datum        `registry`: as Confluent's serializers write it
//!   datum                                        `schema_file` alone: all records are of this schema
//! ```
//!
//! # The schema
//!
//! | `registry` | `schema_file` | `register` | rows are written by |
//! | --- | --- | --- | --- |
//! | given | – | yes | the last schema of the subject, extended where rows have more; a first one is made of the rows |
//! | given | – | no | the last schema of the subject |
//! | given | given | yes | the file's, which is registered where it is new |
//! | given | given | no | the file's, which has to be registered |
//! | – | given | – | the file's, without a head |
//!
//! A schema that is made of rows is a record of the device, the time (`timestamp-millis`), and a field for each measurement that may be
//! null. One that comes with another type too has both in its union. So what the decoder `avro` reads has the same types and values:
//!
//! | type | Avro |
//! | --- | --- |
//! | BOOLEAN, INT32, INT64, FLOAT, DOUBLE | `boolean`, `int`, `long`, `float`, `double` |
//! | TEXT | `string` |
//! | STRING | `string` with the attribute `"iotdb.type": "STRING"` |
//! | TIMESTAMP, DATE | `timestamp-millis`, `date` |
//! | BLOB | `bytes` |
//!
//! Where a field has no place for a value's own type (its schema is given, or the union has a type of the same kind already), it is
//! converted as into a series of the field's type. What cannot be is a rejected row.
//!
//! # Calls of the registry
//!
//! One for a subject that is not known yet, and two when its schema grows. Nothing is written of a batch while the registry is away.

mod derive;
mod options;
mod plan;
mod rows;
mod subjects;

pub use options::AvroOptions;

use std::{ops::Range, path::Path};

use levada_connector_api::{
    Batch, BuildContext, Encoder, EncoderFactory, EncoderType, Error, Facilities, Problem, Rejection, Result,
    model::Tablet,
};

use self::{
    rows::Prepared,
    subjects::{Schemas, Subjects},
};
use crate::{rejected::reject, template::Template};

/// The encoder `avro`.
#[derive(Debug)]
pub struct Avro;

/// Writes rows as records.
#[derive(Debug)]
struct AvroEncoder {
    /// The subject of rows; `None` where no registry is asked.
    subject: Option<Template>,
    subjects: Subjects,
}

impl EncoderType for Avro {
    const NAME: &'static str = "avro";
    const SUMMARY: &'static str = "Avro records, with a schema registry or a schema in a file. For messages.";
    const BINARY: bool = true;
    type Options = AvroOptions;

    fn check(options: &AvroOptions) -> Vec<Problem> {
        options.problems()
    }

    fn look(options: &AvroOptions, _: &Facilities) -> Vec<Problem> {
        let file = options.schema_file.as_deref();
        let unfit = file.and_then(|file| read(file).and_then(|text| plan_of(&text, options).map(drop)).err());
        unfit.map(|error| Problem::new("schema_file", error.message())).into_iter().collect()
    }

    fn build(options: AvroOptions, _: &BuildContext) -> Result<EncoderFactory> {
        if let Some(problem) = options.problems().into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let schemas = Schemas::of(&options)?;
        let asks = options.registry.is_some();
        let make = move |place: &str| -> Box<dyn Encoder> {
            let subject = asks.then(|| options.subject_of(place));
            Box::new(AvroEncoder { subject, subjects: Subjects::new(schemas.clone()) })
        };
        let factory = EncoderFactory::of_places(make).binary();
        Ok(if asks { factory.asking() } else { factory })
    }
}

/// The text of a schema in a file.
fn read(file: &Path) -> Result<String> {
    let cannot = |error| format!("{}: {error}", file.display());
    std::fs::read_to_string(file).map_err(|error| Error::config(cannot(error)).with("option", "schema_file"))
}

/// How rows are written by a schema in a file.
fn plan_of(text: &str, options: &AvroOptions) -> Result<plan::Plan> {
    let plan = plan::Plan::parse(text, &[], &options.names());
    plan.map_err(|why| Error::config(why).with("option", "schema_file"))
}

/// Rows of a tablet, and their subject or why they have none.
type Part = (Range<usize>, Result<String, String>);

impl AvroEncoder {
    /// The rows of a tablet by their subjects.
    fn parts(&self, tablet: &Tablet) -> Vec<Part> {
        let times = tablet.times().values();
        let Some(template) = &self.subject else { return vec![(0..times.len(), Ok(String::new()))] };
        let of = |time: i64| template.fill(tablet.device().as_str(), time, |name, out| out.push_str(name));
        let mut parts: Vec<(i64, Part)> = Vec::new();
        for (row, &time) in times.iter().enumerate() {
            let span = template.span().map_or(0, |span| time.div_euclid(span));
            match parts.last_mut() {
                Some((last, (rows, _))) if *last == span => rows.end = row + 1,
                _ => parts.push((span, (row..row + 1, of(time)))),
            }
        }
        parts.into_iter().map(|(_, part)| part).collect()
    }
}

impl Encoder for AvroEncoder {
    fn meet(&mut self, batch: &Batch) -> Result<()> {
        for tablet in batch.readings.iter().map(|readings| &readings.tablet) {
            let mut met: Vec<String> = Vec::new();
            for (_, subject) in self.parts(tablet) {
                if let Ok(subject) = subject
                    && !met.contains(&subject)
                {
                    self.subjects.meet(&subject, tablet.columns())?;
                    met.push(subject);
                }
            }
        }
        Ok(())
    }

    fn put_rows(&self, batch: &Batch, out: &mut Vec<u8>) -> Vec<Rejection> {
        self.put_apart(batch, out, &mut Vec::with_capacity(batch.rows()))
    }

    fn put_apart(&self, batch: &Batch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Vec<Rejection> {
        let mut rejected = Vec::new();
        for (readings, all) in batch.readings.iter().enumerate() {
            let tablet = &all.tablet;
            let mut known: Vec<(String, Prepared<'_>)> = Vec::new();
            for (rows, subject) in self.parts(tablet) {
                let subject = subject.and_then(|subject| {
                    let at = known.iter().position(|(each, _)| *each == subject);
                    at.map_or_else(
                        || {
                            known.push((subject.clone(), self.subjects.prepare(&subject, tablet)?));
                            Ok(known.len() - 1)
                        },
                        Ok,
                    )
                });
                let prepared = subject.map(|at| known.get(at).map(|(_, prepared)| prepared));
                for row in rows {
                    let put = match &prepared {
                        Ok(Some(prepared)) => prepared.put(row, out),
                        Ok(None) => Ok(()),
                        Err(error) => Err(error.clone()),
                    };
                    if let Err(error) = put {
                        reject(&mut rejected, readings, row, error);
                    }
                    ends.push(out.len());
                }
            }
        }
        rejected
    }
}
