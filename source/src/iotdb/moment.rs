//! The moment at which a query began: what `now()` means, and the time of rows that have none.
//!
//! A query that was killed goes on as of the same moment. So the moment is remembered until all of its rows are settled.

use std::path::PathBuf;

use levada_connector_api::{BuildContext, Error, Result, replace_state};

/// Where the moment is remembered.
#[derive(Debug)]
pub(super) struct Moment {
    at: PathBuf,
}

impl Moment {
    pub(super) fn new(context: &BuildContext) -> Self {
        Self { at: context.state_dir.join(format!("{}.query-began", context.node)) }
    }

    /// The moment of the run that did not end, if it was of the same queries; otherwise `now`, which is remembered. Blocks for as
    /// long as a small file takes.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn recall(&self, queries: u64, now: i64) -> Result<i64> {
        if let Ok(text) = std::fs::read_to_string(&self.at)
            && let Some((of, moment)) = text.trim().split_once(' ')
            && u64::from_str_radix(of, 16) == Ok(queries)
            && let Ok(moment) = moment.parse()
        {
            return Ok(moment);
        }
        replace_state(&self.at, format!("{queries:016x} {now}\n").as_bytes()).map_err(|error| {
            Error::io(format!("cannot remember when the query began in {}", self.at.display()), error)
        })?;
        Ok(now)
    }

    /// The queries have ended: the next run has a moment of its own.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub(super) fn forget(&self) -> Result<()> {
        match std::fs::remove_file(&self.at) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(format!("cannot remove {}", self.at.display()), error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_did_not_end_keeps_its_moment() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut context = BuildContext::new("p", "in");
        context.state_dir = folder.path().join("state");
        let moment = Moment::new(&context);
        assert_eq!(moment.recall(1, 500).expect("written"), 500);
        assert_eq!(moment.recall(1, 900).expect("read"), 500);
        assert_eq!(moment.recall(2, 900).expect("other queries"), 900);
        moment.forget().expect("removed");
        moment.forget().expect("nothing is there");
        assert_eq!(moment.recall(2, 1_000).expect("written"), 1_000);
    }
}
