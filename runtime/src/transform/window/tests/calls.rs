//! Aggregates of users.

use std::path::Path as FilePath;

use levada_connector_api::Facilities;
use levada_engine::functions::udf::{
    DataType as UdfType, Failure, Row, Udaf, UdfError, UdfFactory, UdfLoader, UdfParameters, Validator,
    ValueCollector, udaf,
};

use super::*;

/// The mean of the first input, each value as often as the second says where there is one. It says with how many states it was made of.
#[derive(Debug, Default)]
struct Mean {
    times: f64,
}

impl Udaf for Mean {
    type State = (f64, f64);

    fn validate(&self, validator: &Validator<'_>) -> std::result::Result<(), Failure> {
        validator.input_types(&UdfType::NUMERIC)?;
        Ok(())
    }

    fn before_start(&mut self, parameters: &UdfParameters) -> std::result::Result<UdfType, Failure> {
        self.times = parameters.double_or("times", 1.0)?;
        Ok(UdfType::Double)
    }

    fn create(&self) -> Self::State {
        (0.0, 0.0)
    }

    fn add(&self, state: &mut Self::State, row: Row<'_>) -> std::result::Result<(), Failure> {
        let weight = if row.width() > 1 { row.number(1)?.unwrap_or(0.0) } else { 1.0 };
        if let Some(value) = row.number(0)? {
            self.combine(state, (value * weight, weight))?;
        }
        Ok(())
    }

    fn combine(&self, state: &mut Self::State, other: Self::State) -> std::result::Result<(), Failure> {
        *state = (state.0 + other.0, state.1 + other.1);
        Ok(())
    }

    fn output(&self, state: &Self::State, value: &mut ValueCollector) -> std::result::Result<(), Failure> {
        if state.1 > 0.0 { value.put(state.0 / state.1 * self.times) } else { Ok(()) }
    }

    fn save(&self, state: &Self::State) -> Option<Vec<u8>> {
        Some([state.0.to_le_bytes(), state.1.to_le_bytes()].concat())
    }

    fn restore(&self, saved: &[u8]) -> std::result::Result<Self::State, Failure> {
        let number = |at: usize| {
            let bytes = saved.get(at..at + 8).ok_or_else(|| Failure::new("16 bytes were saved"))?;
            Ok::<_, Failure>(f64::from_le_bytes(bytes.try_into()?))
        };
        Ok((number(0)?, number(8)?))
    }
}

/// The values of any type, one behind the other; it saves nothing.
#[derive(Debug, Default)]
struct Joined;

impl Udaf for Joined {
    type State = String;

    fn before_start(&mut self, _: &UdfParameters) -> std::result::Result<UdfType, Failure> {
        Ok(UdfType::Text)
    }

    fn create(&self) -> String {
        String::new()
    }

    fn add(&self, state: &mut String, row: Row<'_>) -> std::result::Result<(), Failure> {
        state.push_str(&format!("{}:{};", row.time(), row.number(0).ok().flatten().unwrap_or(f64::NAN)));
        Ok(())
    }

    fn combine(&self, state: &mut String, other: String) -> std::result::Result<(), Failure> {
        state.push_str(&other);
        Ok(())
    }

    fn output(&self, state: &String, value: &mut ValueCollector) -> std::result::Result<(), Failure> {
        value.put(state.as_str())
    }
}

#[derive(Debug)]
struct Same;

impl UdfLoader for Same {
    fn reads(&self, file: &FilePath) -> bool {
        file.extension().is_some_and(|extension| extension == "wasm")
    }

    fn load(&self, _: &FilePath) -> std::result::Result<Vec<Arc<dyn UdfFactory>>, UdfError> {
        Ok(vec![udaf("org.example.Mean", Mean::default), udaf("org.example.Joined", Joined::default)])
    }
}

/// A folder of modules, and options that name it.
fn with_modules(mut options: Json) -> (tempfile::TempDir, WindowOptions) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("m.wasm"), "").expect("written");
    options["functions"] = json!(folder.path());
    (folder, WindowOptions::read(options).expect("options that fit"))
}

fn facilities() -> Facilities {
    Facilities::default().with::<Arc<dyn UdfLoader>>(Arc::new(Same))
}

fn made(options: &Json) -> Box<dyn Transform> {
    let (_folder, options) = with_modules(options.clone());
    assert_eq!(Window::check(&options), []);
    let mut context = BuildContext::new("p", "n");
    context.facilities = facilities();
    Window::build(options, &context).expect("options that work")
}

