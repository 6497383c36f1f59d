mod calls;

use levada_connector_api::{
    FieldValue::{Boolean, Double, Int64, Text, Written},
    Options,
    model::Kind,
};
use levada_testkit::transform_contract;
use serde_json::{Value as Json, json};

use super::*;
use crate::transform::tests::{batch, built, problems, rejected};

/// Rows of device `d` at these times, whose value is the time.
fn at(times: &[i64]) -> Batch {
    let fields: Vec<_> = times.iter().map(|&time| [("v", Double(time as f64))]).collect();
    let rows: Vec<_> = times.iter().zip(&fields).map(|(&time, fields)| ("d", time, &fields[..])).collect();
    batch(&rows)
}

fn lines(readings: &[Readings]) -> Vec<String> {
    let mut lines = Vec::new();
    for readings in readings {
        let tablet = &readings.tablet;
        for row in 0..tablet.rows() {
            let cells = tablet.columns().iter().filter_map(|column| {
                let value = column.value(row)?;
                Some(format!(" {}={value}", column.name))
            });
            let time = tablet.times().value(row);
            lines.push(format!("{} {time}:{}", tablet.device(), cells.collect::<String>()));
        }
    }
    lines
}

/// What each batch makes a window emit, then what its end does; and the times of late rows.
fn played(options: Json, batches: &[Batch]) -> (Vec<Vec<String>>, Vec<i64>) {
    let mut window = built::<Window>(options);
    let mut out = Emitter::new(Instant::now());
    let (mut emitted, mut late) = (Vec::new(), Vec::new());
    let mut take = |out: &mut Emitter| {
        let taken = out.take();
        emitted.push(lines(&taken.batch.readings));
        let times = taken.others.iter().flatten().flat_map(|each| each.tablet.times().values().to_vec());
        late.extend(times);
    };
    for batch in batches {
        window.apply(batch.clone(), &mut out).expect("it works");
        take(&mut out);
    }
    window.finish(&mut out).expect("it works");
    take(&mut out);
    (emitted, late)
}

#[test]
fn tumbling_windows_are_emitted_when_the_device_has_passed_them() {
    let options =
        json!({"size": "10ms", "aggregates": {"v": ["count", "sum", "avg", "min", "max", "first", "last"]}});
    let (emitted, late) = played(options, &[at(&[1, 4, 2]), at(&[9, 10]), at(&[35])]);
    assert_eq!(
        emitted,
        [
            vec![],
            vec!["d 0: v_count=4 v_sum=16.0 v_avg=4.0 v_min=1.0 v_max=9.0 v_first=1.0 v_last=9.0".to_owned()],
            vec![
                "d 10: v_count=1 v_sum=10.0 v_avg=10.0 v_min=10.0 v_max=10.0 v_first=10.0 v_last=10.0"
                    .to_owned()
            ],
            vec![
                "d 30: v_count=1 v_sum=35.0 v_avg=35.0 v_min=35.0 v_max=35.0 v_first=35.0 v_last=35.0"
                    .to_owned()
            ],
        ]
    );
    assert_eq!(late, [0; 0]);
}

#[test]
fn hopping_windows_count_a_reading_in_each() {
    let options = json!({"size": "20ms", "slide": "10ms", "time": "end", "aggregates": {"v": ["count"]}});
    let (emitted, _) = played(options, &[at(&[5, 15, 25, 45])]);
    assert_eq!(
        emitted,
        [
            vec!["d 10: v_count=1", "d 20: v_count=2", "d 30: v_count=2", "d 40: v_count=1"],
            vec!["d 50: v_count=1", "d 60: v_count=1"],
        ]
    );
}

#[test]
fn sessions_join_where_a_reading_closes_the_gap() {
    let options =
        json!({"gap": "10ms", "allowed_lateness": "100ms", "aggregates": {"v": ["count", "first", "last"]}});
    let (emitted, _) = played(options, &[at(&[0, 5]), at(&[20, 29]), at(&[12]), at(&[60])]);
    assert_eq!(
        emitted.last().expect("the end"),
        &["d 0: v_count=5 v_first=0.0 v_last=29.0", "d 60: v_count=1 v_first=60.0 v_last=60.0"]
    );
    let apart = json!({"gap": "10ms", "aggregates": {"v": ["count"]}});
    let (emitted, late) = played(apart, &[at(&[0, 5, 16]), at(&[4, 7])]);
    assert_eq!(emitted, [vec!["d 0: v_count=2"], vec![], vec!["d 7: v_count=2"]]);
    assert_eq!(late, [4]);
}

