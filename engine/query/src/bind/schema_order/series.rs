//! The order of series that are known device by device: that of their paths, which are not made.

use std::ops::Range;

use levada_storage::DeviceSeries;

use super::{Age, Purpose, node_at, spread, table_size};
use crate::context::SchemaOrder;

/// Where a series is: its device, and its number among the device's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) device: u32,
    pub(crate) series: u32,
}

/// What stands below a node.
enum Child<'a> {
    Series(&'a str, Place),
    /// Devices at or below a node of this name.
    Devices(&'a str, Range<usize>),
}

impl<'a> Child<'a> {
    fn name(&self) -> &'a str {
        match self {
            Self::Series(name, _) | Self::Devices(name, _) => name,
        }
    }
}

/// What is still to be arranged.
enum Step {
    Series(Place),
    /// Devices that begin with the same nodes; the next node begins at this byte.
    Below(Range<usize>, usize),
}

/// The series of devices in the order asked for, as [`super::sort`] brings their paths into. The devices are sorted by
/// path, and the series of each by measurement.
pub(crate) fn places(devices: &[DeviceSeries], order: SchemaOrder, purpose: Purpose) -> Vec<Place> {
    let mut arranged = Vec::with_capacity(devices.iter().map(|each| each.series.len()).sum());
    let mut ahead = vec![Step::Below(0..devices.len(), 0)];
    let mut children: Vec<Child<'_>> = Vec::new();
    while let Some(step) = ahead.pop() {
        let (range, start) = match step {
            Step::Series(place) => {
                arranged.push(place);
                continue;
            }
            Step::Below(range, start) => (range, start),
        };
        children.clear();
        let distinct = children_of(devices, range, start, &mut children);
        match order {
            SchemaOrder::Path => children.sort_by_key(Child::name),
            SchemaOrder::Peer => {
                let mask = table_size(distinct) - 1;
                children.sort_by_cached_key(|child| {
                    (spread(child.name()) & mask, Age { name: child.name(), purpose })
                });
            }
        }
        ahead.extend(children.drain(..).rev().map(|child| match child {
            Child::Series(_, place) => Step::Series(place),
            Child::Devices(name, range) => Step::Below(range, start + name.len() + 1),
        }));
    }
    arranged
}

/// What stands below the node that devices have in common, a series before the devices of its name. Gives how many names
/// there are.
fn children_of<'a>(
    devices: &'a [DeviceSeries],
    range: Range<usize>,
    start: usize,
    children: &mut Vec<Child<'a>>,
) -> usize {
    // A device that is the node itself comes first.
    let here = devices[range.clone()].partition_point(|each| each.device.as_str().len() < start);
    let (own, below) = (range.start..range.start + here, range.start + here..range.end);
    for device in own.clone() {
        let series = devices[device].series.iter().enumerate();
        let place = |at: usize| Place { device: device as u32, series: at as u32 };
        children.extend(series.map(|(at, (name, _))| Child::Series(name, place(at))));
    }
    let mut distinct = children.len();
    for at in below {
        let node = node_at(devices[at].device.as_str(), start);
        match children.last_mut() {
            Some(Child::Devices(last, devices)) if *last == node => devices.end = at + 1,
            _ => {
                let is_series = |device: usize| {
                    devices[device].series.binary_search_by(|(name, _)| (**name).cmp(node)).is_ok()
                };
                distinct += usize::from(!own.clone().any(is_series));
                children.push(Child::Devices(node, at..at + 1));
            }
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use levada_model::{DataType, Path, SeriesSchema};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn series_come_in_the_order_of_their_paths(
            paths in prop::collection::btree_set(prop::collection::vec("[a-c`. ]{1,2}|[a-z]", 1..5), 1..60),
            by_path in any::<bool>(),
        ) {
            let order = if by_path { SchemaOrder::Path } else { SchemaOrder::Peer };
            let paths: Vec<Path> = paths
                .iter()
                .map(|nodes| Path::from_raw_nodes(std::iter::once("root").chain(nodes.iter().map(String::as_str))))
                .collect();
            let mut devices: BTreeMap<Path, Vec<(Arc<str>, SeriesSchema)>> = BTreeMap::new();
            let schema = SeriesSchema::default_for(DataType::Int32);
            for (device, measurement) in paths.iter().filter_map(Path::split_last) {
                devices.entry(device).or_default().push((measurement.into(), schema));
            }
            let devices: Vec<DeviceSeries> = devices
                .into_iter()
                .map(|(device, mut series)| {
                    series.sort_by(|(a, _), (b, _)| a.cmp(b));
                    DeviceSeries { device, series }
                })
                .collect();
            let path = |place: &Place| {
                let device = &devices[place.device as usize];
                device.device.child(&device.series[place.series as usize].0)
            };
            let found: Vec<Path> = places(&devices, order, Purpose::Select).iter().map(path).collect();
            prop_assert_eq!(found, super::super::sort(paths, order, Purpose::Select, |path| path));
        }
    }
}
