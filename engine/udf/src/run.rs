//! One call of a function in one query.
//!
//! ```text
//!   push ──▶ waiting rows ──▶ cutter ──▶ batches and windows ──▶ instance ──▶ checks ──▶ next
//! ```

use std::{fmt, ops::Range, sync::Arc};

use arrow_array::ArrayRef;
use arrow_buffer::ScalarBuffer;
use levada_udf_sdk::{Access, Cause, Configuration, DataType, UdfParameters};

use self::{
    cutter::Cutter,
    saved::{Put, Take},
    waiting::{Slice, Waiting},
};
pub use self::{kept::KeptWindow, scratch::Scratch};
use crate::{Batch, Fault, FaultKind, Method, Points, UdfError, UdfFactory, UdtfInstance, model_type};

mod breaks;
mod chunk;
mod cutter;
mod kept;
mod saved;
mod scratch;
mod waiting;

/// Rows in a call, and windows.
pub(crate) const BATCH: usize = 4096;

/// What a call may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdfLimits {
    /// Bytes of rows that wait for their window to be complete; and, apart from them, bytes that the instance says it holds.
    pub memory: usize,
    /// Where rows that wait have room that memory has not, for functions that read windows by pages.
    pub spill: Option<Spill>,
}

/// Where rows that wait for their window have room that memory has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spill {
    /// Bytes of rows that wait in memory, and of a window that is given whole.
    pub memory: usize,
    /// Bytes of rows that wait in all.
    pub disk: u64,
    /// The folder for those that are not in memory.
    pub scratch: Scratch,
}

impl Default for UdfLimits {
    /// 256 MiB of either, and no room beyond.
    fn default() -> Self {
        Self { memory: 256 << 20, spill: None }
    }
}

/// One call of a function that makes a series, in one query.
///
/// Push rows in order of time and pull points until there are none; at the end say so, and pull the rest:
///
/// ```text
///   push, next… → push, next… → end, next… → (dropped)
/// ```
///
/// Each [`UdtfRun::next`] calls the instance once at most, so that a caller may stop between. The instance is ended once: behind
/// the last points, by an error, or when the run is dropped.
pub struct UdtfRun {
    function: String,
    instance: Box<dyn UdtfInstance>,
    configuration: Configuration,
    limits: UdfLimits,
    waiting: Waiting,
    cutter: Cutter,
    /// The time of the last point.
    last: Option<i64>,
    /// The number of the next row to come when the run was last saved.
    stored: Option<u64>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// More rows may come.
    Open,
    /// All rows have come.
    Ended,
    /// The instance was ended.
    Destroyed,
}

