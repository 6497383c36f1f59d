//! Properties of series: known ones are kept and shown, others are rejected.

use crate::store::{Store, ask, done, rejection, rows};

/// Dead band and its parameters, by series.
async fn deadbands(store: &Store) -> Vec<Vec<Option<String>>> {
    let shown = ask(&store.session(), "show timeseries root.u.**").await.expect("the catalog");
    let name = |row: &[Option<String>]| row[0].clone();
    let mut rows: Vec<_> =
        shown.rows.iter().map(|row| vec![name(row), row[8].clone(), row[9].clone()]).collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_band_is_shown_and_survives_a_restart() {
    let mut store = Store::open();
    let session = store.session();
    for sql in [
        "create timeseries root.u.x.a with datatype=DOUBLE, encoding=PLAIN, loss=SDT, compdev=0.5",
        "create timeseries root.u.x.b(al) INT32 encoding=RLE LOSS=sdt COMPDEV=2 COMPMINTIME=1 COMPMAXTIME=15 tags(k=v)",
        "create aligned timeseries root.u.y(c FLOAT loss=SDT compdev=0.01, d INT32)",
    ] {
        done(&session, sql).await;
    }
    done(&session, "alter timeseries root.u.x.a upsert alias=first tags(unit=c)").await;
    drop(session);
    let cell = |text: &str| Some(text.to_owned());
    let expected = [
        vec![cell("root.u.x.a"), cell("SDT"), cell("{compdev=0.5}")],
        vec![cell("root.u.x.b"), cell("SDT"), None],
        vec![cell("root.u.y.c"), cell("SDT"), cell("{compdev=0.01}")],
        vec![cell("root.u.y.d"), None, None],
    ];
    for _ in 0..2 {
        let mut shown = deadbands(&store).await;
        // Three parameters come in no order.
        let parameters = shown[1][2].take().expect("parameters");
        let mut parts: Vec<_> = parameters.trim_matches(['{', '}']).split(", ").collect();
        parts.sort_unstable();
        assert_eq!(parts, ["compdev=2", "compmaxtime=15", "compmintime=1"]);
        assert_eq!(shown, expected);
        store.reopen();
    }
    // Every point is stored all the same.
    let session = store.session();
    done(&session, "insert into root.u.x(time, a) values(1, 1), (2, 1.1), (3, 1.2)").await;
    done(&session, "flush").await;
    assert_eq!(rows(&session, "select count(a) from root.u.x").await, ["3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_means_nothing_is_rejected_and_makes_no_series() {
    let store = Store::open();
    let session = store.session();
    for (properties, expected, reason) in [
        ("nosuch=5", 507, "nosuch is not a legal prop"),
        ("loss=LTTB, compdev=1", 701, "loss LTTB is unsupported"),
        ("loss=SDT", 303, "deviation is required. Failed to create timeseries for path root.u."),
        ("compdev=1", 701, "property compdev needs loss=SDT"),
        ("loss=SDT, compdev=x", 303, "must be a number"),
        ("loss=SDT, compdev=-1", 303, "must be a number"),
        ("loss=SDT, compdev=1, compdev=2", 701, "there twice"),
        ("loss=SDT, compdev=1, compmintime=5, compmaxtime=5", 303, "must be greater"),
        ("loss=SDT, compdev=1, compmintime=soon", 303, "must be a number"),
    ] {
        for sql in [
            format!("create timeseries root.u.x.s with datatype=INT32, {properties}"),
            format!("create aligned timeseries root.u.y(s INT32 {})", properties.replace(", ", " ")),
        ] {
            let (code, message) = rejection(&session, &sql).await;
            assert_eq!((code, message.contains(reason)), (expected, true), "{sql}: {message}");
        }
    }
    assert_eq!(rows(&session, "count timeseries root.u.**").await, ["0"]);
}
