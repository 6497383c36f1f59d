//! A write at which a server fails each time is not repeated forever; one that only waits for the server is not given up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use levada_model::{RejectedRows, Session, SessionError, StatusCode, Tablet};
use levada_rpc::{Pool, PoolOptions};

use crate::{
    pool::{numbers, options, pool, write},
    server::{Server, Trouble},
};

/// Three devices of ten rows: times from 0, 100 and 200.
fn tablets() -> Vec<Tablet> {
    (0..3).map(|device| numbers(&format!("root.d{device}"), device * 100, 10)).collect()
}

/// Writes until it is done, as the runtime does: what is rejected, and the errors before. `heal` is done after each error.
async fn written(
    pool: &Pool,
    tablets: &[Tablet],
    heal: impl Fn(usize),
) -> (Vec<RejectedRows>, Vec<SessionError>) {
    let mut errors: Vec<SessionError> = Vec::new();
    while errors.len() < 100 {
        match pool.insert_tablets(write(tablets.to_vec())).await {
            Ok(report) => return (report.rejected, errors),
            Err(error) => {
                assert!(error.transient, "{error}");
                errors.push(error);
                heal(errors.len());
            }
        }
    }
    panic!("it is repeated for ever: {}", errors[0]);
}

fn stored(server: &Server) -> [usize; 3] {
    ["root.d0", "root.d1", "root.d2"].map(|device| server.values(device, "n").len())
}

/// One lane, so that all three devices are in one request.
fn narrow(server: &Server) -> Pool {
    Pool::new(PoolOptions { sessions: 1, ..options(&[server]) })
}

#[tokio::test]
async fn a_row_at_which_a_server_hangs_up_each_time_is_rejected_and_the_others_stored() {
    let server = Server::start().await;
    server.trouble.send_replace(Trouble::HangsUpAt(104));
    let (rejected, errors) = written(&narrow(&server), &tablets(), |_| {}).await;
    assert_eq!(errors.len(), 4, "the fifth time the row is looked for");
    let [only] = rejected.as_slice() else { panic!("{rejected:?}") };
    assert_eq!((only.tablet, only.rows.as_deref()), (1, Some([4].as_slice())));
    assert!(only.message.contains("the other side hung up"), "{}", only.message);
    assert_eq!(stored(&server), [10, 9, 10]);
}

#[tokio::test]
async fn a_row_at_which_a_server_fails_inside_each_time_is_rejected_with_its_words() {
    // The last is of a version that is not known here.
    for code in [301, 305, 601, 605, 9_999] {
        let server = Server::start().await;
        server.state.lock().reject = Some(Arc::new(move |_, _, time| {
            (time == 209).then(|| (code, "NullPointerException".to_owned()))
        }));
        let (rejected, errors) = written(&narrow(&server), &tablets(), |_| {}).await;
        assert_eq!(errors.len(), 4);
        let [only] = rejected.as_slice() else { panic!("{rejected:?}") };
        assert_eq!((only.tablet, only.rows.as_deref(), only.code.0), (2, Some([9].as_slice()), code));
        assert!(only.message.contains("NullPointerException"), "{}", only.message);
        assert_eq!(stored(&server), [10, 10, 9]);
    }
}

#[tokio::test]
async fn a_row_that_brings_the_server_down_is_found_though_each_part_costs_a_restart() {
    let server = Server::start().await;
    server.trouble.send_replace(Trouble::DiesAt(104));
    let restart = |_| {
        server.trouble.send_replace(Trouble::DiesAt(104));
    };
    let (rejected, _) = written(&narrow(&server), &tablets(), restart).await;
    let [only] = rejected.as_slice() else { panic!("{rejected:?}") };
    assert_eq!((only.tablet, only.rows.as_deref()), (1, Some([4].as_slice())));
    assert!(only.message.contains("the other side hung up; since then no node"), "{}", only.message);
    assert_eq!(stored(&server), [10, 9, 10]);
}

#[tokio::test]
async fn what_a_server_gets_over_is_stored_whole() {
    let server = Server::start().await;
    let pool = narrow(&server);
    for trouble in [Trouble::HangsUp, Trouble::Rejects(301), Trouble::Rejects(305), Trouble::Rejects(9_999)] {
        server.trouble.send_replace(trouble);
        let heal = |failed| {
            if failed == 4 {
                server.trouble.send_replace(Trouble::None);
            }
        };
        let (rejected, errors) = written(&pool, &tablets(), heal).await;
        assert!(rejected.is_empty() && errors.len() == 4, "{rejected:?}");
    }
}

