//! One record of a journal of states.
//!
//! ```text
//!   bytes behind │ CRC-32 of them │ length of the head │ head, JSON                                  │ state                    │ emitted
//!   u32          │ u32            │ u32                │ {"saved":{"version":7,"whole":false,…}}     │ as the transform gave it │ rows, if kept
//! ```
//!
//! Numbers are little-endian.

use std::{collections::BTreeMap, io, ops::Range};

use levada_model::Checkpoint;
use serde::{Deserialize, Serialize};

/// What sinks write to, by their names.
pub(crate) type Targets = BTreeMap<String, Vec<String>>;

/// A sink, or a transform with saved state, that keeps what a transform emits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// What it writes to.
    pub(crate) target: Vec<String>,
    /// The version of the state at which it was put there.
    pub(crate) since: u64,
}

/// Who is behind a transform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Behind {
    /// The pipeline, as several may have one folder; empty where it is not known.
    #[serde(default)]
    pub(crate) pipeline: String,
    /// By name, from before anything is sent to them.
    pub(crate) members: BTreeMap<String, Member>,
    /// A version that all of them have, behind every `since`; smaller where nothing was delivered to the newest yet.
    pub(crate) delivered: u64,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Head {
    /// The state after all of its input up to these positions.
    Saved {
        version: u64,
        /// Whether it stands alone; otherwise it is what changed since the version before.
        whole: bool,
        positions: Checkpoint,
        /// So many bytes behind the state are what was emitted with it; `None` where that is not kept.
        #[serde(default)]
        emitted: Option<u64>,
    },
    /// What was emitted up to this version is delivered, by sinks that store no positions too: these.
    Settled { version: u64, sinks: Targets },
    /// Who is behind, so that one that is new is told from one that lost what it had.
    Behind(Behind),
    /// Versions behind `after` up to `upto` were given up by a restart: whoever stands at one of them stands at `after`.
    Abandoned { after: u64, upto: u64 },
}

/// Bytes before the head.
const PREFIX: usize = 12;

/// A record's bytes, with what is behind its head.
pub(super) fn encode(head: &Head, behind: &[&[u8]]) -> io::Result<Vec<u8>> {
    let head = serde_json::to_vec(head).map_err(io::Error::other)?;
    let length = |bytes: usize| {
        u32::try_from(bytes).map_err(|_| {
            io::Error::other("a state of more than 4 GiB, with what was emitted, cannot be saved")
        })
    };
    let size = head.len() + behind.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(PREFIX + size);
    bytes.extend_from_slice(&length(4 + size)?.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&length(head.len())?.to_le_bytes());
    bytes.extend_from_slice(&head);
    behind.iter().for_each(|part| bytes.extend_from_slice(part));
    let crc = crc32fast::hash(&bytes[8..]);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

/// The record at the beginning of `bytes`: what it says, where that is which is behind its head, and its length. `None` where there is no whole
/// record.
pub(super) fn decode(bytes: &[u8]) -> Option<(Head, Range<usize>, usize)> {
    let number = |at: usize| {
        let number = bytes.get(at..at + 4)?;
        usize::try_from(u32::from_le_bytes(number.try_into().ok()?)).ok()
    };
    let end = 8usize.checked_add(number(0)?)?;
    let covered = bytes.get(8..end)?;
    if usize::try_from(crc32fast::hash(covered)).ok()? != number(4)? {
        return None;
    }
    let state = PREFIX.checked_add(number(8)?)?;
    let head = serde_json::from_slice(bytes.get(PREFIX..state)?).ok()?;
    (state <= end).then_some((head, state..end, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_and_neither_a_part_nor_another_is() {
        let positions = Checkpoint::from([("s".into(), 7)]);
        let head = Head::Saved { version: 3, whole: true, positions, emitted: Some(2) };
        let bytes = encode(&head, &[b"sta", b"te"]).expect("small");
        let (read, state, length) = decode(&bytes).expect("whole");
        assert_eq!((read, &bytes[state], length), (head, &b"state"[..], bytes.len()));
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_none(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x10;
            assert!(decode(&other).is_none(), "changed at {at}");
        }
    }
}
