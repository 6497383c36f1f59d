//! What is logged of what was rejected.

use std::{fmt, sync::Arc};

use levada_model::{Login, SessionOptions};
use parking_lot::Mutex;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::set_default,
};

use crate::store::{Store, done};

/// The reasons of what is logged under the target `audit`.
#[derive(Clone, Default)]
struct Audit(Arc<Mutex<Vec<String>>>);

impl Subscriber for Audit {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "audit"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Reason(&self.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Reason<'a>(&'a Mutex<Vec<String>>);

impl Visit for Reason<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "reason" {
            self.0.lock().push(format!("{value:?}"));
        }
    }
}

#[tokio::test]
async fn each_statement_of_a_call_that_is_rejected_is_logged_once() {
    let store = Store::open();
    let root = store.session();
    for sql in ["create user amyuser 'secret12'", "grant WRITE on root.a.** to user amyuser"] {
        done(&root, sql).await;
    }
    let login = Some(Login { user: "amyuser".to_owned(), password: "secret12".to_owned() });
    let amy = store.engine().open_session(SessionOptions { login, ..SessionOptions::default() }).await;
    let amy = amy.expect("the password");
    done(&root, "create database root.a").await;
    for (statements, rejected) in [
        (
            &["insert into root.b.d(time, s) values (1, 1)", "insert into root.c.d(time, s) values (1, 1)"][..],
            &["root.b.d.s", "root.c.d.s"][..],
        ),
        (
            &["insert into root.a.d(time, s) values (1, 1)", "insert into root.c.d(time, s) values (1, 1)"],
            &["root.c.d.s"],
        ),
        (&["insert into root.b.d(time, s) values (1, 1)"], &["root.b.d.s"]),
        (
            &["insert into root.a.d(time, s) values (1, 1)", "insert into root.a.d(time, s) values (2, 1)"],
            &[],
        ),
    ] {
        let audit = Audit::default();
        let outcomes = {
            let _logging = set_default(audit.clone());
            amy.execute_each(statements.iter().map(|sql| Ok(Some((*sql).to_owned()))).collect()).await
        };
        let logged = audit.0.lock().clone();
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.is_err()).count(),
            rejected.len(),
            "{outcomes:?}"
        );
        assert_eq!(logged.len(), rejected.len(), "{logged:?}");
        assert!(logged.iter().zip(rejected).all(|(line, path)| line.contains(path)), "{logged:?}");
    }
}
