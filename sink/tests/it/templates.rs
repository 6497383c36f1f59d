//! Paths with places to be filled in.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use levada_connector_api::{Batch, Result, Sink};
use levada_sink::file::{FileSink, SystemDisk};
use levada_testkit::{Row, numbered, rows_of};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    faulty_disk::FaultyDisk,
    file_contract::{names, options, rows},
};

const DAY: i64 = 24 * 60 * 60 * 1_000;

fn sink(folder: &Path, name: &str, more: &Value) -> FileSink {
    let options = options(folder.join(name), more);
    FileSink::new(&options.own, &options.group, Arc::new(SystemDisk)).expect("options without problems")
}

/// All files below a folder, by their paths from there.
fn all(folder: &Path) -> Vec<String> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { visit(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    visit(folder, &mut found);
    let mut found: Vec<_> = found
        .iter()
        .map(|path| path.strip_prefix(folder).expect("below").to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

/// Rows, one a day.
fn daily(numbers: std::ops::Range<u64>, devices: u64) -> Batch {
    let mut batch = numbered("s", numbers, devices);
    for readings in &mut batch.readings {
        let (device, times, columns) = readings.tablet.clone().into_parts();
        let times = times.unary(|time| time * DAY);
        readings.tablet =
            levada_connector_api::model::Tablet::try_new(device, false, times, columns).expect("fits");
    }
    batch
}

#[tokio::test]
async fn rows_go_where_their_device_and_day_say() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    let sink = sink(folder.path(), "{device}/{year}-{month}/{date}.jsonl", &json!({}));
    sink.connect().await?;
    sink.write(&daily(0..4, 2)).await?;
    sink.write(&daily(30..34, 2)).await?;
    sink.close().await?;
    assert_eq!(
        all(folder.path()),
        [
            "root.contract.d0/1970-01/1970-01-01.jsonl",
            "root.contract.d0/1970-01/1970-01-03.jsonl",
            "root.contract.d0/1970-01/1970-01-31.jsonl",
            "root.contract.d0/1970-02/1970-02-02.jsonl",
            "root.contract.d1/1970-01/1970-01-02.jsonl",
            "root.contract.d1/1970-01/1970-01-04.jsonl",
            "root.contract.d1/1970-02/1970-02-01.jsonl",
            "root.contract.d1/1970-02/1970-02-03.jsonl",
        ]
    );
    Ok(())
}

#[tokio::test]
async fn the_first_and_the_last_day_of_the_calendar_have_files() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    let sink = sink(folder.path(), "{date}/{year}-{month}-{day}T{hour}.jsonl", &json!({"time": "rfc3339"}));
    sink.connect().await?;
    let mut batch = numbered("s", 0..3, 1);
    let (device, times, columns) = batch.readings[0].tablet.clone().into_parts();
    // The last millisecond of 9999, the first of the year 0, and the one before that.
    let ends = [253_402_300_799_999, -62_167_219_200_000, -62_167_219_200_001];
    let times = times.iter().zip(ends).map(|(_, end)| end).collect();
    batch.readings[0].tablet =
        levada_connector_api::model::Tablet::try_new(device, false, times, columns).expect("fits");
    assert_eq!(sink.write(&batch).await?.rejected.len(), 0);
    sink.close().await?;
    assert_eq!(
        all(folder.path()),
        [
            "-000001-12-31/-000001-12-31T23.jsonl",
            "0000-01-01/0000-01-01T00.jsonl",
            "9999-12-31/9999-12-31T23.jsonl"
        ]
    );
    let last = fs::read_to_string(folder.path().join("9999-12-31/9999-12-31T23.jsonl")).expect("a file");
    assert!(last.contains(r#""time":"9999-12-31T23:59:59.999Z""#), "{last}");
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn files_beyond_the_limit_are_closed_and_go_on_later() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    let sink = sink(folder.path(), "{device}.csv", &json!({"open_files": 3}));
    sink.connect().await?;
    let open = || {
        let fds = fs::read_dir("/proc/self/fd").expect("descriptors");
        let targets = fds.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
        targets.filter(|target| target.starts_with(folder.path())).count()
    };
    for turn in 0..4 {
        sink.write(&numbered("s", turn * 50..(turn + 1) * 50, 25)).await?;
        assert_eq!(open(), 3);
    }
    sink.close().await?;
    assert_eq!((open(), names(folder.path()).len()), (0, 25));
    let found = rows(folder.path());
    assert_eq!((found.len(), BTreeSet::from_iter(found).len()), (200, 200));
    Ok(())
}

#[tokio::test]
async fn files_left_behind_below_a_template_are_finished() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    let template = "{device}/x/{date}.jsonl";
    let left = sink(folder.path(), template, &json!({}));
    left.connect().await?;
    left.write(&daily(0..4, 2)).await?;
    drop(left);
    fs::write(folder.path().join("root.contract.d0/x/notes.txt.part"), "not ours").expect("written");
    fs::write(folder.path().join("a-file"), "not ours").expect("written");
    sink(folder.path(), template, &json!({})).connect().await?;
    assert_eq!(
        all(folder.path()),
        [
            "a-file",
            "root.contract.d0/x/1970-01-01.jsonl",
            "root.contract.d0/x/1970-01-03.jsonl",
            "root.contract.d0/x/notes.txt.part",
            "root.contract.d1/x/1970-01-02.jsonl",
            "root.contract.d1/x/1970-01-04.jsonl",
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_day_that_is_over_is_finished_when_it_was_idle_long_enough() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    let sink = sink(folder.path(), "{date}.jsonl", &json!({"rotate": {"idle": "10m"}}));
    sink.connect().await?;
    sink.write(&daily(0..1, 1)).await?;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(500)).await;
    sink.write(&daily(1..2, 1)).await?;
    tokio::time::advance(Duration::from_secs(200)).await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if names(folder.path()) == ["1970-01-01-000001.jsonl", "1970-01-02-000001.jsonl.part"] {
            return sink.close().await;
        }
    }
    panic!("{:?}", names(folder.path()));
}

/// The disk fails at call N, for every N, while rows go into many files: each is there once afterwards.
#[tokio::test]
async fn a_disk_that_fails_in_the_middle_of_many_files_doubles_nothing() -> Result<()> {
    for call in 0.. {
        let (folder, disk) = (TempDir::new().expect("a folder"), FaultyDisk::default());
        let options = options(folder.path().join("{device}.jsonl"), &json!({"open_files": 2}));
        let sink = FileSink::new(&options.own, &options.group, Arc::new(disk.clone()))?;
        sink.connect().await?;
        disk.fail_at(call, true);
        let mut expected = BTreeSet::<Row>::new();
        let mut failures = 0;
        for batch in 0..3 {
            let batch = numbered("s", batch * 12..(batch + 1) * 12, 4);
            while sink.write(&batch).await.is_err() {
                failures += 1;
            }
            expected.extend(rows_of(&batch));
        }
        disk.heal();
        sink.close().await?;
        let found = rows(folder.path());
        assert_eq!(found.len(), expected.len(), "call {call}");
        assert_eq!(BTreeSet::from_iter(found), expected, "call {call}");
        if failures == 0 {
            assert!(call > 30, "{call} calls only");
            break;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_row_without_a_file_is_rejected_and_the_others_are_written() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    let sink = sink(folder.path(), "{date}.jsonl", &json!({}));
    sink.connect().await?;
    let mut batch = numbered("s", 0..4, 1);
    let (device, times, columns) = batch.readings[0].tablet.clone().into_parts();
    let times = times.unary(|time| if time == 2 { i64::MAX } else { time });
    batch.readings[0].tablet =
        levada_connector_api::model::Tablet::try_new(device, false, times, columns).expect("fits");
    let rejected = sink.write(&batch).await?.rejected;
    sink.close().await?;
    assert_eq!((rejected.len(), rejected[0].rows.as_deref()), (1, Some(&[2][..])));
    assert!(rejected[0].error.contains("on no day of the calendar"), "{rejected:?}");
    assert_eq!(rows(folder.path()).len(), 3);
    Ok(())
}
