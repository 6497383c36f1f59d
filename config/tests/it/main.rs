//! Pipeline documents as users write them.

mod draw;
mod echo;
mod explain;
mod hostile;
mod pipeline;
#[allow(dead_code, reason = "options are read from documents and then only looked at through their schema")]
mod registry;
mod ui;
