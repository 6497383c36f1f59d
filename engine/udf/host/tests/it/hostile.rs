//! Modules that do what they should not: each ends in an error that names function, method and limit, and the host goes on.

use levada_model::DataType;
use levada_udf::{Fault, FaultKind, Method, UdfError, UdfLimits, UdtfRun, parameters};

use crate::{
    factory::{functions_of, module},
    support::{call, int64, open, points},
};

/// The error of a call that goes wrong in a method.
fn wrong(method: &str, how: &str) -> UdfError {
    let whole = || {
        let mut run = open("wrong", &[DataType::Int64], &[(method, how)], UdfLimits::default())?;
        points(&mut run, &[1], &[int64(&[Some(1)])], 1)
    };
    let error = whole().expect_err("it goes wrong");
    // Whatever it was, the next call is none the worse.
    let column = int64(&[Some(1)]);
    let fine = call("adder", &[], &[1], &[column.clone(), column]).expect("the host goes on");
    assert_eq!(fine, [(1, "Int64(2)".to_owned())]);
    error
}

const METHODS: [(&str, Method); 4] = [
    ("validate", Method::Validate),
    ("before_start", Method::BeforeStart),
    ("transform", Method::Transform),
    ("terminate", Method::Terminate),
];

#[test]
fn a_panic_in_any_method_names_function_and_method_and_says_its_text() {
    for (name, method) in METHODS.into_iter().chain([("before_destroy", Method::BeforeDestroy)]) {
        let error = wrong(name, "panic");
        assert_eq!((error.method, error.fault.kind), (method, FaultKind::Crashed), "{error}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("function wrong: {name}: it panicked: ")), "{text}");
        assert!(text.ends_with("as it was told"), "{text}");
    }
}

#[test]
fn an_endless_loop_in_any_method_ends_at_its_deadline() {
    for (name, method) in METHODS.into_iter().chain([("before_destroy", Method::BeforeDestroy)]) {
        let error = wrong(name, "loop");
        assert_eq!((error.method, error.fault.kind), (method, FaultKind::TimeLimit), "{error}");
        assert_eq!(error.fault.message, "it ran longer than the 2s that a call may take");
    }
}

#[test]
fn a_memory_bomb_ends_at_its_limit() {
    let error = wrong("transform", "bomb");
    assert_eq!((error.method, error.fault.kind), (Method::Transform, FaultKind::MemoryLimit), "{error}");
    assert_eq!(error.fault.message, "it needs more than the 16777216 bytes of memory that it may have");
}

#[test]
fn endless_recursion_ends() {
    let error = wrong("transform", "recurse");
    assert_eq!((error.method, error.fault.kind), (Method::Transform, FaultKind::Crashed), "{error}");
    assert!(error.fault.message.contains("recursion"), "{error}");
}

#[test]
fn more_than_a_call_may_hand_over_is_rejected() {
    let error = wrong("transform", "large");
    assert_eq!((error.method, error.fault.kind), (Method::Transform, FaultKind::SizeLimit), "{error}");
    assert_eq!(error.fault.message, "one call handed over more than the 4194304 bytes that it may");
}

#[test]
fn bad_points_are_rejected_as_those_of_native_functions() {
    assert_eq!(
        wrong("transform", "back").fault.message,
        "the times of points must strictly increase: 1 came after 1"
    );
    assert_eq!(
        wrong("transform", "type").fault.message,
        "a value of type text was given, the output is INT64"
    );
}

#[test]
fn while_one_call_loops_others_run() {
    std::thread::scope(|scope| {
        let looping = scope.spawn(|| wrong("transform", "loop"));
        let mut done = 0;
        while !looping.is_finished() {
            let column = int64(&[Some(20)]);
            let points = call("adder", &[], &[1], &[column.clone(), column]).expect("it runs");
            assert_eq!(points, [(1, "Int64(40)".to_owned())]);
            done += 1;
        }
        assert!(done > 1, "{done} calls ran meanwhile");
        assert_eq!(looping.join().expect("it ends").fault.kind, FaultKind::TimeLimit);
    });
}

#[test]
fn a_module_whose_start_never_ends_ends_at_its_deadline() {
    let spin = functions_of(&module("spin.wasm"));
    for _ in 0..2 {
        let inputs = [("root.d.s".to_owned(), DataType::Int64)];
        let error = UdtfRun::open("spin", &*spin[0], parameters(inputs, []), UdfLimits::default())
            .expect_err("it never starts");
        assert_eq!((error.method, error.fault.kind), (Method::Load, FaultKind::TimeLimit), "{error}");
        assert!(error.to_string().contains("it ran longer than the 2s"), "{error}");
    }
}

#[test]
fn a_text_of_a_gibibyte_ends_its_call_and_takes_no_memory() {
    let text = functions_of(&module("text.wasm"));
    let fault = |id: &str| -> Fault {
        let factory = text.iter().find(|each| each.id() == id).expect("the module has it");
        let inputs = [("root.d.s".to_owned(), DataType::Int64)];
        let mut run =
            UdtfRun::open(id, &**factory, parameters(inputs, []), UdfLimits::default()).expect("it starts");
        let given = points(&mut run, &[1], &[int64(&[Some(1)])], 1);
        match given {
            Err(error) => error.fault,
            Ok(_) => unreachable!("a text of 1 GiB was given"),
        }
    };
    let saved = || -> Fault {
        let factory = text.iter().find(|each| each.id() == "hostile.Save").expect("the module has it");
        let inputs = [("root.d.s".to_owned(), DataType::Int64)];
        let mut run = UdtfRun::open("save", &**factory, parameters(inputs, []), UdfLimits::default())
            .expect("it starts");
        run.save().expect_err("1 GiB").fault
    };
    let before = resident();
    for _ in 0..100 {
        let kinds =
            [FaultKind::MemoryLimit, FaultKind::Crashed, FaultKind::SizeLimit, FaultKind::WrongOutput];
        for fault in [fault("hostile.Put"), fault("hostile.Lie"), saved()] {
            assert!(kinds.contains(&fault.kind), "{fault:?}");
        }
    }
    // Other tests of this process run meanwhile; one text that stays would be far more.
    let grown = resident().saturating_sub(before);
    assert!(grown < 256 << 20, "{grown} bytes more are held");
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("a Linux");
    let pages = pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("a number of pages") * 4096
}
