//! Queries of random rows, answered in two ways that must agree.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use jiff::tz::TimeZone;
use levada_query::QueryContext;
use levada_sql::ParseContext;
use proptest::prelude::*;

use crate::{
    conformance::{change, parsed, run},
    memory::Memory,
};

type Rows = Vec<Vec<Option<String>>>;

fn answer(memory: &Memory, sql: &str) -> Rows {
    let mut context = QueryContext::new(0);
    context.batch_rows = 4;
    run(memory, &parsed(sql), &context).expect(sql).2
}

/// A store with two series of a device and one of another, of a few small numbers.
fn store(points: &[BTreeMap<i64, i8>; 3]) -> Memory {
    let mut memory = Memory::default();
    for (name, points) in ["root.m.d1.a", "root.m.d1.b", "root.m.d2.a"].iter().zip(points) {
        change(&mut memory, parsed(&format!("create timeseries {name} INT64")));
        let (device, measurement) = name.rsplit_once('.').expect("a path");
        for (time, value) in points {
            change(
                &mut memory,
                parsed(&format!("insert into {device}(time, {measurement}) values({time}, {value})")),
            );
        }
    }
    memory
}

fn points() -> impl Strategy<Value = [BTreeMap<i64, i8>; 3]> {
    let series = || prop::collection::btree_map(0i64..60, -5i8..6, 0..30);
    (series(), series(), series()).prop_map(|(a, b, c)| [a, b, c])
}

