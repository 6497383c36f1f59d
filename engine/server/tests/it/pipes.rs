//! Pipes of others that shake hands.

use levada_model::{Outcome, Session};
use levada_rpc::{messages::*, thrift::Protocol};

use crate::peer::{Peer, Served, serve};

fn info(version: &str, database: &str) -> Handshake {
    let info = SyncIdentityInfo {
        pipe_name: "p".to_owned(),
        create_time: 1_700_000_000_000,
        version: version.to_owned(),
        database: database.to_owned(),
    };
    Handshake { info }
}

async fn shake(peer: &mut Peer, version: &str, database: &str) -> (i32, String) {
    let status = peer.call(&info(version, database)).await.expect("a reply");
    (status.code, status.message.unwrap_or_default())
}

async fn pipes(served: &Served) -> usize {
    let session = served.engine.session(None).expect("UTC");
    let Ok(Outcome::Rows(mut rows)) = session.execute("show pipes").await else { panic!("rows") };
    let mut count = 0;
    while let Some(batch) = futures::StreamExt::next(&mut rows.batches).await {
        count += batch.expect("rows").num_rows();
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_shakes_hands_and_is_listed_as_long_as_it_is_connected() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let (code, message) = shake(&mut peer, &introduce("abc"), "").await;
    assert_eq!((code, introduced(&message)), (200, Some(served.engine.name().as_str())));
    assert_eq!(pipes(&served).await, 1);
    for database in ["root.a", "root.b", "root.a"] {
        assert_eq!(shake(&mut peer, "2.0.5", database).await.0, 200);
    }
    // Once for each database, which is there now.
    assert_eq!(pipes(&served).await, 3);
    let session = served.engine.session(None).expect("UTC");
    let error = session.execute("create database root.b").await.expect_err("exists");
    assert_eq!(error.code.0, 501);
    drop(peer);
    while pipes(&served).await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_of_another_version_or_address_or_of_a_stranger_is_rejected() {
    let served = serve().await;
    let mut stranger = Peer::connect(&served.address, Protocol::Binary).await;
    assert_eq!(shake(&mut stranger, "2.0.1", "root.a").await.0, 802);
    let mut peer = Peer::new(&served).await;
    assert_eq!(
        shake(&mut peer, "0.13.4", "").await,
        (1108, "version mismatch: the sender <0.13.4>, the receiver <2.0.1>".to_owned())
    );
    assert_eq!(shake(&mut peer, "2.0.1", "root..x").await.0, 509);
    for list in ["", "10.0.0.0/8"] {
        served.server.set_ip_white_list(list.parse().expect("a list"));
        assert_eq!(
            shake(&mut peer, "2.0.1", "root.a").await,
            (
                1108,
                format!(
                    "permission is not allowed: the sender IP <127.0.0.1>, the white list of receiver <{list}>"
                )
            )
        );
    }
    assert_eq!(pipes(&served).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_taken_off_the_white_list_sends_nothing_more_by_the_pipe_they_have() {
    let served = serve().await;
    let (mut pipe, mut client) = (Peer::new(&served).await, Peer::new(&served).await);
    assert_eq!(shake(&mut pipe, "2.0.1", "").await.0, 200);
    let delete = |sql: &str| ExecuteUpdateStatement {
        req: ExecuteStatementReq { statement: sql.to_owned(), ..ExecuteStatementReq::default() },
    };
    let insert = delete("insert into root.a.d(time, s) values (1, 1.5)");
    assert_eq!(pipe.call(&insert).await.expect("a reply").status.code, 200);
    served.server.set_ip_white_list("".parse().expect("a list"));
    assert_eq!(pipe.call(&insert).await.expect("a reply").status.code, 1108);
    assert_eq!(pipe.call(&delete("delete from root.a.d.s")).await.expect("a reply").status.code, 1108);
    // The list is of pipes: clients are not concerned.
    assert_eq!(client.call(&insert).await.expect("a reply").status.code, 200);
}
