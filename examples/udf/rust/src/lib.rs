//! Examples of functions: `levada udf build examples/udf/rust` makes a module of them.

use levada_udf_sdk::*;

/// `adder(s1, s2)`: the sum, where both have a value.
#[derive(Default)]
struct Adder;

impl Udtf for Adder {
    fn before_start(&mut self, _: &UdfParameters) -> Result<Configuration, Failure> {
        Ok(Configuration::new(Access::RowByRow, DataType::Int64))
    }

    #[inline(always)]
    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        if let (Some(left), Some(right)) = (row.get::<i64>(0)?, row.get::<i64>(1)?) {
            points.put(row.time(), left.wrapping_add(right))?;
        }
        Ok(())
    }
}

/// `counter(s1, 'time_interval'='10', …)`: how many rows there are in each window of time.
#[derive(Default)]
struct Counter;

impl Udtf for Counter {
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        let interval = parameters.required_long("time_interval")?;
        let access = Access::time(interval)
            .every(parameters.long_or("sliding_step", interval)?)
            .within(parameters.long("display_window_begin")?, parameters.long("display_window_end")?);
        Ok(Configuration::new(access, DataType::Int32))
    }

    fn window(&mut self, window: RowWindow<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        if window.is_empty() {
            return Ok(());
        }
        points.put(window.row(0).time(), i32::try_from(window.len())?)
    }
}

/// `max(s1)`: the greatest value, at its time.
#[derive(Default)]
struct Max(Option<(i64, i32)>);

impl Udtf for Max {
    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        validator.inputs(1)?.input_type(0, &[DataType::Int32])?;
        Ok(())
    }

    fn before_start(&mut self, _: &UdfParameters) -> Result<Configuration, Failure> {
        Ok(Configuration::new(Access::RowByRow, DataType::Int32))
    }

    #[inline(always)]
    fn row(&mut self, row: Row<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        if let Some(value) = row.get::<i32>(0)?
            && self.0.is_none_or(|(_, greatest)| greatest < value)
        {
            self.0 = Some((row.time(), value));
        }
        Ok(())
    }

    fn terminate(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        self.0.map_or(Ok(()), |(time, value)| points.put(time, value))
    }
}

/// `total(s1)`: the sum of the values so far. It saves what it remembers, so that a pipeline goes on with it behind a restart.
#[derive(Default)]
struct Total(f64);

impl Udtf for Total {
    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        validator.inputs(1)?.input_types(&DataType::NUMERIC)?;
        Ok(())
    }

    fn before_start(&mut self, _: &UdfParameters) -> Result<Configuration, Failure> {
        Ok(Configuration::new(Access::RowByRow, DataType::Double))
    }

    #[inline(always)]
    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        match row.number(0)? {
            Some(value) => {
                self.0 += value;
                points.put(row.time(), self.0)
            }
            None => Ok(()),
        }
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(self.0.to_le_bytes().to_vec())
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), Failure> {
        self.0 = f64::from_le_bytes(saved.try_into()?);
        Ok(())
    }
}

/// `clamp(s1, 'low'='0', 'high'='100')`: values outside of the bounds become the bound. Attributes, checks, an output type that
/// follows the input's.
#[derive(Default)]
struct Clamp {
    low: f64,
    high: f64,
}

impl Udtf for Clamp {
    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        validator.inputs(1)?.input_types(&DataType::NUMERIC)?.required("low")?.required("high")?;
        let parameters = validator.parameters();
        let ordered = parameters.required_double("low")? <= parameters.required_double("high")?;
        validator.check(ordered, "low has to be less than or equal to high")?;
        Ok(())
    }

    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        self.low = parameters.required_double("low")?;
        self.high = parameters.required_double("high")?;
        Ok(Configuration::new(Access::RowByRow, parameters.data_type(0)?))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        match row.number(0)? {
            Some(value) => points.put_number(row.time(), value.max(self.low).min(self.high)),
            None => Ok(()),
        }
    }
}

/// `span(s1)`: the greatest value less the least, of each group. An aggregate. It saves what it knows of a group, so that a pipeline's
/// windows go on with it behind a restart.
#[derive(Default)]
struct Span;

impl Udaf for Span {
    type State = Option<(f64, f64)>;

    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        validator.inputs(1)?.input_types(&DataType::NUMERIC)?;
        Ok(())
    }

    fn before_start(&mut self, _: &UdfParameters) -> Result<DataType, Failure> {
        Ok(DataType::Double)
    }

    fn create(&self) -> Self::State {
        None
    }

    fn add(&self, state: &mut Self::State, row: Row<'_>) -> Result<(), Failure> {
        match row.number(0)? {
            Some(value) => self.combine(state, Some((value, value))),
            None => Ok(()),
        }
    }

    fn combine(&self, state: &mut Self::State, other: Self::State) -> Result<(), Failure> {
        *state = match (*state, other) {
            (Some((low, high)), Some((least, greatest))) => Some((low.min(least), high.max(greatest))),
            (one, other) => one.or(other),
        };
        Ok(())
    }

    fn output(&self, state: &Self::State, value: &mut ValueCollector) -> Result<(), Failure> {
        state.map_or(Ok(()), |(low, high)| value.put(high - low))
    }

    fn save(&self, state: &Self::State) -> Option<Vec<u8>> {
        Some(state.map_or(Vec::new(), |(low, high)| [low.to_le_bytes(), high.to_le_bytes()].concat()))
    }

    fn restore(&self, saved: &[u8]) -> Result<Self::State, Failure> {
        if saved.is_empty() {
            return Ok(None);
        }
        let (low, high) = saved.split_at_checked(8).ok_or_else(|| Failure::new("16 bytes were saved"))?;
        Ok(Some((f64::from_le_bytes(low.try_into()?), f64::from_le_bytes(high.try_into()?))))
    }
}

export! {
    udtf "org.example.Adder" => Adder,
    udtf "org.example.Counter" => Counter,
    udtf "org.example.Max" => Max::default(),
    udtf "org.example.Total" => Total::default(),
    udtf "org.example.Clamp" => Clamp::default(),
    udaf "org.example.Span" => Span,
}
