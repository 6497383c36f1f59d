//! Pipeline documents as users write them.

mod echo;
#[allow(dead_code, reason = "options are read from documents and then only looked at through their schema")]
mod registry;
mod ui;
