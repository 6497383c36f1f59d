//! Logical views: what is kept of them, and where their rows go.

use std::sync::Arc;

use levada_model::{DataType, SeriesSchema};
use levada_storage::{ChangeKind, ChangesFrom, LogicalView, Storage, StorageError, StorageOptions, ViewBase};

use crate::{
    fault_disk::FaultDisk,
    rows::{options, path, pattern, put, series, tablet, write},
};

/// A view of a series, or of something that is computed from it.
fn view(text: &str, base: &str, source: &str) -> LogicalView {
    let (device, measurement) =
        path(text).split_last().map(|(device, name)| (device, name.into())).expect("both");
    let (base_device, base_name) =
        path(base).split_last().map(|(device, name)| (device, name.into())).expect("both");
    LogicalView {
        device,
        measurement,
        source: source.into(),
        bases: vec![ViewBase { device: base_device, measurement: base_name, data_type: DataType::Double }],
        is_alias: base == source,
        data_type: DataType::Double,
        tags: [("unit".to_owned(), "c".to_owned())].into(),
        attributes: [("who".to_owned(), "amy".to_owned())].into(),
    }
}

fn open(disk: &FaultDisk) -> (Storage, StorageOptions) {
    let options = StorageOptions { disk: Arc::new(disk.clone()), ..options("/data".as_ref()) };
    let storage = Storage::open(options.clone()).expect("opens");
    put(&storage, "root.a.d", &[1, 2], &[1.0, 2.0]);
    let views = vec![
        view("root.v.d.s", "root.a.d.s", "root.a.d.s"),
        view("root.v.d.twice", "root.a.d.s", "root.a.d.s * 2"),
    ];
    storage.create_views(views).expect("made");
    (storage, options)
}

fn told(storage: &Storage) -> Vec<LogicalView> {
    storage.catalog().views().all().map(|view| view.as_ref().clone()).collect()
}

fn code<T: std::fmt::Debug>(result: Result<T, StorageError>) -> i32 {
    result.expect_err("rejected").code().0
}

#[test]
fn views_are_kept_over_restarts() {
    let disk = FaultDisk::default();
    let (storage, options) = open(&disk);
    let before = told(&storage);
    assert_eq!(before.len(), 2);
    // From the log, from the manifest, and from a manifest that was written anew.
    drop(storage);
    let mut storage = Storage::open(options.clone()).expect("opens again");
    assert_eq!(told(&storage), before);
    for _ in 0..2 {
        storage.flush(&[]).expect("flushes");
        storage.close().expect("closes");
        storage = Storage::open(options.clone()).expect("opens again");
        assert_eq!(told(&storage), before);
        assert_eq!(storage.stats().series, 1, "a view is no series");
    }
    storage.rename_view(&path("root.v.d.twice"), &path("root.v.e.double")).expect("renamed");
    assert_eq!(storage.drop_views(&[pattern("root.v.d.*")]).expect("dropped").count, 1);
    drop(storage);
    let storage = Storage::open(options.clone()).expect("opens again");
    let names: Vec<_> = told(&storage).iter().map(|view| view.path().to_string()).collect();
    assert_eq!(names, ["root.v.e.double"]);
    storage.delete_databases(&[pattern("root.v")]).expect("deleted");
    assert_eq!(told(&storage), []);
    drop(storage);
    assert_eq!(levada_storage::check(&options).expect("read"), []);
}

