//! How code is generated: the same here and in a child that compiles.

use levada_udf::{Fault, FaultKind};
use wasmtime::{Config, Engine};

/// An engine whose code stops at deadlines.
pub(crate) fn engine() -> Result<Engine, Fault> {
    let mut config = Config::new();
    config.epoch_interruption(true).wasm_component_model(true).max_wasm_stack(512 << 10);
    Engine::new(&config).map_err(|error| {
        Fault::new(FaultKind::Module, format!("this machine cannot run WASM modules: {error:#}"))
    })
}
