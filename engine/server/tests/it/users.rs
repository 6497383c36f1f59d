//! Who may call what; logins that fail.

use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array};
use levada_model::{Column, DataType, Path, Session, Tablet};
use levada_rpc::{
    columns::tablet::{TabletBytes, encode},
    messages::*,
    thrift::Protocol,
};

use crate::peer::{Peer, Served, login, serve, statement};

const USER: &[(&str, &str)] = &[("version", "V_1_0"), ("sql_dialect", "tree")];

async fn filled() -> Served {
    let served = serve().await;
    let root = served.engine.session(None).expect("a session");
    for sql in [
        "insert into root.a.d(time, s) values (1, 1.0)",
        "insert into root.b.d(time, s) values (1, 2.0)",
        "create user amyuser 'secret12'",
    ] {
        root.execute(sql).await.expect(sql);
    }
    served
}

fn credentials(user: &str, password: &str) -> OpenSession {
    OpenSession { req: OpenSessionReq { username: Some(user.to_owned()), ..login(password, USER) } }
}

async fn log_in(served: &Served, user: &str, password: &str) -> Peer {
    let mut peer = Peer::connect(&served.address, Protocol::Binary).await;
    let opened = peer.call(&credentials(user, password)).await.expect("a reply");
    assert_eq!(opened.status.code, 200, "{opened:?}");
    peer
}

/// Calls, each with the privilege that it takes below `root.a`; nothing where what may not be seen is left out.
const CALLS: &[(&str, Option<&str>)] = &[
    ("executeQueryStatement", None),
    ("executeStatement", Some("WRITE_DATA")),
    ("executeBatchStatement", Some("WRITE_DATA")),
    ("executeRawDataQuery", None),
    ("executeLastDataQuery", None),
    ("executeFastLastDataQueryForOneDevice", None),
    ("executeFastLastDataQueryForOnePrefixPath", None),
    ("executeAggregationQuery", None),
    ("insertRecord", Some("WRITE_DATA")),
    ("insertStringRecord", Some("WRITE_DATA")),
    ("insertRecords", Some("WRITE_DATA")),
    ("insertStringRecords", Some("WRITE_DATA")),
    ("insertRecordsOfOneDevice", Some("WRITE_DATA")),
    ("insertStringRecordsOfOneDevice", Some("WRITE_DATA")),
    ("insertTablet", Some("WRITE_DATA")),
    ("insertTablets", Some("WRITE_DATA")),
    ("setStorageGroup", Some("MANAGE_DATABASE")),
    ("deleteStorageGroups", Some("MANAGE_DATABASE")),
    ("createTimeseries", Some("WRITE_SCHEMA")),
    ("createMultiTimeseries", Some("WRITE_SCHEMA")),
    ("createAlignedTimeseries", Some("WRITE_SCHEMA")),
    ("deleteTimeseries", Some("WRITE_SCHEMA")),
    ("deleteData", Some("WRITE_DATA")),
];

fn text(text: &str) -> String {
    text.to_owned()
}

fn tablet() -> InsertTabletReq {
    let column = Column {
        name: "s".into(),
        data_type: DataType::Double,
        values: Arc::new(Float64Array::from(vec![5.0])),
    };
    let device = Path::parse("root.a.d").expect("legal");
    let tablet = Tablet::try_new(device, false, Int64Array::from(vec![5]), vec![column]).expect("fits");
    let TabletBytes { measurements, types, timestamps, values, .. } = encode(&tablet);
    InsertTabletReq {
        prefix_path: text("root.a.d"),
        measurements,
        types,
        size: 1,
        timestamps,
        values,
        ..InsertTabletReq::default()
    }
}

fn value() -> bytes::Bytes {
    levada_rpc::columns::record::encode(&[Some(levada_model::Value::Double(4.0))])
}

/// The code of an answer, or of its first part that failed, and whether it has rows.
fn told(status: &Status, rows: bool) -> (i32, bool) {
    let failed = status.sub_status.iter().flatten().find(|part| part.code != 200);
    (failed.map_or(status.code, |part| part.code), rows)
}

fn has_rows(answer: &ExecuteStatementResp) -> (i32, bool) {
    told(&answer.status, answer.query_result.iter().flatten().any(|block| !block.is_empty()))
}

