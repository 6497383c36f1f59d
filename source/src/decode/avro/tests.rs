//! What other writers of Avro write is read, and what they cannot have written is rejected.

use levada_connector_api::{Batch, BatchBuilder, Decoder, model};
use levada_testkit::rows_of;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn decoder(schema: &Json, options: AvroOptions) -> AvroDecoder {
    let schema = Schema::parse(&schema.to_string(), &[]).expect("a schema");
    let records = Maker::new(options.parts(), "node").make();
    AvroDecoder { schemas: Schemas::File(Arc::new(schema)), last: None, records }
}

fn decode(decoder: &mut AvroDecoder, record: &[u8]) -> Result<Batch, DecodeError> {
    let mut rows = BatchBuilder::new();
    rows.record(record, 0);
    decoder.decode(record, &mut rows)?;
    Ok(rows.finish(Vec::new()))
}

/// Writes as Avro does.
#[derive(Clone)]
struct Out(Vec<u8>);

impl Out {
    fn long(mut self, number: i64) -> Self {
        let mut zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
        while zigzag >= 0x80 {
            self.0.push((zigzag & 0x7f) as u8 | 0x80);
            zigzag >>= 7;
        }
        self.0.push(zigzag as u8);
        self
    }

    fn text(mut self, text: &str) -> Self {
        self = self.long(text.len() as i64);
        self.0.extend(text.as_bytes());
        self
    }
}

/// A record of these fields, beside a device and a time; and its schema.
fn record(fields: &[(&str, Json, Out)]) -> (Json, Vec<u8>) {
    let time = json!({"type": "long", "logicalType": "timestamp-millis"});
    let mut names = vec![json!({"name": "device", "type": "string"}), json!({"name": "time", "type": time})];
    let mut datum = out().text("root.hall.d1").long(1_700_000_000_000).0;
    for (name, of, Out(bytes)) in fields {
        names.push(json!({"name": name, "type": of}));
        datum.extend(bytes);
    }
    (json!({"type": "record", "name": "Reading", "namespace": "plant", "fields": names}), datum)
}

fn out() -> Out {
    Out(Vec::new())
}

/// The values of the only row, by name, with their types.
fn values(batch: &Batch) -> Vec<(String, String)> {
    let tablet = &batch.readings[0].tablet;
    let value = |column: &model::Column| {
        let value = column.value(0)?;
        Some((column.name.to_string(), format!("{} {value}", column.data_type)))
    };
    tablet.columns().iter().filter_map(value).collect()
}

/// A record of every type, and its schema, as Apache's own library for Rust (0.22) wrote it.
const SCHEMA: &str = include_str!("every_type.avsc");
const RECORD: &str = "18726f6f742e68616c6c2e643180a0abfef962010dffffffffffffffffff010000c03f000000000000d0bf0ac3a42c206204\
    00ff8cb502be9181828389850620fffffffffffffffffffffffd2023e3cb0205020206000402040002027800000000000004\
    400012020001020380e0c1f2bfb0a806";

#[test]
fn every_type_becomes_the_one_of_the_table() {
    let datum: Vec<u8> = (0..RECORD.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&RECORD[at..at + 2], 16).expect("two digits"))
        .collect();
    let schema = serde_json::from_str(SCHEMA).expect("JSON");
    let batch = decode(&mut decoder(&schema, AvroOptions::default()), &datum).expect("well formed");
    assert_eq!(rows_of(&batch)[0].device, "root.hall.d1");
    assert_eq!(rows_of(&batch)[0].time, 1_700_000_000_000);
    let values = values(&batch);
    let at = |name: &str| values.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str());
    for (name, expected) in [
        ("b", "BOOLEAN true"),
        ("i", "INT32 -7"),
        ("l", "INT64 -9223372036854775808"),
        ("f", "FLOAT 1.5"),
        ("d", "DOUBLE -0.25"),
        ("s", "TEXT ä, b"),
        ("y", "BLOB 0x00ff"),
        ("day", "DATE 2024-02-29"),
        ("e", "TEXT ON"),
        ("u", "INT32 3"),
        ("list_0", "INT32 1"),
        ("list_1", "INT32 2"),
        ("map_x", "DOUBLE 2.5"),
        ("in_k", "INT64 9"),
        ("in_again", "TEXT OFF"),
        ("fix", "BLOB 0x010203"),
    ] {
        assert_eq!(at(name), Some(expected), "{name}: {values:?}");
    }
    assert!(at("at").is_some_and(|at| at.starts_with("TIMESTAMP") && at.contains("123")), "{values:?}");
    assert!(at("dec").is_some_and(|digits| digits.ends_with("-12345678.901")), "{values:?}");
    assert!(at("few").is_some_and(|digits| digits.ends_with("0.005")), "{values:?}");
    assert_eq!(at("none"), None);
}

