//! What statements about pipes say.

use levada_model::{Outcome, Session};

use super::{
    sender,
    servers::{Served, eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_rejected_in_the_models_words() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    sender.run("create pipe p to cloud").await;
    for (statement, expected) in [
        ("create pipesink cloud as IoTDB", "PIPESINK [cloud] already exists in IoTDB. (1106"),
        ("drop pipesink cloud", "Can not drop PIPESINK [cloud], because PIPE [p] is using it. (1106"),
        ("create pipe p to cloud", "PIPE [p] is STOP, please retry after drop it. (1107"),
        ("create pipe q to nowhere", "PIPESINK [nowhere] does not exist. (1107"),
        ("create pipesink x as Kafka", "there is no type [Kafka]"),
        ("create pipesink x as IoTDB (ip='1.2.3.4', colour=red)", "`colour` is no attribute of the sink"),
        ("create pipesink x as IoTDB (port='many')", "is no address of a receiver"),
        ("create pipe q to cloud with compress=true", "may be SyncDelOp=true"),
        ("start pipe q", "Fail to START_PIPE because Failed to start pipe q, the pipe does not exist (1107"),
        ("stop pipe q", "Fail to STOP_PIPE because Failed to stop pipe q, the pipe does not exist (1107"),
        ("drop pipe q", "Failed to drop pipe q. Failures: q does not exist. (1806"),
        (
            "create pipe q with sink ('sink'='nope-sink')",
            "Failed to reflect PipePlugin instance, because PipePlugin NOPE-SINK has not been registered. (1107",
        ),
        ("alter pipe p modify sink ('port'='1')", "drop it, and make it anew"),
        (
            "create pipe q with sink ('format'='tsfile')",
            "`format` of the sink is `tsfile`, and should be `tablet` or `hybrid`, as what is written while the pipe runs is sent in tablets, not in files",
        ),
        (
            "create pipe q with sink ('compressor'='snappy')",
            "`compressor` of the sink is `snappy`, and should be left out, as rows are sent as they are",
        ),
        (
            "create pipe q with sink ('batch.size-bytes'='0')",
            "`batch.size-bytes` of the sink is `0`, and should be bytes, 67108864 at most",
        ),
        ("create pipe q with sink ('batch.max-delay-ms'='soon')", "`soon`, and should be a time"),
    ] {
        let error = sender.rejected(statement).await;
        assert!(error.contains(expected), "{statement}: {error}");
    }
    sender.run("start pipe p").await;
    let error = sender.rejected("create pipe p to cloud").await;
    assert!(error.contains("PIPE [p] is RUNNING, please retry after drop it."), "{error}");
    sender.run("create pipesink gone as IoTDB (ip='127.0.0.1', port=9)").await;
    let error = sender.rejected("create pipe q to gone").await;
    assert!(error.contains("Fail to create PIPE [q] because Connection refused on 127.0.0.1:9."), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_2_0_has_and_is_not_done_here_is_rejected_with_the_reason() {
    let sender = Served::start().await;
    for (statement, expected) in [
        (
            "create pipe q with source ('realtime.mode'='batch') with sink ('port'='1')",
            "`realtime.mode` of the source is `batch`, and should be `stream` or `hybrid`: rows are sent as they are written, not file by file",
        ),
        (
            "create pipe q with source ('mode.streaming'='false') with sink ('port'='1')",
            "`mode.streaming` of the source is `false`, and should be `true`",
        ),
        (
            "create pipe q with source ('inclusion'='data,auth.user') with sink ('port'='1')",
            "`inclusion` of the source is `auth.user`, and should be left out: users, roles, views",
        ),
        (
            "create pipe q with source ('inclusion'='rows') with sink ('port'='1')",
            "`rows`, and should be `data.insert`, `data.delete`, `data`, `schema` or `all`",
        ),
        (
            "create pipe q with source ('inclusion.exclusion'='schema') with sink ('port'='1')",
            "`inclusion.exclusion` of the source is `schema`, and should be `data.delete`",
        ),
        (
            "create pipe q with source ('capture.table'='true') with sink ('port'='1')",
            "`true`, and should be `false`: there is no table model",
        ),
        (
            "create pipe q with source ('watermark-interval-ms'='1000') with sink ('port'='1')",
            "should be -1: there are no watermarks in a pipe",
        ),
        (
            "create pipe q with sink ('exception.conflict.resolve-strategy'='ignore')",
            "should be left out: what may pass is tried until it does",
        ),
        (
            "create pipe q with sink ('load-tsfile-strategy'='later')",
            "`later`, and should be `sync` or `async`",
        ),
        ("create pipe q with sink ('mark-as-pipe-request'='false')", "should be `true`"),
    ] {
        let error = sender.rejected(statement).await;
        assert!(error.contains(expected), "{statement}: {error}");
    }
    assert!(sender.rows("show pipe").await.is_empty());
}

/// The columns that a statement gives.
async fn columns(served: &Served, statement: &str) -> Vec<String> {
    let session = served.engine.session(None).expect("UTC");
    let Ok(Outcome::Rows(rows)) = session.execute(statement).await else { panic!("{statement}: no rows") };
    rows.columns.iter().map(|column| column.name.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_are_shown_in_the_table_of_their_form() {
    const SYNC: [&str; 7] = ["create time", "name", "role", "remote", "status", "attributes", "message"];
    const LATER: [&str; 9] = [
        "ID",
        "CreationTime",
        "State",
        "PipeSource",
        "PipeProcessor",
        "PipeSink",
        "ExceptionMessage",
        "RemainingEventCount",
        "EstimatedRemainingSeconds",
    ];
    let (receiver, sender) = (Served::start().await, sender("127.0.0.1:9").await);
    let address = &receiver.address;
    assert_eq!(columns(&sender, "show pipes").await, SYNC);
    assert_eq!(columns(&sender, "show pipe nope").await, SYNC);
    sender
        .run(&format!(
            "create pipe later with source ('source.path'='root.a.**') \
             with sink ('sink'='iotdb-thrift-sink', 'sink.node-urls'='{address}', 'sink.password'='root')"
        ))
        .await;
    let expected = format!(
        "later|1970-01-01T00:00:00.000|RUNNING|{{__system.sql-dialect=tree, path=root.a.**}}|{{}}|\
         {{node-urls={address}, password=******, sink=iotdb-thrift-sink}}||0|0.00"
    );
    for statement in ["show pipes", "show pipe later", "show pipes where sink used by later"] {
        assert_eq!(columns(&sender, statement).await, LATER, "{statement}");
        eventually("it is shown", async || sender.rows(statement).await == [expected.as_str()]).await;
    }
    assert_eq!(columns(&sender, "show pipe nope").await, LATER);
    // What only the grammar of V1.2 has gets the table of V1.2.
    for statement in ["show pipe", "show pipes later"] {
        assert_eq!(columns(&sender, statement).await, SYNC, "{statement}");
        let shown = sender.rows(statement).await;
        assert!(shown.len() == 1 && shown[0].contains("|later|sender|"), "{shown:?}");
    }
    // Who receives has sent nothing.
    assert_eq!(columns(&receiver, "show pipes").await, SYNC);
    eventually("it is received", async || receiver.rows("show pipes").await.len() == 1).await;
    // With pipes of both forms the table is the one that has all.
    sender
        .run(&format!("create pipesink here as IoTDB (port={})", address.rsplit_once(':').expect("a port").1))
        .await;
    sender.run("create pipe first to here").await;
    assert_eq!(columns(&sender, "show pipes").await, SYNC);
    assert_eq!(sender.rows("show pipes").await.len(), 2);
    assert_eq!(columns(&sender, "show pipe first").await, SYNC);
    assert_eq!(columns(&sender, "show pipe later").await, LATER);
    assert_eq!(sender.rows("show pipes where sink used by first").await.len(), 1);
    sender.run("stop pipe later").await;
    assert!(sender.rows("show pipe later").await[0].contains("|STOPPED|"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_of_2_0_says_that_is_done_here_anyway_is_taken() {
    let sender = Served::start().await;
    for (at, source) in [
        "'inclusion'='data,schema.timeseries.ordinary.create', 'inclusion.exclusion'='auth,schema.ttl'",
        "'inclusion'='all', 'inclusion.exclusion'='data.delete'",
        "'realtime.mode'='stream', 'mods.enable'='true', 'mode.strict'='true', 'mode.streaming'='true'",
        "'realtime.mode'='hybrid', 'history.loose-range'='time,path', 'watermark-interval-ms'='-1'",
        "'mode.double-living'='true', 'capture.tree'='true', 'capture.table'='false'",
    ]
    .into_iter()
    .enumerate()
    {
        let sink =
            "'load-balance-strategy'='random', 'leader-cache.enable'='true', 'load-tsfile-strategy'='sync'";
        sender.run(&format!("create pipe p{at} with source ({source}) with sink ('port'='9', {sink})")).await;
    }
    assert_eq!(sender.rows("show pipes").await.len(), 5);
}