/// Makes a call of rows.
async fn insert(peer: &mut Peer, call: &str) -> Option<(i32, bool)> {
    let (device, names) = (|| text("root.a.d"), || vec![text("s")]);
    let (devices, lists) = (|| vec![device()], || vec![names()]);
    macro_rules! call {
        ($call:ident, $req:ident { $($field:ident: $value:expr),* }) => {
            peer.call(&$call { req: $req { $($field: $value,)* ..$req::default() } }).await.expect("a reply")
        };
    }
    let status = match call {
        "insertRecord" => call!(
            InsertRecord,
            InsertRecordReq { prefix_path: device(), measurements: names(), values: value(), timestamp: 4 }
        ),
        "insertStringRecord" => call!(
            InsertStringRecord,
            InsertStringRecordReq {
                prefix_path: device(),
                measurements: names(),
                values: vec![text("4")],
                timestamp: 4
            }
        ),
        "insertRecords" => call!(
            InsertRecords,
            InsertRecordsReq {
                prefix_paths: devices(),
                measurements_list: lists(),
                values_list: vec![value()],
                timestamps: vec![4]
            }
        ),
        "insertStringRecords" => call!(
            InsertStringRecords,
            InsertStringRecordsReq {
                prefix_paths: devices(),
                measurements_list: lists(),
                values_list: vec![vec![text("4")]],
                timestamps: vec![4]
            }
        ),
        "insertRecordsOfOneDevice" => call!(
            InsertRecordsOfOneDevice,
            InsertRecordsOfOneDeviceReq {
                prefix_path: device(),
                measurements_list: lists(),
                values_list: vec![value()],
                timestamps: vec![4]
            }
        ),
        "insertStringRecordsOfOneDevice" => {
            call!(
                InsertStringRecordsOfOneDevice,
                InsertStringRecordsOfOneDeviceReq {
                    prefix_path: device(),
                    measurements_list: lists(),
                    values_list: vec![vec![text("4")]],
                    timestamps: vec![4]
                }
            )
        }
        "insertTablet" => peer.call(&InsertTablet { req: tablet() }).await.expect("a reply"),
        "insertTablets" => {
            let InsertTabletReq { measurements, types, size, timestamps, values, .. } = tablet();
            call!(
                InsertTablets,
                InsertTabletsReq {
                    prefix_paths: devices(),
                    measurements_list: vec![measurements],
                    types_list: vec![types],
                    size_list: vec![size],
                    timestamps_list: vec![timestamps],
                    values_list: vec![values]
                }
            )
        }
        _ => return None,
    };
    Some(told(&status, false))
}

/// Makes a call of the schema.
async fn change(peer: &mut Peer, call: &str) -> Option<(i32, bool)> {
    let series = || text("root.a.d.new");
    let status = match call {
        "executeBatchStatement" => {
            let statements = vec![text("insert into root.a.d(time, s) values (3, 3)")];
            let req = ExecuteBatchStatementReq { session_id: 0, statements };
            peer.call(&ExecuteBatchStatement { req }).await
        }
        "setStorageGroup" => {
            peer.call(&SetStorageGroup { session_id: 0, storage_group: text("root.n") }).await
        }
        "deleteStorageGroups" => {
            peer.call(&DeleteStorageGroups { session_id: 0, storage_group: vec![text("root.n")] }).await
        }
        "createTimeseries" => {
            let req = CreateTimeseriesReq { path: series(), data_type: 1, ..CreateTimeseriesReq::default() };
            peer.call(&CreateTimeseries { req }).await
        }
        "createMultiTimeseries" => {
            let req = CreateMultiTimeseriesReq {
                paths: vec![text("root.a.d.newer")],
                data_types: vec![1],
                encodings: vec![0],
                compressors: vec![0],
                ..CreateMultiTimeseriesReq::default()
            };
            peer.call(&CreateMultiTimeseries { req }).await
        }
        "createAlignedTimeseries" => {
            let req = CreateAlignedTimeseriesReq {
                prefix_path: text("root.a.al"),
                measurements: vec![text("p")],
                data_types: vec![1],
                encodings: vec![0],
                compressors: vec![0],
                ..CreateAlignedTimeseriesReq::default()
            };
            peer.call(&CreateAlignedTimeseries { req }).await
        }
        "deleteTimeseries" => peer.call(&DeleteTimeseries { session_id: 0, path: vec![series()] }).await,
        "deleteData" => {
            let req = DeleteDataReq {
                paths: vec![text("root.a.d.s")],
                start_time: 70,
                end_time: 77,
                ..DeleteDataReq::default()
            };
            peer.call(&DeleteData { req }).await
        }
        _ => return None,
    };
    Some(told(&status.expect("a reply"), false))
}

