//! Tablets into the store, by the peer's rules for types and for columns without a value.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, cast::AsArray};
use levada_engine::EmbeddedSession;
use levada_model::{
    Column, DataType, RejectedRows, Session, SessionError, StatusCode, Tablet, Write, WriteReport,
};

/// Writes tablets. Values of a type that their series' holds become values of that: an INT32 may be written to an INT64, a FLOAT or
/// a DOUBLE, a text to a BLOB, as the peer allows it. A column without any value makes its series, too.
///
/// # Errors
/// Nothing, or an unknown part, was stored.
pub(crate) async fn write(
    session: &EmbeddedSession,
    tablets: Vec<Tablet>,
) -> Result<WriteReport, SessionError> {
    // Columns are shared, not copied.
    let write = Write { tablets: tablets.clone(), declares: true, ..Write::default() };
    let mut report = session.insert_tablets(write).await?;
    let mut widened = Vec::new();
    let mut of = Vec::new();
    report.rejected.retain(|rejected| {
        let wider = wider(session, &tablets, rejected);
        let again = wider.is_some();
        widened.extend(wider);
        of.extend(again.then_some(rejected.tablet));
        !again
    });
    if !widened.is_empty() {
        let write = Write { tablets: widened, coerce: true, ..Write::default() };
        let again = session.insert_tablets(write).await?;
        report
            .rejected
            .extend(again.rejected.into_iter().map(|each| RejectedRows { tablet: of[each.tablet], ..each }));
    }
    Ok(report)
}

/// A column that was rejected as a whole because its series has a wider type.
fn wider(session: &EmbeddedSession, tablets: &[Tablet], rejected: &RejectedRows) -> Option<Tablet> {
    let (tablet, name) = (tablets.get(rejected.tablet)?, rejected.measurement.as_ref()?);
    if rejected.rows.is_some() || rejected.code != StatusCode::METADATA_ERROR {
        return None;
    }
    let column = tablet.columns().iter().find(|column| column.name == *name)?;
    let series = session.series_of(tablet.device());
    let series = series.iter().find(|series| series.measurement == *name)?;
    let (data_type, values) = widened(column, series.schema.data_type)?;
    let column = Column { name: Arc::clone(&column.name), data_type, values };
    tablet.clone().with_columns(vec![column]).ok()
}

/// A column as one that the table of conversions brings to a wider type; `None` where the type is not wider.
fn widened(column: &Column, to: DataType) -> Option<(DataType, ArrayRef)> {
    use DataType::{Blob, Double, Float, Int32, Int64, String, Text, Timestamp};
    let (from, values) = (column.data_type, &column.values);
    match (from, to) {
        (Int32, Int64 | Float | Double | Timestamp)
        | (Int64, Double | Timestamp)
        | (Float, Double)
        | (Timestamp, Int64) => Some((from, Arc::clone(values))),
        // The number of milliseconds.
        (Timestamp, Double) => Some((Int64, Arc::clone(values))),
        // The bytes of the text, whatever they look like.
        (Text | String, Blob) => {
            let bytes = values.as_string_opt::<i32>()?.iter().map(|text| text.map(str::as_bytes));
            Some((Blob, Arc::new(bytes.collect::<BinaryArray>())))
        }
        _ => None,
    }
}
