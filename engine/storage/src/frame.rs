//! How records stand one behind the other in a file, so that each can be found and trusted.
//!
//! ```text
//!   ┌ mark ┬ length ┬ check ┬ payload ───────┐ ┌ mark ┬ …
//!   │ 4    │ u32    │ u32   │ length bytes   │ │
//!   └──────┴────────┴───────┴────────────────┘ └
//! ```
//! `check` is the CRC-32 of length and payload. Behind damage, reading goes on at the next mark whose record checks out.

/// Where a record begins; bytes that are neither text nor a likely number.
const MARK: [u8; 4] = [0x9E, 0xC1, 0x4C, 0xD7];

/// Bytes of a record before its payload.
pub(crate) const HEAD: usize = 12;

/// Begins a record at the end of `bytes`; the payload is appended by the caller, then [`end`] called with the place returned.
pub(crate) fn begin(bytes: &mut Vec<u8>) -> usize {
    let at = bytes.len();
    bytes.extend_from_slice(&MARK);
    bytes.extend_from_slice(&[0; HEAD - MARK.len()]);
    at
}

/// Ends the record begun at `at`.
///
/// # Panics
/// Where the payload is 4 GiB or more: callers keep records below that.
pub(crate) fn end(bytes: &mut [u8], at: usize) {
    let length = u32::try_from(bytes.len() - at - HEAD).expect("records are below 4 GiB");
    bytes[at + 4..at + 8].copy_from_slice(&length.to_le_bytes());
    let check = check(length, &bytes[at + HEAD..]);
    bytes[at + 8..at + HEAD].copy_from_slice(&check.to_le_bytes());
}

/// How many bytes the record has that begins here, as its head says; `None` where none begins.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.strip_prefix(&MARK)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*length)).ok()?.checked_add(HEAD)
}

fn check(length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// What stands at a place of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A record: where it begins, and its payload.
    Record {
        /// Offset of the mark.
        at: usize,
        /// What was written.
        payload: &'a [u8],
    },
    /// Bytes that are no record, with a record behind them.
    Damage {
        /// The first of them.
        at: usize,
        /// The one after the last.
        end: usize,
    },
    /// Bytes that are no record, up to the end of the file.
    Torn {
        /// The first of them.
        at: usize,
    },
}

/// The records of a file, in order, from an offset on.
#[derive(Debug)]
pub(crate) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let at = self.at;
        if at >= self.bytes.len() {
            return None;
        }
        if let Some(payload) = record_at(self.bytes, at) {
            self.at = at + HEAD + payload.len();
            return Some(Frame::Record { at, payload });
        }
        match (at + 1..self.bytes.len()).find(|&next| record_at(self.bytes, next).is_some()) {
            Some(next) => {
                self.at = next;
                Some(Frame::Damage { at, end: next })
            }
            None => {
                self.at = self.bytes.len();
                Some(Frame::Torn { at })
            }
        }
    }
}

/// Stands at the end of a payload by which a record that was written whole can be told from one that was cut short, whatever
/// else became of it; see [`is_torn`].
pub(crate) const END: [u8; 4] = [0xD7, 0x4C, 0xC1, 0x9E];

/// What a disk writes at once, or not at all.
const SECTOR: u64 = 512;

/// Whether bytes without a record, up to the end of a file and from `at` in it, look as a power cut leaves a write: cut short,
/// or with zeros where a sector was not written. Otherwise what stood there was damaged.
pub(crate) fn is_torn(bytes: &[u8], at: u64) -> bool {
    let begins = bytes.iter().zip(&MARK).all(|(a, b)| a == b);
    let length =
        bytes.get(4..8).map(|length| u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
    let short = length.is_none_or(|length| (bytes.len() as u64) < HEAD as u64 + u64::from(length));
    begins && short && !bytes.ends_with(&END) || has_hole(bytes, at)
}

/// Whether a part in a sector of its own is zeros.
fn has_hole(mut bytes: &[u8], at: u64) -> bool {
    let mut left = SECTOR - at % SECTOR;
    while !bytes.is_empty() {
        let (part, rest) = bytes.split_at(bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        if part.iter().all(|&byte| byte == 0) {
            return true;
        }
        (bytes, left) = (rest, SECTOR);
    }
    false
}

fn record_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?.strip_prefix(&MARK)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    let payload = rest.get(..usize::try_from(length).ok()?)?;
    (check(length, payload) == u32::from_le_bytes(*expected)).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in [&b"one"[..], b"two two", b"three"] {
            let at = begin(&mut bytes);
            bytes.extend_from_slice(payload);
            end(&mut bytes, at);
        }
        bytes
    }

    fn payloads(bytes: &[u8]) -> Vec<&[u8]> {
        Frames::new(bytes, 0)
            .filter_map(|frame| match frame {
                Frame::Record { payload, .. } => Some(payload),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_cut_at_any_byte_leaves_the_whole_records_before_it() {
        let bytes = three();
        for cut in 0..bytes.len() {
            let whole = [15, 34].iter().filter(|&&end| end <= cut).count();
            assert_eq!(payloads(&bytes[..cut]).len(), whole, "cut at {cut}");
        }
        assert_eq!(payloads(&bytes).len(), 3);
    }

    #[test]
    fn a_cut_record_looks_torn_and_a_damaged_one_does_not() {
        let mut bytes = three();
        let last = bytes.len();
        let at = begin(&mut bytes);
        bytes.extend_from_slice(b"four");
        bytes.extend_from_slice(&END);
        end(&mut bytes, at);
        for cut in last + 1..bytes.len() {
            assert!(is_torn(&bytes[last..cut], last as u64), "cut at {cut}");
        }
        for bit in 0..(bytes.len() - last) * 8 {
            let mut damaged = bytes[last..].to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_torn(&damaged, last as u64), "bit {bit}");
        }
    }

    #[test]
    fn a_sector_that_was_not_written_looks_torn() {
        let mut bytes = Vec::new();
        let at = begin(&mut bytes);
        bytes.extend_from_slice(&[7; 1500]);
        bytes.extend_from_slice(&END);
        end(&mut bytes, at);
        // The record begins at 100 of the file: its parts end at 412, 924, 1436 and 1516.
        for (from, to) in [(0, 412), (412, 924), (924, 1436), (1436, 1516), (412, 1516), (0, 1516)] {
            let mut torn = bytes.clone();
            torn[from..to].fill(0);
            assert!(is_torn(&torn, 100), "{from}..{to}");
        }
        bytes[500] = 0;
        assert!(!is_torn(&bytes, 100));
    }

    #[test]
    fn a_flipped_bit_costs_one_record_and_is_seen() {
        let clean = three();
        for bit in 0..clean.len() * 8 {
            let mut bytes = clean.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let frames: Vec<_> = Frames::new(&bytes, 0).collect();
            let records = frames.iter().filter(|frame| matches!(frame, Frame::Record { .. })).count();
            assert_eq!((records, frames.len()), (2, 3), "bit {bit}");
        }
    }
}
