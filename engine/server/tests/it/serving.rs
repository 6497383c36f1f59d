//! Connections: protocols, limits, misbehaviour, the end.

use std::time::Duration;

use levada_rpc::{
    messages::{ExecuteStatementV2, GetProperties, OpenSession, TestConnectionEmpty},
    thrift::{Exception, Head, Kind, Protocol, message, write_frame},
};
use levada_server::ServerOptions;
use tokio::io::AsyncWriteExt;

use crate::peer::{Peer, login, serve, serve_with, statement};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_byte_tells_the_protocol() {
    let served = serve().await;
    for protocol in [Protocol::Binary, Protocol::Compact] {
        let mut peer = Peer::log_in(&served.address, protocol, &[]).await;
        let properties = peer.call(&GetProperties {}).await.expect("a reply");
        assert!(properties.version.starts_with("2.0."), "{properties:?}");
        assert_eq!(peer.code("insert into root.a(time, s) values (1, 1)").await, 200);
    }
    while served.server.clients() > 0 {
        // Whoever has gone is not counted, as soon as it has been noticed.
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_opens_nothing() {
    let served = serve().await;
    assert!(served.engine.set_first_root_password("secret".to_owned()).await.expect("stored"));
    let mut peer = Peer::connect(&served.address, Protocol::Binary).await;
    for password in ["root", "", "secre", "secret1"] {
        let opened = peer.call(&OpenSession { req: login(password, &[]) }).await.expect("a reply");
        assert_eq!((opened.status.code, opened.session_id), (801, Some(-1)), "{password}");
    }
    assert_eq!(peer.code("show databases").await, 802);
    let opened = peer.call(&OpenSession { req: login("secret", &[]) }).await.expect("a reply");
    assert_eq!(opened.status.code, 200);
    assert_eq!(peer.code("show databases").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_ends_its_connection_alone() {
    let served = serve().await;
    let mut good = Peer::new(&served).await;
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], &[0x82, 0xff, 0xff], &[0x80, 1, 0, 9, 0, 0, 0, 0], &[0x80]] {
        let mut bad = Peer::connect(&served.address, Protocol::Binary).await;
        bad.send_raw(bytes).await;
        assert!(bad.is_closed().await, "{bytes:?}");
    }
    // A length that nobody who has not logged in may ask for.
    let mut bad = Peer::connect(&served.address, Protocol::Binary).await;
    bad.stream.write_all(&[0x7f, 0xff, 0xff, 0xff]).await.expect("sent");
    assert!(bad.is_closed().await);
    assert_eq!(good.code("show databases").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_not_known_is_an_exception_and_no_end() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    for (method, kind) in [("levitate", Exception::UNKNOWN_METHOD), ("insertTablet", 7)] {
        // Its arguments are an empty structure.
        let head = Head { name: method.to_owned(), kind: Kind::Call, sequence: 0 };
        let call = message(Protocol::Binary, &head, &GetProperties {});
        write_frame(&mut peer.stream, call).await.expect("sent");
        let frame = levada_rpc::thrift::FrameReader::new(1 << 20).next(&mut peer.stream).await;
        let (head, mut from) =
            levada_rpc::thrift::open(frame.expect("a frame").expect("one")).expect("a message");
        assert_eq!(head.kind, Kind::Exception, "{method}");
        let exception: Exception = levada_rpc::thrift::Wire::read(&mut from).expect("an exception");
        assert_eq!(exception.kind, Some(kind), "{exception:?}");
    }
    assert_eq!(peer.call(&TestConnectionEmpty {}).await.expect("a reply").code, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_holds_up_nobody() {
    let stall = Duration::from_secs(5);
    let served = serve_with(ServerOptions { stall, ..ServerOptions::default() }).await;
    let mut writer = Peer::new(&served).await;
    let text = "x".repeat(4_000);
    for from in (0..8_000).step_by(500) {
        let rows: Vec<_> = (from..from + 500).map(|time| format!("({time}, '{text}')")).collect();
        let sql = format!("insert into root.a(time, s) values {}", rows.join(", "));
        assert_eq!(writer.code(&sql).await, 200);
    }
    let mut deaf = Peer::new(&served).await;
    // Answers of more than what sockets hold, none of which is read.
    for _ in 0..20 {
        let req = levada_rpc::messages::ExecuteStatementReq {
            fetch_size: Some(10_000),
            ..statement("select s from root.a")
        };
        let sent = tokio::time::timeout(Duration::from_secs(1), deaf.send(&ExecuteStatementV2 { req })).await;
        if sent.is_err() {
            break;
        }
    }
    assert_eq!(writer.rows("select count(s) from root.a").await, ["0 8000"]);
    while served.server.clients() > 1 {
        // It is given up after a while, and with it what it asked for.
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_larger_than_all_memory_is_carried_out_alone() {
    let served = serve_with(ServerOptions { memory_bytes: 100 << 10, ..ServerOptions::default() }).await;
    let mut peers = vec![Peer::new(&served).await, Peer::new(&served).await];
    let text = "x".repeat(400_000);
    // Both are on their way at the same time, and the second waits for the first.
    for (at, peer) in peers.iter_mut().enumerate() {
        let req = statement(&format!("insert into root.big(time, s) values ({at}, '{text}')"));
        peer.send(&ExecuteStatementV2 { req }).await;
    }
    for peer in &mut peers {
        assert_eq!(peer.receive::<ExecuteStatementV2>().await.expect("a reply").status.code, 200);
    }
    assert_eq!(peers[0].rows("select count(s) from root.big").await, ["0 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_before_their_turn_are_answered_in_turn() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    for time in 0..50 {
        let req = statement(&format!("insert into root.early(time, s) values ({time}, {time})"));
        peer.send(&ExecuteStatementV2 { req }).await;
    }
    for _ in 0..50 {
        assert_eq!(peer.receive_next::<ExecuteStatementV2>().await.expect("a reply").status.code, 200);
    }
    assert_eq!(peer.rows("select count(s) from root.early").await, ["0 50"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_closed() {
    let served = serve_with(ServerOptions { connections: 2, ..ServerOptions::default() }).await;
    let first = Peer::new(&served).await;
    let _second = Peer::new(&served).await;
    assert!(Peer::connect(&served.address, Protocol::Binary).await.is_closed().await);
    drop(first);
    // As soon as its end has been noticed, there is room again.
    loop {
        let mut third = Peer::connect(&served.address, Protocol::Binary).await;
        let head = Head { name: "getProperties".to_owned(), kind: Kind::Call, sequence: 1 };
        let sent = write_frame(&mut third.stream, message(Protocol::Binary, &head, &GetProperties {})).await;
        if sent.is_ok() && !third.is_closed().await {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_log_in_is_hung_up_on_and_who_is_logged_in_may_be_silent() {
    let stall = Duration::from_secs(5);
    let served = serve_with(ServerOptions { stall, ..ServerOptions::default() }).await;
    let mut silent = Peer::new(&served).await;
    let mut strangers = vec![
        Peer::connect(&served.address, Protocol::Binary).await,
        Peer::connect(&served.address, Protocol::Binary).await,
    ];
    // The beginning of a frame is no frame.
    strangers[1].stream.write_all(&[0, 0]).await.expect("sent");
    for stranger in &mut strangers {
        assert!(tokio::time::timeout(Duration::from_secs(30), stranger.is_closed()).await.expect("in time"));
    }
    assert_eq!(silent.code("show databases").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_idle_connections_and_answers_calls_under_way() {
    let served = serve().await;
    let mut idle = Peer::new(&served).await;
    let mut busy = Peer::new(&served).await;
    let inserted = busy.code("insert into root.a(time, s) values (1, 1)").await;
    assert_eq!(inserted, 200);
    served.stop.cancel();
    served.serving.await.expect("ended");
    assert!(idle.is_closed().await);
    assert!(tokio::net::TcpStream::connect(&served.address).await.is_err());
    served.engine.close().await.expect("closed");
}
