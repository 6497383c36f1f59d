//! Error texts are pinned: `tests/ui/*.yaml` beside the `*.stderr` that each gives.
//!
//! `LEVADA_UI=rewrite cargo test -p levada-config` writes what they give now; read the difference before it is committed.

use std::{fs, path::Path};

use levada_config::{load, render};

use crate::registry::registry;

/// What is set while these documents are read.
fn environment(name: &str) -> Option<String> {
    match name {
        "BROKERS" => Some("10.0.0.1:9092".to_owned()),
        "PORT" => Some("nine".to_owned()),
        "DB_PASSWORD" => Some("hunter2".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

#[test]
fn documents_give_the_pinned_texts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let rewrite = std::env::var("LEVADA_UI").is_ok_and(|value| value == "rewrite");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    names.sort();
    assert!(names.len() > 20, "documents are found");
    let registry = registry();
    let mut wrong = Vec::new();
    for path in names {
        let text = fs::read_to_string(&path).expect("a document");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (pipeline, problems) = load(&text, &name, &registry, &environment);
        assert_eq!(pipeline.is_some(), !problems.iter().any(|each| each.is_error()), "{name}");
        let given = render(&problems, &text, false);
        assert!(!given.contains("hunter2"), "{name} shows a secret");
        let pinned = path.with_extension("stderr");
        let expected = fs::read_to_string(&pinned).unwrap_or_default();
        if given == expected {
            continue;
        }
        if rewrite {
            fs::write(&pinned, given).expect("written");
        } else {
            wrong.push(format!("{name} gives:\n{given}\nand should give:\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
