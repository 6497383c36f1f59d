//! What is particular to the `file` sink: names, rotation, recovery, a disk that fails anywhere.

use std::{collections::BTreeSet, fs, ops::Range, path::Path, sync::Arc, time::Duration};

use levada_connector_api::{BuildContext, ErrorKind, Result, Sink, SinkType};
use levada_sink::file::{File, FileSink, SystemDisk};
use levada_testkit::{Row, numbered, rows_of};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    faulty_disk::FaultyDisk,
    file_contract::{names, options, rows},
};

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

fn sink(folder: &Path, name: &str, more: &Value) -> FileSink {
    let options = options(folder.join(name), more);
    FileSink::new(&options.own, &options.group, Arc::new(SystemDisk)).expect("options without problems")
}

async fn run(folder: &Path, name: &str, more: &Value, batches: u64) -> Result<()> {
    let sink = sink(folder, name, more);
    sink.connect().await?;
    for batch in 0..batches {
        sink.write(&numbered("s", batch * 10..(batch + 1) * 10, 1)).await?;
    }
    sink.close().await
}

#[tokio::test]
async fn a_file_appears_when_it_is_whole_and_is_never_overwritten() -> Result<()> {
    let folder = folder();
    let sink = sink(folder.path(), "r.jsonl", &json!({}));
    sink.connect().await?;
    assert_eq!(names(folder.path()), [""; 0]);
    sink.write(&numbered("s", 0..10, 1)).await?;
    assert_eq!(names(folder.path()), ["r.jsonl.part"]);
    sink.close().await?;
    assert_eq!(names(folder.path()), ["r.jsonl"]);
    let first = fs::read(folder.path().join("r.jsonl")).expect("there");
    run(folder.path(), "r.jsonl", &json!({}), 1).await?;
    run(folder.path(), "r.jsonl", &json!({}), 0).await?;
    assert_eq!(names(folder.path()), ["r-000001.jsonl", "r.jsonl"]);
    assert_eq!(fs::read(folder.path().join("r.jsonl")).expect("there"), first);
    Ok(())
}

#[tokio::test]
async fn files_rotate_by_rows_and_by_bytes() -> Result<()> {
    for rotate in [json!({"rotate": {"rows": 25}}), json!({"rotate": {"bytes": "1500B"}})] {
        let folder = folder();
        run(folder.path(), "r.jsonl", &rotate, 5).await?;
        assert_eq!(names(folder.path()), ["r-000001.jsonl", "r-000002.jsonl", "r-000003.jsonl"]);
        let lines = |name: &str| fs::read_to_string(folder.path().join(name)).expect("there").lines().count();
        assert_eq!(names(folder.path()).iter().map(|name| lines(name)).collect::<Vec<_>>(), [20, 20, 10]);
    }
    Ok(())
}

#[tokio::test]
async fn a_file_is_finished_by_age_while_nothing_comes() -> Result<()> {
    let folder = folder();
    let sink = sink(folder.path(), "r.csv", &json!({"rotate": {"interval": "10m"}}));
    sink.connect().await?;
    sink.write(&numbered("s", 0..10, 1)).await?;
    assert_eq!(names(folder.path()), ["r-000001.csv.part"]);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(599)).await;
    assert_eq!(names(folder.path()), ["r-000001.csv.part"]);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        if names(folder.path()) == ["r-000001.csv"] {
            break;
        }
    }
    assert_eq!(names(folder.path()), ["r-000001.csv"]);
    sink.close().await
}

