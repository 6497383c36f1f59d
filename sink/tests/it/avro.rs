//! Rows as Avro records: what the decoder makes of them is what they were, and schemas grow as they have to.

mod topics;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use levada_connector_api::{
    Batch, BatchBuilder, BuildContext, ComponentKind, DecoderFactory, Encoder, EncoderFactory, ErrorKind,
    FieldValue as F, Registry, Rejection, model::unquote_node,
};
use levada_testkit::SimulatedRegistry;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The name of each value, and the value with its type.
type Values = BTreeMap<String, String>;
/// A row: its device, its time and its values.
type Row = (String, i64, Values);

fn components() -> Registry {
    levada_source::register(levada_sink::register(Registry::new()))
}

fn factory(options: &Value) -> EncoderFactory {
    let components = components();
    let avro = components.get(ComponentKind::Encoder, "avro").expect("there is one");
    let (problems, _) = avro.inspect(options).expect("well formed");
    assert_eq!(problems, []);
    avro.encoder(options.clone(), &BuildContext::new("p", "out")).expect("options that work")
}

fn decoder(options: &Value) -> DecoderFactory {
    let components = components();
    let avro = components.get(ComponentKind::Decoder, "avro").expect("there is one");
    avro.decoder(options.clone(), &BuildContext::new("p", "in")).expect("options that work")
}

fn with(registry: &SimulatedRegistry, more: Value) -> Value {
    let mut options = json!({"registry": {"url": registry.url()}});
    options.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    options
}

/// What a row is made of, by name.
type Fields<'a> = &'a [(&'a str, F<'a>)];

