//! Users, roles and privileges; what statements do, and what somebody must be allowed to for them.

use levada_model::PathPattern;
use levada_sql::ast::{
    ChangeAuthority, Effect, Grant, Holder, ListAuthority, Need, Password, Privilege, Statement,
};

use super::parse;

fn change(text: &str) -> ChangeAuthority {
    match parse(text).expect(text) {
        Statement::ChangeAuthority(change) => change,
        other => panic!("{text}: {other:?}"),
    }
}

fn patterns(texts: &[&str]) -> Vec<PathPattern> {
    texts.iter().map(|text| PathPattern::parse(text).expect("legal")).collect()
}

#[test]
fn privileges_are_granted_and_revoked_in_new_and_old_spellings() {
    let grant = |holder, privileges: &[Privilege], paths: &[&str], grant_option| Grant {
        privileges: privileges.to_vec(),
        is_all: false,
        paths: patterns(paths),
        holder,
        grant_option,
    };
    let (amy, ops) = (|| Holder::User("amy".to_owned()), || Holder::Role("ops".to_owned()));
    let read = [Privilege::ReadData];
    for (text, expected) in [
        (
            "grant read_data on root.a.**, root.b.s to user amy with grant option",
            ChangeAuthority::Grant(grant(amy(), &read, &["root.a.**", "root.b.s"], true)),
        ),
        (
            "GRANT READ, write_data ON root.a.** TO ROLE ops",
            ChangeAuthority::Grant(grant(
                ops(),
                &[Privilege::ReadData, Privilege::ReadSchema, Privilege::WriteData],
                &["root.a.**"],
                false,
            )),
        ),
        (
            "revoke read_data on root.a.** from user amy",
            ChangeAuthority::Revoke(grant(amy(), &read, &["root.a.**"], false)),
        ),
        (
            "grant user amy privileges 'READ_TIMESERIES' on root.a",
            ChangeAuthority::Grant(grant(amy(), &read, &["root.a", "root.a.**"], false)),
        ),
        (
            "grant user amy privileges 'CREATE_USER'",
            ChangeAuthority::Grant(grant(amy(), &[Privilege::ManageUser], &["root.**"], false)),
        ),
        (
            "revoke role ops privileges INSERT_TIMESERIES, DELETE_TIMESERIES on root.a.**",
            ChangeAuthority::Revoke(grant(
                ops(),
                &[Privilege::WriteData, Privilege::WriteSchema],
                &["root.a.**"],
                false,
            )),
        ),
    ] {
        assert_eq!(change(text), expected, "{text}");
    }
    let ChangeAuthority::Grant(all) = change("grant all on root.** to user amy") else { panic!("a grant") };
    assert!(all.is_all && all.privileges == Privilege::ALL);
    for text in ["grant role ops to amy", "grant ops to amy"] {
        let expected = ChangeAuthority::GrantRole { role: "ops".to_owned(), user: "amy".to_owned() };
        assert_eq!(change(text), expected, "{text}");
    }
    for text in ["revoke role ops from amy", "revoke ops from amy"] {
        let expected = ChangeAuthority::RevokeRole { role: "ops".to_owned(), user: "amy".to_owned() };
        assert_eq!(change(text), expected, "{text}");
    }
}

#[test]
fn users_and_roles_are_made_changed_removed_and_listed() {
    let (user, password) = ("amy".to_owned(), Password::new("secret".to_owned()));
    let made = ChangeAuthority::CreateUser { user: user.clone(), password: password.clone() };
    assert_eq!(change("create user amy 'secret'"), made);
    assert!(!format!("{made:?}").contains("secret"), "nothing prints a password");
    let set = ChangeAuthority::SetPassword { user: "root".to_owned(), password };
    assert_eq!(change("alter user root set password \"secret\""), set);
    assert_eq!(change("drop user amy"), ChangeAuthority::DropUser { user });
    let list = |text: &str| match parse(text).expect(text) {
        Statement::ListAuthority(list) => list,
        other => panic!("{text}: {other:?}"),
    };
    let (amy, ops) = (|| "amy".to_owned(), || "ops".to_owned());
    let privileges = |holder, paths: &[&str]| ListAuthority::Privileges { holder, paths: patterns(paths) };
    for (text, expected) in [
        ("list user", ListAuthority::Users { role: None }),
        ("list user of role ops", ListAuthority::Users { role: Some(ops()) }),
        ("list all user of role ops", ListAuthority::Users { role: Some(ops()) }),
        ("list role", ListAuthority::Roles { user: None }),
        ("list role of user amy", ListAuthority::Roles { user: Some(amy()) }),
        ("list all role of user amy", ListAuthority::Roles { user: Some(amy()) }),
        ("list privileges of user root", privileges(Holder::User("root".to_owned()), &[])),
        ("list privileges of role ops", privileges(Holder::Role(ops()), &[])),
        ("list user privileges amy", privileges(Holder::User(amy()), &[])),
        ("list role privileges ops", privileges(Holder::Role(ops()), &[])),
        ("list privileges user amy on root.a", privileges(Holder::User(amy()), &["root.a", "root.a.**"])),
    ] {
        assert_eq!(list(text), expected, "{text}");
    }
}

