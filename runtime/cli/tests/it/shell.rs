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
fn a_wrong_word_is_underlined() {
    let failed = sql(&with_rows(), "table", "select temperature\nfrom root.plant.d1 wher time > 1");
    let shown: Vec<_> = failed.stderr.lines().rev().take(2).collect();
    assert_eq!(
        shown,
        ["                     ^^^^", "  from root.plant.d1 wher time > 1"],
        "{}",
        failed.stderr
    );
}

#[test]
fn statements_and_commands_come_from_a_file() {
    let workplace = with_rows();
    let script = "-- of the plant\nset time_zone=Europe/Paris;\nset time_display_type = yyyy-MM-dd HH:mm:ss;\n\\timing off\nshow time_zone;\n\
                  select name\n from root.plant.d1;\n\\d root.plant\nexit;\nselect never from root.x";
    workplace.write("script.sql", script);
    let out = workplace.run(&["sql", "--data", "data", "-f", "script.sql"]).ok();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "Current time zone: Europe/Paris");
    assert_eq!(lines[4], "|1970-01-01 01:00:00|              a,\"b|", "{out}");
    assert!(!out.contains("It costs") && !out.contains("never"), "{out}");
    assert!(out.contains("|root.plant.d1.temperature|") && out.contains("Total line number = 2"), "{out}");
    let missing = workplace.run(&["sql", "--data", "data", "-f", "none.sql"]);
    assert!(missing.code == Some(3) && missing.stderr.contains("cannot read none.sql"), "{}", missing.stderr);
}

