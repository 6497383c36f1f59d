//! `load`: TsFiles from elsewhere.

use std::path::Path;

use arrow_array::{BooleanArray, Float64Array, Int32Array, Int64Array};
use levada_model::{Compressor, DataType, Encoding, Path as DevicePath, SeriesSchema};
use levada_tsfile::{AlignedColumn, DeviceId, TsFileWriter, Version, WriterOptions};

use crate::store::{RECORDED, Store, done, rejection, rows};

/// A file with a plain and an aligned device, in small pages.
fn write(path: &Path, version: Version) {
    let options = WriterOptions::default().pages(2, 1 << 10);
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = TsFileWriter::new(file, version, options).expect("begun");
    let device = |text: &str| DevicePath::parse(text).expect("a path");
    writer.start_chunk_group(&device("root.far.plain")).expect("begun");
    let double = SeriesSchema::default_for(DataType::Double);
    for times in [[1_i64, 2, 3], [4, 5, 6]] {
        let values = Float64Array::from(times.map(|time| time as f64 / 2.0).to_vec());
        writer.write_series("s", double, &times, &values).expect("written");
    }
    writer.start_chunk_group(&device("root.far.aligned")).expect("begun");
    let (b, i) =
        (BooleanArray::from(vec![Some(true), None, None]), Int32Array::from(vec![Some(7), None, Some(9)]));
    let columns = [
        AlignedColumn { measurement: "b", schema: SeriesSchema::default_for(DataType::Boolean), values: &b },
        AlignedColumn { measurement: "i", schema: SeriesSchema::default_for(DataType::Int32), values: &i },
    ];
    writer.write_aligned(&[10, 20, 30], &columns).expect("written");
    writer.finish().expect("finished");
}

#[tokio::test]
async fn rows_of_both_versions_are_stored() {
    for version in [Version::V3, Version::V4] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("1-1-0-0.tsfile");
        write(&path, version);
        let store = Store::open();
        let session = store.session();
        done(&session, &format!("load '{}' sglevel=1, verify=true, onSuccess=none", path.display())).await;
        assert_eq!(
            rows(&session, "select s from root.far.plain").await,
            ["1,0.5", "2,1.0", "3,1.5", "4,2.0", "5,2.5", "6,3.0"]
        );
        assert_eq!(rows(&session, "select b, i from root.far.aligned").await, ["10,true,7", "30,-,9"]);
        assert_eq!(rows(&session, "count devices root.far.*").await, ["2"]);
        assert!(path.exists());
        // A folder as well, and files go where that is asked for.
        done(&session, &format!("load '{}' onSuccess=delete", folder.path().display())).await;
        assert!(!path.exists());
        assert_eq!(rows(&session, "select count(s) from root.far.plain").await, ["6"]);
    }
}

#[tokio::test]
async fn deletions_beside_an_older_file_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("1-1-0-0.tsfile");
    write(&path, Version::V3);
    let mods = "DELETION,root.far.plain.s,9223372036854775807,2,4\nDELETION,root.far.aligned.i,9223372036854775807,30,30\n";
    std::fs::write(folder.path().join("1-1-0-0.tsfile.mods"), mods).expect("written");
    let store = Store::open();
    let session = store.session();
    done(&session, &format!("load '{}'", path.display())).await;
    assert_eq!(rows(&session, "select s from root.far.plain").await, ["1,0.5", "5,2.5", "6,3.0"]);
    assert_eq!(rows(&session, "select b, i from root.far.aligned").await, ["10,true,7"]);
}

