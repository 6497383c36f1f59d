//! The SQL shell: what it prints, in every form, and how it fails.

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use crate::command::{Finished, Workplace};

fn sql(workplace: &Workplace, format: &str, text: &str) -> Finished {
    workplace.run(&["sql", "--data", "data", "--zone", "UTC", "--format", format, "-e", text])
}

fn with_rows() -> Workplace {
    let workplace = Workplace::new();
    sql(
        &workplace,
        "table",
        "insert into root.plant.d1(time, temperature, name) values (1, 21.5, 'a,\"b'), (2, 22.25, null);",
    )
    .ok();
    workplace
}

#[test]
fn tables_look_as_in_iotdbs_own_tools() {
    let out = sql(&with_rows(), "table", "select temperature from root.plant.d1").ok();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "+------------------------+-------------------------+",
            "|                    Time|root.plant.d1.temperature|",
            "+------------------------+-------------------------+",
            "|1970-01-01T00:00:00.001Z|                     21.5|",
            "|1970-01-01T00:00:00.002Z|                    22.25|",
            "+------------------------+-------------------------+",
        ]
    );
    assert_eq!(lines[6], "Total line number = 2");
    assert!(lines[7].starts_with("It costs ") && lines[7].ends_with('s'), "{out}");
}

#[test]
fn rows_come_as_csv_and_json_for_scripts() {
    let workplace = with_rows();
    let select = "select temperature, name from root.plant.d1";
    assert_eq!(
        sql(&workplace, "csv", select).ok(),
        "Time,root.plant.d1.temperature,root.plant.d1.name\n1,21.5,\"a,\"\"b\"\n2,22.25,\n"
    );
    assert_eq!(
        sql(&workplace, "jsonl", select).ok(),
        concat!(
            r#"{"Time":1,"root.plant.d1.temperature":21.5,"root.plant.d1.name":"a,\"b"}"#,
            "\n",
            r#"{"Time":2,"root.plant.d1.temperature":22.25,"root.plant.d1.name":null}"#,
            "\n"
        )
    );
    let rows: serde_json::Value = serde_json::from_str(&sql(&workplace, "json", select).ok()).expect("JSON");
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
    assert_eq!(sql(&workplace, "json", "select nothing from root.plant.d1").ok().trim(), "[]");
}

#[test]
fn a_wrong_statement_says_where_and_exits_3() {
    let failed = sql(&Workplace::new(), "table", "selec * from root.plant.d1");
    assert_eq!(failed.code, Some(3), "{}", failed.stderr);
    assert!(failed.stderr.contains("700") && failed.stderr.contains("selec"), "{}", failed.stderr);
}

#[test]
fn statements_come_from_a_pipe() {
    let workplace = with_rows();
    let mut child = workplace
        .levada(&["sql", "--data", "data", "--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("levada starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"select count(temperature)\n  from root.plant.d1;\nexit\n").expect("written");
    drop(stdin);
    let out = Finished::new(&["sql"], child.wait_with_output().expect("it ends")).ok();
    assert_eq!(out, "count(root.plant.d1.temperature)\n2\n");
}

#[test]
fn a_data_folder_has_one_owner() {
    let workplace = with_rows();
    let mut owner = workplace
        .levada(&["sql", "--data", "data"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("levada starts");
    let mut stdin = owner.stdin.take().expect("a pipe");
    stdin.write_all(b"show databases;\n").expect("written");
    stdin.flush().expect("written");
    let mut first_line = String::new();
    let mut stdout = BufReader::new(owner.stdout.take().expect("a pipe"));
    stdout.read_line(&mut first_line).expect("the shell answers, so it has the folder");
    let second = workplace.run(&["sql", "--data", "data", "-e", "show databases"]);
    assert!(
        second.stderr.contains("in use") && second.stderr.contains(&owner.id().to_string()),
        "{}",
        second.stderr
    );
    assert_eq!(second.code, Some(1));
    drop(stdin);
    assert!(owner.wait().expect("it ends").success());
}
