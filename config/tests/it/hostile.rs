//! Hostile documents: no panic, and work bounded by the size of the text.

use std::time::{Duration, Instant};

use levada_config::{Diagnostic, load, render};

use crate::registry::registry;

fn problems(text: &str) -> Vec<Diagnostic> {
    let (pipeline, problems) = load(text, "f.yaml", &registry(), &|_| None);
    assert_eq!(pipeline.is_some(), !problems.iter().any(|each| each.is_error()));
    let shown = render(&problems, text, false);
    assert!(problems.is_empty() || !shown.is_empty());
    problems
}

/// A generator of numbers that is the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

#[test]
fn mutated_documents_never_panic() {
    let seed =
        std::env::var("LEVADA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_1234_u64);
    println!("LEVADA_SEED={seed}");
    let mut numbers = Numbers(seed);
    let documents = [
        include_str!("../ui/quickstart.yaml"),
        include_str!("../ui/wrong_types.yaml"),
        include_str!("../ui/merge_keys.yaml"),
        include_str!("../ui/conditions.yaml"),
        include_str!("../ui/two_sinks_on_one_file.yaml"),
        include_str!("../ui/unset_variable.yaml"),
    ];
    let pieces = [
        "\t", "\n", "\r", "  ", ":", ": ", "- ", "{", "}", "[", "]", "&a ", "*a", "!x ", "'", "\"", "|", ">",
        "#", "${", "$$", "~", "null", "5", "-1e999", "<<: ", "---\n", "...\n", "? ", "%", "@", "\u{feff}",
        "é", "\u{0}", "\u{2028}", "x-",
    ];
    for round in 0..3_000 {
        let mut text: Vec<char> = documents[round % documents.len()].chars().collect();
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(text.len());
            match numbers.below(4) {
                0 => drop(text.drain(at..(at + numbers.below(12)).min(text.len()))),
                1 => {
                    let end = (at + numbers.below(30)).min(text.len());
                    let copy = text[at..end].to_vec();
                    let to = numbers.below(text.len());
                    drop(text.splice(to..to, copy));
                }
                _ => drop(text.splice(at..at, pieces[numbers.below(pieces.len())].chars())),
            }
        }
        let text: String = text.into_iter().collect();
        problems(&text);
    }
}

#[test]
fn what_grows_without_bounds_is_cut_off_early() {
    let begun = Instant::now();
    let bombs = [
        include_str!("../ui/alias_bomb.yaml").to_owned(),
        format!("name: {}", "[".repeat(200_000)),
        format!("name: {}", "{a: ".repeat(200_000)),
        format!("name: {}", "- ".repeat(100_000)),
        format!("name: {}x{}", "${A:-".repeat(20_000), "}".repeat(20_000)),
        format!("name: {}", "${".repeat(100_000)),
        format!("name: [{}", "${A}, ".repeat(2_000)),
        // Each anchor holds the one before it.
        (0..2_000)
            .fold("x: &a0 [x]\n".to_owned(), |text, n| text + &format!("y{n}: &a{} [*a{n}, *a{n}]\n", n + 1)),
        // One long string, copied often.
        format!("x-a: &a {}\nx-b: [{}]\n", "x".repeat(100_000), "*a, ".repeat(1_000)),
        // Nested conditions, each with several possible forms.
        format!("transforms: {{t: {{inputs: [], where: {}5{}}}}}", "{not: ".repeat(50), "}".repeat(50)),
    ];
    for bomb in &bombs {
        assert!(problems(bomb).iter().any(Diagnostic::is_error), "{}", &bomb[..40]);
    }
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
}

#[test]
fn a_document_of_many_nodes_and_options_is_read_in_good_time() {
    let series = (0..20_000).map(|n| format!("        - {{path: root.plant.d{n}.s1, type: DOUBLE}}\n"));
    let nodes = (0..500).map(|n| format!("  s{n}: {{sensor: {{devices: {n}}}}}\n"));
    let inputs = (0..500).map(|n| format!("s{n}")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "sources:\n{}sinks:\n  o:\n    inputs: [{inputs}]\n    iotdb:\n      embedded: ./data\n      database: root.plant\n      timeseries:\n{}",
        nodes.collect::<String>(),
        series.collect::<String>()
    );
    let begun = Instant::now();
    assert_eq!(problems(&text), []);
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
}
