//! Aggregates of patterns over what a store really has: plain and aligned devices, files in and out of order, deletions, rows in
//! memory.

use crate::store::{Store, ask, done};

const DEVICES: [&str; 4] = ["plain", "plain.below", "aligned", "mixed"];

async fn store() -> Store {
    let store = Store::open();
    let session = store.session();
    for device in DEVICES {
        let aligned = if device == "aligned" { " aligned" } else { "" };
        for (round, times) in [(0, 100..160), (1, 20..130), (2, 200..230)] {
            for time in times {
                let sql = format!(
                    "insert into root.x.{device}(time, a, bb, t){aligned} values ({time}, {}, {}.5, 'x{time}')",
                    time % 17 + round,
                    time % 5
                );
                done(&session, &sql).await;
            }
            // The last rows stay in memory.
            if round < 2 {
                done(&session, "flush").await;
            }
            if round == 1 {
                done(&session, &format!("delete from root.x.{device}.bb where time > 40 and time < 60"))
                    .await;
            }
        }
        let empty = if aligned.is_empty() {
            format!("create timeseries root.x.{device}.empty INT32")
        } else {
            format!("create aligned timeseries root.x.{device}(empty INT32)")
        };
        done(&session, &empty).await;
    }
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_gives_for_each_series_what_its_rows_give() {
    let mut store = store().await;
    for _ in 0..2 {
        let session = store.session();
        for (aggregates, measurement) in [
            ("count(*), sum(*), max_value(*), first_value(*), max_time(*)", "a"),
            ("count(*), min_value(*), last_value(*), mode(*)", "bb"),
            ("count(*), min_time(*), last_value(*)", "t"),
        ] {
            for times in ["time > 0", "time >= 30 and time < 210"] {
                for windows in ["", "group by ([0,240),30ms)", "group by ([0,240),50ms,20ms)"] {
                    // `root.x.**.a` is every device's.
                    let calls = aggregates.replace('*', measurement);
                    let pattern =
                        ask(&session, &format!("select {calls} from root.x.** where {times} {windows}"))
                            .await;
                    let pattern = pattern.expect("an answer");
                    let first = usize::from(!windows.is_empty());
                    let each = calls.split(", ").count();
                    assert_eq!(pattern.columns.len(), first + each * DEVICES.len());
                    for device in DEVICES {
                        // A condition on values makes it read rows.
                        let rows = format!(
                            "select {calls} from root.x.{device} where {times} and (a is null or a is not null) {windows}"
                        );
                        let rows = ask(&session, &rows).await.expect("an answer");
                        for (at, name) in rows.columns.iter().enumerate().skip(first) {
                            let place =
                                pattern.columns.iter().position(|each| each == name).expect("a column");
                            let of = |answer: &[Vec<Option<String>>], at: usize| {
                                answer.iter().map(|row| row[at].clone()).collect::<Vec<_>>()
                            };
                            assert_eq!(
                                of(&pattern.rows, place),
                                of(&rows.rows, at),
                                "{name} {times} {windows}"
                            );
                        }
                    }
                }
            }
        }
        drop(session);
        store.engine().close().await.expect("closed");
        store.reopen();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_series_of_a_pattern_come_in_the_order_of_the_catalog() {
    let store = store().await;
    let session = store.session();
    let shown = |column: &String| column.trim_start_matches("count(").trim_end_matches(')').to_owned();
    let pattern = ask(&session, "select count(*) from root.**").await.expect("an answer");
    let raw = ask(&session, "select * from root.**").await.expect("an answer");
    assert_eq!(pattern.columns.len(), 4 * DEVICES.len());
    assert_eq!(pattern.columns.iter().map(shown).collect::<Vec<_>>(), raw.columns[1..]);
    let counted = |name: &str| {
        let at = pattern
            .columns
            .iter()
            .position(|column| column == &format!("count(root.x.{name})"))
            .expect("a column");
        pattern.rows[0][at].clone()
    };
    assert_eq!(counted("plain.below.a").as_deref(), Some("170"));
    assert_eq!(counted("aligned.bb").as_deref(), Some("151"));
    assert_eq!(counted("mixed.empty").as_deref(), Some("0"));
    let last = ask(&session, "select last * from root.**").await.expect("an answer");
    assert!(last.rows.is_sorted_by_key(|row| row[1].clone()), "{:?}", last.rows);
    assert_eq!(last.rows.len(), 3 * DEVICES.len());
}
