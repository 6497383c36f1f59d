//! No value of an option makes the program panic: it is rejected, or it works.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use levada_connector_api::{
    Batch, BatchBuilder, BuildContext, Component, ComponentKind, Emitter, FieldValue, Registry,
    model::{Checkpoint, SplitName},
};
use serde_json::{Value, json};

/// How long a part may work before it is left alone.
const WHILE: Duration = Duration::from_millis(30);

fn registry() -> Registry {
    levada_runtime::transform::register(levada_sink::register(levada_source::register(Registry::new())))
}

/// Options with which each component works.
fn base(kind: ComponentKind, name: &str, folder: &Path) -> Value {
    match (kind, name) {
        (ComponentKind::Source, "kafka") => json!({"brokers": "127.0.0.1:1", "topics": ["t"], "group": "g"}),
        (ComponentKind::Source, "mqtt") => json!({"broker": "127.0.0.1:1", "topics": ["t"]}),
        (ComponentKind::Source, "http") => json!({"listen": "127.0.0.1:0"}),
        (ComponentKind::Source, "file") => json!({"paths": folder.join("in.jsonl")}),
        (ComponentKind::Source, "iotdb") => {
            json!({"embedded": folder.join("data"), "query": "select n from root.p.** align by device"})
        }
        (ComponentKind::Decoder | ComponentKind::Encoder, "avro") => {
            json!({"schema_file": folder.join("in.avsc")})
        }
        (ComponentKind::Sink, "kafka") => json!({"brokers": "127.0.0.1:1", "topic": "t"}),
        (ComponentKind::Sink, "file") => json!({"path": folder.join("out.jsonl")}),
        (ComponentKind::Sink, "object_store") => {
            json!({"url": format!("file://{}/{{device}}.jsonl", folder.join("objects").display())})
        }
        (ComponentKind::Sink, "iotdb") => json!({"embedded": folder.join("data"), "database": "root.p"}),
        (ComponentKind::Transform, "enrich") => {
            json!({"embedded": folder.join("data"), "device": "root.l.{name}", "measurements": {"a": "b"}})
        }
        (ComponentKind::Transform, "sql") => json!({"select": "n", "where": "n > 1"}),
        (ComponentKind::Transform, "rename") => json!({"measurements": {"n": "m"}}),
        (ComponentKind::Transform, "pick" | "drop") => json!({"measurements": ["n"]}),
        (ComponentKind::Transform, "route") => json!({"high": "n > 1"}),
        (ComponentKind::Transform, "window") => json!({"size": "1s", "aggregates": {"n": ["avg"]}}),
        (ComponentKind::Transform, "rate_limit") => json!({"count": 2}),
        _ => json!({}),
    }
}

/// The schema of what is read as Avro.
const SCHEMA: &str = r#"{"type": "record", "name": "r", "fields": [{"name": "device", "type": "string"}, {"name": "time", "type": "long"}]}"#;

/// Values at the edges of what can be written, of every kind.
fn values() -> Vec<Value> {
    let texts = [
        "",
        " ",
        "\0",
        "0s",
        "0ms",
        "1ns",
        "0.000000001ns",
        "36500d",
        "36501d",
        "213503982334601d",
        "1e9d",
        "99999999999999999999999999999s",
        "0B",
        "1B",
        "8191TiB",
        "9007199254740993B",
        "99999999999999999999TiB",
        "*",
        "**",
        "[",
        "{",
        "{n}",
        "{n}{n}",
        "${X}",
        "^(",
        "$.",
        "$.a[9999999999999999999]",
        "$[",
        "a.b.c",
        "root",
        "root.**",
        "`",
        "``",
        "..",
        "../../x",
        "/",
        "/dev/null/x",
        "💥",
        "\u{feff}",
        "-1",
        "NaN",
        "inf",
        "latest",
        "earliest",
        "9999-12-31T23:59:59.999999999Z",
        "-262143-01-01T00:00:00Z",
        "292277026-12-04T15:30:07Z",
        "9223372036854775807",
        "-9223372036854775808",
        "select",
        "n + ",
        "1/0",
        "INT32",
        "DATE",
        "csv",
        "json",
    ];
    let mut values: Vec<Value> = texts.iter().map(|text| json!(text)).collect();
    values.push(json!("x".repeat(100_000)));
    values.extend([
        json!(null),
        json!(true),
        json!(false),
        json!([]),
        json!({}),
        json!([""]),
        json!({"": ""}),
    ]);
    values.extend([json!({"a": {}}), json!({"a": "b", "b": "a"}), json!([[]]), json!([null])]);
    for number in [0, 1, -1, 2, 255, 65_536, i64::from(u32::MAX), i64::MAX, i64::MIN] {
        values.push(json!(number));
    }
    values.push(json!(u64::MAX));
    values.extend(
        [1e-300, 1e300, -1e300, 5e-324, 0.5, -0.0, 1e19, 4_294_967_296.5].map(|number| json!(number)),
    );
    values
}

