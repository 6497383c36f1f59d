//! Which series are summed up, device by device, and the slots that each belongs to.

use std::sync::Arc;

use hashbrown::HashMap;
use levada_model::Path;

use super::Slot;

/// A device's series.
#[derive(Debug)]
pub(crate) struct DeviceInput {
    pub(super) device: Path,
    pub(super) measurements: Vec<Arc<str>>,
    /// Series by series.
    slots: Vec<Slot>,
    /// Where the slots of each series end.
    ends: Vec<u32>,
}

impl DeviceInput {
    /// The paths of its series.
    pub(crate) fn paths(&self) -> impl ExactSizeIterator<Item = Path> {
        self.measurements.iter().map(|measurement| self.device.child(measurement))
    }

    /// The slots of a series, by its place among the measurements.
    pub(super) fn slots(&self, series: usize) -> &[Slot] {
        let end = self.ends.get(series).map_or(self.slots.len(), |&end| end as usize);
        let start =
            series.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |&end| end as usize);
        &self.slots[start..end]
    }
}

/// Gathers series, each once, with all that they belong to. Devices, and the series of each, stay in the order in which they
/// came: sums of real numbers depend on it.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    devices: Vec<Gathered>,
    by_device: HashMap<Path, usize, foldhash::fast::RandomState>,
    /// The device of the series before.
    last: usize,
    list: u32,
}

#[derive(Debug)]
struct Gathered {
    device: Path,
    measurements: Vec<Arc<str>>,
    slots: Vec<(u32, Slot)>,
    /// The list its series are of.
    list: u32,
    /// The places of its series, where they are of several lists.
    places: Option<HashMap<Arc<str>, u32, foldhash::fast::RandomState>>,
}

impl Inputs {
    /// What is added from now on is another list: a series may be in several lists, but is in each only once.
    pub(crate) fn begin_list(&mut self) {
        self.list += 1;
    }

    /// A series belongs to a slot.
    pub(crate) fn add(&mut self, device: &Path, measurement: &Arc<str>, slot: Slot) {
        if self.devices.get(self.last).is_none_or(|last| last.device != *device) {
            self.last = match self.by_device.get(device) {
                Some(&known) => known,
                None => {
                    self.by_device.insert(device.clone(), self.devices.len());
                    self.devices.push(Gathered::new(device.clone(), self.list));
                    self.devices.len() - 1
                }
            };
        }
        self.devices[self.last].add(measurement, slot, self.list);
    }

    /// All of them.
    pub(crate) fn into_devices(self) -> Vec<DeviceInput> {
        self.devices.into_iter().map(Gathered::into_input).collect()
    }
}

impl Gathered {
    fn new(device: Path, list: u32) -> Self {
        Self { device, measurements: Vec::new(), slots: Vec::new(), list, places: None }
    }

    fn add(&mut self, measurement: &Arc<str>, slot: Slot, list: u32) {
        if self.list != list && self.places.is_none() {
            self.places = Some(self.measurements.iter().map(Arc::clone).zip(0..).collect());
        }
        let next = self.measurements.len() as u32;
        let place = match &mut self.places {
            Some(places) => *places.entry(Arc::clone(measurement)).or_insert(next),
            None => next,
        };
        if place == next {
            self.measurements.push(Arc::clone(measurement));
        }
        self.slots.push((place, slot));
    }

    fn into_input(mut self) -> DeviceInput {
        self.slots.sort_by_key(|(series, _)| *series);
        let mut ends = vec![0; self.measurements.len()];
        for (at, (series, _)) in self.slots.iter().enumerate() {
            ends[*series as usize] = at as u32 + 1;
        }
        let slots = self.slots.into_iter().map(|(_, slot)| slot).collect();
        self.measurements.shrink_to_fit();
        DeviceInput { device: self.device, measurements: self.measurements, slots, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_of_several_lists_is_read_once_for_all_its_slots() {
        let path = |text| Path::parse(text).expect("legal");
        let (a, b) = (path("root.a"), path("root.b"));
        let slot = |slot| Slot { bank: 0, slot };
        let mut inputs = Inputs::default();
        for (device, measurement, at) in [(&a, "s", 0), (&a, "t", 1), (&b, "s", 2)] {
            inputs.add(device, &measurement.into(), slot(at));
        }
        inputs.begin_list();
        for (device, measurement, at) in [(&a, "t", 3), (&a, "u", 4), (&b, "s", 5)] {
            inputs.add(device, &measurement.into(), slot(at));
        }
        let found: Vec<(String, Vec<u32>)> = inputs
            .into_devices()
            .iter()
            .flat_map(|each| {
                let name = |at: usize| format!("{}.{}", each.device, each.measurements[at]);
                let slots = |at: usize| each.slots(at).iter().map(|slot| slot.slot).collect();
                (0..each.measurements.len()).map(|at| (name(at), slots(at))).collect::<Vec<_>>()
            })
            .collect();
        let expected = [
            ("root.a.s", vec![0]),
            ("root.a.t", vec![1, 3]),
            ("root.a.u", vec![4]),
            ("root.b.s", vec![2, 5]),
        ];
        assert_eq!(found, expected.map(|(name, slots)| (name.to_owned(), slots)));
    }
}
