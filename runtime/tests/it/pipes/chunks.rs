//! What is stored when a pipe begins, sent as chunks of files.

use super::{
    equal,
    proxy::Proxy,
    sender,
    servers::{Served, eventually},
};

/// Rows of many kinds in two databases: aligned and plain, all types, in and out of order, written over, deleted, some in files and
/// some in memory.
async fn fill(served: &Served) {
    const TYPES: &str =
        "b BOOLEAN, i INT32, l INT64, f FLOAT, d DOUBLE, t TEXT, m TIMESTAMP, y DATE, o BLOB, s STRING";
    served.run("create database root.one").await;
    served.run("create database root.two").await;
    for at in 0..2 {
        served.run(&format!("create aligned timeseries root.one.a{at}({TYPES})")).await;
        for column in TYPES.split(", ") {
            let (name, data_type) = column.split_once(' ').expect("name and type");
            served.run(&format!("create timeseries root.two.p{at}.{name} {data_type}")).await;
        }
    }
    served.run("alter timeseries root.two.p0.d upsert alias=second tags('k'='v')").await;
    served.run("create timeseries root.two.p0.coded INT64 encoding=GORILLA compressor=SNAPPY").await;
    for (from, to, add) in [(0, 400, 0), (700, 1_000, 0), (100, 800, 7), (1_200, 1_300, 0)] {
        for device in ["root.one.a0", "root.one.a1", "root.two.p0", "root.two.p1"] {
            let aligned = if device.contains(".a") { "aligned " } else { "" };
            let rows: Vec<_> = (from..to)
                .step_by(3)
                .map(|time| {
                    let value = time + add;
                    format!(
                        "({time}, {}, {value}, {value}, {value}.5, {value}.25, 't{}', {value}, '2024-01-{:02}', X'{:04x}', 's{value}')",
                        value % 2 == 0,
                        value % 9,
                        value % 28 + 1,
                        value
                    )
                })
                .collect();
            served
                .run(&format!(
                    "insert into {device}(time, b, i, l, f, d, t, m, y, o, s) {aligned}values {}",
                    rows.join(", ")
                ))
                .await;
        }
        if from < 1_200 {
            served.run("flush").await;
        }
    }
    served.run("insert into root.two.p0(time, coded) values (1, 1), (2, 4), (3, 9)").await;
    served.run("delete from root.one.a0.l where time > 300 and time < 350").await;
    served.run("delete from root.two.p1.** where time > 720 and time < 730").await;
}

