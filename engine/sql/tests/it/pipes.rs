//! Statements about pipes.

use levada_sql::ast::{Attributes, ChangePipe, CreatePipe, PipeBody, PipeGrammar, ShowPipes, Statement};

use super::parse;

fn change(text: &str) -> ChangePipe {
    match parse(text).expect(text) {
        Statement::ChangePipe(change) => change,
        other => panic!("{other:?}"),
    }
}

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    Attributes(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

#[test]
fn a_sink_has_attributes_in_any_spelling() {
    let sink = |pairs: &[(&str, &str)]| ChangePipe::CreateSink {
        name: "my_iotdb".to_owned(),
        kind: "IoTDB".to_owned(),
        attributes: attributes(pairs),
    };
    let address = [("ip", "10.0.0.1"), ("port", "6668")];
    assert_eq!(change("CREATE PIPESINK my_iotdb AS IoTDB"), sink(&[]));
    assert_eq!(change("create pipesink my_iotdb as IoTDB (ip='10.0.0.1',port=6668);"), sink(&address));
    assert_eq!(change("create pipesink my_iotdb as IoTDB (ip='10.0.0.1',port='6668';)"), sink(&address));
    assert_eq!(change("drop pipesink my_iotdb"), ChangePipe::DropSink { name: "my_iotdb".to_owned() });
}

#[test]
fn a_pipe_begins_at_a_time() {
    let pipe = |start, pairs: &[(&str, &str)]| {
        ChangePipe::Create(CreatePipe {
            name: "p".to_owned(),
            if_not_exists: false,
            body: PipeBody::ToSink { sink: "s".to_owned(), start, attributes: attributes(pairs) },
        })
    };
    let start = 1_648_598_400_000;
    assert_eq!(change("CREATE PIPE p TO s"), pipe(None, &[]));
    assert_eq!(change("create pipe p to s from (select ** from root)"), pipe(None, &[]));
    for time in ["'2022-03-30 00:00:00'", "2022-03-30 00:00:00", "2022-03-30T00:00:00", "1648598400000"] {
        let text = format!("create pipe p to s from (select ** from root where time >= {time})");
        assert_eq!(change(&text), pipe(Some(start), &[]), "{text}");
    }
    let deletions = "create pipe p to s from (select ** from root where time>=0) with SyncDelOp=true";
    assert_eq!(change(deletions), pipe(Some(0), &[("SyncDelOp", "true")]));
    for wrong in [
        "create pipe p to s from (select s1 from root)",
        "create pipe p to s from (select ** from root.a)",
        "create pipe p to s from (select ** from root where time < 5)",
        "create pipe p to s from (select ** from root where time >= 'yesterday')",
        "create pipe p",
        "start pipe",
        "stop p",
    ] {
        assert_eq!(parse(wrong).expect_err(wrong).code.0, 700, "{wrong}");
    }
}

#[test]
fn a_pipe_has_parts() {
    let text = "create pipe if not exists p with source ('source'='iotdb-source', 'path'='root.a.**',) with processor ('x'='y') \
                with sink ('node-urls'='127.0.0.1:6667')";
    let expected = CreatePipe {
        name: "p".to_owned(),
        if_not_exists: true,
        body: PipeBody::With {
            source: attributes(&[("source", "iotdb-source"), ("path", "root.a.**")]),
            processor: attributes(&[("x", "y")]),
            sink: attributes(&[("node-urls", "127.0.0.1:6667")]),
        },
    };
    assert_eq!(change(text), ChangePipe::Create(expected.clone()));
    let short = text.replace("with processor", "processor").replace("with sink", "connector");
    assert_eq!(change(&short), ChangePipe::Create(expected));
    let ChangePipe::Alter { name, source, processor, sink } = change(
        "alter pipe p modify source ('path'='root.b.**') replace processor () modify sink ('ip'='::1')",
    ) else {
        panic!("alters");
    };
    let replaces =
        [source, processor, sink].map(|part| part.map(|part| (part.replace, part.attributes.0.len())));
    assert_eq!((name.as_str(), replaces), ("p", [Some((false, 1)), Some((true, 0)), Some((false, 1))]));
}

#[test]
fn pipes_are_shown_by_name_or_by_what_they_send_to() {
    for (text, name, of, grammar) in [
        ("show pipes", None, None, PipeGrammar::Both),
        ("show pipe p", Some("p"), None, PipeGrammar::Both),
        ("show pipe", None, None, PipeGrammar::Sync),
        ("show pipes p", Some("p"), None, PipeGrammar::Sync),
        ("show pipes where sink used by p", None, Some("p"), PipeGrammar::Later),
    ] {
        let [name, with_sink_of] = [name, of].map(|name| name.map(str::to_owned));
        let expected = Statement::ShowPipes(ShowPipes::Pipes { name, with_sink_of, grammar });
        assert_eq!(parse(text).expect("legal"), expected);
    }
    let sinks = |name: Option<&str>| Statement::ShowPipes(ShowPipes::Sinks { name: name.map(str::to_owned) });
    assert_eq!(parse("show pipesink s").expect("legal"), sinks(Some("s")));
    assert_eq!(parse("show pipesinks").expect("legal"), sinks(None));
    assert_eq!(parse("show pipesinktype").expect("legal"), Statement::ShowPipes(ShowPipes::SinkTypes));
}

#[test]
fn a_password_is_not_printed() {
    let sink = change("create pipesink s as IoTDB (ip='::1', Password='hunter22')");
    assert!(!format!("{sink:?}").contains("hunter22"));
}
