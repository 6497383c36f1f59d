//! Files that are looked at before anything of them is compiled.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use levada_udf::{FaultKind, Method, UdfKind, UdfLoader};
use levada_udf_host::UdfHost;

use crate::factory::{functions, module, options};

fn host() -> UdfHost {
    UdfHost::new(options()).expect("this machine runs WASM")
}

#[test]
fn a_module_lists_its_functions_with_their_kinds() {
    let mut found: Vec<_> = functions().iter().map(|each| (each.id(), each.kind())).collect();
    found.sort_by_key(|(id, _)| *id);
    let udtf = |id| (id, UdfKind::Udtf);
    assert_eq!(
        found,
        [
            udtf("test.Adder"),
            udtf("test.Counter"),
            udtf("test.Digest"),
            udtf("test.Max"),
            ("test.Mean", UdfKind::Udaf),
            udtf("test.Same"),
            udtf("test.Windows"),
            udtf("test.Wrong"),
        ]
    );
    assert!(functions().iter().all(|each| each.origin().ends_with("functions.wasm")));
}

#[test]
fn only_files_of_wasm_are_read() {
    assert!(host().reads("a/b.wasm".as_ref()) && host().reads("B.WASM".as_ref()));
    assert!(!host().reads("a.jar".as_ref()) && !host().reads("wasm".as_ref()));
}

#[test]
fn a_file_that_is_no_module_is_named_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("no.wasm");
    fs::write(&file, "hello").expect("it is written");
    let error = host().load(&file).expect_err("it is a text");
    assert_eq!((error.method, error.fault.kind), (Method::Load, FaultKind::Module));
    assert!(error.to_string().contains("no.wasm: load: it is no WASM component"), "{error}");
    let error = host().load(&folder.path().join("absent.wasm")).expect_err("it is not there");
    assert_eq!(error.fault.kind, FaultKind::Io);
}

#[test]
fn a_module_cut_anywhere_is_rejected_before_anything_runs() {
    let whole = fs::read(module("functions.wasm")).expect("the module is committed");
    let host = host();
    for cut in (0..whole.len()).step_by(whole.len() / 40) {
        let Ok(functions) = host.read("cut.wasm", whole[..cut].to_vec()) else { continue };
        // What stands behind the functions may be missing; then the compiler says so.
        let fault = functions[0].make_udtf().err().expect("it is not whole");
        assert_eq!(fault.kind, FaultKind::Module);
    }
}

#[test]
fn a_function_that_would_take_minutes_to_compile_is_rejected_at_once() {
    let error = host().read("bomb.wasm", compile_bomb(2000, 30_000)).expect_err("it is a bomb");
    assert_eq!(error.kind, FaultKind::Module);
    assert!(error.message.starts_with("a function of it has 2000 locals and "), "{}", error.message);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_the_one_or_the_other_or_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("changing.wasm");
    let (one, other) = (fs::read(module("spin.wasm")), fs::read(module("text.wasm")));
    let (one, other) = (one.expect("it is committed"), other.expect("it is committed"));
    fs::write(&file, &one).expect("it is written");
    let (host, stop) = (host(), AtomicBool::new(false));
    let loaded: Vec<_> = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for bytes in [&other[..], &one[..one.len() / 2], &one[..]] {
                    fs::write(&file, bytes).expect("it is written");
                }
            }
        });
        let loaded = (0..500).map(|_| host.load(&file)).collect();
        stop.store(true, Ordering::Relaxed);
        loaded
    });
    for load in loaded {
        match load {
            Ok(functions) => {
                let ids: Vec<_> = functions.iter().map(|each| each.id()).collect();
                let spin = ["hostile.Spin"];
                assert!(ids == spin || ids == ["hostile.Put", "hostile.Lie", "hostile.Save"], "{ids:?}");
            }
            Err(error) if error.fault.kind == FaultKind::Io => {
                assert!(error.to_string().contains("it changed while it was read"), "{error}");
            }
            Err(error) => {
                assert_eq!((error.method, error.fault.kind), (Method::Load, FaultKind::Module), "{error}")
            }
        }
    }
    // What was loaded stays as it was, whatever is in the file now.
    fs::write(&file, &other).expect("it is written");
    let loaded = host.load(&file).expect("it is whole");
    fs::write(&file, "no").expect("it is written");
    assert!(loaded[0].make_udtf().is_ok(), "its code was read when it was loaded");
}

/// A component around a module that has one function of so many locals, which adds them up so many times.
fn compile_bomb(locals: u32, additions: usize) -> Vec<u8> {
    let mut body = Vec::new();
    body.push(1);
    body.extend(leb(locals));
    body.push(0x7e); // i64
    for at in 0..additions {
        body.push(0x20); // local.get
        body.extend(leb(at as u32 % locals));
        body.push(0x21); // local.set
        body.extend(leb((at as u32 * 7 + 1) % locals));
    }
    body.push(0x0b); // end
    let code = [vec![1], leb(body.len() as u32), body].concat();
    let mut core = b"\0asm\x01\0\0\0".to_vec();
    core.extend(section(1, &[1, 0x60, 0, 0]));
    core.extend(section(3, &[1, 0]));
    core.extend(section(10, &code));
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.extend(section(1, &core));
    let declared = [&[10][..], b"levada-udf", &[1, 0, 1, 0, b'x']].concat();
    component.extend(section(0, &declared));
    component
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], leb(content.len() as u32), content.to_vec()].concat()
}

fn leb(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
