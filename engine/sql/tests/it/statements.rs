//! What statements mean.

use levada_model::PathPattern;
use levada_sql::ast::{
    Alignment, Constant, Count, CreateFunction, Duration, Fill, RowWindows, SchemaFilter, Show, SortBy,
    Statement, TimeWindows, WindowBounds,
};

use super::parse;

fn select(text: &str) -> levada_sql::ast::Select {
    match parse(text).expect(text) {
        Statement::Select(select) => *select,
        other => panic!("{other:?}"),
    }
}

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).expect("legal")
}

#[test]
fn each_column_has_its_own_times_in_the_words_of_any_version() {
    for words in ["disable align", "NON ALIGN", "limit 3 non align"] {
        let text = format!("select s1, non, s1 * non from root.a.non where non > 1 {words}");
        let written = select(&text);
        assert_eq!(written.alignment, Alignment::None, "{text}");
        assert_eq!(written.columns.len(), 3);
        assert!(written.condition.is_some());
    }
    assert!(parse("select s1 from root.a non").is_err());
    assert!(parse("select s1 from root.a non align by time").is_err());
}

#[test]
fn select_has_every_clause() {
    let select = select(
        "select s1 as `a b`, count(*) from root.a.*, root.b.** where time > 5 group by ((0, 100], 1d1h, 2mo), level = 1, 2 \
         having count(s1) > 2 fill(previous, 5m) order by time desc, s1 nulls last limit 3 offset 4 slimit 5 soffset 6 \
         align by device;",
    );
    assert_eq!(select.columns[0].alias.as_deref(), Some("a b"));
    assert_eq!(select.from[1].pattern, pattern("root.b.**"));
    let group = select.group_by.expect("grouped");
    assert_eq!(
        group.time,
        Some(TimeWindows {
            bounds: Some(WindowBounds { start: 0, end: 100, left_closed: false }),
            interval: Duration::from_millis(90_000_000),
            step: Some(Duration { months: 2, millis: 0 }),
        })
    );
    assert_eq!(group.levels, [1, 2]);
    assert_eq!(select.fill, Some(Fill::Previous { within: Some(Duration::from_millis(300_000)) }));
    assert_eq!(select.order_by.len(), 2);
    assert_eq!((&select.order_by[0].by, select.order_by[0].descending), (&SortBy::Time, true));
    assert_eq!(
        (select.limit, select.offset, select.series_limit, select.series_offset),
        (Some(3), Some(4), Some(5), Some(6))
    );
    assert_eq!(select.alignment, Alignment::Device);
    assert!(select.having.is_some() && select.condition.is_some());
}

#[test]
fn last_is_a_keyword_only_before_a_column() {
    assert!(select("select last s1 from root.d").last);
    assert!(select("select last * from root.d").last);
    assert!(!select("select last from root.d").last);
    assert!(!select("select last, s1 from root.d").last);
    assert!(!select("select last + 1 from root.d").last);
}

#[test]
fn clause_words_are_names_where_nothing_else_fits() {
    let statement =
        select("select limit, from, order from root.group.by where level > 2 and end order by time");
    assert_eq!(statement.columns.len(), 3);
    assert_eq!(statement.order_by.len(), 1);
    parse("create timeseries root.select.from.where INT32").expect("keywords are names");
}

#[test]
fn row_windows_have_their_defaults() {
    let group = select("select count(s) from root.d group by variation(s1, 1.5, ignoreNull=false)").group_by;
    assert!(matches!(
        group.expect("grouped").rows,
        Some(RowWindows::Variation { delta: 1.5, ignore_null: false, .. })
    ));
    let group = select("select count(s) from root.d group by session(5s)").group_by.expect("grouped");
    assert_eq!(group.rows, Some(RowWindows::Session(Duration::from_millis(5_000))));
}

#[test]
fn insert_takes_rows_in_any_shape() {
    let Ok(Statement::Insert(insert)) = parse(
        "insert into root.d(timestamp, `a b`, b) aligned values(-5, 1, null), (now() - 1s, -2.5, X'0a')",
    ) else {
        panic!("an insertion");
    };
    assert!(insert.aligned);
    assert_eq!(insert.measurements, ["`a b`", "b"]);
    assert_eq!((insert.rows[0].time, insert.rows[1].time), (-5, 1_699_999_999_000));
    assert_eq!(insert.rows[1].values[1].constant, Constant::Blob(vec![10]));
    let spelt: Vec<_> = insert.rows[1].values.iter().map(|value| value.spelling.as_deref()).collect();
    assert_eq!(spelt, [None, Some("X'0a'")]);
    let Ok(Statement::Insert(insert)) = parse("insert into root.d(a) values(9223372036854775808)") else {
        panic!("an insertion");
    };
    assert_eq!(insert.rows[0].time, 1_700_000_000_000);
    assert!(matches!(insert.rows[0].values[0].constant, Constant::Real { .. }));
}

