//! Engines whose pipes lead to each other.

use super::{
    equal,
    proxy::Proxy,
    sender,
    servers::{Served, eventually},
};

/// Two engines of which the first sends to the second, by a pipe `p` over a proxy, and where the second has a sink `other` that
/// leads to the first.
pub(super) async fn circle(second: Served) -> (Served, Proxy, Served) {
    let proxy = Proxy::start(second.address.clone()).await;
    let first = sender(&proxy.address).await;
    let port = first.address.rsplit_once(':').expect("a port").1;
    second.run(&format!("create pipesink other as IoTDB (port={port})")).await;
    first.run("create pipe p to cloud with SyncDelOp=true").await;
    first.run("start pipe p").await;
    (first, proxy, second)
}

pub(super) const NOT_SENT: &str =
    "WARN: what was stored here is not sent: the receiver's own pipe has sent to this server";

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_in_a_circle_do_not_send_back_what_came() {
    let (first, second) = (Served::start().await, Served::start().await);
    for (from, to) in [(&first, &second), (&second, &first)] {
        let port = to.address.rsplit_once(':').expect("a port").1;
        from.run(&format!("create pipesink other as IoTDB (port={port})")).await;
        from.run("create pipe p to other").await;
        from.run("start pipe p").await;
    }
    first.run("insert into root.a.d(time, s) values (1, 1.5)").await;
    second.run("insert into root.b.d(time, s) values (1, 1.5)").await;
    equal(&first, &second).await;
    let sent = |served: &Served| served.engine.pipes()[0].points;
    eventually("each has sent its own", async || (sent(&first), sent(&second)) == (1, 1)).await;
    // What would go round would have come by now.
    first.run("insert into root.a.d(time, s) values (2, 1.5)").await;
    second.run("insert into root.b.d(time, s) values (2, 1.5)").await;
    equal(&first, &second).await;
    eventually("each has sent its own", async || (sent(&first), sent(&second)) == (2, 2)).await;
    assert_eq!((first.engine.stats().inserted_points, second.engine.stats().inserted_points), (4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_round_a_ring_is_not_sent_on() {
    let ring = [Served::start().await, Served::start().await, Served::start().await];
    let next = |at: usize| &ring[(at + 1) % 3];
    for (at, from) in ring.iter().enumerate() {
        let port = next(at).address.rsplit_once(':').expect("a port").1;
        from.run(&format!("create pipesink next as IoTDB (port={port})")).await;
        from.run("create pipe p to next with SyncDelOp=true").await;
        from.run("start pipe p").await;
    }
    for round in 1..=3 {
        for (at, engine) in ring.iter().enumerate() {
            engine.run(&format!("insert into root.a.d{at}(time, s) values (1, {round}.5)")).await;
        }
        let all = [format!("1|{round}.5|{round}.5|{round}.5")];
        for engine in &ring {
            eventually("all is there", async || engine.rows("select s from root.a.*").await == all).await;
        }
        // What would go round has come by the time that the next round has.
        for engine in &ring {
            assert_eq!(engine.engine.stats().inserted_points, round * 3);
            assert_eq!(engine.rows("show pipes").await.len(), 2);
        }
    }
    // Deletions and alterations go round once, too.
    ring[1].run("delete timeseries root.a.d1.s").await;
    ring[2].run("alter timeseries root.a.d2.s upsert tags('k'='v')").await;
    for (at, engine) in ring.iter().enumerate() {
        eventually("it is gone", async || engine.rows("select s from root.a.d1").await.is_empty()).await;
        equal(engine, next(at)).await;
    }
    ring[1].run("insert into root.a.d1(time, s) values (7, 7.5)").await;
    let all = async |query| (ring[0].rows(query).await, ring[1].rows(query).await, ring[2].rows(query).await);
    let one = || vec!["7|7.5".to_owned()];
    let there = async || all("select s from root.a.d1").await == (one(), one(), one());
    eventually("the new series is there", there).await;
}

/// What each of three had stored goes round, into databases of their own; what was written since where it came from stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_goes_round_a_ring_of_three_and_comes_back_to_none() {
    let ring = [Served::start().await, Served::start().await, Served::start().await];
    for (at, engine) in ring.iter().enumerate() {
        engine.run(&format!("insert into root.a{at}.d(time, s) values (1, {at}.5), (2, {at}.25)")).await;
        engine.run("flush").await;
        let port = ring[(at + 1) % 3].address.rsplit_once(':').expect("a port").1;
        engine.run(&format!("create pipesink next as IoTDB (port={port})")).await;
        engine.run("create pipe p to next").await;
    }
    let has = async |at: usize, of: usize| {
        let rows = [format!("1|{of}.5"), format!("2|{of}.25")];
        ring[at].rows(&format!("select s from root.a{of}.d")).await == rows
    };
    ring[0].run("start pipe p").await;
    eventually("it is with the second", async || has(1, 0).await).await;
    ring[0].saved().await;
    // What comes back later would be older than this.
    ring[0].run("stop pipe p").await;
    ring[0].run("insert into root.a0.d(time, s) values (1, 99.5)").await;
    ring[1].run("start pipe p").await;
    eventually("both are with the third", async || has(2, 0).await && has(2, 1).await).await;
    ring[2].run("start pipe p").await;
    eventually("both are with the first", async || has(0, 1).await && has(0, 2).await).await;
    let told = async || ring[2].rows("show pipes p").await[0].contains(NOT_SENT);
    eventually("the rest is told", told).await;
    ring[2].run("insert into root.a2.d(time, s) values (3, 3.5)").await;
    let there = async || ring[0].rows("select s from root.a2.d where time = 3").await == ["3|3.5"];
    eventually("what is written later is there", there).await;
    assert_eq!(ring[0].rows("select s from root.a0.d").await, ["1|99.5", "2|0.25"]);
    ring[0].run("start pipe p").await;
    for (at, engine) in ring.iter().enumerate() {
        let newer = async || engine.rows("select s from root.a0.d").await == ["1|99.5", "2|0.25"];
        eventually("the newer value is there", newer).await;
        eventually("all is there", async || has(at, 1).await).await;
    }
    assert!(ring[1].rows("show pipes p").await[0].contains("|NORMAL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn series_and_databases_that_go_do_not_come_back_in_a_circle() {
    for deletion in ["delete timeseries root.a.d.s", "delete database root.a"] {
        let (first, second) = (Served::start().await, Served::start().await);
        for (from, to) in [(&first, &second), (&second, &first)] {
            let port = to.address.rsplit_once(':').expect("a port").1;
            from.run(&format!("create pipesink other as IoTDB (port={port})")).await;
            from.run("create pipe p to other with SyncDelOp=true").await;
            from.run("start pipe p").await;
        }
        first.run("insert into root.a.d(time, s) values (1, 1.5)").await;
        equal(&first, &second).await;
        second.saved().await;
        second.run("stop pipe p").await;
        first.run(deletion).await;
        equal(&first, &second).await;
        first.run("insert into root.a.d(time, s) values (5, 5.5)").await;
        equal(&first, &second).await;
        second.run("start pipe p").await;
        // It comes behind the deletion, were that sent back.
        second.run("insert into root.b.d(time, s) values (1, 1.5)").await;
        equal(&first, &second).await;
        assert_eq!(second.rows("select s from root.a.d").await, ["5|5.5"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_not_sent_back_over_newer_values() {
    for opened_again in [false, true] {
        let (first, proxy, mut second) = circle(Served::start().await).await;
        first.run("insert into root.a.d(time, s) values (1, 1.5)").await;
        equal(&first, &second).await;
        first.saved().await;
        first.run("stop pipe p").await;
        first.run("insert into root.a.d(time, s) values (1, 2.5)").await;
        if opened_again {
            second = second.again().await;
            proxy.lead_to(second.address.clone());
        }
        second.run("create pipe p to other with SyncDelOp=true").await;
        second.run("start pipe p").await;
        eventually("it is told", async || second.rows("show pipes p").await[0].contains(NOT_SENT)).await;
        // What is written from then on is sent.
        second.run("insert into root.b.d(time, s) values (1, 1.5)").await;
        let there = async || first.rows("select s from root.b.d").await == ["1|1.5"];
        eventually("it is there", there).await;
        assert_eq!(first.rows("select s from root.a.d").await, ["1|2.5"]);
        first.run("start pipe p").await;
        equal(&first, &second).await;
        assert_eq!(second.rows("select s from root.a.d").await, ["1|2.5"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_fell_behind_does_not_send_back_what_is_stored() {
    let (first, _proxy, second) = circle(Served::start_forgetful().await).await;
    second.run("create pipe p to other with SyncDelOp=true").await;
    second.run("start pipe p").await;
    second.run("insert into root.b.d(time, s) values (0, 1.5)").await;
    equal(&first, &second).await;
    second.saved().await;
    second.run("stop pipe p").await;
    first.run("insert into root.a.d(time, s) values (1, 1.5)").await;
    let there = async || second.rows("select s from root.a.d").await == ["1|1.5"];
    eventually("it is there", there).await;
    first.run("stop pipe p").await;
    first.run("insert into root.a.d(time, s) values (1, 2.5)").await;
    for at in 1..300 {
        second.run(&format!("insert into root.b.d(time, s) values ({at}, {at}.5)")).await;
        if at % 50 == 0 {
            second.run("flush").await;
        }
    }
    second.run("flush").await;
    second.run("start pipe p").await;
    eventually("it is told", async || second.rows("show pipes p").await[0].contains(NOT_SENT)).await;
    second.run("insert into root.c.d(time, s) values (1, 1.5)").await;
    let there = async || first.rows("select s from root.c.d").await == ["1|1.5"];
    eventually("what is written from then on is there", there).await;
    assert_eq!(first.rows("select s from root.a.d").await, ["1|2.5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_sent_back_where_a_pipe_asks_for_it() {
    let (first, _proxy, second) = circle(Served::start().await).await;
    first.run("insert into root.a.d(time, s) values (1, 1.5)").await;
    second.run("insert into root.b.d(time, s) values (1, 1.5)").await;
    let there = async || second.rows("select s from root.a.d").await == ["1|1.5"];
    eventually("it is there", there).await;
    let address = &first.address;
    let source = "'history.enable'='true'";
    second.run(&format!("create pipe p with source ({source}) with sink ('node-urls'='{address}')")).await;
    equal(&first, &second).await;
    assert!(second.rows("show pipes p").await[0].ends_with("|NORMAL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_does_not_go_round_in_a_circle() {
    let (first, second) = (Served::start().await, Served::start().await);
    for (from, to) in [(&first, &second), (&second, &first)] {
        let port = to.address.rsplit_once(':').expect("a port").1;
        from.run(&format!("create pipesink other as IoTDB (port={port})")).await;
        from.run("create pipe p to other with SyncDelOp=true").await;
        from.run("start pipe p").await;
    }
    first.run("insert into root.a.d(time, s) values (1, 1.5), (2, 2.5)").await;
    equal(&first, &second).await;
    first.run("delete from root.a.d.s where time = 1").await;
    first.run("insert into root.a.d(time, s) values (1, 9.5)").await;
    equal(&first, &second).await;
    // What the other sends comes behind the deletion, were that sent back.
    second.run("insert into root.b.d(time, s) values (1, 1.5)").await;
    equal(&first, &second).await;
    assert_eq!(first.rows("select s from root.a.d").await, ["1|9.5", "2|2.5"]);
    second.run("delete from root.b.**").await;
    eventually("it is deleted", async || first.rows("select s from root.b.d").await.is_empty()).await;
}
