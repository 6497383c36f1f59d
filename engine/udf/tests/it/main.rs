//! What functions are promised, over native ones.

mod aggregates;
mod checks;
mod functions;
mod lifecycle;
mod rows;
mod support;
mod windows;
