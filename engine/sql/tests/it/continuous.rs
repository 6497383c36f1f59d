//! Statements about continuous queries.

use levada_sql::ast::{ChangeCq, CqPolicy, CqSchedule, CreateCq, Statement};

use super::parse;

fn created(text: &str) -> CreateCq {
    match parse(text).expect(text) {
        Statement::ChangeCq(ChangeCq::Create(create)) => *create,
        other => panic!("{other:?}"),
    }
}

fn schedule(resample: &str, group_by: &str) -> CqSchedule {
    let body = "select count(s) into root.b.d(c) from root.a.d";
    created(&format!("create cq c {resample} begin {body} {group_by} end")).schedule
}

const MINUTE: i64 = 60_000;

#[test]
fn what_resample_leaves_open_is_the_interval_of_the_windows() {
    let plain = CqSchedule { every: MINUTE, boundary: 0, from: MINUTE, to: 0, policy: CqPolicy::Blocked };
    assert_eq!(schedule("", "group by (1m)"), plain);
    assert_eq!(schedule("resample", "group by time(1m)"), plain);
    assert_eq!(schedule("resample every 1m", "group by (10s)"), plain);
    assert_eq!(schedule("resample every 1m", ""), plain);
    assert_eq!(
        schedule("resample range 1h, 10m timeout policy discard", "group by (1m), level = 1"),
        CqSchedule { from: 60 * MINUTE, to: 10 * MINUTE, policy: CqPolicy::Discard, ..plain }
    );
    assert_eq!(
        schedule("RESAMPLE EVERY 1m BOUNDARY 1970-01-01T00:00:05 RANGE 2m TIMEOUT POLICY BLOCKED", ""),
        CqSchedule { boundary: 5_000, from: 2 * MINUTE, ..plain }
    );
    let long = created(
        "create continuous query `a b` begin select case when s > 1 then 1 end into root.b.d(c) from root.a.d \
         where s > 0 group by (1h) fill(previous) end;",
    );
    assert_eq!(long.name, "a b");
}

#[test]
fn schedules_that_make_no_sense_are_rejected() {
    let body = "select count(s) into root.b.d(c) from root.a.d";
    let rejections = [
        ("", "", body, "At least one of the parameters `every_interval` and `group_by_interval`"),
        ("resample range 1h", "", body, "At least one of the parameters"),
        ("resample every 999ms", "", body, "Every interval [999] should not be lower than"),
        ("", "group by (10ms)", body, "Every interval [10] should not be lower than"),
        ("resample range 0m", "group by (1m)", body, "The start time offset should be greater than 0."),
        ("resample range 30m, 30m", "group by (30m)", body, "should be greater than end time offset."),
        ("resample range 30m", "group by (1h)", body, "should be greater than or equal to every interval."),
        ("", "group by (1m)", "select count(s) from root.a.d", "The query body misses an INTO clause."),
        ("", "group by ([0, 100), 1m)", body, "Specifying time range in GROUP BY TIME clause is prohibited."),
        (
            "resample every 1m",
            "where s > 1 or not (time > 5)",
            body,
            "Specifying time filters in the query body is prohibited.",
        ),
    ];
    for (resample, clauses, body, reason) in rejections {
        let text = format!("create cq c {resample} begin {body} {clauses} end");
        let error = parse(&text).expect_err(&text);
        // What the text alone says has one code, what the plan says another.
        let code = if reason.contains("At least one") { 701 } else { 305 };
        assert_eq!(error.code.0, code, "{text}");
        assert!(error.to_string().contains(reason), "{text}\n{error}");
    }
    for malformed in [
        "create cq c resample range -1m begin select s into root.b.d(c) from root.a.d end",
        "create cq c resample every 1m timeout policy sometimes begin select s into root.b.d(c) from root.a.d end",
        "create cq c resample every 1m begin select s into root.b.d(c) from root.a.d",
        "create cq c resample every 1m begin insert into root.a.d(time, s) values (1, 1) end",
        "create cq resample every 1m begin select s into root.b.d(c) from root.a.d end",
        "drop cq",
        "drop cq a b",
        "show continuous",
    ] {
        assert_eq!(parse(malformed).expect_err(malformed).code.0, 700, "{malformed}");
    }
}

