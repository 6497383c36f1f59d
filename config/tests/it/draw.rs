//! Drawings of a pipeline's graph.

use levada_config::{GraphForm, draw, load};

use crate::registry::registry;

#[test]
fn a_graph_is_drawn_in_three_forms() {
    let text = "
name: plant-a
sources:
  readings: {kafka: {brokers: 'b:9092', topics: [t], group: g}, decode: {json: {}}}
transforms:
  half: {inputs: [readings], where: {above: {measurement: n, limit: 1}}}
sinks:
  store: {inputs: [half], iotdb: {embedded: data, database: root.p}}
  all: {inputs: [readings, half.late], file: {path: out.jsonl}}
";
    let (pipeline, problems) = load(text, "p.yaml", &registry(), &|_| None);
    assert!(problems.is_empty(), "{problems:?}");
    let pipeline = pipeline.expect("a pipeline");
    let drawn = [GraphForm::Text, GraphForm::Dot, GraphForm::Mermaid].map(|form| draw(&pipeline, form));
    assert_eq!(
        drawn[0],
        "source     readings  kafka, json  ─▶ half, all\n\
         transform  half      where        ─▶ store, all (late)\n\
         sink       store     iotdb\n\
         sink       all       file\n"
    );
    assert_eq!(
        drawn[1],
        "digraph \"plant-a\" {\n  rankdir=LR;\n\
         \x20 n0 [shape=cds, label=\"readings\\nkafka, json\"];\n\
         \x20 n1 [shape=box, label=\"half\\nwhere\"];\n\
         \x20 n2 [shape=cylinder, label=\"store\\niotdb\"];\n\
         \x20 n3 [shape=cylinder, label=\"all\\nfile\"];\n\
         \x20 n0 -> n1;\n  n0 -> n3;\n  n1 -> n2;\n  n1 -> n3 [label=\"late\"];\n}\n"
    );
    assert_eq!(
        drawn[2],
        "flowchart LR\n\
         \x20 n0([\"readings<br>kafka, json\"])\n\
         \x20 n1[\"half<br>where\"]\n\
         \x20 n2[(\"store<br>iotdb\")]\n\
         \x20 n3[(\"all<br>file\")]\n\
         \x20 n0 --> n1\n  n0 --> n3\n  n1 --> n2\n  n1 -->|late| n3\n"
    );
}
