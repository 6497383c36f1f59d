//! A native function as an instance.

use levada_udf_sdk::{
    Columns, Configuration, DataType, Pager, PointCollector, RowWindow, UdfParameters, Udtf, Validator,
};

use super::caught;
use crate::{Batch, Fault, FaultKind, KeptWindow, Points, UdtfInstance, Window, arrays};

pub(super) struct NativeUdtf<U> {
    function: U,
    /// From the start on.
    points: PointCollector,
}

impl<U: Udtf> NativeUdtf<U> {
    pub(super) fn new(function: U) -> Self {
        Self { function, points: PointCollector::new(DataType::Double) }
    }

    fn take(&mut self) -> Result<Points, Fault> {
        let (times, values) = self.points.take();
        Points::new(times, values, self.points.data_type())
    }
}

impl<U: Udtf + Send> UdtfInstance for NativeUdtf<U> {
    fn validate(&mut self, parameters: &UdfParameters) -> Result<(), Fault> {
        caught(|| Ok(self.function.validate(&Validator::new(parameters))?))
    }

    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Fault> {
        let configuration = caught(|| Ok(self.function.before_start(parameters)?))?;
        self.points = PointCollector::new(configuration.output);
        Ok(configuration)
    }

    fn rows(&mut self, batch: &Batch) -> Result<Points, Fault> {
        let columns = arrays::columns(batch)?;
        let columns = Columns::new(&batch.times, &columns).ok_or_else(uneven)?;
        caught(|| Ok(self.function.columns(columns, &mut self.points)?))?;
        self.take()
    }

    fn windows(&mut self, batch: &Batch, windows: &[Window]) -> Result<Points, Fault> {
        let columns = arrays::columns(batch)?;
        let columns = Columns::new(&batch.times, &columns).ok_or_else(uneven)?;
        caught(|| {
            for window in windows {
                let rows = columns.range(window.first, window.last);
                self.function.window(RowWindow::new(rows, window.begin, window.end), &mut self.points)?;
            }
            Ok(())
        })?;
        self.take()
    }

    fn reads_pages(&self) -> bool {
        !self.function.needs_whole_windows()
    }

    fn kept_window(&mut self, window: &KeptWindow) -> Result<Points, Fault> {
        let pager = Pager::new(window);
        let rows = RowWindow::paged(&pager, window.begin(), window.end());
        let done = caught(|| Ok(self.function.window(rows, &mut self.points)?));
        // Whatever it made of rows that could not be read.
        if let Some(failure) = pager.failure() {
            return Err(Fault::new(FaultKind::Io, failure.message()));
        }
        done?;
        self.take()
    }

    fn terminate(&mut self) -> Result<Points, Fault> {
        caught(|| Ok(self.function.terminate(&mut self.points)?))?;
        self.take()
    }

    fn before_destroy(&mut self) -> Result<(), Fault> {
        caught(|| {
            self.function.before_destroy();
            Ok(())
        })
    }

    fn memory(&self) -> usize {
        self.function.memory()
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        caught(|| Ok(self.function.save()))
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), Fault> {
        caught(|| Ok(self.function.restore(saved)?))
    }
}

/// A batch's columns are as long as its times, else it is its maker that is wrong.
pub(super) fn uneven() -> Fault {
    Fault::new(FaultKind::WrongOutput, "an input's column is not as long as the times")
}