#[test]
fn late_rows_go_to_their_output_and_lateness_keeps_windows_open() {
    let options = |lateness: &str| json!({"size": "10ms", "allowed_lateness": lateness, "aggregates": {"v": ["count"]}});
    let input = [at(&[1, 12]), at(&[3]), at(&[25]), at(&[8, 11, 24])];
    let (emitted, late) = played(options("0ms"), &input);
    assert_eq!(
        emitted,
        [vec!["d 0: v_count=1"], vec![], vec!["d 10: v_count=1"], vec![], vec!["d 20: v_count=2"]]
    );
    assert_eq!(late, [3, 8, 11]);
    let (emitted, late) = played(options("10ms"), &input);
    assert_eq!(emitted[2], ["d 0: v_count=2"]);
    assert_eq!(
        (emitted[4].clone(), late),
        (vec!["d 10: v_count=2".to_owned(), "d 20: v_count=2".to_owned()], vec![8])
    );
}

#[test]
fn a_reading_that_is_far_ahead_of_the_clock_is_rejected_and_makes_none_late() {
    let noon = std::time::UNIX_EPOCH + Duration::from_millis(1_000_000);
    let clock: crate::rejections::Clock = Arc::new(move || noon);
    let options = json!({"size": "10ms", "allowed_earliness": "1m", "aggregates": {"v": ["count"]}});
    let options = WindowOptions::read(options).expect("options that fit");
    let mut context = BuildContext::new("p", "n");
    context.facilities = context.facilities.with(clock);
    let mut window = Window::build(options, &context).expect("options that work");
    let mut out = Emitter::new(Instant::now());
    window.apply(at(&[1, 1_060_001, 2, i64::MAX, 1_060_000]), &mut out).expect("it works");
    let emitted = out.take().batch;
    assert_eq!(lines(&emitted.readings), ["d 0: v_count=2"]);
    let reasons: Vec<_> = emitted.rejected.iter().map(|rejected| &*rejected.error).collect();
    assert_eq!(reasons.len(), 2);
    assert_eq!(
        reasons[0],
        "d: the time 1060001 is more than 1m ahead of the clock, which is at 1000000, and would make rows late that come after it; \
         `allowed_earliness` says how far ahead a row may be"
    );
}

#[test]
fn a_device_holds_up_no_other_and_a_batch_is_as_good_as_its_rows() {
    let field = [("v", Int64(1))];
    let rows =
        [("a", 5, &field[..]), ("b", 500, &field), ("a", 6, &field), ("b", 512, &field), ("a", 30, &field)];
    let options = json!({"size": "10ms", "aggregates": {"v": ["sum", "max"]}});
    let (together, _) = played(options.clone(), &[batch(&rows)]);
    let single: Vec<_> = rows.iter().map(|&row| batch(&[row])).collect();
    let (apart, _) = played(options, &single);
    let sorted = |emitted: Vec<Vec<String>>| {
        let mut lines = emitted.concat();
        lines.sort();
        lines
    };
    let wanted = [
        "a 0: v_sum=2.0 v_max=1",
        "a 30: v_sum=1.0 v_max=1",
        "b 500: v_sum=1.0 v_max=1",
        "b 510: v_sum=1.0 v_max=1",
    ];
    assert_eq!(
        (sorted(together), sorted(apart)),
        (wanted.map(String::from).to_vec(), wanted.map(String::from).to_vec())
    );
}

