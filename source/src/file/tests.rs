use std::io::Write;

use levada_connector_api::{DecoderType, ErrorKind, Options};
use serde_json::json;

use super::*;
use crate::decode::{CsvDecoder, JsonDecoder};

mod changes;

/// A source that remembers nothing of other sources.
fn source<D: DecoderType>(paths: serde_json::Value) -> Box<dyn Source> {
    let state = tempfile::tempdir().expect("a folder");
    source_with::<D>(json!({"paths": paths}), state.path())
}

fn source_with<D: DecoderType>(options: serde_json::Value, state: &std::path::Path) -> Box<dyn Source> {
    let mut context = BuildContext::new("p", "files");
    context.state_dir = state.to_owned();
    let decode = D::Options::read(json!({})).expect("no options needed");
    context.decoder = Some(D::build(decode, &context).expect("a decoder"));
    let options = serde_json::from_value(options).expect("options that fit");
    assert_eq!(FileSource::check(&options), []);
    FileSource::build(options, &context).expect("options that work")
}

async fn all(source: &mut Box<dyn Source>, stored: &Checkpoint) -> Result<Batch> {
    source.connect(stored).await?;
    let mut all = Batch::default();
    while let Some(batch) = source.next().await? {
        for range in &batch.positions {
            let before =
                all.positions.iter().find(|each| each.split == range.split).map(|each| each.range.end);
            let before = before.or_else(|| stored.get(&range.split).copied());
            assert_eq!(range.range.start, before.unwrap_or(0));
        }
        all.append(batch);
    }
    source.close().await?;
    Ok(all)
}

fn json_line(n: usize) -> String {
    format!("{{\"device\":\"d\",\"time\":{},\"n\":{n}}}\n", 1_700_000_000_000 + n as i64)
}

#[tokio::test]
async fn files_of_a_pattern_are_read_and_gone_on_with() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("sub")).expect("a folder");
    let text: String = (0..25_000).map(json_line).collect();
    std::fs::write(folder.path().join("a.jsonl"), text.trim_end()).expect("written");
    std::fs::write(folder.path().join("sub/b.jsonl"), format!("\n{}broken\n\n", json_line(0)))
        .expect("written");
    std::fs::write(folder.path().join("c.txt"), "not this one").expect("written");
    let pattern = json!(format!("{}/**/*.jsonl", folder.path().display()));
    let batch = all(&mut source::<JsonDecoder>(pattern.clone()), &Checkpoint::new()).await.expect("read");
    assert_eq!((batch.rows(), batch.rejected.len()), (25_001, 1));
    assert_eq!(batch.rejected[0].record.bytes(), b"broken");

    let mut source = source::<JsonDecoder>(pattern);
    let first = {
        source.connect(&Checkpoint::new()).await.expect("connected");
        source.next().await.expect("a batch").expect("not the end")
    };
    let stored = first.positions.iter().map(|each| (each.split.clone(), each.range.end)).collect();
    source.close().await.expect("closed");
    let rest = all(&mut source_again(&folder), &stored).await.expect("read");
    assert_eq!(first.rows() + rest.rows(), 25_001);
}

fn source_again(folder: &tempfile::TempDir) -> Box<dyn Source> {
    source::<JsonDecoder>(json!([format!("{}/**/*.jsonl", folder.path().display())]))
}

#[tokio::test]
async fn a_header_is_read_again_where_reading_goes_on_and_gzip_is_unpacked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.csv.gz");
    let head = "time,device,n(INT32)\n1700000000000,d,1\n";
    let mut packed = flate2::write::GzEncoder::new(
        std::fs::File::create(&path).expect("a file"),
        flate2::Compression::fast(),
    );
    packed.write_all(format!("{head}1700000000001,d,2\n1700000000002,d,3").as_bytes()).expect("written");
    packed.finish().expect("written");
    let paths = json!(path);
    let whole = all(&mut source::<CsvDecoder>(paths.clone()), &Checkpoint::new()).await.expect("read");
    assert_eq!(whole.rows(), 3);
    let split = whole.positions[0].split.clone();
    let stored = Checkpoint::from([(split.clone(), head.len() as u64)]);
    assert_eq!(all(&mut source::<CsvDecoder>(paths.clone()), &stored).await.expect("read").rows(), 2);
    // A position that cannot be this file's: it is another, and is read from its start.
    let stored = Checkpoint::from([(split, 9_999)]);
    assert_eq!(all(&mut source::<CsvDecoder>(paths), &stored).await.expect("read").rows(), 3);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_an_error() {
    for pattern in ["/nowhere/at/all.jsonl", "/nowhere/*.jsonl", "/etc/*.no-such-file"] {
        let error =
            all(&mut source::<JsonDecoder>(json!(pattern)), &Checkpoint::new()).await.expect_err(pattern);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}

#[test]
fn paths_that_cannot_be_files_are_named_before_anything_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path().display();
    for (path, reason) in [
        ("/".to_owned(), "`/` is a folder: name its files, as in /*".to_owned()),
        (here.to_string(), format!("`{here}` is a folder: name its files, as in {here}/*")),
        ("in/".to_owned(), "`in/` is a folder: name its files, as in in/*".to_owned()),
        ("a\0b".to_owned(), "the path has a NUL character in it, which no name can have".to_owned()),
        (String::new(), "the path is empty".to_owned()),
    ] {
        let options = serde_json::from_value(json!({"paths": ["in/*", path]})).expect("options that fit");
        assert_eq!(FileSource::check(&options), [Problem::new("paths[1]", reason)]);
    }
}