/// A file without compression, of which values can be changed where they stand: two plain series and an aligned one.
fn write_plain_bytes(path: &Path, pages: usize) -> Vec<u8> {
    let options = WriterOptions::default().pages(pages, 1 << 20);
    let mut writer = TsFileWriter::new(Vec::new(), Version::V4, options).expect("begun");
    let schema = SeriesSchema {
        data_type: DataType::Int64,
        encoding: Encoding::Plain,
        compressor: Compressor::Uncompressed,
    };
    let values = |base: i64| Int64Array::from((0..4).map(|row| base + row).collect::<Vec<_>>());
    let device = |text: &str| DevicePath::parse(text).expect("a path");
    writer.start_chunk_group(&device("root.far.plain")).expect("begun");
    for (name, base) in [("s", 0x1111_1110), ("t", 0x2222_2220)] {
        writer.write_series(name, schema, &[1, 2, 3, 4], &values(base)).expect("written");
    }
    writer.start_chunk_group(&device("root.far.aligned")).expect("begun");
    let values = values(0x3333_3330);
    let columns = [AlignedColumn { measurement: "a", schema, values: &values }];
    writer.write_aligned(&[1, 2, 3, 4], &columns).expect("written");
    let (bytes, _) = writer.finish().expect("finished");
    std::fs::write(path, &bytes).expect("written");
    bytes
}

/// Where a value stands in its chunk: the first place, statistics come before it only with many pages.
fn places(bytes: &[u8], value: i64) -> Vec<usize> {
    let wanted = value.to_be_bytes();
    (0..bytes.len() - 8).filter(|at| bytes[*at..at + 8] == wanted).collect()
}

#[tokio::test]
async fn a_flipped_value_is_an_error_that_names_chunk_and_page() {
    // One page has the statistics of the index alone, several have their own.
    for (pages, page) in [(100, "page 0"), (2, "page 1")] {
        for (value, series, left) in [
            (0x1111_1112, "root.far.plain.s", "select count(t) from root.far.plain"),
            (0x2222_2222, "root.far.plain.t", "select count(s) from root.far.plain"),
            (0x3333_3332, "root.far.aligned.a", "select count(s) from root.far.plain"),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("flip.tsfile");
            let bytes = write_plain_bytes(&path, pages);
            // A value in the middle of a chunk of one page stands there alone; of two pages it is the first of the second.
            for at in places(&bytes, value) {
                for bit in [1, 0x40] {
                    let mut flipped = bytes.clone();
                    flipped[at + 3] ^= bit;
                    std::fs::write(&path, &flipped).expect("written");
                    let store = Store::open();
                    let session = store.session();
                    let load = format!("load '{}'", path.display());
                    let (code, message) = rejection(&session, &load).await;
                    assert_eq!(code, 1100, "{message}");
                    assert!(message.contains(series) && message.contains("flip.tsfile, byte"), "{message}");
                    assert!(message.contains(page) || message.contains("it holds other"), "{message}");
                    assert_eq!(rows(&session, "count timeseries").await, ["0"], "nothing is stored");
                    done(&session, &format!("{load} with ('on-damage'='skip')")).await;
                    assert_eq!(rows(&session, left).await, ["4"], "what is sound is stored");
                    assert_eq!(rows(&session, &format!("count timeseries {series}")).await, ["0"]);
                }
            }
        }
    }
}

#[tokio::test]
async fn values_that_changed_places_are_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("swapped.tsfile");
    let bytes = write_plain_bytes(&path, 100);
    let value = |at: i64| 0x1111_1110 + at;
    // The sum, the least and the greatest value stay what they were.
    for (one, other) in [(0, 1), (2, 3)] {
        let mut swapped = bytes.clone();
        let (one_at, other_at) = (places(&bytes, value(one)), places(&bytes, value(other)));
        let mut pair = one_at.iter().flat_map(|a| other_at.iter().map(move |b| (*a, *b)));
        let (one_at, other_at) = pair.find(|(a, b)| b.checked_sub(*a) == Some(8)).expect("neighbours");
        swapped[one_at..one_at + 8].copy_from_slice(&value(other).to_be_bytes());
        swapped[other_at..other_at + 8].copy_from_slice(&value(one).to_be_bytes());
        std::fs::write(&path, &swapped).expect("written");
        let store = Store::open();
        let session = store.session();
        let (code, message) = rejection(&session, &format!("load '{}'", path.display())).await;
        assert!(code == 1100 && message.contains("root.far.plain.s"), "{code} {message}");
        assert_eq!(rows(&session, "count timeseries").await, ["0"], "nothing is stored");
    }
}

