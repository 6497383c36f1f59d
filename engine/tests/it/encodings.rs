//! How series are stored, changed while they have rows.

use std::path::Path;

use levada_tsfile::TsFileReader;

use crate::store::{Store, done, rejection, rows};

/// The encoding and compression of each chunk of a measurement, file by file.
fn chunks(folder: &Path, measurement: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "tsfile") {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let reader = TsFileReader::open(std::fs::File::open(file).expect("a file")).expect("a TsFile");
        let mut metas = Vec::new();
        reader.for_each_device(|device| metas.extend(device.series)).expect("read");
        for meta in metas.iter().filter(|meta| *meta.measurement == *measurement) {
            for chunk in &meta.chunks {
                let chunk = reader.read_chunk(chunk).expect("a chunk");
                found.push(format!("{} {}", chunk.header().encoding, chunk.header().compressor));
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn new_chunks_are_in_the_new_encoding_and_old_ones_are_read() {
    let mut store = Store::open();
    let session = store.session();
    for sql in [
        "create timeseries root.e.d.s with datatype=INT32, encoding=RLE, compressor=SNAPPY",
        "create aligned timeseries root.e.al(s INT32 encoding=RLE compressor=SNAPPY)",
        "insert into root.e.d(time, s) values (1, 10), (2, 20)",
        "insert into root.e.al(time, s) values (1, 10), (2, 20)",
        "flush",
        "alter timeseries root.e.** set storage_properties encoding=PLAIN, compressor=GZIP",
        "insert into root.e.d(time, s) values (3, 30)",
        "insert into root.e.al(time, s) values (3, 30)",
        "flush",
    ] {
        done(&session, sql).await;
    }
    let both = ["RLE SNAPPY", "RLE SNAPPY", "PLAIN GZIP", "PLAIN GZIP"];
    assert_eq!(chunks(&store.data(), "s"), both);
    let shown = rows(&session, "show timeseries root.e.**").await;
    assert!(shown.iter().all(|row| row.contains(",INT32,PLAIN,GZIP,")), "{shown:?}");
    let all = ["1,10,10", "2,20,20", "3,30,30"];
    assert_eq!(rows(&session, "select d.s, al.s from root.e").await, all);
    drop(session);
    for _ in 0..2 {
        store.reopen();
        let session = store.session();
        let shown = rows(&session, "show timeseries root.e.**").await;
        assert!(shown.iter().all(|row| row.contains(",INT32,PLAIN,GZIP,")), "{shown:?}");
        assert_eq!(rows(&session, "select d.s, al.s from root.e").await, all);
        // Small chunks are put together, in the encoding of now.
        done(&session, "full merge").await;
        drop(session);
    }
    let session = store.session();
    assert_eq!(rows(&session, "select d.s, al.s from root.e").await, all);
    let merged = chunks(&store.data(), "s");
    assert!(!merged.is_empty() && merged.iter().all(|chunk| chunk == "PLAIN GZIP"), "{merged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_changes_nothing() {
    let store = Store::open();
    let session = store.session();
    for sql in [
        "create timeseries root.e.d.s with datatype=INT32, encoding=RLE, compressor=SNAPPY",
        "create timeseries root.e.d.t with datatype=TEXT, encoding=PLAIN, compressor=SNAPPY",
        "create device template tpl (x INT32)",
        "set device template tpl to root.e.g",
        "create timeseries using device template on root.e.g",
    ] {
        done(&session, sql).await;
    }
    let before = rows(&session, "show timeseries root.e.**").await;
    for (sql, code, words) in [
        (
            "alter timeseries root set storage_properties encoding=PLAIN",
            701,
            "The timeSeries shall not be root.",
        ),
        (
            "alter timeseries root.none.** set STORAGE_PROPERTIES encoding=PLAIN",
            508,
            "Timeseries [root.none.**] does not exist or is represented by device template",
        ),
        ("alter timeseries root.e.g.x set storage_properties encoding=PLAIN", 508, "device template"),
        (
            "alter timeseries if exists root.e.** set storage_properties encoding=aaa",
            701,
            "Unsupported encoding: AAA",
        ),
        (
            "alter timeseries root.e.** set storage_properties compressor=aaa",
            701,
            "Unsupported compressor: AAA",
        ),
        (
            "alter timeseries root.e.** set storage_properties falseKey=aaa",
            701,
            "property falsekey is unsupported yet.",
        ),
        (
            "alter timeseries root.e.** set storage_properties encoding=RLE",
            507,
            "encoding RLE does not support TEXT",
        ),
        ("alter timeseries root.e.d.s, root.e.d.t set storage_properties", 700, ""),
        ("alter timeseries root.e.d.s, root.e.d.t add tags a=b", 700, ""),
        ("alter timeseries if exists root.e.d.s add tags a=b", 700, ""),
    ] {
        let (found, message) = rejection(&session, sql).await;
        assert!(found == code && message.contains(words), "{sql}: {found} {message}");
    }
    done(&session, "alter timeseries if exists root.none.** set storage_properties encoding=PLAIN").await;
    assert_eq!(rows(&session, "show timeseries root.e.**").await, before);
    done(&session, "alter timeseries root.e.d.s, root.e.d.t set storage_properties compression=ZSTD").await;
    assert!(rows(&session, "show timeseries root.e.d.t").await[0].contains(",TEXT,PLAIN,ZSTD,"));
    assert!(rows(&session, "show timeseries root.e.d.s").await[0].contains(",INT32,RLE,ZSTD,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_changed_is_left_out_where_that_is_asked_for() {
    use levada_model::{Login, SessionOptions};
    let store = Store::open();
    let root = store.session();
    for sql in [
        "create timeseries root.e.d.a with datatype=INT32, encoding=RLE, compressor=SNAPPY",
        "create timeseries root.e.d.b with datatype=INT32, encoding=RLE, compressor=SNAPPY",
        "create user amyuser 'secret12'",
        "grant write on root.e.d.a to user amyuser",
    ] {
        done(&root, sql).await;
    }
    let login = Some(Login { user: "amyuser".to_owned(), password: "secret12".to_owned() });
    let amy = store.engine().open_session(SessionOptions { login, ..SessionOptions::default() }).await;
    let amy = amy.expect("a user");
    let (code, message) =
        rejection(&amy, "alter timeseries root.e.** set storage_properties encoding=PLAIN").await;
    assert!(code == 803 && message.contains("WRITE_SCHEMA on [root.e.**]"), "{message}");
    done(&amy, "alter timeseries if permitted root.e.** set storage_properties encoding=GORILLA").await;
    done(&amy, "alter timeseries if permitted root.none.** set storage_properties encoding=GORILLA").await;
    assert!(rows(&root, "show timeseries root.e.d.a").await[0].contains(",GORILLA,"));
    assert!(rows(&root, "show timeseries root.e.d.b").await[0].contains(",RLE,"));
}
