//! Compiled modules are kept, and only taken from where nobody else can have put them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use levada_udf::{Fault, FaultKind, UdfLoader};
use levada_udf_host::{Compiler, HostOptions, UdfHost};

use crate::factory::{module, options};

/// Makes an instance with a host of its own, as a new process would.
fn make(cache: &Path, compiler: Compiler) -> Result<(), Fault> {
    let options = HostOptions { cache: Some(cache.to_owned()), compiler, ..options() };
    let host = UdfHost::new(options).expect("this machine runs WASM");
    let functions = host.load(&module("functions.wasm")).expect("the module is committed");
    functions[0].make_udtf().map(drop)
}

/// Where nothing can be compiled.
fn nowhere() -> Compiler {
    Compiler::Child { program: "/nowhere/at/all".into(), arguments: Vec::new() }
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<_> =
        fs::read_dir(folder).expect("it is there").map(|each| each.expect("a file").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn a_module_is_compiled_once_and_a_damaged_copy_is_compiled_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("deep/cache");
    let fault = make(&cache, nowhere()).expect_err("it cannot be compiled");
    assert_eq!(fault.kind, FaultKind::Io);
    assert!(fault.message.starts_with("the compiler /nowhere/at/all cannot be run"), "{fault}");
    make(&cache, Compiler::InProcess).expect("it compiles");
    assert_eq!(fs::metadata(&cache).expect("it is there").permissions().mode() & 0o777, 0o700);
    make(&cache, nowhere()).expect("it is in the cache");
    // One flipped bit in the code.
    let file = only_file(&cache);
    let mut bytes = fs::read(&file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).expect("it is written");
    assert_eq!(make(&cache, nowhere()).expect_err("it is damaged").kind, FaultKind::Io);
    make(&cache, Compiler::InProcess).expect("it compiles");
    make(&cache, nowhere()).expect("it is in the cache");
}

#[test]
fn a_cache_that_others_may_write_is_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
    let fault = make(folder.path(), Compiler::InProcess).expect_err("anybody could put code there");
    assert!(fault.message.contains("writable by nobody else"), "{fault}");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("/", &link).expect("a link");
    assert!(
        make(&link, Compiler::InProcess).expect_err("it is a link").message.contains("it has to be a folder")
    );
}

#[test]
fn a_compiler_that_takes_too_long_is_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = HostOptions {
        compiler: Compiler::Child {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), "exec sleep 600".into()],
        },
        compile_time: std::time::Duration::from_millis(50),
        cache: Some(folder.path().join("cache")),
        ..options()
    };
    let host = UdfHost::new(options).expect("this machine runs WASM");
    let functions = host.load(&module("functions.wasm")).expect("the module is committed");
    let fault = functions[0].make_udtf().err().expect("it takes too long");
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (FaultKind::TimeLimit, "compiling it takes longer than 50ms")
    );
}