#[tokio::test]
async fn a_server_that_waits_for_its_regions_rejects_no_rows() {
    let words =
        "There are no available SchemaRegionGroup RegionGroups currently, please use \"show cluster\"";
    let server = Server::start().await;
    let pool = narrow(&server);
    // It is there for its second request: what would be divided by then was rejected in part, and stored in part.
    let began = Arc::new(AtomicUsize::new(0));
    server.state.lock().reject = Some(Arc::new(move |_, _, time| {
        let asked = began.fetch_add(usize::from(time == 0), Ordering::Relaxed);
        (asked < 2).then(|| (301, words.to_owned()))
    }));
    let (rejected, errors) = written(&pool, &tablets(), |_| {}).await;
    assert!(rejected.is_empty(), "{rejected:?}");
    assert!(errors.iter().all(|error| error.code == StatusCode::NO_AVAILABLE_REGION_GROUP), "{errors:?}");
    assert_eq!(stored(&server), [10, 10, 10]);
}

#[tokio::test]
async fn nothing_is_given_up_before_patience_is_over() {
    let server = Server::start().await;
    server.trouble.send_replace(Trouble::Rejects(305));
    let pool = Pool::new(PoolOptions { patience: Duration::from_secs(3_600), ..options(&[&server]) });
    for _ in 0..50 {
        let error = pool.insert_tablets(write(tablets())).await.expect_err("rejected");
        assert_eq!((error.code, error.transient), (StatusCode::INTERNAL_SERVER_ERROR, true));
    }
    server.trouble.send_replace(Trouble::None);
    assert!(pool.insert_tablets(write(tablets())).await.expect("written").rejected.is_empty());
}

#[tokio::test]
async fn a_server_that_is_short_of_something_is_waited_for_however_long() {
    let server = Server::start().await;
    let pool = pool(&[&server]);
    for code in [306, 600, 602, 606, 610, 611, 904, 906, 1_010, 1_701] {
        server.trouble.send_replace(Trouble::Rejects(code));
        for _ in 0..20 {
            let error = pool.insert_tablets(write(tablets())).await.expect_err("rejected");
            assert!(error.transient, "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_takes_nothing_is_not_asked_of_each_row() {
    let server = Server::start().await;
    server.trouble.send_replace(Trouble::HangsUp);
    let pool = narrow(&server);
    let tablets = vec![numbers("root.d", 0, 5_000)];
    let (rejected, errors) = written(&pool, &tablets, |_| {}).await;
    let rows = rejected.iter().map(|each| each.rows.as_ref().map_or(5_000, Vec::len)).sum::<usize>();
    assert_eq!((rows, errors.len()), (5_000, 4));
    let attempts = server.state.lock().attempts;
    assert!(attempts < 1_000, "{attempts}");
    // What comes later is tried anew.
    server.trouble.send_replace(Trouble::None);
    assert!(pool.insert_tablets(write(tablets)).await.expect("written").rejected.is_empty());
    assert_eq!(server.values("root.d", "n").len(), 5_000);
}

#[tokio::test]
async fn what_is_divided_for_another_reason_is_not_given_up_the_first_time_a_server_fails_at_it() {
    let server = Server::start().await;
    let no_leave = |device: &str| (device == "root.d0").then(|| (803, "No permissions".to_owned()));
    let fails = |device: &str| (device == "root.d1").then(|| (305, "in trouble".to_owned()));
    server.state.lock().reject =
        Some(Arc::new(move |device, _, _| no_leave(device).or_else(|| fails(device))));
    let heal = |failed| {
        if failed == 3 {
            server.state.lock().reject = Some(Arc::new(move |device, _, _| no_leave(device)));
        }
    };
    let (rejected, errors) = written(&narrow(&server), &tablets(), heal).await;
    let [only] = rejected.as_slice() else { panic!("{rejected:?}") };
    assert_eq!((only.tablet, only.rows.as_deref(), only.code.0, errors.len()), (0, None, 803, 3));
    assert_eq!(stored(&server), [0, 10, 10]);
}
