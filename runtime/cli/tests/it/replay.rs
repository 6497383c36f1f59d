//! `levada replay`, as somebody uses it who has mended what was wrong.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
};

use serde_json::{Value, json};

use crate::command::{Workplace, eventually, free_address, interrupt};

const LETTERS: &str = ".levada/plant/dead-letters.jsonl";

/// A pipeline whose measurement `temperature` is a number; another name for it where one is given.
fn pipeline(renamed: Option<&str>) -> String {
    let (named, input) = match renamed {
        Some(name) => (
            format!(
                "transforms:\n  named: {{inputs: [in], rename: {{measurements: {{temperature: {name}}}}}}}\n"
            ),
            "named",
        ),
        None => (String::new(), "in"),
    };
    format!(
        "name: plant
sources:
  in:
    file: {{paths: in.jsonl}}
    decode: {{json: {{}}}}
{named}sinks:
  store:
    inputs: [{input}]
    iotdb:
      embedded: data
      database: root.plant
      timeseries: [{{path: root.plant.d1.temperature, type: DOUBLE}}]
"
    )
}

/// A workplace in which a run has left two letters.
fn workplace() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("plant.yaml", &pipeline(None));
    let records = [
        r#"{"device":"d1","time":1,"temperature":1.5}"#,
        r#"{"device":"d1","time":2,"temperature":"warm"}"#,
        "{oops",
    ];
    workplace.write("in.jsonl", &format!("{}\n", records.join("\n")));
    workplace.run(&["run", "--quiet", "plant.yaml"]).ok();
    workplace
}

fn replay(workplace: &Workplace, more: &[&str]) -> (Option<i32>, Value) {
    let args = [&["replay", LETTERS, "plant.yaml", "--format", "json"], more].concat();
    let done = workplace.run(&args);
    let outcome = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stderr));
    (done.code, outcome)
}

#[test]
fn what_is_mended_is_stored_and_what_is_not_is_a_letter_again() {
    let workplace = workplace();
    workplace.write("plant.yaml", &pipeline(Some("note")));
    let dry = workplace.run(&["replay", LETTERS, "plant.yaml", "--dry-run"]).ok();
    assert!(dry.contains("2 letters, 0 of them replayed before") && dry.contains("2 would be sent"), "{dry}");
    let (code, outcome) = replay(&workplace, &[]);
    assert_eq!((code, &outcome["replayed"], &outcome["failed_again"]), (Some(0), &json!(1), &json!(1)));
    let notes = workplace.sql("data", "select note from root.plant.d1");
    assert!(notes.lines().count() == 2 && notes.contains("warm"), "{notes}");
    // What is left is only what no pipeline can read.
    let (code, outcome) = replay(&workplace, &[]);
    assert_eq!((code, &outcome["replayed_before"], &outcome["selected"]), (Some(5), &json!(2), &json!(1)));
    assert_eq!((&outcome["replayed"], &outcome["failed_again"]), (&json!(0), &json!(1)));
}

#[test]
fn of_a_message_of_several_lines_a_letter_holds_the_one_that_was_rejected() {
    let workplace = Workplace::new();
    let address = free_address();
    let source = format!("http: {{listen: '{address}'}}\n    decode: {{json: {{lines: true}}}}");
    let plant = |renamed| {
        let text = pipeline(renamed);
        text.replace("file: {paths: in.jsonl}\n    decode: {json: {}}", &source)
    };
    workplace.write("plant.yaml", &plant(None));
    let args = ["run", "--quiet", "plant.yaml"];
    let mut child = workplace.levada(&args);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("levada starts");
    eventually("requests are taken", || TcpStream::connect(&address).is_ok());
    let line = |time: i64, value: &str| format!(r#"{{"device":"d1","time":{time},"temperature":{value}}}"#);
    let lines = [line(1, "1.5"), line(2, "\"warm\""), "{oops".to_owned(), line(4, "4.5")];
    let body = lines.join("\r\n");
    let mut stream = TcpStream::connect(&address).expect("listens");
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("line 3: "), "{answer}");
    assert_eq!(interrupt(&args, child).code, Some(0));
    let letters = std::fs::read_to_string(workplace.path(LETTERS)).expect("letters");
    let letters: Vec<Value> =
        letters.lines().map(|each| serde_json::from_str(each).expect("a letter")).collect();
    let mut texts: Vec<_> = letters.iter().filter_map(|letter| letter["text"].as_str()).collect();
    texts.sort_unstable();
    assert_eq!(texts, [&lines[1], &lines[2]]);
    assert!(letters.iter().all(|letter| letter["position"] == json!(0)), "{letters:?}");
    workplace.write("plant.yaml", &plant(Some("note")));
    let (code, outcome) = replay(&workplace, &[]);
    assert_eq!((code, &outcome["replayed"], &outcome["failed_again"]), (Some(0), &json!(1), &json!(1)));
    let notes = workplace.sql("data", "select note from root.plant.d1");
    assert!(notes.lines().count() == 2 && notes.contains("warm"), "{notes}");
}

#[test]
fn letters_are_selected_by_reason_node_and_time() {
    let workplace = workplace();
    workplace.write("plant.yaml", &pipeline(Some("note")));
    for none in [["--since", "2099-01-01T00:00:00Z"], ["--node", "elsewhere"], ["--reason", "no such words"]]
    {
        let (code, outcome) = replay(&workplace, &none);
        assert_eq!((code, &outcome["selected"], &outcome["not_selected"]), (Some(0), &json!(0), &json!(2)));
    }
    let (code, outcome) = replay(&workplace, &["--node", "store", "--limit", "1"]);
    assert_eq!((code, &outcome["replayed"], &outcome["not_selected"]), (Some(0), &json!(1), &json!(1)));
}

#[test]
fn what_is_no_letter_is_named_and_left() {
    let workplace = workplace();
    workplace.write("plant.yaml", &pipeline(Some("note")));
    workplace.write("letters.jsonl", "{\"time\":1}\n");
    let done = workplace.run(&["replay", "letters.jsonl", "plant.yaml"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stdout.contains("line 1 left: no dead letter"), "{}", done.stdout);
    let done = workplace.run(&["replay", "nowhere.jsonl", "plant.yaml"]);
    assert_eq!(done.code, Some(3), "{}", done.stderr);
    assert!(done.stderr.contains("nowhere.jsonl"), "{}", done.stderr);
    // A pipeline of another name is another pipeline.
    workplace.write("other.yaml", &pipeline(None).replace("name: plant", "name: other"));
    let done = workplace.run(&["replay", LETTERS, "other.yaml"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stdout.contains("it is of the pipeline `plant`"), "{}", done.stdout);
}
