//! What must be there of a log, as the manifest has it.

use std::path::Path;

use crate::{
    Finding,
    codec::{Malformed, Put, Take},
    frame::END,
};

/// What a repair does about files of a log that are gone.
pub(super) const GIVEN_UP: &str =
    "what it stored is given up, and all else kept; where there is a copy of it, put that back instead";

/// Where a log ended when this was noted. What came since is there as well, unless a crash took it before it was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// The newest segment of which head and name are durable; 0 where none has to be there.
    pub(crate) segment: u64,
    /// All writes up to this are in the log, synced, or in sealed files.
    pub(crate) seq: u64,
}

impl LogEnd {
    pub(crate) fn put(self, bytes: &mut Vec<u8>) {
        bytes.put_u64(self.segment);
        bytes.put_u64(self.seq);
        bytes.extend_from_slice(&END);
    }

    pub(crate) fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let end = Self { segment: from.u64()?, seq: from.u64()? };
        if from.0 == END { Ok(end) } else { Err(Malformed) }
    }

    /// What is missing of a log in a folder of which `newest` is the last segment with a whole head, and that holds, together
    /// with sealed files, all writes up to `last`.
    pub(super) fn missing(self, newest: u64, last: u64, dir: &Path) -> Option<Finding> {
        let path = super::segment::path(dir, newest.max(self.segment));
        let (what, means) = if last < self.seq {
            let what = format!(
                "the writes {} to {} are not in the log: its newest file is gone, cut off, or damaged at its end",
                last + 1,
                self.seq
            );
            (what, "what they stored is lost")
        } else if newest < self.segment {
            let what = "the newest file of the log is gone, or was emptied".to_owned();
            (what, "what was written to it is lost, if anything was")
        } else {
            return None;
        };
        Some(Finding::error(path, what).means(means).repaired_by(GIVEN_UP).blocking())
    }
}
