//! Encoders beside sinks: what they write decoders read, and what says the same twice is told.

use crate::command::Workplace;

const READINGS: &str = "{\"device\":\"root.d1\",\"time\":1714550400000,\"t\":21.5,\"on\":true}
{\"device\":\"root.d1\",\"time\":1714550401000,\"name\":\"it's 5, so\"}
";

fn pipeline(input: &str, decode: &str, sink: &str) -> String {
    format!(
        "sources:
  in:
    file: {{paths: [{input}]}}
    decode: {decode}
sinks:
  out:
    inputs: [in]
    {sink}
errors: {{dead_letter: {{file: dead.jsonl}}}}
"
    )
}

#[test]
fn what_an_encoder_writes_its_decoder_reads() {
    let workplace = Workplace::new();
    workplace.write("in.jsonl", READINGS);
    let there = pipeline("in.jsonl", "json", "file: {path: out/events.txt}\n    encode: line");
    workplace.write("there.yaml", &there);
    workplace.run(&["run", "there.yaml"]).ok();
    let events = std::fs::read_to_string(workplace.path("out/events.txt")).expect("written");
    let mut lines: Vec<_> = events.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "root.d1,1714550400000,t:on,DOUBLE:BOOLEAN,21.5:true",
            "root.d1,1714550401000,name,TEXT,'it's 5, so'"
        ]
    );
    let back = pipeline("out/events.txt", "line", "stdout: {}\n    encode: {jsonl: {}}");
    workplace.write("back.yaml", &back);
    let rows = workplace.run(&["run", "back.yaml"]).ok();
    for line in READINGS.lines() {
        let wanted: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let came = rows.lines().filter_map(|row| serde_json::from_str(row).ok());
        assert!(came.into_iter().any(|row: serde_json::Value| row == wanted), "{line} in {rows}");
    }
}

#[test]
fn an_event_that_a_line_cannot_say_is_dead_lettered() {
    let workplace = Workplace::new();
    workplace.write("in.jsonl", &READINGS.replace("it's 5", "08:15"));
    workplace.write("p.yaml", &pipeline("in.jsonl", "json", "file: {path: out.txt}\n    encode: line"));
    workplace.run(&["run", "p.yaml"]);
    assert_eq!(std::fs::read_to_string(workplace.path("out.txt")).expect("written").lines().count(), 1);
    let dead = std::fs::read_to_string(workplace.path("dead.jsonl")).expect("written");
    assert!(dead.lines().count() == 1 && dead.contains("an event line cannot say a text with"), "{dead}");
}

#[test]
fn encode_beside_what_says_the_same_or_writes_no_lines_is_told() {
    let workplace = Workplace::new();
    for (sink, wanted) in [
        ("file: {path: a.csv, format: csv}\n    encode: csv", "`format` says what `encode` says too"),
        ("blackhole: {}\n    encode: csv", "`blackhole` writes no lines: there is nothing to encode"),
        (
            "file: {path: a.txt}\n    encode: {avro: {registry: {url: 'http://r'}}}",
            "`file` writes lines, and `avro` makes records of bytes",
        ),
        (
            "kafka: {brokers: b, topic: t, message: rows}\n    encode: {avro: {registry: {url: 'http://r'}}}",
            "`avro` makes records of bytes: a message has one row",
        ),
        ("kafka: {brokers: b, topic: t}\n    encode: {avro: {}}", "of which schema records are is not said"),
        ("stdout: {}\n    encode: cvs", "there is no encoder `cvs`"),
        ("stdout: {}\n    encode: {}", "`encode` names no encoder"),
        ("stdout: {}\n    encode: {csv: {types: true}}", "types are for"),
    ] {
        workplace.write("p.yaml", &pipeline("in.jsonl", "json", sink));
        let lint = workplace.run(&["lint", "p.yaml"]);
        assert!(lint.code != Some(0) && (lint.stdout + &lint.stderr).contains(wanted), "{sink}: {wanted}");
    }
}

#[test]
fn lint_finds_a_header_line_where_each_record_stands_alone() {
    let workplace = Workplace::new();
    let sources = [
        ("kafka", "{brokers: \"127.0.0.1:1\", group: g, topics: [x]}"),
        ("mqtt", "{broker: \"127.0.0.1:1\", topics: [x]}"),
        ("http", "{listen: \"127.0.0.1:0\"}"),
    ];
    for (source, options) in sources {
        let pipeline = |csv: &str| {
            format!(
                "name: q\nsources: {{s: {{{source}: {options}, decode: {{csv: {csv}}}}}}}\nsinks: {{o: {{inputs: [s], stdout: {{}}}}}}\n"
            )
        };
        workplace.write("p.yaml", &pipeline("{columns: [device, time, v]}"));
        workplace.run(&["lint", "p.yaml"]).ok();
        workplace.write("p.yaml", &pipeline("{}"));
        for command in ["lint", "run"] {
            let rejected = workplace.run(&[command, "p.yaml"]);
            assert_eq!(rejected.code, Some(3), "{command} {source}: {}", rejected.stderr);
            assert!(rejected.stderr.contains("there is no header line"), "{}", rejected.stderr);
            assert!(rejected.stderr.contains("sources.s.decode.csv"), "{}", rejected.stderr);
        }
    }
    let wide = "name: q\nsources: {s: {sensor: {rows: 1}}}\nsinks: {o: {inputs: [s], kafka: {brokers: \"127.0.0.1:1\", topic: t}, encode: {csv: {form: wide}}}}\n";
    workplace.write("p.yaml", wide);
    let rejected = workplace.run(&["lint", "p.yaml"]);
    assert_eq!(rejected.code, Some(3), "{}", rejected.stderr);
    assert!(rejected.stderr.contains("sinks.o.encode.csv"), "{}", rejected.stderr);
}
