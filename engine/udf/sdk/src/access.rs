//! How a function wants its rows, and what it gives.

use crate::{DataType, Failure};

/// Which part of the time axis windows cover: from a time on, up to but not including another. What is not set is that of the
/// query's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DisplayWindow {
    /// The beginning of the first window; the first row's time where `None`.
    pub begin: Option<i64>,
    /// No window begins at it or later, nor reaches over it; the last row is in the last window where `None`.
    pub end: Option<i64>,
}

/// How a function wants its rows. Times and durations are in the store's precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Access {
    /// One at a time, to `row` (or many, to `columns`).
    RowByRow,
    /// Windows of time: `[begin + n × step, begin + n × step + interval)`. Those without rows are given too; the last may be
    /// shorter.
    SlidingTime {
        /// How long a window is; more than 0.
        interval: i64,
        /// From the beginning of one to that of the next; more than 0.
        step: i64,
        /// What they cover.
        display: DisplayWindow,
    },
    /// Windows of rows: the first row of each is `step` rows behind that of the one before. The last may be shorter.
    SlidingSize {
        /// How many rows a window has; more than 0.
        size: usize,
        /// More than 0.
        step: usize,
        /// Rows outside of it are left out.
        display: DisplayWindow,
    },
    /// Windows that end where no row follows within a time.
    Session {
        /// The longest time between two rows of a window; 0 or more.
        gap: i64,
        /// Rows outside of it are left out.
        display: DisplayWindow,
    },
    /// Windows that end where the first input differs from its value at the window's beginning. A null differs from nothing.
    State {
        /// How much a number may differ; 0 or more. Texts and truths have to be equal.
        delta: f64,
        /// Rows outside of it are left out.
        display: DisplayWindow,
    },
}

impl Access {
    /// Windows of time, one behind the other.
    pub fn time(interval: i64) -> Self {
        Self::SlidingTime { interval, step: interval, display: DisplayWindow::default() }
    }

    /// Windows of rows, one behind the other.
    pub fn size(size: usize) -> Self {
        Self::SlidingSize { size, step: size, display: DisplayWindow::default() }
    }

    /// All rows in one window.
    pub fn all() -> Self {
        Self::size(usize::MAX)
    }

    /// Windows that end where no row follows within a time.
    pub fn session(gap: i64) -> Self {
        Self::Session { gap, display: DisplayWindow::default() }
    }

    /// Windows that end where the first input differs by more than `delta` from its value at the beginning.
    pub fn state(delta: f64) -> Self {
        Self::State { delta, display: DisplayWindow::default() }
    }

    /// The same with another step; of [`Access::SlidingTime`] and [`Access::SlidingSize`].
    #[must_use]
    pub fn every(mut self, by: i64) -> Self {
        match &mut self {
            Self::SlidingTime { step, .. } => *step = by,
            // A negative step is a 0 to the check.
            Self::SlidingSize { step, .. } => *step = usize::try_from(by).unwrap_or(0),
            _ => {}
        }
        self
    }

    /// The same over another part of the time axis.
    #[must_use]
    pub fn within(mut self, begin: Option<i64>, end: Option<i64>) -> Self {
        match &mut self {
            Self::RowByRow => {}
            Self::SlidingTime { display, .. }
            | Self::SlidingSize { display, .. }
            | Self::Session { display, .. }
            | Self::State { display, .. } => *display = DisplayWindow { begin, end },
        }
        self
    }

    /// What its windows cover.
    pub fn display(&self) -> DisplayWindow {
        match *self {
            Self::RowByRow => DisplayWindow::default(),
            Self::SlidingTime { display, .. }
            | Self::SlidingSize { display, .. }
            | Self::Session { display, .. }
            | Self::State { display, .. } => display,
        }
    }

    /// Checks its numbers.
    ///
    /// # Errors
    /// One is out of its range, or the display window ends before it begins.
    pub fn check(&self) -> Result<(), Failure> {
        let must = |holds: bool, what: &str| {
            if holds { Ok(()) } else { Err(Failure::parameters(what)) }
        };
        match *self {
            Self::RowByRow => {}
            Self::SlidingTime { interval, step, .. } => {
                must(interval > 0, &format!("the time interval ({interval}) should be positive"))?;
                must(step > 0, &format!("the sliding step ({step}) should be positive"))?;
            }
            Self::SlidingSize { size, step, .. } => {
                must(size > 0, "the window size (0) should be positive")?;
                must(step > 0, "the sliding step (0) should be positive")?;
            }
            Self::Session { gap, .. } => {
                must(gap >= 0, &format!("the session's time gap ({gap}) should not be negative"))?;
            }
            Self::State { delta, .. } => {
                must(delta >= 0.0, &format!("the state's delta ({delta}) should not be negative"))?;
            }
        }
        match self.display() {
            DisplayWindow { begin: Some(begin), end: Some(end) } if end < begin => Err(Failure::parameters(
                format!("the display window ends ({end}) before it begins ({begin})"),
            )),
            _ => Ok(()),
        }
    }
}

/// What a function decides at the start, from its inputs and attributes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Configuration {
    /// How it wants its rows.
    pub access: Access,
    /// The type of its points.
    pub output: DataType,
}

impl Configuration {
    /// Rows in this way, points of this type.
    pub fn new(access: Access, output: DataType) -> Self {
        Self { access, output }
    }
}