#[test]
fn a_time_zone_that_is_set_counts_for_statements_too() {
    let workplace = with_rows();
    let text = "set time_zone=Asia/Shanghai;\ninsert into root.z.d(time, s) values (2024-05-01T08:00:00, 1);\n\
                set time_zone=UTC;\nset time_display_type=long;\nselect s from root.z.d;\n\\watch x\n";
    let args = ["sql", "--data", "data", "--zone", "UTC"];
    workplace.write("script.sql", text);
    let failed = workplace.run(&[&args[..], &["-f", "script.sql"]].concat());
    assert_eq!(failed.code, Some(3));
    assert!(failed.stdout.contains("|1714521600000|"), "{}", failed.stdout);
    assert!(failed.stderr.contains("\\watch takes a number of seconds"), "{}", failed.stderr);
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

/// What the shell prints of statements that come through a pipe.
fn piped(workplace: &Workplace, text: &str) -> String {
    let args = ["sql", "--data", "data", "--zone", "UTC", "--format", "csv"];
    let mut child = workplace
        .levada(&args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("levada starts");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    Finished::new(&args, child.wait_with_output().expect("it ends")).ok()
}

#[test]
fn a_byte_order_mark_before_statements_is_none_of_them() {
    let workplace = with_rows();
    workplace.write("marked.sql", "\u{feff}count timeseries root.**");
    workplace.run(&["sql", "--data", "data", "-f", "marked.sql"]).ok();
}

#[test]
fn a_value_does_nothing_to_the_terminal() {
    let workplace = Workplace::new();
    sql(&workplace, "csv", "insert into root.esc.d(time, t) values (1, 'a\u{1b}[31mred\u{9b}2J\n')").ok();
    let table = sql(&workplace, "table", "select t from root.esc.d").ok();
    assert!(table.contains(r"|a\u{1b}[31mred\u{9b}2J\n|"), "{table}");
    // Scripts get the text as it is.
    let csv = sql(&workplace, "csv", "select t from root.esc.d").ok();
    assert!(csv.contains("a\u{1b}[31mred\u{9b}2J\n"), "{csv}");
}

#[test]
fn line_breaks_within_a_text_stay_as_they_are() {
    let workplace = Workplace::new();
    let text = "insert into root.n.d(time,t) values (1,'a\nb'), (2,'a\r\nb'), (3,'\n\n');\r\nselect length(t) from root.n.d;\r\n";
    let out = piped(&workplace, text);
    assert_eq!(out.lines().skip(1).collect::<Vec<_>>(), ["1,3", "2,4", "3,2"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let workplace = Workplace::new();
    let rows: Vec<String> = (0..20_000).map(|row| format!("({row},{row})")).collect();
    piped(&workplace, &format!("insert into root.w.d(time,s) values {}", rows.join(",")));
    for more in [["-e", "select s from root.w.d; select s from root.w.d"], ["--format", "csv"]] {
        let mut args = vec!["sql", "--data", "data"];
        args.extend(more);
        let mut child = workplace
            .levada(&args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("levada starts");
        let mut first = String::new();
        let mut stdin = child.stdin.take().expect("a pipe");
        // Where statements are given with `-e`, nobody may read these.
        stdin.write_all(b"select s from root.w.d;\nselect s from root.w.d;\n").ok();
        drop(stdin);
        {
            let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
            stdout.read_line(&mut first).expect("a line");
        }
        let out = child.wait_with_output().expect("it ends");
        assert_eq!(
            (out.status.code(), String::from_utf8_lossy(&out.stderr).as_ref()),
            (Some(0), ""),
            "{more:?}"
        );
    }
}

#[test]
fn the_calendars_last_day_is_read_and_printed() {
    let workplace = Workplace::new();
    let rows =
        "Time,Device,z(DOUBLE)\n9999-12-31T23:59:59.999Z,root.p.d,1\n9999-12-31T00:00:00Z,root.p.d,2\n";
    workplace.write("rows.csv", rows);
    workplace.run(&["import", "rows.csv", "--data", "data", "--quiet"]).ok();
    let out = sql(&workplace, "table", "select z from root.p.d where time >= 9999-12-31").ok();
    assert!(out.contains("9999-12-31T00:00:00.000Z") && out.contains("9999-12-31T23:59:59.999Z"), "{out}");
}

#[test]
fn counts_of_nothing_are_rejected() {
    for what in ["--points", "--devices", "--rows", "--measurements"] {
        let rejected = Workplace::new().run(&["bench", "ingest", "--data", "data", what, "0"]);
        assert!(rejected.code == Some(2) && rejected.stderr.contains(what), "{}", rejected.stderr);
    }
}

#[test]
fn the_rows_of_one_query_are_a_parquet_file() {
    let workplace = with_rows();
    let query = "select temperature, name from root.plant.d1";
    let parquet = |more: &[&str]| {
        workplace.run(&[&["sql", "--data", "data", "--format", "parquet"][..], more].concat())
    };
    assert_eq!(parquet(&["-e", query, "-o", "rows.parquet"]).ok(), "");
    let bytes = std::fs::read(workplace.path("rows.parquet")).expect("a file");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    // It is read back, and the standard output has the same.
    workplace.run(&["import", "--data", "copy", "--device", "root.plant.d1", "rows.parquet"]);
    workplace.write("query.sql", &format!("{query};\n"));
    let piped = workplace
        .levada(&["sql", "--data", "data", "--format", "parquet", "-f", "query.sql"])
        .output()
        .expect("levada runs");
    assert_eq!(piped.stdout, bytes, "{}", String::from_utf8_lossy(&piped.stderr));
    let there = parquet(&["-e", query, "-o", "rows.parquet"]);
    assert!(there.code == Some(3) && there.stderr.contains("--force replaces it"), "{}", there.stderr);
    parquet(&["-e", query, "-o", "rows.parquet", "--force"]).ok();
    for (more, reason) in [
        (&["-e", "select name from root.plant.d1; show databases"][..], "one query, and there are 2"),
        (&["-e", "select name from"], "line 1"),
        (&["-e", "insert into root.x.d(time, s) values (1, 1)"], "no query"),
        (&[], "one query, and there are 0"),
    ] {
        let failed = parquet(&[more, &["-o", "none.parquet"]].concat());
        assert!(failed.code != Some(0) && failed.stderr.contains(reason), "{more:?}: {}", failed.stderr);
        assert!(!workplace.path("none.parquet").exists() && !workplace.path("none.parquet.part").exists());
    }
    let other = workplace.run(&["sql", "--data", "data", "--format", "csv", "-o", "x.csv", "-e", query]);
    assert!(other.code == Some(3) && other.stderr.contains("for --format parquet"), "{}", other.stderr);
}

#[test]
fn rows_come_in_steps_of_the_size_that_is_set() {
    let workplace = with_rows();
    let text = "set fetch_size=1; show fetch_size; select temperature from root.plant.d1; set fetch_size=default; show fetch_size; set fetch_size=0";
    let failed = sql(&workplace, "csv", text);
    assert_eq!(
        failed.stdout,
        "Current fetch size: 1\nTime,root.plant.d1.temperature\n1,21.5\n2,22.25\nCurrent fetch size: default\n"
    );
    assert!(failed.code == Some(3) && failed.stderr.contains("from 1 to 1000000"), "{}", failed.stderr);
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
    assert!(
        second.stderr.contains(", since 20") && second.stderr.contains("Z"),
        "a time of day: {}",
        second.stderr
    );
    assert_eq!(second.code, Some(1));
    drop(stdin);
    assert!(owner.wait().expect("it ends").success());
}