#[test]
fn a_run_reads_the_times_before_its_moment() {
    let windows =
        created("create cq c begin select count(s) into root.b.d(c) from root.a.d group by (1m) end");
    assert_eq!(windows.schedule.range(120_000), (60_000, 120_000));
    let run = parse("select count(s) into root.b.d(c) from root.a.d group by ([60000, 120000), 1m)");
    assert_eq!(Statement::Select(Box::new(windows.between(60_000, 120_000))), run.expect("legal"));
    let rows = created(
        "create cq c resample every 1m range 2m, 1m begin select s into root.b.d(c) from root.a.d where s > 1 or t end",
    );
    assert_eq!(rows.schedule.range(120_000), (0, 60_000));
    let run =
        parse("select s into root.b.d(c) from root.a.d where (time >= 0 and time < 60000) and (s > 1 or t)");
    assert_eq!(Statement::Select(Box::new(rows.between(0, 60_000))), run.expect("legal"));
}

#[test]
fn runs_lie_at_intervals_from_the_boundary_on() {
    let schedule = schedule("resample every 10s boundary 5000", "");
    for (now, first) in [(-70, 5_000), (5_000, 5_000), (5_001, 15_000), (15_000, 15_000), (24_999, 25_000)] {
        assert_eq!(schedule.first(now), first, "{now}");
    }
    let extreme = CqSchedule { boundary: i64::MIN, every: i64::MAX, ..schedule };
    assert_eq!(extreme.first(0), i64::MAX - 1);
    assert_eq!(CqSchedule { every: 7_000, ..schedule }.first(i64::MAX), i64::MAX);
}

#[test]
fn they_are_shown_and_dropped_by_either_name() {
    for text in ["show cqs", "show continuous queries"] {
        assert_eq!(parse(text).expect(text), Statement::ShowCqs);
    }
    for text in ["drop cq c", "drop continuous query c"] {
        let drop = ChangeCq::Drop { name: "c".to_owned() };
        assert_eq!(parse(text).expect(text), Statement::ChangeCq(drop));
    }
}

#[test]
fn the_form_of_0_13_is_that_of_now() {
    let same = [
        (
            "create continuous query c begin select max_value(t) into t_max from root.ln.*.* group by time(10s) end",
            "create cq c begin select max_value(t) into ::(t_max) from root.ln.*.* group by (10s) align by device end",
        ),
        (
            "create cq c resample every 20s for 40s begin select avg(b.t) into root.${1}_avg.${2}.${3}.t from root.ln.* group by time(10s) end",
            "create cq c resample every 20s range 40s begin select avg(t) into root.${1}_avg.${2}.${3}(t) from root.ln.*.b group by (10s) align by device end",
        ),
        (
            "create cq c resample for 20s boundary 5 begin select count(*) into n from root.ln.a.* group by time(10s), level = 2 end",
            "create cq c resample boundary 5 range 20s begin select count(*) into root.ln.a(n) from root.ln.a.* group by (10s), level = 2 end",
        ),
        (
            "create cq c begin select count(t) into root.out.${2}_n.n from root.ln.a.* group by time(10s), level = 2 end",
            "create cq c begin select count(t) into root.out.a_n(n) from root.ln.a.* group by (10s), level = 2 end",
        ),
    ];
    for (older, now) in same {
        assert_eq!(created(older), created(now), "{older}");
    }
    for rejected in [
        "create cq c begin select max_value(t), count(t) into t_max from root.ln.* group by time(10s) end",
        "create cq c begin select max_value(t) + 1 into t_max from root.ln.* group by time(10s) end",
        "create cq c begin select max_value(t) into t_max from root.ln.*, root.x.* group by time(10s) end",
        "create cq c begin select max_value(t) into t_max from root.*.a group by time(10s), level = 1 end",
        "create cq c resample every 20s for 10s begin select max_value(t) into t_max from root.ln.* group by time(10s) end",
    ] {
        let error = parse(rejected).expect_err(rejected);
        let code = if rejected.contains(" for ") { 305 } else { 701 };
        assert!(error.code.0 == code && error.message.starts_with("CQ: "), "{error}");
    }
    for malformed in [
        "select max_value(t) into t_max from root.ln.*.* group by ([0, 10), 10ms)",
        "create cq c resample for 20s range 10s begin select count(t) into n from root.ln.a group by time(10s) end",
        "create cq c begin select count(t) into a, b from root.ln.a group by time(10s) end",
    ] {
        assert_eq!(parse(malformed).expect_err(malformed).code.0, 700, "{malformed}");
    }
}
