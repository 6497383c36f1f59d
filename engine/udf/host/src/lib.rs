//! Runs functions from WASM components, within limits.
//!
//! ```text
//!   file ──▶ read once ──▶ looked at: declared functions, shape ──▶ factories
//!                                                                     │ first instance
//!                          cache, by content ◀── compiled, in a child ┘
//!   instance = a store of its own: memory limit, a deadline for each call, a bound on what is copied out of it
//! ```
//!
//! - A component keeps the contract in `engine/udf/wit/udf.wit`. It may import `levada:udf/host`, `levada:udf/pages` and WASI; of WASI it gets
//!   an empty environment and a place for its messages, and everything else ends the call by name ([`wasi`]).
//! - Nothing that a module does ends more than its own query: a trap, a loop, too much memory become a
//!   [`Fault`](levada_udf::Fault), and the store is dropped.
//! - Compiling can cost far more than running. So a module's shape is checked before, and it is compiled in a child process that
//!   has limits ([`Compiler::Child`]).

mod aggregate;
mod cache;
mod call;
mod child;
mod compile;
mod declared;
mod engine;
mod host;
mod module;
mod options;
mod outside;
mod pack;
mod pages;
mod series;
mod shared;
mod ticker;
mod values;
mod wasi;
mod wit;

pub use child::serve as compile_as_child;
pub use host::UdfHost;
pub use options::{Compiler, HostOptions, Level, Log};
pub use pack::{Declaration, component_of, with_declarations};
