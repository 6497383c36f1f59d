//! What `levada docs` and `levada create` print is true: examples lint and do what they say, comments may be taken away.

use levada_config::{Topic, load, reference, render, skeleton, topics};
use levada_connector_api::{ComponentKind, Registry};

use crate::command::Workplace;

fn registry() -> Registry {
    levada_runtime::transform::register(levada_sink::register(levada_source::register(Registry::new())))
}

/// The YAML blocks of a page.
fn examples(page: &str) -> Vec<&str> {
    let blocks = page.split("```yaml\n").skip(1);
    blocks.map(|block| block.split_once("```").expect("a closed block").0).collect()
}

/// What is wrong with a document, where variables that it gives no default are set.
fn problems(text: &str, registry: &Registry) -> Option<String> {
    let environment = |name: &str| {
        let demanded =
            [format!("${{{name}}}"), format!("${{{name}:?")].iter().any(|form| text.contains(form));
        demanded.then(|| "a-value".to_owned())
    };
    let (pipeline, problems) = load(text, "example.yaml", registry, &environment);
    (pipeline.is_none() || !problems.is_empty()).then(|| render(&problems, text, false))
}

#[test]
fn every_example_of_every_page_lints() {
    let registry = registry();
    let components = ComponentKind::ALL.into_iter().flat_map(|kind| registry.all(kind));
    let of_components = components.map(|each| {
        let page = reference(&registry, each);
        assert!(!examples(&page).is_empty(), "{page}");
        page
    });
    let pages: Vec<String> =
        of_components.chain(topics().iter().map(|topic| topic.page().into_owned())).collect();
    for page in pages {
        assert!(page.starts_with("# "), "{page}");
        for example in examples(&page) {
            assert_eq!(problems(example, &registry), None, "{example}");
        }
    }
}

/// All Rust files below a folder, one after another.
fn sources(folder: &std::path::Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, text);
        } else if name.ends_with(".rs") {
            text.push_str(&std::fs::read_to_string(&path).expect("text"));
        }
    }
}

#[test]
fn every_source_and_sink_says_what_it_promises_and_names_tests_that_there_are() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut tests = String::new();
    ["source", "sink", "engine", "runtime"].iter().for_each(|folder| sources(&root.join(folder), &mut tests));
    let registry = registry();
    for component in
        [ComponentKind::Source, ComponentKind::Sink].into_iter().flat_map(|kind| registry.all(kind))
    {
        let guarantee = component.guarantee.unwrap_or_else(|| panic!("{} promises nothing", component.name));
        assert!(reference(&registry, component).contains(guarantee.text));
        assert!(!guarantee.tests.is_empty(), "{}", component.name);
        for test in guarantee.tests {
            let there = match test.contains('/') {
                true => root.join(test).is_file(),
                false => tests.contains(&format!("fn {test}()")),
            };
            assert!(there, "{}: there is no test {test}", component.name);
        }
    }
}

#[test]
fn examples_of_topics_pass_the_tests_that_they_hold() {
    let workplace = Workplace::new();
    let mut tested = 0;
    for topic in topics() {
        for example in examples(&topic.page()).into_iter().filter(|example| example.contains("tests:")) {
            workplace.write("example.yaml", example);
            let run = workplace.run(&["test", "example.yaml"]);
            assert_eq!(run.code, Some(0), "{}\n{}\n{example}", run.stdout, run.stderr);
            tested += 1;
        }
    }
    assert!(tested > 0, "no topic has an example with tests");
}

#[test]
fn docs_alone_lists_every_topic_and_every_connector() {
    let registry = registry();
    let contents = Workplace::new().run(&["docs"]).ok();
    let has = |name: &str, summary: &str| {
        let of_name = |line: &&str| line.split_whitespace().next() == Some(name) && line.ends_with(summary);
        assert!(contents.lines().any(|line| of_name(&line)), "{name}: {contents}");
    };
    for Topic { name, summary, .. } in topics() {
        has(name, summary);
        let taken = ComponentKind::ALL.into_iter().any(|kind| registry.get(kind, name).is_some());
        assert!(!taken, "`{name}` is a topic and a connector");
    }
    ComponentKind::ALL
        .into_iter()
        .flat_map(|kind| registry.all(kind))
        .for_each(|each| has(each.name, each.summary));
}

#[test]
fn docs_of_functions_are_those_of_the_registry() {
    let contents = Workplace::new().run(&["docs"]).ok();
    assert!(contents.lines().any(|line| line.trim_start().starts_with("functions ")), "{contents}");
    let page = Workplace::new().run(&["docs", "functions"]).ok();
    for function in levada_engine::functions::builtin().definitions() {
        let row = format!("| `{}{}` | {}", function.name(), function.signature(), function.summary());
        assert!(page.contains(&row), "{row}");
    }
    assert!(
        page.contains("### Anomaly detection")
            && page.contains("| `ksigma` | 1 series of numbers | `k` (3): ")
    );
    assert!(topics().iter().all(|topic| topic.name != "functions"));
}

#[test]
fn docs_have_the_page_for_authors_of_functions() {
    let contents = Workplace::new().run(&["docs"]).ok();
    assert!(contents.lines().any(|line| line.trim_start().starts_with("udf ")), "{contents}");
    let page = Workplace::new().run(&["docs", "udf"]).ok();
    assert!(page.contains("levada udf new plant") && page.contains("## From Java"), "{page}");
}

