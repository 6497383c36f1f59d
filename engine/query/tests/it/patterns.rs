//! Aggregates of patterns, which are planned device by device: they are what they are where each series has an expression of
//! its own.

use std::sync::Arc;

use levada_query::QueryContext;

use crate::{
    conformance::{change, parsed, run},
    memory::Memory,
};

/// Devices side by side and one below the other, of several types, with a second name.
fn memory() -> Memory {
    let mut memory = Memory::default();
    for device in ["root.p.d1", "root.p.d1.below", "root.p.d2", "root.p.`d 3`", "root.q.d1"] {
        for (name, data_type) in
            [("a", "INT32"), ("bb", "DOUBLE"), ("s1", "INT64"), ("s2", "INT64"), ("t", "TEXT")]
        {
            if device == "root.q.d1" && data_type == "TEXT" {
                continue;
            }
            let alias = if device == "root.p.d2" && name == "a" { "(second)" } else { "" };
            change(
                &mut memory,
                parsed(&format!("create timeseries {device}.{name}{alias} with datatype={data_type}")),
            );
        }
        for time in 1..20 {
            let text =
                if device == "root.q.d1" { ("", String::new()) } else { (", t", format!(", 'x{time}'")) };
            let (number, real) = (time * 7 % 11, f64::from(time) / 3.0);
            let sql = format!(
                "insert into {device}(time, a, bb, s1, s2{}) values ({time}, {number}, {real}, {time}, 3{})",
                text.0, text.1
            );
            change(&mut memory, parsed(&sql));
        }
    }
    memory
}

const SELECT: &[&str] = &[
    "count(*)",
    "count(*), count(*)",
    "count(s*), max_time(*), count(a)",
    "sum(bb), avg(bb), sum(s1)",
    "sum(*)",
    "max_value(s1), min_value(*)",
    "first_value(*), last_value(t)",
    "mode(a), var_pop(a), count(second), count(a)",
    "count(nope)",
    "count(a) as x",
    "count(s1), count(nope), count(*)",
];

const FROM: &[&str] = &["root.**", "root.p.*", "root.p.d1, root.p.**", "root.*.d1", "root.p.d2", "root.nope"];

const ENDS: &[(&str, &str)] = &[
    ("", ""),
    ("where time > 5 and time < 18", "slimit 2 soffset 1"),
    ("", "limit 3 offset 1"),
    ("where time > 5", "fill(0)"),
    ("", "order by time desc limit 2"),
];

#[test]
fn aggregates_of_patterns_are_those_of_their_series() {
    let memory = memory();
    let mut context = QueryContext::new(0);
    context.batch_rows = 4;
    let (mut answers, mut errors) = (0, 0);
    for select in SELECT {
        for from in FROM {
            for groups in [
                "",
                "group by level=1",
                "group by level=0, 2",
                "group by ([3,17),5ms)",
                "group by ([0,20),7ms,3ms), level=1",
            ] {
                for (times, end) in ENDS {
                    let query =
                        |having: &str| format!("select {select} from {from} {times} {groups} {having} {end}");
                    // A condition on groups makes it have expressions.
                    let (plain, other) = (query(""), query("having count(a) >= 0 or count(a) < 0"));
                    let answers_of = |sql: &str| run(&memory, &parsed(sql), &context);
                    match (answers_of(&plain), answers_of(&other)) {
                        (Ok(ours), Ok(theirs)) => {
                            assert_eq!(ours, theirs, "{plain}");
                            answers += 1;
                        }
                        (Err(ours), Err(theirs)) => {
                            assert_eq!(ours.to_string(), theirs.to_string(), "{plain}");
                            errors += 1;
                        }
                        (ours, theirs) => panic!("{plain}: {ours:?}\n{theirs:?}"),
                    }
                }
            }
        }
    }
    assert!(answers > 500 && errors > 50, "{answers} answers, {errors} errors");
}

#[test]
fn a_series_of_several_columns_is_read_once() {
    let memory = memory();
    let shared = Memory { streams: Default::default(), ..memory.clone() };
    let streams = Arc::clone(&shared.opened);
    let plan = levada_query::plan(
        &parsed("select count(*), max_time(*), min_time(s1), last_value(a) from root.**"),
        Arc::new(shared),
        &QueryContext::new(0),
    )
    .expect("a plan");
    assert_eq!(plan.columns.len(), 24 + 24 + 5 + 5);
    assert_eq!(plan.execute().map(|batch| batch.expect("rows").num_rows()).sum::<usize>(), 1);
    assert_eq!(streams.load(std::sync::atomic::Ordering::Relaxed), 24);
}

#[test]
fn fields_of_very_many_columns_say_their_types_alone() {
    let mut memory = Memory::default();
    for series in 0..600 {
        change(&mut memory, parsed(&format!("create timeseries root.w.d.s{series} with datatype=INT32")));
    }
    change(&mut memory, parsed("insert into root.w.d(time, s7) values (1, 5)"));
    for (columns, name) in [(1, "count(root.w.d.s7)"), (30, "")] {
        let select = vec!["count(*), last_value(*)"; columns].join(", ");
        let plan = levada_query::plan(
            &parsed(&format!("select {select} from root.w.d")),
            Arc::new(memory.clone()),
            &QueryContext::new(0),
        )
        .expect("a plan");
        let place =
            plan.columns.iter().position(|column| column.name == "count(root.w.d.s7)").expect("it is there");
        let schema = plan.schema();
        assert_eq!(schema.fields().len(), columns * 1_200);
        assert_eq!(schema.field(place).name(), name);
        let batch = plan.execute().next().expect("a row").expect("no error");
        assert_eq!(batch.schema(), schema);
        let counted = levada_model::Value::at(batch.column(place), levada_model::DataType::Int64, 0);
        assert_eq!(counted, Some(levada_model::Value::Int64(1)));
    }
}
