//! Documents and the pipelines they become.

use std::{path::PathBuf, time::Duration};

use levada_config::{ErrorSettings, Level, OnError, Pipeline, check_together, load, render};
use levada_connector_api::{BatchLimits, ByteSize, Interval};
use serde_json::{Value, json};

use crate::registry::registry;

fn read(text: &str) -> Pipeline {
    let environment = |name: &str| match name {
        "TASKS" => Some("4".to_owned()),
        "NOISE" => Some("true".to_owned()),
        "EMPTY" => Some(String::new()),
        "STRUCTURE" => Some("{a: [b]}\n- c".to_owned()),
        _ => None,
    };
    let (pipeline, problems) = load(text, "dir/my plant.v2.yaml", &registry(), &environment);
    let errors: Vec<_> = problems.iter().filter(|each| each.is_error()).cloned().collect();
    pipeline.unwrap_or_else(|| panic!("{}", render(&errors, text, false)))
}

/// The options of a Kafka source with this line in it.
fn kafka(line: &str) -> Value {
    let text = format!(
        "sources:\n  r:\n    decode: json\n    kafka:\n      brokers: b:1\n      topics: [t]\n      {line}\n\
         sinks: {{o: {{inputs: [r], stdout: }}}}"
    );
    read(&text).sources[0].component.options.clone()
}

#[test]
fn the_document_of_the_readme_becomes_a_pipeline() {
    let text = include_str!("../ui/quickstart.yaml");
    let pipeline = read(text);
    assert_eq!(pipeline.name, "plant-a");
    assert_eq!(pipeline.order, ["readings", "fahrenheit", "store"]);
    let [source] = &pipeline.sources[..] else { panic!("one source") };
    assert_eq!(source.component.name, "kafka");
    assert_eq!(
        source.component.options,
        json!({"brokers": "127.0.0.1:9092", "topics": ["sensors"], "group": "plant-a"})
    );
    let decode = source.decode.as_ref().expect("a decoder");
    assert_eq!((decode.name.as_str(), &decode.options["time"]), ("json", &json!("$.timestamp")));
    let [transform] = &pipeline.transforms[..] else { panic!("one transform") };
    assert_eq!(transform.inputs, ["readings"]);
    assert_eq!(transform.component.options, json!("select temperature * 1.8 + 32 as temperature_f"));
    let [sink] = &pipeline.sinks[..] else { panic!("one sink") };
    let linger = Interval(Duration::from_millis(200));
    assert_eq!(sink.batch, BatchLimits { rows: 10_000, bytes: ByteSize(4 << 20), linger });
    assert_eq!(sink.retry.max_elapsed, None);
    assert_eq!(pipeline.errors.on_error, OnError::DeadLetter);
    assert_eq!(pipeline.errors.dead_letter.file, Some(PathBuf::from("./dead/plant-a.jsonl")));
    assert_eq!(pipeline.inputs("store"), ["fahrenheit"]);
    assert_eq!(pipeline.consumers("readings").collect::<Vec<_>>(), ["fahrenheit"]);
}

#[test]
fn what_is_not_said_has_its_default() {
    let pipeline = read("sources: {r: {sensor: }}\nsinks: {o: {inputs: [r], stdout: }}");
    assert_eq!(pipeline.name, "my-plant.v2");
    assert_eq!(pipeline.sources[0].component.options, json!({}));
    assert_eq!(pipeline.errors, ErrorSettings::default());
    assert_eq!(pipeline.grace, Interval(Duration::from_secs(30)));
    assert_eq!((pipeline.state_dir, pipeline.http, pipeline.tests.len()), (None, None, 0));
}

#[test]
fn the_order_has_inputs_before_what_they_feed() {
    let pipeline = read(
        "sources: {a: {sensor: }, b: {sensor: }}\n\
         transforms: {z: {inputs: [y, b], sql: s}, y: {inputs: [x], sql: s}, x: {inputs: [a], sql: s}}\n\
         sinks: {o: {inputs: [z, a], stdout: }}",
    );
    let at = |name: &str| pipeline.order.iter().position(|each| each == name).expect("there");
    assert_eq!(pipeline.order.len(), 6);
    assert!(
        at("a") < at("x") && at("x") < at("y") && at("y") < at("z") && at("b") < at("z") && at("z") < at("o")
    );
}

#[test]
fn texts_become_what_their_option_wants() {
    assert_eq!(kafka("tasks: 4")["tasks"], json!(4));
    assert_eq!(kafka("tasks: ${TASKS}")["tasks"], json!(4));
    assert_eq!(kafka("tasks: '${TASKS}'")["tasks"], json!(4));
    assert_eq!(kafka("tasks: 0x10")["tasks"], json!(16));
    assert_eq!(kafka("tasks: 1_0")["tasks"], json!(10));
    assert_eq!(kafka("tasks: 1e1")["tasks"], json!(10));
    assert_eq!(kafka("start: latest")["start"], json!("latest"));
    assert_eq!(kafka("start: 1714521600000")["start"], json!(1_714_521_600_000_i64));
    assert_eq!(kafka("start: '${TIME:-1714521600000}'")["start"], json!(1_714_521_600_000_i64));
}

#[test]
fn a_plain_value_where_a_text_is_wanted_is_taken_as_it_was_written() {
    let properties =
        r#"a: 007, b: 1.10, c: true, d: 1e3, e: 0x1F, f: 2024-05-01, g: '5', h: "${TASKS}", i: '${EMPTY}'"#;
    let options = kafka(&format!("properties: {{{properties}}}"));
    let expected = json!({
        "a": "007", "b": "1.10", "c": "true", "d": "1e3", "e": "0x1F", "f": "2024-05-01", "g": "5", "h": "4", "i": ""
    });
    assert_eq!(options["properties"], expected);
}