/// Whether a server has rows, none of which were inserted.
fn has_files_alone(served: &Served) -> bool {
    let stats = served.engine.stats();
    stats.memtables == 0 && stats.files > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_comes_as_chunks_and_both_ends_are_equal() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    fill(&sender).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    equal(&sender, &receiver).await;
    assert!(has_files_alone(&receiver), "{:?}", receiver.engine.stats());
    let points = sender.engine.pipes()[0].points;
    assert_eq!(receiver.engine.stats().inserted_points, points);
    // What is written later is newer, and is sent as rows.
    sender.run("insert into root.two.p0(time, l, coded) values (2, -1, -1), (5000, 7, 7)").await;
    equal(&sender, &receiver).await;
    assert!(!has_files_alone(&receiver));
    let receiver = receiver.again().await;
    let query = "select ** from root";
    assert_eq!(receiver.rows(query).await, sender.rows(query).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_and_a_start_within_a_chunk_are_obeyed() {
    let receiver = Served::start().await;
    let sender = Served::start().await;
    fill(&sender).await;
    let port = receiver.address.rsplit_once(':').expect("a port").1;
    sender
        .run(&format!(
            "create pipe p with source ('path'='root.two.**', 'start-time'='250', 'end-time'='1260') with sink ('port'='{port}')"
        ))
        .await;
    sender.run("start pipe p").await;
    let query = "select ** from root.two where time >= 250 and time <= 1260";
    let expected = sender.rows(query).await;
    assert!(expected.len() > 200);
    eventually("all is there", async || receiver.rows(query).await == expected).await;
    assert!(has_files_alone(&receiver), "{:?}", receiver.engine.stats());
    assert_eq!(receiver.rows("select ** from root").await, expected);
    assert!(receiver.rows("show devices root.one.**").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_is_to_send_tablets_sends_no_chunks() {
    let receiver = Served::start().await;
    let sender = Served::start().await;
    fill(&sender).await;
    let port = receiver.address.rsplit_once(':').expect("a port").1;
    sender.run(&format!("create pipe p with sink ('port'='{port}', 'format'='tablet')")).await;
    sender.run("start pipe p").await;
    equal(&sender, &receiver).await;
    assert_eq!(receiver.engine.stats().files, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_cannot_store_as_chunks_comes_as_rows() {
    let receiver = Served::start().await;
    // One series is of another type that takes some of the values, and one of a type that takes none.
    receiver.run("create timeseries root.two.p0.i INT64").await;
    receiver.run("create timeseries root.two.p1.s INT32").await;
    let sender = sender(&receiver.address).await;
    fill(&sender).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    for query in
        ["select ** from root.one", "select i, coded, s from root.two.p0", "select i, d from root.two.p1"]
    {
        let expected = sender.rows(query).await;
        eventually("all is there", async || receiver.rows(query).await == expected).await;
    }
    eventually("it is told", async || {
        sender.rows("show pipes p").await[0].contains("WARN: the receiver rejected")
    })
    .await;
    assert!(receiver.rows("select s from root.two.p1").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missing_where_either_end_was_opened_again_while_chunks_were_sent() {
    let mut receiver = Served::start().await;
    let proxy = Proxy::start(receiver.address.clone()).await;
    let mut sender = sender(&proxy.address).await;
    fill(&sender).await;
    sender.run("create pipe p to cloud").await;
    proxy.slow_down();
    sender.run("start pipe p").await;
    eventually("something has come", async || receiver.engine.stats().series > 0).await;
    receiver = receiver.again().await;
    proxy.lead_to(receiver.address.clone());
    proxy.cut();
    sender = sender.again().await;
    equal(&sender, &receiver).await;
    // A row of the receiver's own is newer than what came before it.
    receiver.run("insert into root.two.p0(time, coded) values (1, 77)").await;
    let query = "select coded from root.two.p0 where time = 1";
    assert_eq!(receiver.rows(query).await, ["1|77"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_circle_of_two_nothing_that_came_as_chunks_is_sent_back() {
    let (first, second) = (Served::start().await, Served::start().await);
    fill(&first).await;
    let query = "select ** from root";
    let expected = first.rows(query).await;
    let points = first.engine.stats().inserted_points;
    for (from, to) in [(&first, &second), (&second, &first)] {
        let port = to.address.rsplit_once(':').expect("a port").1;
        from.run(&format!("create pipesink other as IoTDB (port={port})")).await;
        from.run("create pipe p to other").await;
        from.run("start pipe p").await;
        eventually("all is there", async || second.rows(query).await == expected).await;
    }
    first.run("insert into root.one.a0(time, l) aligned values (1, -7)").await;
    second.run("insert into root.one.a1(time, l) aligned values (1, -8)").await;
    let both = "select a0.l, a1.l from root.one where time = 1";
    for served in [&first, &second] {
        eventually("both are there", async || served.rows(both).await == ["1|-7|-8"]).await;
    }
    assert_eq!(first.engine.stats().inserted_points, points + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_write_a_series_sends_no_chunks_of_it() {
    let receiver = Served::start().await;
    for statement in [
        "create database root.one",
        "create user edge 'edge12345678'",
        "grant write on root.two.** to user edge",
        "grant write_schema, read_schema on root.** to user edge",
        "grant manage_database on root.** to user edge",
    ] {
        receiver.run(statement).await;
    }
    let sender = Served::start().await;
    fill(&sender).await;
    let port = receiver.address.rsplit_once(':').expect("a port").1;
    sender
        .run(&format!("create pipe p with sink ('port'='{port}', 'user'='edge', 'password'='edge12345678')"))
        .await;
    sender.run("start pipe p").await;
    eventually("it is told", async || sender.rows("show pipes p").await[0].contains("No permissions")).await;
    assert!(receiver.rows("select ** from root.one").await.is_empty());
    receiver.run("grant write on root.one.** to user edge").await;
    equal(&sender, &receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_sends_on_stores_chunks_and_the_next_has_all_of_it() {
    let last = Served::start().await;
    let mut middle = sender(&last.address).await;
    middle.run("create pipe further to cloud").await;
    middle.run("start pipe further").await;
    let proxy = Proxy::start(middle.address.clone()).await;
    let mut first = sender(&proxy.address).await;
    fill(&first).await;
    first.run("create pipe p to cloud").await;
    first.run("start pipe p").await;
    equal(&first, &middle).await;
    assert!(has_files_alone(&middle), "{:?}", middle.engine.stats());
    equal(&first, &last).await;
    // What was read before is not read again, and what comes later is newer.
    middle = middle.again().await;
    proxy.lead_to(middle.address.clone());
    proxy.cut();
    first = first.again().await;
    first.run("insert into root.two.p0(time, l, coded) values (2, -1, -1), (5000, 7, 7)").await;
    equal(&first, &middle).await;
    equal(&first, &last).await;
}

/// As many devices, each in a database of its own.
const DEVICES: u64 = 16;
const ROWS: u64 = 20;

/// How many devices have come, as a document of the sender's says; `None` where it says nothing.
fn marked(sender: &Served) -> Option<u64> {
    let document = sender.document("pipes/history-1.json")?;
    let device = document.get("device")?.as_str()?.strip_prefix("root.g")?.strip_suffix(".d")?;
    Some(device.parse::<u64>().ok()? - 10 + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_broken_off_goes_on_where_it_was() {
    for format in ["tablet", "hybrid"] {
        let mut receiver = Served::start().await;
        let proxy = Proxy::start(receiver.address.clone()).await;
        let mut sender = Served::start().await;
        // Of this no bytes are saved by compression.
        let mut random = 1_u32;
        let letter = |_| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + (random >> 24) as u8 % 26)
        };
        let text: String = (0..ROWS as usize * 400).map(letter).collect();
        let text = |row: usize| &text[row * 400..][..400];
        for device in 0..DEVICES {
            let rows = (0..ROWS as usize).map(|time| format!("({time}, '{device}{}')", text(time)));
            let rows: Vec<_> = rows.collect();
            sender
                .run(&format!("insert into root.g{}.d(time, s) values {}", device + 10, rows.join(",")))
                .await;
        }
        let sink = format!(
            "'node-urls'='{}', 'format'='{format}', 'rate-limit-bytes-per-second'='40000'",
            proxy.address
        );
        sender.run(&format!("create pipe p with sink ({sink})")).await;
        eventually("a part has come", async || marked(&sender).is_some_and(|devices| devices >= 2)).await;
        sender.run("stop pipe p").await;
        sender = sender.again().await;
        let devices = marked(&sender).expect("a mark");
        assert!(devices < DEVICES, "{devices} devices");
        // It counts what comes from now on.
        receiver = receiver.again().await;
        proxy.lead_to(receiver.address.clone());
        sender.run("insert into root.g10.d(time, s) values (0, 'newer')").await;
        sender.run("start pipe p").await;
        equal(&sender, &receiver).await;
        let again = receiver.engine.stats().inserted_points;
        let rest = (DEVICES - devices) * ROWS + 1;
        assert!(again <= rest, "{again} values came where {rest} were left, {format}");
        eventually("nothing is kept of it", async || marked(&sender).is_none()).await;
    }
}
