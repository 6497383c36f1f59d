//! What pipes of other servers send, as changes: recorded bodies of 2.0, and bodies as 1.3 lays them out.

use arrow_array::Array;
use bytes::{BufMut, Bytes, BytesMut};
use levada_model::{DataType, PathPattern, Tablet, Value};
use levada_rpc::{
    piped::{
        Alteration, Change, Codec, NewSeries, Sealed, Sent, SeriesTree, Step, databases, read, read_sent,
        ttls,
    },
    thrift::WireError,
};

fn bytes(hex: &str) -> Bytes {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// Every recorded body, and its kind.
fn recorded() -> Vec<(i16, Bytes)> {
    let lines = include_str!("../data/pipe-2.0.1.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (kind, hex) = line.split_once(' ').expect("two parts");
            (kind.parse().expect("a number"), bytes(hex))
        })
        .collect()
}

fn changes(kind: i16, body: Bytes) -> Vec<Change> {
    match read(kind, body).expect("readable").expect("a known kind") {
        Step::Changes(changes) => changes,
        other => panic!("{other:?}"),
    }
}

fn recorded_changes(of: i16) -> Vec<Change> {
    let bodies = recorded().into_iter().filter(|(kind, _)| *kind == of);
    bodies.flat_map(|(kind, body)| changes(kind, body)).collect()
}

/// Device, times, and each column's name and values.
fn shown(tablet: &Tablet) -> String {
    let column = |column: &levada_model::Column| {
        let value = |row| {
            Value::at(&column.values, column.data_type, row)
                .map_or_else(|| "-".to_owned(), |it| it.to_string())
        };
        format!("{}={}", column.name, (0..column.values.len()).map(value).collect::<Vec<_>>().join(","))
    };
    let columns: Vec<_> = tablet.columns().iter().map(column).collect();
    let aligned = if tablet.aligned() { " aligned" } else { "" };
    format!("{}{aligned} {:?} {}", tablet.device(), tablet.times().values().to_vec(), columns.join(" "))
}

fn rows(changes: &[Change]) -> Vec<String> {
    let tablets = changes.iter().flat_map(|change| match change {
        Change::Rows(tablets) => tablets.as_slice(),
        other => panic!("{other:?}"),
    });
    tablets.map(shown).collect()
}

#[test]
fn tablets_of_every_type_are_read() {
    let all = rows(&recorded_changes(11));
    for expected in [
        "root.t.d [1, 2] b=true,false",
        "root.t.d [1] da=2024-02-29",
        "root.t.d [1, 2] t=ä,x",
        "root.t.d [1] s=str",
        "root.t.d [1] f=1.5",
        "root.t.d [1] x=2.25",
        "root.t.d [1] i=-7",
        "root.t.d [1] l=12345678901",
        "root.t.d [1] bl=0xcafe",
        "root.t.d [1] ts=1700000000000",
    ] {
        assert!(all.iter().any(|row| row == expected), "{expected}: {all:#?}");
    }
}

#[test]
fn a_batch_of_tablets_is_read_with_its_nulls() {
    let batch = rows(&recorded_changes(13));
    assert_eq!(batch.len(), 47);
    assert_eq!(batch[0], "root.t.a aligned [1, 2] x=1.5,- y=-,7");
    assert_eq!(batch[46], "root.t.d [41, 50] b=true,true");
}

