//! Queries as sources, in a process of its own.

use std::{fs, process::Stdio};

use crate::command::{Workplace, eventually, free_address};

/// Rows of seven devices, a value each.
fn with_rows(workplace: &Workplace, rows: usize) {
    let text: String = (0..rows).map(|at| format!("{at},root.a.d{},{at}\n", at % 7)).collect();
    workplace.write("in.csv", &format!("Time,Device,n(INT64)\n{text}"));
    workplace.run(&["import", "in.csv", "--data", "from", "--quiet"]).ok();
}

/// The sum and the count of what a folder has.
fn sums(workplace: &Workplace, data: &str) -> String {
    workplace.sql(data, "select count(n), sum(n) from root.a.** align by device")
}

#[test]
fn a_query_goes_on_where_it_was_after_kill_9() {
    let workplace = Workplace::new();
    with_rows(&workplace, 70_000);
    // Slow enough to be killed on the way.
    workplace.write(
        "copy.yaml",
        "
name: copy
sources:
  rows: {iotdb: {embedded: from, query: 'select n from root.a.** align by device', parallel: 2}}
transforms:
  slow: {inputs: [rows], rate_limit: {count: 40000}}
sinks:
  store: {inputs: [slow], iotdb: {embedded: to}, batch: {rows: 500, linger: 10ms}}
",
    );
    let lint = workplace.run(&["lint", "copy.yaml"]);
    assert_eq!(lint.code, Some(0), "{}{}", lint.stdout, lint.stderr);
    for _ in 0..4 {
        let child = workplace
            .levada(&["run", "--quiet", "copy.yaml"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("levada starts");
        let child = std::cell::RefCell::new(child);
        let before = size(&workplace);
        eventually("rows are written, or it has ended", || {
            size(&workplace) > before + 10_000 || child.borrow_mut().try_wait().expect("a child").is_some()
        });
        let mut child = child.into_inner();
        child.kill().ok();
        child.wait().expect("it ends");
    }
    workplace.run(&["run", "--quiet", "copy.yaml"]).ok();
    assert_eq!(sums(&workplace, "to"), sums(&workplace, "from"));
    // What is newer is read by a run after one that ended.
    workplace.sql("from", "insert into root.a.d1(time, n) values (900000, 5)");
    workplace.run(&["run", "--quiet", "copy.yaml"]).ok();
    assert_eq!(sums(&workplace, "to"), sums(&workplace, "from"));
}

/// Bytes of the log of the folder `to`.
fn size(workplace: &Workplace) -> u64 {
    fn of(folder: &std::path::Path) -> u64 {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| {
                entry.metadata().map_or(0, |data| if data.is_dir() { of(&entry.path()) } else { data.len() })
            })
            .sum()
    }
    of(&workplace.path("to"))
}

#[test]
fn a_statement_that_is_none_is_a_mistake_of_the_file() {
    let workplace = Workplace::new();
    workplace.write(
        "wrong.yaml",
        "
sources:
  a: {iotdb: {embedded: from, query: 'select n form root.a'}}
  b: {iotdb: {embedded: from, query: 'select count(n) as n from root.a.*'}}
  c: {iotdb: {nodes: ['127.0.0.1:6667'], query: 'select n from root.a', schedule: '0 25 * * *', every: 1s}}
sinks: {out: {inputs: [a, b, c], stdout: {}}}
",
    );
    let lint = workplace.run(&["lint", "wrong.yaml"]);
    let told = format!("{}{}", lint.stdout, lint.stderr);
    assert_ne!(lint.code, Some(0), "{told}");
    for said in [
        "line 1, column 10",
        "column `n` belongs to no one device",
        "`25` is no hour",
        "take `every` or `schedule` away",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
}

#[test]
fn a_server_is_asked_like_a_folder() {
    let workplace = Workplace::new();
    with_rows(&workplace, 7_000);
    let address = free_address();
    let mut server = workplace
        .levada(&["serve", "--data", "from", "--rpc", &address])
        .env("LEVADA_ROOT_PASSWORD", "secret")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("levada starts");
    eventually("the server listens", || std::net::TcpStream::connect(&address).is_ok());
    workplace.write(
        "copy.yaml",
        &format!(
            "
name: copy
sources:
  rows: {{iotdb: {{nodes: ['{address}'], password: secret, query: 'select n from root.a.*', slice: 1s}}}}
sinks:
  store: {{inputs: [rows], iotdb: {{embedded: to}}}}
"
        ),
    );
    let run = workplace.run(&["run", "--quiet", "copy.yaml"]);
    server.kill().expect("it runs");
    server.wait().expect("it ends");
    run.ok();
    assert_eq!(sums(&workplace, "to"), sums(&workplace, "from"));
}

#[test]
fn a_graph_is_drawn_and_a_wrong_file_is_not() {
    let workplace = Workplace::new();
    let sources = "sources: {in: {iotdb: {embedded: from, query: 'select n from root.a'}}}\n";
    workplace.write("p.yaml", &format!("{sources}sinks: {{out: {{inputs: [in], stdout: {{}}}}}}\n"));
    assert_eq!(
        workplace.run(&["graph", "p.yaml"]).ok(),
        "source     in   iotdb   ─▶ out\nsink       out  stdout\n"
    );
    assert!(workplace.run(&["graph", "--format", "dot", "p.yaml"]).ok().contains("n0 -> n1;"));
    assert!(workplace.run(&["graph", "--format", "mermaid", "p.yaml"]).ok().contains("n0 --> n1"));
    workplace.write("wrong.yaml", sources);
    let wrong = workplace.run(&["graph", "wrong.yaml"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(3), ""), "{}", wrong.stderr);
}