/// What a window emits of batches, and at its end; and its rejections.
fn played(options: &Json, batches: &[Batch]) -> (Vec<String>, Vec<String>) {
    let mut window = made(options);
    let mut out = Emitter::new(Instant::now());
    let (mut emitted, mut reasons) = (Vec::new(), Vec::new());
    for batch in batches {
        window.apply(batch.clone(), &mut out).expect("it works");
        let batch = out.take().batch;
        reasons.extend(batch.rejected.iter().map(|rejected| rejected.error.clone()));
        emitted.extend(lines(&batch.readings));
    }
    window.finish(&mut out).expect("it works");
    emitted.extend(lines(&out.take().batch.readings));
    (emitted, reasons)
}

#[test]
fn an_aggregate_of_a_module_gives_a_value_beside_those_of_the_window() {
    let options = json!({"size": "10ms", "aggregates": {"v": ["max", "mean", "mean('times'='2') as twice"]}});
    let (emitted, reasons) = played(&options, &[at(&[1, 4]), at(&[7, 12]), at(&[30])]);
    assert_eq!(
        emitted,
        [
            "d 0: v_max=7.0 v_mean=4.0 v_twice=8.0",
            "d 10: v_max=12.0 v_mean=12.0 v_twice=24.0",
            "d 30: v_max=30.0 v_mean=30.0 v_twice=60.0"
        ]
    );
    assert_eq!(reasons, [""; 0]);
}

#[test]
fn further_inputs_stand_in_the_call_and_patterns_ask_for_each_measurement() {
    let rows = batch(&[
        ("d", 1, &[("power", Double(1.0)), ("weight", Int64(3))]),
        ("d", 2, &[("power", Double(5.0)), ("weight", Int64(1)), ("name", Text("x"))]),
        ("e", 2, &[("power", Double(5.0))]),
    ]);
    let weighted = json!({"size": "1s", "aggregates": {"power": ["mean(weight) as load"]}});
    assert_eq!(played(&weighted, std::slice::from_ref(&rows)).0, ["d 0: power_load=2.0"]);
    let all = json!({"size": "1s", "aggregates": {"*": ["mean"]}});
    let (emitted, reasons) = played(&all, &[rows]);
    assert_eq!(emitted, ["d 0: power_mean=3.0 weight_mean=2.0", "e 0: power_mean=5.0"]);
    assert_eq!(reasons, [""; 0], "a pattern passes over what a function does not take");
}

#[test]
fn sessions_that_become_one_and_windows_that_overlap_count_each_row() {
    let sessions =
        json!({"gap": "10ms", "allowed_lateness": "100ms", "aggregates": {"v": ["mean", "joined"]}});
    let (emitted, _) = played(&sessions, &[at(&[0, 5]), at(&[20, 29]), at(&[12])]);
    assert_eq!(emitted, ["d 0: v_mean=13.2 v_joined=0:0;5:5;20:20;29:29;12:12;"]);
    let hopping = json!({"size": "20ms", "slide": "10ms", "aggregates": {"v": ["mean"]}});
    let (emitted, _) = played(&hopping, &[at(&[5]), at(&[15, 25])]);
    assert_eq!(emitted, ["d -10: v_mean=5.0", "d 0: v_mean=10.0", "d 10: v_mean=20.0", "d 20: v_mean=25.0"]);
}

#[test]
fn windows_with_aggregates_of_users_pass_the_contract() {
    let mut input: Vec<_> =
        [[1, 12, 3], [5, 25, 14], [26, 60, 2], [61, 62, 99]].iter().map(|of| at(of)).collect();
    input.push(batch(&[("e", 7, &[("v", Int64(2)), ("w", Double(1.5))]), ("e", 70, &[("v", Int64(5))])]));
    for shape in [
        json!({"size": "10ms"}),
        json!({"size": "30ms", "slide": "10ms", "allowed_lateness": "15ms"}),
        json!({"gap": "4ms", "allowed_lateness": "20ms"}),
    ] {
        let mut options = shape;
        // One saves, the other does not.
        options["aggregates"] = json!({"v": ["mean", "joined", "mean(w) as load", "count"]});
        transform_contract(Holds::State, || made(&options), &input);
    }
}

#[test]
fn rows_that_an_aggregate_does_not_take_are_rejected_with_its_words() {
    let rows = [
        batch(&[
            ("d", 1, &[("v", Double(1.0))]),
            ("d", 2, &[("v", Text("n/a"))]),
            ("d", 3, &[("v", Double(3.0))]),
        ]),
        batch(&[("d", 4, &[("v", Int64(4))])]),
        batch(&[("e", 4, &[("v", Boolean(true))])]),
    ];
    let options = json!({"size": "1s", "aggregates": {"v": ["mean", "count"]}});
    let (emitted, reasons) = played(&options, &rows);
    assert_eq!(emitted, ["d 0: v_count=2 v_mean=2.0"]);
    assert!(reasons[0].contains("d.v: mean(v) is of rows of DOUBLE"), "{reasons:?}");
    assert!(reasons[1].contains("this one is INT64"), "{reasons:?}");
    assert!(reasons[2].contains("e: function mean: validate:"), "{reasons:?}");
}

