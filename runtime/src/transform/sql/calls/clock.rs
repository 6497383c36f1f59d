//! When what is computed comes: with the rows, or, of a call of windows, when a window is complete.
//!
//! ```text
//!   total(v), v                 with the rows
//!   counter(v)                  behind the rows of its window, as rows of its own
//!   total(counter(v)) * 2       with what counter gives
//!   counter(v) + v              neither: those rows have gone on
//! ```

use levada_connector_api::{Error, Result};
use levada_engine::expressions::SeriesCall;

/// What comes with rows, or, where it is a number, with the points of that call.
pub(super) type Clock = Option<usize>;

/// What something is computed from.
#[derive(Debug)]
pub(super) struct Origin {
    /// How it is written.
    text: String,
    /// From measurements of the rows.
    of_rows: bool,
    /// From what these calls give.
    of_calls: Vec<usize>,
}

impl Origin {
    /// Of something that names these measurements, among them those that calls give.
    pub(super) fn new(text: String, names: &[String], calls: &[SeriesCall]) -> Self {
        let call = |name: &String| calls.iter().position(|call| **call.name() == **name);
        Self {
            text,
            of_rows: names.iter().any(|name| call(name).is_none()),
            of_calls: names.iter().filter_map(call).collect(),
        }
    }

    /// Whether it is computed from measurements of the rows alone.
    pub(super) fn is_of_rows(&self) -> bool {
        self.of_calls.is_empty()
    }

    /// When it comes, where it is known of each call when what it gives does.
    ///
    /// # Errors
    /// It is computed from what comes at different times.
    pub(super) fn clock(&self, clocks: &[Clock]) -> Result<Clock> {
        let of_calls = self.of_calls.iter().map(|&call| clocks.get(call).copied().flatten());
        let mut all = of_calls.chain(self.of_rows.then_some(None));
        let first = all.next().flatten();
        if all.all(|each| each == first) {
            return Ok(first);
        }
        Err(Error::config(format!(
            "`{}`: what a function of windows gives comes when its window is complete, behind the rows of the window, so it cannot be \
             computed with measurements or with what other calls give: select them side by side",
            self.text
        )))
    }
}
