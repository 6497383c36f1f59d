//! `levada udf`: what authors of functions need.

use std::fs;

use crate::command::{Workplace, repository};

const EXAMPLES: &str = "examples/udf/rust";

/// A workplace with the examples' module and rows, and caches of its own.
fn workplace() -> Workplace {
    let mut workplace = Workplace::new();
    let cache = workplace.path("cache").display().to_string();
    workplace.env("XDG_CACHE_HOME", cache);
    fs::create_dir(workplace.path("functions")).expect("writable");
    for entry in fs::read_dir(repository().join(EXAMPLES)).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            fs::copy(&path, workplace.path("functions").join(name)).expect("writable");
        }
    }
    workplace
}

#[test]
fn the_functions_of_a_folder_are_listed_and_broken_modules_are_told_of() {
    let workplace = workplace();
    let listed = workplace.run(&["udf", "list", "functions"]).ok();
    let ids: Vec<_> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let expected = ["Adder", "Clamp", "Counter", "Max", "Span"].map(|name| format!("org.example.{name}"));
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    workplace.write("functions/deep/broken.wasm", "no");
    let listed = workplace.run(&["udf", "list", "functions", "--format", "json"]);
    assert_eq!(listed.code, Some(1));
    assert!(listed.stderr.contains("broken.wasm: it is no WASM component"), "{}", listed.stderr);
    assert_eq!(listed.stdout.matches("\"UDTF\"").count(), 4, "{}", listed.stdout);
}

#[test]
fn each_example_gives_what_its_file_says() {
    let workplace = workplace();
    let cases: [(&str, &str, &[&str], &str); 5] = [
        ("Adder", "rows", &[], "adder"),
        ("Counter", "rows", &["--attribute", "time_interval=10"], "counter"),
        ("Max", "one", &[], "max"),
        ("Clamp", "one", &["--attribute", "low=0", "--attribute", "high=100"], "clamp"),
        ("Span", "one", &[], "span"),
    ];
    for (function, rows, attributes, expected) in cases {
        let function = format!("org.example.{function}");
        let (rows, expected) = (format!("functions/{rows}.csv"), format!("functions/{expected}.csv"));
        let mut command = vec!["udf", "test", "functions", "--function", &function, "--csv", &rows];
        command.extend_from_slice(attributes);
        let printed = workplace.run(&command).ok();
        assert_eq!(printed, fs::read_to_string(workplace.path(&expected)).expect("it is committed"));
        command.extend_from_slice(&["--expect", &expected]);
        assert!(workplace.run(&command).ok().contains("lines as expected"));
    }
    // It was compiled in a child, and kept.
    let kept = fs::read_dir(workplace.path("cache/levada/udf")).expect("the cache").count();
    assert_eq!(kept, 1);
}

#[test]
fn what_differs_and_what_is_wrong_is_told() {
    let workplace = workplace();
    let run = |arguments: &[&str]| {
        let mut command = vec!["udf", "test", "functions", "--csv", "functions/one.csv"];
        command.extend_from_slice(arguments);
        let finished = workplace.run(&command);
        (finished.code, finished.stderr)
    };
    let (code, told) = run(&["--function", "org.example.Max", "--expect", "functions/clamp.csv"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("functions/clamp.csv:2: expected 1,1, got 3,130"), "{told}");
    let (code, told) = run(&["--function", "org.example.Clamp"]);
    assert_eq!(code, Some(1));
    let message = "function org.example.Clamp: validate: attribute \"low\" is required but was not provided.";
    assert!(told.contains(message), "{told}");
    let (code, told) = run(&[]);
    assert_eq!(code, Some(3));
    assert!(told.contains("say which function with --function: "), "{told}");
}

#[test]
fn a_new_project_has_all_that_it_needs_and_is_made_once() {
    let workplace = Workplace::new();
    let told = workplace.run(&["udf", "new", "plant"]).ok();
    assert!(told.contains("levada udf build plant"), "{told}");
    for file in ["Cargo.toml", "src/lib.rs", "sdk/src/lib.rs", "sdk/bindings/library.rs", "rows.csv"] {
        assert!(workplace.path("plant").join(file).is_file(), "{file}");
    }
    let code = fs::read_to_string(workplace.path("plant/src/lib.rs")).expect("it is there");
    assert!(code.contains("udtf \"plant.Scale\""), "{code}");
    assert_eq!(workplace.run(&["udf", "new", "plant"]).code, Some(3));
    assert_eq!(workplace.run(&["udf", "new", "Not a name"]).code, Some(3));
    let built = workplace.run(&["udf", "build", "."]);
    assert_eq!(built.code, Some(3));
    assert!(built.stderr.contains("has no Cargo.toml"), "{}", built.stderr);
}

#[test]
fn figures_of_a_function_are_printed() {
    let workplace = workplace();
    let command = ["udf", "bench", "functions", "--function", "org.example.Adder", "--inputs", "INT64,INT64"];
    let printed = workplace.run(&[&command[..], &["--rows", "10000", "--repeat", "1"]].concat()).ok();
    assert!(printed.contains("10000 rows in ") && printed.contains("10000 values"), "{printed}");
}
