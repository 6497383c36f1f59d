//! Functions of modules, made and called in SQL.

use std::{
    fs,
    process::{Child, Stdio},
};

use crate::command::{Finished, Workplace, eventually, free_address, interrupt, repository};

const MODULE: &str = "data/ext/udf/deep/example_functions.wasm";
/// What the examples' module says of an attribute that is missing.
const MISSING: &str = "is required but was not provided";
const ROWS: [&str; 3] = [
    "create timeseries root.a.d.s1 INT64",
    "create timeseries root.a.d.s2 INT64",
    "insert into root.a.d(time, s1, s2) values (1, 1, 10), (2, null, 20), (3, 3, 30), (25, 7, 40)",
];

/// The examples' module.
fn module() -> Vec<u8> {
    fs::read(repository().join("examples/udf/rust/example_functions.wasm")).expect("it is committed")
}

/// The examples' module with another text for a missing attribute, which tells the code of one from that of the other.
fn other_module() -> Vec<u8> {
    let mut bytes = module();
    let places: Vec<_> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(MISSING.as_bytes())).collect();
    assert!(!places.is_empty(), "the text is in the module");
    for at in places {
        bytes[at..at + MISSING.len()].make_ascii_uppercase();
    }
    bytes
}

/// A workplace with the module in a folder below that of functions, and a cache of its own.
fn workplace() -> Workplace {
    let mut workplace = Workplace::new();
    let cache = workplace.path("cache").display().to_string();
    workplace.env("XDG_CACHE_HOME", cache);
    put(&workplace, &module());
    workplace
}

/// Puts a module where the one before was, at once and whole.
fn put(workplace: &Workplace, module: &[u8]) {
    let (file, beside) = (workplace.path(MODULE), workplace.path("beside"));
    fs::create_dir_all(file.parent().expect("a folder")).expect("writable");
    fs::write(&beside, module).expect("writable");
    fs::rename(beside, file).expect("writable");
}

/// What calls of the examples' functions give, and what there is once they are dropped and made of another file.
/// `replaced` is called with what the function says when the other file is there and nothing was dropped yet.
fn make_call_drop_and_replace(
    workplace: &Workplace,
    ask: &dyn Fn(&str) -> Finished,
    replaced: &dyn Fn(&str),
) {
    let told = |sql: &str| {
        let failed = ask(sql);
        assert_ne!(failed.code, Some(0), "{sql}: {}", failed.stdout);
        failed.stderr
    };
    let sum = "select adder(s1, s2) from root.a.d";
    ROWS.iter().for_each(|sql| drop(ask(sql).ok()));
    assert!(told(sum).contains("UDF ADDER has not been registered"));
    for name in ["Adder", "Clamp", "Counter", "Span"] {
        ask(&format!("create function {name} as 'org.example.{name}'")).ok();
    }
    assert!(told("create function none as 'org.example.None'").contains("no module below"));
    let answer = ask(sum).ok();
    assert!(answer.contains("adder(root.a.d.s1, root.a.d.s2)"), "{answer}");
    assert_eq!(values(&answer), ["11", "33", "47"]);
    assert_eq!(
        values(&ask("select clamp(s2, 'low'='15', 'high'='35') from root.a.d").ok()),
        ["15", "20", "30", "35"]
    );
    assert_eq!(values(&ask("select counter(s1, 'time_interval'='10') from root.a.d").ok()), ["2", "1"]);
    assert_eq!(values(&ask("select span(s2) from root.a.d").ok()), ["30.0"]);
    assert_eq!(values(&ask("select span(s2) from root.a.d group by ([0, 30), 15ms)").ok()), ["20.0", "0.0"]);
    let missing = "select clamp(s1) from root.a.d";
    let message = format!("function clamp: validate: attribute \"low\" {MISSING}.");
    assert!(told(missing).contains(&message), "{message}");

    // Dropped and made again, the function is the new file's.
    put(workplace, &other_module());
    replaced(&told(missing));
    ask("drop function clamp").ok();
    assert!(told(missing).contains("UDF CLAMP has not been registered"));
    ask("create function clamp as 'org.example.Clamp'").ok();
    assert!(told(missing).contains(&MISSING.to_uppercase()));
    assert_eq!(values(&ask(sum).ok()), ["11", "33", "47"]);
    let listed = ask("show functions").ok();
    for line in ["ADDER,external UDTF,org.example.Adder", "SPAN,external UDAF,org.example.Span"] {
        assert!(listed.contains(line), "{line}: {listed}");
    }
}

/// What the last column has.
fn values(csv: &str) -> Vec<&str> {
    csv.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect()
}

#[test]
fn functions_of_a_module_are_made_called_dropped_and_replaced_in_a_folder() {
    let workplace = workplace();
    // Each statement is a process of its own, so each is a restart.
    let ask =
        |sql: &str| workplace.run(&["sql", "--data", "data", "--zone", "UTC", "--format", "csv", "-e", sql]);
    make_call_drop_and_replace(&workplace, &ask, &|told| {
        assert!(told.contains(&MISSING.to_uppercase()), "a restart reads the file anew: {told}");
    });
    // The module is gone: its functions are named as such, and all else works.
    fs::remove_file(workplace.path(MODULE)).expect("it is there");
    assert_eq!(workplace.sql("data", "select count(s1) from root.a.d").lines().nth(1), Some("3"));
    let failed = workplace.run(&["sql", "--data", "data", "-e", "select span(s1) from root.a.d"]);
    assert_ne!(failed.code, Some(0));
    assert!(failed.stderr.contains("no module below"), "{}", failed.stderr);
}

/// A server of the folder `data`; killed when it is dropped, if it was not stopped.
struct Serving {
    rpc: String,
    child: Option<Child>,
}

impl Serving {
    fn start(workplace: &Workplace) -> Self {
        let rpc = free_address();
        let child = workplace
            .levada(&["serve", "--data", "data", "--rpc", &rpc])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("levada starts");
        let serving = Self { rpc, child: Some(child) };
        eventually("it listens", || std::net::TcpStream::connect(&serving.rpc).is_ok());
        serving
    }

    fn ask(&self, workplace: &Workplace, sql: &str) -> Finished {
        workplace.run(&["sql", "--node", &self.rpc, "--zone", "UTC", "--format", "csv", "-e", sql])
    }

    fn stop(mut self) {
        let stopped = interrupt(&["serve"], self.child.take().expect("it runs"));
        assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }
}

#[test]
fn functions_of_a_module_are_made_while_a_server_runs_and_are_there_after_kill_9_and_after_a_stop() {
    let workplace = workplace();
    let serving = Serving::start(&workplace);
    let ask = |sql: &str| serving.ask(&workplace, sql);
    make_call_drop_and_replace(&workplace, &ask, &|told| {
        assert!(told.contains(MISSING), "the file alone changes nothing: {told}");
    });
    let clamped = "select clamp(s2, 'low'='15', 'high'='35') from root.a.d";
    drop(serving);
    for _ in 0..2 {
        let serving = Serving::start(&workplace);
        assert_eq!(values(&serving.ask(&workplace, clamped).ok()), ["15", "20", "30", "35"]);
        assert_eq!(values(&serving.ask(&workplace, "select span(s2) from root.a.d").ok()), ["30.0"]);
        serving.stop();
    }
}
