//! One call of an aggregate in one query, with all its groups.
//!
//! Rows come in small pieces, group by group; an instance is called with many at once.

use std::{fmt, ops::Range, sync::Arc};

use arrow_array::{Array, ArrayRef};
use levada_udf_sdk::{DataType, UdfParameters};

use crate::{
    Batch, Fault, FaultKind, GroupRows, Method, UdafInstance, UdfError, UdfFactory, arrays, model_type,
    run::BATCH,
};

/// One call of an aggregate, with the states of its groups, which are numbered from 0.
///
/// The instance is ended once: by [`UdafRun::close`], by an error, or when the run is dropped.
pub struct UdafRun {
    function: String,
    instance: Box<dyn UdafInstance>,
    types: Arc<[DataType]>,
    output: DataType,
    /// Rows that were added and not given to the instance.
    pieces: Vec<Piece>,
    times: Vec<i64>,
    groups: Vec<GroupRows>,
    destroyed: bool,
}

/// Rows of some columns.
struct Piece {
    columns: Vec<ArrayRef>,
    rows: Range<usize>,
}

impl fmt::Debug for UdafRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdafRun")
            .field("function", &self.function)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

impl UdafRun {
    /// Makes an instance, checks the call and starts. `function` is the name that errors give.
    ///
    /// # Errors
    /// The module cannot be used, or the function does not take the call; [`Method::is_of_the_start`] is true of the method.
    pub fn open(
        function: &str,
        factory: &dyn UdfFactory,
        parameters: UdfParameters,
    ) -> Result<Self, UdfError> {
        let failed = |method| move |fault: Fault| UdfError::new(function, method, fault);
        let mut instance = factory.make_udaf().map_err(failed(Method::Load))?;
        instance.validate(&parameters).map_err(failed(Method::Validate))?;
        let output = match instance.before_start(&parameters) {
            Ok(output) => output,
            Err(fault) => {
                // What it said first is what is told.
                drop(instance.before_destroy());
                return Err(failed(Method::BeforeStart)(fault));
            }
        };
        Ok(Self {
            function: function.to_owned(),
            instance,
            types: parameters.inputs().iter().map(|input| input.data_type).collect(),
            output,
            pieces: Vec::new(),
            times: Vec::new(),
            groups: Vec::new(),
            destroyed: false,
        })
    }

    /// The function's name.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The type of its values, in the store's terms.
    pub fn data_type(&self) -> levada_model::DataType {
        model_type(self.output)
    }

    /// Adds some rows of some columns to a group; those without any value are left out. Cheap for a few rows: they are given to
    /// the function by the thousand.
    ///
    /// # Errors
    /// The function failed; the error names function and method. It has been ended then.
    pub fn add(
        &mut self,
        group: usize,
        times: &[i64],
        columns: &[ArrayRef],
        mut rows: Range<usize>,
    ) -> Result<(), UdfError> {
        let uneven =
            columns.len() != self.types.len() || columns.iter().any(|column| column.len() != times.len());
        if uneven || rows.end > times.len() {
            let message = format!("{} columns came for {} inputs", columns.len(), self.types.len());
            return self.ended_by(Method::Add, Err(Fault::new(FaultKind::WrongOutput, message)));
        }
        while !rows.is_empty() && !self.destroyed {
            let some = rows.start..rows.end.min(rows.start + BATCH - self.times.len());
            rows.start = some.end;
            self.gather(group, times, columns, some);
            if self.times.len() == BATCH {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Adds what [`UdafRun::save`] gave of a group, here or in another run of the function.
    ///
    /// # Errors
    /// The function failed.
    pub fn combine(&mut self, group: usize, saved: &[u8]) -> Result<(), UdfError> {
        self.flush()?;
        let combined = self.instance.combine(group, saved);
        self.ended_by(Method::Combine, combined)
    }

    /// What there is to store of a group; `None` where the function does not save.
    ///
    /// # Errors
    /// The function failed.
    pub fn save(&mut self, group: usize) -> Result<Option<Vec<u8>>, UdfError> {
        self.flush()?;
        let saved = self.instance.save(group);
        self.ended_by(Method::Save, saved)
    }

    /// The values of the first groups, null where there is none. They are forgotten: those behind move to the front.
    ///
    /// # Errors
    /// The function failed.
    pub fn finish(&mut self, groups: usize) -> Result<ArrayRef, UdfError> {
        self.flush()?;
        let values = self.instance.output(groups).and_then(|values| {
            if values.len() == groups && *values.data_type() == arrays::arrow_type(self.output) {
                return Ok(values);
            }
            let message = format!(
                "it gave {} values of type {} for {groups} groups, its output is {}",
                values.len(),
                values.data_type(),
                self.output
            );
            Err(Fault::new(FaultKind::WrongOutput, message))
        });
        self.ended_by(Method::Output, values)
    }

    /// Ends the instance.
    ///
    /// # Errors
    /// It crashed.
    pub fn close(mut self) -> Result<(), UdfError> {
        self.destroy()
    }

    fn gather(&mut self, group: usize, times: &[i64], columns: &[ArrayRef], rows: Range<usize>) {
        let first = self.times.len();
        self.times.extend_from_slice(&times[rows.clone()]);
        let last = self.times.len();
        match self.groups.last_mut() {
            Some(before) if before.group == group => before.last = last,
            _ => self.groups.push(GroupRows { group, first, last }),
        }
        // Windows of one batch come one behind the other.
        match self.pieces.last_mut() {
            Some(piece) if piece.rows.end == rows.start && same(&piece.columns, columns) => {
                piece.rows.end = rows.end
            }
            _ => self.pieces.push(Piece { columns: columns.to_vec(), rows }),
        }
    }

    fn flush(&mut self) -> Result<(), UdfError> {
        if self.times.is_empty() || self.destroyed {
            return Ok(());
        }
        let flushed = self.batch().and_then(|(batch, groups)| self.instance.add(&batch, &groups));
        self.ended_by(Method::Add, flushed)
    }

    /// What has gathered, without rows that have no value.
    fn batch(&mut self) -> Result<(Batch, Vec<GroupRows>), Fault> {
        let times = std::mem::take(&mut self.times);
        let groups = std::mem::take(&mut self.groups);
        let mut taken = 0;
        let mut parts = Vec::new();
        for Piece { columns, rows } in self.pieces.drain(..) {
            let columns = columns.iter().map(|column| column.slice(rows.start, rows.len())).collect();
            let of_piece = times[taken..taken + rows.len()].to_vec();
            taken += rows.len();
            parts.push(Batch { times: of_piece.into(), columns, types: Arc::clone(&self.types) });
        }
        let batch = if parts.len() == 1 { parts.swap_remove(0) } else { Batch::joined(&parts, &self.types)? };
        batch.check()?;
        let Some((batch, keep)) = batch.with_values()? else { return Ok((batch, groups)) };
        let mut kept = 0;
        let groups = groups.into_iter().map(|GroupRows { group, first, last }| {
            let from = kept;
            kept += keep.values().slice(first, last - first).count_set_bits();
            GroupRows { group, first: from, last: kept }
        });
        Ok((batch, groups.collect()))
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
        if std::mem::replace(&mut self.destroyed, true) {
            return Ok(());
        }
        self.instance
            .before_destroy()
            .map_err(|fault| UdfError::new(&self.function, Method::BeforeDestroy, fault))
    }
}

impl Drop for UdafRun {
    fn drop(&mut self) {
        // Nobody is left to be told.
        drop(self.destroy());
    }
}

fn same(left: &[ArrayRef], right: &[ArrayRef]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| Arc::ptr_eq(left, right))
}
