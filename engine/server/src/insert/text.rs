//! Records whose values are texts, as the engine takes them.

use levada_engine::TextRow;
use levada_model::SessionError;

use super::{Record, device, each_once, measurement};
use crate::status::malformed;

/// The row that a record is; `None` where all its values are null.
///
/// # Errors
/// Names are not legal, or there are more or fewer values than measurements.
pub(crate) fn text_row(
    record: &Record<'_, &[String]>,
    aligned: bool,
) -> Result<Option<TextRow>, SessionError> {
    if record.measurements.len() != record.values.len() {
        let message =
            format!("{} measurements and {} values", record.measurements.len(), record.values.len());
        return Err(malformed(message));
    }
    let mut values = Vec::with_capacity(record.values.len());
    for (name, value) in record.measurements.iter().zip(record.values) {
        if !value.eq_ignore_ascii_case("null") {
            values.push((measurement(name)?.to_string(), value.clone()));
        }
    }
    if values.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
    each_once(&names)?;
    Ok(Some(TextRow { device: device(record.device)?, aligned, time: record.time, values }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_row_without_its_nulls() {
        let names = ["a", "`b c`", "time", "d"].map(str::to_owned);
        let values = ["1", "x', 'y", "2", "null"].map(str::to_owned);
        let record = Record { device: "root.d", time: 5, measurements: &names, values: &values[..] };
        let row = text_row(&record, true).expect("legal").expect("values");
        assert!(row.aligned && row.time == 5 && row.device.as_str() == "root.d");
        let expected = [("a", "1"), ("`b c`", "x', 'y"), ("time", "2")];
        assert_eq!(row.values, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let none = ["null"; 4].map(str::to_owned);
        assert!(text_row(&Record { values: &none[..], ..record.clone() }, false).expect("legal").is_none());
        assert!(text_row(&Record { device: "root.d; drop", ..record.clone() }, false).is_err());
        let twice = ["a", "`a`", "b", "d"].map(str::to_owned);
        assert!(text_row(&Record { measurements: &twice, ..record }, false).is_err());
    }
}
