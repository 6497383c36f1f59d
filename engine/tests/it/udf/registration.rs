//! Who may make and call functions, and what is listed.

use levada_model::{Login, Session, SessionOptions};

use super::stores;
use crate::store::{done, rejection, rows};

#[tokio::test(flavor = "multi_thread")]
async fn all_functions_are_listed_with_their_kind_and_class() {
    for store in stores().await {
        let session = store.session();
        let answer = done(&session, "show functions").await;
        assert_eq!(answer.columns, ["FunctionName", "FunctionType", "ClassName(UDF)", "State"]);
        let listed = rows(&session, "show functions").await;
        for line in [
            "ADDER,external UDTF,test.Adder,AVAILABLE",
            "MEAN,external UDAF,test.Mean,AVAILABLE",
            "SIN,built-in UDTF,org.apache.iotdb.commons.udf.builtin.UDTFSin,AVAILABLE",
            "COUNT,native,,AVAILABLE",
        ] {
            assert!(listed.iter().any(|each| each == line), "{line}");
        }
        done(&session, "drop function ADDER").await;
        assert!(!rows(&session, "show functions").await.iter().any(|each| each.starts_with("ADDER,")));
        assert_eq!(rejection(&session, "select adder(s1, s2) from root.sg.d1").await.0, 701);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn making_and_dropping_take_a_privilege_and_calling_takes_the_right_to_read() {
    for store in stores().await {
        let root = store.session();
        done(&root, "create user amyuser 'secret12'").await;
        let login = Login { user: "amyuser".to_owned(), password: "secret12".to_owned() };
        let amy = store
            .engine()
            .open_session(SessionOptions { login: Some(login), ..SessionOptions::default() })
            .await
            .expect("a user");
        let asked = "select adder(s1, s2) from root.sg.d1";
        let statements = ["create function twin as 'test.Same'", "drop function twin"];
        for sql in statements {
            assert_eq!(rejection(&amy, sql).await.0, 803, "{sql}");
        }
        assert!(rows(&amy, asked).await.is_empty(), "what may not be read is as if it were not there");
        done(&root, "grant user amyuser privileges 'READ_TIMESERIES' on root.sg").await;
        assert_eq!(rows(&amy, asked).await.len(), 3);
        for privilege in ["CREATE_FUNCTION", "DROP_FUNCTION", "USE_UDF"] {
            done(&root, &format!("grant user amyuser privileges '{privilege}'")).await;
            for sql in statements {
                done(&amy as &dyn Session, sql).await;
            }
            done(&root, "revoke use_udf on root.** from user amyuser").await;
            assert_eq!(rejection(&amy, statements[0]).await.0, 803);
        }
    }
}