#[test]
fn a_page_that_is_not_there_names_those_that_are() {
    let missing = Workplace::new().run(&["docs", "variabels"]);
    assert_eq!(missing.code, Some(3));
    assert!(
        missing.stderr.contains("variables") && missing.stderr.contains("sink/iotdb"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_password_in_an_example_is_the_variable_and_not_its_escape() {
    let registry = registry();
    for kind in ComponentKind::ALL {
        for component in registry.all(kind) {
            let page = reference(&registry, component);
            assert!(!page.contains("$${"), "{page}");
        }
    }
    let iotdb = reference(&registry, registry.get(ComponentKind::Sink, "iotdb").expect("a sink"));
    let example =
        examples(&iotdb).into_iter().find(|each| each.contains("IOTDB_PASSWORD")).expect("an example");
    let environment = |name: &str| (name == "IOTDB_PASSWORD").then(|| "hunter2".to_owned());
    let (pipeline, _) = load(example, "example.yaml", &registry, &environment);
    let pipeline = pipeline.expect("a pipeline");
    assert_eq!(pipeline.sinks[0].component.options["password"], "hunter2");
}

#[test]
fn variables_become_what_their_page_says() {
    let mut workplace = Workplace::new();
    let page = topics().iter().find(|topic| topic.name == "variables").expect("a topic").page();
    workplace.write("example.yaml", examples(&page)[0]);
    let rejected = workplace.run(&["lint", "example.yaml"]);
    assert!(rejected.stderr.contains("the folder of the store"), "{}", rejected.stderr);
    for (name, value) in [("DATA_DIR", "./d # no comment"), ("SITE", ""), ("SESSIONS", "5")] {
        workplace.env(name, value);
    }
    let echoed = workplace.run(&["echo", "example.yaml"]).ok();
    for line in
        ["embedded: './d # no comment'", "name: plant-readings", "sessions: 5", "database: root.plant"]
    {
        assert!(echoed.contains(line), "{line}: {echoed}");
    }
}

/// A created file's lines, and which of them are options in comments: `# rows: 5`, not `# Rows that may wait.`
fn options_in_comments(text: &str) -> Vec<usize> {
    let is_option = |line: &str| {
        let key = line.trim_start().strip_prefix("# ").and_then(|rest| rest.split_once(": "));
        key.is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    text.lines().enumerate().filter(|(_, line)| is_option(line)).map(|(at, _)| at).collect()
}

/// The text with some lines taken out of their comments.
fn uncommented(text: &str, lines: &[usize]) -> String {
    let plain = |(at, line): (usize, &str)| match lines.contains(&at) {
        true => line.replacen("# ", "", 1),
        false => line.to_owned(),
    };
    text.lines().enumerate().map(plain).collect::<Vec<_>>().join("\n")
}

/// Whether the comment above a line says that the option does not go with another.
fn is_exclusive(text: &str, option: usize) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let is_prose =
        |at: &usize| lines[*at].trim_start().starts_with("# ") && !options_in_comments(text).contains(at);
    let above = (0..option).rev().take_while(is_prose).map(|at| lines[at].trim().trim_start_matches("# "));
    let mut above: Vec<&str> = above.collect();
    above.reverse();
    above.join(" ").contains("Not together with `")
}

#[test]
fn comments_of_created_files_are_options_that_lint_alone_and_all_at_once() {
    let registry = registry();
    let names = |kind| registry.all(kind).map(|each| each.name).collect::<Vec<_>>();
    let (sources, sinks) = (names(ComponentKind::Source), names(ComponentKind::Sink));
    let (source, sink) = (sources[0], sinks[0]);
    // A component's comments are its own: each transform is tried between one source and one sink.
    let pairs = sources.iter().flat_map(|&source| sinks.iter().map(move |&sink| (source, vec![], sink)));
    let transforms = names(ComponentKind::Transform).into_iter().map(|each| (source, vec![each], sink));
    let mut checked = 0;
    for (source, transforms, sink) in pairs.chain(transforms) {
        let text = skeleton(&registry, source, &transforms, sink).expect("components");
        assert!(!text.contains("'…'"), "an option has no example:\n{text}");
        assert_eq!(problems(&text, &registry), None, "{text}");
        let options = options_in_comments(&text);
        for option in &options {
            let text = uncommented(&text, &[*option]);
            assert_eq!(problems(&text, &registry), None, "line {}:\n{text}", option + 1);
            checked += 1;
        }
        let together: Vec<usize> =
            options.into_iter().filter(|option| !is_exclusive(&text, *option)).collect();
        let all = uncommented(&text, &together);
        assert_eq!(problems(&all, &registry), None, "{all}");
    }
    assert!(checked > 100, "the search for options is wrong");
}

#[test]
#[cfg(target_os = "linux")]
fn a_page_that_cannot_be_printed_is_an_error_and_no_panic() {
    let full =
        std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device that is always full");
    let output = Workplace::new().levada(&["docs", "types"]).stdout(full).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("levada: cannot write to standard output") && !told.contains("panicked"), "{told}");
}
