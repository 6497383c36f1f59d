//! Functions that need the whole series before they give anything. What they hold of it counts as their memory.

use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};

use crate::{store::Store, work::Work};

/// Which rows are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Those in which each input has a finite number.
    Finite,
    /// All; what is no finite number is NaN.
    All,
    /// All; where an input has no value, all are NaN.
    Together,
}

/// Rows as numbers: a time for each, and a value for each input.
#[derive(Debug, Default)]
pub(crate) struct Series {
    pub(crate) times: Vec<i64>,
    pub(crate) columns: Vec<Vec<f64>>,
}

impl Series {
    pub(crate) fn new(width: usize) -> Self {
        Self { times: Vec::new(), columns: vec![Vec::new(); width] }
    }

    /// Adds rows.
    pub(crate) fn add(&mut self, rows: Columns<'_>, keep: Keep) -> Result<(), Failure> {
        let inputs: Vec<_> = (0..self.columns.len()).map(|at| rows.column(at)).collect::<Result<_, _>>()?;
        let mut numbers = vec![0.0; inputs.len()];
        for (row, &time) in rows.times().iter().enumerate() {
            let (mut finite, mut present) = (true, true);
            for (number, input) in numbers.iter_mut().zip(&inputs) {
                *number = input.number(row)?.filter(|each| each.is_finite()).unwrap_or(f64::NAN);
                finite &= number.is_finite();
                present &= !input.is_null(row);
            }
            if keep == Keep::Together && !present {
                numbers.fill(f64::NAN);
            }
            if finite || keep != Keep::Finite {
                self.times.push(time);
                for (column, &number) in self.columns.iter_mut().zip(&numbers) {
                    column.push(number);
                }
            }
        }
        Ok(())
    }

    /// The values of the first input.
    pub(crate) fn values(&self) -> &[f64] {
        &self.columns[0]
    }

    pub(crate) fn memory(&self) -> usize {
        8 * (self.times.capacity() + self.columns.iter().map(Vec::capacity).sum::<usize>())
    }
}

type Compute = dyn Fn(&Series, &mut PointCollector) -> Result<(), Failure> + Send;

/// A function of all rows as numbers.
pub(crate) struct Whole {
    series: Series,
    keep: Keep,
    output: DataType,
    compute: Box<Compute>,
}

impl Whole {
    pub(crate) fn of(
        parameters: &UdfParameters,
        keep: Keep,
        output: DataType,
        compute: impl Fn(&Series, &mut PointCollector) -> Result<(), Failure> + Send + 'static,
    ) -> Box<dyn Work> {
        let series = Series::new(parameters.inputs().len());
        Box::new(Self { series, keep, output, compute: Box::new(compute) })
    }
}

impl Work for Whole {
    fn output(&self) -> DataType {
        self.output
    }

    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        self.series.add(rows, self.keep)
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        (self.compute)(&self.series, points)
    }

    fn memory(&self) -> usize {
        self.series.memory()
    }
}

type Choose = dyn Fn(&[i64], &Store, &mut PointCollector) -> Result<(), Failure> + Send;

/// A function that gives values of the series just as they were: it holds them in their own type.
pub(crate) struct Chosen {
    times: Vec<i64>,
    store: Store,
    finite: bool,
    choose: Box<Choose>,
}

impl Chosen {
    /// `finite`: of numbers, only those that are finite are held.
    pub(crate) fn of(
        parameters: &UdfParameters,
        finite: bool,
        choose: impl Fn(&[i64], &Store, &mut PointCollector) -> Result<(), Failure> + Send + 'static,
    ) -> Result<Box<dyn Work>, Failure> {
        let store = Store::new(parameters.data_type(0)?);
        Ok(Box::new(Self { times: Vec::new(), store, finite, choose: Box::new(choose) }))
    }
}

impl Work for Chosen {
    fn output(&self) -> DataType {
        self.store.data_type()
    }

    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for (row, &time) in rows.times().iter().enumerate() {
            if self.store.push(&column, row, self.finite)? {
                self.times.push(time);
            }
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        (self.choose)(&self.times, &self.store, points)
    }

    fn memory(&self) -> usize {
        8 * self.times.capacity() + self.store.memory()
    }
}