#[test]
fn what_is_malformed_about_users_is_rejected() {
    for text in [
        "create user root 'secret'",
        "create user amy",
        "create user 'amy' 'secret'",
        "create role root",
        "drop user root",
        "drop role root",
        "grant",
        "grant read_data",
        "grant nope on root.** to user amy",
        "grant read_data on a.** to user amy",
        "grant read_data on root.** to amy",
        "grant read_data on root.** to user root",
        "grant role root to amy",
        "revoke all on root.** from user root",
        "revoke read_data on root.** from user amy with grant option",
        "list",
        "list all privileges",
        "list privileges of",
        "list privileges of role root",
        "alter user amy",
        "kill query",
        "kill queries",
    ] {
        assert_eq!(parse(text).expect_err(text).code.0, 700, "{text}");
    }
}

#[test]
fn a_statement_says_what_it_does_and_what_it_takes() {
    let paths = |privilege, texts: &[&str]| Need::Paths(privilege, patterns(texts));
    for (text, effect, need) in [
        ("select s from root.a", Effect::Reads, Need::See(Privilege::ReadData)),
        ("explain select s from root.a", Effect::Reads, Need::See(Privilege::ReadData)),
        ("show timeseries root.a.**", Effect::Reads, Need::See(Privilege::ReadSchema)),
        ("count devices", Effect::Reads, Need::See(Privilege::ReadSchema)),
        ("show version", Effect::Reads, Need::Nothing),
        ("show queries", Effect::Reads, Need::Server(Privilege::Maintain)),
        ("kill query 'x'", Effect::Administers, Need::Server(Privilege::Maintain)),
        (
            "insert into root.a.d(time, s, `t u`) values (1, 2, 3)",
            Effect::WritesRows,
            paths(Privilege::WriteData, &["root.a.d.s", "root.a.d.`t u`"]),
        ),
        (
            "delete from root.a.**, root.b.s",
            Effect::WritesRows,
            paths(Privilege::WriteData, &["root.a.**", "root.b.s"]),
        ),
        ("load '/x.tsfile'", Effect::WritesRows, Need::Anywhere(Privilege::WriteData)),
        ("create database root.a", Effect::ChangesSchema, Need::Server(Privilege::ManageDatabase)),
        (
            "create aligned timeseries root.a.d(x INT32, y INT32)",
            Effect::ChangesSchema,
            paths(Privilege::WriteSchema, &["root.a.d.x", "root.a.d.y"]),
        ),
        ("set ttl to root.a.** 5", Effect::ChangesSchema, paths(Privilege::WriteSchema, &["root.a.**"])),
        ("flush", Effect::Administers, Need::Root),
        ("merge", Effect::WritesRows, Need::Root),
        ("create user amyuser 'secret'", Effect::Administers, Need::Server(Privilege::ManageUser)),
        (
            "alter user amyuser set password 'secret'",
            Effect::Administers,
            Need::BeOr("amyuser".to_owned(), Privilege::ManageUser),
        ),
        ("create function f as 'id'", Effect::Administers, Need::Server(Privilege::UseUdf)),
        ("drop function f", Effect::Administers, Need::Server(Privilege::UseUdf)),
        ("start pipe p", Effect::Administers, Need::Server(Privilege::UsePipe)),
        ("show pipes", Effect::Reads, Need::Server(Privilege::UsePipe)),
    ] {
        let statement = parse(text).expect(text);
        assert_eq!((statement.effect(), statement.needs()), (effect, vec![need]), "{text}");
    }
    let into = parse("select s into root.b.${2}(x), root.c(::) from root.a").expect("legal");
    let needs = [Need::See(Privilege::ReadData), paths(Privilege::WriteData, &["root.b.*.x", "root.c.*"])];
    assert_eq!((into.effect(), into.needs()), (Effect::WritesRows, needs.to_vec()));
}
