//! What the source promises.

use std::sync::Arc;

use levada_connector::{
    IotdbSource,
    model::{Session, Value},
};

use crate::server::Served;

#[tokio::test(flavor = "multi_thread")]
async fn rows_become_what_the_program_makes_of_them_from_a_server_and_from_an_engine() {
    let served = Served::new().await;
    let insert = "insert into root.a.d1(time, s, t) values (1, 0.5, 'x'), (2, 1.5, null)";
    served.session.execute(insert).await.expect("stored");
    for remote in [true, false] {
        let builder = IotdbSource::builder().query("select s, t from root.a.d1");
        let builder = match remote {
            true => builder.nodes([&served.address]),
            false => builder.session(Arc::clone(&served.session) as Arc<dyn Session>),
        };
        let builder = builder.convert(|row| Ok((row.time, row.get("root.a.d1.s").cloned(), row.to_string())));
        let mut source = builder.open().await.expect("connected");
        let mut rows = Vec::new();
        while let Some(row) = source.next().await.expect("a row") {
            rows.push(row);
        }
        source.close().await.expect("closed");
        let expected = [(1, 0.5, "1\t0.5\tx"), (2, 1.5, "2\t1.5\tnull")];
        let expected = expected.map(|(time, s, text)| (Some(time), Some(Value::Double(s)), text.to_owned()));
        assert_eq!(rows, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_rejected_is_told_with_its_text() {
    let served = Served::new().await;
    for statement in ["selec s from root.a", "delete from root.a.d1.s"] {
        let opened = IotdbSource::builder().nodes([&served.address]).query(statement).open().await;
        let error = opened.expect_err(statement).to_string();
        assert!(error.contains(statement), "{error}");
    }
}
