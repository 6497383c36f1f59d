use levada_connector_api::{
    Batch, ComponentKind, Registry,
    model::{DataType, Value},
};
use proptest::prelude::*;
use serde_json::json;

use super::*;

mod alike;

fn decode_with(options: serde_json::Value, record: &[u8]) -> Result<Batch, DecodeError> {
    let registry = Registry::new().with_decoder::<JsonDecoder>();
    let component = registry.get(ComponentKind::Decoder, "json").expect("registered");
    let factory = component.decoder(options, &BuildContext::new("p", "n")).expect("options that work");
    let mut decoder = factory.make();
    let mut rows = BatchBuilder::new();
    rows.split(&"s".into());
    // A decoder is used for many records: one before must not show in the next.
    rows.record(b"", 0);
    decoder
        .decode(br#"{"device":"before","time":1700000000000,"x":[1,{"y":"z\n"}],"t":"later"}"#, &mut rows)
        .ok();
    rows.take_back();
    rows.record(record, 1);
    let decoded = decoder.decode(record, &mut rows);
    let batch = rows.finish(Vec::new());
    decoded.map(|()| batch)
}

fn decode(record: &str) -> Result<Batch, DecodeError> {
    decode_with(json!({}), record.as_bytes())
}

/// All values of a batch, as `device time measurement TYPE value`.
fn points(batch: &Batch) -> Vec<String> {
    let mut points = Vec::new();
    for each in &batch.readings {
        let tablet = &each.tablet;
        for row in 0..tablet.rows() {
            for column in tablet.columns() {
                if let Some(value) = column.value(row) {
                    let (device, time) = (tablet.device(), tablet.times().value(row));
                    points.push(format!("{device} {time} {} {} {value}", column.name, value.data_type()));
                }
            }
        }
    }
    points
}

const T: i64 = 1_700_000_000_000;

#[test]
fn a_flat_object_is_a_row() {
    let batch =
        decode(r#"{"device":"root.p.d1","time":1700000000000,"a":21.3,"n":3,"on":true,"s":"x\"y","z":null}"#);
    assert_eq!(
        points(&batch.expect("well formed")),
        ["a DOUBLE 21.3", "n DOUBLE 3.0", "on BOOLEAN true", "s TEXT x\"y"]
            .map(|each| format!("root.p.d1 {T} {each}"))
    );
}

#[test]
fn the_event_map_is_read_from_lists_and_from_texts() {
    let texts = r#"{"device":"d","timestamp":"1700000000000","measurements":"a, on,n,s","types":"FLOAT,BOOLEAN,INT32,TEXT","values":"1.5,true,7,word"}"#;
    let lists = r#"{"device":"d","timestamp":1700000000000,"measurements":["a","on","n","s"],"types":["FLOAT","BOOLEAN","INT32","TEXT"],"values":[1.5,true,7,"word"],"site":"x"}"#;
    let expected =
        ["a FLOAT 1.5", "on BOOLEAN true", "n INT32 7", "s TEXT word"].map(|each| format!("d {T} {each}"));
    for record in [texts, lists] {
        assert_eq!(points(&decode(record).expect("well formed")), expected);
    }
    let untyped =
        r#"{"device":"d","timestamp":1700000000000,"measurements":"a,on,s,n","values":"1.5,true,word,null"}"#;
    let expected = ["a DOUBLE 1.5", "on BOOLEAN true", "s TEXT word"].map(|each| format!("d {T} {each}"));
    assert_eq!(points(&decode(untyped).expect("well formed")), expected);
    let single = r#"{"device":"d","timestamp":1700000000000,"measurements":"a","values":1.5}"#;
    assert_eq!(points(&decode(single).expect("well formed")), expected[..1]);
}

#[test]
fn an_array_is_as_many_rows_and_a_bad_element_costs_no_other() {
    let good = r#" [{"device":"d","time":1700000000000,"a":1},{"device":"e","time":1700000000000,"a":2}] "#;
    assert_eq!(decode(good).expect("well formed").rows(), 2);
    let bad = r#"[{"device":"d","time":1700000000000,"a":1},{"device":"e","a":2}]"#;
    let batch = decode(bad).expect("one is good");
    assert_eq!((batch.rows(), batch.rejected.len()), (1, 1));
    assert!(batch.rejected[0].error.starts_with("element 1: there is no time"), "{batch:?}");
    assert_eq!(batch.rejected[0].record.bytes(), br#"{"device":"e","a":2}"#, "it is put aside alone");
    let good = batch.readings[0].record(0).expect("from a record");
    assert_eq!(good.bytes(), br#"{"device":"d","time":1700000000000,"a":1}"#, "also where a sink rejects it");
    // Rows that a bad element had put are taken back.
    let several = r#"{"device":"e","timestamps":[1,2],"measurements":["a"],"values":[[1],[2,3]]}"#;
    let first = r#"{"device":"d","time":1700000000000,"a":1}"#;
    let many = format!("[{several},7,{first},1,2,3,4]");
    let batch = decode(&many).expect("one is good");
    assert_eq!(points(&batch), [format!("d {T} a DOUBLE 1.0")]);
    let rejected: Vec<_> = batch.rejected.iter().map(|each| (each.record.bytes(), &*each.error)).collect();
    assert_eq!(rejected.len(), 6);
    assert!(rejected[0].0 == several.as_bytes() && rejected[0].1.starts_with("element 0: "), "{rejected:?}");
    assert_eq!(rejected[1], (&b"7"[..], "element 1: not an object"));
    assert_eq!(rejected[5], (&b"4"[..], "element 6: not an object"));
    let error = decode("[7, 8]").expect_err("none is good");
    assert_eq!(error.message, "element 0: not an object; element 1: not an object");
    assert_eq!(decode("[]").expect("no row").rows(), 0);
}

#[test]
fn an_element_of_an_array_that_is_one_line_of_several_is_put_aside_alone() {
    let first = r#"{"device":"d","time":1700000000000,"a":1}"#;
    let record = format!("\u{feff}{first}\n [{first}, {{\"a\":2}}]\r\n[3]\n");
    let batch = decode_with(json!({"lines": true}), record.as_bytes()).expect("two are good");
    let rejected: Vec<_> = batch.rejected.iter().map(|each| (each.record.bytes(), &*each.error)).collect();
    assert_eq!(batch.rows(), 2);
    assert_eq!(rejected[0].0, b"{\"a\":2}");
    assert!(rejected[0].1.starts_with("element 1: "), "{rejected:?}");
    assert_eq!(rejected[1], (&b"[3]"[..], "line 3: element 0: not an object"));
}

#[test]
fn nested_values_get_joined_names() {
    let record = r#"{"device":"d","time":1700000000000,"s":{"on":true,"l":[1,{"x":2}]},"a":1}"#;
    let expected = ["a DOUBLE 1.0", "s_on BOOLEAN true", "s_l_0 DOUBLE 1.0", "s_l_1_x DOUBLE 2.0"];
    assert_eq!(points(&decode(record).expect("well formed")), expected.map(|each| format!("d {T} {each}")));
    for container in ["values", "measurements"] {
        let record =
            format!(r#"{{"device":"d","time":1700000000000,"{container}":{{"a":1,"b":{{"c":2}}}}}}"#);
        let expected = ["a DOUBLE 1.0", "b_c DOUBLE 2.0"].map(|each| format!("d {T} {each}"));
        assert_eq!(points(&decode(&record).expect("well formed")), expected);
    }
}

#[test]
fn options_say_where_things_stand() {
    let options = json!({
        "device": "$.meta.id", "time": "$.meta['at.time']", "time_unit": "s",
        "fields": {"temperature": "$.r[0].t", "count": {"path": "$.n", "type": "INT64"}, "gone": "$.nowhere"},
    });
    let record = r#"{"meta":{"id":"d","at.time":1700000000},"r":[{"t":21.5}],"n":7,"other":1}"#;
    let batch = decode_with(options, record.as_bytes()).expect("well formed");
    assert_eq!(
        points(&batch),
        ["count INT64 7", "temperature DOUBLE 21.5"].map(|each| format!("d {T} {each}"))
    );

    let options = json!({"device": "root.fixed", "time": "$.h.ts", "cast": {"n": "INT32", "s": "STRING", "h_q": "TEXT"}});
    let record = r#"{"h":{"ts":1700000000000,"q":1.5},"n":7,"s":5}"#;
    let batch = decode_with(options, record.as_bytes()).expect("well formed");
    let expected = ["n INT32 7", "s STRING 5", "h_q TEXT 1.5"].map(|each| format!("root.fixed {T} {each}"));
    assert_eq!(points(&batch), expected);
}

#[test]
fn numbers_that_json_cannot_write_are_handled_and_said() {
    let quoted =
        decode(r#"{"device":"d","time":1700000000000,"a":"NaN","b":"-Infinity"}"#).expect("well formed");
    assert_eq!(points(&quoted), ["a DOUBLE NaN", "b DOUBLE -Infinity"].map(|each| format!("d {T} {each}")));
    let bare = decode(r#"{"device":"d","time":1700000000000,"a":NaN}"#).expect_err("not JSON");
    assert!(bare.message.contains("NaN and Infinity are not JSON"), "{bare}");
}

#[test]
fn numbers_are_the_nearest_there_are_or_stay_digits() {
    let digits = r#"{"device":"d","time":1700000000000,"a":9007199254740993.5,"b":8.41e-320,"c":-0.0,"d":18446744073709551615,
        "e":0.30000000000000004,"f":123456789012345678901234567890}"#;
    let batch = decode(digits).expect("well formed");
    let expected = [
        "a DOUBLE 9007199254740994.0",
        "b DOUBLE 8.41e-320",
        "c DOUBLE -0.0",
        "d TEXT 18446744073709551615",
        "e DOUBLE 0.30000000000000004",
        "f TEXT 123456789012345678901234567890",
    ];
    assert_eq!(points(&batch), expected.map(|each| format!("d {T} {each}")));
}

#[test]
fn a_number_beyond_the_bounds_of_a_double_stays_digits() {
    let huge = r#"{"device":"d","time":1700000000000,"a":1e999,"b":-1E+400,"c":[1e400],"d":1.5}"#;
    let batch = decode(huge).expect("well formed");
    assert_eq!(stored(&batch, &[DataType::Double; 3])[0], Err("Range".to_owned()));
    let digits = ["1e999", "-1E+400", "1.5"].map(|digits| Ok(digits.to_owned()));
    assert_eq!(stored(&batch, &[DataType::Text, DataType::Text, DataType::Double]), digits);
    let cast = |data_type| decode_with(json!({"cast": {"a": data_type}}), huge.as_bytes());
    let error = cast("DOUBLE").expect_err("no such number");
    assert!(error.message.contains("`1e999` is not of type DOUBLE: it is out of range"), "{error}");
    cast("TEXT").expect("digits");
    let picked =
        decode_with(json!({"fields": {"d": "$.d"}}), huge.as_bytes()).expect("nobody asks for the others");
    assert_eq!(points(&picked), [format!("d {T} d DOUBLE 1.5")]);
}

/// The values of the only row, as the types that their series have.
fn stored(batch: &Batch, types: &[DataType]) -> Vec<Result<String, String>> {
    let columns = batch.readings[0].tablet.columns();
    columns
        .iter()
        .zip(types)
        .map(|(column, &data_type)| {
            let converted = column.to(data_type);
            match converted.rejected.first() {
                Some((_, reason)) => Err(format!("{reason:?}")),
                None => Ok(Value::at(&converted.values, data_type, 0).expect("a value").to_string()),
            }
        })
        .collect()
}

#[test]
fn numbers_keep_their_digits_until_the_series_says_its_type() {
    let record = r#"{"device":"d","time":1700000000000,"a":2882429806056571124,"b":9223372036854775807,"c":1E5,"d":21.50,
        "e":21.123456789,"f":9007199254740993,"g":3.5e38,"h":1,"i":20260501}"#;
    use DataType::{Boolean, Date, Double, Float, Int64, Text};
    let batch = decode(record).expect("well formed");
    assert_eq!(
        stored(&batch, &[Int64, Int64, Text, Text, Float, Double, Float, Boolean, Date]),
        [
            Ok("2882429806056571124"),
            Ok("9223372036854775807"),
            Ok("1E5"),
            Ok("21.50"),
            Ok("21.123457"),
            Err("Inexact"),
            Err("Range"),
            Ok("true"),
            Ok("2026-05-01"),
        ]
        .map(|each| each.map(str::to_owned).map_err(str::to_owned))
    );
}

#[test]
fn a_new_series_of_whole_numbers_is_double_or_by_option_int64() {
    let record = br#"{"device":"d","time":1700000000000,"a":9007199254740993,"b":2.5,"c":{"d":7},"e":1.0}"#;
    let types = |options| {
        let batch = decode_with(options, record).expect("well formed");
        let columns = batch.readings[0].tablet.columns().iter().map(|column| column.data_type);
        columns.collect::<Vec<_>>()
    };
    use DataType::{Double, Int64};
    assert_eq!(types(json!({})), [Double; 4]);
    assert_eq!(types(json!({"integers": "int64"})), [Int64, Double, Double, Int64]);
}

#[test]
fn a_cast_is_exact_or_an_error_that_names_the_value() {
    for (value, data_type, reason) in [
        ("3.5e38", "FLOAT", "`3.5e38` is not of type FLOAT: it is out of range"),
        ("9007199254740993", "DOUBLE", "does not hold it exactly; declare it INT64"),
        ("21.5", "INT64", "it is not a whole number"),
        ("true", "INT32", "`true` is not of type INT32"),
        (r#""yes""#, "BOOLEAN", "write true, false, 1 or 0"),
        ("20260231", "DATE", "a day of the calendar"),
        (r#""abc""#, "BLOB", "write 0x"),
    ] {
        let record = format!(r#"{{"device":"d","time":1700000000000,"v":{{"a":{value}}}}}"#);
        let options = json!({"fields": {"a": {"path": "$.v.a", "type": data_type}}});
        let error = decode_with(options, record.as_bytes()).expect_err(value);
        assert!(error.message.contains(reason), "{value}: {error}");
    }
}

#[test]
fn what_is_not_well_formed_is_rejected_with_a_reason() {
    for (record, reason) in [
        ("", "not JSON"),
        ("{\"device\":\"d\"", "not JSON"),
        ("{} {}", "not JSON"),
        ("7", "neither an object nor a list"),
        ("[7]", "element 0: not an object"),
        ("{}", "there is no device"),
        (r#"{"device":"d","a":1}"#, "there is no time"),
        (r#"{"device":{},"time":1,"a":1}"#, "the device is not a text"),
        (r#"{"device":"d","time":"noon","a":1}"#, "`noon` is not a time"),
        (r#"{"device":"d","time":true,"a":1}"#, "neither a number nor a text"),
        (r#"{"device":"d","time":1e400,"a":1}"#, "is out of range"),
        (r#"{"device":"d","time":1700000000000}"#, "there is no measurement"),
        (r#"{"device":"","time":1700000000000,"a":1}"#, "name is empty"),
        (r#"{"device":"d","time":1700000000000,"":1}"#, "name is empty"),
        (r#"{"device":"d","timestamp":1,"measurements":"a,b","values":"1"}"#, "2 measurements, 1 values"),
        (
            r#"{"device":"d","timestamp":1,"measurements":["a"],"types":["INT32"],"values":[1.5]}"#,
            "not of type INT32",
        ),
        (
            r#"{"device":"d","timestamp":1,"measurements":["a"],"types":["WORD"],"values":[1]}"#,
            "unknown data type",
        ),
        (r#"{"device":"d","timestamp":1,"measurements":["a"]}"#, "no values"),
    ] {
        let error = decode(record).expect_err(record);
        assert!(error.message.contains(reason), "{record}: {error}");
    }
    let error = decode_with(json!({}), b"{\"device\":\"\xff\"}").expect_err("not text");
    assert!(error.message.contains("not UTF-8"), "{error}");
}

#[test]
fn two_values_of_one_name_are_never_one_of_them_by_luck() {
    for (options, record, reason) in [
        (json!({}), r#"{"device":"a","device":"b","time":1,"v":1}"#, "the key `device` stands twice"),
        (json!({}), r#"{"device":"a","time":1,"v":1,"time":2}"#, "the key `time` stands twice"),
        (
            json!({}),
            r#"{"device":"a","timestamp":1,"timestamp":1,"v":1}"#,
            "the key `timestamp` stands twice",
        ),
        (json!({}), r#"{"device":"a","time":1,"v":1,"v":2}"#, "are named `v`"),
        (json!({}), r#"{"device":"a","time":1,"v":1,"v":"x"}"#, "are named `v`"),
        (json!({}), r#"{"device":"a","time":1,"s":{"on":1},"s_on":2}"#, "are named `s_on`"),
        (json!({}), r#"{"device":"a","time":1,"l":[1],"l_0":2}"#, "are named `l_0`"),
        (json!({}), r#"{"device":"a","time":1,"values":{"v":1},"v":2}"#, "are named `v`"),
        (json!({}), r#"{"device":"a","time":1,"measurements":"v,v","values":"1,2"}"#, "are named `v`"),
        (json!({"cast": {"v": "TEXT"}}), r#"{"device":"a","time":1,"v":1,"v":2}"#, "are named `v`"),
        (
            json!({"device": "$.m.id"}),
            r#"{"m":{"id":"a","id":"b"},"time":1,"v":1}"#,
            "the key `id` stands twice",
        ),
        (
            json!({"time": "$.m.t"}),
            r#"{"device":"a","m":{"t":1},"m":{"t":2},"v":1}"#,
            "the key `m` stands twice",
        ),
        (
            json!({"fields": {"v": "$.v"}}),
            r#"{"device":"a","time":1,"v":1,"v":2}"#,
            "the key `v` stands twice",
        ),
    ] {
        let error = decode_with(options, record.as_bytes()).expect_err(record);
        assert!(error.message.contains(reason), "{record}: {error}");
    }
    let nothing = decode(r#"{"device":"d","time":1700000000000,"v":null,"v":1}"#).expect("one value");
    assert_eq!(points(&nothing), [format!("d {T} v DOUBLE 1.0")]);
}

#[test]
fn the_time_is_time_where_there_is_one_and_timestamp_where_not() {
    for record in [
        r#"{"device":"d","timestamp":5,"time":1700000000000}"#,
        r#"{"device":"d","time":1700000000000,"timestamp":5}"#,
    ] {
        assert_eq!(points(&decode(record).expect("well formed")), [format!("d {T} timestamp DOUBLE 5.0")]);
    }
    let null = r#"{"device":"d","time":null,"timestamp":1700000000000,"v":1}"#;
    assert_eq!(points(&decode(null).expect("well formed")), [format!("d {T} v DOUBLE 1.0")]);
}

#[test]
fn a_device_is_made_of_several_fields() {
    let options = json!({"device": "{$.site}.{$.at.line}"});
    let record = r#"{"site":"hall 1","at":{"line":7,"x":1},"time":1700000000000,"v":2}"#;
    let batch = decode_with(options.clone(), record.as_bytes()).expect("well formed");
    // What names the device is no measurement.
    let expected = ["v DOUBLE 2.0", "at_x DOUBLE 1.0"].map(|each| format!("`hall 1`.`7` {T} {each}"));
    assert_eq!(points(&batch), expected);
    for (record, reason) in [
        (r#"{"site":"a","time":1,"v":2}"#, "there is no $.at.line, which is a part of the device"),
        (r#"{"site":null,"at":{"line":1},"time":1,"v":2}"#, "there is no $.site"),
        (r#"{"site":"","at":{"line":1},"time":1,"v":2}"#, "$.site, which is a part of the device, is empty"),
        (r#"{"site":[],"at":{"line":1},"time":1,"v":2}"#, "neither a text nor a whole number"),
        (r#"{"site":"a","site":"b","at":{"line":1},"time":1,"v":2}"#, "the key `site` stands twice"),
    ] {
        let error = decode_with(options.clone(), record.as_bytes()).expect_err(record);
        assert!(error.message.contains(reason), "{record}: {error}");
    }
}

#[test]
fn times_are_read_in_every_form_and_in_the_zone_of_the_options() {
    let read = |options: serde_json::Value, time: &str| {
        let record = format!(r#"{{"device":"d","time":{time},"v":1}}"#);
        decode_with(options, record.as_bytes()).map(|batch| batch.readings[0].tablet.times().value(0))
    };
    let paris = json!({"zone": "Europe/Paris"});
    assert_eq!(read(json!({}), r#""2024-02-21T09:34:33[Europe/Paris]""#), Ok(1_708_504_473_000));
    assert_eq!(read(paris.clone(), r#""2024-02-21 09:34:33""#), Ok(1_708_504_473_000));
    assert_eq!(read(paris.clone(), r#""2024/2/21""#), Ok(1_708_470_000_000));
    assert_eq!(read(paris, r#""2024-02-21T09:34:33Z""#), Ok(1_708_508_073_000));
    assert_eq!(read(json!({}), r#""1969-12-31T23:59:58.0005Z""#), Ok(-2_000));
    assert_eq!(read(json!({}), r#""9999-12-31""#), Ok(253_402_214_400_000));
    assert_eq!(read(json!({"time_unit": "s"}), "1700000000.0015"), Ok(1_700_000_000_001));
    assert_eq!(read(json!({"time_unit": "s"}), r#""-0.0001""#), Ok(-1));
}

#[test]
fn records_without_a_value_are_counted_and_the_fields_that_none_has_are_named() {
    let registry = Registry::new().with_decoder::<JsonDecoder>();
    let component = registry.get(ComponentKind::Decoder, "json").expect("registered");
    let run = |options: serde_json::Value, records: &[&str]| {
        let factory = component.decoder(options, &BuildContext::new("p", "n")).expect("options that work");
        let (mut decoder, mut rows) = (factory.make(), BatchBuilder::new());
        for record in records {
            decoder.decode(record.as_bytes(), &mut rows).expect("well formed");
        }
        let noticed = factory.noticed().expect("told");
        let remarks = noticed.remarks().into_iter().map(|remark| remark.message);
        (rows.rows(), noticed.empty(), remarks.collect::<Vec<_>>().join("; "))
    };
    let fields = json!({"fields": {"temp": "$.readings.temp", "n": {"path": "$.n", "type": "INT64"}}});
    let wrong = r#"{"device":"a","time":1,"reading":{"temp":21.5}}"#;
    let (rows, empty, remarks) = run(fields.clone(), &[wrong, wrong]);
    assert_eq!((rows, empty), (0, 2));
    assert!(remarks.contains("`temp` was found at $.readings.temp in none of 2 records"), "{remarks}");
    // One field of two is enough for a row; that the other is nowhere is told all the same.
    let (rows, empty, remarks) = run(fields, &[wrong, r#"{"device":"a","time":1,"n":1}"#]);
    assert_eq!((rows, empty), (1, 1));
    assert!(remarks.contains("`temp`") && !remarks.contains("`n`"), "{remarks}");
    let (rows, empty, _) =
        run(json!({}), &[r#"{"device":"a","time":1,"x":null}"#, "[]", r#"{"device":"a","time":1,"x":1}"#]);
    assert_eq!((rows, empty), (1, 2));
}

#[test]
fn deep_nesting_is_rejected() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for record in [deep.clone(), format!(r#"{{"device":"d","time":1,"a":{deep}}}"#)] {
        assert!(decode(&record).is_err());
    }
}

#[test]
fn ten_thousand_measurements_and_twenty_megabytes_are_rows_too() {
    let fields: Vec<_> = (0..10_000).map(|n| format!("\"m{n}\":{n}")).collect();
    let wide = format!(r#"{{"device":"d","time":1700000000000,{}}}"#, fields.join(","));
    assert_eq!(decode(&wide).expect("well formed").points(), 10_000);
    let long = format!(r#"{{"device":"d","time":1700000000000,"s":"{}"}}"#, "x".repeat(20 << 20));
    assert_eq!(decode(&long).expect("well formed").points(), 1);
}

#[test]
fn wrong_options_are_named() {
    let problems = |options| JsonDecoder::check(&serde_json::from_value(options).expect("a form"));
    let wrong = problems(json!({"device": "$", "fields": {}, "zone": "Europe/Atlantis"}));
    let paths: Vec<_> = wrong.iter().map(|each| (each.path.as_str(), each.doubtful)).collect();
    assert_eq!(paths, [("device", false), ("zone", false), ("fields", false)]);
    let template = problems(json!({"device": "{site}.{$.line}"}));
    assert!(template[0].message.contains("write `{$.site}` for `{site}`"), "{template:?}");
    let key = problems(json!({"device": "id"}));
    assert!(key[0].doubtful && key[0].message.contains("write `$.id`"), "{key:?}");
    for meant in ["root.fixed", "`id`", "$.id", "{$.site}.{$.line}", "plant.`{x}`"] {
        assert_eq!(problems(json!({"device": meant})), [], "{meant}");
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "\\PC{0,8}".prop_map(Into::into),
    ];
    let key = prop_oneof![
        Just("device".to_owned()),
        Just("time".to_owned()),
        Just("measurements".to_owned()),
        Just("types".to_owned()),
        Just("values".to_owned()),
        "[a-z\"\\\\]{0,3}",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[\\[\\]{}\",:a1 ]{0,40}") {
        let options = json!({"device": "$.a.b", "cast": {"a": "INT32"}, "missing_time": "now"});
        let outcomes = [decode_with(options, &bytes), decode(&text)];
        prop_assert_eq!(outcomes.len(), 2);
    }

    #[test]
    fn any_document_is_rows_or_an_error(document in any_json()) {
        let record = document.to_string();
        for options in [
            json!({"missing_time": "now"}),
            json!({"device": "x", "missing_time": "now", "cast": {"a": "TEXT"}}),
            json!({"device": "$.a", "time": "$.values.b", "fields": {"n": "$.a"}}),
        ] {
            decode_with(options, record.as_bytes()).ok();
        }
    }
}

#[test]
fn a_byte_order_mark_is_skipped_once() {
    let record = r#"{"device":"d","time":1700000000000,"a":1}"#;
    let marked = format!("\u{feff}{record}");
    assert_eq!(points(&decode(&marked).expect("rows")), points(&decode(record).expect("rows")));
    assert!(decode(&format!("\u{feff}{marked}")).is_err());
}

#[test]
fn lines_of_a_record_are_rows_and_a_broken_one_costs_no_other() {
    let line = |n| format!(r#"{{"device":"d","time":{},"a":true}}"#, 1_700_000_000_000i64 + n);
    let with = |record: &str| decode_with(json!({"lines": true}), record.as_bytes());
    for text in [format!("{}\n{}", line(1), line(2)), format!("\u{feff}\n{}\r\n \n{}\n", line(1), line(2))] {
        assert_eq!(
            points(&with(&text).expect("rows")),
            ["d 1700000000001 a BOOLEAN true", "d 1700000000002 a BOOLEAN true"]
        );
        assert!(decode(&text).is_err(), "without the option it is one value");
    }
    assert_eq!(with(&format!("[{},{}]", line(1), line(2))).expect("rows").rows(), 2);
    let broken = with(&format!("{}\n\n{{", line(1))).expect("one line is good");
    assert_eq!((broken.rows(), broken.rejected.len()), (1, 1));
    assert!(broken.rejected[0].error.starts_with("line 3: not JSON"), "{broken:?}");
    // What is rejected, here or by a sink, is the line, or the element of its array.
    let text = format!("\u{feff}{}\n[7,{}]\r\n8\nä\n{}", line(1), line(2), line(3));
    let mixed = with(&text).expect("some lines are good");
    let rejected = mixed.rejected.iter().map(|each| std::str::from_utf8(each.record.bytes()).expect("text"));
    assert_eq!(rejected.collect::<Vec<_>>(), ["7", "8", "ä"]);
    let of = |row| mixed.readings[0].record(row).expect("from a record").bytes().to_vec();
    assert_eq!([of(0), of(1), of(2)], [line(1), line(2), line(3)].map(String::into_bytes));
    let many = with(&format!("{}{}", "7\n".repeat(1_005), line(1))).expect("one line is good");
    assert_eq!((many.rows(), many.rejected.len()), (1, 1_001));
    let rest = many.rejected.iter().find(|each| each.record.bytes().len() > 10).expect("one of the whole");
    assert!(rest.error.starts_with("line 1001: neither"), "{}", rest.error);
    assert!(with("{\n7").expect_err("no line is good").message.contains("; line 2: neither"));
    for blank in ["", "\n", " \r\n\n"] {
        assert!(with(blank).expect_err("no line").message.starts_with("not JSON"), "{blank:?}");
    }
}

#[test]
fn types_by_name_are_those_of_the_values_wherever_they_stand() {
    let record = r#"{"types":{"x":"BLOB","i":"INT32","f":"FLOAT","t":"TEXT","no":"DATE","time":"INT64"},"device":"d","time":1700000000000,
        "i":7,"f":"-Infinity","t":"NaN","s":1,"x":"0x0a","measurements":{"time":5}}"#;
    let expected =
        ["i INT32 7", "f FLOAT -Infinity", "t TEXT NaN", "s DOUBLE 1.0", "x BLOB 0x0a", "time INT64 5"];
    let mut expected = expected.map(|each| format!("d {T} {each}"));
    let mut found = points(&decode(&record.replace('\n', "")).expect("well formed"));
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let wrong = r#"{"device":"d","time":1700000000000,"i":7.5,"types":{"i":"INT32"}}"#;
    let error = decode(wrong).expect_err("no INT32");
    assert!(error.message.starts_with("`i`: ") && error.message.contains("INT32"), "{error}");
    // An object of other members is data.
    let data = r#"{"device":"d","time":1700000000000,"types":{"i":"INT32","n":1}}"#;
    assert_eq!(points(&decode(data).expect("well formed")).len(), 2);
}
