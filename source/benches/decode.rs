//! Records to batches: what decoding costs for each record.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use levada_connector_api::{BatchBuilder, BuildContext, ComponentKind, FieldValue, Registry};
use serde_json::json;

const RECORDS: usize = 10_000;

fn flat(n: usize) -> String {
    format!(
        r#"{{"device":"root.plant.line1.d{:03}","time":{},"temperature":{:.2},"pressure":{:.2},"running":{}}}"#,
        n % 100,
        1_700_000_000_000 + n as i64,
        20.0 + (n % 977) as f64 / 100.0,
        1_000.0 + (n % 313) as f64 / 10.0,
        !n.is_multiple_of(7),
    )
}

fn event(n: usize) -> String {
    format!(
        r#"{{"device":"root.plant.line1.d{:03}","timestamp":{},"measurements":"temperature,pressure,running","types":"DOUBLE,DOUBLE,BOOLEAN","values":"{:.2},{:.2},{}"}}"#,
        n % 100,
        1_700_000_000_000 + n as i64,
        20.0 + (n % 977) as f64 / 100.0,
        1_000.0 + (n % 313) as f64 / 10.0,
        !n.is_multiple_of(7),
    )
}

fn csv(n: usize) -> String {
    format!(
        "root.plant.line1.d{:03},{},{:.2},{}",
        n % 100,
        1_700_000_000_000 + n as i64,
        20.5,
        !n.is_multiple_of(7)
    )
}

fn decoders(criterion: &mut Criterion) {
    let registry = levada_source::register(Registry::new());
    let context = BuildContext::new("bench", "in");
    let csv_options = json!({"columns": ["device", "time", "temperature", "running"]});
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(RECORDS as u64));
    for (name, decoder, options, record) in [
        ("json flat", "json", json!({}), flat as fn(usize) -> String),
        ("json event map", "json", json!({}), event),
        ("csv", "csv", csv_options, csv),
    ] {
        let component = registry.get(ComponentKind::Decoder, decoder).expect("registered");
        let mut decoder = component.decoder(options, &context).expect("options that work").make();
        let records: Vec<_> = (0..RECORDS).map(record).collect();
        let mut rows = BatchBuilder::new();
        rows.split(&"in/0".into());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (at, record) in records.iter().enumerate() {
                    rows.record(record.as_bytes(), at as u64);
                    decoder.decode(record.as_bytes(), &mut rows).expect("well formed");
                }
                rows.finish(Vec::new())
            });
        });
    }
    group.finish();
}

fn builder(criterion: &mut Criterion) {
    let devices: Vec<_> = (0..100).map(|n| format!("root.plant.line1.d{n:03}")).collect();
    let mut rows = BatchBuilder::new();
    let mut group = criterion.benchmark_group("builder");
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("three fields", |bencher| {
        bencher.iter(|| {
            for n in 0..RECORDS {
                rows.record(&[b'x'; 120], n as u64);
                let value = n as f64;
                let fields = [
                    ("temperature", FieldValue::Double(value)),
                    ("pressure", FieldValue::Double(value)),
                    ("running", FieldValue::Boolean(!n.is_multiple_of(7))),
                ];
                rows.row(&devices[n % 100], n as i64, &fields).expect("legal names");
            }
            rows.finish(Vec::new())
        });
    });
    group.finish();
}

criterion_group!(benches, decoders, builder);
criterion_main!(benches);
