//! Generated schemas, pages and skeletons.

use std::{fs, path::Path};

use levada_config::{document_reference, document_schema, load, reference, render, skeleton};
use levada_connector_api::ComponentKind;
use serde_json::Value;

use crate::registry::registry;

/// Compares with a file of `tests/explain`, or writes it where `LEVADA_UI=rewrite`.
fn pinned(name: &str, given: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain").join(name);
    if std::env::var("LEVADA_UI").is_ok_and(|value| value == "rewrite") {
        fs::write(path, given).expect("written");
    } else {
        assert_eq!(given, fs::read_to_string(path).expect("a pinned text"), "{name}");
    }
}

#[test]
fn reference_pages_are_as_pinned() {
    let registry = registry();
    for kind in ComponentKind::ALL {
        for component in registry.all(kind) {
            pinned(&format!("{}-{}.md", kind.name(), component.name), &reference(&registry, component));
        }
    }
    pinned("document.md", &document_reference());
}

#[test]
fn skeletons_are_as_pinned_and_read_without_a_problem() {
    let registry = registry();
    let combinations: [(&str, &str, &[&str], &str); 4] = [
        ("kafka-iotdb.yaml", "kafka", &[], "iotdb"),
        ("sensor-sql-stdout.yaml", "sensor", &["sql"], "stdout"),
        ("sensor-where-file.yaml", "sensor", &["where", "where"], "file"),
        ("kafka-file.yaml", "kafka", &[], "file"),
    ];
    for (name, source, transforms, sink) in combinations {
        let text = skeleton(&registry, source, transforms, sink).expect("components that are there");
        let (pipeline, problems) = load(&text, name, &registry, &|_| None);
        assert!(pipeline.is_some() && problems.is_empty(), "{}\n{text}", render(&problems, &text, false));
        pinned(name, &text);
        // Its comments are options: uncommented, they read without a problem too.
        let uncommented = uncomment(&text);
        let (_, problems) = load(&uncommented, name, &registry, &|_| Some("x".to_owned()));
        assert!(problems.is_empty(), "{}\n{uncommented}", render(&problems, &uncommented, false));
    }
    let error = skeleton(&registry, "kafak", &[], "iotdb").expect_err("no such source");
    assert_eq!(error.to_string(), "there is no source `kafak`: did you mean `kafka`?");
}

/// Uncomments the options: `# rows: 5`, not `# Rows that may wait.`
fn uncomment(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let indent = line.len() - line.trim_start().len();
        let option = line.trim_start().strip_prefix("# ").filter(|rest| {
            let key = rest.split_once(": ").map(|(key, _)| key);
            key.is_some_and(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        });
        let line = option.map_or(line.to_owned(), |option| format!("{}{option}", " ".repeat(indent)));
        // `stdout: {}` with options below it.
        line.strip_suffix(": {}").filter(|_| indent == 4).map_or(line.clone(), |key| format!("{key}:"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_reference_of_the_document_schema_leads_somewhere() {
    fn walk(value: &Value, root: &Value, seen: &mut usize) {
        match value {
            Value::Object(keywords) => {
                if let Some(Value::String(reference)) = keywords.get("$ref") {
                    let pointer = reference.strip_prefix('#').expect("within the document");
                    assert!(root.pointer(pointer).is_some(), "{reference}");
                    *seen += 1;
                }
                keywords.values().for_each(|value| walk(value, root, seen));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, root, seen)),
            _ => {}
        }
    }
    let schema = document_schema(&registry());
    let mut seen = 0;
    walk(&schema, &schema, &mut seen);
    assert!(seen >= 9, "each component is referred to");
    let text = serde_json::to_string_pretty(&schema).expect("a value prints");
    pinned("document.schema.json", &(text + "\n"));
}
