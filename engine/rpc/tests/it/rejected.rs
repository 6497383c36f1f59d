//! Rows that a server rejects are found, reported with its message, and hold up nothing else.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array};
use levada_model::{DataType, RejectedRows, Session, StatusCode, Value};

use crate::{
    pool::{numbers, pool, tablet, write},
    server::{Server, Trouble},
};

/// Tablet, rows, measurement and code.
type Told<'a> = (usize, Option<Vec<u32>>, Option<&'a str>, i32);

fn told(rejected: &[RejectedRows]) -> Vec<Told<'_>> {
    rejected
        .iter()
        .map(|each| (each.tablet, each.rows.clone(), each.measurement.as_deref(), each.code.0))
        .collect()
}

#[tokio::test]
async fn rows_that_a_server_rejects_are_found_one_by_one() {
    let server = Server::start().await;
    server.state.lock().reject = Some(Arc::new(|device, _, time| {
        (device == "root.d1" && time < 4).then(|| (607, "The ttl is over".to_owned()))
    }));
    let pool = pool(&[&server]);
    let tablets = (0..3).map(|device| numbers(&format!("root.d{device}"), 0, 10)).collect();
    let report = pool.insert_tablets(write(tablets)).await.expect("written");
    let mut rows: Vec<u32> = Vec::new();
    for each in &report.rejected {
        assert_eq!((each.tablet, each.code), (1, StatusCode::OUT_OF_TTL));
        assert!(each.message.contains("The ttl is over"), "{}", each.message);
        rows.extend(each.rows.as_ref().expect("some rows"));
    }
    rows.sort_unstable();
    assert_eq!(rows, [0, 1, 2, 3]);
    for (device, count) in [("root.d0", 10), ("root.d1", 6), ("root.d2", 10)] {
        assert_eq!(server.values(device, "n").len(), count, "{device}");
    }
}

#[tokio::test]
async fn a_measurement_that_may_not_be_written_does_not_hold_up_the_others() {
    let server = Server::start().await;
    server.state.lock().reject =
        Some(Arc::new(|_, measurement, _| (measurement == "b").then(|| (803, "No permissions".to_owned()))));
    let pool = pool(&[&server]);
    let column = || -> ArrayRef { Arc::new(Int64Array::from(vec![1, 2, 3])) };
    let columns = ["a", "b", "c"].map(|name| (name, DataType::Int64, column())).to_vec();
    let report =
        pool.insert_tablets(write(vec![tablet("root.d", vec![3, 2, 1], columns)])).await.expect("written");
    assert_eq!(told(&report.rejected), [(0, None, Some("b"), 803)]);
    assert_eq!((server.values("root.d", "a").len(), server.values("root.d", "c").len()), (3, 3));
}

#[tokio::test]
async fn the_types_of_series_are_asked_for_once_for_each_device() {
    let server = Server::start().await;
    server.create("root.d", "n", DataType::Int32);
    let pool = pool(&[&server]);
    let values = |first: f64| -> ArrayRef { Arc::new(Float64Array::from(vec![first, 2.5, 3.0])) };
    for first in [1.0, 7.0, 9.0] {
        let written = tablet("root.d", vec![1, 2, 3], vec![("n", DataType::Double, values(first))]);
        let report = pool.insert_tablets(write(vec![written])).await.expect("written");
        assert_eq!(told(&report.rejected), [(0, Some(vec![1]), Some("n"), 614)]);
    }
    assert_eq!(server.values("root.d", "n")[&1], Value::Int32(9));
    assert_eq!(server.values("root.d", "n").len(), 2);
    let asked = server.state.lock().statements.clone();
    assert_eq!(asked, ["show timeseries root.d.*"]);
}

#[tokio::test]
async fn without_leave_to_convert_a_value_of_another_type_is_rejected_in_the_servers_words() {
    let server = Server::start().await;
    server.create("root.d", "n", DataType::Int32);
    let mut write = write(vec![numbers("root.d", 0, 2)]);
    write.coerce = false;
    let report = pool(&[&server]).insert_tablets(write).await.expect("written");
    assert_eq!(told(&report.rejected), [(0, None, None, 614)]);
    assert!(report.rejected[0].message.contains("registered type INT32"), "{}", report.rejected[0].message);
}

#[tokio::test]
async fn what_passes_is_an_error_that_is_transient_and_rejects_nothing() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    for code in [600, 602, 606, 611] {
        server.trouble.send_replace(Trouble::Rejects(code));
        let error = pool.insert_tablets(write(vec![numbers("root.d", 0, 2)])).await.expect_err("rejected");
        assert_eq!((error.code.0, error.transient), (code, true));
        server.trouble.send_replace(Trouble::None);
        let report = pool.insert_tablets(write(vec![numbers("root.d", 0, 2)])).await.expect("written");
        assert!(report.rejected.is_empty());
    }
}

#[tokio::test]
async fn a_column_of_another_type_behind_another_error_is_sent_again_alone() {
    let server = Server::start().await;
    server.create("root.d", "n", DataType::Int32);
    server.create("root.d", "m", DataType::Int32);
    server.state.lock().reject =
        Some(Arc::new(|_, measurement, _| (measurement == "b").then(|| (803, "No permissions".to_owned()))));
    let pool = pool(&[&server]);
    let values = || -> ArrayRef { Arc::new(Float64Array::from(vec![1.0, 2.5, 3.0])) };
    // The server tells of the last that does not fit.
    let columns = ["a", "n", "m", "b", "z"].map(|name| (name, DataType::Double, values())).to_vec();
    let report =
        pool.insert_tablets(write(vec![tablet("root.d", vec![1, 2, 3], columns)])).await.expect("written");
    let mut told = told(&report.rejected);
    told.sort_by_key(|each| each.2);
    // Each once: the value that cannot be converted, and what may not be written.
    assert_eq!(
        told,
        [(0, None, Some("b"), 803), (0, Some(vec![1]), Some("m"), 614), (0, Some(vec![1]), Some("n"), 614)]
    );
    for (name, count) in [("a", 3), ("n", 2), ("m", 2), ("z", 3)] {
        assert_eq!(server.values("root.d", name).len(), count, "{name}");
    }
    // All at once, each column, and each of another type once more.
    assert_eq!(server.state.lock().attempts, 1 + 5 + 2);
}