#[test]
fn options_say_where_things_stand_and_of_which_type_they_are() {
    let (schema, datum) = record(&[
        ("site", json!("string"), out().text("hall 1")),
        ("line", json!("int"), out().long(7)),
        ("seconds", json!("long"), out().long(1_700_000_001)),
        ("count", json!("long"), out().long(5)),
        ("name", json!("int"), out().long(5)),
    ]);
    let options = |more: Json| -> AvroOptions {
        let mut all = json!({
            "schema_file": "x.avsc", "device": "root.{$.site}.{$.line}", "time": "$.seconds", "time_unit": "s",
            "fields": {"c": "$.count", "n": "$.name"},
        });
        all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        serde_json::from_value(all).expect("options")
    };
    let good = options(json!({"cast": {"c": "INT32"}}));
    assert_eq!(good.problems(), []);
    let batch = decode(&mut decoder(&schema, good), &datum).expect("well formed");
    assert_eq!(rows_of(&batch)[0].device, "root.`hall 1`.`7`");
    assert_eq!(rows_of(&batch)[0].time, 1_700_000_001_000);
    assert_eq!(
        values(&batch),
        [("c", "INT32 5"), ("n", "INT32 5")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let text = options(json!({"cast": {"n": "TEXT"}}));
    let error = decode(&mut decoder(&schema, text), &datum).expect_err("no characters");
    assert_eq!(error, DecodeError::new("`n`: a value that has a type of its own is not taken as TEXT"));
}

#[test]
fn local_times_are_of_the_zone() {
    let local = json!({"type": "long", "logicalType": "local-timestamp-micros"});
    let (schema, datum) =
        record(&[("at", local, out().long(1_777_644_000_000_000)), ("n", json!("int"), out().long(1))]);
    let options = AvroOptions {
        zone: Some("Europe/Paris".to_owned()),
        time: Some("$.at".parse().expect("a place")),
        ..AvroOptions::default()
    };
    let batch = decode(&mut decoder(&schema, options), &datum).expect("well formed");
    assert_eq!(rows_of(&batch)[0].time, 1_777_636_800_000);
}

#[test]
fn bytes_of_another_schema_are_rejected_with_the_reason() {
    let (schema, datum) = record(&[("n", json!("int"), out().long(5))]);
    let mut decoder = decoder(&schema, AvroOptions::default());
    for cut in 0..datum.len() {
        assert!(decode(&mut decoder, &datum[..cut]).is_err(), "cut at {cut}");
    }
    let longer = [&datum[..], b"x"].concat();
    let error = decode(&mut decoder, &longer).expect_err("too long");
    assert_eq!(error.message, "1 bytes are left behind the record: it is of another schema");
    let wrong = [&datum[..datum.len() - 1], &[0xff; 11]].concat();
    let error = decode(&mut decoder, &wrong).expect_err("no int");
    assert_eq!(error.message, "`n`: a whole number has more than 64 bits");
    assert!(!error.is_not_now());
}

#[test]
fn lists_without_end_are_rejected_before_memory_is() {
    let schema = json!({"type": "record", "name": "R", "fields": [{"name": "l", "type": {"type": "array", "items": "null"}}]});
    // A block of 2^62 elements that take no bytes.
    let record = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    let error = decode(&mut decoder(&schema, AvroOptions::default()), &record).expect_err("too many");
    assert!(error.message.contains("more than 1000000 values"), "{error}");
    let schema = json!({"type": "record", "name": "R", "fields": [{"name": "r", "type": ["null", "R"]}]});
    let error = decode(&mut decoder(&schema, AvroOptions::default()), &[2; 10_000]).expect_err("too deep");
    assert!(error.message.contains("deep"), "{error}");
}

#[test]
fn a_schema_that_is_none_or_refers_to_another_says_so() {
    for (schema, reason) in [
        (json!("string"), "not one of records"),
        (
            json!({"type": "record", "name": "R", "fields": [{"name": "x", "type": "Other"}]}),
            "`x`: the type `Other` is not known",
        ),
    ] {
        let error = Schema::parse(&schema.to_string(), &[]).expect_err("unfit");
        assert!(error.contains(reason), "{error}");
    }
    let outer = json!({"type": "record", "name": "R", "namespace": "p", "fields": [{"name": "x", "type": "p.Other"}]});
    let other = json!({"type": "record", "name": "Other", "namespace": "p", "fields": [{"name": "k", "type": "int"}]});
    assert!(Schema::parse(&outer.to_string(), &[other.to_string()]).is_ok());
}

#[test]
fn a_decimal_is_a_double_with_all_its_digits_or_none() {
    let of = json!({"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2});
    for (unscaled, digits, is_double) in [
        (1_999_i128, "19.99", true),
        (-5, "-0.05", true),
        (12_345_678_901_234_567_890_123, "123456789012345678901.23", false),
    ] {
        let mut field = out().long(16);
        field.0.extend(unscaled.to_be_bytes());
        let (schema, datum) = record(&[("d", of.clone(), field)]);
        let batch = decode(&mut decoder(&schema, AvroOptions::default()), &datum).expect("well formed");
        let column = &batch.readings[0].tablet.columns()[0];
        let (double, text) = (column.to(model::DataType::Double), column.to(model::DataType::Text));
        assert_eq!((double.rejected.is_empty(), text.rejected.len()), (is_double, 0), "{digits}");
        assert_eq!(
            column.written().and_then(|written| written.get(0)).map(|given| given.to_string()).as_deref(),
            Some(digits)
        );
        let mut cast = decoder(
            &schema,
            AvroOptions {
                cast: [("d".to_owned(), model::DataType::Double)].into(),
                ..AvroOptions::default()
            },
        );
        assert_eq!(decode(&mut cast, &datum).is_ok(), is_double, "{digits}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_row_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let decimal = json!({"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2});
        let (schema, _) = record(&[
            ("l", json!({"type": "array", "items": ["null", "string"]}), out()),
            ("m", json!({"type": "map", "values": "float"}), out()),
            ("d", decimal, out()),
        ]);
        let decoded = decode(&mut decoder(&schema, AvroOptions::default()), &bytes);
        prop_assert!(decoded.is_err() || decoded.is_ok_and(|batch| batch.rows() <= 1));
    }

    #[test]
    fn whole_numbers_are_read_back(number in any::<i64>()) {
        let (schema, datum) = record(&[("n", json!("long"), out().long(number))]);
        let batch = decode(&mut decoder(&schema, AvroOptions::default()), &datum).expect("well formed");
        prop_assert_eq!(rows_of(&batch)[0].number, Some(number));
    }
}
