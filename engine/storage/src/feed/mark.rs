//! How far a history has come.

use std::cmp::Ordering;

use levada_model::Path;
use levada_tsfile::DeviceId;

use crate::place::Place;

/// How far a reader has come with what is stored: whoever has all that came before it may go on with the rest later, see
/// [`crate::Storage::history`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryMark {
    /// It is what is stored of the writes up to this one; each write behind it comes afterwards.
    pub until: u64,
    /// All rows up to this write were in files when it was read.
    pub in_files: u64,
    /// Where the last device that is complete was found, where files are read one place after the other: the database's number, and the time
    /// partition.
    pub place: Option<(u32, i64)>,
    /// The last device that is complete.
    pub device: Path,
}

impl HistoryMark {
    /// Whether a device in a place has come.
    pub(super) fn has(&self, place: Place, device: &DeviceId) -> bool {
        let Some(done) = self.place else { return false };
        match done.cmp(&(place.database, place.partition)) {
            Ordering::Equal => *device <= DeviceId::from(&self.device),
            order => order.is_gt(),
        }
    }

    /// Whether all rows that are asked for were in files when it was read, so that none of a device that has come can be missing.
    pub(super) fn had_all(&self) -> bool {
        self.in_files >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_has_what_comes_before_it_in_the_order_of_places_and_devices() {
        let path = |text: &str| Path::parse(text).expect("legal");
        let mark = HistoryMark { until: 9, in_files: 9, place: Some((2, 5)), device: path("root.a.d5") };
        let has = |database, partition, device: &str| {
            mark.has(Place { database, partition }, &DeviceId::from(&path(device)))
        };
        assert!(has(1, 9, "root.a.d9") && has(2, 4, "root.a.d9") && has(2, 5, "root.a.d5"));
        assert!(!has(3, 0, "root.a.d1") && !has(2, 6, "root.a.d1") && !has(2, 5, "root.a.d6"));
        assert!(mark.had_all() && !HistoryMark { in_files: 8, ..mark.clone() }.had_all());
    }
}