#[test]
fn deletions_have_a_range_of_times() {
    let range =
        |condition: &str| match parse(&format!("delete from root.d.s where {condition}")).expect(condition) {
            Statement::Delete(delete) => (delete.start, delete.end),
            other => panic!("{other:?}"),
        };
    assert_eq!(range("time >= 1 and time < 5"), (1, 4));
    assert_eq!(range("7 < time"), (8, i64::MAX));
    assert_eq!(range("time = 3"), (3, 3));
    let (start, end) = range("time > 9223372036854775807");
    assert!(start > end);
}

#[test]
fn old_and_new_spellings_are_one_statement() {
    let same = |a, b| assert_eq!(parse(a).expect(a), parse(b).expect(b));
    same("set storage group to root.a", "create database root.a");
    same("create storage group root.a", "CREATE DATABASE root.`a`;");
    same("delete storage group root.a", "drop database root.a");
    same("show storage group", "show databases root.**");
    same(
        "create timeseries root.a.s with datatype=INT32, encoding=RLE, compression=SNAPPY",
        "create timeseries root.a.s INT32 encoding=RLE compressor=SNAPPY",
    );
    same("unset ttl to root.a", "unset ttl from root.a");
}

#[test]
fn the_catalogs_statements_have_filters() {
    let Ok(Statement::Show(Show::Timeseries(show))) =
        parse("show latest timeseries root.a.** where tags(unit)='c' limit 2 offset 1")
    else {
        panic!("series");
    };
    assert!(show.latest);
    assert_eq!(show.filter, Some(SchemaFilter::TagEquals { key: "unit".into(), value: "c".into() }));
    assert_eq!((show.limit, show.offset), (Some(2), Some(1)));
    let Ok(Statement::Count(Count::Timeseries { level, .. })) =
        parse("count timeseries root.a.** group by level=2")
    else {
        panic!("a count");
    };
    assert_eq!(level, Some(2));
}

#[test]
fn functions_are_made_and_dropped_in_both_kinds_of_quotes() {
    let create = |text: &str| match parse(text).expect(text) {
        Statement::CreateFunction(create) => create,
        other => panic!("{text}: {other:?}"),
    };
    let adder = |uri: Option<&str>, temporary| CreateFunction {
        name: "Adder".to_owned(),
        class: "org.example.Adder".to_owned(),
        uri: uri.map(str::to_owned),
        temporary,
    };
    assert_eq!(create("create function Adder as 'org.example.Adder'"), adder(None, false));
    assert_eq!(create("CREATE FUNCTION Adder AS \"org.example.Adder\";"), adder(None, false));
    assert_eq!(
        create("create function `Adder` as \"org.example.Adder\" using uri 'file:///x.wasm'"),
        adder(Some("file:///x.wasm"), false)
    );
    assert_eq!(create("create temporary function Adder as 'org.example.Adder'"), adder(None, true));
    assert_eq!(parse("drop function adder"), Ok(Statement::DropFunction { name: "adder".to_owned() }));
    for text in [
        "create function as 'x'",
        "create function adder",
        "create function adder as x",
        "create function adder as 'x' using 'y'",
        "create function adder as 'x' using uri y",
        "create function 'adder' as 'x'",
        "drop function",
        "drop function 'adder'",
        "drop temporary function adder",
    ] {
        assert_eq!(parse(text).expect_err(text).code.0, 700, "{text}");
    }
}

#[test]
fn attributes_of_a_call_come_behind_its_inputs() {
    parse("select f(a, b, 'k'='v', \"l\" = \"w\") from root.d").expect("attributes in quotes of both kinds");
    let error = parse("select f(a, 'k'='v', b) from root.d").expect_err("an input behind");
    assert_eq!((error.code.0, error.column), (700, 21));
    assert!(error.message.contains("attributes come behind all inputs"), "{}", error.message);
}

#[test]
fn what_is_not_carried_out_is_named() {
    for (sql, what) in
        [("create pipeplugin p as 'x'", "create pipeplugin"), ("create model m", "create model")]
    {
        assert_eq!(parse(sql).expect(sql), Statement::Unsupported { what: what.to_owned() });
    }
}