const AGGREGATES: &str = "count(a), sum(a), avg(a), min_value(a), max_value(a), extreme(a), first_value(a), \
                          last_value(a), min_time(a), max_time(a), time_duration(a), mode(a), var_pop(a)";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn aggregates_of_summaries_are_those_of_rows(
        points in points(),
        (start, length) in (0i64..20, 1i64..60),
        (interval, step) in (1i64..15, 1i64..15),
        left_closed in any::<bool>(),
        (from, to) in (0i64..60, 0i64..60),
    ) {
        let memory = store(&points);
        let (open, close) = if left_closed { ('[', ')') } else { ('(', ']') };
        let end = start + length;
        let windows = format!("group by ({open}{start},{end}{close},{interval}ms,{step}ms)");
        for by in [windows.as_str(), ""] {
            for times in ["time >= 0".to_owned(), format!("time >= {from} and time < {to}")] {
                let query = |more: &str| format!("select {AGGREGATES} from root.m.d1 where {times} {more} {by}");
                // A condition on values makes it read rows.
                let (summaries, rows) = (query(""), query("and (a > 0 or a <= 0)"));
                prop_assert_eq!(answer(&memory, &summaries), answer(&memory, &rows), "{}", summaries);
            }
        }
        let levels = |more: &str| format!("select count(a), sum(a), max_value(a), max_time(a) from root.m.* {more} {windows}, level=1");
        prop_assert_eq!(answer(&memory, &levels("")).len(), answer(&memory, &levels("where time > 1")).len());
    }

    #[test]
    fn rows_backwards_are_rows_reversed(points in points(), (from, to) in (0i64..60, 0i64..60)) {
        let memory = store(&points);
        for select in ["select a, b from root.m.d1", "select * from root.m.*", "select a + 1 from root.m.d1"] {
            let query = |order: &str| format!("{select} where time >= {from} and time <= {to} order by time {order}");
            let mut forwards = answer(&memory, &query("asc"));
            forwards.reverse();
            prop_assert_eq!(answer(&memory, &query("desc")), forwards);
        }
    }

    #[test]
    fn windows_backwards_are_windows_reversed(
        points in points(),
        (start, length) in (-5i64..20, 1i64..60),
        (interval, step) in (1i64..15, 1i64..15),
        left_closed in any::<bool>(),
    ) {
        let memory = store(&points);
        // Windows that end together have one time, and come in no order.
        let step = if left_closed { step } else { step.max(interval) };
        let (open, close) = if left_closed { ('[', ')') } else { ('(', ']') };
        let windows = format!("group by ({open}{start},{}{close},{interval}ms,{step}ms)", start + length);
        for from in ["from root.m.d1", "from root.m.d1 where a > -2 or b > 0"] {
            for having in ["", "having count(a) > 1"] {
                let query = |select: &str, end: &str| format!("select {select} {from} {windows} {having} {end}");
                // Without a limit rows are sorted.
                for select in [AGGREGATES, "max_by(b, a), count(b)", "top_k(sum(a), 'k'='3'), count(b)"] {
                    let mut forwards = answer(&memory, &query(select, "order by time"));
                    forwards.reverse();
                    prop_assert_eq!(answer(&memory, &query(select, "order by time desc limit 1000")), forwards.clone());
                    forwards.truncate(2);
                    prop_assert_eq!(answer(&memory, &query(select, "order by time desc limit 2")), forwards);
                }
            }
        }
        for order in ["order by time desc", "order by device, time desc", "order by device desc, time desc"] {
            let query = |end: &str| format!("select count(a), sum(a) from root.m.* {windows} {order} {end} align by device");
            prop_assert_eq!(answer(&memory, &query("limit 1000")), answer(&memory, &query("")), "{}", order);
        }
    }

    #[test]
    fn limits_cut_a_piece_out_of_all_rows(points in points(), offset in 0usize..40, limit in 1usize..40) {
        let memory = store(&points);
        for query in [
            "select a, b from root.m.d1 order by time",
            "select a from root.m.* order by time align by device",
            "select a, b from root.m.d1 order by b desc, a",
            "select count(a) from root.m.d1 group by ([0,60),7ms)",
        ] {
            let (head, tail) = query.split_at(query.find(" align").unwrap_or(query.len()));
            let all = answer(&memory, query);
            let part = answer(&memory, &format!("{head} limit {limit} offset {offset}{tail}"));
            let expected: Rows = all.into_iter().skip(offset).take(limit).collect();
            prop_assert_eq!(part, expected, "{}", query);
        }
    }

    #[test]
    fn a_filter_keeps_exactly_the_rows_that_fit(points in points(), least in -5i8..6) {
        let memory = store(&points);
        let rows = answer(&memory, &format!("select a from root.m.d1 where a >= {least}"));
        let expected: Rows = points[0]
            .iter()
            .filter(|(_, value)| **value >= least)
            .map(|(time, value)| vec![Some(time.to_string()), Some(value.to_string())])
            .collect();
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn any_statement_gives_rows_or_an_error(sql in "select (a|b|\\*|count\\(a\\)|sum\\(b\\)|difference\\(a\\)|top_k\\(b,'k'='2'\\)|a[+%/]b|a like 'x'|null|time|case when a>1 then b end|m4\\(a,'windowSize'='3'\\))(, (a|\\*|min_value\\(a\\)|-b))? from root.m.(d1|\\*|\\*\\*|nope)( where (a>1|time<20|nope=1|b is null|a in \\(1,'2'\\)))?( group by (\\(\\[0,60\\),7ms\\)|session\\(3ms\\)|variation\\(a\\)|level=1|count\\(a,2\\)))?( having count\\(a\\)>1)?( order by (time desc|a|b desc))?( fill\\((previous|linear|3)\\))?( limit 3)?( align by device)?") {
        let memory = store(&[
            BTreeMap::from([(1, 2), (3, -1), (9, 4), (30, 0)]),
            BTreeMap::from([(3, 1), (10, 5)]),
            BTreeMap::from([(2, 2), (3, 3)]),
        ]);
        if let Ok(statement) = levada_sql::parse(&sql, &ParseContext { zone: TimeZone::UTC, now: 0 }) {
            // Only panics fail.
            let answer = run(&memory, &statement, &QueryContext::new(0));
            prop_assert!(answer.is_ok() || answer.is_err());
        }
    }
}

#[test]
fn counting_reads_no_rows() {
    let points = BTreeMap::from([(1, 2), (3, -1), (9, 4), (30, 0)]);
    let memory = store(&[points.clone(), points.clone(), points]);
    let plan = levada_query::plan(
        &parsed("select count(*), sum(a), max_value(a), first_value(a) from root.m.**"),
        std::sync::Arc::new(Memory { batches_read: memory.batches_read.clone(), ..memory.clone() }),
        &QueryContext::new(0),
    )
    .expect("a plan");
    assert_eq!(plan.execute().count(), 1);
    assert_eq!(memory.batches_read.load(Ordering::Relaxed), 0);
}

