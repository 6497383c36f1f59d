//! Users, roles and what they may do.

use std::sync::Arc;

use arrow_array::{Int32Array, Int64Array};
use levada_engine::EmbeddedSession;
use levada_model::{
    Column, DataType, Login, Path, PathPattern, Session, SessionError, SessionOptions, StatusCode, Tablet,
    Write,
};
use levada_sql::{ParseContext, ast::Statement};

use crate::store::{Answer, Store, ask, done, rows};

const PASSWORD: &str = "secret12";

async fn log_in(store: &Store, user: &str, password: &str) -> Result<EmbeddedSession, SessionError> {
    let login = Some(Login { user: user.to_owned(), password: password.to_owned() });
    store.engine().open_session(SessionOptions { login, ..SessionOptions::default() }).await
}

/// A store with rows of three databases, and the users `amyuser` and `bobuser`, who may do nothing.
async fn filled() -> Store {
    let store = Store::open();
    let root = store.session();
    for sql in [
        "insert into root.a.d(time, s) values (1, 1.5)",
        "insert into root.b.d(time, s) values (1, 2.5)",
        "insert into root.c.d(time, s) values (1, 3.5)",
        "create timeseries root.a.d.t with datatype=INT32 tags(unit=c)",
        "set ttl to root.a 3600000000000",
        "create user amyuser 'secret12'",
        "create user bobuser 'secret12'",
        "create role opsrole",
    ] {
        done(&root, sql).await;
    }
    store
}