#[test]
fn changes_of_the_catalog_are_read() {
    let all: Vec<_> = recorded_changes(100).into_iter().chain(recorded_changes(200)).collect();
    let pattern = |text: &str| PathPattern::parse(text).expect("a pattern");
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let altered = |alteration: &Alteration| {
        all.iter().any(|change| matches!(change, Change::Alter(_, each) if each == alteration))
    };
    let upsert = |alias: Option<&str>, tags: &[_], attributes: &[_]| Alteration::Upsert {
        alias: alias.map(str::to_owned),
        tags: tags.to_vec(),
        attributes: attributes.to_vec(),
    };
    for alteration in [
        Alteration::Rename("k".to_owned(), "kk".to_owned()),
        Alteration::Set(vec![pair("kk", "vv")]),
        Alteration::Drop(vec!["kk".to_owned()]),
        Alteration::AddTags(vec![pair("x", "y")]),
        Alteration::AddAttributes(vec![pair("ax", "ay")]),
        upsert(Some("al2"), &[], &[pair("a", "c")]),
        upsert(None, &[pair("q", "w")], &[]),
    ] {
        assert!(altered(&alteration), "{alteration:?}");
    }
    for change in [
        Change::Delete(vec![pattern("root.t.d.t")], 2, 2),
        Change::Delete(vec![pattern("root.t.d.b"), pattern("root.t.d.i")], 100, 100),
        Change::Delete(vec![pattern("root.t.**")], 101, i64::MAX),
        Change::Delete(vec![pattern("root.t.a.*")], i64::MIN, i64::MAX),
        Change::DeleteSeries(vec![pattern("root.t.n.z")]),
        Change::DeleteSeries(vec![pattern("root.w.**")]),
        Change::CreateDatabase("root.w".parse().expect("a path")),
        Change::DeleteDatabase("root.w".parse().expect("a path")),
        Change::Ttl(pattern("root.u"), Some(3_600_000)),
        Change::Ttl(pattern("root.w.**"), Some(1_000_000)),
        Change::Ttl(pattern("root.w.**"), None),
        Change::Implied,
        Change::Unknown(800),
        Change::Unknown(813),
    ] {
        assert!(all.contains(&change), "{change:?}: {all:#?}");
    }
    let made = all.iter().flat_map(|change| match change {
        Change::Series(new) => new.as_slice(),
        _ => &[],
    });
    let made: Vec<_> = made
        .map(|new| {
            let (series, schema) = (&new.series, &new.series.schema);
            format!(
                "{} {} {} {} {} {:?} {:?}",
                series.path(),
                series.aligned,
                schema.data_type,
                schema.encoding,
                schema.compressor,
                new.tags,
                new.attributes
            )
        })
        .collect();
    assert_eq!(
        made,
        [
            r#"root.t.n.z false DOUBLE GORILLA LZ4 [("k", "v")] [("a", "b")]"#,
            "root.t.n.al false FLOAT GORILLA LZ4 [] []",
            "root.t.a2.x true DOUBLE GORILLA LZ4 [] []",
            "root.t.a2.y true INT32 TS_2DIFF LZ4 [] []",
        ]
    );
}

/// All series of a tree, read one by one.
fn series(tree: Bytes, tags: Option<Bytes>, database: &str) -> Result<Vec<NewSeries>, WireError> {
    let (mut tree, mut all) = (SeriesTree::new(tree, tags, database.to_owned())?, Vec::new());
    loop {
        let found = tree.next(1)?;
        assert!(found.len() <= 1);
        if found.is_empty() {
            return Ok(all);
        }
        all.extend(found);
    }
}

#[test]
fn a_tree_may_not_be_deeper_nor_its_paths_longer_than_a_catalog_has_them() {
    let node = |put: Put, name: &str| put.i8(0).i32(1).text(name).i32(-1).i8(0);
    let nested = |depth: usize, name: &str| {
        let tree = (1..depth).fold(node(Put::default().i8(1), "root"), |put, _| node(put, name));
        let series = tree.i8(2).text("s").text("s").i8(DataType::Int32.code().cast_signed()).i8(0).i8(1);
        series.i32(0).i32(-1).i64(-1).i8(0).done()
    };
    let all = series(nested(64, "a"), None, "root.a").expect("a tree");
    assert_eq!(all[0].series.path().to_string(), format!("root{}.s", ".a".repeat(63)));
    assert_eq!(series(nested(65, "a"), None, "root.a"), Err(WireError::Depth(64)));
    let long = series(nested(3, &"a".repeat(40_000)), None, "root.a").expect_err("too long");
    assert!(long.to_string().contains("a path of 80006 bytes"), "{long}");
}

