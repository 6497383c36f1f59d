//! What a bucket holds after a crash, a lost answer, and in the end.

use std::{collections::BTreeSet, sync::Arc};

use levada_connector_api::{
    Batch, ErrorKind, Sink,
    model::{Path, SplitName},
};
use levada_testkit::{Row, numbered, rows_of};
use serde_json::{Value, json};

use crate::{
    contract::{options, sink},
    read::rows,
    s3::{S3, Stop, Trouble},
};

/// Rows that a source has.
const ROWS: u64 = 60;

fn batch(from: u64, to: u64) -> Batch {
    numbered("contract", from..to, 3)
}

/// A whole run: from where the log says, in batches of these sizes.
async fn run(sink: &Arc<dyn Sink>, sizes: &[u64]) {
    sink.connect().await.expect("connects");
    let stored = sink.checkpoint().await.expect("a checkpoint");
    let mut from = stored.get(&SplitName::new("contract")).copied().unwrap_or(0);
    for size in sizes.iter().cycle() {
        let to = (from + size).min(ROWS);
        sink.write(&batch(from, to)).await.expect("written");
        from = to;
        if from == ROWS {
            break;
        }
    }
    sink.close().await.expect("closes");
}

fn stored(s3: &S3) -> Vec<Row> {
    let mut all: Vec<Row> = s3.objects().iter().flat_map(|(name, bytes)| rows(name, bytes)).collect();
    all.sort();
    all
}

fn expected() -> Vec<Row> {
    let mut all = rows_of(&batch(0, ROWS));
    all.sort();
    all
}

