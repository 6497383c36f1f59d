//! Deletions that name a series by its alias.

use std::sync::Arc;

use levada_model::{DataType, SeriesSchema};
use levada_storage::{NewSeries, Storage, StorageOptions, TimeRange};

use crate::{
    fault_disk::FaultDisk,
    rows::{options, path, pattern, put, series},
};

fn create(storage: &Storage) {
    let series = NewSeries {
        device: path("root.a.d"),
        measurement: "s".into(),
        schema: SeriesSchema::default_for(DataType::Double),
        aligned: false,
        alias: Some("nick".to_owned()),
        tags: Default::default(),
        attributes: Default::default(),
        deadband: None,
    };
    storage.create_series(vec![series]).expect("made");
}

#[test]
fn what_is_deleted_by_an_alias_is_gone_and_stays_so() {
    let disk = FaultDisk::default();
    let options = StorageOptions { disk: Arc::new(disk), ..options("/data".as_ref()) };
    let storage = Storage::open(options.clone()).expect("opens");
    create(&storage);
    put(&storage, "root.a.d", &[1, 2, 3], &[1.0, 2.0, 3.0]);
    let newest = |storage: &Storage| storage.view().last(&path("root.a.d"), &"s".into()).expect("read");
    assert_eq!(newest(&storage).map(|(time, _)| time), Some(3));

    let range = TimeRange { start: 2, end: 3 };
    assert_eq!(storage.delete(&[pattern("root.a.d.nick")], range).expect("deleted").count, 1);
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0)]);
    assert_eq!(newest(&storage).map(|(time, _)| time), Some(1));
    storage.flush(&[]).expect("flushes");

    assert_eq!(storage.delete_series(&[pattern("root.*.d.nick")]).expect("deleted").count, 1);
    create(&storage);
    assert_eq!(newest(&storage), None);
    drop(storage);
    let storage = Storage::open(options).expect("opens again");
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), []);
    assert_eq!(newest(&storage), None);
}
