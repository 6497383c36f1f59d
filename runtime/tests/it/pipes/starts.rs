//! What is written between the start of a pipe and its first read.

use super::{
    circles::{NOT_SENT, circle},
    equal,
    proxy::Proxy,
    sender,
    servers::{Served, eventually},
};

/// An address at which nobody answers.
const NOBODY: &str = "127.0.0.1:9";

const KEPT: &str = "select s from root.kept.d";

/// `second` sends `first` the rows that were written since its pipe was started, and none that came from there before.
async fn only_what_is_owed_comes(first: &Served, second: &Served, rows: &[&str]) {
    eventually("what is owed is there", async || first.rows(KEPT).await == rows).await;
    assert_eq!(first.rows("select s from root.a.d").await, ["1|2.5"]);
    let shown = second.rows("show pipes p").await.remove(0);
    assert!(shown.contains(NOT_SENT), "{shown}");
}

/// Two engines of which the first has sent the second a row by a pipe that is stopped now, and has written it anew since. The
/// second has a sink `back` that leads to the first over a proxy.
async fn circle_with_an_old_row() -> (Served, Proxy, Served) {
    let (first, _proxy, second) = circle(Served::start().await).await;
    first.run("insert into root.a.d(time, s) values (1, 1.5)").await;
    equal(&first, &second).await;
    first.saved().await;
    first.run("stop pipe p").await;
    first.run("insert into root.a.d(time, s) values (1, 2.5)").await;
    let proxy = Proxy::start(first.address.clone()).await;
    let port = proxy.address.rsplit_once(':').expect("a port").1;
    second.run(&format!("create pipesink back as IoTDB (port={port})")).await;
    (first, proxy, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_right_behind_a_start_is_sent_where_history_is_withheld() {
    let (first, _proxy, second) = circle_with_an_old_row().await;
    second.run("create pipe p to back").await;
    second.run("start pipe p").await;
    second.run("insert into root.kept.d(time, s) values (1, 1.5)").await;
    only_what_is_owed_comes(&first, &second, &["1|1.5"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_the_receiver_is_away_is_sent_where_history_is_withheld() {
    for opened_again in [false, true] {
        let (first, proxy, mut second) = circle_with_an_old_row().await;
        second.run("create pipe p to back").await;
        proxy.lead_to(NOBODY.to_owned());
        second.run("start pipe p").await;
        second.run("insert into root.kept.d(time, s) values (1, 1.5)").await;
        second.run("flush").await;
        second.run("insert into root.kept.d(time, s) values (2, 2.5)").await;
        if opened_again {
            second = second.again().await;
            second.run("insert into root.kept.d(time, s) values (3, 3.5)").await;
            second = second.again().await;
        }
        second.run("stop pipe p").await;
        second.run("insert into root.kept.d(time, s) values (4, 4.5)").await;
        second.run("start pipe p").await;
        proxy.lead_to(first.address.clone());
        let rows = ["1|1.5", "2|2.5", "3|3.5", "4|4.5"];
        let rows: Vec<_> = rows.into_iter().filter(|row| opened_again || !row.starts_with('3')).collect();
        only_what_is_owed_comes(&first, &second, &rows).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_before_a_position_is_saved_is_sent_where_history_is_withheld() {
    let (first, _proxy, mut second) = circle_with_an_old_row().await;
    second.run("create pipe p to back").await;
    second.run("start pipe p").await;
    eventually("it reads", async || second.rows("show pipes p").await[0].contains(NOT_SENT)).await;
    // The receiver answers, and takes nothing.
    first.server.set_ip_white_list("10.0.0.0/8".parse().expect("a network"));
    second.run("insert into root.kept.d(time, s) values (1, 1.5)").await;
    eventually("it is rejected", async || second.rows("show pipes p").await[0].contains("white list")).await;
    second = second.again().await;
    second.run("insert into root.kept.d(time, s) values (2, 2.5)").await;
    first.server.set_ip_white_list("127.0.0.0/8".parse().expect("a network"));
    only_what_is_owed_comes(&first, &second, &["1|1.5", "2|2.5"]).await;
}

/// The receiver's own pipe begins to send only when this one was started already.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_is_sent_also_where_the_circle_is_closed_behind_the_start() {
    let second = Served::start().await;
    let proxy = Proxy::start(NOBODY.to_owned()).await;
    let port = proxy.address.rsplit_once(':').expect("a port").1;
    second.run(&format!("create pipesink back as IoTDB (port={port})")).await;
    second.run("insert into root.old.d(time, s) values (1, 1.5)").await;
    second.run("create pipe p to back").await;
    second.run("start pipe p").await;
    second.run("insert into root.kept.d(time, s) values (1, 1.5)").await;
    let first = sender(&second.address).await;
    first.run("create pipe p to cloud").await;
    first.run("start pipe p").await;
    first.run("insert into root.a.d(time, s) values (1, 1.5)").await;
    let there = async || second.rows("select s from root.a.d").await == ["1|1.5"];
    eventually("it is there", there).await;
    first.saved().await;
    first.run("stop pipe p").await;
    first.run("insert into root.a.d(time, s) values (1, 2.5)").await;
    proxy.lead_to(first.address.clone());
    only_what_is_owed_comes(&first, &second, &["1|1.5"]).await;
    // What it had stored itself, in a database that nobody sent it, comes too.
    let there = async || first.rows("select s from root.old.d").await == ["1|1.5"];
    eventually("what it had stored is there", there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_right_behind_its_making_is_sent_by_a_pipe_without_history() {
    let receiver = Served::start().await;
    let proxy = Proxy::start(NOBODY.to_owned()).await;
    let mut sender = Served::start().await;
    sender.run("insert into root.old.d(time, s) values (1, 1.5)").await;
    let (source, address) = ("'history.enable'='false'", &proxy.address);
    sender.run(&format!("create pipe p with source ({source}) with sink ('node-urls'='{address}')")).await;
    sender.run("insert into root.kept.d(time, s) values (1, 1.5)").await;
    sender.run("flush").await;
    sender = sender.again().await;
    sender.run("insert into root.kept.d(time, s) values (2, 2.5)").await;
    proxy.lead_to(receiver.address.clone());
    eventually("all is there", async || receiver.rows(KEPT).await == ["1|1.5", "2|2.5"]).await;
    assert!(receiver.rows("select s from root.old.d").await.is_empty());
    assert!(sender.rows("show pipes p").await[0].ends_with("|NORMAL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_wants_what_is_stored_alone_ends_where_that_is_withheld() {
    let (first, proxy, second) = circle_with_an_old_row().await;
    let (source, address) = ("'mode'='snapshot'", &proxy.address);
    second.run(&format!("create pipe p with source ({source}) with sink ('node-urls'='{address}')")).await;
    // That history is enabled unless a pipe says otherwise is not asking for it.
    eventually("it is told", async || second.rows("show pipes p").await[0].contains(NOT_SENT)).await;
    second.saved().await;
    assert_eq!(first.rows("select s from root.a.d").await, ["1|2.5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_fell_behind_sends_what_the_log_still_has_where_history_is_withheld() {
    let (first, _proxy, second) = circle(Served::start_forgetful().await).await;
    first.run("insert into root.a.d(time, s) values (1, 1.5)").await;
    equal(&first, &second).await;
    first.saved().await;
    first.run("stop pipe p").await;
    first.run("insert into root.a.d(time, s) values (1, 2.5)").await;
    second.run("create pipe p to other").await;
    second.run("start pipe p").await;
    second.saved().await;
    second.run("stop pipe p").await;
    for at in 1..300 {
        second.run(&format!("insert into root.b.d(time, s) values ({at}, {at}.5)")).await;
        if at % 50 == 0 {
            second.run("flush").await;
        }
    }
    second.run("flush").await;
    second.run("insert into root.kept.d(time, s) values (1, 1.5)").await;
    second.run("start pipe p").await;
    only_what_is_owed_comes(&first, &second, &["1|1.5"]).await;
    let shown = second.rows("show pipes p").await.remove(0);
    assert!(shown.contains("longer than the log is kept (pipe_log_retention)"), "{shown}");
}
