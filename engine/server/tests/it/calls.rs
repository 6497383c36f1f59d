//! Statements, queries, schema: what clients ask for besides inserting.

use std::time::Duration;

use levada_rpc::{
    messages::*,
    thrift::{Pairs, Protocol},
};
use levada_server::ServerOptions;

use crate::peer::{Peer, fetch, serve, serve_with, statement};

async fn filled(peer: &mut Peer) {
    for (device, from) in [("root.q.d1", 0), ("root.q.d2", 100)] {
        let rows: Vec<_> = (0..5).map(|row| format!("({row}, {}, {})", from + row, row % 2 == 0)).collect();
        let sql = format!("insert into {device}(time, s, b) values {}", rows.join(", "));
        assert_eq!(peer.code(&sql).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_in_pages_and_a_query_that_is_over_is_forgotten() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let rows: Vec<_> = (0..20_000).map(|row| format!("({row}, {row})")).collect();
    assert_eq!(peer.code(&format!("insert into root.q.d(time, s) values {}", rows.join(", "))).await, 200);
    let sql = "select s from root.q.d";
    let first = peer.call(&ExecuteQueryStatementV2 { req: statement(sql) }).await.expect("a reply");
    assert_eq!((first.more_data, first.ignore_time_stamp), (Some(true), Some(false)));
    let query = first.query_id.expect("a query");
    assert_eq!(peer.rest(sql, first).await.len(), 20_000);
    let over = peer.call(&FetchResultsV2 { req: fetch(sql, query) }).await.expect("a reply");
    assert_eq!((over.status.code, over.has_result_set), (200, false));
    let close = CloseOperationReq { query_id: Some(query), ..CloseOperationReq::default() };
    assert_eq!(peer.call(&CloseOperation { req: close }).await.expect("a reply").code, 200);
    assert_eq!(peer.rows_as_before(sql).await.len(), 20_000);
    assert_eq!(peer.rows("select s from root.nowhere").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_one_name_are_sent_as_each_version_reads_them() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    filled(&mut peer).await;
    let sql = "select s, b, s from root.q.d1 where time = 1";
    let answer = peer.execute(sql).await;
    assert_eq!(answer.columns.as_ref().map(Vec::len), Some(3));
    assert_eq!(answer.column_index_to_block, Some(vec![0, 1, 2]));
    assert_eq!(peer.rest(sql, answer).await, ["1 1.0 false 1.0"]);
    for configuration in [&[][..], &[("version", "V_0_13")], &[("version", "V_1_0")]] {
        let mut old = Peer::log_in(&served.address, Protocol::Binary, configuration).await;
        let answer = old.execute(sql).await;
        let places = answer.column_name_index_map.expect("places").0;
        let expected = [("root.q.d1.s".to_owned(), 0), ("root.q.d1.b".to_owned(), 1)];
        assert_eq!((places, answer.column_index_to_block), (expected.to_vec(), None), "{configuration:?}");
        assert_eq!(old.rows_as_before(sql).await, ["1 1.0 false"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_0_12_gets_what_its_paths_and_heads_mean_there() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    for sql in [
        "create database root.v1",
        "create timeseries root.v1.d1.i INT32",
        "create timeseries root.v1.d1.x.j INT32",
        "create timeseries root.v1.d2.l INT64",
        "insert into root.v1.d1(time, i) values (1, 10)",
        "insert into root.v1.d2(time, l) values (1, 20), (2, 30)",
    ] {
        assert_eq!(peer.code(sql).await, 200, "{sql}");
    }
    let mut old = Peer::log_in(&served.address, Protocol::Binary, &[]).await;
    // A path that names nothing itself is a prefix, and the heads are those of 0.12.
    for (sql, columns, rows) in [
        ("show devices root.v1", "devices", &["0 root.v1.d1", "0 root.v1.d1.x", "0 root.v1.d2"][..]),
        ("show devices root.v1.d2", "devices", &["0 root.v1.d2"]),
        ("show child paths root.v1", "child paths", &["0 root.v1.d1", "0 root.v1.d2"]),
        ("show storage group", "storage group", &["0 root.v1"]),
        ("count timeseries root.v1", "count", &["0 3"]),
        ("count timeseries root.v1.d2.l", "count", &["0 1"]),
        ("count timeseries", "count", &["0 3"]),
        ("count devices root.v1", "count", &["0 3"]),
        ("count nodes root.v1 level=2", "count", &["0 2"]),
        ("list user", "user", &["0 root"]),
        (
            "select count(*) from root.v1",
            "count(root.v1.d1.i) count(root.v1.d1.x.j) count(root.v1.d2.l)",
            &["0 0 1 2"],
        ),
        ("select last l from root.v1.d2", "timeseries value", &["2 root.v1.d2.l 30"]),
        ("select count(l) as User from root.v1.d2", "User", &["0 2"]),
    ] {
        let answer = old.call(&ExecuteQueryStatement { req: statement(sql) }).await.expect("a reply");
        let mut names = answer.columns.expect("columns");
        names.sort();
        assert_eq!(names.join(" "), columns, "{sql}");
        assert_eq!(old.rows_as_before(sql).await, rows, "{sql}");
    }
    let answer = old.call(&ExecuteQueryStatement { req: statement("show timeseries root.v1.d1") }).await;
    let columns = answer.expect("a reply").columns.expect("columns").join(" ");
    assert_eq!(columns, "timeseries alias storage group dataType encoding compression tags attributes");
    assert_eq!(old.rows_as_before("show timeseries root.v1.d1").await.len(), 2);
    // What deletes takes no more than it names, and others read paths as they are written.
    old.code("delete timeseries root.v1").await;
    let mut newer = Peer::log_in(&served.address, Protocol::Binary, &[("version", "V_0_13")]).await;
    assert_eq!(newer.rows_as_before("count timeseries root.v1").await, ["0 0"]);
    assert_eq!(newer.rows_as_before("count timeseries root.v1.**").await, ["0 3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_have_times_of_their_own_where_a_client_can_take_that() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    for sql in [
        "create timeseries root.q.d.a INT32",
        "create timeseries root.q.d.b TEXT",
        "insert into root.q.d(time, a, b) values (1, 10, null), (2, null, 'x'), (3, 30, null), (4, 40, null)",
    ] {
        assert_eq!(peer.code(sql).await, 200, "{sql}");
    }
    let sql = "select a, b from root.q.d disable align";
    let rejected = peer.call(&ExecuteQueryStatementV2 { req: statement(sql) }).await.expect("a reply").status;
    let message = rejected.message.unwrap_or_default();
    assert!(rejected.code == 300 && message.contains("times of its own"), "{message}");

    let mut old = Peer::log_in(&served.address, Protocol::Binary, &[]).await;
    let req = ExecuteStatementReq { fetch_size: Some(2), ..statement(sql) };
    let first = old.call(&ExecuteQueryStatement { req }).await.expect("a reply");
    assert_eq!(first.columns, Some(vec!["root.q.d.a".to_owned(), "root.q.d.b".to_owned()]));
    assert_eq!(first.data_type_list, Some(vec!["INT32".to_owned(), "TEXT".to_owned()]));
    assert_eq!((first.query_data_set, first.ignore_time_stamp), (None, Some(false)));
    let times = |times: &[i64]| times.iter().flat_map(|time| time.to_be_bytes()).collect::<Vec<u8>>();
    let numbers = |values: &[i32]| values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<u8>>();
    let page = first.non_align_query_data_set.expect("rows");
    assert_eq!(page.time_list, [times(&[1, 3]), times(&[2])]);
    assert_eq!(page.value_list, [numbers(&[10, 30]), [&numbers(&[1])[..], b"x"].concat()]);
    let query = first.query_id.expect("a query");
    let mut next = async || {
        let req = FetchResultsReq { is_align: false, fetch_size: 2, ..fetch(sql, query) };
        let more = old.call(&FetchResults { req }).await.expect("a reply");
        (more.has_result_set, more.is_align, more.non_align_query_data_set)
    };
    let (has_rows, is_align, page) = next().await;
    assert_eq!((has_rows, is_align), (true, false));
    assert_eq!(page.expect("rows").time_list, [times(&[4]), times(&[])]);
    assert!(!next().await.0, "all was read");
    assert!(!next().await.0, "it is forgotten");
    let aggregates = "select count(a) from root.q.d disable align";
    let answer = old.call(&ExecuteQueryStatement { req: statement(aggregates) }).await.expect("a reply");
    assert_eq!(answer.status.code, 701);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_columns_with_times_of_their_own_is_no_larger_than_others_however_many_rows_are_wanted() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let long = "x".repeat(32 << 10);
    for part in 0..20 {
        // The first rows are much larger than those behind them.
        let text = |row: i64| if row < 300 { &long } else { "y" };
        let rows: Vec<_> = (0..20)
            .map(|row| part * 20 + row)
            .map(|row| format!("({row}, {row}, '{}')", text(row)))
            .collect();
        let sql = format!("insert into root.q.d(time, a, b) values {}", rows.join(", "));
        assert_eq!(peer.code(&sql).await, 200);
    }
    let sql = "select a, b from root.q.d disable align";
    let mut old = Peer::log_in(&served.address, Protocol::Binary, &[]).await;
    let req = ExecuteStatementReq { fetch_size: Some(i32::MAX), ..statement(sql) };
    let first = old.call(&ExecuteQueryStatement { req }).await.expect("a reply");
    let query = first.query_id.expect("a query");
    let mut page = first.non_align_query_data_set.expect("rows");
    let (mut pages, mut times, mut text) = (0, [Vec::new(), Vec::new()], 0);
    while page.time_list.iter().any(|times| !times.is_empty()) {
        pages += 1;
        assert!(page.value_list.iter().map(|values| values.len()).sum::<usize>() <= 8 << 20);
        for (times, part) in times.iter_mut().zip(&page.time_list) {
            let all = part.chunks_exact(8).map(|time| i64::from_be_bytes(time.try_into().expect("eight")));
            times.extend(all);
        }
        text += page.value_list[1].len();
        let req = FetchResultsReq { is_align: false, fetch_size: i32::MAX, ..fetch(sql, query) };
        page =
            old.call(&FetchResults { req }).await.expect("a reply").non_align_query_data_set.expect("a page");
        assert!(pages < 100, "no page without rows comes");
    }
    let all: Vec<i64> = (0..400).collect();
    assert_eq!((times, text), ([all.clone(), all], 300 * (long.len() + 4) + 100 * 5));
    assert!(pages > 2, "{pages}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_before_1_0_are_told_types_that_they_know() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    for (name, data_type) in
        [("a", "TIMESTAMP"), ("b", "DATE"), ("c", "STRING"), ("d", "BLOB"), ("e", "DOUBLE")]
    {
        assert_eq!(peer.code(&format!("create timeseries root.q.d.{name} {data_type}")).await, 200);
    }
    let sql = "select a, b, c, d, e from root.q.d";
    let types = |answer: ExecuteStatementResp| answer.data_type_list.expect("types").join(" ");
    assert_eq!(types(peer.execute(sql).await), "TIMESTAMP DATE STRING BLOB DOUBLE");
    let mut old = Peer::log_in(&served.address, Protocol::Binary, &[("version", "V_0_13")]).await;
    assert_eq!(types(old.execute(sql).await), "INT64 INT32 TEXT TEXT DOUBLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_without_a_statement_give_what_their_statement_would() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    filled(&mut peer).await;
    let paths = ["root.q.d1.s", "root.q.d2.s"].map(str::to_owned).to_vec();
    let raw =
        RawDataQueryReq { paths: paths.clone(), start_time: 1, end_time: 3, ..RawDataQueryReq::default() };
    let answer = peer.call(&ExecuteRawDataQueryV2 { req: raw }).await.expect("a reply");
    assert_eq!(answer.columns.as_deref(), Some(&paths[..]));
    assert_eq!(peer.rest("", answer).await, ["1 1.0 101.0", "2 2.0 102.0"]);
    let last = LastDataQueryReq { paths: paths.clone(), time: 0, ..LastDataQueryReq::default() };
    let answer = peer.call(&ExecuteLastDataQueryV2 { req: last }).await.expect("a reply");
    assert_eq!(peer.rest("", answer).await, ["4 root.q.d1.s 4.0 DOUBLE", "4 root.q.d2.s 104.0 DOUBLE"]);
    let fast = FastLastDataQueryForOneDeviceReq {
        db: "root.q".to_owned(),
        device_id: "root.q.d2".to_owned(),
        sensors: vec!["s".to_owned()],
        ..FastLastDataQueryForOneDeviceReq::default()
    };
    let answer = peer.call(&ExecuteFastLastDataQueryForOneDeviceV2 { req: fast }).await.expect("a reply");
    assert_eq!(peer.rest("", answer).await, ["4 root.q.d2.s 104.0 DOUBLE"]);
    let aggregates = AggregationQueryReq {
        paths,
        aggregations: vec![0, 7],
        start_time: Some(0),
        end_time: Some(4),
        interval: Some(2),
        ..AggregationQueryReq::default()
    };
    let answer = peer.call(&ExecuteAggregationQueryV2 { req: aggregates }).await.expect("a reply");
    let headers = answer.columns.as_deref().expect("headers");
    assert!(headers[0].starts_with("COUNT(") && headers[1].starts_with("MAX_VALUE("), "{headers:?}");
    assert_eq!(peer.rest("", answer).await, ["0 2 101.0", "2 2 103.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_codes_of_the_peer() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    assert_eq!(peer.code("create timeseries root.e.d.s INT32").await, 200);
    for (code, sql) in [
        (700, "selct s from root.e.d"),
        (701, "select nonsense(s) from root.e.d"),
        (503, "create timeseries root.e.d.s INT32"),
        (508, "delete timeseries root.e.d.nothing"),
        (500, "flush root.nowhere"),
        (507, "insert into root.e.d(time, s) values (1, 'text')"),
    ] {
        let answer = peer.execute(sql).await;
        assert_eq!(answer.status.code, code, "{sql}: {:?}", answer.status);
    }
    let mut stranger = Peer::connect(&served.address, Protocol::Binary).await;
    let delete = DeleteTimeseries { session_id: 1, path: vec!["root.**".to_owned()] };
    assert_eq!(stranger.call(&delete).await.expect("a reply").code, 802);
    assert_eq!(stranger.code("delete timeseries root.**").await, 802);
    let insert = InsertRecord { req: InsertRecordReq::default() };
    assert_eq!(stranger.call(&insert).await.expect("a reply").code, 802);
    // A pipe has a handshake of its own, and comes to nothing without.
    for client in [&mut stranger, &mut peer] {
        let req = PipeTransferReq { version: 1, kind: 4, body: bytes::Bytes::from_static(&[0; 16]) };
        assert_eq!(client.call(&PipeTransfer { req }).await.expect("a reply").status.code, 1802);
    }
    assert_eq!(peer.rows("count timeseries root.**").await, ["0 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_generation_of_clients_is_told_by_its_own_code_that_a_database_is_there() {
    let served = serve().await;
    let database = |name: &str| SetStorageGroup { session_id: 0, storage_group: name.to_owned() };
    let clients = [(&[][..], 300), (&[("version", "V_0_13")], 300), (&[("version", "V_1_0")], 501)];
    for (at, (configuration, there)) in clients.into_iter().enumerate() {
        let mut peer = Peer::log_in(&served.address, Protocol::Binary, configuration).await;
        let name = format!("root.sg{at}");
        for (name, code) in [(&*name, 200), (&name, there), ("sg", 509)] {
            assert_eq!(peer.call(&database(name)).await.expect("a reply").code, code, "{name}");
        }
    }
    let mut stranger = Peer::connect(&served.address, Protocol::Binary).await;
    assert_eq!(stranger.call(&database("root.sg0")).await.expect("a reply").code, 802);
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_calls_do_what_their_statements_do() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let database = |name: &str| SetStorageGroup { session_id: 0, storage_group: name.to_owned() };
    assert_eq!(peer.call(&database("root.sg")).await.expect("a reply").code, 200);
    assert_eq!(peer.call(&database("root.sg")).await.expect("a reply").code, 501);
    for no_path in ["sg", "root.*", "root.a-b", ""] {
        assert_eq!(peer.call(&database(no_path)).await.expect("a reply").code, 509, "{no_path}");
    }
    let pairs = |key: &str, value: &str| Some(Pairs(vec![(key.to_owned(), value.to_owned())]));
    let one = CreateTimeseriesReq {
        path: "root.sg.d.`a b`".to_owned(),
        data_type: 4,
        encoding: 8,
        compressor: 1,
        tags: pairs("unit", "it's"),
        attributes: pairs("a", "b"),
        measurement_alias: Some("alias".to_owned()),
        ..CreateTimeseriesReq::default()
    };
    assert_eq!(peer.call(&CreateTimeseries { req: one.clone() }).await.expect("a reply").code, 200);
    for no_path in ["root.sg.d.*", "d.s", "root.sg..s"] {
        let req = CreateTimeseriesReq { path: no_path.to_owned(), ..one.clone() };
        assert_eq!(peer.call(&CreateTimeseries { req }).await.expect("a reply").code, 509, "{no_path}");
    }
    let wrong = CreateTimeseriesReq { data_type: 77, ..one };
    assert_eq!(peer.call(&CreateTimeseries { req: wrong }).await.expect("a reply").code, 303);
    let many = CreateMultiTimeseriesReq {
        paths: ["root.sg.d.x", "root.sg.d.`a b`", "root.sg.d.y"].map(str::to_owned).to_vec(),
        data_types: vec![1, 1, 5],
        encodings: vec![0, 0, 0],
        compressors: vec![0, 0, 0],
        ..CreateMultiTimeseriesReq::default()
    };
    let status = peer.call(&CreateMultiTimeseries { req: many }).await.expect("a reply");
    let parts: Vec<_> = status.sub_status.expect("parts").iter().map(|part| part.code).collect();
    assert_eq!((status.code, parts), (302, vec![200, 503, 200]));
    let aligned = CreateAlignedTimeseriesReq {
        prefix_path: "root.sg.al".to_owned(),
        measurements: vec!["p".to_owned(), "q".to_owned()],
        data_types: vec![0, 3],
        encodings: vec![2, 8],
        compressors: vec![7, 7],
        ..CreateAlignedTimeseriesReq::default()
    };
    assert_eq!(peer.call(&CreateAlignedTimeseries { req: aligned }).await.expect("a reply").code, 200);
    let shown = peer.rows("show timeseries root.sg.d.`a b`").await;
    assert_eq!(shown.len(), 1);
    for part in ["alias", "DOUBLE", "GORILLA", "SNAPPY", "it's"] {
        assert!(shown[0].contains(part), "{shown:?}");
    }
    assert_eq!(peer.rows("count timeseries root.**").await, ["0 5"]);
    assert_eq!(peer.code("insert into root.sg.d(time, x) values (1, 1), (2, 2), (3, 3)").await, 200);
    let delete = DeleteDataReq {
        paths: vec!["root.sg.**".to_owned()],
        start_time: 1,
        end_time: 2,
        ..DeleteDataReq::default()
    };
    assert_eq!(peer.call(&DeleteData { req: delete }).await.expect("a reply").code, 200);
    assert_eq!(peer.rows("select x from root.sg.d").await, ["3 3"]);
    let delete = DeleteTimeseries { session_id: 0, path: vec!["root.sg.d.*".to_owned()] };
    assert_eq!(peer.call(&delete).await.expect("a reply").code, 200);
    let delete = DeleteStorageGroups { session_id: 0, storage_group: vec!["root.sg".to_owned()] };
    assert_eq!(peer.call(&delete).await.expect("a reply").code, 200);
    assert_eq!(peer.rows("count timeseries root.**").await, ["0 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_zone_is_the_sessions() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let set = |zone: &str| SetTimeZone { req: SetTimeZoneReq { session_id: 0, time_zone: zone.to_owned() } };
    assert_eq!(peer.call(&set("Atlantis")).await.expect("a reply").code, 703);
    assert_eq!(peer.call(&set("+08:00")).await.expect("a reply").code, 200);
    assert_eq!(peer.call(&GetTimeZone { session_id: 0 }).await.expect("a reply").time_zone, "+08:00");
    assert_eq!(peer.code("insert into root.z.d(time, s) values (1970-01-01T08:00:01, 1)").await, 200);
    assert_eq!(peer.rows("select s from root.z.d").await, ["1000 1.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_cancelled_from_another_connection() {
    let served = serve_with(ServerOptions { queries: 1, ..ServerOptions::default() }).await;
    let mut peer = Peer::new(&served).await;
    let rows: Vec<_> = (0..20_000).map(|row| format!("({row}, {row})")).collect();
    assert_eq!(peer.code(&format!("insert into root.q.d(time, s) values {}", rows.join(", "))).await, 200);
    let sql = "select s from root.q.d";
    let query = peer.execute(sql).await.query_id.expect("a query");
    let mut other = Peer::new(&served).await;
    assert_eq!(other.code(sql).await, 717, "one query may be open");
    let cancel = |query_id| CancelOperation { req: CancelOperationReq { session_id: 0, query_id } };
    assert_eq!(other.call(&cancel(query)).await.expect("a reply").code, 200);
    assert_eq!(other.call(&cancel(-1)).await.expect("a reply").code, 714);
    let fetched = peer.call(&FetchResultsV2 { req: fetch(sql, query) }).await.expect("a reply");
    assert_eq!(fetched.status.code, 715);
    assert_eq!(other.code("count timeseries root.**").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_computes_too_long_is_ended() {
    let served =
        serve_with(ServerOptions { query_timeout: Duration::ZERO, ..ServerOptions::default() }).await;
    let mut peer = Peer::new(&served).await;
    assert_eq!(
        peer.code("insert into root.q.d(time, s) values (1, 1)").await,
        200,
        "what writes is not broken off"
    );
    assert_eq!(peer.code("select count(s) from root.q.d").await, 720);
    let patient = ExecuteStatementReq { timeout: Some(60_000), ..statement("select count(s) from root.q.d") };
    assert_eq!(peer.call(&ExecuteStatementV2 { req: patient }).await.expect("a reply").status.code, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_ask_for_the_nodes_are_sent_back_to_where_they_are() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let (ip, port) = served.address.split_once(':').expect("an address");
    assert_eq!(peer.rows("SHOW  DATANODES;").await, [format!("0 1 Running {ip} {port} 0 0")]);
    for sql in
        ["insert into root.n1.d(time, s) values (1, 1)", "insert into root.n2.d(time, s) values (1, 1)"]
    {
        assert_eq!(peer.code(sql).await, 200);
    }
    assert_eq!(peer.rows("show datanodes").await, [format!("0 1 Running {ip} {port} 2 2")]);
    let version = env!("CARGO_PKG_VERSION");
    let node = format!("0 1 DataNode Running {ip} {port} 2.0.1-levada {version}");
    assert_eq!(peer.rows("show cluster").await, [node]);
    assert_eq!(peer.rows("show confignodes").await, [format!("0 1 Running {ip} {port} Leader")]);
    let region = |id: u32, kind: &str, database: &str, slots: u32, size: &str| {
        format!("0 {id} {kind} Running {database} 1 {slots} 1 {ip} {port} {ip} Leader  {size}")
    };
    assert_eq!(
        peer.rows("show regions of database root.n2").await,
        [region(2, "SchemaRegion", "root.n2", 0, ""), region(3, "DataRegion", "root.n2", 1, "0 B")]
    );
    assert_eq!(peer.rows("show schema regions").await.len(), 2);
    assert_eq!(peer.code("set system to readonly on local").await, 200);
    assert_eq!(peer.rows("show datanodes").await, [format!("0 1 ReadOnly {ip} {port} 2 2")]);
    assert_eq!(peer.code("set system to writable").await, 200);
    let details = peer.execute("show cluster details").await.columns.expect("columns");
    assert_eq!(details.len(), 13);
    let answer = peer.execute("show datanodes").await;
    let columns = ["NodeID", "Status", "RpcAddress", "RpcPort", "DataRegionNum", "SchemaRegionNum"];
    assert_eq!(answer.columns.expect("columns"), columns);
    let connections = peer.call(&FetchAllConnectionsInfo {}).await.expect("a reply").connection_info_list;
    assert_eq!(connections.len(), 1);
    assert_eq!(connections[0].user_name, "root");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_runs_every_statement_and_says_how_each_went() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let batch = |statements: &[&str]| {
        let statements = statements.iter().map(|sql| (*sql).to_owned()).collect();
        ExecuteBatchStatement { req: ExecuteBatchStatementReq { session_id: 0, statements } }
    };
    let mixed =
        batch(&["insert into root.b.d(time, s) values (1, 1)", "nonsense", "show databases", "flush"]);
    let status = peer.call(&mixed).await.expect("a reply");
    let parts: Vec<_> = status.sub_status.expect("parts").iter().map(|part| part.code).collect();
    assert_eq!((status.code, parts), (302, vec![200, 700, 704, 200]));
    assert_eq!(peer.call(&batch(&["flush"])).await.expect("a reply").code, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_settings_says_so_and_triggers_lead_to_pipelines() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let answer = peer.execute("load configuration").await.status;
    assert_eq!(answer.code, 300);
    assert!(answer.message.expect("a reason").contains("levada serve"));
    let variables = peer.rows("show variables").await;
    assert!(variables.contains(&"0 TimePartitionInterval 604800000".to_owned()), "{variables:?}");
    let made = peer.execute("create stateless trigger t before insert on root.a.** as 'org.example.T'").await;
    assert_eq!(made.status.code, 1300);
    assert!(made.status.message.expect("a reason").contains("A pipeline does"));
    assert_eq!(peer.code("create trigger t before insert on root.a.** as 'org.example.T'").await, 701);
    assert_eq!(peer.code("drop trigger t").await, 1301);
    assert!(peer.rows("show triggers").await.is_empty());
    for sql in ["start repair data", "stop repair data", "stop repair data"] {
        assert_eq!(peer.code(sql).await, 200, "{sql}");
    }
}

/// A template as clients since 0.13 send it: plain, of measurements with the codes of type, encoding and compression.
fn serialized(name: &str, measurements: &[(&str, [u8; 3])]) -> bytes::Bytes {
    let text =
        |text: &str| [&i32::try_from(text.len()).expect("short").to_be_bytes()[..], text.as_bytes()].concat();
    let mut bytes = text(name);
    bytes.push(0);
    for (name, codes) in measurements {
        bytes.extend(text(""));
        bytes.push(0);
        bytes.extend(text(name));
        bytes.extend(codes);
    }
    bytes.into()
}

/// A measurement that the template `t 1` is to get: TEXT, PLAIN, SNAPPY.
fn appended(measurement: &str) -> AppendSchemaTemplateReq {
    AppendSchemaTemplateReq {
        name: "t 1".to_owned(),
        measurements: vec![measurement.to_owned()],
        data_types: vec![5],
        encodings: vec![0],
        compressors: vec![1],
        ..AppendSchemaTemplateReq::default()
    }
}

/// What is answered to a query of the template `t 1`: the kind of query, and a count, a truth or names.
async fn told_of_template(peer: &mut Peer, query_type: i32, measurement: &str) -> (i32, String) {
    let measurement = Some(measurement.to_owned()).filter(|text| !text.is_empty());
    let req = QueryTemplateReq { session_id: 0, name: "t 1".to_owned(), query_type, measurement };
    let answer = peer.call(&QuerySchemaTemplate { req }).await.expect("a reply");
    let told = match (answer.count, answer.result, answer.measurements) {
        (Some(count), None, None) => count.to_string(),
        (None, Some(result), None) => result.to_string(),
        (None, None, Some(names)) => names.join(" "),
        other => panic!("{query_type}: {other:?} {:?}", answer.status),
    };
    (answer.query_type, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_made_set_used_asked_for_and_dropped_by_calls() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    assert_eq!(peer.code("create database root.t").await, 200);
    let create = |bytes: bytes::Bytes| CreateSchemaTemplate {
        req: CreateSchemaTemplateReq {
            name: "t 1".to_owned(),
            serialized_template: Some(bytes),
            ..CreateSchemaTemplateReq::default()
        },
    };
    // FLOAT, RLE, SNAPPY; INT64, PLAIN, none.
    let whole = serialized("t 1", &[("temp", [3, 2, 1]), ("n", [2, 0, 0])]);
    let cut = whole.slice(..whole.len() - 1);
    assert_ne!(peer.call(&create(cut)).await.expect("a reply").code, 200);
    assert_ne!(
        peer.call(&create(serialized("t 1", &[("temp", [99, 2, 1])]))).await.expect("a reply").code,
        200
    );
    assert_eq!(peer.call(&create(whole)).await.expect("a reply").code, 200);
    let name = || "t 1".to_owned();
    let set =
        SetSchemaTemplateReq { template_name: name(), prefix_path: "root.t.g".to_owned(), session_id: 0 };
    assert_eq!(peer.call(&SetSchemaTemplate { req: set }).await.expect("a reply").code, 200);
    let append = appended("more");
    assert_eq!(peer.call(&AppendSchemaTemplate { req: append }).await.expect("a reply").code, 200);
    let devices = ["root.t.g.d1", "root.t.nowhere"].map(str::to_owned).to_vec();
    let activate = CreateTimeseriesUsingSchemaTemplateReq { session_id: 0, device_path_list: devices };
    let activated = peer.call(&CreateTimeseriesUsingSchemaTemplate { req: activate }).await.expect("a reply");
    let parts: Vec<_> = activated.sub_status.expect("parts").iter().map(|part| part.code).collect();
    assert_eq!((activated.code, parts), (302, vec![200, 507]));
    // The first record of a device takes its type from the template, a narrower one too.
    let record = InsertRecordReq {
        prefix_path: "root.t.g.d2".to_owned(),
        measurements: vec!["n".to_owned()],
        values: levada_rpc::columns::record::encode(&[Some(levada_model::Value::Int32(4))]),
        timestamp: 1,
        ..InsertRecordReq::default()
    };
    assert_eq!(peer.call(&InsertRecord { req: record }).await.expect("a reply").code, 200);
    assert_eq!(peer.rows("select n from root.t.g.d2").await, ["1 4"]);
    for (query_type, measurement, expected) in [
        (0, "", "3"),
        (1, "temp", "true"),
        (1, "none", "false"),
        (2, "more", "true"),
        (3, "", "temp n more"),
        (4, "", "t 1"),
        (5, "", "root.t.g"),
        (6, "", "root.t.g.d1 root.t.g.d2"),
    ] {
        assert_eq!(
            told_of_template(&mut peer, query_type, measurement).await,
            (query_type, expected.to_owned())
        );
    }
    let unset = || UnsetSchemaTemplateReq {
        template_name: name(),
        prefix_path: "root.t.g".to_owned(),
        session_id: 0,
    };
    assert_eq!(peer.call(&UnsetSchemaTemplate { req: unset() }).await.expect("a reply").code, 515);
    assert_eq!(peer.code("deactivate device template `t 1` from root.t.g.*").await, 200);
    assert_eq!(peer.call(&UnsetSchemaTemplate { req: unset() }).await.expect("a reply").code, 200);
    let drop = DropSchemaTemplateReq { session_id: 0, template_name: name() };
    assert_eq!(peer.call(&DropSchemaTemplate { req: drop }).await.expect("a reply").code, 200);
    let prune = PruneSchemaTemplateReq { session_id: 0, name: name(), path: "n".to_owned() };
    assert_eq!(peer.call(&PruneSchemaTemplate { req: prune }).await.expect("a reply").code, 300);
}
