//! Pipes of Apache's servers that end here, by the frames that a server of 2.0.1-beta sent.

use bytes::{BufMut, Bytes, BytesMut};
use levada_model::{Outcome, Session, Value};
use levada_rpc::{messages::*, thrift::Protocol};
use levada_server::ServerOptions;
use tokio::{
    io::AsyncWriteExt,
    time::{Duration, timeout},
};

use crate::peer::{Peer, Served, serve, serve_with};

fn bytes(hex: &str) -> Bytes {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// The recorded steps below a heading.
fn recorded(heading: &str) -> Vec<(i16, Bytes)> {
    let lines = include_str!("../../../rpc/tests/data/pipe-2.0.1.txt").lines();
    let below = lines.skip_while(|line| *line != format!("# {heading}")).skip(1);
    below
        .take_while(|line| !line.starts_with('#'))
        .map(|line| {
            let (kind, hex) = line.split_once(' ').expect("two parts");
            (kind.parse().expect("a number"), bytes(hex))
        })
        .collect()
}

async fn send(peer: &mut Peer, kind: i16, body: Bytes) -> PipeTransferResp {
    peer.call(&PipeTransfer { req: PipeTransferReq { version: 1, kind, body } }).await.expect("a reply")
}

/// A pipe that has shaken hands as the recorded one did.
async fn pipe(served: &Served) -> Peer {
    let mut peer = Peer::connect(&served.address, Protocol::Binary).await;
    let (kind, body) = recorded("default").remove(0);
    assert_eq!(send(&mut peer, kind, body).await.status.code, 200);
    peer
}

async fn send_all(peer: &mut Peer, steps: Vec<(i16, Bytes)>) -> Vec<(i16, i32)> {
    let mut other = Vec::new();
    for (kind, body) in steps {
        let status = send(peer, kind, body).await.status;
        if status.code != 200 {
            other.push((kind, status.code));
        }
    }
    other
}

/// The rows of a query, each as its values with bars between.
async fn rows(served: &Served, sql: &str) -> Vec<String> {
    let session = served.engine.session(None).expect("UTC");
    let Ok(Outcome::Rows(mut rows)) = session.execute(sql).await else { return Vec::new() };
    let mut found = Vec::new();
    while let Some(batch) = futures::StreamExt::next(&mut rows.batches).await {
        let batch = batch.expect("rows");
        for row in 0..batch.num_rows() {
            let skip = usize::from(rows.has_time);
            let time = rows.has_time.then(|| {
                Value::at(batch.column(0), levada_model::DataType::Int64, row).expect("a time").to_string()
            });
            let cells = rows.columns.iter().enumerate().map(|(at, column)| {
                Value::at(batch.column(at + skip), column.data_type, row)
                    .map_or_else(|| "-".to_owned(), |value| value.to_string())
            });
            found.push(time.into_iter().chain(cells).collect::<Vec<_>>().join("|"));
        }
    }
    found
}

async fn run(served: &Served, sql: &str) {
    let session = served.engine.session(None).expect("UTC");
    session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

const TYPES: &str = "select b, i, l, f, x, t, ts, s, bl, da from root.t.d";

fn of_types(time: i64) -> String {
    format!("{time}|true|-7|12345678901|1.5|2.25|ä|1700000000000|str|0xcafe|2024-02-29")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_sends_is_stored_also_when_it_comes_twice() {
    let served = serve().await;
    for _ in 0..2 {
        // The second connection begins anew, as after a restart.
        let mut peer = pipe(&served).await;
        let other = send_all(&mut peer, recorded("default")).await;
        // Templates are passed over, and said to be; the rows of the one file that have a life have lived it.
        assert_eq!(other, [(200, 1809), (200, 1809), (9, 1809)]);
        assert_eq!(
            rows(&served, TYPES).await,
            [of_types(1), "2|false|-|-|-|-|-|-|-|-|-".to_owned(), of_types(11)]
        );
        let aligned = ["1|1.5|-", "2|-|7", "11|1.5|-", "12|-|7"];
        assert_eq!(rows(&served, "select x, y from root.t.a").await, aligned);
        // What lies beside the file says that the others are deleted.
        assert_eq!(rows(&served, "select n from root.t.g").await, ["3|3.5"]);
        assert!(rows(&served, "show timeseries root.t.n.z").await.is_empty());
        assert!(rows(&served, "show timeseries root.t.d.i").await[0].contains(r#"{"q":"w"}"#));
        assert_eq!(rows(&served, "show databases").await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tablets_are_stored_alone_in_batches_and_compressed() {
    for (heading, time) in [("tablets", 31), ("batch", 31)] {
        let served = serve().await;
        let mut peer = pipe(&served).await;
        assert_eq!(send_all(&mut peer, recorded(heading)).await, []);
        let all = rows(&served, TYPES).await;
        assert!(all.contains(&of_types(time)), "{heading}: {all:?}");
    }
    let served = serve().await;
    let mut peer = pipe(&served).await;
    assert_eq!(send_all(&mut peer, recorded("snappy, zstd")).await, []);
    assert_eq!(rows(&served, "select n from root.t.g").await, ["1|1.5", "2|2.5", "3|3.5"]);
    let steps = recorded("gzip, lz4, lzma2");
    let before = rows(&served, "count timeseries root.**").await;
    assert_eq!(send_all(&mut peer, steps).await, []);
    assert_ne!(rows(&served, "count timeseries root.**").await, before, "files came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_slices_is_put_together() {
    let served = serve().await;
    let mut peer = pipe(&served).await;
    let (kind, body) = recorded("batch").remove(0);
    let half = body.len() / 2;
    for (at, part) in [(1, body.slice(half..)), (0, body.slice(..half)), (1, body.slice(half..))].into_iter()
    {
        let mut slice = BytesMut::new();
        slice.put_i32(3);
        slice.put_i16(kind);
        slice.put_i32(i32::try_from(body.len()).expect("short"));
        slice.put_i32(i32::try_from(part.len()).expect("short"));
        slice.put_slice(&part);
        slice.put_i32(at);
        slice.put_i32(2);
        let code = send(&mut peer, 400, slice.freeze()).await.status.code;
        // The first of these three is not the one that comes next.
        assert!(code == 200 || code == 303, "{code}");
    }
    assert!(rows(&served, TYPES).await.contains(&of_types(31)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_is_listed_once_for_each_database_and_its_rows_are_not_sent_back_to_it() {
    let served = serve().await;
    let (mut peer, _second) = (pipe(&served).await, pipe(&served).await);
    assert_eq!(rows(&served, "show pipes").await.len(), 1);
    send_all(&mut peer, recorded("batch")).await;
    let listed = rows(&served, "show pipes").await;
    assert_eq!(listed.len(), 2, "{listed:?}");
    for database in ["root.t", "root.u"] {
        let end = format!(
            "|00000000-0000-4000-8000-000000000001|receiver|127.0.0.1|RUNNING|Database='{database}'|NORMAL"
        );
        assert!(listed.iter().any(|row| row.ends_with(&end)), "{end}: {listed:?}");
    }
    let mut changes =
        served.engine.changes(None, levada_engine::ChangesFrom::After(0)).await.expect("a feed");
    let found = changes.next(1 << 20).await.expect("changes");
    let of = |kind: &levada_engine::ChangeKind| match kind {
        levada_engine::ChangeKind::Rows { owner, .. } => Some(owner.clone()),
        _ => None,
    };
    let owners: Vec<_> = found.iter().filter_map(|change| of(&change.kind)).collect();
    assert!(!owners.is_empty());
    for owner in owners {
        assert_eq!(owner.as_deref(), Some("pipe:00000000-0000-4000-8000-000000000001"));
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Bytes {
    let mut body = BytesMut::new();
    let text = |body: &mut BytesMut, text: &str| {
        body.put_i32(i32::try_from(text.len()).expect("short"));
        body.put_slice(text.as_bytes());
    };
    body.put_i32(i32::try_from(pairs.len()).expect("few"));
    for (key, value) in pairs {
        text(&mut body, key);
        text(&mut body, value);
    }
    body.freeze()
}

/// A row as the log of a sender has it: of the device `root.w.d`, with a measurement `n` of INT32.
fn logged_row(time: i64, value: i32) -> Bytes {
    let mut bytes = BytesMut::new();
    // The entry, its memtable, its node, its place, then the row.
    bytes.put_u8(4);
    bytes.put_i64(1);
    bytes.put_i16(14);
    bytes.put_i64(7);
    bytes.put_i64(time);
    for text in ["root.w.d", "n"] {
        bytes.put_u32(text.len() as u32);
        bytes.put_slice(text.as_bytes());
        if text != "n" {
            bytes.put_i32(1);
        }
    }
    // Its type, encoding, compression and properties, then its value, and that it is not aligned.
    bytes.put_slice(&[1, 0, 1, 0, 0, 0, 0, 1]);
    bytes.put_i32(value);
    bytes.put_u8(0);
    bytes.freeze()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_as_the_log_of_their_sender_has_them_are_stored() {
    let served = serve().await;
    let mut peer = pipe(&served).await;
    assert_eq!(send(&mut peer, 7, logged_row(1, 10)).await.status.code, 200);
    let mut batch = BytesMut::new();
    batch.put_i32(2);
    for row in [logged_row(2, 20), logged_row(3, 30)] {
        batch.put_u32(row.len() as u32);
        batch.put_slice(&row);
    }
    batch.put_i64(0);
    assert_eq!(send(&mut peer, 6, batch.freeze()).await.status.code, 200);
    assert_eq!(rows(&served, "select n from root.w.d").await, ["1|10", "2|20", "3|30"]);
    // What is cut off makes no sense, now or later.
    assert_eq!(send(&mut peer, 7, logged_row(4, 40).slice(..30)).await.status.code, 1810);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_fit_is_rejected_at_the_handshake() {
    let served = serve().await;
    let name = served.engine.name();
    for (given, code) in [
        (&[("clusterID", "x"), ("timestampPrecision", "us")][..], 1802),
        (&[("clusterID", "x")], 1802),
        (&[("clusterID", &name), ("timestampPrecision", "ms")], 1802),
        (&[("clusterID", "x"), ("timestampPrecision", "ms"), ("username", "root"), ("password", "no")], 801),
        // A name that would be kept for good.
        (&[("clusterID", &"x".repeat(257)), ("timestampPrecision", "ms")], 303),
        (&[("clusterID", "x"), ("timestampPrecision", "ms")], 200),
    ] {
        let mut peer = Peer::connect(&served.address, Protocol::Binary).await;
        // Before the handshake there are no steps.
        let (kind, body) = recorded("batch").remove(0);
        assert_eq!(send(&mut peer, kind, body.clone()).await.status.code, 1802);
        let status = send(&mut peer, 51, pairs(given)).await.status;
        assert_eq!(status.code, code, "{given:?}: {status:?}");
        assert_eq!(send(&mut peer, kind, body).await.status.code, if code == 200 { 200 } else { 1802 });
    }
    let mut peer = pipe(&served).await;
    assert_eq!(send(&mut peer, 9_999, Bytes::new()).await.status.code, 1801);
    // What makes no sense now makes none later; what is not done here is passed over.
    assert_eq!(send(&mut peer, 100, Bytes::from_static(b"\0\x13no path")).await.status.code, 1810);
    assert_eq!(send(&mut peer, 300, Bytes::from_static(b"\x01\x03\0\0\0\x09none")).await.status.code, 1810);
    assert_eq!(send(&mut peer, 200, Bytes::from_static(b"\x7f\xff")).await.status.code, 1809);
    let req = PipeTransferReq { version: 3, kind: 2, body: Bytes::new() };
    assert_eq!(peer.call(&PipeTransfer { req }).await.expect("a reply").status.code, 1800);
    // The first handshake of 1.2, which names a precision alone.
    let mut old = Peer::connect(&served.address, Protocol::Binary).await;
    assert_eq!(send(&mut old, 1, Bytes::from_static(b"\0\0\0\x02ms")).await.status.code, 200);
    served.server.set_ip_white_list("10.0.0.0/8".parse().expect("a network"));
    let mut peer = Peer::connect(&served.address, Protocol::Binary).await;
    let (kind, body) = recorded("default").remove(0);
    assert_eq!(send(&mut peer, kind, body).await.status.code, 1108);
    // One that is connected may not go on either.
    let (kind, body) = recorded("batch").remove(0);
    assert_eq!(send(&mut old, kind, body).await.status.code, 1108);
}

/// A piece of a file, as in 1.2.
fn piece(name: &str, offset: i64, bytes: &[u8]) -> Bytes {
    let mut body = BytesMut::new();
    body.put_i32(i32::try_from(name.len()).expect("short"));
    body.put_slice(name.as_bytes());
    body.put_i64(offset);
    body.put_i32(i32::try_from(bytes.len()).expect("short"));
    body.put_slice(bytes);
    body.freeze()
}

fn seal(name: &str, length: usize) -> Bytes {
    let mut body = BytesMut::new();
    body.put_i32(i32::try_from(name.len()).expect("short"));
    body.put_slice(name.as_bytes());
    body.put_i64(i64::try_from(length).expect("short"));
    body.freeze()
}

/// The bytes of the recorded file that has the rows of every type.
fn tsfile() -> Bytes {
    let steps = recorded("default").into_iter().filter(|(kind, body)| *kind == 8 && body.len() > 1_000);
    let (_, body) = steps.into_iter().next_back().expect("a file");
    let name = u32::from_be_bytes(body[..4].try_into().expect("four")) as usize;
    body.slice(4 + name + 12..)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_pieces_is_loaded_when_it_is_whole_and_leaves_nothing_behind() {
    let served = serve().await;
    let mut peer = pipe(&served).await;
    let file = tsfile();
    let (first, rest) = file.split_at(500);
    let told = |answer: &PipeTransferResp| {
        let body = answer.body.as_ref().expect("where the next begins");
        (answer.status.code, i64::from_be_bytes(body[..].try_into().expect("eight")))
    };
    assert_eq!(told(&send(&mut peer, 4, piece("a.tsfile", 0, first)).await), (200, 500));
    assert_eq!(told(&send(&mut peer, 4, piece("a.tsfile", 900, rest)).await), (1803, 500));
    assert_eq!(send(&mut peer, 5, seal("a.tsfile", file.len())).await.status.code, 1804);
    // It was removed: all of it comes anew.
    assert_eq!(told(&send(&mut peer, 4, piece("a.tsfile", 500, rest)).await), (1803, 0));
    assert_eq!(told(&send(&mut peer, 4, piece("a.tsfile", 0, first)).await), (200, 500));
    let whole = i64::try_from(file.len()).expect("short");
    assert_eq!(told(&send(&mut peer, 4, piece("a.tsfile", 500, rest)).await), (200, whole));
    assert_eq!(told(&send(&mut peer, 4, piece("../b", 0, rest)).await), (1804, -1));
    assert_eq!(send(&mut peer, 5, seal("a.tsfile", file.len())).await.status.code, 200);
    assert!(rows(&served, TYPES).await.contains(&of_types(1)));
    // A damaged one is told, and stores nothing.
    let mut damaged = file.to_vec();
    damaged[40] ^= 0xff;
    assert_eq!(send(&mut peer, 4, piece("d.tsfile", 0, &damaged)).await.status.code, 200);
    let status = send(&mut peer, 5, seal("d.tsfile", damaged.len())).await.status;
    assert_eq!(status.code, 1810, "{status:?}");
    let folder = served.engine.received_files().to_owned();
    let files = |folder: &std::path::Path| {
        let folders = std::fs::read_dir(folder).expect("a folder").map(|each| each.expect("one").path());
        folders.map(|each| std::fs::read_dir(each).expect("a folder").count()).sum::<usize>()
    };
    assert_eq!(files(&folder), 0);
    assert_eq!(told(&send(&mut peer, 4, piece("e.tsfile", 0, first)).await), (200, 500));
    assert_eq!(files(&folder), 1);
    drop(peer);
    while std::fs::read_dir(&folder).expect("a folder").count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_beyond_the_bound_wait_or_are_rejected() {
    let served = serve_with(ServerOptions { pipe_received_bytes: 1_000, ..ServerOptions::default() }).await;
    let (mut peer, mut other) = (pipe(&served).await, pipe(&served).await);
    let bytes = [7; 800];
    assert_eq!(send(&mut peer, 4, piece("a.tsfile", 0, &bytes)).await.status.code, 200);
    assert_eq!(send(&mut other, 4, piece("b.tsfile", 0, &bytes)).await.status.code, 1808);
    drop(peer);
    while send(&mut other, 4, piece("b.tsfile", 0, &bytes)).await.status.code != 200 {
        tokio::task::yield_now().await;
    }
    let status = send(&mut other, 4, piece("b.tsfile", 800, &bytes)).await.status;
    assert_eq!(status.code, 1804);
    assert!(status.message.expect("words").contains("1600 bytes is more than the 1000"));
}

/// The seal of a file of the catalog.
fn catalog_seal(name: &str, length: usize, database: &str) -> Bytes {
    let mut body = BytesMut::new();
    let text = |body: &mut BytesMut, text: &str| {
        body.put_i32(i32::try_from(text.len()).expect("short"));
        body.put_slice(text.as_bytes());
    };
    body.put_i32(1);
    text(&mut body, name);
    body.put_i32(1);
    body.put_i64(i64::try_from(length).expect("short"));
    body.put_i32(1);
    text(&mut body, "Database");
    text(&mut body, database);
    body.freeze()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_catalog_may_not_be_longer_than_a_request() {
    let served = serve_with(ServerOptions { frame_bytes: 64 << 10, ..ServerOptions::default() }).await;
    let mut peer = pipe(&served).await;
    let piece_of =
        |name: &str, offset: usize| piece(name, i64::try_from(offset).expect("short"), &vec![0; 40_000]);
    for (pieces, code) in [(2, 1804), (1, 303)] {
        for at in 0..pieces {
            let body = piece_of("mtree.snapshot", at * 40_000);
            assert_eq!(send(&mut peer, 101, body).await.status.code, 200);
        }
        let seal = catalog_seal("mtree.snapshot", pieces * 40_000, "root.a");
        let status = send(&mut peer, 102, seal).await.status;
        assert_eq!(status.code, code, "{status:?}");
        let said = status.message.expect("words").contains("dn_thrift_max_frame_size");
        assert_eq!(said, code == 1804);
    }
}

/// One of two slices of a step, in which there is next to nothing.
fn slice(at: i32) -> Bytes {
    let mut slice = BytesMut::new();
    slice.put_i32(7);
    slice.put_i16(3);
    slice.put_i32(100 << 10);
    slice.put_i32(1);
    slice.put_slice(b"x");
    slice.put_i32(at);
    slice.put_i32(2);
    slice.freeze()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_next_slice_does_not_come_gives_its_room_back() {
    let (memory_bytes, stall) = (800 << 10, Duration::from_secs(10));
    let served = serve_with(ServerOptions { memory_bytes, stall, ..ServerOptions::default() }).await;
    let mut silent = pipe(&served).await;
    let mut busy = pipe(&served).await;
    let mut others = [pipe(&served).await, pipe(&served).await];
    // That is all the room there is for steps in part.
    for peer in [&mut silent, &mut busy] {
        assert_eq!(send(peer, 400, slice(0)).await.status.code, 200);
    }
    let status = send(&mut others[0], 400, slice(0)).await.status;
    assert!(status.message.as_deref().is_some_and(|message| message.contains("later")), "{status:?}");
    for other in &mut others {
        let taken = async {
            while send(other, 400, slice(0)).await.status.code != 200 {
                // What else is asked puts nothing off.
                assert_eq!(busy.code("show databases").await, 200);
            }
        };
        timeout(Duration::from_secs(60), taken).await.expect("a step that does not go on makes room");
    }
    for peer in [&mut silent, &mut busy] {
        let status = send(peer, 400, slice(1)).await.status;
        let message = status.message.expect("words");
        assert!(message.contains("is not the one that comes next"), "{message}");
        assert_eq!(peer.code("show databases").await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_step_takes_room_for_what_comes_out_or_is_told_to_come_later() {
    let options = ServerOptions { frame_bytes: 1 << 20, memory_bytes: 1 << 20, ..ServerOptions::default() };
    let served = serve_with(options).await;
    let mut peer = pipe(&served).await;
    // What it says comes out of it: half of all there is.
    let mut step = BytesMut::new();
    step.put_slice(b"\x01\x03");
    step.put_i32(512 << 10);
    step.put_slice(b"none");
    let step = step.freeze();
    // There is room, and it is no such step.
    assert_eq!(send(&mut peer, 300, step.clone()).await.status.code, 1810);
    // A request that takes nearly all begins to arrive.
    let mut other = Peer::new(&served).await;
    other.stream.write_all(&(900_u32 << 10).to_be_bytes()).await.expect("sent");
    while send(&mut peer, 300, step.clone()).await.status.code != 1808 {
        tokio::task::yield_now().await;
    }
    drop(other);
    while send(&mut peer, 300, step.clone()).await.status.code != 1810 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_fit_are_told_and_the_others_stored() {
    let served = serve().await;
    run(&served, "create timeseries root.t.d.t BOOLEAN").await;
    let mut peer = pipe(&served).await;
    let (kind, body) = recorded("batch").remove(0);
    let status = send(&mut peer, kind, body.clone()).await.status;
    assert_eq!(status.code, 1810, "{status:?}");
    assert!(status.message.expect("words").contains("all others are stored: measurement t"));
    assert_eq!(rows(&served, "select s from root.t.d where time = 31").await, ["31|str"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_write_is_told() {
    let served = serve().await;
    run(&served, "create user somebody 'pass1234'").await;
    let mut peer = Peer::connect(&served.address, Protocol::Binary).await;
    let given = [
        ("clusterID", "x"),
        ("timestampPrecision", "ms"),
        ("username", "somebody"),
        ("password", "pass1234"),
    ];
    assert_eq!(send(&mut peer, 51, pairs(&given)).await.status.code, 200);
    let (kind, body) = recorded("batch").remove(0);
    assert_eq!(send(&mut peer, kind, body).await.status.code, 803);
    assert!(rows(&served, "show timeseries root.**").await.is_empty());
}

fn sent(kind: u8, texts: [&str; 2], times: Option<(i64, i64)>) -> Bytes {
    let mut body = BytesMut::new();
    body.put_u8(kind);
    body.put_i64(1);
    let [first, last] = texts;
    for (at, text) in [first, last].into_iter().enumerate() {
        if let (1, Some((from, to))) = (at, times) {
            body.put_i64(from);
            body.put_i64(to);
        }
        body.put_i32(i32::try_from(text.len()).expect("short"));
        body.put_slice(text.as_bytes());
    }
    body.freeze()
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_of_1_0_send_files_and_deletions() {
    let served = serve().await;
    let mut peer = Peer::connect(&served.address, Protocol::Binary).await;
    let info = SyncIdentityInfo {
        pipe_name: "p".to_owned(),
        create_time: 1_700_000_000_000,
        version: "1.1.0".to_owned(),
        database: "root.t".to_owned(),
    };
    let file = tsfile();
    let send_file = |name: &str, start_index: usize, bytes: &[u8]| SendFile {
        meta_info: SyncTransportMetaInfo {
            file_name: name.to_owned(),
            start_index: i64::try_from(start_index).expect("short"),
        },
        buff: Bytes::copy_from_slice(bytes),
    };
    assert_eq!(peer.call(&send_file("1.tsfile", 0, &file[..9])).await.expect("a reply").code, 802);
    assert_eq!(peer.call(&Handshake { info }).await.expect("a reply").code, 200);
    assert_eq!(rows(&served, "show pipes").await.len(), 1);
    assert_eq!(peer.call(&send_file("1.tsfile.resource", 0, b"anything")).await.expect("a reply").code, 200);
    assert_eq!(peer.call(&send_file("1.tsfile", 0, &file[..100])).await.expect("a reply").code, 200);
    let status = peer.call(&send_file("1.tsfile", 700, &file[700..])).await.expect("a reply");
    assert_eq!((status.code, status.message.as_deref()), (1104, Some("100")));
    assert_eq!(peer.call(&send_file("1.tsfile", 100, &file[100..])).await.expect("a reply").code, 200);
    let whole = SendPipeData { buff: sent(0, ["", "1.tsfile"], None) };
    assert_eq!(peer.call(&whole).await.expect("a reply").code, 200);
    assert!(rows(&served, TYPES).await.contains(&of_types(1)));
    let deletion = SendPipeData { buff: sent(1, ["root.t", "root.t.d.**"], Some((0, 1))) };
    assert_eq!(peer.call(&deletion).await.expect("a reply").code, 200);
    assert_eq!(rows(&served, "select b from root.t.d").await, ["2|false"]);
    // What did not come is told, and the sender goes on.
    assert_ne!(peer.call(&whole).await.expect("a reply").code, 200);
}
