use super::*;
use crate::state::Member;

fn at(position: u64) -> Checkpoint {
    Checkpoint::from([("s".into(), position)])
}

/// Version 0, and `upto` more of one letter each.
fn filled(folder: &Path, upto: u64) -> Journal {
    let mut journal =
        Journal::begin(folder, &Checkpoint::new(), 0, Behind::default()).expect("an empty folder");
    for version in 1..=upto {
        let letter = [b'a' + u8::try_from(version - 1).expect("few")];
        journal.save(version, false, &at(version * 10), &letter, None).expect("written");
    }
    journal
}

fn recovered(folder: &Path, asked: u64) -> Result<Recovered, String> {
    let found = Found::look(folder).expect("readable");
    let (version, _) = found.version(asked)?;
    Ok(found.recover(version).expect("readable"))
}

fn text(recovered: &Recovered) -> String {
    recovered.parts.iter().map(|part| String::from_utf8_lossy(part)).collect()
}

#[test]
fn a_version_is_the_whole_before_it_and_the_changes_since() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = filled(folder.path(), 3);
    journal.save(4, true, &at(40), b"ABCD", None).expect("written");
    journal.save(5, false, &at(50), b"e", None).expect("written");
    for (asked, state) in [(0, ""), (2, "ab"), (3, "abc"), (4, "ABCD"), (5, "ABCDe")] {
        let recovered = recovered(folder.path(), asked).expect("there");
        assert_eq!((recovered.version, text(&recovered).as_str()), (asked, state));
        assert_eq!(recovered.positions, if asked == 0 { Checkpoint::new() } else { at(asked * 10) });
    }
    let missing = recovered(folder.path(), 6).expect_err("never saved");
    assert_eq!(missing, "version 6 of the state is not there: the last one there is 5");
    let nothing = recovered(&folder.path().join("none"), 1).expect_err("no folder");
    assert_eq!(nothing, "version 1 of the state is not there: there is none at all");
}

#[test]
fn what_was_never_delivered_is_given_up_and_its_numbers_stand_for_what_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(filled(folder.path(), 5));
    let found = Found::look(folder.path()).expect("readable");
    assert_eq!(found.last, 5);
    let mut journal = Journal::go_on(folder.path(), &found, 3, 5, Behind::default()).expect("there");
    assert_eq!(text(&recovered(folder.path(), 5).expect("stands for 3")), "abc");
    journal.save(6, false, &at(60), b"F", None).expect("written");
    for (asked, state) in [(2, "ab"), (3, "abc"), (4, "abc"), (5, "abc"), (6, "abcF")] {
        assert_eq!(text(&recovered(folder.path(), asked).expect("there")), state);
    }
    assert_eq!(Found::look(folder.path()).expect("readable").last, 6);
}

#[test]
fn a_file_cut_at_any_byte_keeps_all_before_and_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(filled(folder.path(), 3));
    let file = folder.path().join(format!("{:020}.log", 0));
    let bytes = fs::read(&file).expect("there");
    let found = Found::look(folder.path()).expect("readable");
    let ends: Vec<_> = found.versions.iter().map(|each| each.state.end).collect();
    for cut in 0..=bytes.len() {
        fs::write(&file, &bytes[..cut]).expect("written");
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        for asked in 0..4 {
            match recovered(folder.path(), asked) {
                Ok(recovered) => {
                    assert_eq!((recovered.version, whole > asked as usize), (asked, true), "{cut}")
                }
                Err(error) => {
                    assert!(whole <= asked as usize && error.contains("is not there"), "{cut}: {error}")
                }
            }
        }
    }
    // What is torn is written over.
    fs::write(&file, &bytes[..ends[2] + 7]).expect("written");
    let found = Found::look(folder.path()).expect("readable");
    let mut journal = Journal::go_on(folder.path(), &found, 2, 2, Behind::default()).expect("there");
    journal.save(3, false, &at(31), b"C", None).expect("written");
    assert_eq!(text(&recovered(folder.path(), 3).expect("there")), "abC");
}

#[test]
fn damage_is_named_and_does_not_reach_the_next_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = filled(folder.path(), 3);
    journal.save(4, true, &at(40), b"ABCD", None).expect("written");
    let file = folder.path().join(format!("{:020}.log", 0));
    let mut bytes = fs::read(&file).expect("there");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, &bytes).expect("written");
    assert_eq!(text(&recovered(folder.path(), 4).expect("there")), "ABCD");
    let damaged = recovered(folder.path(), 3).expect_err("damaged");
    assert!(damaged.contains("is damaged at byte "), "{damaged}");
}

#[test]
fn files_that_nobody_asks_for_go_and_two_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = filled(folder.path(), 1);
    for version in 2..=5 {
        journal.save(version, true, &at(version), b"x", None).expect("written");
    }
    let files = || fs::read_dir(folder.path()).expect("there").count();
    assert_eq!(files(), 5);
    journal.settled(3, Some(Targets::new())).expect("written");
    assert_eq!(files(), 3, "2 is there for who falls back behind 3");
    journal.settled(5, Some(Targets::new())).expect("written");
    assert_eq!(files(), 2);
    let found = Found::look(folder.path()).expect("readable");
    assert_eq!(found.settled, Some((5, Targets::new())));
}