#[test]
fn measurements_that_are_not_there_stand_between_those_that_are() {
    let put = Put::default().text("root.a.d").i32(2).i8(1).i32(5);
    let put = put.i8(0).i8(1).schema("x", DataType::Int32).i8(0).i8(1).schema("y", DataType::Int32).i8(0);
    let put = put.i8(1).i64(1).i64(2);
    // Bits for the second and the fourth, and for one that is not there.
    let bits = |put: Put, bits| put.i8(1).i32(2).i32(1).i8(bits);
    let put = bits(bits(bits(put.i8(1), 0), 0b10).i8(0), 0b01).i8(0);
    let put = put.i8(1).i8(0).i8(1).i32(7).i32(8).i8(0).i8(1).i32(9).i32(10).i8(0).i8(0);
    assert_eq!(rows(&changes(3, put.done())), ["root.a.d [1, 2] x=7,- y=-,10"]);
}

#[test]
fn the_files_of_the_catalog_are_read() {
    let mut pieces = Vec::new();
    let (mut trees, mut made, mut lives) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, body) in recorded() {
        match read(kind, body).expect("readable").expect("known") {
            Step::Piece(piece) => pieces.push(piece),
            Step::Seal(seal) if seal.of != Sealed::Rows => {
                let named = |name: &str| {
                    let last = pieces.iter().rev().find(|piece| piece.file == name)?;
                    seal.files.iter().any(|(each, _)| each == name).then(|| last.bytes.clone())
                };
                let database = seal.parameters.iter().find(|(key, _)| key == "Database");
                let database = database.and_then(|(_, value)| value.as_deref()).unwrap_or_default();
                if let Some(tree) = named("mtree.snapshot") {
                    trees.extend(series(tree, named("tlog.txt.snapshot"), database).expect("a tree"));
                }
                made.extend(named("cluster_schema.bin").map(|bytes| databases(bytes).expect("databases")));
                lives.extend(named("ttl_info.bin").map(|bytes| ttls(bytes).expect("lives")));
            }
            _ => {}
        }
    }
    let names: Vec<_> =
        made.iter().map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>()).collect();
    assert_eq!(names, [vec!["root.t"], vec!["root.t", "root.u"]]);
    assert!(lives.iter().flatten().any(|(pattern, life)| pattern.to_string() == "root.**" && life.is_none()));
    let first: Vec<_> =
        trees[..3].iter().map(|new| (new.series.path().to_string(), new.series.aligned)).collect();
    let expected = [("root.t.a.x", true), ("root.t.a.y", true), ("root.t.d.b", false)];
    assert_eq!(first, expected.map(|(path, aligned)| (path.to_owned(), aligned)));
    let last = trees.last().expect("series");
    assert_eq!((last.series.path().to_string().as_str(), last.alias.as_deref()), ("root.w.d.q", Some("al")));
    assert_eq!(last.tags, [("k".to_owned(), "v".to_owned())]);
    assert_eq!(last.attributes, [("a".to_owned(), "b".to_owned())]);
}

#[test]
fn compressed_steps_say_by_what() {
    let codecs = recorded().into_iter().filter_map(|(kind, body)| match read(kind, body) {
        Ok(Some(Step::Packed(packed))) => {
            Some(packed.codecs.iter().map(|(codec, _)| *codec).collect::<Vec<_>>())
        }
        _ => None,
    });
    let codecs: Vec<_> = codecs.collect();
    assert!(codecs.contains(&vec![Codec::Snappy, Codec::Zstd]));
    assert!(codecs.contains(&vec![Codec::Gzip, Codec::Lz4, Codec::Lzma2]));
}

/// Bytes as 1.3 lays them out.
#[derive(Default)]
struct Put(BytesMut);