#[test]
fn what_a_named_function_cannot_take_is_rejected_and_a_pattern_passes_it_over() {
    let rows = || {
        batch(&[
            ("d", 1, &[("t", Double(1.0)), ("on", Boolean(true))]),
            ("d", 2, &[("t", Text("n/a")), ("on", Boolean(false))]),
            ("d", 3, &[("t", Written(Kind::Number, "3")), ("name", Text("x"))]),
        ])
    };
    let named = json!({"size": "1s", "aggregates": {"t": ["sum", "count"]}});
    let mut window = built::<Window>(named);
    let mut out = Emitter::new(Instant::now());
    window.apply(rows(), &mut out).expect("it works");
    let emitted = out.take().batch;
    assert_eq!(rejected(&emitted), ["d 2"]);
    assert_eq!(emitted.rejected[0].error, "d.t: sum takes no TEXT");
    window.finish(&mut out).expect("it works");
    assert_eq!(lines(&out.take().batch.readings), ["d 0: t_sum=4.0 t_count=2"]);
    let (emitted, _) = played(json!({"size": "1s", "aggregates": {"*": ["sum", "last"]}}), &[rows()]);
    let last = emitted.concat().join("");
    assert!(
        last.contains("on_last=false") && last.contains("name_last=x") && !last.contains("on_sum"),
        "{last}"
    );
}

#[test]
fn a_silent_device_is_closed_when_it_is_asked_for() {
    let mut window = built::<Window>(json!({"size": "10ms", "idle": "5s", "aggregates": {"v": ["count"]}}));
    let start = Instant::now();
    let mut out = Emitter::new(start);
    window.apply(at(&[1, 2]), &mut out).expect("it works");
    assert_eq!(window.tick_at(), Some(start + Duration::from_secs(5)));
    out.set(start + Duration::from_secs(5), 1);
    window.tick(&mut out).expect("it works");
    assert_eq!(
        (lines(&out.take().batch.readings), window.tick_at()),
        (vec!["d 0: v_count=2".to_owned()], None)
    );
    window.apply(at(&[3, 11]), &mut out).expect("it works");
    assert_eq!(out.take().others.iter().flatten().map(|each| each.tablet.rows()).sum::<usize>(), 1);
}

#[test]
fn after_a_restart_a_silent_device_is_closed_when_it_was_silent_for_so_long_again() {
    let make = || built::<Window>(json!({"size": "10ms", "idle": "5s", "aggregates": {"v": ["count"]}}));
    let (mut before, mut after) = (make(), make());
    let start = Instant::now();
    let mut out = Emitter::new(start);
    before.apply(at(&[1, 2]), &mut out).expect("it works");
    let mut state = Vec::new();
    before.save(true, &mut state).expect("it works");
    after.restore(&state).expect("its own");
    let restart = start + Duration::from_secs(60);
    after.begin(restart);
    assert_eq!(after.tick_at(), Some(restart + Duration::from_secs(5)));
    out.set(restart + Duration::from_secs(5), 1);
    after.tick(&mut out).expect("it works");
    assert_eq!(lines(&out.take().batch.readings), ["d 0: v_count=2"]);
    assert_eq!(after.tick_at(), None);
    // Without an open window nothing is waited for.
    let mut empty = make();
    empty.begin(restart);
    assert_eq!(empty.tick_at(), None);
}

#[test]
fn a_number_beyond_all_types_is_rejected_with_the_field_and_the_range_and_the_others_count() {
    let fields = ["1e400", "2", "-1e309", "0.5"].map(|text| [("v", Written(Kind::Number, text))]);
    let rows: Vec<_> = (0..).zip(&fields).map(|(time, fields)| ("d", time, &fields[..])).collect();
    for functions in [json!(["sum"]), json!(["count"]), json!(["first", "max"])] {
        let mut window = built::<Window>(json!({"size": "1s", "aggregates": {"v": functions}}));
        let mut out = Emitter::new(Instant::now());
        window.apply(batch(&rows), &mut out).expect("it works");
        let reasons: Vec<_> = out.take().batch.rejected.into_iter().map(|each| each.error).collect();
        assert_eq!(
            reasons,
            [
                "d.v: `1e400` is not of type DOUBLE: it is out of range",
                "d.v: `-1e309` is not of type DOUBLE: it is out of range"
            ]
        );
        window.finish(&mut out).expect("it works");
        let emitted = lines(&out.take().batch.readings).concat();
        let wanted = ["d 0: v_sum=2.5", "d 0: v_count=2", "d 0: v_first=2.0 v_max=2.0"];
        assert!(wanted.contains(&&*emitted), "{emitted}");
    }
}