/// The names of options of a schema, those of options within options after their own.
fn options_of(schema: &Value, root: &Value, depth: usize, found: &mut Vec<Vec<String>>, at: &[String]) {
    if depth == 0 {
        return;
    }
    let target = schema.get("$ref").and_then(Value::as_str);
    if let Some(target) = target.and_then(|target| root.pointer(target.trim_start_matches('#'))) {
        options_of(target, root, depth - 1, found, at);
    }
    for choice in ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
        options_of(choice, root, depth - 1, found, at);
    }
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path: Vec<_> = at.iter().cloned().chain([name.clone()]).collect();
        options_of(inner, root, depth - 1, found, &path);
        found.push(path);
    }
    if let Some(inner) = schema.get("additionalProperties").filter(|inner| inner.is_object()) {
        let path: Vec<_> = at.iter().cloned().chain(["n".to_owned()]).collect();
        options_of(inner, root, depth - 1, found, &path);
        found.push(path);
    }
}

fn with(mut options: Value, path: &[String], value: &Value) -> Value {
    let mut place = &mut options;
    for name in path {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name.as_str()];
    }
    *place = value.clone();
    options
}

fn batch() -> Batch {
    let mut rows = BatchBuilder::new();
    rows.split(&SplitName::from("s"));
    for n in 0..3 {
        rows.record(b"a record", n);
        let fields = [("n", FieldValue::Double(n as f64)), ("t", FieldValue::Text("text"))];
        rows.row("root.p.d", n as i64, &fields).expect("a row");
    }
    rows.finish(Vec::new())
}

/// Checks, builds and, for a moment, runs a component. What it answers is of no interest here.
async fn try_out(registry: &Registry, component: &Component, options: Value, folder: &Path) -> bool {
    match component.inspect(&options) {
        Ok((problems, _)) if problems.is_empty() => {}
        _ => return false,
    }
    let mut context = BuildContext::new("p", "n");
    context.state_dir = folder.join("state");
    let json = registry.get(ComponentKind::Decoder, "json").expect("registered");
    context.decoder = Some(json.decoder(json!({}), &context).expect("no options needed"));
    match component.kind {
        ComponentKind::Source => {
            let Ok(mut source) = component.source(options, &context) else { return false };
            // A broker that is not there is waited for.
            if component.name != "kafka" {
                drop(tokio::time::timeout(WHILE, source.connect(&Checkpoint::new())).await);
                drop(tokio::time::timeout(WHILE, source.next()).await);
                drop(tokio::time::timeout(WHILE, source.close()).await);
            }
        }
        ComponentKind::Decoder => {
            let Ok(factory) = component.decoder(options, &context) else { return false };
            let (mut decoder, mut rows) = (factory.make(), BatchBuilder::new());
            for record in [
                "time,device,n",
                "",
                "{}",
                "1,d,1",
                "d,1,n,INT32,1",
                "{\"device\":\"d\",\"time\":1,\"n\":1e300}",
            ] {
                rows.record(record.as_bytes(), 0);
                drop(decoder.decode(record.as_bytes(), &mut rows));
            }
            drop(rows.finish(Vec::new()));
        }
        ComponentKind::Transform => {
            let Ok(mut transform) = component.transform(options, &context) else { return false };
            let mut out = Emitter::new(Instant::now());
            for _ in 0..2 {
                drop(transform.apply(batch(), &mut out));
                if let Some(at) = transform.tick_at() {
                    out.set(at, 2);
                    drop(transform.tick(&mut out));
                }
            }
            let mut state = Vec::new();
            transform.save(true, &mut state).expect("it saves");
            drop(transform.finish(&mut out));
        }
        ComponentKind::Sink => {
            // Nothing is written but into the test's own folder.
            let own = options.get("path").is_none_or(|path| *path == json!(folder.join("out.jsonl")));
            let Ok(sink) = component.sink(options, &context) else { return false };
            assert!(sink.capabilities().max_in_flight > 0);
            if own && !matches!(component.name, "stdout" | "kafka") {
                drop(tokio::time::timeout(WHILE, sink.connect()).await);
                drop(tokio::time::timeout(WHILE, sink.write(&batch())).await);
            }
            drop(tokio::time::timeout(WHILE, sink.close()).await);
        }
        ComponentKind::Encoder => {
            let Ok(factory) = component.encoder(options, &context) else { return false };
            let (mut encoder, mut lines) = (factory.make(), Vec::new());
            drop(encoder.meet(&batch()));
            encoder.put_header(&mut lines);
            drop(encoder.put_rows(&batch(), &mut lines));
        }
    }
    true
}

#[test]
fn no_value_of_any_option_panics() {
    let registry = Arc::new(registry());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for kind in ComponentKind::ALL {
        for component in registry.all(kind) {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("in.jsonl"), "{\"device\":\"d\",\"time\":1,\"n\":1}\n")
                .expect("written");
            std::fs::write(folder.path().join("in.avsc"), SCHEMA).expect("written");
            let schema = component.schema.as_value();
            let mut paths = vec![Vec::new()];
            options_of(schema, schema, 6, &mut paths, &[]);
            let works = runtime.block_on(try_out(
                &registry,
                component,
                base(kind, component.name, folder.path()),
                folder.path(),
            ));
            assert!(
                works,
                "{} {} does not work with the options it is tried with",
                kind.name(),
                component.name
            );
            for path in paths {
                for value in values() {
                    let options = with(base(kind, component.name, folder.path()), &path, &value);
                    let tried = catch_unwind(AssertUnwindSafe(|| {
                        runtime.block_on(try_out(&registry, component, options, folder.path()))
                    }));
                    let shown: String = value.to_string().chars().take(80).collect();
                    assert!(
                        tried.is_ok(),
                        "{} {}: {} = {shown}",
                        kind.name(),
                        component.name,
                        path.join(".")
                    );
                }
            }
        }
    }
    runtime.shutdown_background();
}
