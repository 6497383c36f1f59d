//! Files that change between runs, and files that cannot be read.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use levada_connector_api::model::Value;
use levada_testkit::rows_of;

use super::*;

/// A folder of logs, and what a store and the pipeline's state folder keep from run to run.
struct Place {
    folder: tempfile::TempDir,
    stored: Checkpoint,
    paths: String,
    last_line: LastLine,
}

/// What a run gave.
#[derive(Debug, Default)]
struct Run {
    /// The times of the rows, ascending, less the first of all.
    times: Vec<i64>,
    rejected: usize,
    /// The splits that were given up, and why.
    given_up: BTreeMap<String, String>,
}

fn lines(range: std::ops::Range<usize>) -> String {
    range.map(json_line).collect()
}

impl Place {
    fn new(paths: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("in")).expect("a folder");
        Self { folder, stored: Checkpoint::new(), paths: paths.to_owned(), last_line: LastLine::Auto }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join("in").join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.at(name), text).expect("written");
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = fs::OpenOptions::new().append(true).open(self.at(name)).expect("there");
        file.write_all(text.as_bytes()).expect("written");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.at(from), self.at(to)).expect("renamed");
    }

    async fn run(&mut self) -> Run {
        self.run_with::<JsonDecoder>().await
    }

    /// A run of a bounded pipeline whose sink stores positions.
    async fn run_with<D: DecoderType>(&mut self) -> Run {
        let last_line = self.last_line;
        let options = json!({"paths": format!("{}/in/{}", self.folder.path().display(), self.paths), "last_line": last_line});
        let mut source = source_with::<D>(options, &self.folder.path().join("state"));
        source.connect(&self.stored).await.expect("connected");
        let mut run = Run::default();
        loop {
            match source.next().await {
                Ok(None) => break,
                Ok(Some(batch)) => {
                    run.rejected += batch.rejected.len();
                    run.times.extend(rows_of(&batch).iter().map(|row| row.time - 1_700_000_000_000));
                    for each in batch.positions {
                        let before = self.stored.insert(each.split, each.range.end);
                        assert_eq!(each.range.start, before.unwrap_or(0));
                    }
                }
                Err(error) => {
                    let split = error.given_up().unwrap_or_else(|| panic!("{error}"));
                    let name = split.as_str().rsplit('/').next().expect("a name");
                    let name = name.split('@').next().expect("a name").to_owned();
                    assert!(run.given_up.insert(name, error.to_string()).is_none());
                }
            }
        }
        source.close().await.expect("closed");
        run.times.sort_unstable();
        run
    }

    /// A run that gives these rows and no trouble.
    async fn gives(&mut self, what: &str, times: impl IntoIterator<Item = i64>) {
        let run = self.run().await;
        let mut expected: Vec<_> = times.into_iter().collect();
        expected.sort_unstable();
        assert_eq!((run.times, run.rejected), (expected, 0), "{what}");
        assert_eq!(run.given_up, BTreeMap::new(), "{what}");
    }
}

fn packed(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).expect("packed");
    packed.finish().expect("packed")
}

#[tokio::test]
async fn a_file_that_was_cut_and_written_anew_is_read_from_its_start() {
    let mut place = Place::new("log*");
    place.write("log.jsonl", lines(0..10));
    place.gives("first", 0..10).await;
    place.write("log.jsonl", lines(100..103));
    place.write("log2.jsonl", lines(200..205));
    place.gives("shorter", (100..103).chain(200..205)).await;
    // As long as before, and then longer than what was read.
    place.write("log.jsonl", lines(300..303));
    place.gives("as long", 300..303).await;
    place.write("log.jsonl", lines(400..450));
    place.gives("longer", 400..450).await;
    place.gives("nothing new", []).await;
    place.append("log.jsonl", &lines(450..452));
    place.gives("grown", 450..452).await;
}

#[tokio::test]
async fn a_file_with_the_same_head_that_was_written_anew_is_told_by_what_stood_before_the_position() {
    let mut place = Place::new("log");
    let head = "\n".repeat(2_000);
    place.write("log", format!("{head}{}", lines(0..10)));
    place.gives("first", 0..10).await;
    place.write("log", format!("{head}{}", lines(100..150)));
    place.gives("another", 100..150).await;
}

