//! Objects that a pipeline put are read back by `levada import`, and the example of a bucket is right.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::command::Workplace;

/// The files below a folder but the log's, in order.
fn objects(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true if path.ends_with("_levada") => {}
            true => all.extend(objects(&path)),
            false => all.push(path),
        }
    }
    all.sort();
    all
}

#[test]
fn objects_are_imported_again() {
    let mut ends = vec!["jsonl", "csv", "tsfile"];
    if cfg!(feature = "parquet") {
        ends.push("parquet");
    }
    for end in ends {
        let workplace = Workplace::new();
        let rows = "time,device,a,b\n1000,root.p.d1,1,x\n2000,root.p.d1,2,y\n1000,root.p.d2,3,\n3000,root.p.d1,4,z\n";
        workplace.write("in.csv", rows);
        let out = workplace.path("out").display().to_string();
        // The long form, a value a line, is for pipelines to read.
        let form = if end == "csv" { ", form: wide" } else { "" };
        let pipeline = format!(
            "name: p\nsources: {{f: {{file: {{paths: [in.csv]}}, decode: {{csv: {{device: device, time: time}}}}}}}}\n\
                sinks:\n  o:\n    inputs: [f]\n    batch: {{rows: 2}}\n    object_store: {{url: \"file://{out}/{{device}}.{end}\"{form}}}\n"
        );
        workplace.write("p.yaml", &pipeline);
        workplace.run(&["run", "p.yaml"]).ok();
        // All is in the bucket: a second run has nothing to put.
        let first = objects(&workplace.path("out"));
        workplace.run(&["run", "p.yaml"]).ok();
        assert_eq!(objects(&workplace.path("out")), first, "{end}");
        assert!(first.len() >= 2, "{first:?}");
        for object in &first {
            workplace.run(&["import", &object.display().to_string(), "--data", "copy"]).ok();
        }
        let shown = workplace.sql("copy", "select count(a), count(b), sum(a) from root.p.* align by device");
        for row in [["root.p.d1", "3", "3", "7.0"], ["root.p.d2", "1", "0", "3.0"]] {
            let line = shown.lines().find(|line| line.contains(row[0])).unwrap_or_default();
            let found = row.iter().all(|cell| line.contains(cell));
            assert!(found, "{end}: {shown}");
        }
    }
}

#[test]
fn the_example_of_a_bucket_is_right() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/iotdb-to-s3/pipeline.yaml");
    let mut workplace = Workplace::new();
    for out in ["s3://plant/prefix", "file:///var/out"] {
        workplace.env("OUT", out);
        workplace.run(&["lint", example]).ok();
    }
    workplace.env("OUT", "plant");
    let rejected = workplace.run(&["lint", example]);
    assert!(
        rejected.code != Some(0) && rejected.stderr.contains("is no URL of a bucket"),
        "{}",
        rejected.stderr
    );
}
