//! Continuous queries: when they run, over which times, and what is done about runs that are late or fail.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use levada_engine::{Clock, ContinuousQueryInfo};
use levada_model::{Login, Session, SessionOptions};

use crate::store::{Store, ask, done, rejection, rows};

/// A clock that stands where it is put.
#[derive(Clone, Debug, Default)]
struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Timed {
    store: Store,
    clock: TestClock,
}

impl Timed {
    /// A store at a time, which has a row each second of the first two minutes: its second.
    async fn filled(now: i64) -> Self {
        let clock = TestClock(Arc::new(AtomicI64::new(now)));
        let mut timed = Self { store: Store::open(), clock };
        timed.reopen();
        let seconds: Vec<String> = (0..120).map(|second| format!("({}, {second})", second * 1_000)).collect();
        let sql = format!("insert into root.a.d(time, s) values {}", seconds.join(", "));
        done(&timed.store.session(), &sql).await;
        timed
    }

    fn reopen(&mut self) {
        let clock = self.clock.clone();
        self.store.reopen_with(|options| options.storage.clock = Arc::new(clock));
    }

    /// Lets the time be `now`, and runs what is due then.
    async fn at(&self, now: i64) {
        self.clock.0.store(now, Ordering::Relaxed);
        self.store.engine().run_due_continuous_queries().await;
    }

    async fn made(&self, sql: &str) {
        done(&self.store.session(), sql).await;
    }

    async fn rows(&self, sql: &str) -> Vec<String> {
        rows(&self.store.session(), sql).await
    }