#[tokio::test]
async fn a_file_that_was_renamed_is_read_on_and_the_new_one_from_its_start() {
    for name in ["log.jsonl.1", "log-20261129.jsonl"] {
        let mut place = Place::new("log*");
        place.write("log.jsonl", lines(0..10));
        place.gives("first", 0..10).await;
        place.append("log.jsonl", &lines(10..13));
        place.rename("log.jsonl", name);
        place.write("log.jsonl", lines(100..140));
        place.gives(name, (10..13).chain(100..140)).await;
        // Twice: what is `log.jsonl.1` becomes `log.jsonl.2`.
        place.rename(name, "log.jsonl.2");
        place.rename("log.jsonl", name);
        place.write("log.jsonl", lines(200..201));
        place.gives("again", 200..201).await;
    }
}

#[tokio::test]
async fn a_file_that_was_rotated_to_a_name_that_is_not_asked_for_is_read_to_its_end_first() {
    let mut place = Place::new("log.jsonl");
    place.write("log.jsonl", lines(0..10));
    place.gives("first", 0..10).await;
    place.append("log.jsonl", &lines(10..13));
    place.rename("log.jsonl", "log.jsonl.1");
    place.write("log.jsonl", lines(100..103));
    place.write("log.jsonl.old", lines(900..999));
    place.gives("rotated", (10..13).chain(100..103)).await;
    // Whoever writes had it open still.
    place.append("log.jsonl.1", &lines(13..14));
    place.gives("a late line", 13..14).await;
}

#[tokio::test]
async fn a_file_that_was_copied_and_cut_is_read_once() {
    let mut place = Place::new("log*");
    place.write("log.jsonl", lines(0..10));
    place.gives("first", 0..10).await;
    place.append("log.jsonl", &lines(10..13));
    fs::copy(place.at("log.jsonl"), place.at("log.jsonl.1")).expect("copied");
    place.write("log.jsonl", lines(100..150));
    place.gives("copied", (10..13).chain(100..150)).await;
    // And packed later, as rotation does.
    let text = fs::read_to_string(place.at("log.jsonl.1")).expect("there");
    place.write("log.jsonl.1.gz", packed(&text));
    fs::remove_file(place.at("log.jsonl.1")).expect("removed");
    place.gives("packed", []).await;
}

#[tokio::test]
async fn two_files_that_begin_alike_or_are_alike_are_both_read() {
    let mut place = Place::new("*");
    place.write("a", lines(0..10));
    place.write("b", lines(0..10));
    place.gives("alike", (0..10).chain(0..10)).await;
    place.write("ab", lines(0..30));
    place.write("c", lines(0..10));
    place.gives("a later one", (0..30).chain(0..10)).await;
    place.gives("nothing new", []).await;
}

#[tokio::test]
async fn a_last_line_without_a_line_break_waits_unless_it_is_whole() {
    let mut place = Place::new("log");
    let whole = lines(0..3);
    // Cut anywhere in the third line, the rest comes later.
    for cut in lines(0..2).len() + 1..whole.len() {
        place.stored.clear();
        place.write("log", &whole[..cut]);
        let mut first = place.run().await;
        assert_eq!((first.rejected, first.times.len()), (0, if cut == whole.len() - 1 { 3 } else { 2 }));
        place.append("log", &whole[cut..]);
        let second = place.run().await;
        first.times.extend(second.times);
        assert_eq!((first.times, second.rejected), (vec![0, 1, 2], 0), "cut at {cut}");
        fs::remove_file(place.at("log")).expect("removed");
    }
}

#[tokio::test]
async fn a_last_line_of_values_waits_or_is_read_as_the_option_says() {
    let (head, rest) = ("time,device,n(INT32)\n1700000000000,d,1\n1700000000001,d,2", "5\n");
    let mut place = Place::new("t.csv");
    place.write("t.csv", head);
    assert_eq!(place.run_with::<CsvDecoder>().await.times, [0]);
    place.append("t.csv", rest);
    let options = json!({"paths": place.at("t.csv")});
    let state = place.folder.path().join("state");
    let batch = all(&mut source_with::<CsvDecoder>(options, &state), &place.stored).await.expect("read");
    let column = &batch.readings[0].tablet.columns()[0];
    assert_eq!(Value::at(&column.values, column.data_type, 0).map(|n| n.to_string()), Some("25".to_owned()));

    let mut place = Place::new("t.csv");
    place.last_line = LastLine::Read;
    place.write("t.csv", head);
    assert_eq!(place.run_with::<CsvDecoder>().await.times, [0, 1]);
    let mut place = Place::new("t.jsonl");
    place.last_line = LastLine::Wait;
    place.write("t.jsonl", lines(0..2).trim_end());
    place.gives("waits", [0]).await;
    // A head that is not complete yet is none.
    let mut place = Place::new("t.csv");
    place.write("t.csv", "time,device,n(INT");
    assert!(place.run_with::<CsvDecoder>().await.times.is_empty());
    place.write("t.csv", head);
    assert_eq!(place.run_with::<CsvDecoder>().await.times, [0]);
}

