//! What was emitted with a version, as bytes: rows of all outputs, with the records that they came from.
//!
//! ```text
//!   tables    count, then records as they are saved
//!   outputs   count, then for each: how many runs of rows whose columns are the same
//!   run       count, then for each: device │ aligned │ table of its records, 0 for none, and the record of each row
//!             an Arrow stream: a batch for each, the time first
//! ```

use std::{collections::HashMap, iter, sync::Arc};

use arrow_array::{Array, ArrayRef, RecordBatch, cast::AsArray, types::Int64Type};
use arrow_ipc::{reader::StreamReader, writer::StreamWriter};
use arrow_schema::{Field, Schema, SchemaRef};
use levada_connector_api::{Batch, Emitted, Error, Readings, Records, Result};
use levada_model::{Column, DataType, Path, Tablet};

use crate::saved::{Put, Take, damaged};

/// The key under which a column's type is said.
const TYPE: &str = "type";

/// Records that rows came from, each once.
#[derive(Default)]
struct Tables<'e> {
    records: Vec<(&'e Arc<Records>, Vec<u32>)>,
    places: HashMap<*const Records, usize>,
}

/// The bytes of what was emitted; none where nothing was.
///
/// # Errors
/// Columns do not make a batch: a fault of ours.
pub(crate) fn encode(emitted: &Emitted) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if emitted.is_empty() {
        return Ok(out);
    }
    let outputs = || iter::once(&emitted.batch.readings).chain(&emitted.others);
    let mut tables = Tables::default();
    outputs().flatten().for_each(|readings| tables.note(readings));
    tables.put(&mut out);
    Put(&mut out).number(1 + emitted.others.len() as u64);
    for output in outputs() {
        let runs: Vec<_> = output.chunk_by(|one, next| is_alike(&one.tablet, &next.tablet)).collect();
        Put(&mut out).number(runs.len() as u64);
        runs.into_iter().try_for_each(|run| put_run(run, &tables, &mut out))?;
    }
    Ok(out)
}

/// What [`encode`] gave bytes of.
///
/// # Errors
/// They are no such thing.
pub(crate) fn decode(bytes: &[u8]) -> Result<Emitted> {
    let mut emitted = Emitted::default();
    if bytes.is_empty() {
        return Ok(emitted);
    }
    let mut take = Take::new(bytes);
    let tables = (0..take.count()?).map(|_| Records::restored(take.bytes()?).ok_or_else(damaged));
    let tables = tables.collect::<Result<Vec<_>>>()?;
    for output in 0..take.count()? {
        let mut readings = Vec::new();
        for _ in 0..take.count()? {
            take_run(&mut take, &tables, &mut readings)?;
        }
        match output {
            0 => emitted.batch = Batch { readings, ..Batch::default() },
            _ => emitted.others.push(readings),
        }
    }
    Ok(emitted)
}

impl<'e> Tables<'e> {
    fn note(&mut self, readings: &'e Readings) {
        let Some((records, rows)) = &readings.records else { return };
        let place = *self.places.entry(Arc::as_ptr(records)).or_insert_with(|| {
            self.records.push((records, Vec::new()));
            self.records.len() - 1
        });
        if let Some((_, which)) = self.records.get_mut(place) {
            which.extend(rows.iter());
        }
    }

    /// Puts them; from now on they know which indexes they have there.
    fn put(&mut self, out: &mut Vec<u8>) {
        Put(out).number(self.records.len() as u64);
        let mut bytes = Vec::new();
        for (records, which) in &mut self.records {
            bytes.clear();
            *which = records.save(which, &mut bytes);
            Put(out).bytes(&bytes);
        }
    }

    /// Puts where the records of rows are.
    fn put_rows(&self, readings: &Readings, out: &mut Vec<u8>) {
        let known = readings.records.as_ref().and_then(|(records, rows)| {
            let place = *self.places.get(&Arc::as_ptr(records))?;
            Some((place, &self.records.get(place)?.1, rows))
        });
        let Some((place, saved, rows)) = known else { return Put(out).number(0) };
        Put(out).number(place as u64 + 1);
        for row in rows.iter() {
            let index = saved.binary_search(row).unwrap_or_default();
            out.extend_from_slice(&u32::try_from(index).unwrap_or(u32::MAX).to_le_bytes());
        }
    }
}

/// Whether rows have the same columns.
fn is_alike(one: &Tablet, other: &Tablet) -> bool {
    let same = |(one, other): (&Column, &Column)| {
        one.name == other.name
            && one.data_type == other.data_type
            && one.values.data_type() == other.values.data_type()
    };
    one.columns().len() == other.columns().len() && one.columns().iter().zip(other.columns()).all(same)
}

fn put_run(run: &[Readings], tables: &Tables<'_>, out: &mut Vec<u8>) -> Result<()> {
    let Some(first) = run.first() else { return Ok(()) };
    Put(out).number(run.len() as u64);
    for readings in run {
        Put(out).text(readings.tablet.device().as_str());
        Put(out).byte(u8::from(readings.tablet.aligned()));
        Put(out).number(readings.tablet.rows() as u64);
        tables.put_rows(readings, out);
    }
    let schema = schema_of(&first.tablet);
    let bug = |error: &dyn std::error::Error| Error::bug(error.to_string());
    let mut stream = Vec::new();
    let mut writer = StreamWriter::try_new(&mut stream, &schema).map_err(|error| bug(&error))?;
    for Readings { tablet, .. } in run {
        let times: ArrayRef = Arc::new(tablet.times().clone());
        let columns = tablet.columns().iter().map(|column| Arc::clone(&column.values));
        let batch = RecordBatch::try_new(Arc::clone(&schema), iter::once(times).chain(columns).collect());
        writer.write(&batch.map_err(|error| bug(&error))?).map_err(|error| bug(&error))?;
    }
    writer.finish().map_err(|error| bug(&error))?;
    drop(writer);
    Put(out).bytes(&stream);
    Ok(())
}

