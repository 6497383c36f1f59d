//! A data folder, whoever works on it: who may open it, which files are there, and which of them take their places again.

mod adopt;
mod leftovers;
mod locks;

pub(crate) use adopt::{adopt, named, tells_all};
pub(crate) use leftovers::{holds_data, move_aside, unknown};
pub(crate) use locks::{ReadOnly, check_folder, lock_to_read, take_lock};