impl fmt::Debug for UdtfRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdtfRun")
            .field("function", &self.function)
            .field("configuration", &self.configuration)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl UdtfRun {
    /// Makes an instance, checks the call and starts. `function` is the name that errors give.
    ///
    /// # Errors
    /// The module cannot be used, or the function does not take the call; [`Method::is_of_the_start`] is true of the method.
    pub fn open(
        function: &str,
        factory: &dyn UdfFactory,
        parameters: UdfParameters,
        limits: UdfLimits,
    ) -> Result<Self, UdfError> {
        let failed = |method| move |fault: Fault| UdfError::new(function, method, fault);
        let mut instance = factory.make_udtf().map_err(failed(Method::Load))?;
        instance.validate(&parameters).map_err(failed(Method::Validate))?;
        let started = instance.before_start(&parameters).and_then(|configuration| {
            configuration.access.check()?;
            Ok(configuration)
        });
        let configuration = match started {
            Ok(configuration) => configuration,
            Err(fault) => {
                // What it said first is what is told.
                drop(instance.before_destroy());
                return Err(failed(Method::BeforeStart)(fault));
            }
        };
        let types: Arc<[DataType]> = parameters.inputs().iter().map(|input| input.data_type).collect();
        let spill = limits.spill.clone();
        let mut run = Self {
            function: function.to_owned(),
            instance,
            configuration,
            limits,
            waiting: Waiting::new(types, &configuration.access),
            cutter: Cutter::new(&configuration.access),
            last: None,
            stored: None,
            stage: Stage::Open,
        };
        if let Some(spill) = spill {
            run.spill_to(spill);
        }
        Ok(run)
    }

    /// From now on rows that wait have room on disk too, if the function reads windows by pages; else nothing changes.
    pub fn spill_to(&mut self, spill: Spill) {
        if self.instance.reads_pages() {
            self.waiting.make_use_of(spill);
        }
    }

    /// The function's name.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The type of the points, in the store's terms.
    pub fn data_type(&self) -> levada_model::DataType {
        model_type(self.configuration.output)
    }

    /// What the function decided at its start.
    pub fn configuration(&self) -> Configuration {
        self.configuration
    }

    /// Which of these rows would wait for their window with more than `most` bytes of rows, if they came next: those behind as many
    /// as fit, up to the one with which the window is complete. Of a window that is complete with a number of rows these are all
    /// behind, where that row does not fit. What fits is reckoned with rows of equal size.
    ///
    /// # Errors
    /// The columns are not those of the inputs.
    pub fn without_room(
        &self,
        times: ScalarBuffer<i64>,
        columns: Vec<ArrayRef>,
        most: usize,
    ) -> Result<Range<usize>, UdfError> {
        let batch = Batch { times, columns, types: Arc::clone(self.waiting.types()) };
        batch.check().map_err(|fault| UdfError::new(&self.function, Method::Transform, fault))?;
        let rows = batch.rows();
        let held = self.waiting.stored_bytes();
        let bytes = batch.stored_bytes();
        if rows == 0 || self.configuration.access == Access::RowByRow || held + bytes <= most {
            return Ok(0..0);
        }
        let fitting = most.saturating_sub(held) / bytes.div_ceil(rows);
        Ok(match self.cutter.completes(&self.waiting, &batch) {
            Some(row) if row <= fitting => 0..0,
            Some(row) if !self.cutter.counts_rows() => fitting..row,
            _ => fitting.min(rows)..rows,
        })
    }

    /// Bytes of the rows that wait for their window, as [`UdtfRun::save`] stores them; an upper bound of texts.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.stored_bytes()
    }

    /// Bytes of the rows that wait in memory; others are on disk.
    pub fn bytes_in_memory(&self) -> usize {
        self.waiting.bytes_in_memory()
    }

    /// From now on, more than 1000 empty windows of time in a row are left out, all of them: for rows whose times may be anything,
    /// where nobody waits for what stands between two that are years apart. The number of windows is then bounded by that of the rows.
    pub fn leave_gaps_out(&mut self) {
        self.cutter.leave_gaps_out();
    }

    /// Goes on from what [`UdtfRun::save`] gave; before the first row.
    ///
    /// # Errors
    /// The function does not save, or cannot read it.
    pub fn restore(&mut self, saved: &[u8]) -> Result<(), UdfError> {
        self.restore_with(saved, &[])
    }

    /// As [`UdtfRun::restore`], and from what [`UdtfRun::save_change`] gave since, in its order.
    ///
    /// # Errors
    /// As [`UdtfRun::restore`].
    pub fn restore_with(&mut self, saved: &[u8], changes: &[Vec<u8>]) -> Result<(), UdfError> {
        if self.configuration.access == Access::RowByRow {
            let only = if changes.is_empty() { Ok(()) } else { Err(saved::damaged()) };
            self.ended_by(Method::Save, only)?;
            return self.call(Method::Save, |instance| instance.restore(saved));
        }
        let function = self.take_windows(saved, false).and_then(|mut function| {
            for change in changes {
                function = self.take_windows(change, true)?;
            }
            Ok(function)
        });
        match self.ended_by(Method::Save, function)? {
            Some(function) => self.call(Method::Save, |instance| instance.restore(function)),
            None => Ok(()),
        }
    }

    /// What a pipeline stores of the call between two rows, when there are no more points: of rows one by one what the function
    /// saves, and `None` where it does not. Of windows the rows too that wait for theirs, also where the function does not save: it is
    /// taken to remember nothing from one window to the next.
    ///
    /// # Errors
    /// The function crashed.
    pub fn save(&mut self) -> Result<Option<Vec<u8>>, UdfError> {
        if self.stage != Stage::Open {
            return Ok(None);
        }
        if self.configuration.access != Access::RowByRow {
            return self.save_windows(None).map(Some);
        }
        if !self.waiting.is_empty() {
            return Ok(None);
        }
        self.call(Method::Save, |instance| instance.save())
    }

    /// What has changed since the run was last saved, by [`UdtfRun::save`] or by this: of windows the rows that came since, and not those
    /// that wait for longer. `None` where it is to be saved whole.
    ///
    /// # Errors
    /// As [`UdtfRun::save`].
    pub fn save_change(&mut self) -> Result<Option<Vec<u8>>, UdfError> {
        match self.stored {
            Some(stored) if self.stage == Stage::Open => self.save_windows(Some(stored)).map(Some),
            _ => Ok(None),
        }
    }

    /// Of windows; of rows those from one on, or all.
    fn save_windows(&mut self, from: Option<u64>) -> Result<Vec<u8>, UdfError> {
        let function = self.call(Method::Save, |instance| instance.save())?;
        let put = self.put_windows(function.as_deref(), from);
        let put = self.ended_by(Method::Save, put)?;
        self.stored = Some(self.waiting.rows_so_far());
        Ok(put)
    }

    fn put_windows(&self, function: Option<&[u8]>, from: Option<u64>) -> Result<Vec<u8>, Fault> {
        let mut put = Put::head(&self.configuration.access, self.waiting.types());
        put.maybe(self.last);
        put.byte(u8::from(function.is_some()));
        put.bytes(function.unwrap_or_default());
        self.waiting.save(&mut put, from)?;
        self.cutter.save(&mut put);
        Ok(put.0)
    }

    /// What the function saved.
    fn take_windows<'a>(&mut self, saved: &'a [u8], is_change: bool) -> Result<Option<&'a [u8]>, Fault> {
        let head = Put::head(&self.configuration.access, self.waiting.types());
        let mut take = Take::behind(saved, &head)?;
        self.last = take.maybe()?;
        let has_saved = take.byte()? == 1;
        let function = take.bytes()?;
        self.waiting.restore(&mut take, is_change)?;
        self.cutter.restore(&mut take, self.waiting.last_time().is_none())?;
        take.end()?;
        if !self.cutter.fits(&self.waiting) {
            return Err(saved::damaged());
        }
        self.stored = Some(self.waiting.rows_so_far());
        Ok(has_saved.then_some(function))
    }

    /// Gives rows: their times, strictly increasing from the first row of the query on, and a column for each input in Arrow's
    /// type of the input's. Rows without any value are left out. Pull points until there are none before more are given, else
    /// rows gather.
    ///
    /// # Errors
    /// The columns are not those of the inputs.
    pub fn push(&mut self, times: ScalarBuffer<i64>, columns: Vec<ArrayRef>) -> Result<(), UdfError> {
        debug_assert!(self.stage != Stage::Ended, "no rows come behind the end");
        if self.stage != Stage::Open {
            return Ok(());
        }
        let pushed = self.waiting.push(times, columns);
        self.ended_by(Method::Transform, pushed)
    }

    /// Says that all rows have come.
    pub fn end(&mut self) {
        if self.stage == Stage::Open {
            self.stage = Stage::Ended;
            self.waiting.end();
        }
    }

    /// The next points, maybe none; `None` where more rows are needed, or, behind the end, when there are no more.
    ///
    /// # Errors
    /// The function failed, gave what it may not give, or needs more memory than it may; the error names function and method.
    /// It has been ended then, and there are no more points.
    #[expect(clippy::should_implement_trait, reason = "it goes on after a `None`, and fails")]
    pub fn next(&mut self) -> Result<Option<Points>, UdfError> {
        if self.stage == Stage::Destroyed {
            return Ok(None);
        }
        let slice = match self.configuration.access {
            Access::RowByRow => self.waiting.take(BATCH).map(|batch| batch.map(Slice::Rows)),
            _ => self.cutter.cut(&mut self.waiting),
        };
        match self.ended_by(Method::Transform, slice)? {
            Some(slice) => self.transform(&slice).map(Some),
            None if self.stage == Stage::Open => {
                let held = match self.waiting.has_room() {
                    true => self.waiting.make_room(),
                    false => self.within_memory(
                        "rows that wait for their window to be complete",
                        self.waiting.bytes(),
                    ),
                };
                self.ended_by(Method::Transform, held)?;
                Ok(None)
            }
            None => {
                let points = self.call(Method::Terminate, |instance| instance.terminate())?;
                let points = self.checked(points);
                let points = self.ended_by(Method::Terminate, points)?;
                self.destroy()?;
                Ok(Some(points))
            }
        }
    }

    fn transform(&mut self, slice: &Slice) -> Result<Points, UdfError> {
        let points = self.call(Method::Transform, |instance| match slice {
            Slice::Rows(batch) => instance.rows(batch),
            Slice::Windows(batch, windows) => instance.windows(batch, windows),
            Slice::Kept(window) => instance.kept_window(window),
        })?;
        let checked = self.within_memory("what the function says it holds", self.instance.memory());
        let checked = checked.and_then(|()| self.checked(points));
        self.ended_by(Method::Transform, checked)
    }

    /// Points as they may be: of the output's type, at increasing times.
    fn checked(&mut self, points: Points) -> Result<Points, Fault> {
        let expected = self.data_type().arrow();
        if *points.values.data_type() != expected || points.values.len() != points.times.len() {
            let message = format!(
                "it gave {} times with {} values of type {}, its output is {}",
                points.times.len(),
                points.values.len(),
                points.values.data_type(),
                self.configuration.output
            );
            return Err(Fault::new(FaultKind::WrongOutput, message));
        }
        let (Some(&first), Some(&last)) = (points.times.first(), points.times.last()) else {
            return Ok(points);
        };
        let increases = |before: i64, after: i64| {
            if before < after {
                return Ok(());
            }
            let message = format!("the times of points must strictly increase: {after} came after {before}");
            Err(Fault::new(FaultKind::Failed(Cause::TimesNotIncreasing), message))
        };
        self.last.map_or(Ok(()), |before| increases(before, first))?;
        // One pass without branches first: it is nearly always all right.
        if !points.times.windows(2).fold(true, |right, pair| right & (pair[0] < pair[1])) {
            points.times.windows(2).try_for_each(|pair| increases(pair[0], pair[1]))?;
        }
        self.last = Some(last);
        Ok(points)
    }

    fn within_memory(&self, what: &str, bytes: usize) -> Result<(), Fault> {
        if bytes <= self.limits.memory {
            return Ok(());
        }
        let message = format!(
            "{what}: {bytes} bytes, more than the {} that a call may use; in a server `udf_memory_budget` says how many",
            self.limits.memory
        );
        Err(Fault::new(FaultKind::MemoryLimit, message))
    }

    fn call<T>(
        &mut self,
        method: Method,
        call: impl FnOnce(&mut dyn UdtfInstance) -> Result<T, Fault>,
    ) -> Result<T, UdfError> {
        let result = call(&mut *self.instance);
        self.ended_by(method, result)
    }

    /// A fault ends the instance.
    fn ended_by<T>(&mut self, method: Method, result: Result<T, Fault>) -> Result<T, UdfError> {
        result.map_err(|fault| {
            // What it said first is what is told.
            drop(self.destroy());
            UdfError::new(&self.function, method, fault)
        })
    }

    fn destroy(&mut self) -> Result<(), UdfError> {
        if self.stage == Stage::Destroyed {
            return Ok(());
        }
        self.stage = Stage::Destroyed;
        self.waiting.clear();
        self.instance
            .before_destroy()
            .map_err(|fault| UdfError::new(&self.function, Method::BeforeDestroy, fault))
    }
}

impl Drop for UdtfRun {
    fn drop(&mut self) {
        // Nobody is left to be told.
        drop(self.destroy());
    }
}
