//! Every command, pipeline and statement in the documents works. A command that no test here knows how to run fails.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use levada_testkit::SimulatedRegistry;

use crate::command::{MockKafka, Workplace, eventually, free_address, get, interrupt, repository};

/// A fenced block of a document.
struct Block {
    document: PathBuf,
    language: String,
    text: String,
}

/// The fenced blocks of every document that users read.
fn blocks() -> Vec<Block> {
    let root = repository();
    let mut documents: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "bench/README.md"].map(|name| root.join(name)).into();
    let mut folders = vec![root.join("examples"), root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents.iter().flat_map(|document| blocks_of(document)).collect()
}

fn blocks_of(document: &Path) -> Vec<Block> {
    let text = fs::read_to_string(document).expect("a document");
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                open = Some(Block {
                    document: document.to_owned(),
                    language: language.trim().to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn pipelines_in_the_documents_are_right() {
    let mut checked = 0;
    for block in blocks().iter().filter(|block| block.language == "yaml" && block.text.contains("sinks:")) {
        let workplace = Workplace::new();
        workplace.write("pipeline.yaml", &block.text);
        let linted = workplace.run(&["lint", "pipeline.yaml"]);
        assert_eq!(linted.code, Some(0), "{}:\n{}\n{}", block.document.display(), block.text, linted.stderr);
        checked += 1;
    }
    assert!(checked > 0, "no pipeline was found: the search is wrong");
}

#[test]
fn the_error_the_readme_shows_is_the_one_that_is_printed() {
    let blocks = blocks_of(&repository().join("README.md"));
    let pipeline = blocks.iter().find(|block| block.text.starts_with("name: plant-a")).expect("a pipeline");
    let shown = blocks.iter().find(|block| block.text.starts_with("error[")).expect("an error");
    let workplace = Workplace::new();
    workplace.write("plant.yaml", &pipeline.text.replace("brokers:", "broker:"));
    let linted = workplace.run(&["lint", "plant.yaml"]);
    assert!(linted.stderr.contains(&shown.text), "{}", linted.stderr);
}

#[test]
fn statements_in_the_documents_run() {
    let mut checked = 0;
    for block in blocks().iter().filter(|block| block.language == "sql") {
        let workplace = Workplace::new();
        workplace.run(&["sql", "--data", "data", "--zone", "UTC", "-e", &block.text]).ok();
        checked += 1;
    }
    assert!(checked > 0, "no statement was found: the search is wrong");
}

/// How a command of the documents is run here.
enum How {
    /// As it stands, in a folder with the examples and what earlier commands left.
    AsIs,
    /// As it stands, for a group that has had no members yet: librdkafka's mock takes offsets from outside for no other.
    AsNewGroup,
    /// It runs until it is stopped: until the mock broker's messages have arrived.
    UntilArrived,
    /// A script, with `levada` where it looks for it, and addresses of this test's own.
    Script,
    /// It serves until it is stopped: until a client was answered.
    UntilAnswered,
    /// As it stands, with fewer readings.
    Small,
    /// Not here: what it starts is this test run, or a tool that is Cargo's own or a real broker's.
    Elsewhere,
}

fn how(command: &str) -> Option<How> {
    Some(match command {
        "cargo run --release -- quickstart" => How::Small,
        "cargo test --workspace" => How::Elsewhere,
        _ if command.starts_with("cargo bench") || command.starts_with("bench/") => How::Elsewhere,
        _ if command.contains("levada run examples/kafka-to-iotdb") || command == "levada run plant.yaml" => {
            How::UntilArrived
        }
        _ if command.starts_with("sh examples/") => How::Script,
        _ if command.starts_with("levada serve ") => How::UntilAnswered,
        _ if command.contains("levada offsets --reset") => How::AsNewGroup,
        _ if command.starts_with("levada ") => How::AsIs,
        _ => return None,
    })
}

/// Words of a command line, with double and single quotes; leading `NAME=value` words are left out.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(c),
        }
    }
    let is_setting = |word: &String| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    words.into_iter().filter(|word| !word.is_empty()).skip_while(is_setting).collect()
}

