//! How a function is given its rows.

use super::stores;
use crate::store::{rejection, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_time_has_the_rows_of_an_interval_and_one_without_rows_is_given_too() {
    for store in stores().await {
        let session = store.session();
        // The first begins with the first row, the last has the last row, and the step is the interval.
        assert_eq!(
            rows(&session, "select windows(s2, 'by'='time', 'length'='2') from root.sg.d1").await,
            ["0,2-4: 2 3", "1,4-6: 4", "2,6-8: 7"]
        );
        assert_eq!(
            rows(&session, "select windows(s2, 'by'='time', 'length'='1') from root.sg.d1").await.len(),
            6,
            "those at 5 and 6 are empty"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_display_window_and_the_step_may_be_given() {
    for store in stores().await {
        let session = store.session();
        let sql = "select windows(s1, 'by'='time', 'length'='3', 'step'='2', 'begin'='0', 'end'='6') from root.sg.d1";
        assert_eq!(rows(&session, sql).await, ["0,0-3: 1 2", "1,2-5: 2 4", "2,4-6: 4 5"]);
        let gaps = "select counter(s1, 'time_interval'='2', 'sliding_step'='4', 'display_window_begin'='0', \
                    'display_window_end'='9') from root.sg.d1";
        assert_eq!(rows(&session, gaps).await, ["1,1", "4,2"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_size_has_so_many_rows_and_the_last_may_have_fewer() {
    for store in stores().await {
        let session = store.session();
        let by_size =
            |more: &str| format!("select windows(s1, 'by'='size', 'length'='2'{more}) from root.sg.d1");
        assert_eq!(rows(&session, &by_size("")).await, ["0,1-2: 1 2", "1,4-5: 4 5", "2,7-7: 7"]);
        let overlapping = rows(&session, &by_size(", 'step'='1'")).await;
        assert_eq!(overlapping[..4], ["0,1-2: 1 2", "1,2-4: 2 4", "2,4-5: 4 5", "3,5-7: 5 7"]);
        assert_eq!(rows(&session, &by_size(", 'step'='3'")).await, ["0,1-2: 1 2", "1,5-7: 5 7"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_several_series_is_aligned_by_time() {
    for store in stores().await {
        let session = store.session();
        assert_eq!(
            rows(&session, "select windows(s1, s2, 'by'='size', 'length'='100') from root.sg.d1").await,
            ["0,1-7: 1 2 3 4 5 7"]
        );
        assert_eq!(
            rows(&session, "select windows(s2, 'by'='size', 'length'='100') from root.sg.d1").await,
            ["0,2-7: 2 3 4 7"],
            "a row of one series is a point of it"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_may_have_nulls_but_not_only_nulls() {
    for store in stores().await {
        let session = store.session();
        // The condition's series have rows at times where the inputs have none.
        assert_eq!(
            rows(
                &session,
                "select windows(s2, s2 + 1, 'by'='size', 'length'='9') from root.sg.d1 where s1 > 0"
            )
            .await,
            ["0,2-7: 2 4 7"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_window_are_read_by_index_and_by_iteration() {
    for store in stores().await {
        // It fails where the two differ.
        assert_eq!(
            rows(&store.session(), "select windows(s1, s2, 'by'='size', 'length'='4') from root.sg.d1").await,
            ["0,1-4: 1 2 3 4", "1,5-7: 5 7"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_states_are_windows_too() {
    for store in stores().await {
        let session = store.session();
        assert_eq!(
            rows(&session, "select windows(s1, 'by'='session', 'length'='1') from root.sg.d1").await,
            ["0,1-2: 1 2", "1,4-5: 4 5", "2,7-7: 7"]
        );
        assert_eq!(
            rows(&session, "select windows(s1, 'by'='state', 'length'='15') from root.sg.d1").await,
            ["0,1-2: 1 2", "1,4-5: 4 5", "2,7-7: 7"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interval_step_and_size_must_be_positive() {
    for store in stores().await {
        let session = store.session();
        for (attributes, message) in [
            ("'by'='time', 'length'='0'", "the time interval (0) should be positive"),
            ("'by'='time', 'length'='1', 'step'='-1'", "the sliding step (-1) should be positive"),
            ("'by'='size', 'length'='0'", "the window size (0) should be positive"),
            ("'by'='size', 'length'='1', 'step'='0'", "the sliding step (0) should be positive"),
        ] {
            let sql = format!("select windows(s1, {attributes}) from root.sg.d1");
            let expected = format!("function windows: before_start: {message}");
            assert_eq!(rejection(&session, &sql).await, (701, expected), "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counter_counts_the_rows_of_each_window() {
    for store in stores().await {
        let session = store.session();
        assert_eq!(
            rows(&session, "select counter(s1, 'time_interval'='3') from root.sg.d1").await,
            ["1,2", "4,2", "7,1"]
        );
    }
}
