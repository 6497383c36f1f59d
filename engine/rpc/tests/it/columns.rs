//! Values as bytes: in the forms that servers and clients were seen to send, and there and back.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    StringArray,
};
use bytes::Bytes;
use levada_model::{Column, DataType, Path, Tablet, Value};
use levada_rpc::columns::{block, dataset, record, tablet};
use proptest::prelude::*;

fn bytes(hex: &str) -> Bytes {
    let hex: String = hex.split_whitespace().collect();
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// Three rows of every type, the second null in all but the first; times 1 to 3. In the order in which a server sent them.
fn every_type() -> Vec<(DataType, ArrayRef)> {
    vec![
        (DataType::Int64, Arc::new(Int64Array::from(vec![Some(2), None, Some(4)]))),
        (DataType::Blob, Arc::new(BinaryArray::from(vec![Some(&[0x0a, 0xff][..]), None, Some(&[1])]))),
        (DataType::Int32, Arc::new(Int32Array::from(vec![1, 7, 3]))),
        (DataType::Timestamp, Arc::new(Int64Array::from(vec![Some(100), None, Some(300)]))),
        (DataType::Float, Arc::new(Float32Array::from(vec![Some(1.5), None, Some(3.5)]))),
        (DataType::Date, Arc::new(Int32Array::from(vec![Some(20_240_229), None, Some(20_240_301)]))),
        (DataType::String, Arc::new(StringArray::from(vec![Some("cd"), None, Some("w")]))),
        (DataType::Double, Arc::new(Float64Array::from(vec![Some(2.5), None, Some(4.5)]))),
        (DataType::Text, Arc::new(StringArray::from(vec![Some("ab"), None, Some("xyz")]))),
        (DataType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
    ]
}

fn times() -> Int64Array {
    Int64Array::from(vec![1, 2, 3])
}

/// As a server of 2.0.1 sent it.
const BLOCK: &str = "
    00 00000a02 05010203 01050405 00000000 03020203 01020101 03020300 00000000 00000000 01000000 00000000 02000000 00000000
    03014000 00000000 00000200 00000000 00000401 40000000 020aff00 00000101 00000000 01000000 07000000 03014000 00000000
    00006400 00000000 00012c01 403fc000 00406000 00014001 34d76501 34d7ad01 40000000 02636400 00000177 01404004 00000000
    00004012 00000000 00000140 00000002 61620000 00037879 7a014080";

fn types(columns: &[(DataType, ArrayRef)]) -> Vec<Option<DataType>> {
    columns.iter().map(|(data_type, _)| Some(*data_type)).collect()
}

#[test]
fn a_servers_block_of_every_type_is_read_and_written() {
    let columns = every_type();
    let (read_times, read) = block::decode(bytes(BLOCK), &types(&columns)).expect("a block");
    assert_eq!(read_times, times());
    assert_eq!(read, columns);
    assert_eq!(block::encode(&times(), &columns), bytes(BLOCK));
}

#[test]
fn a_run_stands_for_all_its_rows() {
    let run = bytes(
        "0000 00020501 00000003 02040100 00000000 00000001 00000000 00000002 00000000 00000003 03000000 0009726f 6f742e62
         742e6400 00000001 00000007 00000003",
    );
    let (_, read) = block::decode(run, &[None, None]).expect("a block");
    let device: ArrayRef = Arc::new(StringArray::from(vec!["root.bt.d"; 3]));
    assert_eq!(read[0], (DataType::Text, device));
    let null = bytes("0000 00020105 00000001 02010400 00000000 00000002 00000000 07030180");
    let (_, read) = block::decode(null.clone(), &[None, None]).expect("a block");
    assert_eq!((read[1].0, read[1].1.null_count()), (DataType::Text, 1));
    assert_eq!(block::encode(&Int64Array::from(vec![2]), &read), null);
}

#[test]
fn dates_that_are_all_null_are_no_run() {
    let columns: Vec<(DataType, ArrayRef)> =
        vec![(DataType::Date, Arc::new(Int32Array::from(vec![None, None])))];
    let written = block::encode(&Int64Array::from(vec![1, 2]), &columns);
    let expected = "00000001 01 00000002 02 01 00 00000000 00000001 00000000 00000002 01c0";
    assert_eq!(written, bytes(expected));
    let (_, read) = block::decode(written, &types(&columns)).expect("a block");
    assert_eq!(read, columns);
}

#[test]
fn a_servers_data_set_of_every_type_is_read_and_written() {
    let columns = every_type();
    let set = dataset::encode(&times(), &columns);
    let expected = [
        ("00000000 00000002 00000000 00000004", "a0"),
        ("000000 020aff00 00000101", "a0"),
        ("00000001 00000007 00000003", "e0"),
        ("00000000 00000064 00000000 0000012c", "a0"),
        ("3fc00000 40600000", "a0"),
        ("0134d765 0134d7ad", "a0"),
        ("000000 02636400 00000177", "a0"),
        ("40040000 00000000 40120000 00000000", "a0"),
        ("00 00000261 62000000 0378797a", "a0"),
        ("0100", "a0"),
    ];
    assert_eq!(set.time, bytes("0000000000000001 0000000000000002 0000000000000003"));
    assert_eq!(set.value_list, expected.map(|(values, _)| bytes(values)));
    assert_eq!(set.bitmap_list, expected.map(|(_, bitmap)| bytes(bitmap)));
    let types: Vec<_> = columns.iter().map(|(data_type, _)| *data_type).collect();
    let (read_times, read) = dataset::decode(set, &types).expect("a data set");
    assert_eq!(read_times, times());
    assert_eq!(read, columns.into_iter().map(|(_, array)| array).collect::<Vec<_>>());
}

fn tablet_of(times: Vec<i64>, columns: Vec<(DataType, ArrayRef)>) -> Tablet {
    let columns = columns.into_iter().enumerate().map(|(index, (data_type, values))| Column {
        name: format!("s{index}").into(),
        data_type,
        values,
    });
    let device = Path::parse("root.d").expect("legal");
    Tablet::try_new(device, false, Int64Array::from(times), columns.collect()).expect("fits")
}

#[test]
fn a_tablet_of_every_type_is_written_and_read() {
    let columns = every_type();
    let written = tablet::encode(&tablet_of(vec![1, 2, 3], columns.clone()));
    let types: Vec<_> = columns.iter().map(|(data_type, _)| *data_type).collect();
    assert_eq!(written.types, types.iter().map(|each| i32::from(each.code())).collect::<Vec<_>>());
    let (read_times, read) = tablet::decode(3, &types, written.timestamps, written.values).expect("a tablet");
    assert_eq!(read_times, times());
    assert_eq!(read, columns.into_iter().map(|(_, array)| array).collect::<Vec<_>>());
}

#[test]
fn a_tablets_bitmaps_have_a_byte_more_than_full_rows_need() {
    let some: ArrayRef =
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(true), None, Some(true), None, None, None]));
    let all: ArrayRef = Arc::new(Int32Array::from(vec![1; 8]));
    let written =
        tablet::encode(&tablet_of((0..8).collect(), vec![(DataType::Boolean, some), (DataType::Int32, all)]));
    let bitmaps = &written.values[8 + 32..];
    assert_eq!(bitmaps, [1, 0b1110_1010, 0, 0]);
    let whole: ArrayRef = Arc::new(Int32Array::from(vec![1; 8]));
    let written = tablet::encode(&tablet_of((0..8).collect(), vec![(DataType::Int32, whole)]));
    assert_eq!(written.values.len(), 32, "no bitmaps where nothing is null");
}