#[test]
fn templates_are_of_devices_by_either_name() {
    use levada_sql::ast::{ChangeTemplate, ShowTemplates};
    let path = |text: &str| levada_model::Path::parse(text).expect("a path");
    let pattern = |text: &str| levada_model::PathPattern::parse(text).expect("a pattern");
    for word in ["device", "schema"] {
        let change = |sql: &str| match parse(&sql.replace("KIND", word)).expect(sql) {
            Statement::ChangeTemplate(change) => change,
            other => panic!("{sql}: {other:?}"),
        };
        match change(
            "create KIND template t aligned (a INT32, `b c` DOUBLE encoding=GORILLA compressor=GZIP)",
        ) {
            ChangeTemplate::Create { name, aligned: true, series } => {
                let names: Vec<_> = series.iter().map(|(name, _)| name.as_str()).collect();
                assert_eq!((name.as_str(), names), ("t", vec!["a", "`b c`"]));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(change("alter KIND template t add (c TEXT)"), ChangeTemplate::Extend { .. }));
        let (t, at) = ("t".to_owned(), path("root.a.d"));
        let set = ChangeTemplate::Set { name: t.clone(), path: at.clone() };
        assert_eq!(change("set KIND template t to root.a.d"), set);
        let unset = ChangeTemplate::Unset { name: t.clone(), path: at.clone() };
        assert_eq!(change("unset KIND template t from root.a.d"), unset);
        assert_eq!(change("drop KIND template t"), ChangeTemplate::Drop { name: t.clone() });
        let activate = ChangeTemplate::Activate { device: at };
        assert_eq!(change("create timeseries using KIND template on root.a.d"), activate);
        assert_eq!(change("create timeseries of KIND template on root.a.d"), activate);
        let patterns = vec![pattern("root.a.*"), pattern("root.b")];
        let deactivate = ChangeTemplate::Deactivate { name: Some(t.clone()), patterns: patterns.clone() };
        for begin in ["deactivate", "delete timeseries of", "drop timeseries of"] {
            let sql = format!("{begin} KIND template t from root.a.*, root.b");
            assert_eq!(change(&sql), deactivate);
        }
        let any = ChangeTemplate::Deactivate { name: None, patterns };
        assert_eq!(change("deactivate KIND template from root.a.*, root.b"), any);
        let show = |sql: &str| parse(&sql.replace("KIND", word)).expect(sql);
        for (sql, shown) in [
            ("show KIND templates", ShowTemplates::All),
            ("show nodes in KIND template t", ShowTemplates::Nodes { name: t.clone() }),
            ("show paths set KIND template t", ShowTemplates::Set { name: t.clone() }),
            (
                "show paths using KIND template t",
                ShowTemplates::Using { name: t.clone(), pattern: pattern("root.**") },
            ),
            (
                "show paths root.a.* using KIND template t",
                ShowTemplates::Using { name: t.clone(), pattern: pattern("root.a.*") },
            ),
        ] {
            assert_eq!(show(sql), Statement::ShowTemplates(shown), "{sql}");
        }
    }
    for (sql, code) in [
        ("create device template t ()", 700),
        ("create device template 't' (a INT32)", 700),
        ("create aligned device template t (a INT32)", 700),
        ("create device template t (a INT32 tags(x=y))", 701),
        ("create device template t (a(b) INT32)", 701),
        ("set device template t from root.a", 700),
        ("show paths using template t", 700),
    ] {
        assert_eq!(parse(sql).expect_err(sql).code.0, code, "{sql}");
    }
}

#[test]
fn statements_about_the_server_take_where_they_are_carried_out() {
    for at in ["", " on local", " ON CLUSTER"] {
        assert_eq!(parse(&format!("load configuration{at}")), Ok(Statement::LoadConfiguration));
        assert_eq!(parse(&format!("start repair data{at}")), Ok(Statement::Repair { start: true }));
        assert_eq!(parse(&format!("stop repair data{at};")), Ok(Statement::Repair { start: false }));
    }
    assert_eq!(parse("load configuration on").expect_err("where?").code.0, 700);
    let trigger = "trigger t before insert on root.a.** as 'org.example.T'";
    assert!(matches!(parse(&format!("create stateless {trigger}")), Ok(Statement::ChangeTrigger(_))));
    assert_eq!(parse(&format!("create {trigger}")).expect_err("which kind?").code.0, 701);
    assert!(matches!(parse("stop trigger t"), Ok(Statement::ChangeTrigger(_))));
}
