//! Data folders and files: checked, repaired, imported, exported.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::command::Workplace;

const COUNT: &str = "select count(*) from root.plant.** align by device";

/// A folder with readings in several sealed files and in the log.
fn with_readings() -> Workplace {
    let workplace = Workplace::new();
    for (name, rows) in [("one", 2_000), ("two", 3_000)] {
        workplace.write(
            &format!("{name}.yaml"),
            &format!(
                "name: {name}\nsources:\n  plant:\n    sensor: {{devices: 3, rows: {rows}, device: \"{name}.d{{n}}\", start: 2026-05-01T00:00:00Z}}\nsinks:\n  store:\n    inputs: [plant]\n    iotdb: {{embedded: data, database: root.plant}}\n"
            ),
        );
        workplace.run(&["run", &format!("{name}.yaml"), "--quiet"]).ok();
        workplace.run(&["sql", "--data", "data", "-e", "flush"]).ok();
    }
    sql(&workplace, "data", "insert into root.plant.late(time, s) values (1, 1.5), (2, 2.5)");
    workplace
}

fn sql(workplace: &Workplace, data: &str, statement: &str) -> String {
    workplace.run(&["sql", "--data", data, "--zone", "UTC", "--format", "csv", "-e", statement]).ok()
}

/// All files below a folder with an extension, by path.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn flip(path: &Path, at: impl FnOnce(usize) -> usize) {
    let mut bytes = fs::read(path).expect("readable");
    let at = at(bytes.len());
    bytes[at] ^= 0x10;
    fs::write(path, bytes).expect("writable");
}

#[test]
fn a_sound_folder_has_no_findings() {
    let workplace = with_readings();
    let checked = workplace.run(&["fsck", "data"]).ok();
    assert_eq!(checked, "data is sound\n");
    let json = workplace.run(&["fsck", "data", "--format", "json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["clean"], json["findings"].as_array().map(Vec::len)), (&true.into(), Some(0)));
    // What is no data folder is not made one.
    fs::create_dir(workplace.path("other")).expect("made");
    assert_eq!(workplace.run(&["fsck", "other"]).code, Some(3));
    assert_eq!(fs::read_dir(workplace.path("other")).expect("there").count(), 0);
}

#[test]
fn a_damaged_file_is_found_and_all_else_kept() {
    let workplace = with_readings();
    let counted = sql(&workplace, "data", COUNT);
    assert_eq!(counted.lines().count(), 8, "{counted}");
    let sealed = files(&workplace.path("data/data"), "tsfile");
    assert!(sealed.len() > 1, "{sealed:?}");
    flip(&sealed[0], |length| length / 3);
    let name = sealed[0].file_name().expect("a name").to_string_lossy().into_owned();
    let found = workplace.run(&["fsck", "data"]);
    assert_eq!(found.code, Some(1), "{}", found.stdout);
    assert!(found.stdout.contains(&name) && found.stdout.contains("byte"), "{}", found.stdout);
    let repaired = workplace.run(&["fsck", "data", "--repair"]).ok();
    assert!(repaired.contains("kept") && repaired.contains("data/lost"), "{repaired}");
    assert_eq!(workplace.run(&["fsck", "data"]).ok(), "data is sound\n");
    let kept = sql(&workplace, "data", COUNT);
    assert!(kept.contains("root.plant.late,2"), "{kept}");
    // Devices of the other files are as they were.
    let of_two = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("two")).map(str::to_owned).collect()
    };
    assert_eq!(of_two(&kept), of_two(&counted));
}

#[test]
fn a_damaged_log_is_found_and_what_is_readable_kept() {
    let workplace = with_readings();
    let logs = files(&workplace.path("data/wal"), "wal");
    let log = logs.iter().max_by_key(|path| fs::metadata(path).map_or(0, |meta| meta.len())).expect("a log");
    // The last record but a few bytes: rows of `late`.
    flip(log, |length| length - 8);
    let found = workplace.run(&["fsck", "data"]);
    assert_eq!(found.code, Some(1), "{}", found.stdout);
    assert!(found.stdout.contains(".wal, byte "), "{}", found.stdout);
    let repaired = workplace.run(&["fsck", "data", "--repair"]).ok();
    assert!(repaired.contains("data is repaired"), "{repaired}");
    assert_eq!(workplace.run(&["fsck", "data"]).ok(), "data is sound\n");
    let kept = sql(&workplace, "data", COUNT);
    assert!(kept.contains("two"), "{kept}");
}

#[test]
fn a_file_that_was_cut_off_is_repaired_by_itself() {
    let workplace = with_readings();
    let sealed = files(&workplace.path("data/data"), "tsfile");
    let bytes = fs::read(&sealed[0]).expect("readable");
    let path = workplace.path("cut.tsfile");
    fs::write(&path, &bytes).expect("written");
    assert_eq!(workplace.run(&["fsck", "cut.tsfile"]).ok(), "cut.tsfile is sound\n");
    fs::write(&path, &bytes[..bytes.len() - 20]).expect("written");
    let found = workplace.run(&["fsck", "cut.tsfile"]);
    assert!(found.code == Some(1) && found.stdout.contains("byte"), "{}", found.stdout);
    let repaired = workplace.run(&["fsck", "cut.tsfile", "--repair"]).ok();
    assert!(repaired.contains("lost/cut.tsfile"), "{repaired}");
    assert_eq!(workplace.run(&["fsck", "cut.tsfile"]).ok(), "cut.tsfile is sound\n");
    assert_eq!(fs::read(workplace.path("lost/cut.tsfile")).expect("kept").len(), bytes.len() - 20);
    workplace.run(&["import", "cut.tsfile", "--data", "again"]).ok();
    assert!(sql(&workplace, "again", COUNT).lines().count() > 1);
}

