//! `align by device`: one rule for devices that lack a measurement, and for names below a device.

use crate::store::{Store, done, rejection, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_device_for_which_the_condition_never_holds_has_no_row() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d1(time, s1, s2, t) values(1, 1, 10, 'x')").await;
    done(&session, "insert into root.a.d2(time, s1) values(1, 5)").await;
    for (condition, devices) in [
        ("s2 > 5", vec!["root.a.d1,1"]),
        ("s2 between 1 and 50", vec!["root.a.d1,1"]),
        ("s2 + s1 > 0", vec!["root.a.d1,1"]),
        ("-s2 < 0", vec!["root.a.d1,1"]),
        ("s2 in (10)", vec!["root.a.d1,1"]),
        ("s2 is not null", vec!["root.a.d1,1"]),
        ("t like 'x%'", vec!["root.a.d1,1"]),
        ("cast(s2 as INT32) = 10", vec!["root.a.d1,1"]),
        ("not (s2 > 5)", vec!["root.a.d1,0"]),
        ("not (s2 is null)", vec!["root.a.d1,1"]),
        ("s2 > 5 and s1 > 0", vec!["root.a.d1,1"]),
        ("not (s2 < 5 or s1 < 0)", vec!["root.a.d1,1"]),
        // It can hold without the measurement.
        ("s2 > 5 or s1 > 0", vec!["root.a.d1,1", "root.a.d2,1"]),
        ("s2 is null", vec!["root.a.d1,0", "root.a.d2,1"]),
        ("not (s2 > 5 and s1 < 0)", vec!["root.a.d1,1", "root.a.d2,1"]),
    ] {
        let query = format!("select count(s1) from root.a.* where {condition} align by device");
        assert_eq!(rows(&session, &query).await, devices, "{query}");
        let query = format!("select s1 from root.a.* where {condition} align by device");
        let held: Vec<_> = devices.iter().filter(|device| device.ends_with(",1")).collect();
        assert_eq!(rows(&session, &query).await.len(), held.len(), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_below_a_device_is_one_node() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d1(time, s1) values(1, 1)").await;
    for query in [
        "select d1.s1 from root.a align by device",
        "select ** from root.a.* align by device",
        "select count(d1.*) from root.a align by device",
        "select s1 from root.a.* where d1.s1 > 0 align by device",
        "select count(s1) from root.a.* having count(d1.s1) > 0 align by device",
    ] {
        let (code, message) = rejection(&session, query).await;
        assert_eq!(
            (code, message.contains("ALIGN BY DEVICE: the suffix")),
            (701, true),
            "{query}: {message}"
        );
    }
    assert_eq!(rows(&session, "select s* from root.a.* align by device").await, ["1,root.a.d1,1.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regular_expressions_may_look_around_and_back() {
    let store = Store::open();
    let session = store.session();
    done(&session, "insert into root.a.d(time, t) values(1, 'abab'), (2, 'xab'), (3, 'ab')").await;
    for (condition, times) in [
        (r"t regexp '(ab)\1'", vec!["1"]),
        ("t regexp '(?<!x)ab'", vec!["1", "3"]),
        ("t regexp '^ab(?!a)'", vec!["3"]),
        ("t not regexp '(?=.*x).*b'", vec!["1", "3"]),
        (r"string_matches(t, 'regex'='(a)b\1b')", vec!["1"]),
    ] {
        let found = rows(&session, &format!("select t from root.a.d where {condition}")).await;
        let found: Vec<&str> = found.iter().map(|row| &row[..1]).collect();
        assert_eq!(found, times, "{condition}");
    }
    let (code, message) = rejection(&session, "select t from root.a.d where t regexp '(?<!'").await;
    assert_eq!((code, message.contains("not a regular expression")), (701, true), "{message}");
}
