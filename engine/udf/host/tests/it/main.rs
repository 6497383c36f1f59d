//! What functions are promised, over WASM components: the suite of the contract, and what only modules can do.

#[path = "../../../tests/it/aggregates.rs"]
mod aggregates;
mod cache;
#[path = "../../../tests/it/checks.rs"]
mod checks;
mod factory;
mod hostile;
#[path = "../../../tests/it/kept.rs"]
mod kept;
mod languages;
mod loading;
#[path = "../../../tests/it/rows.rs"]
mod rows;
#[path = "../../../tests/it/support.rs"]
mod support;
#[path = "../../../tests/it/windows.rs"]
mod windows;
