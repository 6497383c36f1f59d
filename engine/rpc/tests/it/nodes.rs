//! Several nodes: which one is used, and what happens when one goes and comes back.

use levada_model::{Session, StatusCode};
use levada_rpc::{ClientOptions, Pool, PoolOptions};

use crate::{
    pool::{numbers, options, pool, write},
    server::{Server, Trouble},
};

#[tokio::test]
async fn a_server_that_hangs_up_is_connected_again() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    pool.insert_tablets(write(vec![numbers("root.d", 0, 1)])).await.expect("written");
    server.trouble.send_replace(Trouble::HangsUp);
    let error = pool.insert_tablets(write(vec![numbers("root.d", 1, 1)])).await.expect_err("hangs up");
    assert!(error.transient && error.message.contains("the other side hung up"), "{error}");
    server.trouble.send_replace(Trouble::None);
    pool.insert_tablets(write(vec![numbers("root.d", 1, 1)])).await.expect("written");
    assert_eq!(server.values("root.d", "n").len(), 2);
}

#[tokio::test]
async fn a_server_that_was_started_again_is_used_without_an_error() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    pool.insert_tablets(write(vec![numbers("root.d", 0, 1)])).await.expect("written");
    let address = server.address.clone();
    drop(server);
    tokio::task::yield_now().await;
    let server = loop {
        // The port is free when the task that held it has ended.
        if tokio::net::TcpListener::bind(&address).await.is_ok() {
            break Server::on(&address).await;
        }
        tokio::task::yield_now().await;
    };
    pool.insert_tablets(write(vec![numbers("root.d", 1, 1)])).await.expect("written");
    assert_eq!(server.values("root.d", "n").len(), 1);
}

#[tokio::test]
async fn the_least_busy_node_is_used() {
    let (one, other) = (Server::start().await, Server::start().await);
    let pool = pool(&[&one, &other]);
    pool.insert_tablets(write(vec![numbers("root.d", 0, 1)])).await.expect("written");
    // A query under way keeps the first busy.
    let rows = pool.query("select n from root.d").await.expect("a query");
    pool.insert_tablets(write(vec![numbers("root.d", 1, 1)])).await.expect("written");
    assert_eq!((one.values("root.d", "n").len(), other.values("root.d", "n").len()), (1, 1));
    drop(rows);
}

#[tokio::test]
async fn a_redirection_is_followed_and_remembered() {
    let (one, other) = (Server::start().await, Server::start().await);
    one.state.lock().redirect.insert("root.d".to_owned(), other.end_point());
    let pool = pool(&[&one]);
    for time in 0..3 {
        pool.insert_tablets(write(vec![numbers("root.d", time, 1), numbers("root.e", time, 1)]))
            .await
            .expect("written");
    }
    assert_eq!((one.values("root.d", "n").len(), other.values("root.d", "n").len()), (1, 2));
    assert_eq!(one.values("root.e", "n").len(), 3);
    assert_eq!(pool.nodes(), [one.address.clone(), other.address.clone()]);
    // The node goes: the others take its devices.
    let rows = other.values("root.d", "n").len();
    drop(other);
    pool.insert_tablets(write(vec![numbers("root.d", 3, 1)])).await.expect("written elsewhere");
    assert_eq!((rows, one.values("root.d", "n").len()), (2, 2));
}

#[tokio::test]
async fn a_node_that_is_down_is_left_out_and_taken_back() {
    let (one, other) = (Server::start().await, Server::start().await);
    let options = PoolOptions { sessions: 1, ..options(&[&one, &other]) };
    let pool = Pool::new(options);
    one.trouble.send_replace(Trouble::Rejects(600));
    pool.insert_tablets(write(vec![numbers("root.d", 0, 1)])).await.expect("the other takes it");
    assert_eq!(other.values("root.d", "n").len(), 1);
    one.trouble.send_replace(Trouble::None);
    // It is tried beside the others when somebody wants a session, and is back when it has answered.
    for time in 1..10_000 {
        if !one.values("root.d", "n").is_empty() {
            return;
        }
        pool.insert_tablets(write(vec![numbers("root.d", time, 1)])).await.expect("written");
    }
    panic!("the node is not used again");
}

#[tokio::test]
async fn what_a_node_without_its_regions_does_not_take_another_does() {
    for code in [306, 904, 906] {
        let (one, other) = (Server::start().await, Server::start().await);
        let pool = Pool::new(PoolOptions { sessions: 1, ..options(&[&one, &other]) });
        one.trouble.send_replace(Trouble::Rejects(code));
        let report = pool.insert_tablets(write(vec![numbers("root.d", 0, 3)])).await.expect("written");
        assert!(report.rejected.is_empty(), "{code}: {report:?}");
        assert_eq!((one.values("root.d", "n").len(), other.values("root.d", "n").len()), (0, 3));
    }
}

#[tokio::test]
async fn when_no_node_answers_the_error_says_why_for_each() {
    let nodes = {
        let (one, other) = (Server::start().await, Server::start().await);
        vec![one.address.clone(), other.address.clone()]
    };
    tokio::task::yield_now().await;
    let pool = Pool::new(PoolOptions::new(nodes.clone(), ClientOptions::default()));
    let error = pool.insert_tablets(write(vec![numbers("root.d", 0, 1)])).await.expect_err("nobody is there");
    assert_eq!((error.code, error.transient), (StatusCode::NOT_READY, true));
    for node in nodes {
        assert!(error.message.contains(&node), "{error}");
    }
    assert_eq!(pool.idle_permits(), 3);
}

#[tokio::test]
async fn a_login_that_is_rejected_is_not_tried_again() {
    for version in ["2.0.1-beta", "0.12.0"] {
        let server = Server::of_version(version).await;
        let client = ClientOptions { password: "wrong".to_owned(), ..ClientOptions::default() };
        let pool = Pool::new(PoolOptions::new(vec![server.address.clone()], client));
        let error = pool.execute("flush").await.expect_err("a wrong password");
        assert_eq!((error.code, error.transient), (StatusCode::WRONG_LOGIN_PASSWORD, false), "{error}");
    }
}

#[tokio::test]
async fn a_server_of_another_precision_is_an_error_that_says_so() {
    let server = Server::start().await;
    server.state.lock().precision = "us".to_owned();
    let error = pool(&[&server]).execute("flush").await.expect_err("not milliseconds");
    assert!(!error.transient && error.message.contains("timestamp_precision=ms"), "{error}");
}

#[tokio::test]
async fn a_closed_pool_gives_no_sessions() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    pool.execute("flush").await.expect("done");
    pool.close().await.expect("closed");
    assert_eq!(pool.execute("flush").await.expect_err("closed").code, StatusCode::NOT_LOGIN);
}
