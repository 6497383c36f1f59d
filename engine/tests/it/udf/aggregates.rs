//! Aggregates of users.

use super::stores;
use crate::store::{done, rejection, rows};

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_gives_one_value_of_all_rows() {
    for store in stores().await {
        let session = store.session();
        let answer = done(&session, "select mean(s1), mean(s2) + 1, count(s1) from root.sg.d1").await;
        assert_eq!(
            answer.columns,
            ["mean(root.sg.d1.s1)", "mean(root.sg.d1.s2) + 1", "count(root.sg.d1.s1)"]
        );
        assert_eq!(answer.types[0], "DOUBLE");
        assert_eq!(
            rows(&session, "select mean(s1), mean(s2) + 1, count(s1) from root.sg.d1").await,
            ["38.0,5.0,5"]
        );
        assert_eq!(rows(&session, "select mean(s1) from root.sg.d1 where s2 > 2").await, ["55.0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_gives_a_value_for_each_window_of_time_and_null_where_there_are_no_rows() {
    for store in stores().await {
        let session = store.session();
        let asked = "select mean(s1), avg(s1) from root.sg.d1 group by";
        assert_eq!(
            rows(&session, &format!("{asked} ([0, 12), 3ms)")).await,
            ["0,15.0,15.0", "3,45.0,45.0", "6,70.0,70.0", "9,-,-"]
        );
        assert_eq!(
            rows(&session, &format!("{asked} ([0, 6), 4ms, 2ms)")).await,
            ["0,15.0,15.0", "2,36.666666666666664,36.666666666666664", "4,45.0,45.0"]
        );
        assert_eq!(
            rows(&session, &format!("{asked} ([0, 12), 3ms) order by time desc limit 2")).await,
            ["9,-,-", "6,70.0,70.0"]
        );
        assert_eq!(rows(&session, &format!("{asked} ([0, 12), 3ms) having mean(s1) > 40")).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_gives_a_value_for_each_window_of_rows() {
    for store in stores().await {
        let session = store.session();
        assert_eq!(
            rows(&session, "select mean(s1) from root.sg.d1 group by session(1ms)").await,
            ["1,15.0", "4,45.0", "7,70.0"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_is_of_many_series_by_level_and_by_tags() {
    for store in stores().await {
        let session = store.session();
        let answer = done(&session, "select mean(s1) from root.sg.* group by level = 1").await;
        assert_eq!(answer.columns, ["mean(root.sg.*.s1)"]);
        assert_eq!(rows(&session, "select mean(s1) from root.sg.* group by level = 1").await, ["70.0"]);
        assert_eq!(
            rows(&session, "select mean(s1), mean(s2) from root.sg.* group by ([0, 3), 3ms), level = 1")
                .await,
            ["0,82.5,1.6666666666666667"]
        );
        let by_tags = rows(&session, "select mean(*) from root.sg.d2 group by tags(place)").await;
        assert_eq!(by_tags, ["north,150.0,-", "south,-,1.5"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_comes_device_by_device() {
    for store in stores().await {
        let session = store.session();
        let sql = "select mean(s1) from root.sg.* align by device";
        assert_eq!(rows(&session, sql).await, ["root.sg.d1,38.0", "root.sg.d2,150.0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_is_computed_of_what_a_function_gives() {
    for store in stores().await {
        let session = store.session();
        assert_eq!(
            rows(&session, "select mean(adder(s1, s2)) from root.sg.d1").await,
            ["47.666666666666664"]
        );
        assert_eq!(rejection(&session, "select mean(s1), s1 from root.sg.d1").await.0, 701);
        assert_eq!(rejection(&session, "select mean(mean(s1)) from root.sg.d1").await.0, 701);
    }
}
