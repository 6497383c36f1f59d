//! Queries are numbered, listed, ended by others, and end by themselves when their time is over.

use std::time::Duration;

use futures::StreamExt;
use levada_model::{Login, Outcome, QueryId, Rows, Session, SessionOptions, StatusCode};

use crate::store::{Store, ask, done, rows};

/// A window in which the condition holds is found in each of the first batches, and then never again.
const ENDLESS: &str =
    "select count(s) from root.a.d group by ([0, 9000000000000000000), 1ms) having count(s) > 0";

async fn filled() -> Store {
    let store = Store::open();
    for time in [0, 2_000, 4_000, 6_000] {
        done(&store.session(), &format!("insert into root.a.d(time, s) values ({time}, 1.0)")).await;
    }
    store
}

async fn begin(session: &dyn Session, sql: &str) -> Rows {
    match session.execute(sql).await.expect(sql) {
        Outcome::Rows(rows) => rows,
        Outcome::Done(_) => panic!("{sql} has rows"),
    }
}

/// Reads on until the end, or an error.
async fn end(rows: &mut Rows) -> Option<StatusCode> {
    loop {
        match rows.batches.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Some(error.code),
            None => return None,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_listed_while_it_runs_and_whoever_reads_it_is_told_that_it_was_ended() {
    let store = filled().await;
    let (session, other) = (store.session(), store.session());
    let mut running = begin(&session, ENDLESS).await;
    let listed = done(&other, "show queries").await;
    assert_eq!(listed.columns, ["Time", "QueryId", "DataNodeId", "ElapsedTime", "Statement"]);
    let statements: Vec<_> = listed.rows.iter().map(|row| row[4].as_deref().expect("a statement")).collect();
    assert_eq!(statements, [ENDLESS, "show queries"]);
    let name = listed.rows[0][1].clone().expect("a name");
    assert_eq!(ask(&other, "kill query 'nope'").await.expect_err("no name").code.0, 305);
    let wrong = name.replace("_1", "_2");
    assert_eq!(ask(&other, &format!("kill query '{wrong}'")).await.expect_err("another").code.0, 714);
    done(&other, &format!("kill query '{name}'")).await;
    assert_eq!(end(&mut running).await, Some(StatusCode::QUERY_WAS_KILLED));
    assert!(running.batches.next().await.is_none(), "an error ends the rows");
    assert_eq!(rows(&other, "show queries").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_ended_by_its_number_and_all_are_by_one_statement() {
    let store = filled().await;
    let (session, other) = (store.session(), store.session());
    let mut first = begin(&session, ENDLESS).await;
    other.cancel(first.query.expect("a number")).await.expect("it runs");
    assert_eq!(end(&mut first).await, Some(StatusCode::QUERY_WAS_KILLED));
    let gone = other.cancel(first.query.expect("a number")).await.expect_err("it has ended");
    assert_eq!(gone.code, StatusCode::NO_SUCH_QUERY);
    assert!(other.cancel(QueryId(-1)).await.is_err());
    let mut several = [begin(&session, ENDLESS).await, begin(&other, ENDLESS).await];
    done(&other, "kill all queries").await;
    for rows in &mut several {
        assert_eq!(end(rows).await, Some(StatusCode::QUERY_WAS_KILLED));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_end_their_own_queries_and_those_of_others_with_a_privilege() {
    let store = filled().await;
    let root = store.session();
    for sql in [
        "create user amyuser 'secret12'",
        "create user bobuser 'secret12'",
        "grant read_data on root.** to user amyuser",
    ] {
        done(&root, sql).await;
    }
    let log_in = async |user: &str| {
        let login = Some(Login { user: user.to_owned(), password: "secret12".to_owned() });
        let options = SessionOptions { login, ..SessionOptions::default() };
        store.engine().open_session(options).await.expect("a user")
    };
    let (amy, bob) = (log_in("amyuser").await, log_in("bobuser").await);
    let mut running = begin(&amy, ENDLESS).await;
    let query = running.query.expect("a number");
    assert_eq!(bob.cancel(query).await.expect_err("another's").code, StatusCode::NO_PERMISSION);
    amy.cancel(query).await.expect("her own");
    assert_eq!(end(&mut running).await, Some(StatusCode::QUERY_WAS_KILLED));
    done(&root, "grant maintain on root.** to user bobuser").await;
    let running = begin(&amy, ENDLESS).await;
    bob.cancel(running.query.expect("a number")).await.expect("allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_when_its_time_is_over_and_reading_late_does_not_count() {
    let store = filled().await;
    let open = async |timeout| {
        let options = SessionOptions { timeout: Some(timeout), ..SessionOptions::default() };
        store.engine().open_session(options).await.expect("a session")
    };
    let hasty = open(Duration::ZERO).await;
    let timed_out = ask(&hasty, "select s from root.a.d").await.expect_err("no time at all");
    assert_eq!(timed_out.code, StatusCode::QUERY_TIMEOUT);
    done(&hasty, "insert into root.a.d(time, s) values (8000, 1.0)").await;
    let session = open(Duration::from_secs(2)).await;
    let mut running = begin(&session, ENDLESS).await;
    assert_eq!(end(&mut running).await, Some(StatusCode::QUERY_TIMEOUT));
    // Nothing is computed behind what has been read, so its time is not over.
    let mut late = begin(&session, "select s from root.a.d").await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(end(&mut late).await, None);
    let ample = session.execute_within("select s from root.a.d", Some(Duration::from_secs(60))).await;
    assert!(matches!(ample, Ok(Outcome::Rows(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_as_many_rows_as_its_session_asks_for() {
    let store = filled().await;
    let options =
        SessionOptions { fetch_size: Some(3), zone: Some("+08:00".to_owned()), ..SessionOptions::default() };
    let session = store.engine().open_session(options).await.expect("a session");
    let mut rows = begin(&session, "select s + 1 from root.a.d").await;
    let mut sizes = Vec::new();
    while let Some(batch) = rows.batches.next().await {
        sizes.push(batch.expect("rows").num_rows());
    }
    assert!(sizes.iter().all(|size| *size <= 3) && sizes.iter().sum::<usize>() == 4, "{sizes:?}");
    let zone = SessionOptions { zone: Some("Atlantis".to_owned()), ..SessionOptions::default() };
    assert!(store.engine().open_session(zone).await.is_err());
}
