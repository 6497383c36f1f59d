//! Functions that tests run: the model's Adder, Counter and Max, and some that show what they are given.

use levada_udf_sdk::{
    Access, Configuration, DataType, Failure, PointCollector, Row, RowWindow, Udaf, UdfParameters, Udtf,
    Validator, ValueCollector, WindowRow,
};

/// The sum of two series, where both have a value.
#[derive(Debug, Default)]
pub(crate) struct Adder;

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

/// How many rows there are in each window of time.
#[derive(Debug, Default)]
pub(crate) struct Counter;

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

/// The greatest value of a series, at its time.
#[derive(Debug, Default)]
pub(crate) struct Max(Option<(i64, i32)>);

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

    fn save(&self) -> Option<Vec<u8>> {
        Some(self.0.map_or_else(Vec::new, |(time, value)| {
            [&time.to_le_bytes()[..], &value.to_le_bytes()[..]].concat()
        }))
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), Failure> {
        if saved.is_empty() {
            self.0 = None;
            return Ok(());
        }
        let (time, value) = saved.split_at_checked(8).ok_or_else(|| Failure::new("12 bytes were saved"))?;
        self.0 = Some((i64::from_le_bytes(time.try_into()?), i32::from_le_bytes(value.try_into()?)));
        Ok(())
    }
}

/// The one input as it is, of any type.
#[derive(Debug, Default)]
pub(crate) struct Same;

impl Udtf for Same {
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        Ok(Configuration::new(Access::RowByRow, parameters.data_type(0)?))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        macro_rules! pass {
            ($type:ty) => {
                match row.get::<$type>(0)? {
                    Some(value) => points.put(row.time(), value),
                    None => Ok(()),
                }
            };
        }
        match points.data_type() {
            DataType::Boolean => pass!(bool),
            DataType::Int32 | DataType::Date => pass!(i32),
            DataType::Int64 | DataType::Timestamp => pass!(i64),
            DataType::Float => pass!(f32),
            DataType::Double => pass!(f64),
            DataType::Text | DataType::String => pass!(&str),
            DataType::Blob => pass!(&[u8]),
        }
    }
}

/// What each window is: a text for each, at times 0, 1, 2 …
#[derive(Debug, Default)]
pub(crate) struct Windows(i64);

impl Udtf for Windows {
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        let access = match parameters.required("by")? {
            "time" => Access::time(parameters.required_long("length")?),
            "size" => Access::size(usize::try_from(parameters.required_long("length")?)?),
            "session" => Access::session(parameters.required_long("length")?),
            "state" => Access::state(parameters.required_double("length")?),
            other => return Err(Failure::parameters(format!("by {other}"))),
        };
        let access = parameters.long("step")?.map_or(access, |step| access.every(step));
        let access = access.within(parameters.long("begin")?, parameters.long("end")?);
        Ok(Configuration::new(access, DataType::Text))
    }

    fn window(&mut self, window: RowWindow<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let times: Vec<String> = window.rows().map(|row| row.time().to_string()).collect();
        let by_index: Vec<String> = (0..window.len()).map(|at| window.row(at).time().to_string()).collect();
        if times != by_index {
            return Err(Failure::new("rows by index are not those by iteration"));
        }
        points.put(self.0, format!("{}-{}: {}", window.begin(), window.end(), times.join(" ")))?;
        self.0 += 1;
        Ok(())
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(self.0.to_le_bytes().to_vec())
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), Failure> {
        self.0 = i64::from_le_bytes(saved.try_into()?);
        Ok(())
    }
}

/// Of each window what its rows are, in one number, at the window's beginning. It holds a row at a time.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    fails: bool,
}

/// A row added to what the rows before it are.
fn digested(before: i64, time: i64, value: Option<i64>, text: Option<&str>) -> i64 {
    let text = text.map_or(11, |text| {
        text.bytes().fold(7_i64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
    });
    let row = time ^ value.map_or(-1, |value| value.wrapping_mul(3)) ^ text;
    before.wrapping_mul(1_000_003).wrapping_add(row)
}

impl Udtf for Digest {
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        self.fails = parameters.boolean_or("fails", false)?;
        let access = Windows(0).before_start(parameters)?.access;
        Ok(Configuration::new(access, DataType::Int64))
    }

    fn window(&mut self, window: RowWindow<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let of = |sum: i64, row: &WindowRow<'_>| -> Result<i64, Failure> {
            Ok(digested(sum, row.time(), row.get(0)?, row.get(1)?))
        };
        let mut sum = window.rows().try_fold(0, |sum, row| of(sum, &row))?;
        let mut by_page = 0;
        window.each_page(|columns| {
            by_page = columns.rows().try_fold(by_page, |sum, row| {
                Ok::<_, Failure>(digested(sum, row.time(), row.get(0)?, row.get(1)?))
            })?;
            Ok(())
        })?;
        if sum != by_page {
            return Err(Failure::new("rows by page are not those by iteration"));
        }
        // From the end, and here and there.
        let last = window.len().saturating_sub(2000)..window.len();
        for at in last.rev().chain((0..window.len().min(10)).map(|at| at * 7919 % window.len())) {
            sum = of(sum, &window.row(at))?;
        }
        if self.fails {
            return Err(Failure::new("as it was told"));
        }
        points.put(window.begin(), sum)
    }
}

