//! `explain` prints the plan that is run.

use levada_query::QueryContext;

use crate::{
    conformance::{change, parsed, run},
    memory::Memory,
};

fn memory(devices: usize) -> Memory {
    let mut memory = Memory::default();
    for device in 0..devices {
        let tag = if device == 0 { " tags(site='north')" } else { "" };
        for (name, tags) in [("a", tag), ("b", "")] {
            change(
                &mut memory,
                parsed(&format!("create timeseries root.p.d{device}.{name} with datatype=INT32{tags}")),
            );
        }
        for time in 1..8 {
            change(
                &mut memory,
                parsed(&format!("insert into root.p.d{device}(time, a, b) values ({time}, {time}, 1)")),
            );
        }
    }
    memory
}

fn lines(memory: &Memory, sql: &str) -> Vec<String> {
    let (_, _, rows) =
        run(memory, &parsed(sql), &QueryContext::new(0)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().flatten().flatten().collect()
}

#[test]
fn a_plan_is_a_tree_from_the_result_down_to_the_scans() {
    let memory = memory(2);
    for (query, expected) in [
        (
            "select a + 1 from root.p.d1 where b > 0 order by time desc limit 2 offset 1",
            vec![
                "Limit 2, offset 1",
                "  Compute root.p.d1.a + 1",
                "    Filter root.p.d1.b > 0",
                "      Scan root.p.d1 [a, b], all times, newest first",
            ],
        ),
        (
            "select * from root.p.* where time > 3 fill(previous)",
            vec![
                "Fill nulls",
                "  Join by time",
                "    Scan root.p.d0 [a, b], times 4..=9223372036854775807",
                "    Scan root.p.d1 [a, b], times 4..=9223372036854775807",
            ],
        ),
        (
            "select a from root.p.d1 order by b desc, a",
            vec![
                "Compute root.p.d1.a",
                "  Sort by root.p.d1.b descending, root.p.d1.a",
                "    Scan root.p.d1 [a, b], all times",
            ],
        ),
        (
            "select count(*), max_time(a) from root.p.** group by ([0,10),2ms)",
            vec![
                "Aggregate count(*), max_time(a), from statistics where these do, of root.p.d0.a, root.p.d0.b, root.p.d1.a, \
                 root.p.d1.b, times 0..=9, by windows of time",
            ],
        ),
        (
            "select sum(a) / count(b) from root.p.d0 having count(b) > 1",
            vec![
                "Compute sum(root.p.d0.a) / count(root.p.d0.b)",
                "  Filter count(root.p.d0.b) > 1",
                "    Aggregate sum(root.p.d0.a), count(root.p.d0.b), from statistics where these do, of root.p.d0.a, \
                 root.p.d0.b, all times",
            ],
        ),
        (
            "select sum(a) from root.p.d0 where b = 1",
            vec![
                "Aggregate sum(root.p.d0.a)",
                "  Compute root.p.d0.a",
                "    Filter root.p.d0.b = 1",
                "      Scan root.p.d0 [a, b], all times",
            ],
        ),
        (
            "select sum(a), __endTime from root.p.d0 group by variation(b)",
            vec![
                "Compute the last time, sum(root.p.d0.a)",
                "  Aggregate sum(root.p.d0.a), by windows of variation",
                "    Scan root.p.d0 [b, a], all times",
            ],
        ),
        (
            "select difference(a) + b from root.p.d0",
            vec![
                "Compute difference(root.p.d0.a) + root.p.d0.b",
                "  Join by time",
                "    Scan root.p.d0 [b], all times",
                "    Run difference(root.p.d0.a)",
                "      Scan root.p.d0 [a], all times",
            ],
        ),
        (
            "select a from root.p.* order by time align by device",
            vec![
                "Merge by time",
                "  Rows of root.p.d0",
                "    Scan root.p.d0 [a], all times",
                "  Rows of root.p.d1",
                "    Scan root.p.d1 [a], all times",
            ],
        ),
        (
            "select count(a) from root.p.** group by tags(site)",
            vec![
                "One after the other",
                "  Rows of NULL",
                "    Aggregate count(root.p.d1.a), from statistics where these do, of root.p.d1.a, all times",
                "  Rows of north",
                "    Aggregate count(root.p.d0.a), from statistics where these do, of root.p.d0.a, all times",
            ],
        ),
        (
            "select last * from root.p.d0 order by time",
            vec!["Sort by Time", "  Last points of root.p.d0.a, root.p.d0.b"],
        ),
        (
            "select a from root.p.d0 where time = 9 fill(int32[previous, 5ms])",
            vec!["Fill nulls", "  Values at time 9, filled, of root.p.d0.a"],
        ),
        ("select a from root.p.d0 where nope > 1", vec!["No rows"]),
        ("select nope from root.p.d0", vec!["No rows"]),
    ] {
        assert_eq!(lines(&memory, &format!("explain {query}")), expected, "{query}");
    }
}

#[test]
fn of_many_inputs_the_first_have_lines() {
    let memory = memory(30);
    let found = lines(&memory, "explain select * from root.p.**");
    assert_eq!(found.len(), 1 + 8 + 1, "{found:#?}");
    assert_eq!(found[1 + 8], "  … and 22 more of these");
    let found = lines(&memory, "explain select last * from root.p.**");
    assert!(
        found[0].ends_with("root.p.d14.b and 44 more") || found[0].ends_with(" and 44 more"),
        "{found:#?}"
    );
}

#[test]
fn analyze_says_what_each_node_gave() {
    let memory = memory(30);
    let gave = |line: &str| {
        let (front, milliseconds) = line.rsplit_once("  ").expect("columns");
        assert!(milliseconds.trim().ends_with(" ms"), "{line}");
        let words: Vec<&str> = front.split_whitespace().collect();
        words.join(" ")
    };
    let found = lines(&memory, "explain analyze select a + 1 from root.p.d1 where a > 2 limit 3");
    assert!(found[0].starts_with("3 rows in 2 batches, ") && found[0].ends_with(" ms"), "{found:#?}");
    // The store gives three rows at a time: the limit ends the reading within the second batch that has some.
    let expected = [
        "Limit 3 3 rows",
        "Compute root.p.d1.a + 1 4 rows",
        "Filter root.p.d1.a > 2 4 rows",
        "Scan root.p.d1 [a], all times 6 rows",
    ];
    for (line, expected) in found[1..].iter().zip(expected) {
        assert!(gave(line).starts_with(expected), "{line} is not {expected}");
    }
    let widths: Vec<usize> = found[1..].iter().map(|line| line.chars().count()).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{found:#?}");
    let found = lines(&memory, "explain analyze select a from root.p.** where time <= 2");
    let others =
        found.iter().find(|line| line.contains("22 more of these")).expect("a line for those behind");
    assert!(gave(others).contains("… and 22 more of these 44 rows 22 batches"), "{others}");
    let found = lines(&memory, "explain select a, a + 1 into aligned root.q.d(b, c) from root.p.d1");
    assert_eq!(
        found[..2],
        ["Write root.p.d1.a to root.q.d.b, aligned", "Write root.p.d1.a + 1 to root.q.d.c, aligned"]
    );
    assert!(found[2].starts_with("  ") && found.len() > 3, "{found:#?}");
    let found = lines(&memory, "explain select a into root.q.${2}(::) from root.p.** align by device");
    assert!(found.contains(&"… and 14 more of these".to_owned()), "{found:#?}");
    assert_eq!(found[0], "Write a of root.p.d0 to root.q.d0.a");
    let found = lines(&memory, "explain analyze select a, a + 1 into root.q.d(b, c) from root.p.d1");
    assert_eq!(found[0], "for 2 series, and nothing is written: SELECT INTO alone does that");
    assert!(found[1].contains(" rows in ") && found.len() > 3, "{found:#?}");
}
