//! What functions are promised, over native ones. The suite runs over WASM too: `engine/udf/host/tests`.

mod aggregates;
mod checks;
mod factory;
mod functions;
mod kept;
mod lifecycle;
mod rows;
mod support;
mod windows;