#[test]
fn odd_numbers_are_summed_up_as_they_are() {
    let numbers = [f64::NAN, 2.0, f64::NEG_INFINITY, f64::NAN];
    let fields: Vec<_> = numbers.iter().map(|&number| [("v", Double(number))]).collect();
    let rows: Vec<_> = (0..).zip(&fields).map(|(time, fields)| ("d", time, &fields[..])).collect();
    let options =
        json!({"size": "1s", "allowed_earliness": null, "aggregates": {"v": ["min", "max", "count"]}});
    let (emitted, _) = played(options.clone(), &[batch(&rows)]);
    assert_eq!(emitted.concat(), ["d 0: v_min=-Infinity v_max=2.0 v_count=4"]);
    let big = [("v", Int64(i64::MAX))];
    let (emitted, _) = played(options, &[batch(&[("d", i64::MAX, &big), ("d", i64::MIN, &big)])]);
    assert!(emitted.concat().iter().any(|line| line.contains(&format!("v_max={}", i64::MAX))), "{emitted:?}");
}

#[test]
fn window_passes_the_contract() {
    let mut input: Vec<_> =
        [[1, 12, 3], [5, 25, 14], [26, 60, 2], [61, 62, 99]].iter().map(|of| at(of)).collect();
    input.push(batch(&[
        ("e", 7, &[("v", Int64(2)), ("on", Boolean(true))]),
        ("e", 70, &[("v", Double(0.5))]),
    ]));
    for shape in [
        json!({"size": "10ms"}),
        json!({"size": "30ms", "slide": "10ms", "allowed_lateness": "15ms"}),
        json!({"gap": "4ms", "allowed_lateness": "20ms"}),
    ] {
        let mut options = shape;
        options["aggregates"] = json!({"*": ["count", "sum", "avg", "min", "max", "first", "last"]});
        transform_contract(Holds::State, || built::<Window>(options.clone()), &input);
    }
}

#[test]
fn a_state_of_other_windows_is_not_taken() {
    let mut state = Vec::new();
    let mut window = built::<Window>(json!({"size": "10ms", "aggregates": {"v": ["count"]}}));
    window.apply(at(&[1]), &mut Emitter::new(Instant::now())).expect("it works");
    window.save(true, &mut state).expect("it saves");
    let mut same = built::<Window>(json!({"size": "10ms", "aggregates": {"v": ["count", "max"]}}));
    same.restore(&state).expect("the windows are the same");
    let mut other = built::<Window>(json!({"size": "20ms", "aggregates": {"v": ["count"]}}));
    let error = other.restore(&state).expect_err("others").to_string();
    assert!(error.contains("size 10ms, slide 10ms, offset 0s") && error.contains("--reset"), "{error}");
}

#[test]
fn options_that_cannot_work_are_named() {
    let with = |mut options: Json| {
        options["aggregates"] = json!({"v": ["avg"]});
        problems::<Window>(options)
    };
    assert_eq!(with(json!({"size": "1m"})), [""; 0]);
    assert_eq!(with(json!({})), [""]);
    assert_eq!(with(json!({"size": "1m", "gap": "1m"})), ["gap"]);
    assert_eq!(with(json!({"gap": "1m", "slide": "1s", "offset": "1s"})), ["slide", "offset"]);
    assert_eq!(with(json!({"size": "1m", "slide": "7s"})), ["slide"]);
    assert_eq!(with(json!({"size": "1h", "slide": "1s"})), ["slide"]);
    assert_eq!(
        with(json!({"size": "0s", "idle": "0s", "allowed_lateness": "1500us"})),
        ["size", "idle", "allowed_lateness"]
    );
    assert_eq!(problems::<Window>(json!({"size": "1m", "aggregates": {}})), ["aggregates"]);
    let odd = json!({"size": "1m", "aggregates": {"a.*": ["avg"], "b": []}});
    assert_eq!(problems::<Window>(odd), ["aggregates.a.*", "aggregates.b"]);
    let unknown =
        WindowOptions::read(json!({"size": "1m", "aggregates": {"v": ["avg", "medium"]}})).expect("a text");
    let problems = Window::check(&unknown);
    assert_eq!(problems[0].path, "aggregates.v[1]");
    assert_eq!(
        problems[0].message,
        "there is no function `medium`; windows have count, sum, avg, min, max, first, last, and those of modules that `functions` names"
    );
}