#[test]
fn rows_of_another_name_are_stored_and_told_once_by_the_series_own() {
    let disk = FaultDisk::default();
    let (storage, _) = open(&disk);
    let mut changes = storage.changes(None, ChangesFrom::Now).expect("begins");
    put(&storage, "root.v.d", &[3], &[3.0]);
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0), (2, 2.0), (3, 3.0)]);
    // One tablet with a view, a series of the view's device that is new, and a computed view.
    let rows = tablet("root.v.d", false, &[4], &["s", "own", "twice"].map(|name| (name, &[Some(4.0)][..])));
    let inserted = storage.insert(write(vec![rows])).expect("taken");
    inserted.durable.wait().expect("durable");
    let rejected: Vec<_> =
        inserted.report.rejected.iter().map(|each| (each.tablet, each.measurement.as_deref())).collect();
    assert_eq!(rejected, [(0, Some("twice"))]);
    storage.create_views(vec![view("root.v.more.s", "root.a.d.s", "root.a.d.s")]).expect("made");
    let mut told = Vec::new();
    for change in changes.read(usize::MAX).expect("read") {
        match change.kind {
            ChangeKind::Rows { tablets, .. } => {
                told.extend(
                    tablets.iter().map(|tablet| (tablet.device().to_string(), tablet.times().value(0))),
                );
            }
            ChangeKind::CreateSeries(series) => {
                assert!(series.iter().all(|series| *series.measurement == *"own"), "{series:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    let own = |device: &str, time| (device.to_owned(), time);
    assert_eq!(told, [own("root.a.d", 3), own("root.a.d", 4), own("root.v.d", 4)]);
}

#[test]
fn a_template_and_a_view_do_not_have_the_same_series_whichever_comes_first() {
    let disk = FaultDisk::default();
    let (storage, _) = open(&disk);
    let alias = |name: &str| view(name, "root.a.d.s", "root.a.d.s");
    let template = [("s".into(), SeriesSchema::default_for(DataType::Double))];
    storage.create_template("t", false, &template).expect("made");
    // The view first: at the path, below it, above it.
    for (at, expected) in [("root.v", 516), ("root.v.d", 516), ("root.v.d.s", 506), ("root.v.d.s.deep", 506)]
    {
        assert_eq!(code(storage.set_template("t", &path(at))), expected, "{at}");
    }
    storage.drop_views(&[pattern("root.v.d.*")]).expect("dropped");
    // The template first, the device not there yet.
    storage.set_template("t", &path("root.v.d")).expect("set");
    for name in ["root.v.d.s", "root.v.d.other", "root.v.d.e.s"] {
        assert_eq!(code(storage.create_views(vec![alias(name)])), 516, "{name}");
    }
    assert_eq!(code(storage.create_views(vec![alias("root.v.d")])), 506);
    storage.create_views(vec![alias("root.v.e.s")]).expect("beside it");
    assert_eq!(code(storage.rename_view(&path("root.v.e.s"), &path("root.v.d.s"))), 516);
    put(&storage, "root.v.d", &[7], &[7.0]);
    assert_eq!(series(&*storage.view(), "root.v.d", "s"), [(7, 7.0)]);
    assert_eq!(code(storage.create_views(vec![alias("root.v.d.other")])), 516);
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0), (2, 2.0)]);
}

#[test]
fn names_of_views_and_series_are_each_taken_once() {
    let disk = FaultDisk::default();
    let (storage, _) = open(&disk);
    let alias = |name: &str| storage.create_views(vec![view(name, "root.a.d.s", "root.a.d.s")]);
    assert_eq!(code(alias("root.v.d.s")), 503);
    assert_eq!(code(alias("root.a.d.s")), 503);
    assert_eq!(code(alias("root.a.d.s.deep")), 506);
    assert_eq!(code(alias("root.v.d.s.deep")), 506);
    assert_eq!(code(alias("root.v.d")), 506);
    // Of two of which one cannot be made, none is.
    let both = ["root.v.d.fresh", "root.v.d.s"].map(|name| view(name, "root.a.d.s", "root.a.d.s"));
    assert_eq!(code(storage.create_views(both.into())), 503);
    assert_eq!(told(&storage).len(), 2);
    assert_eq!(code(storage.alter_views(vec![view("root.a.d.s", "root.a.d.s", "root.a.d.s * 3")])), 507);
    assert_eq!(code(storage.alter_views(vec![view("root.a.d.t", "root.a.d.s", "root.a.d.s * 3")])), 508);
    // A series that is missing is not made through its view.
    storage.delete_series(&[pattern("root.a.d.s")]).expect("deleted");
    let report = storage
        .insert(write(vec![tablet("root.v.d", false, &[9], &[("s", &[Some(9.0)])])]))
        .expect("taken")
        .report;
    assert_eq!(report.rejected[0].code.0, 508);
    assert!(!storage.catalog().has_series(&pattern("root.a.d.s")));
}
