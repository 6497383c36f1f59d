//! Statements with their answers, as text: `tests/slt/*.slt`.
//!
//! ```text
//!   # A comment, up to the end of the line.
//!   ! insert into root.a.d(time, i, t) values (1, 5, 'x')      what changes the store
//!
//!   > select i, t from root.a.d                                a query, and its answer up to the next empty line:
//!   Time | root.a.d.i INT32 | root.a.d.t TEXT                  the columns and their types,
//!   1 | 5 | 'x'                                                a line for each row; texts in quotes, null bare
//!
//!   > select nope(i) from root.a.d
//!   error 701: …                                               or why it is rejected
//! ```
//!
//! Each file has a store of its own. With `SLT_REWRITE=1` in the environment the answers in the files are replaced by those
//! that are given now: what changed is then for `git diff` to show.

use std::{fmt::Write as _, fs, path::Path};

use levada_query::QueryContext;
use levada_sql::ParseContext;

use crate::{
    conformance::{change, run},
    differential::same_cell,
    memory::Memory,
};

/// The answer to a query, a line each.
fn answer(memory: &Memory, sql: &str) -> Vec<String> {
    let context = ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 };
    let statement = match levada_sql::parse(sql, &context) {
        Ok(statement) => statement,
        Err(error) => {
            return vec![format!("error {}: {}", error.code.0, error.message.lines().next().unwrap_or(""))];
        }
    };
    let mut context = QueryContext::new(0);
    // Batches end in the middle of things.
    context.batch_rows = 4;
    match run(memory, &statement, &context) {
        Err(error) => vec![format!("error {}: {error}", error.code().0)],
        Ok((columns, types, rows)) => {
            let title = |(name, data_type): (&String, &String)| match name.as_str() {
                "Time" if columns.first().is_some_and(|first| std::ptr::eq(first, name)) => name.clone(),
                _ => format!("{name} {data_type}"),
            };
            let header = columns.iter().zip(&types).map(title).collect::<Vec<_>>().join(" | ");
            let cell = |(cell, data_type): (&Option<String>, &String)| match (cell, data_type.as_str()) {
                (None, _) => "null".to_owned(),
                (Some(text), "TEXT" | "STRING") => format!("'{text}'"),
                (Some(text), _) => text.clone(),
            };
            let line =
                |row: &Vec<Option<String>>| row.iter().zip(&types).map(cell).collect::<Vec<_>>().join(" | ");
            std::iter::once(header).chain(rows.iter().map(line)).collect()
        }
    }
}

/// Whether two answers say the same, numbers being compared by value.
fn same(ours: &[String], theirs: &[&str]) -> bool {
    let same_line = |(ours, theirs): (&String, &&str)| {
        let (a, b): (Vec<_>, Vec<_>) = (ours.split(" | ").collect(), theirs.split(" | ").collect());
        let cell = |(a, b): (&&str, &&str)| same_cell(&Some((*a).to_owned()), &Some((*b).to_owned()));
        ours == theirs || a.len() == b.len() && a.iter().zip(&b).all(cell)
    };
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(same_line)
}

/// What a file says with the answers that are given now, how many queries it has, and which answers changed.
fn played(text: &str) -> (String, usize, Vec<String>) {
    let mut memory = Memory::default();
    let (mut out, mut queries, mut changed) = (String::new(), 0, Vec::new());
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        writeln!(out, "{line}").expect("a string takes all");
        if let Some(sql) = line.strip_prefix("! ") {
            let context = ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 };
            change(
                &mut memory,
                levada_sql::parse(sql, &context).unwrap_or_else(|error| panic!("{sql}: {error}")),
            );
        }
        let Some(sql) = line.strip_prefix("> ") else { continue };
        let mut expected = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.is_empty()) {
            expected.push(line);
        }
        queries += 1;
        let ours = answer(&memory, sql);
        if !same(&ours, &expected) {
            changed.push(format!(
                "line {}: {sql}\n    {}\n  instead of\n    {}",
                number + 1,
                ours.join("\n    "),
                expected.join("\n    ")
            ));
        }
        let shown: Vec<&str> =
            if same(&ours, &expected) { expected } else { ours.iter().map(String::as_str).collect() };
        shown.iter().for_each(|line| writeln!(out, "{line}").expect("a string takes all"));
    }
    (out, queries, changed)
}

#[test]
fn every_statement_has_the_answer_that_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let rewrite = std::env::var_os("SLT_REWRITE").is_some();
    let (mut all, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(&folder).expect("a folder") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        let (now, queries, changed) = played(&text);
        assert!(queries > 0, "{} has no query", path.display());
        all += queries;
        if rewrite {
            fs::write(&path, now).expect("a file that can be written to");
        } else {
            let name = path.file_name().unwrap_or_default().display().to_string();
            wrong.extend(changed.into_iter().map(|each| format!("{name}, {each}")));
        }
    }
    assert!(wrong.is_empty(), "{} of {all} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn an_answer_that_is_not_what_the_file_says_is_found() {
    let text = "! insert into root.a.d(time, s) values (1, 2)\n\n> select s from root.a.d\nTime | root.a.d.s DOUBLE\n1 | 3.0\n";
    let (now, queries, changed) = played(text);
    assert_eq!((queries, changed.len()), (1, 1));
    assert_eq!(now, text.replace("3.0", "2.0"));
    assert!(played(&now).2.is_empty());
}
