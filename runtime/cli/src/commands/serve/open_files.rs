//! How many files and connections the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// What is open beside connections: files of the store, the log, listeners.
const OTHERS: u64 = 512;

/// Allows as many open files as the system lets this process have, and says so where that is too few for so many connections.
pub(super) fn allow(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let most = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    if let Some(most) = too_few(most, connections) {
        warn!(
            connections,
            open_files = most,
            "fewer files may be open than there may be connections: raise the limit (`ulimit -Hn`, LimitNOFILE), or \
             lower --connections"
        );
    }
}

/// The limit of open files, where it is too low; `None` is no limit.
fn too_few(most: Option<u64>, connections: usize) -> Option<u64> {
    most.filter(|most| *most < (connections as u64).saturating_add(OTHERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_below_the_connections_is_told() {
        assert_eq!(too_few(Some(1_024), 10_000), Some(1_024));
        assert_eq!(too_few(Some(20_000), 10_000), None);
        assert_eq!(too_few(None, usize::MAX), None);
    }

    #[test]
    fn the_process_may_open_as_many_files_as_the_system_lets_it() {
        allow(1);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