fn rows(rows: &[(&str, i64, Fields<'_>)]) -> Batch {
    let mut builder = BatchBuilder::new();
    for (device, time, fields) in rows {
        builder.row(device, *time, fields).expect("legal");
    }
    builder.finish(Vec::new())
}

/// The records of a batch, and which rows were rejected.
fn put(encoder: &mut dyn Encoder, batch: &Batch) -> (Vec<Vec<u8>>, Vec<Rejection>) {
    encoder.meet(batch).expect("the registry answers");
    let (mut bytes, mut ends) = (Vec::new(), vec![0]);
    let rejected = encoder.put_apart(batch, &mut bytes, &mut ends);
    assert_eq!(ends.len(), batch.rows() + 1, "an end for each row");
    let records = ends.windows(2).filter(|ends| ends[0] < ends[1]);
    (records.map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect(), rejected)
}

/// The rows of a batch, in order of device and time.
fn told(batch: &Batch) -> Vec<Row> {
    let mut told = Vec::new();
    for readings in &batch.readings {
        let tablet = &readings.tablet;
        for (row, time) in tablet.times().values().iter().enumerate() {
            let value = |column: &levada_connector_api::model::Column| {
                let value = column.value(row)?;
                Some((unquote_node(&column.name).into_owned(), format!("{value:?}")))
            };
            let values = tablet.columns().iter().filter_map(value).collect();
            told.push((tablet.device().to_string(), *time, values));
        }
    }
    told.sort();
    told
}

/// What the decoder makes of records, each for itself.
fn read(records: &[Vec<u8>], options: &Value) -> Vec<Row> {
    let mut decoder = decoder(options).make();
    let mut all: Vec<Row> = records
        .iter()
        .flat_map(|record| {
            let mut builder = BatchBuilder::new();
            builder.record(record, 0);
            decoder.decode(record, &mut builder).expect("well formed");
            told(&builder.finish(Vec::new()))
        })
        .collect();
    all.sort();
    all
}

/// Rows of every type, with values at the edges of each.
fn every_type() -> Batch {
    let long = "x".repeat(70_000);
    rows(&[
        (
            "root.plant.d1",
            1_714_550_400_000,
            &[
                ("b", F::Boolean(true)),
                ("i", F::Int32(i32::MIN)),
                ("l", F::Int64(i64::MIN)),
                ("f", F::Float(f32::NAN)),
                ("d", F::Double(-0.0)),
                ("t", F::Text("")),
                ("s", F::String("NaN")),
                ("at", F::Timestamp(i64::MAX)),
                ("day", F::Date(10_101)),
                ("y", F::Blob(&[])),
                ("only_here", F::Int32(1)),
                // Names that are the record's own.
                ("time", F::Int64(5)),
                ("device", F::Text("me")),
                ("measurements", F::Boolean(false)),
                ("values", F::Double(1.5)),
                ("types", F::String("INT32")),
            ],
        ),
        (
            "root.plant.`a b`.d2",
            i64::MIN,
            &[
                ("b", F::Boolean(false)),
                ("i", F::Int32(i32::MAX)),
                ("l", F::Int64(i64::MAX)),
                ("f", F::Float(f32::NEG_INFINITY)),
                ("d", F::Double(f64::MIN_POSITIVE / 4.0)),
                ("t", F::Text("NaN")),
                ("s", F::String("ä\n\0\"🦀")),
                ("at", F::Timestamp(i64::MIN)),
                ("day", F::Date(99_991_231)),
                ("y", F::Blob(&[0, 255, 10])),
            ],
        ),
        (
            "root.plant.d1",
            i64::MAX,
            &[
                ("b", F::Null),
                ("i", F::Int32(-1)),
                ("l", F::Null),
                ("f", F::Float(f32::MIN_POSITIVE)),
                ("d", F::Double(f64::INFINITY)),
                ("t", F::Text(&long)),
                ("s", F::Null),
                ("at", F::Timestamp(-1)),
                ("day", F::Date(20_240_229)),
                ("y", F::Null),
                ("time", F::Null),
            ],
        ),
    ])
}

#[test]
fn every_type_and_the_edges_of_each_come_back_as_they_were() {
    let registry = SimulatedRegistry::start();
    let factory = factory(&with(&registry, json!({})));
    let mut encoder = factory.make_for("readings");
    let batch = every_type();
    let (records, rejected) = put(encoder.as_mut(), &batch);
    assert_eq!(rejected, []);
    let back = read(&records, &with(&registry, json!({})));
    assert_eq!(back, told(&batch));
    assert_eq!(back.len(), 3);
    // The same without a registry, by the schema that was made.
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("made.avsc");
    let schemas = registry.schemas("readings-value");
    assert_eq!(schemas.len(), 1);
    fs::write(&file, schemas[0].to_string()).expect("written");
    let options = json!({"schema_file": file});
    let (bare, rejected) = put(self::factory(&options).make().as_mut(), &batch);
    assert_eq!(rejected, []);
    assert_eq!(read(&bare, &options), told(&batch));
    assert!(
        records
            .iter()
            .zip(&bare)
            .all(|(framed, bare)| framed[5..] == bare[..] && framed[..5] == [0, 0, 0, 0, 1])
    );
}

#[test]
fn values_as_they_were_written_are_of_the_type_that_a_field_has_or_of_their_own() {
    let registry = SimulatedRegistry::start();
    registry.register(
        "t-value",
        r#"{"type": "record", "name": "R", "fields": [{"name": "device", "type": "string"},
            {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "n", "type": ["null", "int"], "default": null}]}"#,
    );
    let mut encoder = factory(&with(&registry, json!({}))).make_for("t");
    let number = |text| F::Written(levada_connector_api::model::Kind::Number, text);
    let (whole, _) =
        put(encoder.as_mut(), &rows(&[("d", 1, &[("n", number("7")), ("m", number("9007199254740993"))])]));
    let (more, _) = put(encoder.as_mut(), &rows(&[("d", 2, &[("n", number("7.5")), ("m", number("0.5"))])]));
    let (word, _) = put(encoder.as_mut(), &rows(&[("d", 3, &[("n", F::Text("seven"))])]));
    let back = read(&[whole, more, word].concat(), &with(&registry, json!({})));
    let values: Vec<_> = back.iter().map(|(_, _, values)| format!("{values:?}")).collect();
    assert_eq!(
        values,
        [
            r#"{"m": "Int64(9007199254740993)", "n": "Int32(7)"}"#,
            r#"{"m": "Double(0.5)", "n": "Double(7.5)"}"#,
            r#"{"n": "Text(\"seven\")"}"#
        ]
    );
}