#[test]
fn a_limit_ends_the_reading() {
    let points: BTreeMap<i64, i8> = (0..60).map(|time| (time, 1)).collect();
    let memory = store(&[points, BTreeMap::new(), BTreeMap::new()]);
    let shared = Memory { batches_read: memory.batches_read.clone(), ..memory.clone() };
    let plan = levada_query::plan(
        &parsed("select a from root.m.d1 limit 4"),
        std::sync::Arc::new(shared),
        &QueryContext::new(0),
    );
    assert_eq!(plan.expect("a plan").execute().count(), 2);
    assert_eq!(memory.batches_read.load(Ordering::Relaxed), 2);
}

#[test]
fn the_last_of_endless_windows_come_at_once() {
    let points: BTreeMap<i64, i8> = (0..60).map(|time| (time, 1)).collect();
    let memory = store(&[points.clone(), BTreeMap::new(), points]);
    for (sql, rows) in [
        (
            "select count(a) from root.m.d1 group by ([0,9223372036854775807),1ms) order by time desc limit 2",
            2,
        ),
        (
            "select count(a) from root.m.d1 where a > 0 group by ([0,9223372036854775807),1ms) order by time desc limit 2",
            2,
        ),
        (
            "select count(a) from root.m.* group by ([0,9223372036854775807),1ms) order by time desc limit 3 align by device",
            3,
        ),
        (
            "select count(a) from root.m.* group by ([0,9223372036854775807),1ms) order by device, time desc limit 3 align by device",
            3,
        ),
    ] {
        let rows_found = answer(&memory, sql);
        assert_eq!(rows_found.len(), rows, "{sql}");
        assert_eq!(rows_found[0][0].as_deref(), Some("9223372036854775806"), "{sql}");
    }
}

#[test]
fn sorting_more_than_memory_allows_is_rejected() {
    let points: BTreeMap<i64, i8> = (0..60).map(|time| (time, 1)).collect();
    let memory = store(&[points, BTreeMap::new(), BTreeMap::new()]);
    let mut context = QueryContext::new(0);
    context.memory = 1000;
    let error = run(&memory, &parsed("select a from root.m.d1 order by a"), &context).expect_err("too much");
    assert_eq!(error.code().0, 709);
}

#[test]
fn series_that_memory_has_no_room_for_are_opened_again() {
    let mut memory = Memory::default();
    for series in 0..20 {
        change(&mut memory, parsed(&format!("create timeseries root.m.d.s{series} INT64")));
        for time in 0..60 {
            let sql = format!("insert into root.m.d(time, s{series}) values({time}, {})", time % 7 * series);
            change(&mut memory, parsed(&sql));
        }
    }
    for (windows, columns) in [("([0,60),3ms)", "sum(*)"), ("([0,60),9ms,2ms)", "sum(*), mode(*)")] {
        let query = parsed(&format!("select {columns} from root.m.d group by {windows}"));
        let mut context = QueryContext::new(0);
        context.batch_rows = 4;
        let plenty = run(&memory, &query, &context).expect("enough memory").2;
        let scarce = Memory { streams: Default::default(), ..memory.clone() };
        context.memory = 10 << 10;
        assert_eq!(run(&scarce, &query, &context).expect("enough for some").2, plenty);
    }
    let narrow = Memory::clone(&memory);
    let streams = std::sync::Arc::clone(&narrow.streams);
    let mut context = QueryContext::new(0);
    (context.batch_rows, context.memory) = (4, 10 << 10);
    let query = parsed("select sum(*) from root.m.d group by ([0,60),3ms)");
    let plan = levada_query::plan(&query, std::sync::Arc::new(narrow), &context).expect("a plan");
    assert_eq!(plan.execute().map(|batch| batch.expect("rows").num_rows()).sum::<usize>(), 20);
    let most = streams[1].load(Ordering::Relaxed);
    assert!((1..=6).contains(&most), "{most} of 20 series were open at once");
}

#[test]
fn merging_more_devices_than_memory_allows_is_rejected() {
    let points: BTreeMap<i64, i8> = (0..60).map(|time| (time, 1)).collect();
    let memory = store(&[points.clone(), BTreeMap::new(), points]);
    let mut context = QueryContext::new(0);
    context.memory = 100;
    let query = parsed("select a from root.m.* order by time align by device");
    let error = run(&memory, &query, &context).expect_err("too much");
    assert_eq!(error.code().0, 709);
}