fn schema_of(tablet: &Tablet) -> SchemaRef {
    let field = |column: &Column| {
        let note = HashMap::from([(TYPE.to_owned(), column.data_type.name().to_owned())]);
        Field::new(&*column.name, column.values.data_type().clone(), true).with_metadata(note)
    };
    let time = Field::new("", tablet.times().data_type().clone(), false);
    Arc::new(Schema::new(iter::once(time).chain(tablet.columns().iter().map(field)).collect::<Vec<_>>()))
}

fn take_run(take: &mut Take<'_>, tables: &[Arc<Records>], readings: &mut Vec<Readings>) -> Result<()> {
    let mut heads = Vec::new();
    for _ in 0..take.count()? {
        let device = Path::parse(take.text()?).map_err(|_| damaged())?;
        let (aligned, rows) = (take.byte()? == 1, take.count()?);
        let records = match usize::try_from(take.number()?).map_err(|_| damaged())?.checked_sub(1) {
            None => None,
            Some(table) => {
                let table = tables.get(table).ok_or_else(damaged)?;
                let indexes = (0..rows).map(|_| take.index()).collect::<Result<Arc<[u32]>>>()?;
                Some((Arc::clone(table), indexes))
            }
        };
        heads.push((device, aligned, records));
    }
    let strange = |_| damaged();
    let mut batches = StreamReader::try_new(take.bytes()?, None).map_err(strange)?;
    let schema = batches.schema();
    for (device, aligned, records) in heads {
        let batch = batches.next().ok_or_else(damaged)?.map_err(strange)?;
        let times = batch.columns().first().and_then(|times| times.as_primitive_opt::<Int64Type>()).cloned();
        let columns = schema.fields().iter().zip(batch.columns()).skip(1);
        let columns = columns.map(|(field, values)| {
            let data_type = field.metadata().get(TYPE).and_then(|name| name.parse::<DataType>().ok());
            let data_type = data_type.ok_or_else(damaged)?;
            Ok(Column { name: field.name().as_str().into(), data_type, values: Arc::clone(values) })
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let tablet = Tablet::try_new(device, aligned, times.ok_or_else(damaged)?, columns);
        readings.push(Readings { tablet: tablet.map_err(|_| damaged())?, records });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use levada_connector_api::{BatchBuilder, FieldValue};
    use levada_model::Kind;
    use levada_testkit::numbered;

    use super::*;

    /// A record's split and bytes, and its position.
    type Told = Option<(String, u64)>;

    /// What can be told of rows.
    fn told(readings: &[Readings]) -> Vec<(Tablet, Vec<Told>)> {
        let record = |each: &Readings, row| {
            let record = each.record(row)?;
            let (split, position) = record.origin()?;
            Some((format!("{split} {}", String::from_utf8_lossy(record.bytes())), position))
        };
        let records = |each: &Readings| (0..each.tablet.rows()).map(|row| record(each, row)).collect();
        readings.iter().map(|each| (each.tablet.clone(), records(each))).collect()
    }

    fn emitted() -> Emitted {
        let mut rows = BatchBuilder::new();
        let fields = [
            ("b", FieldValue::Boolean(true)),
            ("i", FieldValue::Int32(-1)),
            ("l", FieldValue::Int64(i64::MIN)),
            ("f", FieldValue::Float(0.5)),
            ("d", FieldValue::Double(f64::NAN)),
            ("t", FieldValue::Text("ä")),
            ("n", FieldValue::Written(Kind::Number, "1e400")),
        ];
        for device in ["root.a", "root.b", "root.`1.2`"] {
            rows.row(device, 7, &fields).expect("a row");
            rows.row(device, -7, &fields[..2]).expect("a row");
        }
        let (first, second) = (numbered("s", 3..9, 2), numbered("t", 0..4, 1));
        let mut batch = rows.finish(Vec::new());
        batch.readings.extend(first.readings.iter().map(|each| each.slice(1, 1)));
        batch.readings.extend(second.readings);
        Emitted { batch, others: vec![Vec::new(), first.readings], left_out: 3 }
    }

    #[test]
    fn what_was_emitted_comes_back_with_its_records() {
        let emitted = emitted();
        let bytes = encode(&emitted).expect("rows");
        let back = decode(&bytes).expect("whole");
        // NaN is nothing's equal.
        let text = |readings: &[Readings]| format!("{:?}", told(readings));
        assert_eq!(text(&back.batch.readings), text(&emitted.batch.readings));
        assert_eq!(back.others.len(), 2);
        assert_eq!(text(&back.others[1]), text(&emitted.others[1]));
        assert!(back.batch.readings.iter().any(|each| each.tablet.columns().iter().any(Column::is_written)));
        assert!(encode(&Emitted::default()).expect("nothing").is_empty());
        assert!(decode(&[]).expect("nothing").is_empty());
        for cut in 1..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