/// Makes a call that asks.
async fn query(peer: &mut Peer, call: &str) -> (i32, bool) {
    let paths = || vec![text("root.a.d.s")];
    let answer = match call {
        "executeQueryStatement" => {
            peer.call(&ExecuteQueryStatementV2 { req: statement("select s from root.a.d") }).await
        }
        "executeStatement" => {
            let req = statement("insert into root.a.d(time, s) values (2, 2)");
            peer.call(&ExecuteStatementV2 { req }).await
        }
        "executeRawDataQuery" => {
            let req = RawDataQueryReq { paths: paths(), end_time: 100, ..RawDataQueryReq::default() };
            peer.call(&ExecuteRawDataQueryV2 { req }).await
        }
        "executeLastDataQuery" => {
            let req = LastDataQueryReq { paths: paths(), ..LastDataQueryReq::default() };
            peer.call(&ExecuteLastDataQueryV2 { req }).await
        }
        "executeFastLastDataQueryForOneDevice" => {
            let req = FastLastDataQueryForOneDeviceReq {
                device_id: text("root.a.d"),
                sensors: vec![text("s")],
                ..FastLastDataQueryForOneDeviceReq::default()
            };
            peer.call(&ExecuteFastLastDataQueryForOneDeviceV2 { req }).await
        }
        "executeFastLastDataQueryForOnePrefixPath" => {
            let req = FastLastDataQueryForOnePrefixPathReq {
                prefixes: vec![text("root"), text("a")],
                ..FastLastDataQueryForOnePrefixPathReq::default()
            };
            peer.call(&ExecuteFastLastDataQueryForOnePrefixPath { req }).await
        }
        "executeAggregationQuery" => {
            let req = AggregationQueryReq {
                paths: paths(),
                aggregations: vec![1],
                ..AggregationQueryReq::default()
            };
            peer.call(&ExecuteAggregationQueryV2 { req }).await
        }
        other => panic!("{other} is no call of this test"),
    };
    has_rows(&answer.expect("a reply"))
}

async fn call(peer: &mut Peer, call: &str) -> (i32, bool) {
    if let Some(told) = insert(peer, call).await {
        return told;
    }
    match change(peer, call).await {
        Some(told) => told,
        None => query(peer, call).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_takes_a_login_and_its_privilege() {
    let served = filled().await;
    let root = served.engine.session(None).expect("a session");
    let run = async |sql: &str| root.execute(sql).await.map(drop).expect("a statement");
    let mut stranger = Peer::connect(&served.address, Protocol::Binary).await;
    let mut amy = log_in(&served, "amyuser", "secret12").await;
    for (name, privilege) in CALLS {
        assert_eq!(call(&mut stranger, name).await.0, 802, "{name} without a login");
        let wanted = privilege.unwrap_or("READ_DATA");
        let server = wanted == "MANAGE_DATABASE";
        let none = call(&mut amy, name).await;
        let elsewhere = if server { text("MAINTAIN on root.**") } else { format!("{wanted} on root.b.**") };
        run(&format!("grant {elsewhere} to user amyuser")).await;
        let elsewhere = call(&mut amy, name).await;
        let right = if server { "root.**" } else { "root.a.**" };
        run(&format!("grant {wanted} on {right} to user amyuser")).await;
        let right = call(&mut amy, name).await;
        run("revoke all on root.** from user amyuser").await;
        let rejected = if privilege.is_some() { (803, false) } else { (200, false) };
        assert_eq!((none, elsewhere), (rejected, rejected), "{name}");
        assert_eq!(right, (200, privilege.is_none()), "{name} with {wanted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_seen_and_their_queries_ended_with_a_privilege_alone() {
    let served = filled().await;
    let mut root = Peer::new(&served).await;
    let mut amy = log_in(&served, "amyuser", "secret12").await;
    let clients = async |peer: &mut Peer| {
        let answer = peer.call(&FetchAllConnectionsInfo {}).await.expect("a reply");
        answer.connection_info_list.into_iter().map(|client| client.user_name).collect::<Vec<_>>()
    };
    assert_eq!(clients(&mut amy).await, ["amyuser"]);
    let rows: Vec<_> = (0..20_000).map(|row| format!("({row}, {row})")).collect();
    assert_eq!(root.code(&format!("insert into root.q.d(time, s) values {}", rows.join(", "))).await, 200);
    let query = root.execute("select s from root.q.d").await.query_id.expect("a query");
    let cancel = CancelOperation { req: CancelOperationReq { session_id: 0, query_id: query } };
    assert_eq!(amy.call(&cancel).await.expect("a reply").code, 803);
    assert_eq!(root.code("grant maintain on root.** to user amyuser").await, 200);
    assert_eq!(clients(&mut amy).await.len(), 2);
    assert_eq!(amy.rows("show queries").await.len(), 2);
    assert_eq!(amy.call(&cancel).await.expect("a reply").code, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_whose_logins_fail_has_to_wait() {
    let served = serve().await;
    let mut peer = Peer::connect(&served.address, Protocol::Binary).await;
    let mut codes = Vec::new();
    for guess in 0..20 {
        let opened = peer.call(&credentials("root", &format!("guess{guess}"))).await.expect("a reply");
        codes.push(opened.status.code);
    }
    assert_eq!(codes[..10], [801; 10]);
    assert!(codes.contains(&822), "{codes:?}");
    assert_eq!(served.server.clients(), 0);
}