impl Put {
    fn text(mut self, text: &str) -> Self {
        self.0.put_i32(i32::try_from(text.len()).expect("short"));
        self.0.put_slice(text.as_bytes());
        self
    }

    fn i8(mut self, number: i8) -> Self {
        self.0.put_i8(number);
        self
    }

    fn i16(mut self, number: i16) -> Self {
        self.0.put_i16(number);
        self
    }

    fn i32(mut self, number: i32) -> Self {
        self.0.put_i32(number);
        self
    }

    fn i64(mut self, number: i64) -> Self {
        self.0.put_i64(number);
        self
    }

    /// A measurement with its schema: PLAIN, SNAPPY.
    fn schema(self, name: &str, data_type: DataType) -> Self {
        self.text(name).i8(data_type.code().cast_signed()).i8(0).i8(1).i32(0)
    }

    fn row(self, time: i64) -> Self {
        let put = self.i64(time).text("root.a.d").i32(3).i8(1);
        let put = put.schema("i", DataType::Int32).schema("t", DataType::Text).schema("n", DataType::Double);
        put.i8(1).i32(7).i8(5).text("x").i8(-2).i8(0).i8(0)
    }

    /// What begins an entry of a log: its kind, its memtable, its node's kind and its place.
    fn entry(self, kind: i8, node: i16) -> Self {
        self.i8(kind).i64(3).i16(node).i64(42)
    }

    fn logged_row(self, time: i64) -> Self {
        let put = self.i64(time).text("root.a.d").i32(3);
        let put = put.schema("i", DataType::Int32).schema("t", DataType::Text).schema("n", DataType::Double);
        put.i8(1).i32(7).i8(5).text("x").i8(-2).i8(0)
    }

    fn logged_tablet(self) -> Self {
        let put = self.entry(5, 13).text("root.a.d").i32(2);
        let put = put.schema("i", DataType::Int32).schema("b", DataType::Boolean);
        let put = put.i32(2).i64(1).i64(2).i8(1).i8(0).i8(1).i8(0b10);
        put.i32(7).i32(8).i8(1).i8(0).i8(1)
    }

    fn blob(mut self, bytes: &[u8]) -> Self {
        self.0.put_i32(i32::try_from(bytes.len()).expect("short"));
        self.0.put_slice(bytes);
        self
    }

    fn tablet_node(self) -> Self {
        let put = self.i16(13).text("root.a.d").i32(2).i8(0).text("i").text("b");
        let put = put.i8(1).i8(0).i32(2).i64(1).i64(2);
        // The second row of `b` is null.
        let put = put.i8(1).i8(0).i8(1).i8(0b10);
        put.i32(7).i32(8).i8(1).i8(0).i8(1)
    }

    /// What ends a node.
    fn end(self) -> Self {
        self.text("").i32(0)
    }

    fn tablet(self) -> Self {
        let put = self.text("root.a.d").i32(2).i8(1).i32(1).i8(1).schema("t", DataType::Text);
        let put = put.i8(1).i64(1).i64(2).i8(0);
        put.i8(1).i8(1).i8(1).text("x").i8(0).i8(0)
    }

    fn done(self) -> Bytes {
        self.0.freeze()
    }
}