/// The names of a schema's fields, and what each may be.
fn fields(schema: &Value) -> String {
    let mut told = String::new();
    for field in schema["fields"].as_array().expect("a record") {
        write!(told, "{}: {} ", field["name"].as_str().expect("a name"), field["type"]).expect("written");
    }
    told
}

#[test]
fn a_schema_grows_with_what_comes_and_a_new_process_goes_on_with_it() {
    let registry = SimulatedRegistry::start();
    let factory = factory(&with(&registry, json!({"record": "plant.Reading"})));
    let mut encoder = factory.make_for("t");
    let read_all = |records: &[Vec<u8>]| read(records, &with(&registry, json!({})));
    let (mut records, _) = put(encoder.as_mut(), &rows(&[("d", 1, &[("a", F::Double(1.0))])]));
    assert_eq!(
        registry.requests(),
        ["GET /subjects/t-value/versions/latest", "POST /subjects/t-value/versions"]
    );
    // What is known already is asked for no more.
    records.extend(put(encoder.as_mut(), &rows(&[("e", 2, &[("a", F::Double(2.0))])])).0);
    assert_eq!(registry.requests(), [""; 0]);
    records.extend(
        put(encoder.as_mut(), &rows(&[("d", 3, &[("b", F::Int32(3)), ("time", F::Boolean(true))])])).0,
    );
    records.extend(
        put(encoder.as_mut(), &rows(&[("d", 4, &[("b", F::Text("four")), ("time", F::Int32(4))])])).0,
    );
    // Somebody else adds a field meanwhile, and it stays.
    let mut other = factory.make_for("t");
    records.extend(put(other.as_mut(), &rows(&[("d", 5, &[("of_another", F::Boolean(true))])])).0);
    records.extend(put(encoder.as_mut(), &rows(&[("d", 6, &[("c", F::Int64(6))])])).0);
    let schemas = registry.schemas("t-value");
    assert_eq!(
        schemas.iter().map(fields).map(|told| told.split(": ").count() - 1).collect::<Vec<_>>(),
        [3, 5, 5, 6, 7]
    );
    let last = schemas.last().expect("there are five");
    assert_eq!((&last["name"], &last["namespace"]), (&json!("Reading"), &json!("plant")));
    assert!(fields(last).contains(r#"b: ["null","int","string"] measurements: "#), "{last}");
    assert!(last.to_string().contains(r#""default":{"time":null}"#), "{last}");
    drop(registry.requests());
    let mut restarted = factory.make_for("t");
    records.extend(put(restarted.as_mut(), &rows(&[("d", 7, &[("c", F::Int64(7)), ("b", F::Text("x"))])])).0);
    assert_eq!(registry.requests(), ["GET /subjects/t-value/versions/latest"]);
    assert_eq!(registry.schemas("t-value").len(), 5);
    let values: Vec<_> = read_all(&records).into_iter().map(|(_, _, values)| format!("{values:?}")).collect();
    assert_eq!(
        values,
        [
            r#"{"a": "Double(1.0)"}"#,
            r#"{"b": "Int32(3)", "time": "Boolean(true)"}"#,
            r#"{"b": "Text(\"four\")", "time": "Int32(4)"}"#,
            r#"{"of_another": "Boolean(true)"}"#,
            r#"{"c": "Int64(6)"}"#,
            r#"{"b": "Text(\"x\")", "c": "Int64(7)"}"#,
            r#"{"a": "Double(2.0)"}"#
        ]
    );
}

#[test]
fn what_no_field_can_hold_is_rejected_with_the_reason_and_the_rest_is_written() {
    let registry = SimulatedRegistry::start();
    let mut encoder = factory(&with(&registry, json!({}))).make_for("t");
    let batch = rows(&[
        ("d", 1, &[("a", F::Int32(1)), ("day", F::Date(20_240_230))]),
        ("d", 2, &[("a", F::Int32(2)), ("day", F::Date(20_240_228))]),
        ("d", 3, &[("a", F::Int32(3)), ("`two words`", F::Int32(3))]),
        ("d", 4, &[("a", F::Null)]),
    ]);
    let (records, rejected) = put(encoder.as_mut(), &batch);
    assert_eq!(read(&records, &with(&registry, json!({}))).len(), 1, "a row without a value is none");
    let reasons: Vec<_> = rejected.iter().map(|each| (each.rows.clone(), each.error.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (
                Some(vec![0]),
                "the field `day`, which is DATE in its schema: `2024-02-30` is not of type DATE: write a day of the calendar as yyyy-mm-dd"
            ),
            (
                Some(vec![2]),
                "Avro has no name like `two words`, only letters and digits of ASCII and `_`, no digit first: change it with the \
                 transform `rename`"
            ),
        ]
    );
    // A union has one text and one whole number of a size: another takes the place of the one that is there, if it can.
    let (records, rejected) = put(
        encoder.as_mut(),
        &rows(&[("d", 5, &[("day", F::Int32(20_240_101))]), ("d", 6, &[("day", F::Int32(7))])]),
    );
    assert_eq!(
        format!("{:?}", read(&records, &with(&registry, json!({})))[0].2),
        r#"{"day": "Date(20240101)"}"#
    );
    assert_eq!((rejected.len(), rejected[0].rows.clone()), (1, Some(vec![1])), "{rejected:?}");
}

const GIVEN: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "id", "type": ["null", "string"]},
    {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "temperature", "type": "float"},
    {"name": "state", "type": ["null", {"type": "enum", "name": "State", "symbols": ["ON", "OFF"]}]},
    {"name": "mac", "type": ["null", {"type": "fixed", "name": "Mac", "size": 2}]},
    {"name": "count", "type": "int", "default": -1},
    {"name": "tags", "type": {"type": "map", "values": "string"}, "default": {}},
    {"name": "motor", "type": ["null", {"type": "record", "name": "Motor", "fields": [
        {"name": "speed", "type": "long"}, {"name": "on", "type": ["null", "boolean"]}]}]}]}"#;

/// Options for a schema in a file that has other names for the device and the time.
fn given(folder: &Path, more: Value) -> Value {
    let file = folder.join("given.avsc");
    fs::write(&file, GIVEN).expect("written");
    let mut options = json!({"schema_file": file, "device": "id", "time": "ts"});
    options.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    options
}

#[test]
fn a_schema_that_is_given_takes_what_can_be_converted_to_it() {
    let folder = TempDir::new().expect("a folder");
    let mut encoder = factory(&given(folder.path(), json!({}))).make();
    let batch = rows(&[
        (
            "d",
            1,
            &[
                ("temperature", F::Int32(21)),
                ("state", F::Text("OFF")),
                ("mac", F::Blob(&[1, 2])),
                ("count", F::Double(5.0)),
                ("motor_speed", F::Int32(9)),
            ],
        ),
        ("d", 2, &[("temperature", F::Double(0.5))]),
        ("d", 3, &[("count", F::Int32(1))]),
        ("d", 4, &[("temperature", F::Float(1.0)), ("state", F::Text("BROKEN"))]),
        ("d", 5, &[("temperature", F::Float(1.0)), ("mac", F::Blob(&[1]))]),
        ("d", 6, &[("temperature", F::Float(1.0)), ("count", F::Double(0.5))]),
        ("d", 7, &[("temperature", F::Float(1.0)), ("unknown", F::Double(0.5))]),
        ("d", i64::MAX, &[("temperature", F::Float(1.0))]),
        ("d", 9, &[("temperature", F::Float(1.0)), ("tags", F::Text("x"))]),
        ("d", 10, &[("temperature", F::Float(1.0)), ("motor_on", F::Boolean(true))]),
    ]);
    let (records, rejected) = put(encoder.as_mut(), &batch);
    let decoder = json!({"schema_file": folder.path().join("given.avsc"), "device": "$.id", "time": "$.ts"});
    let back: Vec<_> =
        read(&records, &decoder).into_iter().map(|(_, time, values)| format!("{time} {values:?}")).collect();
    assert_eq!(
        back,
        [
            r#"1 {"count": "Int32(5)", "mac": "Blob([1, 2])", "motor_speed": "Int64(9)", "state": "Text(\"OFF\")", "temperature": "Float(21.0)"}"#,
            r#"2 {"count": "Int32(-1)", "temperature": "Float(0.5)"}"#,
        ]
    );
    let mut reasons = String::new();
    for Rejection { rows, error, .. } in &rejected {
        writeln!(reasons, "{} {error}", rows.as_ref().expect("some rows")[0]).expect("written");
    }
    assert_eq!(
        reasons,
        "2 the row has no value for the field `temperature`, which may not be left out in its schema\n\
         3 the field `state`: `BROKEN` is none of the symbols of its field: ON OFF\n\
         4 the field `mac`: 1 bytes, and the schema has 2\n\
         5 the field `count`, which is INT32 in its schema: `0.5` is not of type INT32: it is not a whole number\n\
         6 the schema has no field `unknown`: add one, or leave the measurement out with the transform `drop`\n\
         7 the time 9223372036854775807 is beyond what its field can count\n\
         8 the field `tags` is of a kind that is not written, and the row has a value for it\n\
         9 the row has no value for the field `motor_speed`, which may not be left out in its schema\n"
    );
}

#[test]
fn schemas_and_options_that_cannot_work_are_named() {
    let folder = TempDir::new().expect("a folder");
    let components = components();
    let avro = components.get(ComponentKind::Encoder, "avro").expect("there is one");
    let problems = |options: &Value| {
        let (problems, _) = avro.inspect(options).expect("well formed");
        problems.into_iter().map(|each| each.path).collect::<Vec<_>>()
    };
    let registry = json!({"url": "http://r:8081"});
    assert_eq!(problems(&json!({})), ["registry"]);
    assert_eq!(problems(&json!({"registry": registry})), [""; 0]);
    assert_eq!(problems(&json!({"registry": {"url": "r"}})), ["registry.url"]);
    assert_eq!(problems(&json!({"registry": registry, "subject": "{devcie}"})), ["subject"]);
    assert_eq!(problems(&json!({"registry": registry, "record": "a.1b"})), ["record"]);
    assert_eq!(problems(&json!({"registry": registry, "device": "a b"})), ["device"]);
    assert_eq!(problems(&json!({"registry": registry, "device": "time"})), ["time"]);
    assert_eq!(
        problems(&json!({"schema_file": "x", "subject": "s", "register": false})),
        ["subject", "register"]
    );
    let file = folder.path().join("x.avsc");
    for (schema, reason) in [
        ("{", "an Avro schema is JSON"),
        (r#"{"type": "record", "name": "R", "fields": []}"#, "has no field `device` for the device"),
        (
            r#"{"type": "record", "name": "R", "fields": [{"name": "device", "type": "string"}, {"name": "time", "type": "string"}]}"#,
            "the field `time` of the time is no long",
        ),
        (
            r#"{"type": "record", "name": "R", "fields": [{"name": "device", "type": "string"}, {"name": "time", "type": "long"},
                {"name": "all", "type": {"type": "array", "items": "int"}}]}"#,
            "the field `all` is of a kind that is not written, and may not be left out: let it be null",
        ),
    ] {
        fs::write(&file, schema).expect("written");
        let options = json!({"schema_file": file});
        let built = avro.encoder(options.clone(), &BuildContext::new("p", "out"));
        let error = built.expect_err("unfit");
        assert!(error.message().contains(reason) && !error.is_transient(), "{error}");
        let looked = avro.look(&options, &levada_connector_api::Facilities::default());
        assert!(looked.len() == 1 && looked[0].message.contains(reason), "{looked:?}");
    }
}