/// How a statement is told who may run it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Guard {
    /// Everybody.
    Open,
    /// What the privilege is not held for is not seen.
    Seen(&'static str),
    /// It is rejected without the privilege for what lies below `root.a`.
    Paths(&'static str),
    /// It is rejected without the privilege for any path.
    Anywhere(&'static str),
    /// It is rejected without the privilege, which is of the whole server.
    Server(&'static str),
    /// It is rejected without privileges that may be given to others.
    Given(&'static str),
    /// It is rejected for all but `root`.
    Root,
}

use Guard::{Anywhere, Given, Open, Paths, Root, Seen, Server};

const STATEMENTS: &[(&str, Guard)] = &[
    ("select s from root.a.d", Seen("READ_DATA")),
    ("select * from root.a.**", Seen("READ_DATA")),
    ("select last s from root.a.d", Seen("READ_DATA")),
    ("select count(s) from root.a.d", Seen("READ_DATA")),
    ("select s from root.a.d where s > 0 align by device", Seen("READ_DATA")),
    ("explain select s from root.a.d", Seen("READ_DATA")),
    ("show timeseries root.a.**", Seen("READ_SCHEMA")),
    ("show timeseries root.a.** where tags(unit)='c'", Seen("READ_SCHEMA")),
    ("show devices root.a.**", Seen("READ_SCHEMA")),
    ("show databases root.a", Seen("READ_SCHEMA")),
    ("show child paths root.a", Seen("READ_SCHEMA")),
    ("show child nodes root.a", Seen("READ_SCHEMA")),
    ("show ttl on root.a.**", Seen("READ_SCHEMA")),
    ("count databases root.a", Seen("READ_SCHEMA")),
    ("count devices root.a.**", Seen("READ_SCHEMA")),
    ("count timeseries root.a.**", Seen("WRITE_SCHEMA")),
    ("count nodes root.a.** level=2", Seen("READ_SCHEMA")),
    ("show version", Open),
    ("show functions", Open),
    ("show current_timestamp", Open),
    ("list privileges of user amyuser", Open),
    ("list role of user amyuser", Open),
    ("alter user amyuser set password 'secret12'", Open),
    ("create model m", Open),
    ("create view root.a.v.s as root.a.d.s", Paths("READ_DATA, WRITE_SCHEMA")),
    ("show view root.a.**", Seen("READ_SCHEMA")),
    ("drop view root.a.v.s", Paths("WRITE_SCHEMA")),
    ("start trigger t", Server("USE_TRIGGER")),
    ("drop trigger t", Server("USE_TRIGGER")),
    ("show triggers", Server("USE_TRIGGER")),
    ("load configuration", Server("MAINTAIN")),
    ("show paths using device template used", Seen("READ_SCHEMA")),
    ("show device templates", Root),
    ("create device template t (s DOUBLE)", Root),
    ("set device template t to root.a.t", Root),
    ("create timeseries using device template on root.a.t", Paths("WRITE_SCHEMA")),
    ("deactivate device template t from root.a.t", Paths("WRITE_SCHEMA")),
    ("start repair data", Root),
    ("stop pipe if exists p", Server("USE_PIPE")),
    ("show pipes", Server("USE_PIPE")),
    ("create pipesink s as IoTDB", Server("USE_PIPE")),
    ("show queries", Server("MAINTAIN")),
    ("show cluster", Server("MAINTAIN")),
    ("kill all queries", Server("MAINTAIN")),
    ("kill query '20260101_000000_09999_1'", Server("MAINTAIN")),
    ("create function f as 'org.nope.Missing'", Server("USE_UDF")),
    ("drop function f", Server("USE_UDF")),
    ("show regions", Root),
    ("insert into root.a.d(time, s) values (2, 2)", Paths("WRITE_DATA")),
    ("delete from root.a.d.s where time = 77", Paths("WRITE_DATA")),
    ("delete from root.a.** where time = 77", Paths("WRITE_DATA")),
    ("load '/nowhere.tsfile'", Anywhere("WRITE_DATA")),
    ("create timeseries root.a.d.new INT32", Paths("WRITE_SCHEMA")),
    ("create aligned timeseries root.a.e(x INT32, y INT32)", Paths("WRITE_SCHEMA")),
    ("alter timeseries root.a.d.s add tags site=x", Paths("WRITE_SCHEMA")),
    ("alter timeseries root.a.** set storage_properties compressor=GZIP", Paths("WRITE_SCHEMA")),
    ("set ttl to root.a.** 3600000000000", Paths("WRITE_SCHEMA")),
    ("unset ttl from root.a.**", Paths("WRITE_SCHEMA")),
    ("delete timeseries root.a.d.t", Paths("WRITE_SCHEMA")),
    ("create database root.n", Server("MANAGE_DATABASE")),
    ("delete database root.n", Server("MANAGE_DATABASE")),
    ("create user caruser 'secret12'", Server("MANAGE_USER")),
    ("alter user bobuser set password 'secret12'", Server("MANAGE_USER")),
    ("list user", Server("MANAGE_USER")),
    ("list user of role opsrole", Server("MANAGE_USER")),
    ("list privileges of user bobuser", Server("MANAGE_USER")),
    ("drop user caruser", Server("MANAGE_USER")),
    ("create role newrole", Server("MANAGE_ROLE")),
    ("list role", Server("MANAGE_ROLE")),
    ("list role of user bobuser", Server("MANAGE_ROLE")),
    ("list privileges of role opsrole", Server("MANAGE_ROLE")),
    ("grant role newrole to bobuser", Server("MANAGE_ROLE")),
    ("revoke role newrole from bobuser", Server("MANAGE_ROLE")),
    ("drop role newrole", Server("MANAGE_ROLE")),
    ("grant read_data on root.a.d.s to user bobuser", Given("READ_DATA")),
    ("revoke read_data on root.a.d.s from user bobuser", Given("READ_DATA")),
    ("show cqs", Server("USE_CQ")),
    ("drop cq newcq", Server("USE_CQ")),
    ("flush", Root),
    ("merge", Root),
    ("clear cache", Root),
    ("set system to running", Root),
    ("set configuration 'enable_auto_create_schema'='true'", Root),
];

/// Which kind of statement it is: one that is new does not compile until it stands here, and above.
fn kind(statement: &Statement) -> usize {
    match statement {
        Statement::CreateDatabase(_) => 0,
        Statement::DeleteDatabases { .. } => 1,
        Statement::CreateTimeseries(_) => 2,
        Statement::CreateAlignedTimeseries(_) => 3,
        Statement::DeleteTimeseries { .. } => 4,
        Statement::AlterTimeseries(_) => 5,
        Statement::SetTtl { .. } => 6,
        Statement::UnsetTtl { .. } => 7,
        Statement::Insert(_) => 8,
        Statement::Delete(_) => 9,
        Statement::Load(_) => 10,
        Statement::Select(_) => 11,
        Statement::Explain { .. } => 12,
        Statement::Show(_) => 13,
        Statement::Count(_) => 14,
        Statement::Flush { .. } => 15,
        Statement::Merge => 16,
        Statement::ClearCache => 17,
        Statement::SetSystem(_) => 18,
        Statement::SetConfiguration(_) => 19,
        Statement::ShowQueries => 20,
        Statement::KillQuery { .. } => 21,
        Statement::ChangeAuthority(_) => 22,
        Statement::ListAuthority(_) => 23,
        Statement::CreateFunction(_) => 24,
        Statement::DropFunction { .. } => 25,
        Statement::Unsupported { .. } => 26,
        Statement::ChangePipe(_) => 27,
        Statement::ShowPipes(_) => 28,
        Statement::LoadConfiguration => 29,
        Statement::Repair { .. } => 30,
        Statement::ChangeTemplate(_) => 31,
        Statement::ShowTemplates(_) => 32,
        Statement::ChangeTrigger(_) => 33,
        Statement::ChangeView(_) => 34,
        Statement::ChangeCq(_) => 35,
        Statement::ShowCqs => 36,
        Statement::AlterStored(_) => 37,
    }
}

#[test]
fn every_kind_of_statement_is_tried() {
    let context = ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 };
    let mut tried: Vec<_> = STATEMENTS
        .iter()
        .map(|(sql, _)| {
            kind(&levada_sql::parse(sql, &context).unwrap_or_else(|error| panic!("{sql}: {error}")))
        })
        .collect();
    tried.sort_unstable();
    tried.dedup();
    assert_eq!(tried, (0..38).collect::<Vec<_>>());
}

fn code(answer: &Result<Answer, SessionError>) -> i32 {
    answer.as_ref().map_or_else(|error| error.code.0, |_| 200)
}

/// The code of a statement that is rejected at the gate.
fn rejected(guard: Guard) -> i32 {
    if matches!(guard, Given(_)) { 817 } else { StatusCode::NO_PERMISSION.0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_takes_its_privilege() {
    let store = filled().await;
    let root = store.session();
    for sql in [
        "create device template used (s DOUBLE)",
        "set device template used to root.a.used",
        "create timeseries using device template on root.a.used.d",
    ] {
        done(&root, sql).await;
    }
    let amy = log_in(&store, "amyuser", PASSWORD).await.expect("a user");
    for (sql, guard) in STATEMENTS {
        let none = ask(&amy, sql).await;
        // Other privileges, and the right one for other paths.
        let elsewhere = match guard {
            Open | Root => "grant all on root.** to user amyuser".to_owned(),
            Seen(privilege) | Paths(privilege) => format!("grant {privilege} on root.b.** to user amyuser"),
            Given(privilege) => format!("grant {privilege} on root.** to user amyuser"),
            Anywhere(_) => "grant read, write_schema on root.** to user amyuser".to_owned(),
            Server("MAINTAIN") => "grant use_udf, read, write on root.** to user amyuser".to_owned(),
            Server(_) => "grant maintain, read, write on root.** to user amyuser".to_owned(),
        };
        done(&root, &elsewhere).await;
        let elsewhere = ask(&amy, sql).await;
        done(&root, "revoke all on root.** from user amyuser").await;
        for (answer, held) in [(&none, "nothing"), (&elsewhere, "something else")] {
            match guard {
                Open => assert_ne!(code(answer), 803, "{sql} with {held}"),
                Seen(_) => assert_eq!(code(answer), 200, "{sql} with {held}: {answer:?}"),
                guard => assert_eq!(code(answer), rejected(*guard), "{sql} with {held}: {answer:?}"),
            }
        }
        let grant = match guard {
            Open | Root => continue,
            Seen(privilege) | Paths(privilege) | Anywhere(privilege) => {
                format!("grant {privilege} on root.a.** to user amyuser")
            }
            Given(privilege) => {
                format!("grant {privilege} on root.a.** to user amyuser with grant option")
            }
            Server(privilege) => format!("grant {privilege} on root.** to user amyuser"),
        };
        done(&root, &grant).await;
        let right = ask(&amy, sql).await;
        if let Seen(_) = guard {
            let (none, elsewhere) = (none.expect("seen"), elsewhere.expect("seen"));
            let right = right.expect("seen");
            assert_eq!(none, elsewhere, "{sql}: what is not seen is as if it were not there");
            assert_ne!(none, right, "{sql}: what is seen is seen");
            assert_eq!(right, done(&root, sql).await, "{sql}: nothing is missing");
        } else {
            assert!(![803, 817].contains(&code(&right)), "{sql} with the right privilege: {right:?}");
        }
        done(&root, "revoke all on root.** from user amyuser").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_any_more_may_do_nothing() {
    let store = filled().await;
    let root = store.session();
    done(&root, "grant all on root.** to user amyuser").await;
    let amy = log_in(&store, "amyuser", PASSWORD).await.expect("a user");
    done(&amy, "insert into root.a.d(time, s) values (2, 2)").await;
    done(&root, "drop user amyuser").await;
    for again in [false, true] {
        if again {
            // Another user of the same name is another user.
            done(&root, "create user amyuser 'secret12'").await;
            done(&root, "grant all on root.** to user amyuser").await;
        }
        for (sql, _) in STATEMENTS {
            assert_eq!(code(&ask(&amy, sql).await), 803, "{sql}");
        }
        let written = amy.insert_tablets(write(&["root.a.d"])).await;
        assert_eq!(written.expect_err("gone").code, StatusCode::NO_PERMISSION);
        let found = amy.find_series(&PathPattern::parse("root.**").expect("legal")).await;
        assert_eq!(found.expect_err("gone").code, StatusCode::NO_PERMISSION);
    }
}

fn write(devices: &[&str]) -> Write {
    let column = || Column {
        name: "w".into(),
        data_type: DataType::Int32,
        values: Arc::new(Int32Array::from(vec![7])) as _,
    };
    let tablet = |device: &&str| {
        let device = Path::parse(device).expect("legal");
        Tablet::try_new(device, false, Int64Array::from(vec![9]), vec![column()]).expect("a tablet")
    };
    Write { tablets: devices.iter().map(tablet).collect(), ..Write::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_written_and_make_series_only_where_their_user_may() {
    let store = filled().await;
    let root = store.session();
    let amy = log_in(&store, "amyuser", PASSWORD).await.expect("a user");
    let rejected = async |devices: &[&str], words: &str| {
        let error = amy.insert_tablets(write(devices)).await.expect_err("not allowed");
        assert_eq!(error.code, StatusCode::NO_PERMISSION);
        assert!(error.message.contains(words) && !error.transient, "{error}");
        let insert = format!("insert into {}(time, w) values (9, 7)", devices[devices.len() - 1]);
        let error = ask(&amy, &insert).await.expect_err("not allowed");
        assert!(error.message.contains(words), "{error}");
    };
    rejected(&["root.a.d"], "WRITE_DATA on [root.a.d.w]").await;
    done(&root, "grant write_data on root.a.** to user amyuser").await;
    rejected(&["root.a.d"], "WRITE_SCHEMA on [root.a.d.w]").await;
    rejected(&["root.a.d", "root.b.d"], "WRITE_DATA on [root.b.d.w]").await;
    done(&root, "grant write_schema on root.a.d.w to user amyuser").await;
    amy.insert_tablets(write(&["root.a.d"])).await.expect("allowed");
    rejected(&["root.a.e"], "WRITE_SCHEMA on [root.a.e.w]").await;
    done(&root, "grant write on root.n.** to user amyuser").await;
    rejected(&["root.n.d"], "MANAGE_DATABASE").await;
    done(&root, "grant manage_database on root.** to user amyuser").await;
    amy.insert_tablets(write(&["root.n.d"])).await.expect("allowed");
    assert_eq!(rows(&root, "select w from root.** align by device").await, ["9,root.a.d,7", "9,root.n.d,7"]);
    // One that is rejected is rejected whole: nothing of the others of its call is stored.
    assert_eq!(rows(&root, "count timeseries root.b.**").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_no_way_around_what_is_not_allowed_for_its_series() {
    let store = filled().await;
    let (root, amy) = (store.session(), log_in(&store, "amyuser", PASSWORD).await.expect("a user"));
    for sql in [
        "create timeseries root.al.d.secret(w) INT32",
        "insert into root.al.d(time, secret) values (9, 1)",
        "grant write_data, write_schema on root.al.d.w to user amyuser",
    ] {
        done(&root, sql).await;
    }
    let changes = [
        ("insert into root.al.d(time, w) values (9, 2)", "WRITE_DATA"),
        ("delete from root.al.d.w", "WRITE_DATA"),
        ("alter timeseries root.al.d.w add tags site=x", "WRITE_SCHEMA"),
        ("delete timeseries root.al.d.w", "WRITE_SCHEMA"),
    ];
    let stored = async || rows(&root, "select secret from root.al.d").await;
    for creates in ["true", "false"] {
        done(&root, &format!("set configuration 'enable_auto_create_schema'='{creates}'")).await;
        for (sql, privilege) in changes {
            let error = ask(&amy, sql).await.expect_err("not allowed");
            assert_eq!(error.code, StatusCode::NO_PERMISSION, "{sql}");
            assert!(error.message.contains(&format!("{privilege} on [root.al.d.secret]")), "{error}");
        }
        let error = amy.insert_tablets(write(&["root.al.d"])).await.expect_err("not allowed");
        assert_eq!(error.code, StatusCode::NO_PERMISSION);
        assert_eq!(stored().await, ["9,1"]);
    }
    done(&root, "grant write_data, write_schema on root.al.d.secret to user amyuser").await;
    amy.insert_tablets(write(&["root.al.d"])).await.expect("allowed");
    assert_eq!(stored().await, ["9,7"]);
    for (sql, _) in changes {
        done(&amy, sql).await;
    }
    assert_eq!(rows(&root, "count timeseries root.al.**").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_series_that_are_no_statements_pass_the_same_gate() {
    let store = filled().await;
    let (root, amy) = (store.session(), log_in(&store, "amyuser", PASSWORD).await.expect("a user"));
    let (all, device) =
        (PathPattern::parse("root.**").expect("legal"), Path::parse("root.a.d").expect("legal"));
    let of_device = |session: &EmbeddedSession| {
        let series = session.series_of(&device).into_iter();
        series.map(|series| (series.measurement, series.schema)).collect::<Vec<_>>()
    };
    let count = async |session: &EmbeddedSession| session.find_series(&all).await.expect("found").len();
    assert!(count(&amy).await == 0 && amy.series_of(&device).is_empty());
    assert!(amy.find_devices(&all).await.expect("found").is_empty());
    assert!(amy.create_database(&Path::parse("root.n").expect("legal")).await.is_err());
    let series = of_device(&root);
    assert!(amy.rows_of(&device, &series).await.is_err());
    let mut file = root.series_of(&device);
    file.iter_mut().for_each(|series| series.measurement = "made".into());
    amy.create_missing(file.clone()).await.expect("what may not be made is left out");
    assert_eq!(amy.create_series(&file).await.expect("asked").len(), file.len(), "each is rejected");
    assert_eq!(count(&root).await, 4);
    done(&root, "grant read_data, write_data, write_schema on root.a.** to user amyuser").await;
    assert_eq!((count(&amy).await, amy.find_devices(&all).await.expect("found").len()), (2, 1));
    amy.rows_of(&device, &series).await.expect("allowed");
    amy.create_missing(file).await.expect("made");
    assert_eq!(count(&root).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_gives_its_users_what_it_may_until_it_is_taken() {
    let store = filled().await;
    let (root, amy) = (store.session(), log_in(&store, "amyuser", PASSWORD).await.expect("a user"));
    let query = "select s from root.**";
    done(&root, "grant role opsrole to amyuser").await;
    assert_eq!(rows(&amy, query).await, [""; 0]);
    done(&root, "grant read_data on root.a.** to role opsrole").await;
    done(&root, "grant read_data on root.b.d.s to user amyuser").await;
    assert_eq!(rows(&amy, "select last s from root.**").await.len(), 2);
    let listed = done(&amy, "list privileges of user amyuser").await;
    assert_eq!(listed.columns, ["Role", "Path", "Privileges", "GrantOption"]);
    let cell = |text: &str| Some(text.to_owned());
    let expected = [
        [cell(""), cell("root.b.d.s"), cell("READ_DATA"), cell("false")],
        [cell("opsrole"), cell("root.a.**"), cell("READ_DATA"), cell("false")],
    ];
    assert_eq!(listed.rows, expected);
    done(&amy, "list privileges of role opsrole").await;
    done(&root, "revoke role opsrole from amyuser").await;
    assert_eq!(rows(&amy, "select last s from root.**").await.len(), 1);
    done(&root, "grant role opsrole to amyuser").await;
    done(&root, "drop role opsrole").await;
    assert_eq!(rows(&amy, "select last s from root.**").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_what_they_may_not_give_nor_becomes_root() {
    let store = filled().await;
    let root = store.session();
    for sql in [
        "grant read_data on root.a.** to user amyuser with grant option",
        "grant manage_user, manage_role on root.** to user amyuser",
    ] {
        done(&root, sql).await;
    }
    let amy = log_in(&store, "amyuser", PASSWORD).await.expect("a user");
    for (sql, expected) in [
        ("grant read_data on root.a.d.s to user bobuser", 200),
        ("grant read_data on root.** to user bobuser", 817),
        ("grant write_data on root.a.** to user bobuser", 817),
        ("grant manage_user on root.** to user bobuser", 817),
        ("grant all on root.** to user amyuser", 817),
        ("revoke read_data on root.a.d.s from user bobuser", 200),
        ("alter user root set password 'mine1234'", 803),
        ("drop user `root`", 803),
        ("drop user amyuser", 803),
        ("create user `root` 'mine1234'", 803),
        ("create role `root`", 803),
        ("grant role opsrole to `root`", 803),
        ("grant read_data on root.a.** to user `root`", 803),
    ] {
        assert_eq!(code(&ask(&amy, sql).await), expected, "{sql}");
    }
    assert!(log_in(&store, "root", "mine1234").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_passwords_and_paths_are_checked() {
    let store = filled().await;
    let root = store.session();
    for (sql, expected) in [
        ("create user abc 'secret12'", 303),
        ("create user abcd 'pw'", 303),
        ("create user abcd 'with blank'", 303),
        ("create user abcd 'umläut12'", 303),
        ("create user abcdefghijklmnopqrstuvwxyzabcdefghijklm 'secret12'", 303),
        ("create role abc", 303),
        ("alter user amyuser set password 'x'", 303),
        ("alter user nobodyx set password 'secret12'", 804),
        ("drop user nobodyx", 804),
        ("create user amyuser 'secret12'", 805),
        ("revoke role opsrole from amyuser", 807),
        ("grant role nopes to amyuser", 808),
        ("list user of role nopes", 808),
        ("create role opsrole", 809),
        ("revoke read_data on root.a.** from user amyuser", 811),
        ("revoke all on root.** from user amyuser", 811),
        ("grant read_data on root.a.* to user amyuser", 303),
        ("grant read_data on root.*.d.** to user amyuser", 303),
        ("grant maintain on root.a.** to user amyuser", 701),
        ("grant all on root.a.** to user amyuser", 701),
        ("grant read_data on root.a.** to user nobodyx", 804),
        ("grant read_data on root.a.** to role nopes", 808),
        ("list privileges of user nobodyx", 804),
    ] {
        let answer = ask(&root, sql).await;
        assert_eq!(code(&answer), expected, "{sql}: {answer:?}");
    }
    // A statement of which a part is wrong changes nothing.
    done(&root, "grant read_data on root.a.** to user amyuser").await;
    let sql = "revoke read_data, write_data on root.a.** from user amyuser";
    assert_eq!(code(&ask(&root, sql).await), 811);
    assert_eq!(done(&root, "list privileges of user amyuser").await.rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_outlive_the_engine_and_root_keeps_its_password() {
    let mut store = filled().await;
    assert!(store.engine().has_first_root_password());
    log_in(&store, "root", "root").await.expect("at first");
    done(&store.session(), "grant read_data on root.a.** to user amyuser with grant option").await;
    done(&store.session(), "grant role opsrole to amyuser").await;
    let listed = done(&store.session(), "list privileges of user amyuser").await;
    assert!(store.engine().set_first_root_password("better12".to_owned()).await.expect("stored"));
    assert!(!store.engine().set_first_root_password("other123".to_owned()).await.expect("asked"));
    store.engine().close().await.expect("closed");
    store.reopen();
    assert!(!store.engine().has_first_root_password());
    assert!(!store.engine().set_first_root_password("other123".to_owned()).await.expect("asked"));
    assert_eq!(log_in(&store, "root", "root").await.expect_err("changed").code.0, 801);
    assert_eq!(log_in(&store, "nobodyx", "root").await.expect_err("nobody").code.0, 801);
    let root = log_in(&store, "root", "better12").await.expect("the new one");
    assert_eq!(done(&root, "list privileges of user amyuser").await, listed);
    assert_eq!(rows(&root, "list user of role opsrole").await, ["amyuser"]);
    for password in ["secret12", "secret12"] {
        log_in(&store, "amyuser", password).await.expect("remembered, and once more without looking again");
    }
    assert!(log_in(&store, "amyuser", "secret13").await.is_err());
    done(&root, "alter user amyuser set password 'another1'").await;
    assert!(log_in(&store, "amyuser", "secret12").await.is_err(), "not any more");
    log_in(&store, "amyuser", "another1").await.expect("the new one");
    let file = std::fs::read_to_string(store.data().join("users/users.json")).expect("stored");
    assert!(file.contains("$argon2id$"), "{file}");
    for password in ["better12", "secret12", "another1"] {
        assert!(!file.contains(password), "{password} is stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_of_users_lets_nobody_in() {
    let store = filled().await;
    let (folder, file) = (store.data(), store.data().join("users/users.json"));
    let sound = std::fs::read_to_string(&file).expect("stored");
    store.engine().close().await.expect("closed");
    for (damaged, words) in [
        (sound[..sound.len() / 2].to_owned(), "EOF"),
        (sound.replace("\"root\"", "\"toor\""), "toor"),
        (sound.replace("\"version\": 1", "\"version\": 9"), "version 9"),
        (String::new(), "EOF"),
    ] {
        std::fs::write(&file, damaged).expect("written");
        let error = levada_engine::Engine::open(levada_engine::EngineOptions::new(&folder));
        let error = error.expect_err("damaged").to_string();
        assert!(error.contains("users.json") && error.contains(words), "{error}");
    }
    // What a crash has left beside it does not count.
    std::fs::write(&file, sound).expect("written");
    std::fs::write(folder.join("users/users.json.tmp"), "{").expect("written");
    levada_engine::Engine::open(levada_engine::EngineOptions::new(&folder)).expect("sound");
}