#[test]
fn a_function_that_does_not_save_keeps_rows_up_to_a_bound() {
    let options = json!({"size": "1000s", "aggregates": {"v": ["joined"]}});
    let mut window = made(&options);
    let mut out = Emitter::new(Instant::now());
    let mut rejected = Vec::new();
    let long = "x".repeat(1_000);
    let fields = [("v", Text(&long))];
    for from in (0..18_000).step_by(100) {
        let rows: Vec<_> = (from..from + 100).map(|time| ("d", time, &fields[..])).collect();
        window.apply(batch(&rows), &mut out).expect("it works");
        rejected.extend(out.take().batch.rejected.into_iter().map(|rejected| rejected.error));
    }
    let mut state = Vec::new();
    window.save(true, &mut state).expect("it saves");
    assert!(!rejected.is_empty() && state.len() < 17 << 20, "{} rejected, {}", rejected.len(), state.len());
    assert!(rejected[0].contains("d: function joined: the rows that wait"), "{}", rejected[0]);
    window.finish(&mut out).expect("it works");
    let kept = lines(&out.take().batch.readings).concat().matches(';').count();
    assert_eq!(kept + rejected.len(), 18_000);
}

#[test]
fn a_call_that_is_not_wanted_any_more_is_left_out_and_one_that_cannot_go_on_is_told() {
    let saved = |options: &Json| {
        let mut state = Vec::new();
        let mut window = made(options);
        window.apply(at(&[1]), &mut Emitter::new(Instant::now())).expect("it works");
        window.save(true, &mut state).expect("it saves");
        state
    };
    let with = json!({"size": "10ms", "aggregates": {"v": ["count", "mean"]}});
    let without = json!({"size": "10ms", "aggregates": {"v": ["count"]}});
    let end = |window: &mut Box<dyn Transform>| {
        let mut out = Emitter::new(Instant::now());
        window.finish(&mut out).map(|()| lines(&out.take().batch.readings))
    };
    let mut window = made(&without);
    window.restore(&saved(&with)).expect("the windows are the same");
    assert_eq!(end(&mut window).expect("it works"), ["d 0: v_count=1"]);
    // A byte fewer was saved than the function gave. Behind it stands that no rows wait.
    let mut state = saved(&with);
    let at = state.len() - 16 - 16 - 8;
    state[at] = 15;
    state.remove(at + 8);
    let mut window = made(&with);
    window.restore(&state).expect("it is read when the window is closed");
    let error = end(&mut window).expect_err("15 bytes").to_string();
    assert!(error.contains("function mean: combine: 16 bytes were saved"), "{error}");
    assert!(error.contains("`mean(v)` cannot go on") && error.contains("--reset n/state=0"), "{error}");
}

#[test]
fn lint_knows_the_aggregates_of_the_folder() {
    let look = |functions: &str, aggregates: Json| {
        let (_folder, mut options) = with_modules(json!({"size": "1m", "aggregates": aggregates}));
        if !functions.is_empty() {
            options.functions = Some(functions.to_owned());
        }
        assert_eq!(Window::check(&options), []);
        let problems = Window::look(&options, &facilities()).into_iter();
        problems.map(|each| (each.path, each.message, each.doubtful)).collect::<Vec<_>>()
    };
    assert_eq!(look("", json!({"v": ["mean", "avg"], "*": ["joined"]})), []);
    let near = look("", json!({"v": ["avg", "meen"]}));
    assert_eq!(near[0].0, "aggregates.v[1]");
    assert!(near[0].1.starts_with("there is no function `meen`: did you mean `mean`?"), "{near:?}");
    let twice = look("", json!({"v": ["mean", "mean('times'='2')"]}));
    assert!(twice[0].1.contains("give one of them another, `… as NAME`"), "{twice:?}");
    let of_rows = look("", json!({"v": ["sin"]}));
    assert!(of_rows[0].1.contains("`sin` makes no value of the rows of a window"), "{of_rows:?}");
    let of_engine = look("engine", json!({"v": ["mean"]}));
    assert!(of_engine[0].2 && of_engine[0].1.contains("`mean` is not built in"), "{of_engine:?}");
    assert_eq!(look("/no/such", json!({"v": ["mean"]}))[0].0, "functions");
    let odd =
        WindowOptions::read(json!({"size": "1m", "functions": "x", "aggregates": {"v": ["mean('k'="]}}));
    assert_eq!(Window::check(&odd.expect("a text"))[0].path, "aggregates.v[0]");
}