#[tokio::test]
async fn a_broken_packed_file_gives_what_is_whole_and_holds_up_no_other() {
    let mut place = Place::new("log*");
    place.write("log-a.jsonl", lines(0..5));
    place.write("log-c.jsonl", lines(10..15));
    let text = lines(100..2_100);
    let whole = packed(&text);
    place.write("log-b.jsonl.gz", &whole[..whole.len() / 2]);
    let run = place.run().await;
    let reason = &run.given_up["log-b.jsonl.gz"];
    assert!(reason.contains("log-b.jsonl.gz"), "{reason}");
    let of_b = run.times.len() - 10;
    assert!((1..2_000).contains(&of_b), "{of_b} rows of the beginning");
    assert_eq!(run.rejected, 0);
    // It is given up again while it is broken, and read on when it has come whole.
    let again = place.run().await;
    assert_eq!((again.times.len(), again.given_up.len()), (0, 1));
    place.write("log-b.jsonl.gz", &whole);
    let healed = place.run().await;
    assert_eq!((of_b + healed.times.len(), healed.given_up.len()), (2_000, 0));
}

#[tokio::test]
async fn bytes_that_are_no_packed_file_are_given_up() {
    let whole = packed(&lines(0..500));
    let mut flipped = whole.clone();
    let end = flipped.len();
    flipped[end - 8] ^= 1;
    for (what, bytes) in [
        ("cut after the head", &whole[..10]),
        ("no packed file", b"plain text\n"),
        ("its sum is wrong", &flipped),
    ] {
        let mut place = Place::new("*");
        place.write("b.gz", bytes);
        place.write("c", lines(0..2));
        let run = place.run().await;
        assert_eq!(run.given_up.keys().collect::<Vec<_>>(), ["b.gz"], "{what}");
        assert!(run.times.ends_with(&[1]) || run.times.contains(&1), "{what}");
    }
}

#[tokio::test]
async fn nothing_is_read_of_a_packed_member_in_which_a_bit_has_changed() {
    let (sound, damaged) = (packed(&lines(0..500)), packed(&lines(500..5_500)));
    let mut found = 0;
    for byte in (20..damaged.len()).step_by(damaged.len() / 40) {
        let mut bytes = damaged.clone();
        bytes[byte] ^= 4;
        let mut place = Place::new("b.gz");
        place.write("b.gz", [sound.clone(), bytes].concat());
        let run = place.run().await;
        assert_eq!(run.given_up.len(), 1, "byte {byte}");
        // A change that makes the member seem longer than it is cannot be told from one that is on its way.
        if run.given_up["b.gz"].contains("nothing is read of what is packed from byte") {
            assert_eq!((run.rejected, run.times.len()), (0, 500), "byte {byte}");
            found += 1;
        }
    }
    assert!(found >= 30, "{found}");
}

#[tokio::test]
async fn what_is_packed_and_not_named_so_is_given_up_and_its_reason_says_how_it_is_packed() {
    let gzip = packed(&lines(0..3));
    for (name, bytes, reason) in [
        ("b.jsonl", &gzip[..], "packed with gzip, and its name does not end in .gz"),
        ("b.jsonl.zst", b"\x28\xb5\x2f\xfd\x04\x00", "packed with zstd"),
        ("b.jsonl.bz2", b"BZh91AY&SY", "packed with bzip2"),
        ("b.xz", b"\xfd7zXZ\0\0", "packed with xz"),
        ("b.zip", b"PK\x03\x04\n\n", "packed with zip"),
    ] {
        let mut place = Place::new("*");
        place.write(name, bytes);
        place.write("c", lines(0..2));
        let run = place.run().await;
        assert!(
            run.given_up.get(name).is_some_and(|given| given.contains(reason)),
            "{name}: {:?}",
            run.given_up
        );
        assert_eq!((run.times, run.rejected), (vec![0, 1], 0), "{name}");
    }
    // Text that begins alike is text.
    let mut place = Place::new("*");
    place.write("b.txt", "BZh\n");
    let run = place.run().await;
    assert_eq!((run.given_up.len(), run.rejected), (0, 1));
}

