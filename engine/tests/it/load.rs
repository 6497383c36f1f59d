//! `load`: TsFiles from elsewhere.

use std::path::Path;

use arrow_array::{BooleanArray, Float64Array, Int32Array};
use levada_model::{DataType, Path as DevicePath, SeriesSchema};
use levada_tsfile::{AlignedColumn, TsFileWriter, Version, WriterOptions};

use crate::store::{Store, done, refusal, rows};

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

#[tokio::test]
async fn what_cannot_be_loaded_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.tsfile");
    let store = Store::open();
    let session = store.session();
    let load = format!("load '{}'", path.display());
    let (code, message) = refusal(&session, &load).await;
    assert!(code == 1100 && message.contains("x.tsfile"), "{code} {message}");
    std::fs::write(&path, "no TsFile at all").expect("written");
    let (code, message) = refusal(&session, &load).await;
    assert!(code == 1100 && message.contains("not a TsFile"), "{code} {message}");
    write(&path, Version::V4);
    let (code, _) = refusal(&session, &format!("{load} verify=perhaps")).await;
    assert_eq!(code, 701);
    done(&session, "create timeseries root.far.plain.s TEXT").await;
    let (code, message) = refusal(&session, &load).await;
    assert!(code == 1100 && message.contains("measurement s"), "{code} {message}");
    // All else of the file is there.
    assert_eq!(rows(&session, "select i from root.far.aligned").await, ["10,7", "30,9"]);
}
