//! What `levada fsck` calls a note, what an error, and what it keeps.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{
    command::Workplace,
    files::{COUNT, files, flip, sql, with_readings},
};

/// The findings as scripts see them, and the exit code.
fn json(workplace: &Workplace, arguments: &[&str]) -> (Value, Option<i32>) {
    let ran = workplace.run(&[&["fsck", "--format", "json"], arguments].concat());
    (serde_json::from_str(&ran.stdout).expect("JSON"), ran.code)
}

fn severities(outcome: &Value) -> Vec<&str> {
    let findings = outcome["findings"].as_array().expect("a list");
    findings.iter().filter_map(|finding| finding["severity"].as_str()).collect()
}

#[test]
fn what_a_crash_leaves_is_a_note_and_no_failure() {
    let workplace = with_readings();
    let sealed = files(&workplace.path("data/data"), "tsfile");
    let folder = sealed[0].parent().expect("a folder");
    // A flush that was not finished, a file whose commit never came, a manifest and a log record that were cut off.
    fs::write(folder.join("0000000077.tmp"), b"TsFile\x04half").expect("written");
    fs::copy(&sealed[0], folder.join("0000000078.tsfile")).expect("copied");
    fs::write(workplace.path("data/manifest-0000000099.tmp"), b"half").expect("written");
    let logs = files(&workplace.path("data/wal"), "wal");
    let log = logs.last().expect("a log");
    let mut bytes = fs::read(log).expect("readable");
    bytes.extend_from_slice(&[0x9E, 0xC1, 0x4C, 0xD7, 200, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]);
    fs::write(log, bytes).expect("written");
    let before = sql(&workplace, "data", COUNT);
    // Opening has put all of it right, so it is made again.
    fs::write(folder.join("0000000077.tmp"), b"TsFile\x04half").expect("written");
    fs::copy(&sealed[0], folder.join("0000000078.tsfile")).expect("copied");
    let log = files(&workplace.path("data/wal"), "wal").pop().expect("a log");
    let mut bytes = fs::read(&log).expect("readable");
    bytes.extend_from_slice(&[0x9E, 0xC1, 0x4C, 0xD7, 200, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]);
    fs::write(&log, bytes).expect("written");
    let (outcome, code) = json(&workplace, &["data"]);
    assert_eq!(code, Some(0), "{outcome:#}");
    let found = severities(&outcome);
    assert!(found.len() >= 3 && found.iter().all(|severity| *severity == "note"), "{outcome:#}");
    assert_eq!((&outcome["errors"], &outcome["clean"]), (&0.into(), &true.into()));
    for finding in outcome["findings"].as_array().expect("a list") {
        for key in ["file", "what", "means", "repair"] {
            assert!(finding[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {finding:#}");
        }
    }
    let text = workplace.run(&["fsck", "data"]).ok();
    assert!(text.contains("note: ") && text.contains("data is sound, with "), "{text}");
    // A repair moves what is left over aside and deletes nothing.
    let repaired = workplace.run(&["fsck", "data", "--repair"]).ok();
    assert!(repaired.contains("done: "), "{repaired}");
    let lost = files(&workplace.path("data/lost"), "tsfile");
    assert_eq!(lost.len(), 1, "{repaired}");
    assert_eq!(sql(&workplace, "data", COUNT), before);
}

#[test]
fn damage_is_an_error_and_names_what_is_lost() {
    let workplace = with_readings();
    let sealed = files(&workplace.path("data/data"), "tsfile");
    flip(&sealed[0], |length| length / 3);
    let (outcome, code) = json(&workplace, &["data"]);
    assert_eq!(code, Some(1), "{outcome:#}");
    assert!(severities(&outcome).iter().all(|severity| *severity == "error"), "{outcome:#}");
    let named =
        |finding: &&Value| finding["series"].as_str().is_some_and(|name| name.starts_with("root.plant"));
    let findings = outcome["findings"].as_array().expect("a list");
    let lost = findings.iter().find(named).unwrap_or_else(|| panic!("a series is named: {outcome:#}"));
    assert!(lost["means"].as_str().is_some_and(|means| means.contains("are lost")), "{lost:#}");
    assert!(lost["offset"].is_u64(), "{lost:#}");
    // A file that the manifest names and that is gone.
    fs::rename(&sealed[1], workplace.path("away")).expect("moved");
    let text = workplace.run(&["fsck", "data"]);
    assert_eq!(text.code, Some(1));
    assert!(text.stdout.contains("it is not there") && text.stdout.contains("--repair: "), "{}", text.stdout);
    let repaired = workplace.run(&["fsck", "data", "--repair"]).ok();
    assert!(repaired.contains("data is repaired"), "{repaired}");
    assert_eq!(json(&workplace, &["data"]).1, Some(0));
}

#[test]
fn a_broken_record_in_the_midst_of_the_log_is_an_error() {
    let workplace = with_readings();
    sql(&workplace, "data", "insert into root.plant.late(time, s) values (3, 3.5)");
    sql(&workplace, "data", "insert into root.plant.late(time, s) values (4, 4.5)");
    let logs = files(&workplace.path("data/wal"), "wal");
    let log = logs.iter().max_by_key(|path| fs::metadata(path).map_or(0, |meta| meta.len())).expect("a log");
    flip(log, |_| 36 + 20);
    let (outcome, code) = json(&workplace, &["data"]);
    assert_eq!((code, severities(&outcome).contains(&"error")), (Some(1), true), "{outcome:#}");
}

type Loss = fn(&[PathBuf]);

#[test]
fn a_log_of_which_something_is_gone_is_missed_until_it_is_given_up() {
    let losses: [(&str, Loss); 3] = [
        ("all removed", |logs| logs.iter().for_each(|log| fs::remove_file(log).expect("removed"))),
        ("the newest emptied", |logs| fs::write(logs.last().expect("a log"), "").expect("emptied")),
        ("the newest cut in its head", |logs| fs::write(logs.last().expect("a log"), [1; 9]).expect("cut")),
    ];
    for (what, lose) in losses {
        let workplace = with_readings();
        lose(&files(&workplace.path("data/wal"), "wal"));
        let count = ["-e", "select count(t) from root.plant.a1"];
        for _ in 0..2 {
            let missed = workplace.run(&[&["sql", "--data", "data"][..], &count].concat());
            assert_eq!(missed.code, Some(1), "{what}: {}", missed.stderr);
            for part in ["wal", "levada fsck --repair data", "--read-only"] {
                assert!(missed.stderr.contains(part), "{what}: {}", missed.stderr);
            }
        }
        let read = workplace.run(&[&["sql", "--data", "data", "--read-only"][..], &count].concat());
        assert!(read.stderr.contains("newest file"), "{what}: {}", read.stderr);
        read.ok();
        let (outcome, code) = json(&workplace, &["data"]);
        assert_eq!((code, severities(&outcome).contains(&"error")), (Some(1), true), "{what}: {outcome:#}");
        let repaired = workplace.run(&["fsck", "data", "--repair"]).ok();
        assert!(
            repaired.contains("given up: ") && repaired.contains("data is repaired"),
            "{what}: {repaired}"
        );
        assert_eq!(workplace.run(&["fsck", "data"]).ok(), "data is sound\n", "{what}");
        workplace.run(&[&["sql", "--data", "data"][..], &count].concat()).ok();
    }
}

#[test]
fn a_file_without_checksums_is_kept_as_far_as_its_statistics_vouch() {
    let workplace = with_readings();
    let counted = sql(&workplace, "data", COUNT);
    let sums = files(&workplace.path("data/data"), "sums");
    fs::remove_file(&sums[0]).expect("removed");
    let found = workplace.run(&["fsck", "data"]);
    assert!(found.code == Some(1) && found.stdout.contains("checksums"), "{}", found.stdout);
    let missed = workplace.run(&["sql", "--data", "data", "-e", "select * from root.**"]);
    let name = sums[0].file_name().expect("a name").to_string_lossy();
    let reason = format!("the file of its checksums, {name}, is missing");
    assert!(missed.code == Some(1) && missed.stderr.contains(&reason), "{}", missed.stderr);
    workplace.run(&["fsck", "data", "--repair"]).ok();
    assert_eq!(workplace.run(&["fsck", "data"]).ok(), "data is sound\n");
    assert_eq!(sql(&workplace, "data", COUNT), counted);
}

#[test]
fn a_single_file_is_checked_in_every_part() {
    let workplace = with_readings();
    let export =
        ["export", "--data", "data", "--path", "root.plant.**", "--format", "tsfile", "-o", "x.tsfile"];
    workplace.run(&export).ok();
    let path = workplace.path("x.tsfile");
    let whole = fs::read(&path).expect("readable");
    let counted = sql(&workplace, "data", COUNT);
    let length = whole.len();
    let metadata = u32::from_be_bytes(whole[length - 10..length - 6].try_into().expect("four")) as usize;
    for (at, part) in [
        (3, "head: "),
        (length - 2, "foot: "),
        (length - 12 - metadata / 2, ""),
        (length - 10 - metadata - 40, "index: "),
    ] {
        fs::remove_dir_all(workplace.path("lost")).ok();
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        fs::write(&path, bytes).expect("written");
        let found = workplace.run(&["fsck", "x.tsfile"]);
        assert_eq!(found.code, Some(1), "byte {at}: {}", found.stdout);
        assert!(found.stdout.contains(part), "byte {at}: {}", found.stdout);
        workplace.run(&["fsck", "x.tsfile", "--repair"]).ok();
        assert_eq!(workplace.run(&["fsck", "x.tsfile"]).ok(), "x.tsfile is sound\n");
        if part == "head: " || part == "foot: " {
            // Nothing is lost where no chunk is hit.
            fs::remove_dir_all(workplace.path("again")).ok();
            workplace.run(&["import", "x.tsfile", "--data", "again", "--quiet"]).ok();
            assert_eq!(sql(&workplace, "again", COUNT), counted, "byte {at}");
        }
    }
    // What was moved aside before stays when another is moved there.
    for _ in 0..2 {
        fs::write(&path, &whole[..length - 5]).expect("written");
        workplace.run(&["fsck", "x.tsfile", "--repair"]).ok();
    }
    let kept = fs::read_dir(workplace.path("lost")).expect("a folder").count();
    assert!(kept >= 2, "{kept}");
}

#[test]
fn a_log_of_a_newer_version_is_called_so_and_left_alone() {
    let workplace = with_readings();
    let log = files(&workplace.path("data/wal"), "wal").pop().expect("a log");
    let before = fs::read(&log).expect("readable");
    // The version, and the checksum that belongs to it.
    let mut newer = before.clone();
    newer[7] = 9;
    let check = crc32fast::hash(&newer[..32]);
    newer[32..36].copy_from_slice(&check.to_le_bytes());
    fs::write(&log, &newer).expect("written");
    for args in [
        &["sql", "--data", "data", "-e", "show databases"][..],
        &["fsck", "data"],
        &["fsck", "data", "--repair"],
    ] {
        let rejected = workplace.run(args);
        assert_eq!(rejected.code, Some(1), "{args:?}: {}", rejected.stdout);
        let said = format!("{}{}", rejected.stdout, rejected.stderr);
        assert!(said.contains("version 9, newer than this program"), "{said}");
    }
    assert_eq!(fs::read(&log).expect("readable"), newer);
    // Where only that byte is wrong, it is damage.
    let mut flipped = before;
    flipped[7] = 9;
    fs::write(&log, &flipped).expect("written");
    let found = workplace.run(&["fsck", "data"]);
    assert!(
        found.code == Some(1) && found.stdout.contains("the head of a log segment is damaged"),
        "{}",
        found.stdout
    );
    workplace.run(&["fsck", "data", "--repair"]).ok();
}
