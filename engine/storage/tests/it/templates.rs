//! Templates: what devices have of them, over restarts, and what goes with them.

use std::sync::Arc;

use levada_model::{DataType, SeriesSchema};
use levada_storage::{ChangeKind, ChangesFrom, Storage, StorageError, StorageOptions};

use crate::{
    fault_disk::FaultDisk,
    random::Random,
    rows::{options, path, pattern, put, series, tablet, write},
};

type Series = [(Arc<str>, SeriesSchema)];

fn doubles(names: &[&str]) -> Vec<(Arc<str>, SeriesSchema)> {
    names.iter().map(|name| ((*name).into(), SeriesSchema::default_for(DataType::Double))).collect()
}

fn code<T: std::fmt::Debug>(result: Result<T, StorageError>) -> i32 {
    result.expect_err("rejected").code().0
}

/// A store with the template `t` of `s` and `x`, set for `root.a.g`.
fn store(disk: &FaultDisk) -> (Storage, StorageOptions) {
    let options = StorageOptions { disk: Arc::new(disk.clone()), ..options("/data".as_ref()) };
    let storage = Storage::open(options.clone()).expect("opens");
    storage.create_database(&path("root.a"), None).expect("made");
    storage.create_template("t", false, &doubles(&["s", "x"])).expect("made");
    storage.set_template("t", &path("root.a.g")).expect("set");
    (storage, options)
}

/// The series below a path, and the templates of their devices.
fn told(storage: &Storage) -> Vec<String> {
    let catalog = storage.catalog();
    let template = |device: &_| catalog.device(device).and_then(|device| device.template);
    let all = catalog.series(&pattern("root.**")).into_iter();
    all.map(|each| format!("{} {}", each.path, template(&each.device).as_deref().unwrap_or("-"))).collect()
}

#[test]
fn devices_get_their_series_with_the_first_row_and_keep_them_over_restarts() {
    let disk = FaultDisk::default();
    let (storage, options) = store(&disk);
    put(&storage, "root.a.g.d1", &[1, 2], &[1.0, 2.0]);
    storage.activate_template(&path("root.a.g.d2.deep")).expect("activated");
    put(&storage, "root.a.other", &[1], &[1.0]);
    let all = [
        "root.a.g.d1.s t",
        "root.a.g.d1.x t",
        "root.a.g.d2.deep.s t",
        "root.a.g.d2.deep.x t",
        "root.a.other.s -",
    ];
    assert_eq!(told(&storage), all);
    // What is written and not in the template makes it larger, for all devices.
    storage.extend_template("t", &doubles(&["y"])).expect("extended");
    assert_eq!(storage.catalog().series(&pattern("root.a.g.**.y")).len(), 2);
    let before = (told(&storage), storage.catalog().templates());
    // From the log, from the manifest, and from a manifest that was written anew.
    drop(storage);
    let mut storage = Storage::open(options.clone()).expect("opens again");
    assert_eq!((told(&storage), storage.catalog().templates()), before);
    for _ in 0..2 {
        storage.flush(&[]).expect("flushes");
        storage.close().expect("closes");
        storage = Storage::open(options.clone()).expect("opens again");
        assert_eq!((told(&storage), storage.catalog().templates()), before);
        assert_eq!(storage.stats().series, before.0.len());
        assert_eq!(series(&*storage.view(), "root.a.g.d1", "s"), [(1, 1.0), (2, 2.0)]);
    }
    drop(storage);
    assert_eq!(levada_storage::check(&options).expect("read"), []);
}

