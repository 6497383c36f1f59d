//! Files as sources, from run to run: faults, changes, stops.

use std::{fs, io::Write, process::Command};

use crate::command::{Finished, Workplace, eventually, interrupt};

const TO_STORE: &str = "
name: c
sources:
  f: {file: {paths: \"log*\"}, decode: {json: {}}}
sinks:
  store: {inputs: [f], iotdb: {embedded: ./data, database: root.p}}
";

const TO_FILE: &str = "
name: c
sources:
  f: {file: {paths: \"log*\"}, decode: {json: {}}}
sinks:
  out: {inputs: [f], file: {path: out/rows.jsonl}}
";

const COUNT: &str = "select count(v) from root.** align by device";

fn lines(device: &str, numbers: std::ops::RangeInclusive<i64>) -> String {
    let line =
        |n| format!("{{\"device\":\"{device}\",\"timestamp\":{},\"v\":{n}}}\n", 1_700_000_000_000i64 + n);
    numbers.map(line).collect()
}

fn append(workplace: &Workplace, name: &str, text: &str) {
    let mut file = fs::OpenOptions::new().append(true).open(workplace.path(name)).expect("there");
    file.write_all(text.as_bytes()).expect("written");
}

/// The lines of all files in a folder.
fn rows(workplace: &Workplace, folder: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let Ok(entries) = fs::read_dir(workplace.path(folder)) else { return rows };
    for entry in entries {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("text");
        rows.extend(text.lines().map(str::to_owned));
    }
    rows.sort();
    rows
}

#[test]
fn a_broken_file_is_given_up_with_exit_code_6_and_the_others_are_stored() {
    let workplace = Workplace::new();
    workplace.write("pipeline.yaml", TO_STORE);
    workplace.write("log-a.jsonl", &lines("a", 1..=5));
    workplace.write("log-b.jsonl.gz", "no packed file");
    workplace.write("log-c.jsonl", &lines("c", 1..=5));
    for _ in 0..2 {
        let run = workplace.run(&["run", "--quiet", "pipeline.yaml"]);
        assert_eq!(run.code, Some(6), "{}", run.stderr);
        let told = run.stderr.lines().filter(|line| line.contains("given up; the others go on")).count();
        assert!(told == 1 && run.stderr.contains("log-b.jsonl.gz"), "{}", run.stderr);
    }
    let counted = workplace.sql("data", COUNT);
    assert!(counted.contains("root.p.a,5") && counted.contains("root.p.c,5"), "{counted}");
}

#[test]
fn every_file_that_is_given_up_is_named_with_its_reason() {
    let workplace = Workplace::new();
    workplace.write("pipeline.yaml", TO_STORE);
    workplace.write("log-a.jsonl", &lines("a", 1..=5));
    for name in ["log-b.jsonl.gz", "log-c.jsonl.gz", "log-d.jsonl.gz"] {
        workplace.write(name, "no packed file");
    }
    let run = workplace.run(&["run", "--quiet", "pipeline.yaml"]);
    assert_eq!(run.code, Some(6), "{}", run.stderr);
    for name in ["log-b.jsonl.gz", "log-c.jsonl.gz", "log-d.jsonl.gz"] {
        assert!(run.stderr.contains(&format!("cannot read {name}")), "{}", run.stderr);
    }
}

#[test]
fn a_store_that_can_never_be_opened_ends_the_run() {
    let workplace = Workplace::new();
    workplace.write("log.jsonl", &lines("a", 1..=5));
    workplace.write("occupied", "");
    for folder in ["./occupied", "./occupied/data"] {
        workplace.write("pipeline.yaml", &TO_STORE.replace("./data", folder));
        let run = workplace.run(&["run", "--quiet", "pipeline.yaml"]);
        assert!(run.code == Some(1) && run.stderr.contains("occupied"), "{folder}: {}", run.stderr);
    }
}

#[test]
fn a_half_line_is_completed_by_the_next_run() {
    let workplace = Workplace::new();
    workplace.write("pipeline.yaml", TO_STORE);
    let whole = lines("a", 1..=3);
    workplace.write("log.jsonl", &whole[..whole.len() / 2]);
    let first = workplace.run(&["run", "--quiet", "pipeline.yaml"]);
    assert!(first.stderr.contains("the last line has no line break yet"), "{}", first.stderr);
    assert_eq!(first.code, Some(0));
    append(&workplace, "log.jsonl", &whole[whole.len() / 2..]);
    workplace.run(&["run", "--quiet", "pipeline.yaml"]).ok();
    assert!(workplace.sql("data", COUNT).contains("root.p.a,3"));
    assert!(!workplace.path(".levada/c/dead-letters.jsonl").exists());
}

#[test]
fn a_file_that_was_replaced_is_read_and_nothing_waits_behind_it() {
    let workplace = Workplace::new();
    workplace.write("pipeline.yaml", TO_STORE);
    workplace.write("log.jsonl", &lines("gen1", 1..=10));
    workplace.run(&["run", "--quiet", "pipeline.yaml"]).ok();
    workplace.write("log.jsonl", &lines("gen2", 1..=3));
    workplace.write("log2.jsonl", &lines("gen5", 1..=5));
    workplace.run(&["run", "--quiet", "pipeline.yaml"]).ok();
    let counted = workplace.sql("data", COUNT);
    for expected in ["root.p.gen1,10", "root.p.gen2,3", "root.p.gen5,5"] {
        assert!(counted.contains(expected), "{counted}");
    }
}

#[test]
fn a_second_run_into_a_file_writes_what_is_new_and_nothing_twice() {
    let workplace = Workplace::new();
    workplace.write("pipeline.yaml", TO_FILE);
    workplace.write("log.jsonl", &lines("a", 1..=5));
    workplace.run(&["run", "--quiet", "pipeline.yaml"]).ok();
    assert_eq!(rows(&workplace, "out").len(), 5);
    let nothing_new = workplace.run(&["run", "--quiet", "pipeline.yaml"]);
    assert!(nothing_new.stderr.contains("going on where the run before ended"), "{}", nothing_new.stderr);
    nothing_new.ok();
    append(&workplace, "log.jsonl", &lines("a", 6..=7));
    workplace.write("log2.jsonl", &lines("b", 1..=2));
    workplace.run(&["run", "--quiet", "pipeline.yaml"]).ok();
    let written = rows(&workplace, "out");
    assert_eq!(written.len(), 9, "{written:?}");
    // Another file has none of it yet, and is given all.
    workplace.write("pipeline.yaml", &TO_FILE.replace("out/rows", "other/rows"));
    workplace.run(&["run", "--quiet", "pipeline.yaml"]).ok();
    assert_eq!(rows(&workplace, "other"), written);
    // Without what was remembered it begins anew.
    fs::remove_file(workplace.path(".levada/c/f.positions.json")).expect("it is there");
    workplace.run(&["run", "--quiet", "pipeline.yaml"]).ok();
    assert_eq!(rows(&workplace, "other").len(), 18);
}

#[test]
fn what_is_printed_is_printed_again_by_the_next_run() {
    let workplace = Workplace::new();
    let to_stdout = TO_FILE.replace("file: {path: out/rows.jsonl}", "stdout: {}");
    workplace.write("pipeline.yaml", &to_stdout);
    workplace.write("log.jsonl", &lines("a", 1..=5));
    for _ in 0..2 {
        let printed = workplace.run(&["run", "--quiet", "pipeline.yaml"]).ok();
        assert_eq!(printed.lines().count(), 5, "{printed}");
    }
}

#[test]
fn faults_that_will_not_heal_end_a_run() {
    let cases = [
        ("paths: \"log*\"", "paths: nowhere/log.jsonl", 1, "cannot read nowhere/log.jsonl"),
        ("paths: \"log*\"", "paths: \"nowhere/*\"", 1, "cannot list nowhere"),
        ("paths: \"log*\"", "paths: [log.jsonl, folder]", 3, "`folder` is a folder"),
        ("out/rows.jsonl", "log.jsonl/rows.jsonl", 1, "log.jsonl"),
        (
            "name: c",
            "name: c\nerrors: {dead_letter: {file: log.jsonl/dead.jsonl}}",
            1,
            "dead letters cannot be written",
        ),
        ("name: c", "name: c\nstate_dir: log.jsonl/state", 1, "cannot read positions"),
    ];
    for (from, to, code, reason) in cases {
        let workplace = Workplace::new();
        workplace.write("log.jsonl", &format!("{}broken\n", lines("a", 1..=5)));
        fs::create_dir(workplace.path("folder")).expect("a folder");
        assert!(TO_FILE.contains(from));
        workplace.write("pipeline.yaml", &TO_FILE.replace(from, to));
        let run = workplace.run(&["run", "--quiet", "pipeline.yaml"]);
        assert_eq!(run.code, Some(code), "{to}: {}", run.stderr);
        assert!(run.stderr.contains(reason), "{to}: {}", run.stderr);
    }
}

#[test]
fn a_length_of_time_beyond_all_clocks_is_wrong() {
    let workplace = Workplace::new();
    workplace.write("log.jsonl", &lines("a", 1..=1));
    for (linger, code) in [("213503982334601d", 3), ("36501d", 3), ("36500d", 0)] {
        let text = TO_FILE.replace("rows.jsonl}", &format!("rows.jsonl}}, batch: {{linger: {linger}}}"));
        workplace.write("pipeline.yaml", &text);
        for command in ["lint", "run"] {
            let done = workplace.run(&[command, "pipeline.yaml"]);
            assert_eq!(done.code, Some(code), "{command} {linger}: {}", done.stderr);
        }
    }
}

const ENDLESS: &str = "
name: endless
sources:
  plant: {sensor: {rate: 1000}}
sinks:
  out: {inputs: [plant], file: {path: out/rows.jsonl}, batch: {linger: 10ms}}
";

#[test]
fn a_terminal_that_is_closed_settles_as_a_stop_does() {
    let workplace = Workplace::new();
    workplace.write("endless.yaml", ENDLESS);
    let args = ["run", "--quiet", "endless.yaml"];
    let levada = workplace.levada(&args);
    // As `nohup` leaves it, the signal would be ignored.
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP").arg(levada.get_program()).args(args);
    command.current_dir(levada.get_current_dir().expect("set")).stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("it starts");
    eventually("rows are written", || !rows(&workplace, "out").is_empty());
    let told = Command::new("kill").args(["-HUP", &child.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let ended = Finished::new(&args, child.wait_with_output().expect("it ends"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("stopped"), "{}", ended.stderr);
    assert!(workplace.path("out/rows.jsonl").exists(), "what was being written is finished");
}

#[test]
fn a_hangup_that_is_ignored_stays_so() {
    let workplace = Workplace::new();
    workplace.write("endless.yaml", ENDLESS);
    let args = ["run", "--quiet", "endless.yaml"];
    let levada = workplace.levada(&args);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(levada.get_program()).args(args);
    command.current_dir(levada.get_current_dir().expect("set")).stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("it starts");
    eventually("rows are written", || !rows(&workplace, "out").is_empty());
    let told = Command::new("kill").args(["-HUP", &child.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let before = rows(&workplace, "out").len();
    eventually("it goes on", || rows(&workplace, "out").len() > before + 2_000);
    assert_eq!(interrupt(&args, child).code, Some(0));
}