#[tokio::test]
async fn what_is_no_file_of_lines_is_given_up_and_the_rest_is_read() {
    let mut place = Place::new("{a,folder,dangling,pipe,t.csv}");
    place.write("a", lines(0..2));
    fs::create_dir(place.at("folder")).expect("a folder");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.at("nowhere"), place.at("dangling")).expect("a link");
        let made = std::process::Command::new("mkfifo").arg(place.at("pipe")).status().expect("it runs");
        assert!(made.success());
        let run = place.run().await;
        assert_eq!(run.times, [0, 1]);
        assert_eq!(run.given_up.keys().collect::<Vec<_>>(), ["dangling", "pipe"]);
    }
    // A head that cannot be read is one file's fault.
    place.paths = "*.csv".to_owned();
    place.write("t.csv", "time,device\n1,2\n");
    place.write("u.csv", "time,device,n\n1700000000007,d,1\n");
    place.write("v.csv", "what,is,this\n1700000000007,d,1\n");
    let run = place.run_with::<CsvDecoder>().await;
    assert_eq!(run.times, [7]);
    assert!(run.given_up.contains_key("v.csv"), "{run:?}");
}

#[tokio::test]
async fn a_missing_path_or_an_empty_pattern_holds_up_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("a.jsonl"), lines(0..2)).expect("written");
    let paths = json!([at("a.jsonl"), at("gone.jsonl"), at("*.csv"), at("no/such/folder/*.jsonl")]);
    let mut source = source::<JsonDecoder>(paths);
    source.connect(&Checkpoint::new()).await.expect("connected");
    let (mut rows, mut given_up) = (0, Vec::new());
    loop {
        match source.next().await {
            Ok(None) => break,
            Ok(Some(batch)) => rows += batch.rows(),
            Err(error) => given_up.push(error.given_up().expect("one split's fault").to_string()),
        }
    }
    source.close().await.expect("closed");
    assert_eq!((rows, given_up.len()), (2, 3), "{given_up:?}");
}

impl Place {
    /// The account of files is lost; what a store has is not.
    fn lose_account(&self) {
        fs::remove_dir_all(self.folder.path().join("state")).expect("removed");
    }
}

#[tokio::test]
async fn positions_in_a_store_are_told_by_the_heads_of_files_where_nothing_else_is_left() {
    // Less than a print, and more.
    for many in [10, 500] {
        let mut place = Place::new("log*");
        place.write("log", lines(0..many));
        let many = many as i64;
        place.gives("first", 0..many).await;
        place.lose_account();
        place.gives("nothing new", []).await;
        place.lose_account();
        place.append("log", &lines(1_000..1_005));
        place.gives("grown", 1_000..1_005).await;
        place.lose_account();
        place.write("log", lines(2_000..3_000));
        place.gives("a longer one in its place", 2_000..3_000).await;
        place.lose_account();
        place.rename("log", "log.1");
        place.write("log", lines(4_000..4_003));
        // Under its new name nothing tells that it was read.
        place.gives("rotated", (2_000..3_000).chain(4_000..4_003)).await;
        place.lose_account();
        place.gives("all is known", []).await;
    }
}

#[tokio::test]
async fn a_print_that_does_not_cover_what_was_read_is_no_proof() {
    let head = "time,device,n(INT32)\n";
    let rows = |from: i64| -> String {
        (from..from + 3).map(|n| format!("{},d,{n}\n", 1_700_000_000_000 + n)).collect()
    };
    let mut place = Place::new("t.csv");
    place.write("t.csv", head);
    assert!(place.run_with::<CsvDecoder>().await.times.is_empty());
    place.append("t.csv", &rows(0));
    assert_eq!(place.run_with::<CsvDecoder>().await.times, [0, 1, 2]);
    // Another with the same head, and as long.
    place.lose_account();
    place.write("t.csv", format!("{head}{}", rows(5)));
    assert_eq!(place.run_with::<CsvDecoder>().await.times, [5, 6, 7]);
    place.lose_account();
    assert!(place.run_with::<CsvDecoder>().await.times.is_empty(), "this time all of it was there at first");
}

#[tokio::test]
async fn a_position_that_has_a_path_alone_is_nobodys() {
    for position in [lines(0..4).len(), lines(0..10).len(), 17] {
        let mut place = Place::new("log");
        place.write("log", lines(0..10));
        let split = SplitName::new(format!("files/{}", place.at("log").display()));
        place.stored = Checkpoint::from([(split, position as u64)]);
        place.gives("from its start", 0..10).await;
        place.append("log", &lines(10..12));
        place.gives("grown", 10..12).await;
    }
}