#[tokio::test]
async fn a_bucket_has_each_row_once_wherever_the_process_dies() {
    for names in ["rows.jsonl", "rows/{device}-{date}.jsonl"] {
        for done in [false, true] {
            let mut after = 0;
            loop {
                let s3 = S3::start().await;
                s3.stop(Some(Stop { after, done }));
                let first = sink(options(&s3, names, &json!({"uploads": 2})));
                let whole = tokio::select! {
                    biased;
                    () = s3.stopped() => false,
                    () = run(&first, &[1, 20, 14]) => true,
                };
                // As kill -9 does it: nobody says goodbye.
                drop(first);
                s3.stop(None);
                run(&sink(options(&s3, names, &json!({}))), &[3, 9, 1]).await;
                assert_eq!(stored(&s3), expected(), "{names}, killed at request {after}, done: {done}");
                after += 1;
                if whole {
                    assert!(after > 12, "only {after} requests");
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_batch_whose_count_was_stored_is_not_put_again() {
    for names in ["rows.jsonl", "{device}.jsonl"] {
        let mut lost = 0;
        for after in 0..20 {
            let s3 = S3::start().await;
            let sink = sink(options(&s3, names, &json!({})));
            sink.connect().await.expect("connects");
            sink.write(&batch(0, 10)).await.expect("written");
            s3.stop(Some(Stop { after, done: true }));
            let next = batch(10, ROWS);
            let written = tokio::select! {
                biased;
                () = s3.stopped() => false,
                written = sink.write(&next) => { written.expect("written"); true }
            };
            s3.stop(None);
            if !written {
                lost += 1;
                sink.write(&next).await.expect("written");
            }
            assert_eq!(stored(&s3), expected(), "{names}, the answer to request {after} was lost");
        }
        assert!(lost > 1, "{lost} answers were lost");
    }
}

#[tokio::test]
async fn a_large_object_is_put_in_parts_and_is_whole_or_absent() {
    let s3 = S3::start().await;
    let sink = sink(options(&s3, "rows.jsonl", &json!({"part_size": "5MiB", "uploads": 2})));
    sink.connect().await.expect("connects");
    let large = numbered("contract", 0..300_000, 3);
    s3.stop(Some(Stop { after: 2, done: false }));
    tokio::select! {
        biased;
        () = s3.stopped() => {}
        written = sink.write(&large) => panic!("written: {written:?}"),
    }
    s3.stop(None);
    assert_eq!(stored(&s3), [], "half an object is there");
    sink.write(&large).await.expect("written");
    assert_eq!(stored(&s3).len(), 300_000);
    let asked = s3.asked();
    let parts = asked.iter().filter(|each| each.starts_with("PUT") && each.ends_with("partNumber")).count();
    assert!(parts >= 3, "{asked:?}");
    // The one whose process was gone stays for the bucket's own rule.
    assert_eq!(s3.unfinished(), 1);
}

#[tokio::test]
async fn a_second_process_takes_the_log_over_and_the_first_ends() {
    let s3 = S3::start().await;
    let [first, second] = [(); 2].map(|()| sink(options(&s3, "rows.jsonl", &json!({}))));
    first.connect().await.expect("connects");
    first.write(&batch(0, 10)).await.expect("written");
    run(&second, &[25]).await;
    let error = first.write(&batch(10, 20)).await.expect_err("taken over");
    assert!(!error.is_transient() && error.to_string().contains("has taken the log"), "{error}");
    let other = sink(options(&s3, "rows.jsonl", &json!({"writer": "b"})));
    other.connect().await.expect("connects");
    assert!(other.checkpoint().await.expect("a checkpoint").is_empty());
}

#[tokio::test]
async fn rejected_rows_hold_a_batch_back_until_they_are_safe() {
    let s3 = S3::start().await;
    let at = |more: &Value| sink(options(&s3, "{device}/{date}.jsonl", more));
    let mut some = batch(0, 10);
    // A device whose name is longer than a name may be.
    let long = Path::parse(&format!("root.{}", "x".repeat(300))).expect("a path");
    let readings = some.readings.last_mut().expect("readings");
    let rejected = readings.tablet.rows();
    readings.tablet = readings.tablet.clone().with_device(long);
    let first = at(&json!({}));
    first.connect().await.expect("connects");
    let delivery = first.write(&some).await.expect("written");
    assert_eq!(delivery.rejected.len(), 1);
    drop(first);
    let second = at(&json!({}));
    second.connect().await.expect("connects");
    assert!(second.checkpoint().await.expect("a checkpoint").is_empty(), "rejected rows are forgotten");
    assert_eq!(stored(&s3), [], "what did not count is still there");
    second.write(&some).await.expect("written");
    let positions = some.positions.clone();
    second.write(&Batch { positions, ..Batch::default() }).await.expect("counted");
    drop(second);
    let third = at(&json!({}));
    third.connect().await.expect("connects");
    assert_eq!(third.checkpoint().await.expect("a checkpoint").values().collect::<Vec<_>>(), [&10]);
    let all: BTreeSet<Row> = rows_of(&some).into_iter().collect();
    let known = stored(&s3);
    assert_eq!(known.len(), all.len() - rejected);
    assert!(!known.is_empty() && known.iter().all(|row| all.contains(row)), "{known:?}");
}

#[tokio::test]
async fn what_nobody_but_the_user_can_mend_says_what_to_do() {
    let s3 = S3::start().await;
    let of = |more: Value| sink(options(&s3, "rows.jsonl", &more));
    for (more, kind, advice) in [
        (json!({"keys": {"access": "other", "secret": "secret"}}), ErrorKind::Auth, "`keys`"),
        (json!({"url": "s3://elsewhere/rows.jsonl"}), ErrorKind::NotFound, "no such bucket"),
    ] {
        let error = of(more).connect().await.expect_err("cannot work");
        assert!(!error.is_transient() && error.kind() == kind, "{error}");
        assert!(error.to_string().contains(advice), "{error}");
    }
    s3.trouble(Trouble::Says(301, "PermanentRedirect"));
    let error = of(json!({})).connect().await.expect_err("another region");
    assert!(!error.is_transient() && error.to_string().contains("set `region`"), "{error}");
    s3.trouble(Trouble::Says(429, "TooManyRequests"));
    let error = of(json!({})).connect().await.expect_err("too many");
    assert!(error.is_transient() && error.kind() == ErrorKind::Exhausted, "{error}");
    s3.trouble(Trouble::None);
    s3.place("_levada/plant/objects.json", b"{}");
    let error = of(json!({})).connect().await.expect_err("no log");
    assert!(!error.is_transient() && error.to_string().contains("is no log of this sink"), "{error}");
}
