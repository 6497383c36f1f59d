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
    let expected =
        ["Adder", "Clamp", "Counter", "Max", "Span", "Total"].map(|name| format!("org.example.{name}"));
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    workplace.write("functions/deep/broken.wasm", "no");
    let listed = workplace.run(&["udf", "list", "functions", "--format", "json"]);
    assert_eq!(listed.code, Some(1));
    assert!(listed.stderr.contains("broken.wasm: it is no WASM component"), "{}", listed.stderr);
    assert_eq!(listed.stdout.matches("\"UDTF\"").count(), 5, "{}", listed.stdout);
}

#[test]
fn each_example_gives_what_its_file_says() {
    let workplace = workplace();
    let cases: [(&str, &str, &[&str], &str); 6] = [
        ("Adder", "rows", &[], "adder"),
        ("Counter", "rows", &["--attribute", "time_interval=10"], "counter"),
        ("Max", "one", &[], "max"),
        ("Clamp", "one", &["--attribute", "low=0", "--attribute", "high=100"], "clamp"),
        ("Span", "one", &[], "span"),
        ("Total", "one", &[], "total"),
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
    for (lang, code) in [("c", "functions.c"), ("python", "functions.py"), ("javascript", "functions.js")] {
        workplace.run(&["udf", "new", lang, "--lang", lang]).ok();
        let code = fs::read_to_string(workplace.path(lang).join(code)).expect("it is there");
        assert!(code.contains(&format!("{lang}.Scale")), "{code}");
        let declared = fs::read_to_string(workplace.path(lang).join("functions.txt")).expect("it is there");
        assert!(declared.ends_with(&format!("udtf {lang}.Scale\n")), "{declared}");
    }
}

#[test]
fn a_new_project_begins_with_an_aggregate_where_it_is_asked_to() {
    let workplace = Workplace::new();
    let languages = [
        ("rust", "src/lib.rs"),
        ("c", "functions.c"),
        ("python", "functions.py"),
        ("javascript", "functions.js"),
    ];
    for (lang, code) in languages {
        let told = workplace.run(&["udf", "new", lang, "--lang", lang, "--aggregate"]).ok();
        assert!(told.contains(&format!("create function mean as '{lang}.Mean'")), "{told}");
        let read = |file: &str| fs::read_to_string(workplace.path(lang).join(file)).expect("it is there");
        assert!(read(code).contains(&format!("{lang}.Mean")), "{}", read(code));
        assert!(lang == "rust" || read("functions.txt").ends_with(&format!("udaf {lang}.Mean\n")));
        assert_eq!(read("expected.csv"), "value\n3.0\n");
    }
}

#[test]
fn figures_of_a_function_are_printed() {
    let workplace = workplace();
    let command = ["udf", "bench", "functions", "--function", "org.example.Adder", "--inputs", "INT64,INT64"];
    let printed = workplace.run(&[&command[..], &["--rows", "10000", "--repeat", "1"]].concat()).ok();
    assert!(printed.contains("10000 rows in ") && printed.contains("10000 values"), "{printed}");
}

#[test]
fn lint_knows_the_functions_of_a_pipelines_folder() {
    let workplace = workplace();
    let lint = |select: &str, functions: &str| {
        let text = format!(
            "sources:\n  s:\n    sensor: {{rows: 3}}\ntransforms:\n  t:\n    inputs: [s]\n    sql:\n      select: {select}\n      \
             functions: {functions}\nsinks:\n  out:\n    inputs: [t]\n    stdout: {{}}\n"
        );
        workplace.write("p.yaml", &text);
        workplace.run(&["lint", "p.yaml"])
    };
    let right = lint("total(temperature) as sum, sin(temperature)", "./functions");
    assert_eq!((right.code, right.stderr.as_str()), (Some(0), ""), "{}", right.stdout);
    let rejected = |select: &str, functions: &str, place: &str, what: &str| {
        let finished = lint(select, functions);
        assert_eq!(finished.code, Some(3), "{}", finished.stderr);
        assert!(
            finished.stderr.contains(place) && finished.stderr.contains(what),
            "{what}: {}",
            finished.stderr
        );
    };
    let near = "line 1, column 5: there is no function `totla`: did you mean `total`?";
    rejected("1 + totla(temperature)", "./functions", "p.yaml:8", near);
    rejected("total(temperature)", "./gone", "p.yaml:9", "there is no folder ./gone");
    let engine = lint("total(temperature)", "engine");
    assert_eq!(engine.code, Some(0), "{}", engine.stderr);
    assert!(
        engine.stderr.contains("`total` is not built in: the engine that serves the pipeline"),
        "{}",
        engine.stderr
    );
    workplace.write("functions/broken.wasm", "no");
    rejected("total(temperature)", "./functions", "p.yaml:9", "broken.wasm: it is no WASM component");
}

#[test]
fn the_example_of_windows_passes_its_tests_and_lint_knows_its_aggregates() {
    let workplace = workplace();
    let example = fs::read_to_string(repository().join("examples/udf/windows.yaml")).expect("it is there");
    workplace.write("windows.yaml", &example);
    workplace.run(&["test", "windows.yaml"]).ok();
    workplace.write("wrong.yaml", &example.replace("[avg, span]", "[avg, spam]"));
    let linted = workplace.run(&["lint", "wrong.yaml"]);
    assert_eq!(linted.code, Some(3), "{}", linted.stderr);
    let near = "there is no function `spam`: did you mean `span`?";
    assert!(linted.stderr.contains(near) && linted.stderr.contains("[avg, spam]"), "{}", linted.stderr);
}

#[test]
fn what_is_missing_to_build_other_languages_is_said_with_how_to_get_it() {
    let mut workplace = Workplace::new();
    // Nothing is found there.
    workplace.env("PATH", workplace.path("empty").display().to_string());
    workplace.env("WASI_SDK_PATH", "/no/such/sdk");
    let tools = [
        ("c", "wasi-libc"),
        ("python", "pip install componentize-py"),
        ("javascript", "npm install -g @bytecodealliance/componentize-js"),
    ];
    for (lang, tool) in tools {
        workplace.run(&["udf", "new", lang, "--lang", lang]).ok();
        let built = workplace.run(&["udf", "build", lang]);
        assert_eq!(built.code, Some(3));
        assert!(built.stderr.contains(tool), "{}", built.stderr);
    }
    workplace.write("c/functions.txt", "udtf c.Scale\nudx y\n");
    let built = workplace.run(&["udf", "build", "c"]);
    assert!(built.stderr.contains("functions.txt:2: `udx y` declares no function"), "{}", built.stderr);
    fs::remove_file(workplace.path("c/functions.txt")).expect("it is there");
    let built = workplace.run(&["udf", "build", "c"]);
    assert!(built.stderr.contains("it names the module's functions, one in a line"), "{}", built.stderr);
}

#[test]
fn the_functions_in_c_give_what_those_in_rust_do() {
    let workplace = workplace();
    let module = repository().join("examples/udf/c/c.wasm").display().to_string();
    let listed = workplace.run(&["udf", "list", &module]).ok();
    assert_eq!((listed.matches("UDTF").count(), listed.matches("UDAF").count()), (4, 2), "{listed}");
    let cases: [(&str, &str, &[&str], &str); 3] = [
        ("c.Adder", "rows", &[], "adder"),
        ("c.Span", "one", &[], "span"),
        ("c.Counter", "rows", &["--attribute", "time_interval=10"], "counter"),
    ];
    for (function, rows, attributes, expected) in cases {
        let (rows, expected) = (format!("functions/{rows}.csv"), format!("functions/{expected}.csv"));
        let mut command =
            vec!["udf", "test", &module, "--function", function, "--csv", &rows, "--expect", &expected];
        command.extend_from_slice(attributes);
        workplace.run(&command).ok();
    }
    let max =
        workplace.run(&["udf", "test", &module, "--function", "c.Max", "--csv", "functions/one.csv"]).ok();
    assert_eq!(max, "Time,value\n3,130.0\n");
    let wrong =
        workplace.run(&["udf", "test", &module, "--function", "c.Counter", "--csv", "functions/one.csv"]);
    assert!(wrong.stderr.contains("attribute \"time_interval\" is required"), "{}", wrong.stderr);
}
