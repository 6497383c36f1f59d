//! What a session promises, embedded and over a connection alike: series that are created and found, and their rows.

use std::sync::Arc;

use futures::StreamExt;
use levada_model::{
    Compressor, DataType, Device, Encoding, Path, PathPattern, Series, SeriesSchema, Session, StatusCode,
};
use levada_rpc::{ClientOptions, Pool, PoolOptions};

use crate::peer::{Served, serve};

fn path(text: &str) -> Path {
    Path::parse(text).expect("a path")
}

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).expect("a pattern")
}

fn series(device: &str, measurement: &str, data_type: DataType, aligned: bool) -> Series {
    let schema = SeriesSchema {
        encoding: Encoding::Plain,
        compressor: Compressor::Zstd,
        ..SeriesSchema::default_for(data_type)
    };
    Series { device: path(device), aligned, measurement: measurement.into(), schema }
}

/// Both kinds of session with the same store.
fn sessions(served: &Served) -> [Arc<dyn Session>; 2] {
    let options = PoolOptions::new(vec![served.address.clone()], ClientOptions::default());
    [Arc::new(served.engine.session(None).expect("UTC")), Arc::new(Pool::new(options))]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_created_is_found_as_it_was_wanted() {
    for remote in [false, true] {
        let served = serve().await;
        let session = &sessions(&served)[usize::from(remote)];
        for _ in 0..2 {
            session.create_database(&path("root.plant")).await.expect("one that exists is fine");
        }
        session.create_database(&path("root.plant.hall")).await.expect("it lies within one");
        session.create_database(&path("root.far.off")).await.expect("created");
        let above = session.create_database(&path("root.far")).await.expect_err("a conflict");
        assert_eq!(above.code, StatusCode::DATABASE_CONFLICT, "{above}");

        let wanted = [
            series("root.plant.a", "t", DataType::Double, true),
            series("root.plant.a", "u", DataType::Int32, true),
            series("root.plant.b", "`a.b`", DataType::Text, false),
            series("root.plant.b", "time", DataType::Int64, false),
        ];
        for _ in 0..2 {
            assert!(session.create_series(&wanted).await.expect("created").is_empty());
        }
        assert_eq!(session.find_series(&pattern("root.plant.**")).await.expect("found"), wanted);
        assert_eq!(session.find_series(&pattern("root.**.u")).await.expect("found"), wanted[1..2]);
        assert_eq!(session.find_series(&pattern("root.plant.b.`a.b`")).await.expect("found"), wanted[2..3]);
        assert_eq!(session.find_series(&pattern("root.plant.c.*")).await.expect("none"), []);
        let devices = [(path("root.plant.a"), true), (path("root.plant.b"), false)];
        let devices = devices.map(|(path, aligned)| Device { path, aligned });
        assert_eq!(session.find_devices(&pattern("root.plant.*")).await.expect("found"), devices);
        assert_eq!(session.find_devices(&pattern("root.plant.b")).await.expect("found"), devices[1..]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn series_that_exist_stay_and_one_that_cannot_be_is_told_alone() {
    for remote in [false, true] {
        let served = serve().await;
        let session = &sessions(&served)[usize::from(remote)];
        let before = series("root.plant.a", "t", DataType::Double, true);
        assert!(session.create_series(std::slice::from_ref(&before)).await.expect("created").is_empty());
        let unfit = Series {
            schema: SeriesSchema { encoding: Encoding::Gorilla, ..SeriesSchema::default_for(DataType::Text) },
            ..series("root.plant.b", "unfit", DataType::Text, false)
        };
        let wanted = [
            series("root.plant.a", "t", DataType::Text, false),
            series("root.plant.a", "new", DataType::Int32, false),
            series("root.plant.b", "fit", DataType::Int32, false),
            unfit,
        ];
        let failed = session.create_series(&wanted).await.expect("what can be is created");
        let failed: Vec<_> = failed.iter().map(|(at, error)| (*at, error.transient)).collect();
        assert_eq!(failed, [(3, false)]);
        let found = session.find_series(&pattern("root.**")).await.expect("found");
        // A new series is aligned where its device is.
        let new = Series { aligned: true, ..wanted[1].clone() };
        assert_eq!(found, [new, before, wanted[2].clone()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_device_come_by_the_names_of_its_series_whatever_they_are() {
    let served = serve().await;
    let sessions = sessions(&served);
    let names = ["time", "a.b", "s", "root", "1d"].map(levada_model::quote_node);
    let wanted: Vec<Series> =
        names.iter().map(|name| series("root.plant.odd", name, DataType::Int32, false)).collect();
    let failed = sessions[0].create_series(&wanted).await.expect("created");
    assert!(failed.is_empty(), "{failed:?}");
    let sql = "insert into root.plant.odd(time, `time`, `a.b`, s, `root`, `1d`) values (5, 1, 2, 3, 4, 5), (6, 1, 2, 3, 4, null)";
    sessions[0].execute(sql).await.expect("stored");
    let asked: Vec<_> =
        wanted.iter().map(|series| (Arc::clone(&series.measurement), series.schema)).collect();
    for session in &sessions {
        let rows = session.rows_of(&path("root.plant.odd"), &asked).await.expect("rows");
        assert!(rows.has_time);
        let columns: Vec<_> = rows.columns.iter().map(|column| column.name.clone()).collect();
        assert_eq!(columns, names);
        let batches: Vec<_> = rows.batches.map(|batch| batch.expect("rows")).collect().await;
        assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);
        let nulls: Vec<usize> = batches[0].columns().iter().map(|column| column.null_count()).collect();
        assert_eq!(nulls, [0, 0, 0, 0, 0, 1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn series_that_did_not_come_are_gone_or_not_to_be_read() {
    let served = serve().await;
    let [own, pool] = sessions(&served);
    own.execute("insert into root.plant.d(time, s) values (1, 2)").await.expect("stored");
    let schema = SeriesSchema::default_for(DataType::Double);
    let asked = [("s".into(), schema), ("gone".into(), schema)];
    let error = pool.rows_of(&path("root.plant.d"), &asked).await.map(|_| ()).expect_err("one is missing");
    assert_eq!(error.code, StatusCode::PATH_NOT_EXIST);
    assert!(error.message.contains("some are gone, or the user may not read them (READ_DATA)"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_told_apart_from_series_and_are_read_as_such() {
    let served = serve().await;
    let sessions = sessions(&served);
    for sql in [
        "create timeseries root.plant.a.t INT32",
        "insert into root.plant.a(time, t) values (1, 10), (2, 20)",
        "create view root.plant.v.same as root.plant.a.t",
        "create view root.plant.v.double as select t * 2 from root.plant.a",
    ] {
        sessions[0].execute(sql).await.expect(sql);
    }
    for session in &sessions {
        let found = session.find_series(&pattern("root.plant.**")).await.expect("series");
        assert_eq!(
            found.iter().map(|series| series.path().to_string()).collect::<Vec<_>>(),
            ["root.plant.a.t"]
        );
        let views = session.find_views(&pattern("root.plant.**")).await.expect("views");
        let told: Vec<_> =
            views.iter().map(|view| (view.path().to_string(), view.schema.data_type)).collect();
        let (double, same) = ("root.plant.v.double".to_owned(), "root.plant.v.same".to_owned());
        assert_eq!(told, [(double, DataType::Double), (same, DataType::Int32)]);
        assert_eq!(session.find_views(&pattern("root.plant.a.**")).await.expect("none"), []);
        let asked: Vec<_> = views.iter().map(|view| (Arc::clone(&view.measurement), view.schema)).collect();
        let rows = session.rows_of(&path("root.plant.v"), &asked).await.expect("rows");
        let batches: Vec<_> = rows.batches.map(|batch| batch.expect("rows")).collect().await;
        let doubles = batches.iter().flat_map(|batch| {
            (0..batch.num_rows())
                .filter_map(|row| levada_model::Value::at(batch.column(1), DataType::Double, row))
        });
        assert_eq!(doubles.map(|value| value.to_string()).collect::<Vec<_>>(), ["20.0", "40.0"]);
    }
}
