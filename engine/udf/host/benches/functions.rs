//! How many rows a second functions work on, natively and from a module: `cargo bench -p levada-udf-host`.

use std::{hint::black_box, sync::Arc};

use arrow_array::{ArrayRef, Int32Array, Int64Array};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use levada_model::DataType;
use levada_udf::{UdfFactory, UdfLimits, UdfLoader, UdtfRun, parameters, udtf};
use levada_udf_host::{HostOptions, UdfHost};

#[allow(dead_code, reason = "not all are measured")]
#[path = "../../tests/it/functions.rs"]
mod functions;

use functions::{Adder, Counter, Max};

/// Rows of an iteration, and of a batch.
const ROWS: usize = 1 << 20;
const BATCH: usize = 4096;

/// One call over all rows; how many points it gave.
fn whole(
    factory: &dyn UdfFactory,
    data_type: DataType,
    columns: &[ArrayRef],
    attributes: &[(&str, &str)],
) -> usize {
    let inputs = columns.iter().map(|_| ("s".to_owned(), data_type));
    let attributes = attributes.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
    let mut run =
        UdtfRun::open("f", factory, parameters(inputs, attributes), UdfLimits::default()).expect("it starts");
    let mut given = 0;
    for from in (0..ROWS).step_by(BATCH) {
        let times: Vec<i64> = (from as i64..(from + BATCH) as i64).collect();
        run.push(times.into(), columns.to_vec()).expect("they fit");
        while let Some(points) = run.next().expect("it runs") {
            given += points.len();
        }
    }
    run.end();
    while let Some(points) = run.next().expect("it runs") {
        given += points.len();
    }
    given
}

fn bench(criterion: &mut Criterion) {
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/modules/functions.wasm");
    let host = UdfHost::new(HostOptions::default()).expect("this machine runs WASM");
    let loaded = host.load(module.as_ref()).expect("the module is committed");
    let of_id = |id: &str| Arc::clone(loaded.iter().find(|each| each.id() == id).expect("it has it"));
    let long: ArrayRef = Arc::new(Int64Array::from_iter_values(0..BATCH as i64));
    let int: ArrayRef = Arc::new(Int32Array::from_iter_values(0..BATCH as i32));
    let windows = [("time_interval", "1000")];
    let cases = [
        (
            "adder",
            udtf("adder", Adder::default),
            of_id("test.Adder"),
            DataType::Int64,
            vec![long.clone(), long.clone()],
            &[][..],
        ),
        (
            "counter",
            udtf("counter", Counter::default),
            of_id("test.Counter"),
            DataType::Int64,
            vec![long],
            &windows[..],
        ),
        ("max", udtf("max", Max::default), of_id("test.Max"), DataType::Int32, vec![int], &[][..]),
    ];
    let mut group = criterion.benchmark_group("functions");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(20);
    for (name, native, module, data_type, columns, attributes) in cases {
        for (kind, factory) in [("native", native), ("module", module)] {
            group.bench_function(format!("{name}/{kind}"), |bencher| {
                bencher.iter(|| whole(&*factory, data_type, black_box(&columns), attributes));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
