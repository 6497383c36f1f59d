//! Functions that make a series of series.

use crate::{
    Cause, Columns, Configuration, Failure, PointCollector, Row, RowWindow, UdfParameters, Validator,
};

/// A function that makes a series of series (a user-defined time series generating function).
///
/// For each call of each query there is an instance of its own, whose methods are called in this order, one at a time:
///
/// ```text
///   validate → before_start → row… | columns… | window… → terminate → before_destroy
/// ```
///
/// A failure ends the query with its message; then only `before_destroy` follows, if `before_start` was called. What a method
/// put before it failed is left out.
pub trait Udtf {
    /// Checks the inputs and attributes of the call.
    ///
    /// # Errors
    /// They are not what the function takes.
    fn validate(&self, _validator: &Validator<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Reads the attributes, and decides how rows are given and which type the points have.
    ///
    /// # Errors
    /// The function cannot start.
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure>;

    /// Works on a row, where rows are given [one by one](crate::Access::RowByRow).
    ///
    /// # Errors
    /// The function cannot go on.
    fn row(&mut self, _row: Row<'_>, _points: &mut PointCollector) -> Result<(), Failure> {
        Err(Failure::of(Cause::Other, "it asked for rows one by one and does not implement `row`"))
    }

    /// Works on some rows at once, where rows are given [one by one](crate::Access::RowByRow): faster than `row`, to which it
    /// gives each otherwise. How rows are split into calls has no meaning.
    ///
    /// # Errors
    /// The function cannot go on.
    fn columns(&mut self, columns: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        if let Some(own) = columns.own::<1>() {
            return columns.each_row(&own, |row| self.row(row, points));
        }
        if let Some(own) = columns.own::<2>() {
            return columns.each_row(&own, |row| self.row(row, points));
        }
        columns.rows().try_for_each(|row| self.row(row, points))
    }

    /// Works on a window of rows, where they are given so.
    ///
    /// # Errors
    /// The function cannot go on.
    fn window(&mut self, _window: RowWindow<'_>, _points: &mut PointCollector) -> Result<(), Failure> {
        Err(Failure::of(Cause::Other, "it asked for windows and does not implement `window`"))
    }

    /// Whether it has to have all rows of a window at once, as [`RowWindow::columns`] gives them: then a window that is larger than
    /// memory ends the query before it is given. Asked of functions that are part of the program.
    fn needs_whole_windows(&self) -> bool {
        false
    }

    /// Gives the points that need all rows. Called once, behind the last row.
    ///
    /// # Errors
    /// The function cannot give them.
    fn terminate(&mut self, _points: &mut PointCollector) -> Result<(), Failure> {
        Ok(())
    }

    /// Called once at the end, also after a failure.
    fn before_destroy(&mut self) {}

    /// Bytes that the instance holds of what it has read; more than the query's budget ends it. Functions that keep the rows
    /// they read say so here.
    fn memory(&self) -> usize {
        0
    }

    /// What a pipeline stores so that the function goes on behind a restart; `None` where it cannot.
    fn save(&self) -> Option<Vec<u8>> {
        None
    }

    /// Goes on where [`Udtf::save`] was called. Called behind `before_start`, before any row.
    ///
    /// # Errors
    /// The function does not save, or this is not what it saved.
    fn restore(&mut self, _saved: &[u8]) -> Result<(), Failure> {
        Err(Failure::new("it does not save what it holds"))
    }
}
