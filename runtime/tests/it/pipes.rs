//! Pipes between engines that are served in this process.

mod answers;
mod chaos;
mod chunks;
mod circles;
mod proxy;
mod servers;
mod starts;
mod statements;
mod tls;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use levada_engine::StorageOptions;

use self::{
    proxy::Proxy,
    servers::{Served, eventually},
};

const WALKTHROUGH: [&str; 11] = [
    "CREATE DATABASE root.vehicle",
    "CREATE TIMESERIES root.vehicle.d0.s0 WITH DATATYPE=INT32, ENCODING=RLE",
    "CREATE TIMESERIES root.vehicle.d0.s1 WITH DATATYPE=TEXT, ENCODING=PLAIN",
    "CREATE TIMESERIES root.vehicle.d1.s2 WITH DATATYPE=FLOAT, ENCODING=RLE",
    "CREATE TIMESERIES root.vehicle.d1.s3 WITH DATATYPE=BOOLEAN, ENCODING=PLAIN",
    "insert into root.vehicle.d0(timestamp,s0) values(1,10)",
    "insert into root.vehicle.d0(timestamp,s0,s1) values(2,12,'12')",
    "insert into root.vehicle.d0(timestamp,s1) values(3,'14')",
    "insert into root.vehicle.d1(timestamp,s2) values(4,16.0)",
    "insert into root.vehicle.d1(timestamp,s2,s3) values(5,18.0,true)",
    "insert into root.vehicle.d1(timestamp,s3) values(6,false)",
];

const ALL: &str = "select ** from root";
const SERIES: &str = "show timeseries root.**";

/// A sender with a sink `cloud` that leads to an address.
async fn sender(address: &str) -> Served {
    let sender = Served::start().await;
    let (ip, port) = address.rsplit_once(':').expect("host and port");
    sender.run(&format!("create pipesink cloud as IoTDB (IP='{ip}', PORT={port})")).await;
    sender
}

