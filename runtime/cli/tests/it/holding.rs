//! Transforms with saved state in a process that is killed again and again: the store has what one undisturbed run gives.

use std::{fmt::Write as _, fs, path::Path, process::Stdio, thread};

use crate::command::{Workplace, repository};

const READINGS: usize = 60_000;

/// Readings of three devices, one each 100 ms, every fourth of which comes twice.
fn readings() -> String {
    let mut lines = String::new();
    for n in 0..READINGS {
        let time = 1_700_000_000_000 + (n as i64 / 3) * 100;
        for _ in 0..1 + usize::from(n % 4 == 0) {
            writeln!(lines, r#"{{"device":"root.d{}","time":{time},"v":{n}}}"#, n % 3)
                .expect("a text takes everything");
        }
    }
    lines
}

fn pipeline(data: &str) -> String {
    format!(
        "sources:
  readings:
    file: {{paths: [readings.jsonl]}}
    decode: json
transforms:
  once:
    inputs: [readings]
    dedupe: {{}}
  seconds:
    inputs: [once]
    window: {{size: 1s, aggregates: {{v: [count, sum]}}}}
sinks:
  store:
    inputs: [seconds]
    iotdb: {{embedded: {data}}}
    batch: {{rows: 200}}
"
    )
}

/// The bytes of all files in a folder and its folders.
fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// What is read, once as the example's function of a running sum makes it.
fn sums(data: &str) -> String {
    format!(
        "sources:
  readings:
    file: {{paths: [readings.jsonl]}}
    decode: json
transforms:
  once:
    inputs: [readings]
    dedupe: {{}}
  sums:
    inputs: [once]
    sql: {{select: 'total(v) as total, v', functions: functions}}
sinks:
  store:
    inputs: [sums]
    iotdb: {{embedded: {data}}}
    batch: {{rows: 200}}
"
    )
}

#[test]
fn windows_over_deduped_readings_survive_kill_9_at_any_moment() {
    let workplace = Workplace::new();
    let whole = killed_and_whole(
        &workplace,
        &pipeline,
        "select count(v_count), sum(v_count), sum(v_sum) from root.** align by device",
    );
    assert_eq!(whole.matches(&format!(",{}.0,", READINGS / 3)).count(), 3, "{whole}");
}

#[test]
fn a_running_sum_of_a_module_survives_kill_9_at_any_moment() {
    let workplace = with_module();
    let query = "select count(total), sum(total), last_value(total) from root.** align by device";
    let whole = killed_and_whole(&workplace, &sums, query);
    for device in 0..3 {
        let sum: usize = (0..READINGS).filter(|n| n % 3 == device).sum();
        let wanted = format!("root.d{device},{},", READINGS / 3);
        let line = whole.lines().find(|line| line.contains(&wanted)).unwrap_or_else(|| panic!("{whole}"));
        let last = line.rsplit(',').next().and_then(|last| last.parse::<f64>().ok());
        assert_eq!(last, Some(sum as f64), "{whole}");
    }
}

/// How far the readings of each second are apart, by the example's aggregate.
fn spans(data: &str) -> String {
    pipeline(data)
        .replace("aggregates: {v: [count, sum]}", "aggregates: {v: [count, span]}, functions: functions")
}

#[test]
fn an_aggregate_of_a_module_in_windows_survives_kill_9_at_any_moment() {
    let workplace = with_module();
    let query = "select count(v_span), sum(v_span), sum(v_count) from root.** align by device";
    let whole = killed_and_whole(&workplace, &spans, query);
    // Ten readings a second, of which each is three more than the one before.
    let seconds = READINGS / 3 / 10;
    let wanted = format!(",{seconds},{}.0,{}.0", seconds * 27, READINGS / 3);
    assert_eq!(whole.matches(&wanted).count(), 3, "{whole}");
}

/// A workplace with the example's module, and a cache of its own.
fn with_module() -> Workplace {
    let mut workplace = Workplace::new();
    let cache = workplace.path("cache").display().to_string();
    workplace.env("XDG_CACHE_HOME", cache);
    fs::create_dir(workplace.path("functions")).expect("writable");
    let module = repository().join("examples/udf/rust/example_functions.wasm");
    fs::copy(module, workplace.path("functions/example.wasm")).expect("it is committed");
    workplace
}

/// Runs a pipeline to its end at once, and with kills on the way; what the query gives of both, which is the same.
fn killed_and_whole(workplace: &Workplace, pipeline: &dyn Fn(&str) -> String, query: &str) -> String {
    workplace.write("readings.jsonl", &readings());
    workplace.write("killed.yaml", &pipeline("./killed"));
    workplace.write("whole.yaml", &pipeline("./whole"));
    workplace.run(&["run", "whole.yaml", "--state", "state-of-whole"]).ok();
    let state = workplace.path("state-of-killed");
    let mut kills = 0;
    loop {
        let before = bytes_in(&state);
        let mut command = workplace.levada(&["run", "killed.yaml", "--state", "state-of-killed"]);
        let log = fs::File::create(workplace.path("killed.log")).expect("writable");
        let mut child = command.stdout(Stdio::null()).stderr(log).spawn().expect("levada starts");
        // Killed when more of the state is saved: what is on its way to the store differs each time.
        let ended = loop {
            if let Some(status) = child.try_wait().expect("a child of ours") {
                break Some(status);
            }
            if bytes_in(&state) >= before + 30_000 + kills * 7_001 {
                break None;
            }
            thread::yield_now();
        };
        match ended {
            Some(status) => {
                let log = fs::read_to_string(workplace.path("killed.log")).expect("written");
                assert!(status.success(), "{status}\n{log}");
                break;
            }
            None => child.kill().and_then(|()| child.wait()).expect("a child of ours"),
        };
        kills += 1;
    }
    let rows = |data: &str| workplace.sql(data, query);
    let whole = rows("./whole");
    assert_eq!(rows("./killed"), whole, "after {kills} kills");
    assert!(kills > 0, "it was never killed");
    whole
}
