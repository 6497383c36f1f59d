//! What a function does with its rows, behind the checks that its declaration makes.

use levada_udf::{Access, Columns, DataType, Failure, PointCollector, RowWindow};

/// A call of a function that has read its attributes.
pub(crate) trait Work: Send {
    /// The type of its points.
    fn output(&self) -> DataType {
        DataType::Double
    }

    /// How it wants its rows.
    fn access(&self) -> Access {
        Access::RowByRow
    }

    /// Works on some rows. How they are split into calls has no meaning.
    fn rows(&mut self, _rows: Columns<'_>, _points: &mut PointCollector) -> Result<(), Failure> {
        Ok(())
    }

    /// Works on a window, where it asked for windows.
    fn window(&mut self, _window: RowWindow<'_>, _points: &mut PointCollector) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether windows have to be in memory as a whole; else they are read by pages.
    fn needs_whole_windows(&self) -> bool {
        true
    }

    /// Gives the points that need all rows.
    fn finish(&mut self, _points: &mut PointCollector) -> Result<(), Failure> {
        Ok(())
    }

    /// Bytes of what it holds.
    fn memory(&self) -> usize {
        0
    }
}