#[test]
fn csv_of_both_forms_is_imported() {
    let workplace = Workplace::new();
    workplace.write(
        "by-device.csv",
        "Time,Device,temperature,count(INT32),name\n1,root.a.d1,21.5,3,x\n2,root.a.d2,,4,\n1970-01-01T00:00:00.003Z,root.a.d1,22,,\"y,z\"\n",
    );
    workplace.write("series.csv", "Time,root.a.d1.temperature,root.a.d3.on\n9,1.5,true\n");
    let said = workplace
        .run(&["import", "by-device.csv", "series.csv", "--data", "data", "--device-prefix", "root.copy"])
        .ok();
    assert!(said.starts_with("imported 8 values in 5 rows from 2 files"), "{said}");
    assert_eq!(
        sql(&workplace, "data", "select temperature, count, name from root.copy.a.d1"),
        "Time,root.copy.a.d1.temperature,root.copy.a.d1.count,root.copy.a.d1.name\n1,21.5,3,x\n3,22.0,,\"y,z\"\n9,1.5,,\n"
    );
    workplace.write("wrong.csv", "Time,Device,count\n1,root.copy.a.d1,many\n");
    let failed = workplace.run(&["import", "wrong.csv", "--data", "data"]);
    assert!(failed.code == Some(1) && failed.stderr.contains("wrong.csv"), "{}", failed.stderr);
}

#[test]
fn what_is_exported_comes_back_the_same() {
    let workplace = with_readings();
    sql(
        &workplace,
        "data",
        "insert into root.plant.together(time, a, b, note) aligned values (1, 1.5, true, 'x,y'), (2, null, false, 'z\"'), (4, 2.5, null, null)",
    );
    let select = "select * from root.plant.** align by device";
    let before = sql(&workplace, "data", select);
    assert!(before.lines().count() > 5_000);
    for (format, more) in [("tsfile", &[][..]), ("tsfile", &["--tsfile-version", "3"]), ("csv", &[])] {
        let name = format!("all{}.{format}", more.len());
        let export = ["export", "--data", "data", "--path", "root.plant.**", "--format", format, "-o", &name];
        let said = workplace.run(&[&export[..], more].concat()).ok();
        assert!(said.starts_with("exported ") && said.ends_with(&format!("{name}\n")), "{said}");
        assert!(!workplace.path(&format!("{name}.part")).exists());
        let data = format!("again-{name}");
        workplace.run(&["import", &name, "--data", &data, "--quiet"]).ok();
        assert_eq!(sql(&workplace, &data, select), before, "{name}");
        if format == "tsfile" {
            assert_eq!(workplace.run(&["fsck", &name]).ok(), format!("{name} is sound\n"));
            let devices = "show devices root.plant.*";
            assert_eq!(sql(&workplace, &data, devices), sql(&workplace, "data", devices));
        }
    }
}

#[test]
fn a_querys_rows_are_exported_in_every_format() {
    let workplace = with_readings();
    let export = |query: &str, format: &str, to: &str| {
        workplace.run(&["export", "--data", "data", "--query", query, "--format", format, "-o", to])
    };
    let select = "select temperature from root.plant.two.d1 where temperature > 15";
    export(select, "csv", "rows.csv").ok();
    let rows = sql(&workplace, "data", select);
    assert_eq!(fs::read_to_string(workplace.path("rows.csv")).expect("written"), rows);
    export(select, "jsonl", "rows.jsonl").ok();
    let lines = fs::read_to_string(workplace.path("rows.jsonl")).expect("written");
    assert_eq!(lines.lines().count(), rows.lines().count() - 1);
    for select in [select, "select temperature from root.plant.two.d1 where temperature > 15 align by device"]
    {
        export(select, "tsfile", "rows.tsfile").ok();
        fs::remove_dir_all(workplace.path("again")).ok();
        workplace.run(&["import", "rows.tsfile", "--data", "again"]).ok();
        assert_eq!(sql(&workplace, "again", "select temperature from root.plant.two.d1"), rows);
    }
    // What names no series has no place in a TsFile, and leaves nothing behind.
    let refused = export("select avg(temperature) from root.plant.two.d1", "tsfile", "no.tsfile");
    assert!(refused.code == Some(3) && refused.stderr.contains("TsFile"), "{}", refused.stderr);
    let refused = export("selec", "csv", "no.csv");
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    for name in ["no.tsfile", "no.tsfile.part", "no.csv", "no.csv.part"] {
        assert!(!workplace.path(name).exists(), "{name}");
    }
}
