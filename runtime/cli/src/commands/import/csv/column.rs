//! Texts of one column as an array.

use arrow_array::ArrayRef;
use jiff::tz::TimeZone;
use levada_model::{
    DataType,
    convert::{Converted, Given, convert_each},
};

/// Values of a type, by the table of conversions, times that do not say their zone in this one; where one is none of the type there is a null, and it is told which and why.
pub(in crate::commands::import) fn read(
    data_type: DataType,
    given: &[Option<Given<'_>>],
    zone: &TimeZone,
) -> (ArrayRef, Vec<(usize, String)>) {
    let Converted { values, rejected } = convert_each(given.iter().copied(), data_type, zone);
    let wrong = rejected.into_iter().filter_map(|(row, reason)| {
        let value = (*given.get(row as usize)?)?;
        Some((row as usize, reason.of(value, data_type)))
    });
    (values, wrong.collect())
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;

    use super::*;

    fn read<const N: usize>(
        data_type: DataType,
        texts: [Option<&str>; N],
        zone: &TimeZone,
    ) -> (ArrayRef, Vec<(usize, String)>) {
        super::read(data_type, &texts.map(|text| text.map(Given::Text)), zone)
    }

    #[test]
    fn times_without_a_zone_are_of_the_zone_given() {
        let paris = levada_model::parse_zone("Europe/Paris").expect("a zone");
        let texts = ["2026-05-01 14:00:00", "2026-05-01T12:00:00Z"].map(Some);
        let (values, wrong) = read(DataType::Timestamp, texts, &paris);
        let times = arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Int64Type>(&values);
        assert_eq!((times.values().to_vec(), wrong), (vec![1_777_636_800_000; 2], Vec::new()));
    }

    #[test]
    fn numbers_are_what_is_written_or_rejected() {
        let (values, wrong) =
            read(DataType::Float, [Some("1e300"), Some("-inf"), None, Some("0.1")], &TimeZone::UTC);
        assert_eq!(
            (values.null_count(), wrong),
            (2, vec![(0, "`1e300` is not of type FLOAT: it is out of range".to_owned())])
        );
        let (values, wrong) =
            read(DataType::Int64, ["21.0", "9223372036854775807"].map(Some), &TimeZone::UTC);
        assert_eq!((values.null_count(), wrong), (0, Vec::new()));
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_its_row() {
        let (_, wrong) = read(DataType::Int32, [Some("1"), None, Some("x")], &TimeZone::UTC);
        assert_eq!(wrong, [(2, "`x` is not of type INT32: it is not a number".to_owned())]);
        let (dates, wrong) = read(DataType::Date, [Some("2024-02-29")], &TimeZone::UTC);
        assert_eq!((dates.null_count(), wrong.len()), (0, 0));
    }
}