#[test]
fn a_new_file_is_begun_when_changes_outgrow_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = Journal::begin(folder.path(), &at(1), 0, Behind::default()).expect("an empty folder");
    let change = vec![7; 1 << 20];
    journal.save(1, false, &at(2), &change, None).expect("written");
    assert!(!journal.wants_whole());
    journal.save(2, false, &at(3), &change, None).expect("written");
    assert!(journal.wants_whole());
    journal.save(3, true, &at(4), &change, None).expect("written");
    assert!(!journal.wants_whole());
    let emitted = vec![7; 12 << 20];
    for version in 4..7 {
        assert!(!journal.wants_whole());
        journal.save(version, false, &at(version), b"", Some(&emitted)).expect("written");
    }
    assert!(journal.wants_whole(), "what was emitted outgrows it, too");
}

#[test]
fn what_was_emitted_is_there_for_whoever_lacks_it_and_only_where_all_of_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = filled(folder.path(), 1);
    for version in 2..5 {
        let emitted = [vec![b'A' + u8::try_from(version).expect("few"); 3], Vec::new()]
            [usize::from(version == 3)]
        .clone();
        journal.save(version, version == 4, &at(version), b"x", Some(&emitted)).expect("written");
    }
    let found = Found::look(folder.path()).expect("readable");
    let emitted = found.emitted(1, 4).expect("readable");
    assert_eq!(emitted, [(2, b"CCC".to_vec()), (3, Vec::new()), (4, b"EEE".to_vec())]);
    assert_eq!(text(&recovered(folder.path(), 3).expect("there")), "axx");
    assert!(found.keeps_emitted(1, 4) && found.keeps_emitted(2, 3) && found.keeps_emitted(3, 3));
    assert!(!found.keeps_emitted(0, 4), "of 1 it is not kept");
    assert!(!found.keeps_emitted(3, 5), "there is no 5");
    drop(journal);
    // Those that were given up are none that is missing.
    let mut journal = Journal::go_on(folder.path(), &found, 3, 4, Behind::default()).expect("there");
    journal.save(5, false, &at(5), b"y", Some(b"F")).expect("written");
    let found = Found::look(folder.path()).expect("readable");
    assert!(found.keeps_emitted(2, 5));
    assert_eq!(found.emitted(2, 5).expect("readable"), [(3, Vec::new()), (5, b"F".to_vec())]);
}

#[test]
fn giving_versions_up_removes_nothing_before_that_is_noted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = filled(folder.path(), 5);
    let sinks = Targets::from([("a".to_owned(), vec!["file".to_owned()])]);
    journal.settled(3, Some(sinks.clone())).expect("written");
    drop(journal);
    let file = folder.path().join(format!("{:020}.log", 0));
    let before = fs::read(&file).expect("there");
    let found = Found::look(folder.path()).expect("readable");
    drop(Journal::go_on(folder.path(), &found, 3, 5, Behind::default()).expect("there"));
    let after = fs::read(&file).expect("there");
    // A crash may leave any part of what is behind.
    for cut in before.len()..=after.len() {
        fs::write(&file, &after[..cut]).expect("written");
        assert_eq!(text(&recovered(folder.path(), 3).expect("there")), "abc", "cut at {cut}");
        let settled = Found::look(folder.path()).expect("readable").settled;
        assert_eq!(settled, Some((3, sinks.clone())), "cut at {cut}");
    }
    assert!(after.starts_with(&before));
}

#[test]
fn who_is_behind_is_known_from_the_beginning_and_through_every_new_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let member = |since| Member { target: vec!["file a".to_owned()], since };
    let members = [("a".to_owned(), member(0))].into();
    let mut behind = Behind { pipeline: "p".to_owned(), members, delivered: 0 };
    let known = || Found::look(folder.path()).expect("readable").behind.expect("noted");
    let mut journal = Journal::begin(folder.path(), &at(1), 0, behind.clone()).expect("an empty folder");
    assert_eq!(known(), behind);
    let held_by = |pipeline| Found::look(folder.path()).expect("readable").is_held_by(pipeline);
    assert!(!held_by("p"), "nothing was saved yet");
    journal.save(1, false, &at(2), b"a", None).expect("written");
    assert!(held_by("p") && !held_by("another"));
    journal.settled(1, None).expect("written");
    assert_eq!(known().delivered, 1);
    for version in 2..6 {
        journal.save(version, true, &at(version), b"x", None).expect("written");
        journal.settled(version, None).expect("written");
    }
    assert_eq!(known().delivered, 1, "noted once");
    behind.delivered = 1;
    behind.members.insert("b".to_owned(), member(5));
    let found = Found::look(folder.path()).expect("readable");
    let mut journal = Journal::go_on(folder.path(), &found, 5, 5, behind.clone()).expect("there");
    assert_eq!(known(), behind);
    journal.save(6, false, &at(6), b"y", None).expect("written");
    journal.settled(5, None).expect("written");
    assert_eq!(known(), behind, "`b` has nothing of it yet");
    journal.settled(6, None).expect("written");
    assert_eq!(known().delivered, 6);
}
