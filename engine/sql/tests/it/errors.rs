//! Error texts, pinned.

use super::parse;

#[test]
fn errors_say_where_and_what_was_expected() {
    let cases = [
        "selec s1 from root.d",
        "select s1",
        "select s1 from",
        "select s1 from root.d where",
        "select s1 from root..d",
        "select s1 from d1",
        "select s1 from root.d limit x",
        "select s1 from root.d; select s2 from root.d",
        "select s1\nfrom root.d\nwher s1 > 1",
        "select (s1 + from root.d",
        "select 'abc from root.d",
        "select a-b@c from root.d",
        "select s1 from root.d where time > 2024-02-30",
        "select s1 from root.d where time > 1970-01-01T00:00:00Z",
        "select count(s1) from root.d group by ([0,10))",
        "create database plant",
        "create timeseries root.d.123 INT32",
        "create timeseries root.d.s INT16",
        "create timeseries root.d.s INT32 encoding=NOPE",
        "create timeseries root.d.time INT32",
        "create databse root.d",
        "set ttl to root.d -5",
        "insert into root.d(time,s) values('x',1)",
        "insert into root.d(time,s,t) values(1,2)",
        "insert into root.d(time,s,s) values(1,2,3)",
        "insert into root.d(s) values(1),(2)",
        "insert into root.d*(time,s) values(1,2)",
        "insert into root.d values(1,2)",
        "delete from root.d.s where s > 5",
        "delete from root.d.s where time = 1 or time = 3",
        "show timeseries where unit='c'",
        "",
    ];
    let texts: Vec<String> = cases
        .iter()
        .map(|sql| {
            let error = parse(sql).expect_err(sql);
            format!("{sql}\n  {}: {error}", error.code.0)
        })
        .collect();
    insta::assert_snapshot!(texts.join("\n"));
}
