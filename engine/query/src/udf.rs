//! Functions of users in a query: calls of what a [`UdfFactory`] makes.
//!
//! ```text
//!   bind       an instance: validate, before_start ─▶ the type of the column
//!   rows       push a batch, pull points until there are none
//!   finish     terminate, before_destroy; a query that is dropped goes to before_destroy at once
//! ```
//!
//! Each call in a query has an instance of its own. Those that wait to be run are few: of a query with a thousand devices
//! the others are ended when their type is known, and made anew when their rows come.

use std::{
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use arrow_array::{ArrayRef, Int64Array};
use levada_model::DataType;
use levada_udf::{
    Access, Points, UdafRun, UdfError, UdfFactory, UdfKind, UdfLimits, UdfParameters, UdtfRun, parameters,
};

use crate::{
    Accumulator, AggregateFunction, Call, Chunk, FunctionDefinition, FunctionKind, InputRows, QueryError,
    SeriesFunction,
};

/// Instances of a function that wait for their first row, at most.
const MAX_WAITING: usize = 64;

impl FunctionDefinition {
    /// A function of a user's, under a name that calls give; of what a call may use there is a limit.
    pub fn udf(name: impl Into<String>, factory: Arc<dyn UdfFactory>, limits: UdfLimits) -> Self {
        let class = factory.id().to_owned();
        let waiting = Arc::<AtomicUsize>::default();
        let signature = "(any…, 'name'='value'…): any";
        let summary = "A function of a user's.";
        let made = match factory.kind() {
            UdfKind::Udtf => Self::series(name.into(), signature, summary, move |call| {
                let call = Calling {
                    name: call.name().into(),
                    factory: Arc::clone(&factory),
                    limits: limits.clone(),
                    parameters: given(call),
                };
                let running = Running::open(call, Arc::clone(&waiting))?;
                let data_type = running.data_type;
                Ok((Box::new(running), data_type))
            }),
            UdfKind::Udaf => Self::aggregate(name.into(), signature, summary, move |call| {
                let call = Calling {
                    name: call.name().into(),
                    factory: Arc::clone(&factory),
                    limits: limits.clone(),
                    parameters: given(call),
                };
                let aggregate = Aggregate::open(call)?;
                let data_type = aggregate.data_type;
                Ok((Arc::new(aggregate), data_type))
            }),
        };
        made.of_class(class)
    }
}

impl From<UdfKind> for FunctionKind {
    fn from(kind: UdfKind) -> Self {
        match kind {
            UdfKind::Udtf => Self::Series,
            UdfKind::Udaf => Self::Aggregate,
        }
    }
}

/// What a call gives the function.
fn given(call: &Call<'_>) -> UdfParameters {
    let attributes = call.attributes().map(|(key, value)| (key.to_owned(), value.to_owned()));
    parameters(call.paths().zip(call.types().iter().copied()), attributes)
}

/// A call that was bound: what makes instances for it.
#[derive(Debug)]
struct Calling {
    name: String,
    factory: Arc<dyn UdfFactory>,
    limits: UdfLimits,
    parameters: UdfParameters,
}

impl Calling {
    fn udtf(&self) -> Result<UdtfRun, UdfError> {
        UdtfRun::open(&self.name, &*self.factory, self.parameters.clone(), self.limits.clone())
    }

    fn udaf(&self) -> Result<UdafRun, UdfError> {
        UdafRun::open(&self.name, &*self.factory, self.parameters.clone())
    }
}

/// A call of a function that makes a series.
struct Running {
    call: Calling,
    data_type: DataType,
    holds_rows: bool,
    /// Whether long gaps between rows are left out.
    leaps: bool,
    run: Option<UdtfRun>,
    /// Held while no row has come.
    place: Option<Place>,
}

/// One of the places for instances that wait.
struct Place(Arc<AtomicUsize>);

impl Place {
    /// A place, where one is free.
    fn take(places: Arc<AtomicUsize>) -> Option<Self> {
        let before = places.fetch_add(1, Ordering::Relaxed);
        let place = Self(places);
        (before < MAX_WAITING).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("call", &self.call).finish_non_exhaustive()
    }
}

impl Running {
    fn open(call: Calling, places: Arc<AtomicUsize>) -> Result<Self, UdfError> {
        let run = call.udtf()?;
        let data_type = run.data_type();
        let holds_rows = run.configuration().access != Access::RowByRow;
        let place = Place::take(places);
        let run = place.is_some().then_some(run);
        Ok(Self { call, data_type, holds_rows, leaps: false, run, place })
    }

    /// The run, whose rows come now.
    fn started(&mut self) -> Result<&mut UdtfRun, UdfError> {
        self.place = None;
        if self.run.is_none() {
            let mut run = self.call.udtf()?;
            if self.leaps {
                run.leave_gaps_out();
            }
            self.run = Some(run);
        }
        Ok(self.run.as_mut().expect("it was put there"))
    }
}

impl SeriesFunction for Running {
    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        self.chunk(Chunk { times: times.to_vec().into(), columns: inputs.to_vec() })
    }

    fn chunk(&mut self, rows: Chunk) -> Result<Chunk, QueryError> {
        let run = self.started()?;
        run.push(rows.times.values().clone(), rows.columns)?;
        let data_type = self.data_type;
        Ok(self.more()?.unwrap_or_else(|| chunk(Points::none(levada_udf::udf_type(data_type)))))
    }

    fn more(&mut self) -> Result<Option<Chunk>, QueryError> {
        let Some(run) = &mut self.run else { return Ok(None) };
        Ok(run.next()?.map(chunk))
    }

    fn holds_rows(&self) -> bool {
        self.holds_rows
    }

    fn saves_rows(&self) -> bool {
        true
    }

    fn waiting_bytes(&self) -> usize {
        self.run.as_ref().map_or(0, UdtfRun::waiting_bytes)
    }

    fn without_room(&self, rows: Chunk, most: usize) -> Result<Range<usize>, QueryError> {
        let Some(run) = &self.run else { return Ok(0..0) };
        Ok(run.without_room(rows.times.values().clone(), rows.columns, most)?)
    }

    fn leave_gaps_out(&mut self) {
        self.leaps = true;
        if let Some(run) = &mut self.run {
            run.leave_gaps_out();
        }
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, QueryError> {
        Ok(self.started()?.save()?)
    }

    fn save_change(&mut self) -> Result<Option<Vec<u8>>, QueryError> {
        Ok(self.started()?.save_change()?)
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), QueryError> {
        Ok(self.started()?.restore(saved)?)
    }

    fn restore_with(&mut self, saved: &[u8], changes: &[Vec<u8>]) -> Result<(), QueryError> {
        Ok(self.started()?.restore_with(saved, changes)?)
    }

    fn finish(&mut self) -> Result<Option<Chunk>, QueryError> {
        self.started()?.end();
        self.more()
    }
}

fn chunk(points: Points) -> Chunk {
    Chunk { times: Int64Array::new(points.times, None), columns: vec![points.values] }
}

/// A call of an aggregate.
#[derive(Debug)]
struct Aggregate {
    call: Calling,
    data_type: DataType,
    /// The instance that told the type: the first that has states.
    first: parking_lot::Mutex<Option<UdafRun>>,
}

impl Aggregate {
    fn open(call: Calling) -> Result<Self, UdfError> {
        let run = call.udaf()?;
        Ok(Self { data_type: run.data_type(), first: parking_lot::Mutex::new(Some(run)), call })
    }
}

impl AggregateFunction for Aggregate {
    fn accumulator(&self) -> Box<dyn Accumulator> {
        let run = self.first.lock().take().map_or_else(|| self.call.udaf(), Ok);
        Box::new(States(run.map_err(Some)))
    }
}

/// An instance with its groups; or why there is none, until that was told.
#[derive(Debug)]
struct States(Result<UdafRun, Option<UdfError>>);

impl States {
    fn run(&mut self) -> Result<&mut UdafRun, QueryError> {
        match &mut self.0 {
            Ok(run) => Ok(run),
            Err(why) => Err(why.take().map_or(QueryError::Cancelled, QueryError::from)),
        }
    }
}

impl Accumulator for States {
    fn reserve(&mut self, _groups: usize) {}

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        Ok(self.run()?.add(group, rows.times, rows.inputs, range)?)
    }

    fn combine(&mut self, group: usize, saved: &[u8]) -> Result<(), QueryError> {
        Ok(self.run()?.combine(group, saved)?)
    }

    fn save(&mut self, group: usize) -> Result<Option<Vec<u8>>, QueryError> {
        Ok(self.run()?.save(group)?)
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        Ok(self.run()?.finish(groups)?)
    }
}
