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
        "select s1 from root.d where time > 2024-02-32",
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

#[test]
fn what_is_said_twice_of_a_series_is_rejected() {
    for (sql, twice) in [
        (
            "create timeseries root.d.s with datatype=INT32, datatype=INT64",
            "the property datatype is there twice",
        ),
        ("create timeseries root.d.s INT32 datatype=INT64", "the property datatype is there twice"),
        (
            "create timeseries root.d.s INT32 encoding=RLE encoding=PLAIN",
            "the property encoding is there twice",
        ),
        (
            "create timeseries root.d.s INT32 compressor=LZ4 compression=LZ4",
            "the property compression is there twice",
        ),
        (
            "create aligned timeseries root.d(s INT32 encoding=RLE encoding=RLE)",
            "the property encoding is there twice",
        ),
        ("create timeseries root.d.s INT32 tags(a=1, a=2)", "the key a is there twice"),
        ("create timeseries root.d.s INT32 attributes(b=1, a=1, b=1)", "the key b is there twice"),
        ("alter timeseries root.d.s upsert tags(a=1, a=2)", "the key a is there twice"),
    ] {
        let error = parse(sql).expect_err(sql);
        assert!(error.code.0 == 701 && error.to_string().contains(twice), "{sql}: {error}");
    }
    parse("create timeseries root.d.s INT32 encoding=RLE tags(a=1, b=2) attributes(c=1)")
        .expect("a tag and an attribute");
}
