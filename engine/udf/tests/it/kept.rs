//! Windows that are larger than memory: their rows are on disk, and functions read them by pages.

use std::{fs, path::Path, sync::Arc};

use arrow_array::{ArrayRef, Int64Array, StringArray};
use levada_model::DataType;
use levada_udf::{FaultKind, Method, Scratch, Spill, UdfLimits, UdtfRun};

use crate::support::{little_room, open, points};

/// More than the pages that are kept in memory have.
const ROWS: i64 = 20_000;

/// Rows with gaps, of which some have no number, some no text, none neither.
fn rows() -> (Vec<i64>, Vec<ArrayRef>) {
    let times: Vec<i64> = (0..ROWS).map(|row| row * 2 + row / 1000 * 500).collect();
    let numbers = (0..ROWS).map(|row| (row % 5 != 0).then_some(row / 9000));
    let texts = (0..ROWS).map(|row| (row % 5 != 1).then(|| "ab".repeat((row % 7) as usize)));
    let (numbers, texts) = (Int64Array::from_iter(numbers), StringArray::from_iter(texts));
    (times, vec![Arc::new(numbers), Arc::new(texts)])
}

const TYPES: [DataType; 2] = [DataType::Int64, DataType::Text];

fn digest(attributes: &[(&str, &str)], spill: Option<Spill>) -> UdtfRun {
    let mut run = open("digest", &TYPES, attributes, UdfLimits::default()).expect("it starts");
    spill.into_iter().for_each(|spill| run.spill_to(spill));
    run
}

/// Room in a folder.
fn room(folder: &Path, memory: usize, disk: u64) -> Spill {
    Spill { memory, disk, scratch: Scratch::new(folder) }
}

/// The files of a folder that this process has open, with a name or without.
fn open_files(folder: &Path) -> usize {
    let open = fs::read_dir("/proc/self/fd").expect("a Linux");
    let links = open.filter_map(|each| fs::read_link(each.ok()?.path()).ok());
    links.filter(|link| link.starts_with(folder)).count()
}

#[test]
fn windows_of_every_kind_give_the_same_under_a_small_budget_as_under_a_large_one() {
    let (times, columns) = rows();
    let kinds: [&[(&str, &str)]; 8] = [
        &[("by", "size"), ("length", "1000000000")],
        &[("by", "size"), ("length", "7500")],
        &[("by", "size"), ("length", "7500"), ("step", "4000")],
        &[("by", "size"), ("length", "4500"), ("step", "8000")],
        &[("by", "time"), ("length", "15000")],
        &[("by", "time"), ("length", "15000"), ("step", "11000"), ("begin", "5"), ("end", "45000")],
        &[("by", "session"), ("length", "2")],
        &[("by", "state"), ("length", "0")],
    ];
    for attributes in kinds {
        let mut large = digest(attributes, None);
        let expected = points(&mut large, &times, &columns, 5000).expect("it runs");
        assert!(!expected.is_empty());
        // Where most windows are larger, some are, and none is.
        for memory in [1 << 10, 150 << 10, 64 << 20] {
            for by in [3001, 20_000] {
                let mut small = digest(attributes, Some(little_room(memory)));
                let found = points(&mut small, &times, &columns, by).expect("it runs");
                assert_eq!(found, expected, "{attributes:?} with {memory} bytes, {by} rows at a time");
            }
        }
    }
}

#[test]
fn rows_in_memory_keep_within_their_budget_however_large_a_window_is() {
    let (memory, batch) = (256 << 10, 4096);
    let mut run = digest(&[("by", "size"), ("length", "1000000000")], Some(little_room(memory)));
    let mut most = 0;
    for from in 0..40 {
        let times: Vec<i64> = (from * batch..(from + 1) * batch).collect();
        let numbers: ArrayRef = Arc::new(Int64Array::from(times.clone()));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(times.iter().map(|_| "a text")));
        run.push(times.into(), vec![numbers, texts]).expect("there is room");
        assert!(run.next().expect("it runs").is_none(), "the window is not complete");
        most = most.max(run.bytes_in_memory());
    }
    // A row has 26 bytes.
    assert!(run.waiting_bytes() > 4 << 20, "{} bytes wait", run.waiting_bytes());
    assert!(most <= memory, "{most} bytes in memory");
    run.end();
    let given = run.next().expect("it runs").expect("the window");
    assert_eq!(given.len(), 1);
}

#[test]
fn files_have_no_name_and_are_gone_when_the_call_ends_or_fails_or_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let (times, columns) = rows();
    let all = ("length", "1000000000");
    let begun = |attributes: &[(&str, &str)]| {
        let mut run = digest(attributes, Some(room(folder.path(), 1 << 10, u64::MAX)));
        run.push(times.clone().into(), columns.clone()).expect("there is room");
        assert!(run.next().expect("it runs").is_none());
        assert!(open_files(folder.path()) > 0, "rows are on disk");
        // Nobody has to tidy up behind a process that is killed: what has no name goes with it.
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0);
        run
    };
    let mut run = begun(&[("by", "size"), all]);
    run.end();
    while run.next().expect("it runs").is_some() {}
    assert_eq!(open_files(folder.path()), 0, "the call has ended");
    let mut run = begun(&[("by", "size"), all, ("fails", "true")]);
    run.end();
    let error = run.next().expect_err("it fails");
    assert_eq!((error.method, error.fault.message.as_str()), (Method::Transform, "as it was told"));
    assert_eq!(open_files(folder.path()), 0, "the call has failed");
    drop(begun(&[("by", "size"), all]));
    assert_eq!(open_files(folder.path()), 0, "nobody waits for the call");
}

#[test]
fn files_of_rows_that_are_used_up_are_closed_while_the_call_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (times, columns) = rows();
    let mut run =
        digest(&[("by", "size"), ("length", "15000")], Some(room(folder.path(), 1 << 10, u64::MAX)));
    run.push(times[..10_000].to_vec().into(), columns.iter().map(|each| each.slice(0, 10_000)).collect())
        .expect("there is room");
    assert!(run.next().expect("it runs").is_none() && run.waiting_bytes() > 0);
    run.push(
        times[10_000..15_000].to_vec().into(),
        columns.iter().map(|each| each.slice(10_000, 5_000)).collect(),
    )
    .expect("there is room");
    while run.next().expect("it runs").is_some() {}
    assert_eq!(run.waiting_bytes(), 0);
    assert!(open_files(folder.path()) <= 1, "the one that is written next");
}

#[test]
fn rows_without_room_on_disk_end_the_call_with_what_can_be_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let (times, columns) = rows();
    let error = |room: Spill| {
        let mut run = digest(&[("by", "size"), ("length", "1000000000")], Some(room));
        points(&mut run, &times, &columns, 5000).expect_err("there is no room")
    };
    let full = error(room(folder.path(), 1 << 10, 100 << 10));
    assert_eq!((full.method, full.fault.kind), (Method::Transform, FaultKind::MemoryLimit));
    assert!(
        full.fault.message.ends_with(
            "more than the 102400 that a call may have on disk; in a server `udf_disk_budget` says how many"
        ),
        "{full}"
    );
    let absent = error(room(&folder.path().join("absent"), 1 << 10, u64::MAX));
    assert_eq!((absent.method, absent.fault.kind), (Method::Transform, FaultKind::Io));
    assert!(absent.fault.message.contains("absent: No such file"), "{absent}");
    assert_eq!(open_files(folder.path()), 0);
}