/// The folder a newcomer has after copying what the documents show: examples, `plant.yaml`, a broker with messages.
fn newcomer(broker: &MockKafka) -> Workplace {
    let mut workplace = Workplace::new();
    workplace.env("KAFKA_BROKERS", broker.brokers());
    workplace.env("KAFKA_TOPIC", "sensors");
    for folder in fs::read_dir(repository().join("examples")).expect("examples") {
        let folder = folder.expect("an entry").path();
        let Some(name) = folder.file_name().and_then(|name| name.to_str()).filter(|_| folder.is_dir()) else {
            continue;
        };
        for file in fs::read_dir(&folder).expect("a folder") {
            let file = file.expect("an entry").path();
            let Some(leaf) = file.file_name().and_then(|leaf| leaf.to_str()).filter(|_| file.is_file())
            else {
                continue;
            };
            workplace.write(&format!("examples/{name}/{leaf}"), &fs::read_to_string(&file).expect("text"));
        }
    }
    workplace
}

/// Runs until both messages have been delivered, then stops it as Ctrl-C does.
fn run_until_arrived(workplace: &Workplace, args: &[&str]) {
    let http = free_address();
    let child = workplace
        .levada(args)
        .args(["--http", &http, "--quiet"])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("levada starts");
    eventually("both messages are delivered", || {
        let metrics = get(&http, "/metrics").unwrap_or_default();
        let sent = metrics.lines().filter(|line| line.starts_with("levada_output_sent_total{"));
        sent.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() >= 2.0
    });
    let stopped = interrupt(args, child);
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
}

/// Serves on an address of its own until a client of it was answered, then stops it as Ctrl-C does.
fn serve_until_answered(workplace: &Workplace, args: &[&str]) {
    let address = free_address();
    let child = workplace
        .levada(args)
        .args(["--rpc", &address])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("levada starts");
    eventually("it listens", || std::net::TcpStream::connect(&address).is_ok());
    workplace.run(&["sql", "--node", &address, "-e", "show databases"]).ok();
    let stopped = interrupt(args, child);
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
}

/// Runs a script to its end.
fn run_script(workplace: &Workplace, args: &[&str]) {
    let levada = Path::new(env!("CARGO_BIN_EXE_levada"));
    let path = std::env::var("PATH").expect("a path");
    let path = format!("{}:{path}", levada.parent().expect("a folder").display());
    let ran = std::process::Command::new("sh")
        .args(args)
        .current_dir(workplace.path("."))
        .env("PATH", path)
        .env("CLOUD", free_address())
        .env("EDGE", free_address())
        .output()
        .expect("sh runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn commands_in_the_documents_work() {
    for document in [
        None,
        Some("csv-to-iotdb"),
        Some("edge-to-cloud"),
        Some("iotdb-to-kafka"),
        Some("iotdb-to-parquet"),
        Some("iotdb-to-stdout"),
        Some("kafka-to-iotdb"),
        Some("quickstart"),
        Some("sensor-to-iotdb"),
        Some("sensors-to-files"),
        Some("transforms"),
    ] {
        let page = document.map_or("README.md".to_owned(), |name| format!("examples/{name}/README.md"));
        let broker = MockKafka::with_topic("sensors");
        broker.send(
            "sensors",
            [
                r#"{"device": "d1", "timestamp": 1700000000000, "temperature": 21.3}"#,
                r#"{"device": "d2", "timestamp": 1700000000000, "temperature": 22.3, "status": true}"#,
            ],
        );
        let mut workplace = newcomer(&broker);
        let registry = SimulatedRegistry::start();
        workplace.env("SCHEMA_REGISTRY", registry.url());
        let blocks = blocks_of(&repository().join(&page));
        if let Some(block) =
            blocks.iter().find(|block| block.language == "yaml" && block.text.starts_with("name: plant-a"))
        {
            workplace.write("plant.yaml", &block.text);
        }
        for command in
            blocks.iter().filter(|block| block.language == "sh").flat_map(|block| block.text.lines())
        {
            let command = command.trim();
            let words = words(command);
            let args: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
            match how(command).unwrap_or_else(|| panic!("{page}: nobody knows how to test `{command}`")) {
                How::AsIs => drop(workplace.run(&args).ok()),
                How::AsNewGroup => {
                    workplace.env("KAFKA_GROUP", "new");
                    workplace.run(&args).ok();
                }
                How::Small => {
                    workplace.run(&["quickstart", "--messages", "20000"]).ok();
                }
                How::Script => run_script(&workplace, &args),
                How::UntilArrived => run_until_arrived(&workplace, &args),
                How::UntilAnswered => serve_until_answered(&workplace, &args),
                How::Elsewhere => {}
            }
        }
        if matches!(document, None | Some("kafka-to-iotdb")) {
            let query = "select count(temperature) from root.plant.** align by device";
            let counted = workplace.sql("data", query);
            assert_eq!(
                counted.trim(),
                "Device,count(temperature)\nroot.plant.d1,1\nroot.plant.d2,1",
                "{page}"
            );
        }
    }
}
