//! Where a tablet's columns go: looked up once, when it is checked.

use std::sync::Arc;

use arrow_array::ArrayRef;
use levada_model::{Column, DataType, Tablet};

use crate::catalog::{Device, Series};

/// A column of rows on their way to a memtable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) measurement: &'a Arc<str>,
    pub(crate) data_type: DataType,
    /// Of the Arrow type that belongs to the data type.
    pub(crate) values: &'a ArrayRef,
}

impl Incoming<'_> {
    /// Its measurement and type, shared.
    pub(crate) fn named(&self) -> (Arc<str>, DataType) {
        (Arc::clone(self.measurement), self.data_type)
    }

    /// Whether it is of a measurement and type.
    pub(crate) fn is_of(&self, (measurement, data_type): &(Arc<str>, DataType)) -> bool {
        measurement == self.measurement && *data_type == self.data_type
    }
}

/// The device of a tablet, and the series of its columns.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) device: Arc<Device>,
    /// Places of columns in the tablet, and of their series in the device; by measurement.
    columns: Vec<(u32, u32)>,
}

impl Target {
    /// Where all columns of a tablet go as they stand: by name, each with the type of its series. `None` where that is
    /// not so, or where there are none.
    pub(super) fn exact(device: &Arc<Device>, tablet: &Tablet) -> Option<Self> {
        let sorted = !tablet.columns().is_empty() && tablet.columns().is_sorted_by(|a, b| a.name < b.name);
        let exact = |column: &Column, series: &Series| column.data_type == series.schema.data_type;
        let target = sorted.then(|| Self::of(device, tablet, exact))?;
        (target.columns.len() == tablet.columns().len()).then_some(target)
    }

    /// Where those columns of a tablet go that `fits` says so of; each is named as its series.
    pub(crate) fn of(device: &Arc<Device>, tablet: &Tablet, fits: impl Fn(&Column, &Series) -> bool) -> Self {
        let mut columns = Vec::with_capacity(tablet.columns().len());
        let mut likely = 0;
        for (at, column) in tablet.columns().iter().enumerate() {
            let Some(place) = device.position(&column.name, likely) else { continue };
            likely = place + 1;
            if fits(column, &device.all()[place]) {
                columns.push((at as u32, place as u32));
            }
        }
        if !columns.is_sorted_by(|(_, a), (_, b)| a < b) {
            columns.sort_unstable_by_key(|&(_, series)| series);
        }
        Self { device: Arc::clone(device), columns }
    }

    /// The columns of its tablet that are stored, by measurement.
    pub(crate) fn columns<'a>(&'a self, tablet: &'a Tablet) -> Vec<Incoming<'a>> {
        let incoming = |&(column, series): &(u32, u32)| {
            let values: &ArrayRef = &tablet.columns()[column as usize].values;
            let Series { measurement, schema, .. } = &self.device.all()[series as usize];
            Incoming { measurement, data_type: schema.data_type, values }
        };
        self.columns.iter().map(incoming).collect()
    }
}
