//! The store in memory behaves as a store does.

use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array};
use levada_connector_api::model::{
    Column, Compressor, DataType, Encoding, Path, PathPattern, Series, SeriesSchema, Tablet, Write,
};

use super::*;
use crate::numbered;

fn write(from: u64, to: u64) -> Write {
    let batch = numbered("s", from..to, 2);
    Write {
        tablets: batch.readings.into_iter().map(|each| each.tablet).collect(),
        coerce: true,
        owner: Some("p/n".into()),
        positions: batch.positions,
        ..Write::default()
    }
}

fn series(device: &str, measurement: &str, data_type: DataType) -> Series {
    let schema = SeriesSchema { data_type, encoding: Encoding::Plain, compressor: Compressor::Lz4 };
    let device = Path::parse(device).expect("legal");
    Series { device, aligned: false, measurement: measurement.into(), schema }
}

#[tokio::test]
async fn rows_and_positions_are_stored_together_or_not_at_all() {
    let store = SimulatedStore::embedded();
    let session = store.session();
    session.insert_tablets(write(0, 10)).await.expect("stored");
    store.fail_next_write(StatusCode::STORAGE_ENGINE_ERROR, false);
    assert!(session.insert_tablets(write(10, 20)).await.expect_err("injected").transient);
    assert_eq!((store.rows().len(), store.stored("p/n").get(&"s".into())), (10, Some(&10)));
    store.fail_next_write(StatusCode::WRITE_PROCESS_REJECT, true);
    session.insert_tablets(write(10, 20)).await.expect_err("injected");
    assert_eq!((store.rows().len(), store.stored("p/n").get(&"s".into())), (20, Some(&20)));
}

#[tokio::test]
async fn a_value_that_would_change_is_rejected_alone() {
    let store = SimulatedStore::remote();
    let session = store.session();
    let created = session.create_series(&[series("root.d", "s", DataType::Int32)]).await;
    assert!(created.expect("created").is_empty());
    let values = Column {
        name: "s".into(),
        data_type: DataType::Double,
        values: Arc::new(Float64Array::from(vec![21.0, 21.5])),
    };
    let other = Column {
        name: "t".into(),
        data_type: DataType::Int64,
        values: Arc::new(Int64Array::from(vec![1, 2])),
    };
    let device = Path::parse("root.d").expect("legal");
    let tablet =
        Tablet::try_new(device, false, Int64Array::from(vec![1, 2]), vec![values, other]).expect("fits");
    let report =
        session.insert_tablets(Write { tablets: vec![tablet], coerce: true, ..Write::default() }).await;
    let rejected = report.expect("taken").rejected;
    assert_eq!(
        (rejected.len(), rejected[0].rows.as_deref(), rejected[0].measurement.as_deref()),
        (1, Some(&[1][..]), Some("s"))
    );
    assert_eq!(store.values("root.d", "s").into_iter().collect::<Vec<_>>(), [(1, Value::Int32(21))]);
    assert_eq!(store.values("root.d", "t").len(), 2);
}

#[tokio::test]
async fn calls_answer_with_the_codes_of_the_real_thing() {
    let session = SimulatedStore::remote().session();
    let create = async |database: &str| {
        let created = session.create_database(&Path::parse(database).expect("legal")).await;
        created.map_err(|error| error.code)
    };
    assert_eq!(create("root.a.b").await, Ok(()));
    assert_eq!(create("root.a.b").await, Ok(()));
    assert_eq!(create("root.a.b.c").await, Ok(()));
    assert_eq!(create("root.a").await, Err(StatusCode::DATABASE_CONFLICT));
    let first = series("root.a.b.d", "s", DataType::Double);
    let again = series("root.a.b.d", "s", DataType::Int32);
    assert!(session.create_series(&[first.clone(), again]).await.expect("created").is_empty());
    let found = session.find_series(&PathPattern::parse("root.a.**").expect("legal")).await;
    assert_eq!(found.expect("found"), [first]);
    let code = session.execute("select what").await.map(drop).map_err(|error| error.code);
    assert_eq!(code, Err(StatusCode::SQL_PARSE_ERROR));
}

#[tokio::test]
async fn a_closed_session_rejects() {
    let store = SimulatedStore::embedded();
    let session = store.session();
    session.close().await.expect("closes");
    session.close().await.expect("closes");
    assert_eq!(store.open_sessions(), 0);
    assert_eq!(
        session.execute("show databases").await.map(drop).map_err(|error| error.code),
        Err(StatusCode::NOT_LOGIN)
    );
}