#[tokio::test]
async fn more_columns_begin_another_file() -> Result<()> {
    let folder = folder();
    let sink = sink(folder.path(), "r.csv", &json!({"form": "wide"}));
    sink.connect().await?;
    let mut narrow = numbered("s", 0..10, 1);
    let tablet = narrow.readings[0].tablet.clone();
    let columns = tablet.columns()[1..].to_vec();
    narrow.readings[0].tablet = tablet.with_columns(columns).expect("fits");
    for batch in [&narrow, &numbered("s", 10..20, 1), &narrow] {
        sink.write(batch).await?;
    }
    sink.close().await?;
    let header = |name: &str| {
        let text = fs::read_to_string(folder.path().join(name)).expect("there");
        text.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(header("r.csv"), "time,device,temperature");
    assert_eq!(header("r-000001.csv"), "time,device,temperature,n");
    assert_eq!(names(folder.path()).len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_file_left_behind_is_cut_and_finished() -> Result<()> {
    let folder = folder();
    let left = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    left("r.jsonl", "{}\n");
    left("r.jsonl.part", "{\"time\":1}\n{\"ti");
    left("r-000004.jsonl.part", "{\"cut\":");
    left("c.csv.part", "time,device,measurement,value\n1,root.d,t,\"a\nb\"\n2,root.d,t,\"a\nb");
    left("c-000001.csv.part", "time,device,measurement,value\n");
    left("else.jsonl.part", "{\"ti");
    sink(folder.path(), "r.jsonl", &json!({})).connect().await?;
    sink(folder.path(), "c.csv", &json!({})).connect().await?;
    assert_eq!(names(folder.path()), ["c.csv", "else.jsonl.part", "r-000005.jsonl", "r.jsonl"]);
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).expect("there");
    assert_eq!(text("r-000005.jsonl"), "{\"time\":1}\n");
    assert_eq!(text("r.jsonl"), "{}\n");
    assert_eq!(text("c.csv"), "time,device,measurement,value\n1,root.d,t,\"a\nb\"\n");
    Ok(())
}

#[tokio::test]
async fn two_writers_of_one_path_are_kept_apart() -> Result<()> {
    let folder = folder();
    let context = BuildContext::new("p", "n");
    let path = folder.path().join("r.jsonl");
    assert_eq!(File::claims(&options(path.clone(), &json!({}))).len(), 1);
    let first = File::build(options(path, &json!({})), &context)?;
    first.connect().await?;
    first.write(&numbered("s", 0..10, 1)).await?;
    let second = sink(folder.path(), "r.jsonl", &json!({}));
    let error = second.connect().await.expect_err("it is being written");
    assert!(error.is_transient() && error.kind() == ErrorKind::Exhausted, "{error}");
    assert!(error.to_string().ends_with("r.jsonl.part is being written by another process"), "{error}");
    first.close().await?;
    second.connect().await?;
    Ok(())
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").expect("written");
    let error =
        sink(&folder.path().join("file"), "r.jsonl", &json!({})).connect().await.expect_err("no folder");
    assert!(error.to_string().starts_with("cannot make the folder"), "{error}");
}

/// The disk fails at call N, for every N: once, or until the writer has tried a few times. Whatever was acknowledged is in
/// whole files afterwards, once, and what an earlier run left behind is too.
#[tokio::test]
async fn a_disk_that_fails_at_any_call_loses_nothing() -> Result<()> {
    let mut expected = all_rows(0..6);
    expected.insert(Row { device: "root.left".to_owned(), time: 1, number: Some(1) });
    for (once, tries) in [(true, 9), (false, 1), (false, 3)] {
        for call in 0.. {
            let (folder, disk) = (folder(), FaultyDisk::default());
            let out = folder.path().join("out");
            fs::create_dir(&out).expect("made");
            let left = "{\"time\":1,\"device\":\"root.left\",\"n\":1}\n{\"time\":2,\"dev";
            fs::write(out.join("r-000007.jsonl.part"), left).expect("written");
            disk.fail_at(call, once);
            let options = options(out.join("r.jsonl"), &json!({"rotate": {"rows": 25}}));
            let sink = FileSink::new(&options.own, &options.group, Arc::new(disk.clone()))?;
            let untroubled = drive(&sink, &disk, tries).await;
            let found = rows(&out);
            assert_eq!(found.len(), expected.len(), "call {call}: rows came twice, or are missing");
            assert_eq!(BTreeSet::from_iter(found), expected, "call {call}");
            if untroubled {
                assert!(call > 20, "{call} calls only, of {}", disk.calls());
                break;
            }
        }
    }
    Ok(())
}

fn all_rows(batches: Range<u64>) -> BTreeSet<Row> {
    batches.flat_map(|batch| rows_of(&numbered("s", batch * 10..(batch + 1) * 10, 1))).collect()
}

/// Connects, writes six batches and closes, healing the disk after some failures of a step; says whether none failed.
async fn drive(sink: &FileSink, disk: &FaultyDisk, tries: u32) -> bool {
    let mut untroubled = true;
    for step in 0..8 {
        for attempt in 1.. {
            let done = match step {
                0 => sink.connect().await,
                7 => sink.close().await,
                _ => sink.write(&numbered("s", (step - 1) * 10..step * 10, 1)).await.map(drop),
            };
            let Err(error) = done else { break };
            assert!(error.is_transient(), "step {step}: {error}");
            untroubled = false;
            if attempt >= tries {
                disk.heal();
            }
        }
    }
    untroubled
}

#[cfg(unix)]
#[tokio::test]
async fn a_fifo_is_written_into_once_somebody_reads_it() -> Result<()> {
    let folder = folder();
    let path = folder.path().join("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("it runs").success());
    let sink = File::build(options(path.clone(), &json!({})), &BuildContext::new("p", "n"))?;
    assert!(!sink.capabilities().lasting);
    sink.connect().await?;
    let error = sink.write(&numbered("s", 0..10, 1)).await.expect_err("nobody reads");
    assert!(error.is_transient() && error.to_string().ends_with("nobody reads from it yet"), "{error}");
    let reader = std::thread::spawn(move || fs::read_to_string(path));
    // The reader may need a moment to open it.
    while let Err(error) = sink.write(&numbered("s", 0..10, 1)).await {
        assert!(error.is_transient(), "{error}");
        tokio::task::yield_now().await;
    }
    sink.write(&numbered("s", 10..20, 1)).await?;
    sink.close().await?;
    drop(sink);
    let text = reader.join().expect("it reads").expect("text");
    assert_eq!(text.lines().filter(|line| line.starts_with("time,")).count(), 1, "{text}");
    assert_eq!(names(folder.path()), ["pipe.csv"], "nothing was made beside it");
    assert!(text.ends_with('\n') && text.lines().count() > 20, "{text}");
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_device_is_written_into_and_a_full_one_is_tried_again() -> Result<()> {
    let context = BuildContext::new("p", "n");
    let null = File::build(options("/dev/null".into(), &json!({})), &context)?;
    null.connect().await?;
    null.write(&numbered("s", 0..10, 1)).await?;
    null.close().await?;
    let full = File::build(options("/dev/full".into(), &json!({})), &context)?;
    full.connect().await?;
    let error = full.write(&numbered("s", 0..10, 1)).await.expect_err("it is full");
    assert!(error.is_transient() && error.kind() == ErrorKind::Exhausted, "{error}");
    assert!(error.to_string().starts_with("cannot write to /dev/full: "), "{error}");
    Ok(())
}

#[cfg(unix)]
#[test]
fn what_cannot_be_written_to_is_rejected_before_anything_runs() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("out")).expect("made");
    fs::write(at("real.jsonl"), "").expect("written");
    std::os::unix::fs::symlink(at("real.jsonl"), at("link.jsonl")).expect("linked");
    for (name, reason) in [("out", "is a folder"), ("link.jsonl", "is a symbolic link")] {
        let options = options(at(name), &json!({}));
        assert_eq!(File::check(&options).len(), 1, "{name}");
        let error = File::build(options, &BuildContext::new("p", "n")).map(drop).expect_err(name);
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(reason), "{error}");
    }
    assert_eq!(names(folder.path()), ["link.jsonl", "out", "real.jsonl"]);
}
