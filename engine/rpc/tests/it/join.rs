//! Tablets of a device that come in one write are sent as one, and nobody can tell from what is stored or rejected.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow_array::{Array, ArrayRef, BinaryArray, Float64Array, Int64Array, StringArray};
use levada_model::{DataType, RejectedRows, Session, Tablet, Value};
use levada_rpc::{Pool, PoolOptions};
use proptest::{prelude::*, test_runner::RngSeed};

use crate::{
    pool::{numbers, options, pool, tablet, write},
    server::Server,
};

fn ints(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

#[tokio::test]
async fn a_trickle_of_small_tablets_arrives_as_one_tablet_of_each_device() {
    for version in ["2.0.1-beta", "0.12.0"] {
        let server = Server::of_version(version).await;
        let pool = Pool::new(PoolOptions { sessions: 1, ..options(&[&server]) });
        let device = |at: i64| format!("root.d{}", at % 4);
        let tablets = (0..400).map(|at| numbers(&device(at), at * 2, 2)).collect();
        let report = pool.insert_tablets(write(tablets)).await.expect("written");
        assert!(report.rejected.is_empty());
        assert_eq!(server.state.lock().requests, [4], "{version}");
        for at in 0..4 {
            assert_eq!(server.values(&device(at), "n").len(), 200, "{version}");
        }
    }
}

#[tokio::test]
async fn tablets_with_other_measurements_are_joined_unless_too_much_would_be_null() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    let one =
        |name: &str, time| tablet("root.d", vec![time], vec![(name, DataType::Int64, ints(&[Some(time)]))]);
    let tablets = (0..60).map(|time| one(["a", "b", "c"][time as usize % 3], time)).collect();
    pool.insert_tablets(write(tablets)).await.expect("written");
    assert_eq!(std::mem::take(&mut server.state.lock().requests), [1]);
    for name in ["a", "b", "c"] {
        assert_eq!(server.values("root.d", name).len(), 20);
    }
    let many = |name: &str| {
        let times: Vec<_> = (0..1_000).collect();
        let values = times.iter().map(|time| Some(*time)).collect::<Vec<_>>();
        tablet("root.e", times, vec![(name, DataType::Int64, ints(&values))])
    };
    let names: Vec<_> = (0..12).map(|at| format!("n{at}")).collect();
    pool.insert_tablets(write(names.iter().map(|name| many(name)).collect())).await.expect("written");
    assert_eq!(server.state.lock().requests, [1; 3], "four of twelve at a time");
}

#[tokio::test]
async fn of_values_at_the_same_time_in_several_tablets_the_last_counts() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    let tablets = vec![
        tablet("root.d", vec![1, 2], vec![("n", DataType::Int64, ints(&[Some(1), Some(2)]))]),
        tablet("root.d", vec![2, 1], vec![("n", DataType::Int64, ints(&[Some(20), None]))]),
        tablet("root.d", vec![2], vec![("m", DataType::Int64, ints(&[Some(7)]))]),
        // Of another type: it is sent after those before it.
        tablet("root.d", vec![1], vec![("n", DataType::Double, Arc::new(Float64Array::from(vec![10.0])))]),
    ];
    let report = pool.insert_tablets(write(tablets)).await.expect("written");
    assert!(report.rejected.is_empty(), "{:?}", report.rejected);
    let stored = BTreeMap::from([(1, Value::Int64(10)), (2, Value::Int64(20))]);
    assert_eq!(server.values("root.d", "n"), stored);
    assert_eq!(server.values("root.d", "m"), BTreeMap::from([(2, Value::Int64(7))]));
}

#[tokio::test]
async fn rejected_rows_are_told_of_the_tablets_they_came_in() {
    let server = Server::start().await;
    server.state.lock().reject = Some(Arc::new(|_, measurement, time| match measurement {
        "b" => Some((803, "No permissions".to_owned())),
        _ => (time == 21).then(|| (607, "too old".to_owned())),
    }));
    let pool = pool(&[&server]);
    let tablets = vec![
        numbers("root.d", 10, 2),
        numbers("root.e", 21, 1),
        numbers("root.d", 20, 3),
        tablet(
            "root.d",
            vec![30, 31],
            vec![
                ("b", DataType::Int64, ints(&[None, Some(1)])),
                ("n", DataType::Int64, ints(&[Some(1), Some(2)])),
            ],
        ),
        tablet("root.d", vec![40], vec![("b", DataType::Int64, ints(&[Some(3)]))]),
    ];
    let report = pool.insert_tablets(write(tablets)).await.expect("written");
    let mut told: Vec<_> = report
        .rejected
        .iter()
        .map(|each| (each.tablet, each.rows.clone(), each.measurement.as_deref(), each.code.0))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            (1, None, None, 607),
            (2, Some(vec![1]), Some("n"), 607),
            (3, Some(vec![1]), Some("b"), 803),
            (4, None, Some("b"), 803),
        ]
    );
    assert_eq!(server.values("root.d", "n").keys().copied().collect::<Vec<_>>(), [10, 11, 20, 22, 30, 31]);
}