#[test]
fn what_does_not_fit_is_rejected_with_its_code() {
    let disk = FaultDisk::default();
    let (storage, _) = store(&disk);
    let x: &Series = &doubles(&["x"]);
    assert_eq!(code(storage.create_template("t", true, x)), 507);
    assert_eq!(code(storage.create_template("u", true, &doubles(&["x", "x"]))), 509);
    assert_eq!(code(storage.extend_template("t", x)), 527);
    assert_eq!(code(storage.extend_template("u", x)), 507);
    for at in ["root.a", "root.a.g", "root.a.g.d"] {
        assert_eq!(code(storage.set_template("t", &path(at))), 507, "{at}");
    }
    assert_eq!(code(storage.set_template("t", &path("root.b.g"))), 500);
    put(&storage, "root.a.own", &[1], &[1.0]);
    assert_eq!(code(storage.set_template("t", &path("root.a.own"))), 516);
    assert_eq!(code(storage.drop_template("t")), 507);
    assert_eq!(code(storage.activate_template(&path("root.a.own.d"))), 507);
    storage.activate_template(&path("root.a.g.d")).expect("activated");
    assert_eq!(code(storage.activate_template(&path("root.a.g.d"))), 515);
    assert_eq!(code(storage.unset_template("t", &path("root.a.g"))), 515);
    assert_eq!(code(storage.unset_template("t", &path("root.a.h"))), 513);
    let deactivated = |name, at: &str| storage.deactivate_template(None, name, &[pattern(at)]);
    assert_eq!(code(deactivated(Some("u"), "root.a.g.d")), 513);
    assert_eq!(code(deactivated(None, "root.a.own")), 513);
    assert_eq!(code(deactivated(None, "root.a.g.e")), 524);
    deactivated(None, "root.**").expect("deactivated");
    storage.unset_template("t", &path("root.a.g")).expect("unset");
    storage.drop_template("t").expect("dropped");
    assert_eq!(storage.catalog().templates(), []);
}

#[test]
fn series_of_templates_go_by_deactivating_alone_and_do_not_come_back_with_old_rows() {
    let disk = FaultDisk::default();
    let (mut storage, options) = store(&disk);
    let fill = |storage: &Storage| {
        put(storage, "root.a.g.d1", &[1], &[1.0]);
        put(storage, "root.a.g.d2", &[1], &[2.0]);
        put(storage, "root.a.own", &[1], &[3.0]);
    };
    fill(&storage);
    // What a wide deletion leaves is what templates gave.
    assert_eq!(storage.delete_series(&[pattern("root.**")]).expect("deleted").count, 1);
    assert_eq!(storage.delete_series(&[pattern("root.a.g.d1.s")]).expect("deleted").count, 0);
    for flushed in [false, true] {
        if flushed {
            storage.flush(&[]).expect("flushes");
        }
        drop(storage);
        storage = Storage::open(options.clone()).expect("opens again");
        assert_eq!(told(&storage).len(), 4);
        assert_eq!(series(&*storage.view(), "root.a.g.d2", "s"), [(1, 2.0)]);
    }
    fill(&storage);
    // One device, and then all: no row of before is there when a device comes again.
    let deactivate = |storage: &Storage, at: &str| {
        storage.deactivate_template(None, Some("t"), &[pattern(at)]).expect("deactivated").count
    };
    assert_eq!(deactivate(&storage, "root.a.g.d1"), 2);
    assert_eq!(series(&*storage.view(), "root.a.g.d2", "s"), [(1, 2.0)]);
    assert_eq!(deactivate(&storage, "root.a.**"), 2);
    assert_eq!(told(&storage), ["root.a.own.s -"]);
    put(&storage, "root.a.g.d2", &[5], &[5.0]);
    for _ in 0..2 {
        assert_eq!(series(&*storage.view(), "root.a.g.d2", "s"), [(5, 5.0)]);
        assert_eq!(series(&*storage.view(), "root.a.own", "s"), [(1, 3.0)]);
        storage.flush(&[]).expect("flushes");
        storage.compact(&[]).expect("compacts");
        drop(storage);
        storage = Storage::open(options.clone()).expect("opens again");
    }
}

#[test]
fn a_database_that_goes_takes_along_where_templates_are_set() {
    let disk = FaultDisk::default();
    let (storage, options) = store(&disk);
    put(&storage, "root.a.g.d1", &[1], &[1.0]);
    storage.delete_databases(&[pattern("root.a")]).expect("deleted");
    storage.drop_template("t").expect("set nowhere");
    drop(storage);
    let storage = Storage::open(options).expect("opens again");
    assert_eq!((told(&storage), storage.catalog().templates()), (Vec::new(), Vec::new()));
}

