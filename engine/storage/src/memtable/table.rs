//! A memtable: the devices of one database and time partition.

use hashbrown::HashMap;
use levada_model::Path;
use parking_lot::Mutex;

use super::group::{Group, GroupRows, Grown, Named};
use crate::{TimeRange, place::Place, write::Incoming};

/// Beyond so many groups a device's further measurements get a group each, so that odd mixtures cost no more than that.
const GROUPS: usize = 64;

/// Bytes that a column and a group take beside their values, about.
const COLUMN_BYTES: usize = 160;
const GROUP_BYTES: usize = 400;

/// The write that rows come with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// Its number.
    pub(crate) seq: u64,
    /// Rows written up to this one must be told from these, for a view or a deletion that came between.
    pub(crate) boundary: u64,
    /// The last write of the same record: up to there the memtable holds rows then.
    pub(crate) reached: u64,
}

/// Rows of one database and time partition. Written by one thread at a time (the store's lock sees to that), read by any.
#[derive(Debug)]
pub(crate) struct Memtable {
    pub(crate) place: Place,
    /// The first write in it.
    pub(crate) first_seq: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    devices: HashMap<Path, Device, foldhash::fast::RandomState>,
    bytes: usize,
    last_seq: u64,
}

#[derive(Debug, Default)]
struct Device {
    groups: Vec<Group>,
    /// The group that was written last.
    last: usize,
}

/// A device's rows as a reader gets them.
#[derive(Debug)]
pub(crate) struct DeviceRows {
    pub(crate) groups: Vec<GroupRows>,
}

impl Memtable {
    pub(crate) fn new(place: Place, first_seq: u64) -> Self {
        Self { place, first_seq, inner: Mutex::default() }
    }

    /// Appends rows of a device, whose columns come by measurement; says how the memtable grew.
    pub(crate) fn append(
        &self,
        device: &Path,
        stamp: Stamp,
        times: &[i64],
        columns: &[Incoming<'_>],
    ) -> Grown {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let found = match inner.devices.get_mut(device) {
            Some(found) => found,
            None => inner.devices.entry(device.clone()).or_default(),
        };
        let mut grown = Grown::NOTHING;
        let same = |group: &Group| {
            group.columns.len() == columns.len()
                && group.columns.iter().zip(columns).all(|(own, column)| column.is_of(own))
        };
        // The group of last time is the likely one.
        let known = found
            .groups
            .get(found.last)
            .is_some_and(same)
            .then_some(found.last)
            .or_else(|| found.groups.iter().position(same));
        if known.is_some() || found.groups.len() < GROUPS || columns.len() == 1 {
            grown = found.append(known, stamp, times, columns);
        } else {
            for column in columns {
                let alone = |group: &Group| matches!(&group.columns[..], [own] if column.is_of(own));
                let known = found.groups.iter().position(alone);
                let more = found.append(known, stamp, times, std::slice::from_ref(column));
                // The rows are the same each time.
                grown = Grown { bytes: grown.bytes + more.bytes, ..more };
            }
        }
        inner.bytes += grown.bytes;
        inner.last_seq = stamp.reached;
        grown
    }

    pub(crate) fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.inner.lock().last_seq
    }

    /// The devices in it, in the order of their paths.
    pub(crate) fn devices(&self) -> Vec<Path> {
        let mut devices: Vec<Path> = self.inner.lock().devices.keys().cloned().collect();
        devices.sort_unstable();
        devices
    }

    /// A device's measurements with their types, sorted.
    pub(crate) fn columns(&self, device: &Path) -> Vec<Named> {
        let inner = self.inner.lock();
        let groups = inner.devices.get(device).map(|device| &device.groups);
        let columns = groups.into_iter().flatten().flat_map(|group| group.columns.iter().cloned());
        let mut named: Vec<Named> = columns.collect();
        named.sort_unstable();
        named.dedup();
        named
    }

    /// The first and last time of a device's rows; `None` where it has none.
    pub(crate) fn range(&self, device: &Path) -> Option<TimeRange> {
        let inner = self.inner.lock();
        hull(inner.devices.get(device)?.groups.iter())
    }

    /// The first and last time of a device's rows in groups that have one of some columns; `None` where there are none.
    pub(crate) fn range_of(&self, device: &Path, wanted: &[Named]) -> Option<TimeRange> {
        let inner = self.inner.lock();
        let has = |group: &&Group| {
            wanted.iter().enumerate().any(|(place, named)| group.position(named, place).is_some())
        };
        hull(inner.devices.get(device)?.groups.iter().filter(has))
    }

    /// Whether all measurements of a device came together, always.
    pub(crate) fn is_together(&self, device: &Path) -> bool {
        self.inner.lock().devices.get(device).is_some_and(|found| found.groups.len() == 1)
    }

    /// The rows of a device, for some columns; `None` where it has none.
    pub(crate) fn rows(&self, device: &Path, wanted: &[Named]) -> Option<DeviceRows> {
        let inner = self.inner.lock();
        let groups: Vec<_> =
            inner.devices.get(device)?.groups.iter().filter_map(|group| group.rows(wanted)).collect();
        (!groups.is_empty()).then_some(DeviceRows { groups })
    }
}

/// The times of some groups' rows.
fn hull<'a>(groups: impl Iterator<Item = &'a Group>) -> Option<TimeRange> {
    groups.map(|group| TimeRange { start: group.min_time, end: group.max_time }).reduce(TimeRange::hull)
}

impl Device {
    fn append(
        &mut self,
        known: Option<usize>,
        stamp: Stamp,
        times: &[i64],
        columns: &[Incoming<'_>],
    ) -> Grown {
        let mut bytes = 0;
        let at = known.unwrap_or_else(|| {
            bytes += GROUP_BYTES + COLUMN_BYTES * columns.len();
            self.groups.push(Group::new(columns.iter().map(Incoming::named).collect()));
            self.groups.len() - 1
        });
        let switched = self.last != at;
        self.last = at;
        let grown = self.groups[at].append(stamp.seq, stamp.boundary, switched, times, columns);
        Grown { bytes: bytes + grown.bytes, ..grown }
    }
}