/// A value for each row, or none, of a type or as it was written.
#[derive(Clone, Debug)]
enum Drawn {
    Ints(Vec<Option<i64>>),
    Doubles(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
    Written(Vec<Option<&'static str>>),
}

impl Drawn {
    fn array(&self) -> (DataType, ArrayRef) {
        match self {
            Self::Ints(values) => (DataType::Int64, ints(values)),
            Self::Doubles(values) => (DataType::Double, Arc::new(Float64Array::from(values.clone()))),
            Self::Texts(values) => (DataType::Text, Arc::new(StringArray::from(values.clone()))),
            Self::Written(values) => {
                let values = values.iter().map(|value| value.map(str::as_bytes));
                (DataType::Double, Arc::new(values.collect::<BinaryArray>()))
            }
        }
    }
}

fn drawn(rows: usize) -> impl Strategy<Value = Drawn> {
    let some = |each: BoxedStrategy<_>| prop::collection::vec(each, rows);
    prop_oneof![
        4 => some(prop::option::of(-9..9i64).boxed()).prop_map(Drawn::Ints),
        2 => prop::collection::vec(prop::option::of((-9..9i32).prop_map(|n| f64::from(n) / 2.0)), rows).prop_map(Drawn::Doubles),
        1 => prop::collection::vec(prop::option::of("[0-9a]{1,2}"), rows).prop_map(Drawn::Texts),
        2 => prop::collection::vec(prop::option::of(prop::sample::select(vec!["n1", "n2.5", "n-7", "ton", "btrue"])), rows).prop_map(Drawn::Written),
    ]
}

fn tablets() -> impl Strategy<Value = Vec<Tablet>> {
    let one = (1..4usize).prop_flat_map(|rows| {
        let names = prop::sample::subsequence(vec!["a", "b", "c", "d"], 1..=4);
        let columns = names.prop_flat_map(move |names| {
            let values: Vec<_> = names.iter().map(|_| drawn(rows)).collect();
            (Just(names), values)
        });
        (0..3u8, prop::bool::weighted(0.1), prop::collection::vec(0..12i64, rows), columns)
    });
    let made = one.prop_map(|(device, aligned, times, (names, values))| {
        let columns = names.into_iter().zip(&values).map(|(name, values)| {
            let (data_type, values) = values.array();
            (name, data_type, values)
        });
        tablet(&format!("root.d{device}"), times, columns.collect()).with_aligned(aligned)
    });
    prop::collection::vec(made, 1..24)
}

/// Each value that was rejected: tablet, row, measurement.
fn values(tablets: &[Tablet], rejected: &[RejectedRows]) -> BTreeSet<(usize, usize, String)> {
    let mut all = BTreeSet::new();
    for each in rejected {
        let tablet = &tablets[each.tablet];
        let rows = each.rows.clone().unwrap_or_else(|| (0..tablet.rows() as u32).collect());
        let columns = tablet.columns().iter();
        for column in
            columns.filter(|column| each.measurement.as_ref().is_none_or(|name| *name == column.name))
        {
            let rows = rows.iter().map(|row| *row as usize).filter(|row| column.values.is_valid(*row));
            all.extend(rows.map(|row| (each.tablet, row, column.name.to_string())));
        }
    }
    all
}

async fn server_that_rejects(version: &str) -> Server {
    let server = Server::of_version(version).await;
    server.create("root.d0", "a", DataType::Int32);
    server.create("root.d0", "b", DataType::Boolean);
    server.create("root.d1", "c", DataType::Double);
    server.state.lock().reject = Some(Arc::new(|device, measurement, time| match (device, measurement) {
        (_, "d") if time < 3 => Some((607, "too old".to_owned())),
        ("root.d1", "b") => Some((803, "No permissions".to_owned())),
        _ => None,
    }));
    server
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, rng_seed: RngSeed::Fixed(96), ..ProptestConfig::default() })]

    #[test]
    fn a_write_stores_and_rejects_what_its_tablets_do_one_after_the_other(
        tablets in tablets(),
        version in prop::sample::select(vec!["2.0.1-beta", "0.12.0"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (at_once, apart) = (server_that_rejects(version).await, server_that_rejects(version).await);
            let report = pool(&[&at_once]).insert_tablets(write(tablets.clone())).await.expect("written");
            let one_by_one = pool(&[&apart]);
            let mut rejected = Vec::new();
            for (index, tablet) in tablets.iter().enumerate() {
                let report = one_by_one.insert_tablets(write(vec![tablet.clone()])).await.expect("written");
                rejected.extend(report.rejected.into_iter().map(|each| RejectedRows { tablet: index, ..each }));
            }
            assert_eq!(at_once.state.lock().series, apart.state.lock().series);
            assert_eq!(values(&tablets, &report.rejected), values(&tablets, &rejected));
        });
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_converted_to_the_type_that_the_write_itself_gave_the_series() {
    let server = Server::start().await;
    let text: ArrayRef = Arc::new(StringArray::from(vec!["on"]));
    let written = |value: &'static str| -> ArrayRef { Arc::new(BinaryArray::from(vec![value.as_bytes()])) };
    let tablets = vec![
        tablet("root.d", vec![1], vec![("a", DataType::Text, text)]),
        tablet("root.d", vec![2], vec![("b", DataType::Double, written("toff"))]),
        tablet("root.d", vec![3], vec![("a", DataType::Double, written("btrue"))]),
    ];
    let report = pool(&[&server]).insert_tablets(write(tablets)).await.expect("written");
    assert_eq!(report.rejected.iter().map(|each| each.tablet).collect::<Vec<_>>(), [1]);
    assert_eq!(server.values("root.d", "a")[&3], Value::Text("true".to_owned()));
}
