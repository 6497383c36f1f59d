use arrow_array::{
    Date64Array, Decimal128Array, TimestampNanosecondArray, UInt64Array,
    types::{Float64Type, Int32Type, Int64Type},
};

use super::*;

fn typed(array: ArrayRef, known: Option<DataType>) -> (DataType, ArrayRef, Vec<String>, u64) {
    let plan = Plan::new(array.data_type(), None).expect("a place").expect("values");
    let Taken { values, wrong, cut } = plan.take(&array).expect("taken");
    let (column, misfits) = plan.typed(&plan.column("s".into(), values), known, &TimeZone::UTC);
    assert_eq!(*column.values.data_type(), column.data_type.arrow());
    let reasons = wrong.into_iter().chain(misfits).map(|(_, reason)| reason).collect();
    (column.data_type, column.values, reasons, cut)
}

fn decimal(values: Vec<i128>, digits: u8, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(digits, scale).expect("fits"))
}

#[test]
fn whole_numbers_never_wrap() {
    let array: ArrayRef =
        Arc::new(UInt64Array::from(vec![Some(1), None, Some(u64::MAX), Some(i64::MAX as u64)]));
    let (data_type, values, wrong, _) = typed(Arc::clone(&array), None);
    assert_eq!((data_type, values.null_count()), (DataType::Int64, 2));
    assert_eq!(
        wrong,
        [
            "`18446744073709551615` is not of type INT64: it is out of range: declare the series TEXT, or turn the column into text before"
        ]
    );
    let (_, values, wrong, _) = typed(array, Some(DataType::Text));
    assert_eq!((values.as_string::<i32>().value(2), wrong.len()), ("18446744073709551615", 0));
}

#[test]
fn decimals_of_new_series_keep_their_digits_or_are_rejected() {
    let (data_type, values, wrong, _) =
        typed(decimal(vec![1_234, -5, 12_345_678_901_234_567_890_123], 38, 2), None);
    assert_eq!(data_type, DataType::Double);
    assert_eq!(values.as_primitive::<Float64Type>().values()[..2], [12.34, -0.05]);
    assert!(
        wrong.len() == 1
            && wrong[0].starts_with("`123456789012345678901.23` is not of type DOUBLE")
            && wrong[0].contains("declare it TEXT"),
        "{wrong:?}"
    );
    let (data_type, values, wrong, _) = typed(decimal(vec![999_999_999_999_999_999], 18, 0), None);
    assert_eq!((data_type, wrong.len()), (DataType::Int64, 0));
    assert_eq!(values.as_primitive::<Int64Type>().values(), &[999_999_999_999_999_999]);
    let (_, values, wrong, _) = typed(decimal(vec![1 << 70, -7], 38, 0), None);
    assert_eq!((values.null_count(), values.as_primitive::<Int64Type>().value(1)), (1, -7));
    assert!(
        wrong[0].contains("is not of type INT64: it is out of range: declare the series TEXT"),
        "{wrong:?}"
    );
}

#[test]
fn decimals_become_what_their_series_is() {
    let of = |values: Vec<i128>, digits, scale, to| {
        let (_, values, wrong, _) = typed(decimal(values, digits, scale), Some(to));
        let shown = (0..values.len()).map(|row| Value::at(&values, to, row).map(|value| value.to_string()));
        (shown.collect::<Vec<_>>(), wrong)
    };
    let some = |text: &str| Some(text.to_owned());
    let exact = vec![9_007_199_254_740_993];
    assert_eq!(of(exact.clone(), 20, 0, DataType::Int64), (vec![some("9007199254740993")], vec![]));
    assert_eq!(of(exact.clone(), 20, 0, DataType::Text), (vec![some("9007199254740993")], vec![]));
    let (values, wrong) = of(exact, 20, 0, DataType::Double);
    assert!(values == [None] && wrong[0].contains("a DOUBLE does not hold it exactly"), "{wrong:?}");
    // Whether the series is new or not: it may have been made by the values before.
    let (values, wrong) = of(vec![123_456_789_012_345_678_901, 123_456_789_012_345], 38, 2, DataType::Double);
    assert_eq!(values, [None, some("1234567890123.45")]);
    assert!(wrong.len() == 1 && wrong[0].contains("a DOUBLE does not hold it exactly"), "{wrong:?}");
    assert_eq!(of(vec![150], 20, 2, DataType::Text), (vec![some("1.50")], vec![]));
    assert_eq!(of(vec![150], 20, 2, DataType::String), (vec![some("1.50")], vec![]));
    assert_eq!(of(vec![2_100], 20, 2, DataType::Int32), (vec![some("21")], vec![]));
    assert_eq!(of(vec![150], 20, 2, DataType::Float), (vec![some("1.5")], vec![]));
    let (values, wrong) = of(vec![150, 1 << 100], 38, 2, DataType::Int32);
    assert_eq!(values, [None, None]);
    assert!(wrong[0].contains("`1.50` is not of type INT32: it is not a whole number"), "{wrong:?}");
}

#[test]
fn times_and_dates_before_1970_round_down() {
    let (data_type, values, wrong, cut) =
        typed(Arc::new(TimestampNanosecondArray::from(vec![-1, 1_000_000, 1_500_000])), None);
    assert_eq!((data_type, wrong.len(), cut), (DataType::Timestamp, 0, 2));
    assert_eq!(values.as_primitive::<Int64Type>().values(), &[-1, 1, 1]);
    let (data_type, values, wrong, _) =
        typed(Arc::new(Date64Array::from(vec![-86_400_000, 1_709_164_800_000])), None);
    assert_eq!((data_type, wrong.len()), (DataType::Date, 0));
    assert_eq!(values.as_primitive::<Int32Type>().values(), &[19_691_231, 20_240_229]);
}

#[test]
fn dates_are_of_the_years_1_to_9999() {
    let days = vec![-719_162, -719_163, 2_932_896, 2_932_897, -354_286, i32::MIN, i32::MAX];
    let (_, values, wrong, _) = typed(Arc::new(arrow_array::Date32Array::from(days)), None);
    let dates: Vec<Option<i32>> = values.as_primitive::<Int32Type>().iter().collect();
    assert_eq!(dates, [Some(10_101), None, Some(99_991_231), None, Some(9_991_231), None, None]);
    assert!(wrong.len() == 4 && wrong[0].contains("no date of the years 1 to 9999"), "{wrong:?}");
}

#[test]
fn a_column_that_is_noted_as_dates_holds_days_only() {
    let plan = Plan::new(&ArrowType::Int32, Some(DataType::Date)).expect("a place").expect("values");
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![9_991_231, 20_230_229]));
    let taken = plan.take(&numbers).expect("taken");
    let (column, wrong) = plan.typed(&plan.column("s".into(), taken.values), None, &TimeZone::UTC);
    assert_eq!((column.data_type, column.values.null_count(), wrong.len()), (DataType::Date, 1, 1));
}

#[test]
fn what_has_no_place_is_named_with_what_to_do() {
    let list = ArrowType::new_list(ArrowType::Int64, true);
    for found in [list, ArrowType::Time64(TimeUnit::Microsecond), ArrowType::Duration(TimeUnit::Second)] {
        let error = Plan::new(&found, None).expect_err("no place").to_string();
        assert!(error.contains(&found.to_string()) && error.contains("leave the column out"), "{error}");
    }
    assert!(Plan::new(&ArrowType::Null, None).expect("a place").is_none());
}
