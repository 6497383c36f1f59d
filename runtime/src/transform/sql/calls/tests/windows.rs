//! Functions of windows.

use std::ops::Range;

use super::*;

#[test]
fn what_a_function_of_windows_gives_are_rows_of_their_own_when_a_window_is_complete() {
    let select = "windowed(v, 'by'='time', 'length'='10') as n, total(windowed(v, 'by'='time', 'length'='10')) * 10 as sum, v";
    let mut sql = built(json!({"select": select}), 1).expect("it works");
    let of = |times: &[i64]| {
        let rows: Vec<_> = times.iter().map(|&time| ("d", time, &[("v", Double(0.5))][..])).collect();
        batch(&rows)
    };
    let mut given = |times: &[i64]| rows_of(&applied(&mut sql, of(times)).expect("it works"));
    assert_eq!(given(&[1, 5]), ["1: v=0.5", "5: v=0.5"]);
    assert_eq!(given(&[9, 11, 12]), ["1: n=3 sum=30.0", "9: v=0.5", "11: v=0.5", "12: v=0.5"]);
    assert_eq!(given(&[45]), ["11: n=2 sum=50.0", "45: v=0.5"]);
    let mut out = Emitter::new(Instant::now());
    sql.finish(&mut out).expect("it ends");
    assert_eq!(rows_of(&out.take().batch), ["41: n=1 sum=60.0", "1000: sum=60.0"]);
}

#[test]
fn a_leap_of_time_is_one_row_more_and_leaves_long_gaps_out() {
    let of = |times: &[i64]| {
        let rows: Vec<_> = times.iter().map(|&time| ("d", time, &[("v", Double(0.5))][..])).collect();
        batch(&rows)
    };
    // From a clock that was never set to one that is, and on to nanoseconds where milliseconds are meant.
    let now = 1_760_000_000_000;
    let (unset, later, far) = ([0, 5, 9], [now, now + 12], [i64::MAX / 2, i64::MAX - 1]);
    for (by, length) in [("time", 10), ("session", 10), ("size", 2), ("state", 1)] {
        let select = format!("windowed(v, 'by'='{by}', 'length'='{length}', 'empty'='yes') as n");
        let options = json!({"select": select, "allowed_earliness": null});
        let make = || built(options.clone(), 1).expect("it works");
        let (mut sql, mut given) = (make(), Vec::new());
        for times in [&unset[..], &later, &far] {
            let output = applied(&mut sql, of(times)).expect("it works");
            assert_eq!(rejected(&output), [""; 0], "{by}");
            given.extend(rows_of(&output));
            let mut state = Vec::new();
            sql.save(true, &mut state).expect("it saves");
            sql = make();
            sql.restore(&state).expect("the calls are the same");
        }
        let mut out = Emitter::new(Instant::now());
        sql.finish(&mut out).expect("it ends");
        given.extend(rows_of(&out.take().batch));
        let counted: i64 = given.iter().filter_map(|row| row.split_once("n=")?.1.parse::<i64>().ok()).sum();
        assert_eq!(counted, 7, "{by}: each row is in one window: {given:?}");
        assert!(given.len() <= 7, "{by}: {given:?}");
    }
    // A gap that is not long is given.
    let mut sql = built(json!({"select": "windowed(v, 'by'='time', 'length'='10', 'empty'='yes') as n"}), 1)
        .expect("it works");
    let given = rows_of(&applied(&mut sql, of(&[0, 9_995])).expect("it works"));
    assert_eq!((given.len(), given[1].as_str(), given[998].as_str()), (999, "10: n=0", "9980: n=0"));
}

#[test]
fn rows_that_wait_are_stored_when_they_come_and_not_with_each_state() {
    let make = || built(json!({"select": "windowed(v, 'length'='10000') as n"}), 1).expect("it works");
    let mut sql = make();
    let mut parts = Vec::new();
    let rows = |from: i64| {
        let fields = [("v", Double(0.5))];
        let rows: Vec<_> = (from..from + 100).map(|time| ("d", time, &fields[..])).collect();
        batch(&rows)
    };
    for from in (0..9_900).step_by(100) {
        assert_eq!(rows_of(&applied(&mut sql, rows(from)).expect("it works")), [""; 0], "they wait");
        let mut state = Vec::new();
        sql.save(parts.is_empty(), &mut state).expect("it saves");
        parts.push(state);
    }
    let bytes: usize = parts.iter().map(Vec::len).sum();
    assert!(bytes < 2 * 9_900 * 16, "{bytes} bytes for rows of 16");
    let mut other = make();
    parts.iter().for_each(|part| other.restore(part).expect("the calls are the same"));
    let given = applied(&mut other, rows(9_900)).expect("it works");
    assert_eq!(rows_of(&given), ["0: n=10000"]);
}