#[tokio::test]
async fn a_file_whose_foot_is_damaged_is_rejected_and_one_that_was_not_finished_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("foot.tsfile");
    let bytes = write_plain_bytes(&path, 100);
    // The size of the metadata stands before the last magic: without it there is no index, and nothing that tells of a changed value.
    let mut damaged = bytes.clone();
    let size_at = bytes.len() - 10;
    damaged[size_at..size_at + 4].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
    std::fs::write(&path, &damaged).expect("written");
    let store = Store::open();
    let session = store.session();
    let load = format!("load '{}'", path.display());
    let (code, message) = rejection(&session, &load).await;
    assert!(code == 1100 && message.contains("foot: the end of the file cannot be read"), "{code} {message}");
    assert_eq!(rows(&session, "count timeseries").await, ["0"], "nothing is stored");
    done(&session, &format!("{load} with ('on-damage'='skip')")).await;
    assert_eq!(rows(&session, "select count(s) from root.far.plain").await, ["4"]);
    // A server was killed while it wrote this one.
    std::fs::write(&path, &bytes[..bytes.len() - 20]).expect("written");
    let store = Store::open();
    let session = store.session();
    done(&session, &load).await;
    assert_eq!(rows(&session, "select count(s) from root.far.plain").await, ["4"]);
}

#[tokio::test]
async fn what_cannot_be_loaded_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.tsfile");
    let store = Store::open();
    let session = store.session();
    let load = format!("load '{}'", path.display());
    let (code, message) = rejection(&session, &load).await;
    assert!(code == 1100 && message.contains("x.tsfile"), "{code} {message}");
    // A server that runs has files that it has begun.
    for begun in ["", "TsFil"] {
        std::fs::write(&path, begun).expect("written");
        done(&session, &load).await;
    }
    std::fs::write(&path, "no TsFile at all").expect("written");
    let (code, message) = rejection(&session, &load).await;
    assert!(code == 1100 && message.contains("not a TsFile"), "{code} {message}");
    write(&path, Version::V4);
    let (code, _) = rejection(&session, &format!("{load} verify=perhaps")).await;
    assert_eq!(code, 701);
    done(&session, "create timeseries root.far.plain.s TEXT").await;
    let (code, message) = rejection(&session, &load).await;
    assert!(code == 1100 && message.contains("measurement s"), "{code} {message}");
    // All else of the file is there.
    assert_eq!(rows(&session, "select i from root.far.aligned").await, ["10,7", "30,9"]);
}

#[tokio::test]
async fn series_that_are_made_keep_what_the_file_has_and_others_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("1-1-0-0.tsfile");
    let schema = |encoding, compressor| SeriesSchema { data_type: DataType::Double, encoding, compressor };
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = TsFileWriter::new(file, Version::V4, WriterOptions::default()).expect("begun");
    let values = Float64Array::from(vec![1.5, 2.5]);
    writer.start_chunk_group(&DevicePath::parse("root.far.plain").expect("a path")).expect("begun");
    for (name, schema) in [
        ("chimp", schema(Encoding::Chimp, Compressor::Zstd)),
        ("known", schema(Encoding::Gorilla, Compressor::Snappy)),
        ("plain", schema(Encoding::Plain, Compressor::Uncompressed)),
    ] {
        writer.write_series(name, schema, &[1, 2], &values).expect("written");
    }
    writer.start_chunk_group(&DevicePath::parse("root.far.aligned").expect("a path")).expect("begun");
    let column = AlignedColumn {
        measurement: "g",
        schema: schema(Encoding::Gorilla, Compressor::Gzip),
        values: &values,
    };
    writer.write_aligned(&[1, 2], &[column]).expect("written");
    writer.finish().expect("finished");
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.far.plain.known DOUBLE encoding=RLE compressor=LZ4").await;
    done(&session, &format!("load '{}'", path.display())).await;
    let shown = rows(&session, "show timeseries root.far.**").await.join("\n");
    for (name, encoding, compressor) in [
        ("plain.chimp", "CHIMP", "ZSTD"),
        ("plain.known", "RLE", "LZ4"),
        ("plain.plain", "PLAIN", "UNCOMPRESSED"),
        ("aligned.g", "GORILLA", "GZIP"),
    ] {
        let line = shown.lines().find(|line| line.starts_with(&format!("root.far.{name}"))).expect("shown");
        assert!(line.contains(&format!(",{encoding},{compressor},")), "{line}");
    }
    assert_eq!(
        rows(&session, "select chimp, known, plain from root.far.plain").await,
        ["1,1.5,1.5,1.5", "2,2.5,2.5,2.5"]
    );
    assert_eq!(rows(&session, "show devices root.far.*").await.len(), 2);
}