async fn equal(sender: &Served, receiver: &Served) {
    eventually("both ends are equal", async || {
        sender.rows(ALL).await == receiver.rows(ALL).await
            && sender.rows(SERIES).await == receiver.rows(SERIES).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_models_walkthrough_gives_both_ends_the_same() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    for statement in &WALKTHROUGH[..8] {
        sender.run(statement).await;
    }
    sender.run("create pipe p to cloud").await;
    assert_eq!(sender.rows("show pipesinktype").await, ["IoTDB"]);
    let port = receiver.address.rsplit_once(':').expect("a port").1;
    assert_eq!(sender.rows("show pipesinks").await, [format!("cloud|IoTDB|ip='127.0.0.1',port={port}")]);
    assert_eq!(
        sender.rows("show pipes").await,
        ["1970-01-01T00:00:00.000|p|sender|cloud|STOP|SyncDelOp=false,DataStartTimestamp=0|NORMAL"]
    );
    assert!(receiver.rows(ALL).await.is_empty());
    sender.run("start pipe p").await;
    equal(&sender, &receiver).await;
    // What is written from then on comes without a flush.
    for statement in &WALKTHROUGH[8..] {
        sender.run(statement).await;
    }
    equal(&sender, &receiver).await;
    assert_eq!(receiver.rows(ALL).await.len(), 6);
    assert_eq!(
        receiver.rows("show pipes").await,
        ["1970-01-01T00:00:00.000|p|receiver|127.0.0.1|RUNNING|Database='root.vehicle'|NORMAL"]
    );
    sender.run("stop pipe p").await;
    assert!(sender.rows("show pipes p").await[0].contains("|STOP|"));
    eventually("the receiver lists it no more", async || receiver.rows("show pipes").await.is_empty()).await;
    sender.run("insert into root.vehicle.d1(timestamp,s3) values(7,true)").await;
    sender.run("start pipe p").await;
    equal(&sender, &receiver).await;
    sender.run("drop pipe p").await;
    sender.run("drop pipesink cloud").await;
    assert!(sender.rows("show pipes").await.is_empty() && sender.rows("show pipesink").await.is_empty());
    assert!(sender.engine.change_readers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_before_the_start_are_not_sent() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    sender.run("insert into root.a.d(time, s) values (1, 1.5), (5, 2.5), (9, 3.5)").await;
    sender.run("create pipe p to cloud from (select ** from root where time >= 5)").await;
    assert!(sender.rows("show pipes").await[0].contains("SyncDelOp=false,DataStartTimestamp=5"));
    sender.run("start pipe p").await;
    sender.run("insert into root.a.d(time, s) values (2, 1.5), (10, 2.5)").await;
    eventually("rows from 5 on are there", async || {
        receiver.rows("select s from root.a.d").await == ["5|2.5", "9|3.5", "10|2.5"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_are_sent_where_they_are_asked_for() {
    for deletions in [true, false] {
        let receiver = Served::start().await;
        let sender = sender(&receiver.address).await;
        sender.run(&format!("create pipe p to cloud with SyncDelOp={deletions}")).await;
        sender.run("start pipe p").await;
        sender.run("insert into root.a.d(time, s, t) values (1, 1.5, 1), (5, 2.5, 2), (9, 3.5, 3)").await;
        sender.run("insert into root.b.d(time, s) values (1, 1.5)").await;
        equal(&sender, &receiver).await;
        sender.run("delete from root.a.d.s where time >= 5 and time <= 6").await;
        sender.run("delete timeseries root.a.d.t").await;
        sender.run("delete database root.b").await;
        sender.run("insert into root.a.d(time, s) values (10, 4.5)").await;
        let last = async || receiver.rows("select last s from root.a.d").await[0].starts_with("10|");
        eventually("the last row is there", last).await;
        assert_eq!(sender.rows(ALL).await == receiver.rows(ALL).await, deletions);
        assert_eq!(sender.rows(SERIES).await == receiver.rows(SERIES).await, deletions);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_are_equal_after_each_was_opened_again_and_the_network_was_cut() {
    let mut receiver = Served::start().await;
    let proxy = Proxy::start(receiver.address.clone()).await;
    let mut sender = sender(&proxy.address).await;
    for at in 0..500 {
        sender.run(&format!("insert into root.a.d{}(time, s) values ({at}, {at})", at % 7)).await;
    }
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    for round in 1..6 {
        for at in 0..100 {
            let time = round * 1_000 + at;
            sender.run(&format!("insert into root.a.d{}(time, s) values ({time}, {time})", at % 7)).await;
            if at % 40 == round {
                proxy.cut();
            }
        }
        match round {
            1 | 4 => sender = sender.again().await,
            2 => {
                receiver = receiver.again().await;
                proxy.lead_to(receiver.address.clone());
            }
            _ => {}
        }
    }
    equal(&sender, &receiver).await;
    assert_eq!(receiver.rows("select count(s) from root.a.** align by device").await.len(), 7);
    // The receiver knows what comes, though the sender made its database long ago.
    let listed = receiver.rows("show pipes").await;
    assert!(listed.len() == 1 && listed[0].ends_with("|RUNNING|Database='root.a'|NORMAL"), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_white_list_that_has_not_the_sender_keeps_everything_waiting() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    sender.run("insert into root.a.d(time, s) values (1, 1.5)").await;
    equal(&sender, &receiver).await;
    receiver.server.set_ip_white_list("10.0.0.0/8".parse().expect("a network"));
    sender.run("insert into root.a.d(time, s) values (2, 1.5)").await;
    eventually("the sender says why", async || {
        let shown = sender.rows("show pipes p").await.remove(0);
        shown.contains("|RUNNING|")
            && shown.contains("ERROR: ")
            && shown.contains("the sender IP <127.0.0.1>, the white list of receiver <10.0.0.0/8>")
    })
    .await;
    assert_eq!(receiver.rows("select s from root.a.d").await.len(), 1);
    receiver.server.set_ip_white_list("10.0.0.0/8,127.0.0.0/8".parse().expect("networks"));
    equal(&sender, &receiver).await;
    eventually("all is well", async || sender.rows("show pipes p").await[0].ends_with("|NORMAL")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_fit_the_receiver_are_told_and_hold_up_nothing() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    receiver.run("create timeseries root.a.d.s BOOLEAN").await;
    sender.run("create timeseries root.a.d.s TEXT").await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    sender.run("insert into root.a.d(time, s, t) values (1, 'no boolean', 1.5)").await;
    eventually("what fits is there", async || receiver.rows("select t from root.a.d").await == ["1|1.5"])
        .await;
    eventually("it is told", async || {
        let shown = sender.rows("show pipes p").await.remove(0);
        shown.contains("|RUNNING|")
            && shown.contains("WARN: the receiver rejected 1 values, the first of root.a.d.s")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_fit_the_receiver_is_told_and_holds_up_nothing() {
    for (there, here, told) in [
        ("root.a.b", "root.a", "WARN: the receiver rejects the database root.a: "),
        ("root.a", "root.a.b", "NORMAL"),
    ] {
        let receiver = Served::start().await;
        let sender = sender(&receiver.address).await;
        receiver.run(&format!("create database {there}")).await;
        sender.run(&format!("create database {here}")).await;
        sender.run("insert into root.a.b.d(time, s) values (1, 1.5)").await;
        sender.run("insert into root.c.d(time, s) values (1, 1.5)").await;
        // The series lie in different databases.
        let same_rows = async || sender.rows(ALL).await == receiver.rows(ALL).await;
        sender.run("create pipe p to cloud").await;
        sender.run("start pipe p").await;
        eventually("the rows are there", same_rows).await;
        eventually("it is told, where it is not the same", async || {
            let shown = sender.rows("show pipes p").await.remove(0);
            shown.contains(&format!("|{told}"))
        })
        .await;
        // Connections that are made later are taken, too.
        sender.run("stop pipe p").await;
        sender.run("insert into root.a.b.d(time, s) values (2, 2.5)").await;
        sender.run("start pipe p").await;
        eventually("the rows are there", same_rows).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_database_takes_what_a_pipe_sends_of_it() {
    let (receiver, sender) = (Served::start().await, Served::start().await);
    let address = &receiver.address;
    let source = "'path'='root.a.sent.**,root.b.**', 'inclusion'='all'";
    sender.run(&format!("create pipe p with source ({source}) with sink ('node-urls'='{address}')")).await;
    sender.run("insert into root.a.sent(time, s) values (1, 1.5)").await;
    sender.run("insert into root.a.other(time, s) values (1, 1.5)").await;
    receiver.run("insert into root.a.other(time, s) values (7, 7.5)").await;
    let there = async || receiver.rows("select s from root.a.sent").await == ["1|1.5"];
    eventually("it is there", there).await;
    sender.run("delete database root.a").await;
    // A series of the same name, but of another type, is another one.
    sender.run("insert into root.a.sent(time, s) values (3, 'text')").await;
    let there = async || receiver.rows("select s from root.a.sent").await == ["3|text"];
    eventually("only the new series is there", there).await;
    assert_eq!(receiver.rows("select s from root.a.other").await, ["7|7.5"]);
    assert!(sender.rows("show pipes p").await[0].ends_with("|NORMAL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_database_leaves_rows_of_times_that_a_pipe_does_not_send() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    receiver.run("insert into root.a.d(time, s) values (1, 1.5)").await;
    sender.run("create pipe p to cloud from (select ** from root where time >= 5) with SyncDelOp=true").await;
    sender.run("start pipe p").await;
    sender.run("insert into root.a.d(time, s) values (9, 9.5)").await;
    let rows = async || receiver.rows("select s from root.a.d").await;
    eventually("it is there", async || rows().await == ["1|1.5", "9|9.5"]).await;
    sender.run("delete database root.a").await;
    eventually("what was sent is gone", async || rows().await == ["1|1.5"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_is_told_until_the_pipe_is_started_again() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    receiver.run("create timeseries root.a.d.s BOOLEAN").await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    sender.run("insert into root.a.d(time, s, t) values (1, 'no boolean', 1.5)").await;
    let told = "WARN: the receiver rejected 1 values, the first of root.a.d.s";
    eventually("it is told", async || sender.rows("show pipes p").await[0].contains(told)).await;
    sender.saved().await;
    let sender = sender.again().await;
    assert!(sender.rows("show pipes p").await[0].contains(told));
    sender.run("stop pipe p").await;
    sender.run("start pipe p").await;
    assert!(sender.rows("show pipes p").await[0].ends_with("|NORMAL"));
    let sender = sender.again().await;
    assert!(sender.rows("show pipes p").await[0].ends_with("|NORMAL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_attributes_that_are_dropped_or_renamed_are_so_at_the_receiver() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    sender
        .run("create timeseries root.a.d.s FLOAT tags('k'='v', 'k2'='it''s', 'o''k'='1') attributes('a'='1', 'b'='2')")
        .await;
    sender.run("create timeseries root.a.d.other FLOAT tags('k'='v')").await;
    equal(&sender, &receiver).await;
    for (change, expected) in [
        ("drop k", r#"{"o'k":"1","k2":"it's"}|{"a":"1","b":"2"}"#),
        ("drop 'o''k'", r#"{"k2":"it's"}|{"a":"1","b":"2"}"#),
        ("rename k2 to k3", r#"{"k3":"it's"}|{"a":"1","b":"2"}"#),
        ("set k3=new", r#"{"k3":"new"}|{"a":"1","b":"2"}"#),
        ("upsert tags('n'='m')", r#"{"k3":"new","n":"m"}|{"a":"1","b":"2"}"#),
        ("rename a to c", r#"{"k3":"new","n":"m"}|{"b":"2","c":"1"}"#),
        ("drop b, c, k3, n", "null|null"),
        ("add tags a=1", r#"{"a":"1"}|null"#),
    ] {
        sender.run(&format!("alter timeseries root.a.d.s {change}")).await;
        equal(&sender, &receiver).await;
        let shown = receiver.rows("show timeseries root.a.d.s").await;
        assert!(shown[0].contains(expected), "{change}: {shown:?}");
    }
    // What was read meanwhile is only what was meant.
    assert!(receiver.rows("show timeseries root.a.d.other").await[0].contains(r#"{"k":"v"}"#));
    assert!(sender.rows("show pipes p").await[0].ends_with("|NORMAL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_lists_databases_that_inserts_made() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    let mut expected = Vec::new();
    for database in ["root.a", "root.`t-3`", "root.`x.y`"] {
        sender.run(&format!("insert into {database}.d(time, s) values (1, 1.5)")).await;
        equal(&sender, &receiver).await;
        expected.push(format!("Database='{database}'|NORMAL"));
        let listed = receiver.rows("show pipes").await;
        assert_eq!(listed.len(), expected.len(), "{listed:?}");
        for end in &expected {
            assert!(listed.iter().any(|row| row.ends_with(end)), "{end}: {listed:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_stood_still_for_too_long_sends_what_is_stored_anew_and_says_so() {
    let receiver = Served::start().await;
    let sender = Served::start_forgetful().await;
    let port = receiver.address.rsplit_once(':').expect("a port").1;
    sender.run(&format!("create pipesink cloud as IoTDB (port={port})")).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    sender.run("insert into root.a.d(time, s) values (0, 1.5)").await;
    equal(&sender, &receiver).await;
    sender.saved().await;
    sender.run("stop pipe p").await;
    for at in 1..300 {
        sender.run(&format!("insert into root.a.d(time, s) values ({at}, {at}.5)")).await;
        if at % 50 == 0 {
            sender.run("flush").await;
        }
    }
    sender.run("flush").await;
    let shown = async || sender.rows("show pipes p").await.remove(0);
    let stopped = shown().await;
    assert!(stopped.contains("|STOP|") && stopped.contains("WARN: "), "{stopped}");
    assert!(stopped.contains("longer than the log is kept (pipe_log_retention)"), "{stopped}");
    sender.run("start pipe p").await;
    equal(&sender, &receiver).await;
    let running = shown().await;
    assert!(running.contains("what is stored is sent anew, so that no row is missing"), "{running}");
    sender.run("insert into root.a.d(time, s) values (1000, 1.5)").await;
    equal(&sender, &receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_pipe_that_falls_behind_heals_by_itself_and_says_so() {
    let receiver = Served::start().await;
    let proxy = Proxy::start(receiver.address.clone()).await;
    let sender = Served::start_forgetful().await;
    let port = proxy.address.rsplit_once(':').expect("a port").1;
    sender.run(&format!("create pipesink cloud as IoTDB (port={port})")).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    sender.run("insert into root.a.d(time, s) values (0, 1.5)").await;
    equal(&sender, &receiver).await;
    proxy.lead_to("127.0.0.1:9".to_owned());
    proxy.cut();
    for at in 1..300 {
        sender.run(&format!("insert into root.a.d(time, s) values ({at}, {at}.5)")).await;
        if at % 50 == 0 {
            sender.run("flush").await;
        }
    }
    sender.run("flush").await;
    proxy.lead_to(receiver.address.clone());
    eventually("what is stored is sent anew", async || {
        let shown = sender.rows("show pipes p").await.remove(0);
        assert!(!shown.contains("ERROR"), "{shown}");
        shown.contains("WARN: ") && shown.contains("what is stored is sent anew, so that no row is missing")
    })
    .await;
    equal(&sender, &receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_of_the_later_form_sends_what_its_source_says() {
    let receiver = Served::start().await;
    let sender = Served::start().await;
    sender.run("insert into root.a.d(time, s, t) values (1, 1.5, 1)").await;
    sender.run("insert into root.b.d(time, s) values (1, 1.5)").await;
    let address = &receiver.address;
    sender
        .run(&format!(
            "create pipe p with source ('source'='iotdb-source', 'source.path'='root.a.*.s', 'source.history.enable'='false') \
             with sink ('sink'='iotdb-thrift-sink', 'sink.node-urls'='{address}')"
        ))
        .await;
    assert!(sender.rows("show pipes").await[0].contains("|RUNNING|"));
    sender.run("insert into root.a.d(time, s, t) values (2, 1.5, 1)").await;
    sender.run("insert into root.b.d(time, s) values (2, 1.5)").await;
    eventually("the series is there", async || receiver.rows("select ** from root").await == ["2|1.5"]).await;
    sender.run("alter pipe p modify source ('path'='root.b.**')").await;
    sender.run("insert into root.b.d(time, s) values (3, 2.5)").await;
    sender.run("insert into root.a.d(time, s, t) values (3, 1.5, 1)").await;
    // The row before it comes too where the pipe had not passed it when it was altered.
    let there =
        async || receiver.rows("select s from root.b.d").await.last().is_some_and(|row| row == "3|2.5");
    eventually("the other is there", there).await;
    assert_eq!(receiver.rows("select s from root.a.d").await, ["2|1.5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_goes_on_as_it_is_written_and_what_a_pipe_has_sent_is_counted() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    for at in 0..20 {
        sender.run(&format!("insert into root.a.d(time, s) values ({at}, 1.5)")).await;
        let count = format!("{}", at + 1);
        let there = async || receiver.rows("select count(s) from root.a.d").await == [count.clone()];
        eventually("the row is there", there).await;
    }
    eventually("it is counted", async || sender.engine.pipes()[0].points == 20).await;
    eventually("nothing waits", async || sender.engine.pipes()[0].lag_ms == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_sends_no_more_bytes_a_second_than_it_may() {
    let receiver = Served::start().await;
    let sender = Served::start().await;
    let sink = format!("'rate-limit-bytes-per-second'='20000', 'node-urls'='{}'", receiver.address);
    // Of this no bytes are saved by compression, where it goes as chunks.
    let mut random = 1_u32;
    let letter = |_| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (random >> 24) as u8 % 26)
    };
    let text: String = (0..60_000).map(letter).collect();
    let began = std::time::Instant::now();
    for time in 0..6 {
        let text = &text[time * 10_000..][..10_000];
        sender.run(&format!("insert into root.a.d(time, s) values ({time}, '{text}')")).await;
    }
    sender.run(&format!("create pipe p with sink ({sink})")).await;
    equal(&sender, &receiver).await;
    sender.run("insert into root.a.d(time, s) values (6, 'x')").await;
    equal(&sender, &receiver).await;
    // 60,000 bytes came before the last row, by 20,000 a second.
    assert!(began.elapsed() >= Duration::from_millis(2_500), "{:?}", began.elapsed());
}

/// A clock that a test moves, in milliseconds.
#[derive(Clone, Debug)]
struct Moved(Arc<AtomicI64>);

impl levada_engine::Clock for Moved {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_waits_since_it_was_read_whatever_waited_before_it() {
    let receiver = Served::start().await;
    let clock = Moved(Arc::new(AtomicI64::new(1)));
    let of_sender = clock.clone();
    let sender = Served::start_with(|storage| StorageOptions { clock: Arc::new(of_sender), ..storage }).await;
    // A row holds up the next for a part of a second, which is read meanwhile.
    let sink = format!("'rate-limit-bytes-per-second'='40', 'node-urls'='{}'", receiver.address);
    sender.run(&format!("create pipe p with sink ({sink})")).await;
    for time in 1..=5 {
        sender.run(&format!("insert into root.a.d(time, s) values ({time}, 1.5)")).await;
        let there = async || receiver.rows("select count(s) from root.a.d").await == [time.to_string()];
        eventually("the row is there", there).await;
        assert_eq!(sender.engine.pipes()[0].lag_ms, 0, "row {time}");
        clock.0.fetch_add(3_600_000, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_sends_batches_of_the_size_that_it_is_given() {
    for batch in ["'batch.enable'='false'", "'batch.size-bytes'='100'", "'batch.size-bytes'='1000000'"] {
        let (receiver, sender) = (Served::start().await, Served::start().await);
        let sink = format!("{batch}, 'format'='tablet', 'node-urls'='{}'", receiver.address);
        for time in 0..200 {
            sender.run(&format!("insert into root.a.d{}(time, s) values ({time}, {time})", time % 3)).await;
        }
        sender.run(&format!("create pipe p with sink ({sink})")).await;
        for time in 200..400 {
            sender.run(&format!("insert into root.a.d{}(time, s) values ({time}, {time})", time % 3)).await;
        }
        equal(&sender, &receiver).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_otherwise_from_now_on_is_so_at_the_receiver() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    sender.run("create timeseries root.a.d.s INT64 encoding=RLE compressor=SNAPPY").await;
    sender.run("create aligned timeseries root.a.`e f`(x INT32, y DOUBLE)").await;
    equal(&sender, &receiver).await;
    for (change, series, expected) in [
        ("root.a.d.s set storage_properties encoding=PLAIN", "root.a.d.s", "INT64|PLAIN|SNAPPY"),
        ("root.a.** set storage_properties compressor=GZIP", "root.a.d.s", "INT64|PLAIN|GZIP"),
        ("root.a.*.x set storage_properties encoding=RLE", "root.a.`e f`.x", "INT32|RLE|GZIP"),
    ] {
        sender.run(&format!("alter timeseries {change}")).await;
        sender.run("insert into root.a.d(time, s) values (1, 1)").await;
        equal(&sender, &receiver).await;
        let shown = receiver.rows(&format!("show timeseries {series}")).await;
        assert!(shown[0].contains(expected), "{change}: {shown:?}");
    }
    assert!(sender.rows("show pipes p").await[0].ends_with("|NORMAL"));
}