#[tokio::test]
async fn a_file_that_was_empty_at_first_gets_its_name_when_something_is_in_it() {
    let mut place = Place::new("log");
    place.write("log", "");
    place.gives("empty", []).await;
    assert_eq!(place.stored, Checkpoint::new());
    place.append("log", &lines(0..200));
    place.gives("filled", 0..200).await;
    assert!(place.stored.keys().all(|name| name.as_str().contains("/in/log@4096-")), "{:?}", place.stored);
    place.lose_account();
    place.gives("known", []).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_has_several_names_is_read_once() {
    let mut place = Place::new("**/*");
    place.write("b", lines(0..10));
    fs::hard_link(place.at("b"), place.at("c")).expect("linked");
    std::os::unix::fs::symlink(place.at("b"), place.at("d")).expect("linked");
    fs::create_dir(place.at("sub")).expect("a folder");
    std::os::unix::fs::symlink(place.at(""), place.at("sub/up")).expect("linked");
    place.gives("first", 0..10).await;
    fs::hard_link(place.at("b"), place.at("a")).expect("linked");
    place.append("c", &lines(10..12));
    place.gives("a name before it", 10..12).await;
    fs::remove_file(place.at("a")).expect("removed");
    fs::remove_file(place.at("b")).expect("removed");
    fs::remove_file(place.at("d")).expect("removed");
    place.append("c", &lines(12..13));
    place.gives("the last of its names", 12..13).await;
}

#[cfg(unix)]
#[tokio::test]
async fn links_that_lead_to_each_other_are_given_up_at_once() {
    let mut place = Place::new("*");
    place.write("a", lines(0..2));
    std::os::unix::fs::symlink(place.at("y"), place.at("x")).expect("linked");
    std::os::unix::fs::symlink(place.at("x"), place.at("y")).expect("linked");
    let run = place.run().await;
    assert_eq!(run.times, [0, 1]);
    assert_eq!(run.given_up.keys().collect::<Vec<_>>(), ["x", "y"]);
    assert!(!run.given_up["x"].contains("attempts"), "{:?}", run.given_up);
}

#[tokio::test]
async fn what_follows_a_packed_file_is_passed_over_as_gzip_does_it() {
    let (one, two) = (packed(&lines(0..500)), packed(&lines(500..510)));
    let garbage = b"written by something else\n".to_vec();
    for (what, bytes, rows, broken) in [
        ("two members", [one.clone(), two.clone()].concat(), 510, false),
        ("zeros to the end of a block", [one.clone(), vec![0; 70_000]].concat(), 500, false),
        ("one zero", [one.clone(), vec![0]].concat(), 500, false),
        ("garbage", [one.clone(), two.clone(), garbage.clone()].concat(), 510, false),
        ("zeros, then garbage", [one.clone(), vec![0; 9], garbage.clone()].concat(), 500, false),
        ("zeros, then a member", [one.clone(), vec![0; 9], two.clone()].concat(), 500, false),
        ("half a member", [one.clone(), two[..two.len() / 2].to_vec()].concat(), 500, true),
        ("a member's first byte", [one.clone(), two[..1].to_vec()].concat(), 500, true),
        ("nothing packed at all", garbage, 0, true),
        ("zeros only", vec![0; 100], 0, true),
    ] {
        let mut place = Place::new("log.gz");
        place.write("log.gz", bytes);
        let run = place.run().await;
        assert_eq!((run.rejected, !run.given_up.is_empty()), (0, broken), "{what}: {:?}", run.given_up);
        assert!(if broken { run.times.len() >= rows } else { run.times.len() == rows }, "{what}");
        let again = place.run().await;
        assert!(again.times.is_empty(), "{what}: twice");
    }
}

#[tokio::test]
async fn an_account_that_is_lost_or_damaged_or_cannot_be_written_stops_nothing() {
    let mut place = Place::new("log");
    place.write("log", lines(0..200));
    place.gives("first", 0..200).await;
    let account = place.folder.path().join("state/files.files.json");
    fs::write(&account, "{ torn").expect("written");
    place.append("log", &lines(200..202));
    place.gives("damaged", 200..202).await;
    place.lose_account();
    fs::write(place.folder.path().join("state"), "in the way").expect("written");
    place.append("log", &lines(202..204));
    place.gives("in the way", 202..204).await;
    assert!(Path::new(&account).symlink_metadata().is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_whose_name_is_no_text_is_known_again_and_so_are_the_others() {
    let odd =
        |name: &[u8]| PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name));
    let mut place = Place::new("*");
    place.write("a", lines(0..10));
    fs::write(place.at("").join(odd(b"log-\xff")), lines(10..20)).expect("written");
    place.gives("first", 0..20).await;
    // Without the account a file that was renamed is read from its start.
    place.rename("a", "a.1");
    fs::rename(place.at("").join(odd(b"log-\xff")), place.at("").join(odd(b"log-\xff.1"))).expect("renamed");
    place.gives("renamed", []).await;
}
