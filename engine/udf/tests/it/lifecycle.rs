//! Which method is called when.

use std::sync::Arc;

use levada_model::DataType;
use levada_udf::{
    Access, Configuration, Failure, Method, PointCollector, Row, UdfFactory, UdfLimits, UdfParameters, Udtf,
    UdtfRun, Validator, parameters, udtf,
};
use parking_lot::Mutex;

use crate::support::int64;

/// What was called, in order.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Vec<&'static str>>>);

impl Calls {
    fn note(&self, method: &'static str) {
        self.0.lock().push(method);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock())
    }
}

/// Notes its calls, and fails or panics in one of them.
struct Noting {
    calls: Calls,
    wrong: &'static str,
    panics: bool,
}

impl Noting {
    fn called(&self, method: &'static str) -> Result<(), Failure> {
        self.calls.note(method);
        match self.wrong == method {
            true if self.panics => panic!("in {method}"),
            true => Err(Failure::new(format!("in {method}"))),
            false => Ok(()),
        }
    }
}

impl Udtf for Noting {
    fn validate(&self, _: &Validator<'_>) -> Result<(), Failure> {
        self.called("validate")
    }

    fn before_start(&mut self, _: &UdfParameters) -> Result<Configuration, Failure> {
        self.called("before_start")?;
        Ok(Configuration::new(Access::RowByRow, levada_udf::DataType::Int64))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        points.put(row.time(), 1_i64)?;
        self.called("transform")
    }

    fn terminate(&mut self, _: &mut PointCollector) -> Result<(), Failure> {
        self.called("terminate")
    }

    fn before_destroy(&mut self) {
        self.calls.note("before_destroy");
        assert!(self.wrong != "before_destroy", "in before_destroy");
    }
}

fn noting(calls: &Calls, wrong: &'static str, panics: bool) -> Arc<dyn UdfFactory> {
    let calls = calls.clone();
    udtf("test.Noting", move || Noting { calls: calls.clone(), wrong, panics })
}

/// Runs it over two rows; the method that failed.
fn run(factory: &dyn UdfFactory) -> Result<(), (Method, String)> {
    let inputs = [("root.d.s".to_owned(), DataType::Int64)];
    let whole = || {
        let mut run = UdtfRun::open("noting", factory, parameters(inputs, []), UdfLimits::default())?;
        run.push(vec![1, 2].into(), vec![int64(&[Some(1), Some(2)])])?;
        while run.next()?.is_some() {}
        run.end();
        while run.next()?.is_some() {}
        assert!(run.next()?.is_none(), "nothing comes behind the end");
        Ok(())
    };
    whole().map_err(|error: levada_udf::UdfError| (error.method, error.to_string()))
}

#[test]
fn methods_are_called_in_their_order_and_the_last_ones_once() {
    let calls = Calls::default();
    run(&*noting(&calls, "", false)).expect("it runs");
    let expected = ["validate", "before_start", "transform", "transform", "terminate", "before_destroy"];
    assert_eq!(calls.take(), expected);
}

#[test]
fn a_failure_names_function_and_method_and_ends_the_instance_once() {
    let cases: [(&str, Method, &[&str]); 4] = [
        ("validate", Method::Validate, &["validate"]),
        ("before_start", Method::BeforeStart, &["validate", "before_start", "before_destroy"]),
        ("transform", Method::Transform, &["validate", "before_start", "transform", "before_destroy"]),
        (
            "terminate",
            Method::Terminate,
            &["validate", "before_start", "transform", "transform", "terminate", "before_destroy"],
        ),
    ];
    for (wrong, method, expected) in cases {
        let calls = Calls::default();
        let failed = run(&*noting(&calls, wrong, false)).expect_err("it fails");
        assert_eq!(failed, (method, format!("function noting: {wrong}: in {wrong}")));
        assert_eq!(calls.take(), expected);
        let failed = run(&*noting(&calls, wrong, true)).expect_err("it panics");
        assert_eq!(failed, (method, format!("function noting: {wrong}: it panicked: in {wrong}")));
        assert_eq!(calls.take(), expected);
    }
}

#[test]
fn a_panic_at_the_end_is_told() {
    let calls = Calls::default();
    let failed = run(&*noting(&calls, "before_destroy", true)).expect_err("it panics");
    assert_eq!(failed.0, Method::BeforeDestroy);
    assert_eq!(calls.take().iter().filter(|call| **call == "before_destroy").count(), 1);
}

#[test]
fn a_run_that_is_dropped_ends_its_instance_without_terminate() {
    let calls = Calls::default();
    let inputs = [("root.d.s".to_owned(), DataType::Int64)];
    let factory = noting(&calls, "", false);
    let run = UdtfRun::open("noting", &*factory, parameters(inputs, []), UdfLimits::default());
    drop(run.expect("it starts"));
    assert_eq!(calls.take(), ["validate", "before_start", "before_destroy"]);
}

#[test]
fn each_call_has_an_instance_of_its_own() {
    let factory = crate::factory::factory("max");
    let open = || {
        let inputs = [("root.d.s".to_owned(), DataType::Int32)];
        UdtfRun::open("max", &*factory, parameters(inputs, []), UdfLimits::default()).expect("it starts")
    };
    let (mut one, mut other) = (open(), open());
    let greatest = |run: &mut UdtfRun, value| {
        crate::support::points(run, &[1], &[crate::support::int32(&[Some(value)])], 1).expect("it runs")
    };
    assert_eq!(greatest(&mut one, 9), [(1, "Int32(9)".to_owned())]);
    assert_eq!(greatest(&mut other, 3), [(1, "Int32(3)".to_owned())]);
}