/// Does what is wrong: the attribute of a method's name says what.
#[derive(Debug, Default)]
pub(crate) struct Wrong {
    transform: String,
    terminate: String,
    destroy: String,
}

fn go_wrong(how: &str, points: Option<&mut PointCollector>, time: i64) -> Result<(), Failure> {
    match (how, points) {
        ("", _) => Ok(()),
        ("fail", _) => Err(Failure::new("as it was told")),
        ("panic", _) => panic!("as it was told"),
        ("loop", _) => loop {
            std::hint::black_box(time);
        },
        ("recurse", _) => {
            std::hint::black_box(deep(std::hint::black_box(u64::MAX)));
            Ok(())
        }
        ("bomb", _) => {
            let mut held: Vec<Vec<u8>> = Vec::new();
            loop {
                held.push(std::hint::black_box(vec![1; 1 << 20]));
            }
        }
        ("back", Some(points)) => {
            points.put(time, 1_i64)?;
            points.put(time, 2_i64)
        }
        // Some megabytes.
        ("large", Some(points)) => (0..400_000).try_for_each(|at| points.put(time + at, at)),
        ("type", Some(points)) => points.put(time, "a text"),
        ("input", _) => Err(Failure::of(levada_udf_sdk::Cause::InvalidInput, "a value it cannot work on")),
        (other, _) => Err(Failure::parameters(format!("`{other}` is no way to go wrong"))),
    }
}

fn deep(left: u64) -> u64 {
    let block = std::hint::black_box([left; 64]);
    if left == 0 { 0 } else { deep(left - 1).wrapping_add(block[(left % 64) as usize]) }
}

impl Udtf for Wrong {
    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        go_wrong(validator.parameters().string_or("validate", ""), None, 0)
    }

    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        go_wrong(parameters.string_or("before_start", ""), None, 0)?;
        self.transform = parameters.string_or("transform", "").to_owned();
        self.terminate = parameters.string_or("terminate", "").to_owned();
        self.destroy = parameters.string_or("before_destroy", "").to_owned();
        Ok(Configuration::new(Access::RowByRow, DataType::Int64))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        go_wrong(&self.transform, Some(points), row.time())
    }

    fn terminate(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        go_wrong(&self.terminate, Some(points), i64::MAX)
    }

    fn before_destroy(&mut self) {
        if let Err(failure) = go_wrong(&self.destroy, None, 0) {
            panic!("{failure}");
        }
    }
}

/// The mean of one series' values.
#[derive(Debug, Default)]
pub(crate) struct Mean;

impl Udaf for Mean {
    type State = (f64, u64);

    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        validator.inputs(1)?.input_types(&DataType::NUMERIC)?;
        Ok(())
    }

    fn before_start(&mut self, _: &UdfParameters) -> Result<DataType, Failure> {
        Ok(DataType::Double)
    }

    fn create(&self) -> Self::State {
        (0.0, 0)
    }

    fn add(&self, (sum, count): &mut Self::State, row: Row<'_>) -> Result<(), Failure> {
        if let Some(value) = row.number(0)? {
            *sum += value;
            *count += 1;
        }
        Ok(())
    }

    fn combine(&self, state: &mut Self::State, other: Self::State) -> Result<(), Failure> {
        state.0 += other.0;
        state.1 += other.1;
        Ok(())
    }

    fn output(&self, &(sum, count): &Self::State, value: &mut ValueCollector) -> Result<(), Failure> {
        if count == 0 { Ok(()) } else { value.put(sum / count as f64) }
    }

    fn save(&self, (sum, count): &Self::State) -> Option<Vec<u8>> {
        Some([sum.to_le_bytes(), count.to_le_bytes()].concat())
    }

    fn restore(&self, saved: &[u8]) -> Result<Self::State, Failure> {
        let (sum, count) = saved.split_at_checked(8).ok_or_else(|| Failure::new("16 bytes were saved"))?;
        Ok((f64::from_le_bytes(sum.try_into()?), u64::from_le_bytes(count.try_into()?)))
    }
}
