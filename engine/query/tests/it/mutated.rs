//! Statements that are almost ones: those of the peer's record, mutated by chance, parsed and, where they are queries, bound and begun.
//!
//! None makes the parser or the binder panic, run on or take memory without bound, and each error says where it is.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use levada_query::QueryContext;
use levada_sql::ParseContext;

use crate::{
    conformance::{change, parsed},
    differential::Chance,
    memory::Memory,
};

const CORPUS: [&str; 2] = [
    include_str!("../../../sql/tests/data/accepted.sql"),
    include_str!("../../../sql/tests/data/rejected.sql"),
];
/// Statements of a run.
const STATEMENTS: usize = 100_000;
/// Longer ones are cut, so that repetition ends.
const MOST_BYTES: usize = 4_096;
/// No statement takes so long, also on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is put between words: what lexers and parsers stumble over.
const PIECES: [&str; 36] = [
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    ";",
    "*",
    "**",
    "'",
    "\"",
    "`",
    "--",
    "/*",
    "\\",
    "-",
    "!",
    "=",
    "<>",
    "0",
    "-9223372036854775808",
    "99999999999999999999999",
    "1e400",
    "1e-400",
    "nan",
    "9999999999y",
    "1mo",
    "now()",
    "2024-02-30T25:61:61+99:99",
    "null",
    "root",
    "\u{e9}\u{1F600}",
    "\0",
    "${",
    "::",
    "x'0g'",
];

fn at_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A text, cut into words and what stands between them.
fn words(text: &str) -> Vec<&str> {
    let kind = |at: char| (at.is_alphanumeric() || at == '_', at.is_whitespace());
    let mut words = Vec::new();
    let mut start = 0;
    for ((_, a), (at, b)) in text.char_indices().zip(text.char_indices().skip(1)) {
        if kind(a) != kind(b) || kind(a) == (false, false) {
            words.push(&text[start..at]);
            start = at;
        }
    }
    words.push(&text[start..]);
    words
}

fn mutated(chance: &mut Chance, lines: &[&str]) -> String {
    let mut text = chance.one(lines).to_owned();
    for _ in 0..chance.one(&[1, 1, 1, 2, 3]) {
        let other = chance.one(lines);
        let own = words(&text);
        let (at, to) = (chance.below(own.len()), chance.below(own.len()));
        let (least, most) = (at.min(to), at.max(to));
        text = match chance.below(14) {
            // One word less, once more, in another's place, or another one.
            0 => [&own[..at], &own[at + 1..]].concat().concat(),
            1 => [&own[..=at], &own[at..]].concat().concat(),
            2 => {
                let mut own = own.clone();
                own.swap(at, to);
                own.concat()
            }
            3 | 9..13 => {
                let foreign = chance.one(&words(other));
                own.iter().enumerate().map(|(each, word)| if each == at { foreign } else { *word }).collect()
            }
            4 => [own[..at].concat().as_str(), chance.one(&PIECES), own[at..].concat().as_str()].concat(),
            // The beginning of one and the end of another.
            5 => {
                let foreign = words(other);
                [own[..at].concat(), foreign[chance.below(foreign.len())..].concat()].concat()
            }
            6 => text[..at_boundary(&text, chance.below(text.len() + 1))].to_owned(),
            // A part again and again.
            7 => {
                let times = chance.one(&[2, 8, 64, 500]);
                [own[..least].concat(), own[least..=most].concat().repeat(times), own[most + 1..].concat()]
                    .concat()
            }
            _ => {
                let depth = chance.one(&[1, 30, 300, 2_000]);
                let (open, close) = chance.one(&[
                    ("(", ")"),
                    ("-(", ")"),
                    ("not (", ")"),
                    ("abs(", ")"),
                    ("case when ", " end"),
                ]);
                [
                    own[..at].concat(),
                    open.repeat(depth),
                    own[at].to_owned(),
                    close.repeat(depth),
                    own[at + 1..].concat(),
                ]
                .concat()
            }
        };
        if text.is_empty() {
            text.push(' ');
        }
        text.truncate(at_boundary(&text, text.len().min(MOST_BYTES)));
    }
    text
}

/// A store that has what the statements of the record make.
fn store(context: &ParseContext) -> Memory {
    let mut memory = Memory::default();
    for line in CORPUS[0].lines().filter(|line| line.starts_with("create") || line.starts_with("insert")) {
        if let Ok(statement) = levada_sql::parse(line, context) {
            change(&mut memory, statement);
        }
    }
    change(
        &mut memory,
        parsed("insert into root.q.d1(time, i, t, b) values (1, 1, 'x', true), (2, 3, 'y', false)"),
    );
    memory
}

/// Parses a text; binds and begins it where it is a query. Says whether it was one.
fn tried(text: &str, memory: &Arc<Memory>, parse: &ParseContext) -> bool {
    let statement = match levada_sql::parse(text, parse) {
        Ok(statement) => statement,
        Err(error) => {
            let span = error.span;
            assert!(span.start <= span.end && span.end <= text.len(), "{text:?}: {span}");
            assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{text:?}: {span}");
            assert!(!error.message.is_empty() && error.line > 0, "{text:?}: {error:?}");
            return false;
        }
    };
    if statement.as_query().is_none() {
        return false;
    }
    let mut context = QueryContext::new(0);
    context.memory = 1 << 20;
    match levada_query::plan(&statement, Arc::clone(memory) as _, &context) {
        // Windows may be many: they come some at a time, and whoever has enough asks for no more.
        Ok(plan) => assert!(plan.execute().take(2).all(|batch| batch.is_ok() || batch.is_err())),
        Err(error) => assert!(!error.to_string().is_empty(), "{text:?}"),
    }
    true
}

#[test]
fn mutated_statements_are_answered_or_rejected() {
    let (ended, end) = mpsc::channel();
    let current = Arc::new(parking_lot::Mutex::new(String::new()));
    let tries = Arc::clone(&current);
    let worker = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let parse = ParseContext { zone: jiff::tz::TimeZone::UTC, now: 1_700_000_000_000 };
        let lines: Vec<&str> = CORPUS.iter().flat_map(|corpus| corpus.lines()).collect();
        let memory = Arc::new(store(&parse));
        let mut chance = Chance::new(7);
        for _ in 0..STATEMENTS {
            let text = mutated(&mut chance, &lines);
            tries.lock().clone_from(&text);
            if ended.send(tried(&text, &memory, &parse)).is_err() {
                return;
            }
        }
    });
    let worker = worker.expect("a thread");
    let mut queries = 0;
    for number in 0..STATEMENTS {
        match end.recv_timeout(PATIENCE) {
            Ok(was_query) => queries += usize::from(was_query),
            Err(error) => {
                let text = current.lock().clone();
                panic!("{error} at the statement of number {number}: {text:?}");
            }
        }
    }
    worker.join().expect("no panic");
    // Otherwise the binder has seen too little.
    assert!(queries > STATEMENTS / 40, "{queries} of {STATEMENTS} were queries");
}
