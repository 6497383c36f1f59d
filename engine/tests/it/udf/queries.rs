//! Where calls may stand in a query, and what stands beside them.

use super::stores;
use crate::store::{done, read, rejection, rows};

#[tokio::test(flavor = "multi_thread")]
async fn several_series_go_in_and_one_comes_out() {
    for store in stores().await {
        let answer = done(&store.session(), "select adder(s1, s2) from root.sg.d1").await;
        assert_eq!(answer.columns, ["Time", "adder(root.sg.d1.s1, root.sg.d1.s2)"]);
        assert_eq!(answer.types, ["INT64", "INT64"]);
        assert_eq!(
            rows(&store.session(), "select adder(s1, s2) from root.sg.d1").await,
            ["2,22", "4,44", "7,77"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_star_stands_for_each_series() {
    for store in stores().await {
        let answer = done(&store.session(), "select same(*) from root.sg.d2").await;
        assert_eq!(answer.columns, ["Time", "same(root.sg.d2.s1)", "same(root.sg.d2.s2)"]);
        assert_eq!(answer.rows.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_and_a_star_stand_for_the_series_with_each() {
    for store in stores().await {
        let answer = done(&store.session(), "select adder(s1, *) from root.sg.d2").await;
        assert_eq!(
            answer.columns[1..],
            ["adder(root.sg.d2.s1, root.sg.d2.s1)", "adder(root.sg.d2.s1, root.sg.d2.s2)"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stars_stand_for_all_pairs_the_first_input_changing_fastest() {
    for store in stores().await {
        let session = store.session();
        let answer = done(&session, "select adder(*, *) from root.sg.d2").await;
        assert_eq!(
            answer.columns[1..],
            [
                "adder(root.sg.d2.s1, root.sg.d2.s1)",
                "adder(root.sg.d2.s2, root.sg.d2.s1)",
                "adder(root.sg.d2.s1, root.sg.d2.s2)",
                "adder(root.sg.d2.s2, root.sg.d2.s2)",
            ]
        );
        assert_eq!(
            rows(&session, "select adder(*, *) from root.sg.d2").await,
            ["1,200,101,101,2", "2,400,202,202,4"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_values_stand_in_quotes_of_either_kind() {
    for store in stores().await {
        let session = store.session();
        let single = "select counter(s1, 'time_interval'='3', 'sliding_step'='6') from root.sg.d1";
        let double = "select counter(s1, \"time_interval\"=\"3\", \"sliding_step\" = \"6\") from root.sg.d1";
        let answer = done(&session, single).await;
        assert_eq!(
            answer.columns[1],
            "counter(root.sg.d1.s1, \"time_interval\"=\"3\", \"sliding_step\"=\"6\")"
        );
        assert_eq!(answer, done(&session, double).await);
        assert_eq!(rows(&session, single).await, ["1,2", "7,1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_values_come_behind_all_series() {
    for store in stores().await {
        let session = store.session();
        for sql in [
            "select counter('time_interval'='3', s1) from root.sg.d1",
            "select adder(s1, 'a'='b', s2) from root.sg.d1",
        ] {
            let (code, message) = rejection(&session, sql).await;
            assert_eq!(code, 700, "{sql}: {message}");
            assert!(message.contains("attributes come behind all inputs"), "{message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_series_stand_beside_calls() {
    for store in stores().await {
        let session = store.session();
        assert_eq!(
            rows(&session, "select s1, s2, adder(s1, s2) from root.sg.d1").await,
            ["1,10,-,-", "2,20,2,22", "3,-,3,-", "4,40,4,44", "5,50,-,-", "7,70,7,77"]
        );
        let answer = done(&session, "select *, same(*) from root.sg.d2").await;
        assert_eq!(
            answer.columns[1..],
            ["root.sg.d2.s1", "root.sg.d2.s2", "same(root.sg.d2.s1)", "same(root.sg.d2.s2)"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_alignment_each_call_has_the_rows_of_its_own() {
    for store in stores().await {
        for words in ["disable align", "NON ALIGN"] {
            let sql = format!("select s2, adder(s1, s2), same(s1) from root.sg.d1 {words}");
            let columns = store.session().query_apart(&sql, None).await.expect("it runs");
            let mut found = Vec::new();
            for column in columns.expect("columns apart") {
                let answer = read(column).await.expect("it runs");
                let times: Vec<_> = answer.rows.iter().filter_map(|row| row[0].as_deref()).collect();
                found.push(format!("{}: {}", answer.columns[1], times.join(" ")));
            }
            assert_eq!(
                found,
                [
                    "root.sg.d1.s2: 2 3 4 7",
                    "adder(root.sg.d1.s1, root.sg.d1.s2): 2 4 7",
                    "same(root.sg.d1.s1): 1 2 4 5 7"
                ]
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_series_and_a_function_of_each_are_given_without_alignment() {
    for store in stores().await {
        let sql = "SELECT *, same(*) FROM root.sg.d2 NON ALIGN";
        let columns = store.session().query_apart(sql, None).await.expect("it runs").expect("columns apart");
        let mut names = Vec::new();
        for column in columns {
            let answer = read(column).await.expect("it runs");
            assert_eq!(answer.rows.len(), 2);
            names.extend(answer.columns.into_iter().skip(1));
        }
        let series = ["root.sg.d2.s1", "root.sg.d2.s2"];
        assert_eq!(names[..2], series);
        assert_eq!(names[2..], series.map(|each| format!("same({each})")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_stand_in_expressions_and_in_each_other() {
    for store in stores().await {
        let session = store.session();
        assert_eq!(
            rows(&session, "select adder(s1, s2) / 2 + s2 from root.sg.d1").await,
            ["2,13.0", "3,-", "4,26.0", "7,45.5"]
        );
        let sql = "select adder(adder(s1, s2), same(s1)) as twice from root.sg.d1";
        assert_eq!(done(&session, sql).await.columns[1], "twice");
        assert_eq!(rows(&session, sql).await, ["2,42", "4,84", "7,147"]);
        assert_eq!(rows(&session, "select top_k(adder(s1, s2), 'k'='1') from root.sg.d1").await, ["7,77"]);
        assert_eq!(
            rows(&session, "select sin(same(s1) - same(s1)) from root.sg.d2").await,
            ["1,0.0", "2,0.0"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_lost_where_an_input_is_an_expression() {
    for store in stores().await {
        let session = store.session();
        let values: Vec<_> = (0..10_000).map(|time| format!("({time}, 1, 2)")).collect();
        for some in values.chunks(2_500) {
            done(&session, &format!("insert into root.sg.d3(time, a, b) values {}", some.join(","))).await;
        }
        let sql = "select count(same(a + 1)), count(same(b)), sum(same(a + b)) from root.sg.d3";
        assert_eq!(rows(&session, sql).await, ["10000,10000,30000.0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limit_and_offset_leave_rows_out() {
    for store in stores().await {
        let session = store.session();
        let asked = "select s1, adder(s1, s2) from root.sg.d1";
        assert_eq!(rows(&session, &format!("{asked} limit 2")).await, ["1,10,-", "2,20,22"]);
        assert_eq!(rows(&session, &format!("{asked} limit 2 offset 3")).await, ["5,50,-", "7,70,77"]);
        assert_eq!(rows(&session, &format!("{asked} offset 4")).await, ["7,70,77"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slimit_and_soffset_leave_columns_out() {
    for store in stores().await {
        let session = store.session();
        let answer = done(&session, "select adder(*, *) from root.sg.d2 slimit 2 soffset 1").await;
        assert_eq!(
            answer.columns[1..],
            ["adder(root.sg.d2.s2, root.sg.d2.s1)", "adder(root.sg.d2.s1, root.sg.d2.s2)"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_of_time_and_of_values_choose_the_rows_that_a_function_is_given() {
    for store in stores().await {
        let session = store.session();
        let asked = "select adder(s1, s2) from root.sg.d1 where";
        assert_eq!(rows(&session, &format!("{asked} time > 2 and time < 7")).await, ["4,44"]);
        assert_eq!(rows(&session, &format!("{asked} s2 >= 4")).await, ["4,44", "7,77"]);
        assert_eq!(rows(&session, &format!("{asked} s3 = 9 and time > 2")).await, ["7,77"]);
        assert_eq!(rows(&session, "select max(s3) from root.sg.d1 where s3 < 9").await, ["1,5"]);
        assert!(rows(&session, &format!("{asked} s1 > 1000")).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_makes_a_series_cannot_stand_in_where() {
    for store in stores().await {
        let (code, message) =
            rejection(&store.session(), "select s1 from root.sg.d1 where adder(s1, s2) > 3").await;
        assert_eq!(
            (code, message.as_str()),
            (
                301,
                "adder: it makes rows of its own, and cannot stand in WHERE: functions of single rows and `diff` can"
            )
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_device_by_device() {
    for store in stores().await {
        let session = store.session();
        let sql = "select s2, Adder(s1, s2) from root.sg.* align by device";
        assert_eq!(done(&session, sql).await.columns, ["Time", "Device", "s2", "Adder(s1, s2)"]);
        assert_eq!(
            rows(&session, sql).await,
            [
                "2,root.sg.d1,2,22",
                "3,root.sg.d1,3,-",
                "4,root.sg.d1,4,44",
                "7,root.sg.d1,7,77",
                "1,root.sg.d2,1,101",
                "2,root.sg.d2,2,202",
            ]
        );
        let sql = "select adder(s1, s2) from root.sg.* order by time desc limit 2 align by device";
        assert_eq!(rows(&session, sql).await, ["7,root.sg.d1,77", "4,root.sg.d1,44"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_newest_first_though_functions_read_them_oldest_first() {
    for store in stores().await {
        let session = store.session();
        let sql = "select s1, max(s3), adder(s1, s2) from root.sg.d1 order by time desc limit 3";
        assert_eq!(rows(&session, sql).await, ["7,70,-,77", "5,50,-,-", "4,40,-,44"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_are_computed_of_what_a_function_gives() {
    for store in stores().await {
        let session = store.session();
        let asked = "select count(adder(s1, s2)), max_value(adder(s1, s2)) from root.sg.d1";
        assert_eq!(rows(&session, asked).await, ["3,77"]);
        assert_eq!(rows(&session, &format!("{asked} group by ([1, 9), 4ms)")).await, ["1,2,44", "5,1,77"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_the_call_and_its_input() {
    for store in stores().await {
        let plan =
            rows(&store.session(), "explain select s1, adder(s1, s2) from root.sg.d1").await.join("\n");
        assert!(plan.contains("Run adder(root.sg.d1.s1, root.sg.d1.s2)\n"), "{plan}");
        assert!(plan.contains("Scan root.sg.d1 [s1, s2], all times"), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_registered_is_named() {
    for store in stores().await {
        let (code, message) = rejection(&store.session(), "select nofunc(s1) from root.sg.d1").await;
        assert_eq!(code, 701);
        assert!(message.contains("UDF NOFUNC has not been registered"), "{message}");
    }
}