#[tokio::test]
async fn deletions_of_newer_servers_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("1-1-0-0.tsfile");
    write(&path, Version::V4);
    let mut records = Vec::new();
    for (start, end, pattern) in [(2_i64, 4_i64, "root.far.plain.s"), (i64::MIN, 10, "root.*.aligned.**")] {
        records.push(1);
        records.extend_from_slice(&start.to_be_bytes());
        records.extend_from_slice(&end.to_be_bytes());
        records.push(2 * pattern.len() as u8);
        records.extend_from_slice(pattern.as_bytes());
    }
    std::fs::write(folder.path().join("1-1-0-0.tsfile.mods2"), records).expect("written");
    let store = Store::open();
    let session = store.session();
    done(&session, &format!("load '{}' onSuccess=delete", path.display())).await;
    assert_eq!(rows(&session, "select s from root.far.plain").await, ["1,0.5", "5,2.5", "6,3.0"]);
    // Of a series of which nothing is left nothing is made.
    assert_eq!(rows(&session, "select b, i from root.far.aligned").await, ["30,9"]);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_told_before_a_row_that_has_lived_its_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("1-1-0-0.tsfile");
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = TsFileWriter::new(file, Version::V4, WriterOptions::default()).expect("begun");
    writer.start_chunk_group(&DevicePath::parse("root.far.plain").expect("a path")).expect("begun");
    let values = Float64Array::from(vec![0.5, 1.5]);
    let schema = SeriesSchema::default_for(DataType::Double);
    writer.write_series("s", schema, &[1, RECORDED], &values).expect("written");
    writer.finish().expect("finished");
    let store = Store::open();
    let session = store.session();
    done(&session, "create timeseries root.far.plain.s TEXT").await;
    done(&session, "set ttl to root.far.** 1000").await;
    let load = format!("load '{}'", path.display());
    let (code, message) = rejection(&session, &load).await;
    assert!(code == 1100 && message.contains("measurement s"), "{code} {message}");
    // Where nothing else is wrong, that is told.
    done(&session, "delete timeseries root.far.plain.s").await;
    let (code, message) = rejection(&session, &load).await;
    assert!(code == 1100 && message.contains("insertion time [1] is less"), "{code} {message}");
    assert_eq!(rows(&session, "select s from root.far.plain").await, [format!("{RECORDED},1.5")]);
}

#[tokio::test]
async fn names_are_taken_as_they_are_also_in_what_was_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("1-1-0-0.tsfile");
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = TsFileWriter::new(file, Version::V3, WriterOptions::default()).expect("begun");
    for device in ["a-b", "größe", "тест"] {
        writer.start_chunk_group(DeviceId::from_segments([Some("root.far"), Some(device)])).expect("begun");
        let values = Float64Array::from(vec![0.5, 1.5, 2.5]);
        let schema = SeriesSchema::default_for(DataType::Double);
        writer.write_series("s", schema, &[1, 2, 3], &values).expect("written");
    }
    writer.finish().expect("finished");
    let mods = "DELETION,root.far.a-b.s,9223372036854775807,2,2\nDELETION,root.far.`тест`.*,9223372036854775807,3,3\n";
    std::fs::write(folder.path().join("1-1-0-0.tsfile.mods"), mods).expect("written");
    let store = Store::open();
    let session = store.session();
    done(&session, &format!("load '{}'", path.display())).await;
    assert_eq!(rows(&session, "select s from root.far.`a-b`").await, ["1,0.5", "3,2.5"]);
    assert_eq!(rows(&session, "select s from root.far.`größe`").await, ["1,0.5", "2,1.5", "3,2.5"]);
    assert_eq!(rows(&session, "select s from root.far.`тест`").await, ["1,0.5", "2,1.5"]);
}