#[test]
fn rows_of_1_3_are_read_as_nodes_as_tablets_and_in_batches() {
    let of = |kind, put: Put| rows(&changes(kind, put.done()));
    let row = |time| format!("root.a.d [{time}] i=7 t=x");
    assert_eq!(of(2, Put::default().i16(14).row(5).end()), [row(5)]);
    let two = Put::default().i16(15).i32(2).row(5).row(6).i32(0).i32(1).end();
    assert_eq!(of(2, two), [row(5), row(6)]);
    let tablet = "root.a.d aligned [1, 2] i=7,8 b=true,-";
    assert_eq!(of(2, Put::default().tablet_node().end()), [tablet]);
    assert_eq!(of(3, Put::default().tablet()), ["root.a.d [1, 2] t=x,-"]);
    let batch = Put::default().i32(0).i32(2).tablet_node().end().i16(14).row(5).end().i32(1).tablet();
    assert_eq!(of(6, batch), [tablet, &row(5), "root.a.d [1, 2] t=x,-"]);
    let path = |put: Put| put.i8(2).i32(3).text("root").text("a").text("**");
    let deletion = path(Put::default().i16(44).i32(1)).i64(3).i64(9).end();
    let pattern = PathPattern::parse("root.a.**").expect("a pattern");
    assert_eq!(changes(100, deletion.done()), [Change::Delete(vec![pattern.clone()], 3, 9)]);
    let sent = Put::default().i8(1).i64(4).text("root.a").i64(3).i64(9).text("root.a.**");
    assert_eq!(read_sent(sent.done()).expect("readable"), Sent::Delete(Change::Delete(vec![pattern], 3, 9)));
    let sent = Put::default().i8(0).i64(-1).text("").text("x.tsfile");
    assert_eq!(read_sent(sent.done()).expect("readable"), Sent::File("x.tsfile".to_owned()));
}

/// Entries of a log as 1.2 sends them: a row, rows, a tablet.
fn entries() -> [Bytes; 3] {
    [
        Put::default().entry(4, 14).logged_row(5).done(),
        Put::default().entry(8, 15).i32(2).logged_row(5).logged_row(6).done(),
        Put::default().logged_tablet().done(),
    ]
}

#[test]
fn entries_of_a_senders_log_are_read_alone_and_in_batches() {
    let row = |time: i64| format!("root.a.d [{time}] i=7 t=x");
    let tablet = "root.a.d aligned [1, 2] i=7,8 b=true,-".to_owned();
    let expected = [vec![row(5)], vec![row(5), row(6)], vec![tablet]];
    for (entry, expected) in entries().into_iter().zip(&expected) {
        assert_eq!(&rows(&changes(7, entry.clone())), expected);
        assert_eq!(&rows(&changes(12, Put::default().blob(&entry).text("root.a").done())), expected);
    }
    let [one, two, three] = entries();
    let batch = Put::default().i32(3).blob(&one).blob(&two).blob(&three).i32(1).tablet_node().end().i32(0);
    let all: Vec<_> = expected.iter().flatten().cloned().collect();
    let node = "root.a.d aligned [1, 2] i=7,8 b=true,-".to_owned();
    assert_eq!(rows(&changes(6, batch.done())), [all.clone(), vec![node]].concat());
    let named = Put::default().i32(1).blob(&two).i32(-1).i32(0).i32(0);
    assert_eq!(rows(&changes(13, named.done())), all[1..3]);
    // Only rows are sent so.
    let wrong = read(7, Put::default().entry(6, 44).i32(0).i64(1).i64(2).done()).expect_err("a deletion");
    assert!(wrong.to_string().contains("node in a log"), "{wrong}");
    let long = [one.as_ref(), &[0]].concat();
    assert!(read(7, long.into()).expect_err("too long").to_string().contains("1 bytes are left"));
}

#[test]
fn bodies_that_are_cut_off_or_changed_are_errors_and_no_panic() {
    let logged = entries().into_iter().map(|entry| (7, entry));
    for (kind, body) in recorded().into_iter().chain(logged) {
        let step = read(kind, body.clone()).expect("readable");
        assert!(step.is_some(), "{kind}");
        for length in 0..body.len().min(120) {
            drop(read(kind, body.slice(..length)));
            drop(series(body.slice(length..), Some(body.clone()), "root.a"));
            drop(databases(body.slice(length..)));
            drop(ttls(body.slice(length..)));
        }
        for at in 0..body.len().min(120) {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = body.to_vec();
                changed[at] = value;
                for kind in [kind, 2, 3, 6, 7, 12, 13, 100, 200] {
                    drop(read(kind, changed.clone().into()));
                }
            }
        }
    }
    assert_eq!(read(9_999, Bytes::new()), Ok(None));
}