#[test]
fn a_number_is_a_text_where_both_may_stand_and_writing_it_as_a_number_loses_something() {
    let options = kafka("more: {a: 5, b: 1.10, c: 007, d: true, e: 1.5, f: '5'}");
    assert_eq!(options["more"], json!({"a": 5, "b": "1.10", "c": "007", "d": true, "e": 1.5, "f": "5"}));
}

#[test]
fn what_a_variable_holds_changes_no_structure() {
    assert_eq!(kafka("group: ${STRUCTURE}")["group"], json!("{a: [b]}\n- c"));
    assert_eq!(kafka("group: $${STRUCTURE}")["group"], json!("${STRUCTURE}"));
}

#[test]
fn a_variable_between_brackets_and_braces_needs_no_quotes() {
    let text = "sources:
  r:
    # {brokers: ${UNSET}} is no variable here, nor is '[${UNSET}' there.
    decode: {json: {device: 'a,{${TASKS}}', time: \"${TASKS}#\"}}
    kafka: {brokers: ${UNSET:-host:9092, [x] # 'y'}, topics: [b:${TASKS}, t-${TASKS}-${UNSET:-${TASKS}}, $${HOME}, $.x],
      group: ${STRUCTURE}, tasks: ${TASKS}}
x-text:
  - of: |
      don't [${UNSET}, 'tis {${UNSET}
    plain: a, {b} [c
sinks: {o: {inputs: [r], stdout: }}";
    let pipeline = read(text);
    let expected = json!({
        "brokers": "host:9092, [x] # 'y'",
        "topics": ["b:4", "t-4-4", "${HOME}", "$.x"],
        "group": "{a: [b]}\n- c",
        "tasks": 4
    });
    assert_eq!(pipeline.sources[0].component.options, expected);
    let decode = pipeline.sources[0].decode.as_ref().map(|decode| decode.options.clone());
    assert_eq!(decode, Some(json!({"device": "a,{4}", "time": "4#"})));
}

#[test]
fn short_forms_say_the_same_as_long_ones() {
    let long = "sources: {r: {kafka: {brokers: b, topics: [t]}, decode: {json: {}}}}\n\
                sinks: {o: {inputs: [r], stdout: {}}}\nerrors: {on_error: stop}";
    let short = "sources: {r: {kafka: {brokers: b, topics: [t]}, decode: json}}\n\
                 sinks: {o: {inputs: [r], stdout: }}\nerrors: stop";
    assert_eq!(read(long), read(short));
}

#[test]
fn anchors_and_merge_keys_share_what_is_common() {
    let pipeline = read(
        "x-kafka: &kafka {brokers: 'b:1', topics: [t]}\n\
         sources:\n  a: {kafka: *kafka, decode: json}\n  b: {kafka: {<<: *kafka, topics: [u]}, decode: json}\n\
         sinks: {o: {inputs: [a, b], stdout: }}",
    );
    assert_eq!(pipeline.sources[0].component.options, json!({"brokers": "b:1", "topics": ["t"]}));
    assert_eq!(pipeline.sources[1].component.options, json!({"topics": ["u"], "brokers": "b:1"}));
}

#[test]
fn a_warning_leaves_the_pipeline() {
    let text = include_str!("../ui/unread.yaml");
    let (pipeline, problems) = load(text, "f", &registry(), &|_| None);
    assert!(pipeline.is_some());
    assert!(problems.iter().all(|each| each.level == Level::Warning) && problems.len() == 2);
}

#[test]
fn diagnostics_are_json_for_programs() {
    let text = "sources: {r: {sensro: }}\nsinks: {o: {inputs: [r], stdout: }}\n";
    let (_, problems) = load(text, "f.yaml", &registry(), &|_| None);
    let given = serde_json::to_value(&problems).expect("diagnostics serialise");
    let expected = json!([{
        "code": "CFG020",
        "level": "error",
        "path": "sources.r.sensro",
        "span": {"file": "f.yaml", "line": 1, "column": 15, "offset": 14, "len": 6},
        "message": "there is no source `sensro`",
        "help": "did you mean `sensor`?",
        "notes": [],
    }]);
    assert_eq!(given, expected);
}

#[test]
fn colours_surround_the_same_text() {
    let text = include_str!("../ui/cycle.yaml");
    let (_, problems) = load(text, "f.yaml", &registry(), &|_| None);
    let coloured = render(&problems, text, true);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    assert!(coloured.contains("\x1b[1;31m"));
    assert_eq!(plain + rest, render(&problems, text, false));
}

#[test]
fn pipelines_that_run_together_share_no_name_and_no_file() {
    let with = |name: &str, file: &str, dead: &str| {
        read(&format!(
            "name: {name}\nsources: {{r: {{sensor: }}}}\nsinks: {{o: {{inputs: [r], file: {{path: {file}}}}}}}\n\
             errors: {{dead_letter: {{file: {dead}}}}}"
        ))
    };
    let messages = |pipelines: &[&Pipeline]| {
        let found = check_together(pipelines, &registry());
        found.into_iter().map(|each| each.message).collect::<Vec<_>>()
    };
    let (a, b) = (with("a", "a.csv", "dead.jsonl"), with("b", "b.csv", "dead.jsonl"));
    assert_eq!(messages(&[&a, &b]), [""; 0]);
    let c = with("a", "./b.csv", "a.csv");
    assert_eq!(
        messages(&[&a, &b, &c]),
        [
            "two pipelines are called `a`",
            "`o` of `b` and `o` of `a` both need the file `./b.csv` for themselves",
            "`o` of `a` and the dead letters of `a` both need the file `a.csv` for themselves",
        ]
    );
}
