//! Records that are like those before them give what they give alone.

use super::*;

/// Records that are nearly like each other, in one of many ways.
const ALIKE: [&str; 34] = [
    r#"{"device":"d1","time":1700000000000,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":"d2","time":1700000000001,"a":-7,"b":"off","c":false}"#,
    r#"{"device":"d1","time":1700000000000,"a":21.3,"b":"on","c":true} "#,
    r#"{"device":"d1","time":1700000000000,"a":21.3,"b":"on","c":true}x"#,
    r#"{"device":"d1","time":1700000000000,"a":21.3,"b":"on","c":true"#,
    r#"{"device":"d1","time":1700000000000,"a":21.3,"b":"on","c":truex}"#,
    r#"{"device":"d1","time":1700000000000,"a":00,"b":"on","c":true}"#,
    r#"{"device":"d1","time":1700000000000,"a":1.,"b":"on","c":true}"#,
    r#"{"device":"d1","time":1700000000000,"a":1e5,"b":"on","c":true}"#,
    r#"{"device":"d1","time":1700000000000,"a":1E400,"b":"on","c":null}"#,
    r#"{"device":"d1","time":1700000000000,"a":9007199254740993,"b":"NaN","c":"true"}"#,
    r#"{"device":"d1","time":1700000000000,"a":0.10000000000000000000001,"b":"-Infinity","c":1}"#,
    r#"{"device":"d1","time":1700000000000,"a":21.3,"b":"o\u006e","c":true}"#,
    r#"{"device":"d\"1","time":1700000000000,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":"","time":1700000000000,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":"d..1","time":1700000000000,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":7,"time":1700000000000,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":null,"time":1700000000000,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":"d1","time":"2023-11-14T22:13:20Z","a":21.3,"b":"on","c":true}"#,
    r#"{"device":"d1","time":"soon","a":21.3,"b":"on","c":true}"#,
    r#"{"device":"d1","time":1.7e12,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":"d1","time":99999999999999999999,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":"d1","time":null,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":"d1","time":true,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":"d1","timestamp":1700000000000,"a":21.3,"b":"on","c":true}"#,
    r#"{"device":"d1","time":null,"timestamp":1700000000000,"a":21.3}"#,
    r#"{"device":"d1","time":1700000000000,"timestamp":1700000000001,"a":21.3}"#,
    r#"{"device":"d1","time":1700000000000,"a":null,"b":null,"c":null}"#,
    r#"{"device":"d1","time":1700000000000,"a":[1,2],"b":"on","c":{"x":1}}"#,
    r#"{"device":"d1","time":1700000000000,"a":21.3,"b":"on","a":4}"#,
    r#"{"device":"d1","time":1700000000000,"a":21.3,"b":"on","a":null}"#,
    r#"{"device":"d1","time":1700000000000,"measurements":"a","values":"1.5"}"#,
    r#" { "device" : "d1" , "time" : 1700000000000 , "a" : 21.3 , "b\u0062" : "on" } "#,
    r#"{"time":1700000000000,"device":"d1"}"#,
];

#[test]
fn a_record_gives_the_same_row_after_any_other() {
    for options in
        [json!({}), json!({"integers": "int64", "missing_time": "reject"}), json!({"device": "all"})]
    {
        let registry = Registry::new().with_decoder::<JsonDecoder>();
        let component = registry.get(ComponentKind::Decoder, "json").expect("registered");
        let factory = component.decoder(options, &BuildContext::new("p", "n")).expect("options that work");
        // What becomes of the last of these records.
        let last = |records: &[&str]| {
            let mut decoder = factory.make();
            let mut rows = BatchBuilder::new();
            let mut decoded = Ok(());
            for record in records {
                rows = BatchBuilder::new();
                rows.split(&"s".into());
                rows.record(record.as_bytes(), 0);
                decoded = decoder.decode(record.as_bytes(), &mut rows);
            }
            let batch = rows.finish(Vec::new());
            (decoded.map_err(|error| error.message), points(&batch), batch.rows())
        };
        for record in ALIKE {
            let alone = last(&[record]);
            for before in ALIKE {
                assert_eq!(last(&[before, record]), alone, "after {before}: {record}");
                assert_eq!(
                    last(&[before, before, before, record]),
                    alone,
                    "after some of {before}: {record}"
                );
            }
        }
    }
}

#[test]
fn records_that_are_alike_are_read_by_what_they_have_in_common() {
    let mut decoder = JsonDecoder {
        plan: Arc::new(Plan::new(JsonOptions::default(), "n")),
        elements: Vec::new(),
        tape: Vec::new(),
        fields: Vec::new(),
        name: String::new(),
        pattern: Pattern::default(),
    };
    let mut rows = BatchBuilder::new();
    let mut in_full = |records: &[String]| {
        let count = records.iter().filter(|record| {
            rows.record(record.as_bytes(), 0);
            // Reading in full makes a tape.
            decoder.tape = Vec::new();
            decoder.decode(record.as_bytes(), &mut rows).expect("well formed");
            decoder.tape.capacity() > 0
        });
        count.count()
    };
    let record = |key: &str, n: usize| format!(r#"{{"device":"d{n}","time":{n},"{key}":{n},"t":"x"}}"#);
    let alike: Vec<_> = (0..50).map(|n| record("a", n)).collect();
    assert_eq!(in_full(&alike), 1);
    let others: Vec<_> = (0..50).map(|n| record("b", n)).collect();
    assert_eq!(in_full(&others), 16, "it is not given up at once");
    let mixed: Vec<_> = (0..200).map(|n| record(["a", "b"][n % 2], n)).collect();
    assert_eq!(in_full(&mixed), 100, "of two kinds in turn one is known");
    let unlike: Vec<_> = (0..200).map(|n| record(&format!("x{n}"), n)).collect();
    assert_eq!(in_full(&unlike), 200);
    assert!(in_full(&alike) <= 64, "and then one kind again");
}