#[test]
fn a_row_that_is_far_ahead_of_the_clock_is_rejected_and_makes_none_late() {
    let of = |time: i64| batch(&[("d", time, &[("v", Double(0.5))])]);
    let mut sql = built(json!({"select": "total(v) as sum"}), 1).expect("it works");
    let mut given = |time: i64| {
        let output = applied(&mut sql, of(time)).expect("it works");
        (rows_of(&output), output.rejected.into_iter().map(|each| each.error).collect::<Vec<_>>())
    };
    assert_eq!(given(1).0, ["1: sum=0.5"]);
    // Nanoseconds where milliseconds are meant.
    let (rows, reasons) = given(1_760_000_000_000_000_000);
    assert_eq!(rows, [""; 0]);
    assert!(
        reasons[0].starts_with("d: the time 1760000000000000000 is more than 1d ahead of the clock"),
        "{reasons:?}"
    );
    assert_eq!(given(2), (vec!["2: sum=1.0".to_owned()], Vec::new()));
    // Without a call that goes by time there is nothing to be late for.
    let mut plain = built(json!({"select": "v"}), 1).expect("it works");
    assert_eq!(rejected(&applied(&mut plain, of(i64::MAX)).expect("it works")), [""; 0]);
}

#[test]
fn rows_that_wait_for_their_window_go_on_in_another_transform_whether_or_not_the_function_saves() {
    let calls = [
        "windowed(v, 'length'='4') as n, v",
        "windowed(v, 'length'='3', 'step'='2')",
        "windowed(v, 'length'='2', 'step'='5')",
        "windowed(v, w, 'by'='time', 'length'='7')",
        "windowed(v, 'by'='time', 'length'='7', 'step'='3')",
        "windowed(v, 'by'='session', 'length'='4')",
        "windowed(v, 'by'='state', 'length'='2')",
        "numbered(v), total(windowed(v)), total(v)",
    ];
    for select in calls {
        let options = json!({"select": select, "where": "v > -20"});
        transform_contract(Holds::State, || built(options.clone(), 1).expect("it works"), &batches());
    }
}

#[test]
fn a_stop_leaves_windows_open_for_the_next_run() {
    let make = || built(json!({"select": "numbered(v) as n, windowed(v) as rows"}), 1).expect("it works");
    let of = |times: &[i64]| {
        let rows: Vec<_> = times.iter().map(|&time| ("d", time, &[("v", Double(0.5))][..])).collect();
        batch(&rows)
    };
    let mut first = make();
    assert_eq!(
        rows_of(&applied(&mut first, of(&[1, 2, 3, 4, 5])).expect("it works")),
        ["1: rows=2", "3: n=1 rows=2"]
    );
    let mut out = Emitter::new(Instant::now());
    first.stop(&mut out).expect("it stops");
    assert_eq!(rows_of(&out.take().batch), [""; 0]);
    let mut state = Vec::new();
    first.save(true, &mut state).expect("it saves");
    let mut second = make();
    second.restore(&state).expect("the calls are the same");
    assert_eq!(rows_of(&applied(&mut second, of(&[6])).expect("it works")), ["5: rows=2", "6: n=2"]);
    let damaged = state.len() - 20;
    state[damaged] ^= 0x55;
    // Whatever it is read as, it is no panic.
    let mut third = make();
    if third.restore(&state).is_ok() {
        drop(applied(&mut third, of(&[6])));
    }
}

#[test]
fn a_row_that_there_is_no_room_for_is_rejected_until_the_window_is_complete() {
    let long = "a".repeat(4096);
    let rows = |times: Range<i64>, text: &str| {
        let field = [("v", Text(text))];
        batch(&times.map(|time| ("d", time, &field[..])).collect::<Vec<_>>())
    };
    for (by, length) in [("time", 1_000_000), ("session", 1_000), ("state", 1), ("size", 1_000_000)] {
        let select = format!("windowed(v, 'by'='{by}', 'length'='{length}') as n");
        let make = || built(json!({"select": select}), 1).expect("it works");
        let mut sql = make();
        let mut taken = 0;
        for from in (0..5_000).step_by(500) {
            let output = applied(&mut sql, rows(from..from + 500, &long)).expect("it works");
            assert_eq!(lines(&output), [""; 0], "{by}");
            taken += 500 - output.rejected.len();
            let reason = "d: function windowed: the row of 4999 has no room: the rows that wait for their window would have more \
                          than the 16777216 bytes that may be stored of a call";
            let is_named = output.rejected.last().is_some_and(|last| last.error.contains(reason));
            assert_eq!(is_named, from == 4_500, "{by}: {:?}", output.rejected.last().map(|last| &last.error));
        }
        assert!((4_050..4_100).contains(&taken), "{by}: 16 MiB of rows of 4 KiB: {taken}");
        // What is stored is enough to go on from, and no room more.
        let mut state = Vec::new();
        sql.save(true, &mut state).expect("it saves");
        let mut sql = make();
        sql.restore(&state).expect("the calls are the same");
        assert_eq!(
            applied(&mut sql, rows(5_000..5_100, &long)).expect("it works").rejected.len(),
            100,
            "{by}"
        );
        if by == "size" {
            let next = applied(&mut sql, rows(9_000_000..9_000_001, &long)).expect("it works");
            assert_eq!(rejected(&next), ["d 9000000"], "it is never complete");
            continue;
        }
        let next = applied(&mut sql, rows(9_000_000..9_000_001, "b")).expect("it works");
        assert_eq!(rejected(&next), [""; 0], "{by}");
        assert_eq!(rows_of(&next), [format!("0: n={taken}")], "{by}");
        assert_eq!(rejected(&applied(&mut sql, rows(9_000_001..9_000_500, "b")).expect("it works")), [""; 0]);
    }
}