#[test]
fn rows_are_sorted_and_of_equal_times_the_last_value_counts() {
    let values: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), Some(2), Some(3), None, Some(5)]));
    let full: ArrayRef = Arc::new(Int64Array::from(vec![10, 20, 30, 40, 50]));
    let unsorted = tablet_of(vec![5, 1, 3, 5, 1], vec![(DataType::Int32, values), (DataType::Int64, full)]);
    let sorted = tablet::sorted(&unsorted).expect("memory").expect("another order");
    assert_eq!(sorted.times().values().to_vec(), [1, 3, 5]);
    let expected: [ArrayRef; 2] =
        [Arc::new(Int32Array::from(vec![5, 3, 1])), Arc::new(Int64Array::from(vec![50, 30, 40]))];
    assert_eq!(
        sorted.columns().iter().map(|column| Arc::clone(&column.values)).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(tablet::sorted(&sorted).expect("memory"), None);
}

#[test]
fn a_record_is_written_and_read() {
    let values = vec![
        Some(Value::Double(1.5)),
        None,
        Some(Value::Int32(7)),
        Some(Value::Text("x".to_owned())),
        Some(Value::Blob(vec![0, 255])),
        Some(Value::Date(20_240_229)),
    ];
    let written = record::encode(&values);
    assert_eq!(written[..15], bytes("04 3ff8000000000000 fe 01 00000007")[..]);
    assert_eq!(record::decode(6, written), Ok(values));
}

#[test]
fn a_record_is_read_as_columns_of_one_row() {
    let values = vec![
        Some(Value::Double(-0.1)),
        Some(Value::Boolean(true)),
        None,
        Some(Value::Int32(i32::MIN)),
        Some(Value::Float(1.5e-3)),
        Some(Value::Int64(i64::MAX - 1)),
        Some(Value::Text("é".to_owned())),
        Some(Value::Timestamp(-1)),
        Some(Value::Blob(vec![0, 255])),
        Some(Value::Date(20_240_229)),
        Some(Value::String(String::new())),
    ];
    let columns = record::decode_row(values.len(), record::encode(&values)).expect("values");
    let read = columns.iter().map(|column| column.as_ref().and_then(|(of, each)| Value::at(each, *of, 0)));
    assert_eq!(read.collect::<Vec<_>>(), values);
    assert!(columns.iter().flatten().all(|(of, each)| each.len() == 1 && *each.data_type() == of.arrow()));
}

proptest! {
    #[test]
    fn arbitrary_bytes_end_in_columns_or_an_error(
        bytes in prop::collection::vec(prop_oneof![3 => 0..5u8, 1 => any::<u8>()], 0..120),
        rows in 0..40usize,
        codes in prop::collection::vec(0..DataType::ALL.len(), 0..4),
    ) {
        let bytes = Bytes::from(bytes);
        let types: Vec<_> = codes.iter().map(|code| DataType::ALL[*code]).collect();
        let known: Vec<_> = types.iter().copied().map(Some).collect();
        drop(block::decode(bytes.clone(), &[]));
        drop(block::decode(bytes.clone(), &known));
        drop(tablet::decode(rows, &types, Bytes::from(vec![0; rows * 8]), bytes.clone()));
        drop(record::decode_row(rows, bytes));
    }
}