    fn info(&self) -> ContinuousQueryInfo {
        self.store.engine().continuous_queries().pop().expect("there is one")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_run_reads_the_times_before_its_moment() {
    let timed = Timed::filled(25_000).await;
    timed
        .made("create cq c begin select count(s), sum(s) into root.b.d(n, total) from root.a.d group by (10s) end")
        .await;
    timed.at(29_999).await;
    assert_eq!(timed.info().runs, 0);
    assert_eq!(timed.rows("select n from root.b.d").await, [""; 0]);
    timed.at(30_000).await;
    assert_eq!(timed.rows("select n, total from root.b.d").await, ["20000,10,245.0"]);
    timed.at(50_500).await;
    let all = ["20000,10,245.0", "30000,10,345.0", "40000,10,445.0"];
    assert_eq!(timed.rows("select n, total from root.b.d").await, all);
    let ContinuousQueryInfo { runs, failed, skipped, written, rejected, late_ms, .. } = timed.info();
    assert_eq!((runs, failed, skipped, written, rejected, late_ms), (3, 0, 0, 6, 0, 0));
    // Windows over series put together, aligned.
    timed.made("insert into root.a.e(time, s) values (45000, 1000)").await;
    timed
        .made("create cq level begin select sum(s) into aligned root.c.d(total) from root.a.* group by (10s), level = 1 end")
        .await;
    timed.at(60_000).await;
    assert_eq!(timed.rows("select total from root.c.d").await, ["50000,545.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn boundary_and_range_say_when_and_what() {
    let timed = Timed::filled(41_000).await;
    timed
        .made(
            "create cq windows resample every 20s boundary 5000 range 40s, 10s begin \
             select sum(s) into root.b.windows(total) from root.a.d where s > 20 group by (15s) end",
        )
        .await;
    timed.made("create cq plain resample every 20s boundary 5000 range 20s begin select s + 1 into root.b.plain(s) from root.a.d where s > 30 and s != 33 end").await;
    timed.at(45_000).await;
    // [5 s, 35 s): 21 … 34 in windows of 15 s from 5 s on.
    assert_eq!(timed.rows("select total from root.b.windows").await, ["20000,385.0"]);
    // [25 s, 45 s), rows as they are.
    let plain = timed.rows("select count(s), min_value(s), max_value(s) from root.b.plain").await;
    assert_eq!(plain, ["13,32.0,45.0"]);
    assert_eq!(timed.rows("select s from root.b.plain where time = 33s").await, [""; 0]);
    timed.at(64_999).await;
    assert_eq!(timed.info().runs, 1);
    timed.at(65_000).await;
    assert_eq!(timed.rows("select count(s) from root.b.plain").await, ["33"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_kept_over_a_restart_and_make_up_for_what_was_missed() {
    let mut timed = Timed::filled(10_000).await;
    let blocked =
        "create cq blocked begin select count(s) into root.b.blocked(n) from root.a.d group by (10s) end";
    let discard = "CREATE  CONTINUOUS QUERY discard resample every 10s TIMEOUT POLICY DISCARD\nbegin select count(s) into root.b.discard(n) from root.a.d group by (5s) end";
    timed.made(&format!("{blocked} ;")).await;
    timed.made(discard).await;
    timed.at(10_000).await;
    timed.at(20_000).await;
    timed.store.engine().close().await.expect("closed");
    timed.clock.0.store(55_000, Ordering::Relaxed);
    timed.reopen();
    let shown = done(&timed.store.session(), "show cqs").await;
    assert_eq!(shown.columns, ["CQId", "Query", "State"]);
    let row = |id: &str, sql: &str| [id, sql, "ACTIVE"].map(|cell| Some(cell.to_owned())).to_vec();
    assert_eq!(shown.rows, [row("blocked", blocked), row("discard", discard)]);
    timed.at(60_000).await;
    let all: Vec<String> = (0..6).map(|ten| format!("{},10", ten * 10_000)).collect();
    assert_eq!(timed.rows("select n from root.b.blocked").await, all);
    let some = ["0,5", "5000,5", "10000,5", "15000,5", "50000,5", "55000,5"];
    assert_eq!(timed.rows("select n from root.b.discard").await, some);
    assert_eq!(timed.info().skipped, 3);
    // What has run is not run again, a crash or not.
    timed.made("delete from root.b.**").await;
    timed.reopen();
    timed.at(60_001).await;
    assert_eq!(timed.rows("select n from root.b.blocked").await, [""; 0]);
    timed.made("drop cq blocked").await;
    timed.made("drop continuous query discard").await;
    timed.reopen();
    assert_eq!(timed.rows("show continuous queries").await, [""; 0]);
    timed.at(200_000).await;
    assert_eq!(timed.rows("select n from root.b.blocked").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_is_counted_and_the_next_comes_at_its_time() {
    let timed = Timed::filled(10_000).await;
    timed.made("create timeseries root.b.d.n BOOLEAN").await;
    timed
        .made("create cq c begin select count(s), sum(s) into root.b.d(n, total) from root.a.d group by (10s) end")
        .await;
    timed.at(20_000).await;
    // What fits is written.
    assert_eq!(timed.rows("select total from root.b.d").await, ["0,45.0", "10000,145.0"]);
    let ContinuousQueryInfo { runs, failed, written, rejected, .. } = timed.info();
    assert_eq!((runs, failed, written, rejected), (2, 2, 2, 2));
    timed.made("delete timeseries root.b.d.n").await;
    timed.at(30_000).await;
    assert_eq!(timed.rows("select n, total from root.b.d where time = 20s").await, ["20000,10,245.0"]);
    assert_eq!((timed.info().runs, timed.info().failed), (3, 2));
    // The whole run: its function goes.
    timed.made("delete timeseries root.a.d.s").await;
    timed.made("create timeseries root.a.d.s TEXT").await;
    timed.at(40_000).await;
    assert_eq!((timed.info().runs, timed.info().failed), (4, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_do_not_overlap_and_wait_while_the_store_takes_no_writes() {
    let timed = Timed::filled(10_000).await;
    timed.made("create cq c begin select count(s) into root.b.d(n) from root.a.d group by (10s) end").await;
    timed.made("set system to readonly").await;
    timed.at(30_000).await;
    assert_eq!((timed.info().runs, timed.info().late_ms), (0, 20_000));
    timed.made("set system to writable").await;
    let engine = timed.store.engine();
    tokio::join!(
        engine.run_due_continuous_queries(),
        engine.run_due_continuous_queries(),
        engine.run_due_continuous_queries(),
    );
    assert_eq!((timed.info().runs, timed.info().written, timed.info().late_ms), (3, 3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_those_of_the_user_who_made_the_query() {
    let timed = Timed::filled(10_000).await;
    for sql in [
        "insert into root.x.d(time, s) values (1, 1)",
        "create database root.b",
        "create user amyuser 'secret12'",
        "grant use_cq on root.** to user amyuser",
        "grant read_data on root.a.** to user amyuser",
    ] {
        timed.made(sql).await;
    }
    let login = Login { user: "amyuser".to_owned(), password: "secret12".to_owned() };
    let options = SessionOptions { login: Some(login), ..SessionOptions::default() };
    let amy = timed.store.engine().open_session(options).await.expect("a user");
    let sql = "create cq c resample every 10s begin select s into root.b.::(::) from root.** end";
    assert_eq!(rejection(&amy, sql).await.0, 803);
    timed.made("grant write_data, write_schema on root.b.** to user amyuser").await;
    done(&amy, sql).await;
    timed.at(10_000).await;
    // What they may not read is not there.
    assert_eq!(timed.rows("show timeseries root.b.**").await.len(), 1);
    assert_eq!(timed.rows("select count(s) from root.b.d").await, ["10"]);
    timed.made("revoke write_data on root.b.** from user amyuser").await;
    timed.at(20_000).await;
    timed.made("drop user amyuser").await;
    timed.at(30_000).await;
    assert_eq!((timed.info().runs, timed.info().failed), (3, 2));
    assert_eq!(timed.rows("select count(s) from root.b.d").await, ["10"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_run_could_do_is_rejected_at_once() {
    let timed = Timed::filled(10_000).await;
    let session = timed.store.session();
    let create = |name: &str, body: &str| format!("create cq {name} resample every 10s begin {body} end");
    let good = create("c", "select s into root.b.d(s) from root.a.d");
    done(&session, &good).await;
    assert_eq!(rejection(&session, &good).await, (1402, "CQ c has already been created.".to_owned()));
    assert_eq!(rejection(&session, "drop cq d").await, (1400, "CQ d doesn't exist.".to_owned()));
    for body in [
        "select s into root.b.d(s, t) from root.a.d",
        "select nope(s) into root.b.d(s) from root.a.d",
        "select last s into root.b.d(s) from root.a.d",
        "select s, count(s) into root.b.d(s, n) from root.a.d",
    ] {
        assert_eq!(rejection(&session, &create("d", body)).await.0, 305, "{body}");
    }
    // Series that are not there yet may come.
    done(&session, &create("later", "select t into root.b.d(t) from root.nowhere.d")).await;
    assert_eq!(timed.rows("show cqs").await.len(), 2);
    timed.at(10_000).await;
    assert!(timed.store.engine().continuous_queries().iter().all(|each| (each.runs, each.failed) == (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_runs_them_looks_at_the_clock_itself() {
    let timed = Timed::filled(10_000).await;
    timed.store.engine().run_continuous_queries();
    timed.made("create cq c begin select count(s) into root.b.d(n) from root.a.d group by (10s) end").await;
    for now in [20_000, 30_000] {
        timed.clock.0.store(now, Ordering::Relaxed);
        while timed.info().late_ms > 0 || timed.info().runs < (now / 10_000).unsigned_abs() {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }
    assert_eq!(timed.rows("select n from root.b.d").await, ["0,10", "10000,10", "20000,10"]);
    timed.store.engine().close().await.expect("closed");
    assert!(ask(&timed.store.session(), "show cqs").await.is_ok());
    assert!(timed.store.session().close().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn those_of_0_13_write_where_they_are_told() {
    let timed = Timed::filled(25_000).await;
    timed.made("insert into root.a.e(time, s) values (21000, 1000)").await;
    for sql in [
        "create continuous query c1 resample every 10s for 10s begin select max_value(s) into most from root.a.* group by time(10s) end",
        "create cq c2 begin select sum(s) into root.b.${2}_cq.total from root.a.* group by time(10s) end",
        "create cq c3 begin select count(s) into n from root.a.* group by time(10s), level = 1 end",
    ] {
        timed.made(sql).await;
    }
    timed.at(30_000).await;
    assert_eq!(timed.rows("select most from root.a.d").await, ["20000,29.0"]);
    assert_eq!(timed.rows("select most from root.a.e").await, ["20000,1000.0"]);
    assert_eq!(timed.rows("select total from root.b.d_cq").await, ["20000,245.0"]);
    assert_eq!(timed.rows("select total from root.b.e_cq").await, ["20000,1000.0"]);
    assert_eq!(timed.rows("select n from root.a").await, ["20000,11"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_far_ahead_silences_none() {
    let timed = Timed::filled(25_000).await;
    timed
        .made("create cq c timeout policy discard begin select count(s) into root.b.d(n) from root.a.d group by (10s) end")
        .await;
    timed.at(1_000_000_000_000).await;
    timed.at(31_000).await;
    timed.at(40_000).await;
    assert_eq!(timed.rows("select n from root.b.d where time = 30s").await, ["30000,10"]);
}