#[test]
fn rows_of_one_write_make_a_template_larger_each_by_its_own() {
    let disk = FaultDisk::default();
    let (storage, options) = store(&disk);
    let of = |device: &str, name: &str| tablet(device, false, &[1], &[(name, &[Some(1.0)])]);
    let tablets = vec![of("root.a.g.d1", "y"), of("root.a.g.d2", "z"), of("root.a.g.d3", "y")];
    let report = storage.insert(write(tablets)).expect("taken").report;
    assert!(report.rejected.is_empty(), "{report:?}");
    // A device at a series that another would get stands in the way of that series, and of no other.
    put(&storage, "root.a.g.d1.w.deep", &[1], &[1.0]);
    let mixed = ["w", "v"].map(|name| of("root.a.g.d2", name).columns()[0].clone()).to_vec();
    let mixed = of("root.a.g.d2", "v").with_columns(mixed).expect("a tablet");
    let report = storage.insert(write(vec![mixed])).expect("taken").report;
    let rejected: Vec<_> =
        report.rejected.iter().map(|each| (each.measurement.as_deref(), each.code.0)).collect();
    assert_eq!(rejected, [(Some("w"), 506)]);
    let names = |storage: &Storage| {
        let templates = storage.catalog().templates();
        templates[0].series.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&storage), ["s", "x", "y", "z", "v"]);
    assert_eq!(told(&storage).len(), 4 * 5);
    // The log alone says the same, after the power went.
    let before = told(&storage);
    drop(storage);
    let storage = Storage::open(options).expect("opens again");
    assert_eq!((names(&storage).len(), told(&storage)), (5, before));
}

#[test]
fn what_was_acknowledged_of_templates_is_there_after_a_power_cut() {
    let disk = FaultDisk::default();
    let (storage, options) = store(&disk);
    put(&storage, "root.a.g.d1", &[1], &[1.0]);
    storage.extend_template("t", &doubles(&["y"])).expect("extended").durable.wait().expect("durable");
    let before = told(&storage);
    disk.power_off();
    drop(storage);
    disk.restart(&mut Random::seeded("power"));
    let storage = Storage::open(options).expect("opens again");
    assert_eq!(told(&storage), before);
    assert_eq!(series(&*storage.view(), "root.a.g.d1", "s"), [(1, 1.0)]);
}

#[test]
fn no_series_of_its_own_is_made_at_or_above_where_a_template_is_set() {
    let disk = FaultDisk::default();
    let (storage, _) = store(&disk);
    let made = |device: &str, name: &str| {
        storage.create_series(vec![levada_storage::NewSeries {
            device: path(device),
            measurement: name.into(),
            schema: SeriesSchema::default_for(DataType::Double),
            aligned: false,
            alias: None,
            tags: Default::default(),
            attributes: Default::default(),
            deadband: None,
        }])
    };
    assert_eq!(code(made("root.a", "g")), 506);
    drop(made("root.a", "h").expect("made"));
    storage.activate_template(&path("root.a.g.d")).expect("activated");
}

#[test]
fn who_follows_a_store_is_told_of_the_series_that_devices_get() {
    let disk = FaultDisk::default();
    let (storage, _) = store(&disk);
    let mut changes = storage.changes(None, ChangesFrom::Now).expect("read");
    storage.activate_template(&path("root.a.g.d1")).expect("activated");
    put(&storage, "root.a.g.d2", &[1], &[1.0]);
    storage.extend_template("t", &doubles(&["y"])).expect("extended").durable.wait().expect("durable");
    let mut made = Vec::new();
    while made.len() < 4 {
        for change in changes.read(usize::MAX).expect("read") {
            if let ChangeKind::CreateSeries(series) = change.kind {
                made.extend(series.iter().map(|new| new.device.child(&new.measurement).to_string()));
            }
        }
    }
    assert_eq!(made, ["root.a.g.d1.s", "root.a.g.d1.x", "root.a.g.d1.y", "root.a.g.d2.y"]);
}