#[test]
fn a_registry_that_is_away_is_asked_again_and_one_that_says_no_is_not() {
    let registry = SimulatedRegistry::start();
    let factory = factory(&with(&registry, json!({})));
    let batch = rows(&[("d", 1, &[("a", F::Double(1.0))])]);
    for instead in [
        (503, "starting"),
        (500, r#"{"error_code": 50002, "message": "timed out"}"#),
        (404, "<html>not found</html>"),
        (409, "a proxy's"),
        (200, "<html>welcome</html>"),
    ] {
        registry.answer_all(Some(instead));
        let error = factory.make_for("t").meet(&batch).expect_err("away");
        assert!(error.is_transient() && error.kind() == ErrorKind::Connection, "{instead:?}: {error}");
    }
    for status in [401, 403] {
        registry.answer_all(Some((status, r#"{"error_code": 40301, "message": "not you"}"#)));
        let error = factory.make_for("t").meet(&batch).expect_err("denied");
        assert!(!error.is_transient() && error.kind() == ErrorKind::Auth, "{error}");
        assert!(error.to_string().contains("not you"), "{error}");
    }
    registry.answer_all(None);
    let mut encoder = factory.make_for("t");
    encoder.meet(&batch).expect("taken");
    registry.answer_new(Some((409, r#"{"error_code": 409, "message": "it removes a field"}"#)));
    encoder.meet(&batch).expect("known");
    let error = encoder.meet(&rows(&[("d", 1, &[("b", F::Double(1.0))])])).expect_err("refused");
    assert!(!error.is_transient() && error.kind() == ErrorKind::Rejected, "{error}");
    assert_eq!(
        error.to_string(),
        "the schema registry does not take the schema for the subject `t-value`: 409 Conflict it removes a field; the measurements of \
         its rows are not all in the schema before, or have other types: set the compatibility of the subject to BACKWARD or NONE in \
         the registry, name another `subject`, cast the measurements at their source, or write by a schema of your own (`schema_file`)"
    );
    registry.answer_new(None);
    registry.register(
        "t-value",
        r#"{"type": "record", "name": "R", "fields": [{"name": "device", "type": "int"}]}"#,
    );
    let error = factory.make_for("t").meet(&batch).expect_err("of another kind");
    assert!(!error.is_transient(), "{error}");
    assert!(
        error.to_string().contains("rows cannot be written by the last schema of the subject `t-value`"),
        "{error}"
    );
}

#[test]
fn without_register_rows_are_written_by_what_the_registry_has() {
    let registry = SimulatedRegistry::start();
    let folder = TempDir::new().expect("a folder");
    let latest = factory(&with(&registry, json!({"register": false, "device": "id", "time": "ts"})));
    let both = given(folder.path(), with(&registry, json!({"register": false})));
    let batch = rows(&[("d", 1, &[("temperature", F::Float(1.0))])]);
    for (factory, help) in [
        (&latest, "has no schema: register one"),
        (&factory(&both), "does not have the schema in `schema_file`"),
    ] {
        let error = factory.make_for("t").meet(&batch).expect_err("there is none");
        assert!(!error.is_transient() && error.to_string().contains(help), "{error}");
    }
    let id =
        registry.register("t-value", &fs::read_to_string(folder.path().join("given.avsc")).expect("written"));
    drop(registry.requests());
    let more = rows(&[("d", 1, &[("temperature", F::Float(1.0))]), ("d", 2, &[("new", F::Float(1.0))])]);
    for factory in [latest, factory(&both)] {
        let mut encoder = factory.make_for("t");
        for _ in 0..2 {
            let (records, rejected) = put(encoder.as_mut(), &more);
            assert_eq!((records.len(), records[0][4], rejected.len()), (1, id as u8, 1), "{rejected:?}");
        }
    }
    assert_eq!(registry.requests(), ["GET /subjects/t-value/versions/latest", "POST /subjects/t-value"]);
    assert_eq!(registry.schemas("t-value").len(), 1);
}

#[test]
fn rows_have_the_schema_of_the_subject_that_they_go_to() {
    let registry = SimulatedRegistry::start();
    let batch = rows(&[
        ("root.a", 1, &[("x", F::Int32(1))]),
        ("root.b", 1, &[("y", F::Int32(1))]),
        ("root.b", 86_400_000, &[("y", F::Int32(2))]),
    ]);
    let (records, _) = put(factory(&with(&registry, json!({}))).make_for("plant.{device}").as_mut(), &batch);
    assert_eq!(read(&records, &with(&registry, json!({}))), told(&batch));
    assert!(fields(&registry.schemas("plant.root.a-value")[0]).contains("x: "));
    assert!(fields(&registry.schemas("plant.root.b-value")[0]).contains("y: "));
    put(factory(&with(&registry, json!({"subject": "of {day} / {{x}}"}))).make_for("t").as_mut(), &batch);
    assert_eq!((registry.schemas("of 01 / {x}").len(), registry.schemas("of 02 / {x}").len()), (2, 1));
}
