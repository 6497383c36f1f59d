//! What goes wrong in a function ends its query with function, method and message, and nothing else.

use levada_engine::functions::udf::udtf;

use super::stores;
use crate::store::{rejection, rows};

#[tokio::test(flavor = "multi_thread")]
async fn an_authors_message_comes_with_function_and_method() {
    for store in stores().await {
        let session = store.session();
        for (method, code) in
            [("validate", 701), ("before_start", 701), ("transform", 301), ("terminate", 301)]
        {
            let sql = format!("select Wrong(s1, '{method}'='fail') from root.sg.d1");
            assert_eq!(
                rejection(&session, &sql).await,
                (code, format!("function Wrong: {method}: as it was told"))
            );
            assert_eq!(rows(&session, "select adder(s1, s2) from root.sg.d1").await.len(), 3);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_the_query_and_nothing_else() {
    for store in stores().await {
        let session = store.session();
        for method in ["validate", "before_start", "transform", "terminate", "before_destroy"] {
            let sql = format!("select wrong(s1, '{method}'='panic') from root.sg.d1");
            let (_, message) = rejection(&session, &sql).await;
            assert!(message.starts_with(&format!("function wrong: {method}: ")), "{message}");
            assert_eq!(rows(&session, "select adder(s1, s2) from root.sg.d1").await.len(), 3);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_than_the_output_ends_the_query() {
    for store in stores().await {
        let (code, message) =
            rejection(&store.session(), "select wrong(s1, 'transform'='type') from root.sg.d1").await;
        assert_eq!(code, 301);
        assert!(message.starts_with("function wrong: transform: "), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_larger_than_memory_is_read_from_disk_and_who_needs_it_whole_says_so() {
    for mut store in stores().await {
        let module = super::has_module(&store);
        let sql = "select windows(s1, s2, s3, 'by'='size', 'length'='1000') from root.sg.d1";
        let expected = rows(&store.session(), sql).await;
        store.reopen_with(|options| {
            options.udf_memory = 64;
            options.udf_loader = module.then(|| super::host() as _);
        });
        if !module {
            store.engine().offer_function(udtf("test.Windows", super::Windows::default));
        }
        let session = store.session();
        assert_eq!(rows(&session, sql).await, expected);
        let (code, message) = rejection(&session, "select median(s1) from root.sg.d1").await;
        assert_eq!(code, 709, "{message}");
        assert!(
            message.starts_with("function median: transform: ") && message.contains("more than the 64"),
            "{message}"
        );
        assert!(message.contains("`udf_memory_budget`"), "{message}");
    }
}
