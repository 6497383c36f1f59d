//! A native aggregate as an instance.

use arrow_array::ArrayRef;
use levada_udf_sdk::{AnyUdaf, Columns, DataType, UdfParameters, Validator, ValueCollector};

use super::{caught, series::uneven};
use crate::{Batch, Fault, GroupRows, UdafInstance, arrays};

pub(super) struct NativeUdaf<U> {
    function: U,
    /// From the start on.
    output: DataType,
}

impl<U: AnyUdaf> NativeUdaf<U> {
    pub(super) fn new(function: U) -> Self {
        Self { function, output: DataType::Double }
    }
}

impl<U: AnyUdaf + Send> UdafInstance for NativeUdaf<U> {
    fn validate(&mut self, parameters: &UdfParameters) -> Result<(), Fault> {
        caught(|| Ok(self.function.validate(&Validator::new(parameters))?))
    }

    fn before_start(&mut self, parameters: &UdfParameters) -> Result<DataType, Fault> {
        self.output = caught(|| Ok(self.function.before_start(parameters)?))?;
        Ok(self.output)
    }

    fn add(&mut self, batch: &Batch, rows: &[GroupRows]) -> Result<(), Fault> {
        let columns = arrays::columns(batch)?;
        let columns = Columns::new(&batch.times, &columns).ok_or_else(uneven)?;
        caught(|| {
            for &GroupRows { group, first, last } in rows {
                self.function.add(group, columns.range(first, last))?;
            }
            Ok(())
        })
    }

    fn combine(&mut self, group: usize, saved: &[u8]) -> Result<(), Fault> {
        caught(|| Ok(self.function.combine(group, saved)?))
    }

    fn save(&mut self, group: usize) -> Result<Option<Vec<u8>>, Fault> {
        caught(|| Ok(self.function.save(group)))
    }

    fn output(&mut self, groups: usize) -> Result<ArrayRef, Fault> {
        let mut values = ValueCollector::new(self.output);
        caught(|| Ok(self.function.output(groups, &mut values)?))?;
        let (values, validity) = values.into_parts();
        arrays::of_buffer(values, Some(validity), self.output)
    }

    fn before_destroy(&mut self) -> Result<(), Fault> {
        caught(|| {
            self.function.before_destroy();
            Ok(())
        })
    }
}
