//! The functions, from a module: `tests/modules/build.sh` makes it of the source that the native suite runs.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use levada_udf::{UdfFactory, UdfLoader};
use levada_udf_host::{HostOptions, UdfHost};

/// A module of the tests.
pub(crate) fn module(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/modules").join(name)
}

/// Limits that tests can wait for.
pub(crate) fn options() -> HostOptions {
    HostOptions {
        time: Duration::from_secs(2),
        memory: 16 << 20,
        handed_over: 4 << 20,
        ..HostOptions::default()
    }
}

/// Compiled once for all tests.
pub(crate) fn functions() -> &'static [Arc<dyn UdfFactory>] {
    static FUNCTIONS: OnceLock<Vec<Arc<dyn UdfFactory>>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        let host = UdfHost::new(options()).expect("this machine runs WASM");
        host.load(&module("functions.wasm")).expect("the module is committed")
    })
}

/// The functions of another module.
pub(crate) fn functions_of(module: &Path) -> Vec<Arc<dyn UdfFactory>> {
    UdfHost::new(options()).expect("this machine runs WASM").load(module).expect("the module is committed")
}

/// The functions in C.
fn functions_in_c() -> &'static [Arc<dyn UdfFactory>] {
    static FUNCTIONS: OnceLock<Vec<Arc<dyn UdfFactory>>> = OnceLock::new();
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples/udf/c/c.wasm");
    FUNCTIONS.get_or_init(|| functions_of(&module))
}

/// A factory of one of the functions; `c.adder` is that of the examples in C.
pub(crate) fn factory(name: &str) -> Arc<dyn UdfFactory> {
    if name.starts_with("c.") {
        let of_name = |each: &&Arc<dyn UdfFactory>| each.id().to_lowercase() == name;
        return Arc::clone(functions_in_c().iter().find(of_name).expect("the module has it"));
    }
    let of_name = |each: &&Arc<dyn UdfFactory>| each.id().to_lowercase() == format!("test.{name}");
    Arc::clone(functions().iter().find(of_name).expect("the module has it"))
}
