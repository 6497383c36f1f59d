//! Names that look like something else are bound as names, and shown so that they can be asked for again.

use crate::store::{Store, ask, done, rejection, rows};

/// Measurements that are keywords, literals or expressions elsewhere.
const ODD: [&str; 12] =
    ["root", "time", "timestamp", "true", "nan", "null", "1d", "1e5", "a + b", "count(s)", "device", "a.b"];

#[tokio::test(flavor = "multi_thread")]
async fn a_backquoted_name_is_a_measurement_wherever_it_stands() {
    let store = Store::open();
    let session = store.session();
    for (at, name) in ODD.iter().enumerate() {
        let value = at + 1;
        done(&session, &format!("insert into root.p.d(time, `{name}`, x) values(1, {value}, 6)")).await;
        let selected = done(&session, &format!("select `{name}` from root.p.d")).await;
        assert_eq!(selected.columns.len(), 2, "{name}: {selected:?}");
        let one = format!("1,{value}.0");
        for query in [
            format!("select `{name}` from root.p.d"),
            format!("select `{name}` from root.p.d where `{name}` > {at}"),
            format!("select `{name}` from root.p.d where `{name}` = {value} and time < 5 order by `{name}`"),
            format!("select `{name}` + 0 from root.p.d"),
            format!("select abs(`{name}`) from root.p.d where `{name}` between {at} and {value}"),
        ] {
            assert_eq!(rows(&session, &query).await, [one.as_str()], "{query}");
        }
        for query in [
            format!("select count(`{name}`) from root.p.d where `{name}` in ({value})"),
            format!("select count(`{name}`) from root.p.* group by level = 1 having count(`{name}`) > 0"),
        ] {
            assert_eq!(rows(&session, &query).await, ["1"], "{query}");
        }
        let by_device =
            format!("select `{name}` from root.p.* where `{name}` > {at} order by `{name}` align by device");
        assert_eq!(rows(&session, &by_device).await, [format!("1,root.p.d,{value}.0")], "{by_device}");
        let last = rows(&session, &format!("select last `{name}` from root.p.d")).await;
        assert!(last.len() == 1 && last[0].contains(&format!(",{value}.0,DOUBLE")), "{name}: {last:?}");
    }
    assert_eq!(rows(&session, "select x from root.p.d where `root` > 1").await, [""; 0]);
    assert_eq!(done(&session, "select * from root.p.d").await.columns.len(), ODD.len() + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_named_root_below_the_from_path_is_no_whole_path() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.p.`root`.`root`(time, s) values(1, 5)").await;
    assert_eq!(rows(&session, "select `root`.`root`.s from root.p").await, ["1,5.0"]);
    assert_eq!(rows(&session, "select `root`.s from root.p.`root` where `root`.s = 5").await, ["1,5.0"]);
    assert_eq!(rejection(&session, "select root.p.s from root.p").await.0, 701);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_show_says_can_be_asked_for_again() {
    let store = Store::open();
    let session = store.session();
    for name in ODD {
        done(&session, &format!("insert into root.p.`{name}`(time, `{name}`) values(1, 1)")).await;
    }
    let first = |rows: Vec<String>| -> Vec<String> {
        rows.into_iter().map(|row| row.split(',').next().unwrap_or_default().to_owned()).collect()
    };
    let series = first(rows(&session, "show timeseries").await);
    let devices = first(rows(&session, "show devices").await);
    assert_eq!((series.len(), devices.len()), (ODD.len(), ODD.len()));
    for series in series {
        assert_eq!(rows(&session, &format!("count timeseries {series}")).await, ["1"], "{series}");
        done(&session, &format!("delete timeseries {series}")).await;
    }
    assert_eq!(rows(&session, "count timeseries root.p.**").await, ["0"]);
    for device in devices {
        done(&session, &format!("insert into {device}(time, s) values(1, 1)")).await;
        assert_eq!(rows(&session, &format!("select s from {device}")).await, ["1,1.0"], "{device}");
    }
    for path in first(rows(&session, "show child paths root.p").await) {
        assert_eq!(rows(&session, &format!("count devices {path}")).await, ["1"], "{path}");
    }
    for node in rows(&session, "show child nodes root.p").await {
        assert_eq!(rows(&session, &format!("count devices root.p.{node}")).await, ["1"], "{node}");
    }
}

/// Words of every clause, and what looks like a constant.
const WORDS: [&str; 50] = [
    "align",
    "and",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "contains",
    "count",
    "create",
    "delete",
    "desc",
    "disable",
    "else",
    "end",
    "false",
    "FALSE",
    "fill",
    "From",
    "group",
    "having",
    "in",
    "insert",
    "into",
    "is",
    "last",
    "like",
    "limit",
    "nan",
    "NaN",
    "not",
    "now",
    "null",
    "nulls",
    "offset",
    "or",
    "order",
    "regexp",
    "root",
    "select",
    "slimit",
    "substring",
    "then",
    "Time",
    "true",
    "where",
    "1d",
    "5m",
    "1y2mo",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_node_as_it_is_shown_is_a_measurement_wherever_it_is_written() {
    let store = Store::open();
    let session = store.session();
    for word in WORDS {
        done(&session, &format!("insert into root.p.`d {word}`(time, `{word}`) values(1, 7)")).await;
        let device = format!("root.p.`d {word}`");
        let shown = rows(&session, &format!("show child nodes {device}")).await;
        let [node] = shown.as_slice() else { panic!("{word}: {shown:?}") };
        for (query, expected) in [
            (format!("select {node} from {device}"), "1,7.0"),
            (format!("select 1 + {node}, {node} + 1 from {device}"), "1,8.0,8.0"),
            (format!("select -{node} from {device} order by {node}"), "1,-7.0"),
            (format!("select {node} as x from {device} where {node} > 0 and 9 > {node}"), "1,7.0"),
            (
                format!("select {node} from {device} where not ({node} in (1)) and {node} is not null"),
                "1,7.0",
            ),
            (format!("select count({node}) from {device} where {node} between 1 and 9"), "1"),
        ] {
            assert_eq!(rows(&session, &query).await, [expected], "{query}");
        }
        let last = rows(&session, &format!("select last {node} from {device}")).await;
        assert_eq!(last, [format!("1,{device}.{node},7.0,DOUBLE")]);
        let series = rows(&session, &format!("show timeseries {device}.*")).await;
        assert!(series.len() == 1 && series[0].starts_with(&format!("{device}.{node},")), "{series:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_are_names_everywhere_are_shown_bare() {
    let store = Store::open();
    let session = store.session();
    for word in ["select", "device", "align", "limit", "1x"] {
        done(&session, &format!("create timeseries root.p.d.`{word}` INT32")).await;
    }
    let mut nodes = rows(&session, "show child nodes root.p.d").await;
    nodes.sort_unstable();
    assert_eq!(nodes, ["1x", "align", "device", "limit", "select"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_whose_headers_are_the_same_are_told_apart() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.p.d(time, a, b, c) values(1, 10, 4, 3)").await;
    let sums = "select sum(a - (b - c)), sum(a - b - c) from root.p.d";
    assert_eq!(rows(&session, sums).await, ["9.0,3.0"]);
    let having = "select sum(a) from root.p.d having sum(a - (b - c)) > 5 and sum(a - b - c) < 5";
    assert_eq!(rows(&session, having).await, ["10.0"]);
    let differences = "select difference(a - (b - c)), difference(a - b - c) from root.p.d";
    assert!(ask(&session, differences).await.is_ok());
}
