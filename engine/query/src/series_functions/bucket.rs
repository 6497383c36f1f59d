//! `equal_size_bucket_…_sample`: a few rows of every so many.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array, cast::AsArray, types::Int64Type};
use levada_model::DataType;

use super::{Bound, Call, FunctionDefinition, SeriesFunction, m4::corners, pairs::known};
use crate::{QueryError, chunk::Chunk, expression::arithmetic::doubles, registry::NUMERIC};

pub(super) fn definitions() -> Vec<FunctionDefinition> {
    vec![
        FunctionDefinition::series(
            "equal_size_bucket_random_sample",
            "(number[, 'proportion'='0.1']): like number",
            "One row of every bucket of rows, by chance.",
            |call| {
                let size = bucket_size(call)?;
                Ok((Box::new(Buckets::new(size, Choice::Random(0x9E37_79B9_7F4A_7C15))), call.types[0]))
            },
        )
        .built_in("UDTFEqualSizeBucketRandomSample"),
        FunctionDefinition::series(
            "equal_size_bucket_agg_sample",
            "(number[, 'type'='avg'][, 'proportion'='0.1']): DOUBLE or like number",
            "One value of every bucket: its `avg`, `max`, `min`, `sum`, `extreme` or `variance`.",
            bind_summary,
        )
        .built_in("UDTFEqualSizeBucketAggSample"),
        FunctionDefinition::series(
            "equal_size_bucket_m4_sample",
            "(number[, 'proportion'='0.1']): like number",
            "The first, last, least and greatest row of every bucket.",
            |call| {
                let size = bucket_size(call)?.saturating_mul(4);
                Ok((Box::new(Buckets::new(size, Choice::Corners)), call.types[0]))
            },
        )
        .built_in("UDTFEqualSizeBucketM4Sample"),
        FunctionDefinition::series(
            "equal_size_bucket_outlier_sample",
            "(number[, 'type'='avg'][, 'number'='3'][, 'proportion'='0.1']): like number",
            "The oddest rows of every bucket, by `avg`, `stendis`, `cos` or `prenextdis`.",
            bind_outliers,
        )
        .built_in("UDTFEqualSizeBucketOutlierSample"),
    ]
}

/// How many rows one row stands for.
fn bucket_size(call: &Call<'_>) -> Result<usize, QueryError> {
    call.expect(1, NUMERIC)?;
    let proportion: f64 = call.parsed("proportion", 0.1)?;
    if !(proportion > 0.0 && proportion <= 1.0) {
        return Err(call.reject("The sample proportion should be in (0, 1]."));
    }
    Ok((1.0 / proportion) as usize)
}

fn kind(call: &Call<'_>) -> String {
    call.attribute("type").unwrap_or("avg").to_ascii_lowercase()
}

fn bind_summary(call: &Call<'_>) -> Result<Bound, QueryError> {
    let (size, kind) = (bucket_size(call)?, kind(call));
    let summary = Summary::parse(&kind).ok_or_else(|| call.reject(format!("unknown type `{kind}`")))?;
    let result = if summary.is_double() { DataType::Double } else { call.types[0] };
    Ok((Box::new(Buckets::new(size, Choice::Summary(summary, result))), result))
}

fn bind_outliers(call: &Call<'_>) -> Result<Bound, QueryError> {
    let (size, kind) = (bucket_size(call)?, kind(call));
    let distance = Distance::parse(&kind).ok_or_else(|| call.reject(format!("unknown type `{kind}`")))?;
    let number: usize = call.parsed("number", 3)?;
    if number == 0 {
        return Err(call.reject("number must be greater than 0"));
    }
    let buckets = Buckets::new(size.saturating_mul(number), Choice::Outliers(distance, number));
    Ok((Box::new(buckets), call.types[0]))
}

/// What is taken of a bucket.
#[derive(Clone, Copy, Debug)]
enum Choice {
    /// One row; the state of the generator.
    Random(u64),
    /// First, last, least and greatest.
    Corners,
    /// One value, at the bucket's first time.
    Summary(Summary, DataType),
    /// The rows farthest out.
    Outliers(Distance, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Summary {
    Average,
    Greatest,
    Least,
    Sum,
    Extreme,
    Variance,
}

impl Summary {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "avg" => Self::Average,
            "max" => Self::Greatest,
            "min" => Self::Least,
            "sum" => Self::Sum,
            "extreme" => Self::Extreme,
            "variance" => Self::Variance,
            _ => return None,
        })
    }

    fn is_double(self) -> bool {
        matches!(self, Self::Average | Self::Variance)
    }

    /// Whether what it gives is one of the values.
    fn is_one_of_them(self) -> bool {
        matches!(self, Self::Greatest | Self::Least | Self::Extreme)
    }

    /// Which of the values it gives: the first of those that are equal, no NaN where there is another. INT64 are compared as
    /// what they are.
    fn place(self, values: &[f64], whole: Option<&[i64]>) -> usize {
        let before = |a: usize, b: usize| match (self, whole) {
            (Self::Greatest, Some(of)) => of[a] < of[b],
            (Self::Least, Some(of)) => of[a] > of[b],
            (_, Some(of)) => (of[a].unsigned_abs(), of[a]) < (of[b].unsigned_abs(), of[b]),
            _ if values[a].is_nan() => true,
            (Self::Greatest, None) => values[a] < values[b],
            (Self::Least, None) => values[a] > values[b],
            (_, None) => (values[a].abs(), values[a]) < (values[b].abs(), values[b]),
        };
        (1..values.len()).fold(0, |best, at| if before(best, at) { at } else { best })
    }

    fn of(self, values: &[f64]) -> f64 {
        let average = || values.iter().sum::<f64>() / values.len() as f64;
        match self {
            Self::Average => average(),
            Self::Sum => values.iter().sum(),
            Self::Greatest | Self::Least | Self::Extreme => values[self.place(values, None)],
            Self::Variance => {
                let average = average();
                values.iter().map(|value| (value - average).powi(2)).sum::<f64>() / values.len() as f64
            }
        }
    }
}

/// How far out a row is.
#[derive(Clone, Copy, Debug)]
enum Distance {
    /// From the average.
    Average,
    /// From the line between the bucket's ends.
    Line,
    /// By the angle between its neighbours.
    Angle,
    /// From its neighbours.
    Neighbours,
}

impl Distance {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "avg" => Self::Average,
            "stendis" => Self::Line,
            "cos" => Self::Angle,
            "prenextdis" => Self::Neighbours,
            _ => return None,
        })
    }

    /// For each row; the ends count last for all but the average.
    fn of(self, times: &[i64], values: &[f64]) -> Vec<f64> {
        let last = values.len() - 1;
        let average = values.iter().sum::<f64>() / values.len() as f64;
        let x = |row: usize| times[row] as f64 - times[0] as f64;
        (0..values.len())
            .map(|row| match self {
                Self::Average => (values[row] - average).abs(),
                _ if row == 0 || row == last => f64::NEG_INFINITY,
                Self::Line => {
                    let (dx, dy) = (x(last), values[last] - values[0]);
                    (dy * x(row) - dx * (values[row] - values[0])).abs() / dx.hypot(dy)
                }
                Self::Angle => {
                    let (ax, ay) = (x(row - 1) - x(row), values[row - 1] - values[row]);
                    let (bx, by) = (x(row + 1) - x(row), values[row + 1] - values[row]);
                    // A straight line is -1, a turn back 1.
                    1.0 + (ax * bx + ay * by) / (ax.hypot(ay) * bx.hypot(by))
                }
                Self::Neighbours => {
                    (x(row) - x(row - 1)).hypot(values[row] - values[row - 1])
                        + (x(row) - x(row + 1)).hypot(values[row] - values[row + 1])
                }
            })
            .collect()
    }
}

/// Rows that wait until their bucket is full.
#[derive(Debug)]
struct Buckets {
    size: usize,
    choice: Choice,
    waiting: Option<Chunk>,
}

impl Buckets {
    fn new(size: usize, choice: Choice) -> Self {
        Self { size: size.max(1), choice, waiting: None }
    }

    /// What is taken of the first rows of a chunk, bucket by bucket.
    fn sample(&mut self, chunk: &Chunk, rows: usize) -> Result<Chunk, QueryError> {
        let numbers = doubles(&chunk.columns[0])?;
        let (times, values) = (chunk.times.values(), numbers.values());
        let whole = chunk.columns[0].as_primitive_opt::<Int64Type>();
        let mut taken: Vec<u32> = Vec::new();
        let mut computed: Vec<f64> = Vec::new();
        let mut chosen: Vec<u32> = Vec::new();
        for from in (0..rows).step_by(self.size) {
            let to = (from + self.size).min(rows);
            let (bucket_times, bucket) = (&times[from..to], &values[from..to]);
            match &mut self.choice {
                Choice::Random(state) => {
                    *state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    taken.push((from + (*state >> 33) as usize % (to - from)) as u32);
                }
                Choice::Corners if bucket.len() <= 4 => taken.extend(from as u32..to as u32),
                Choice::Corners => taken.extend(corners(bucket).into_iter().map(|row| (from + row) as u32)),
                // A value that is one of the bucket's is taken as it is: DOUBLE does not hold every INT64.
                Choice::Summary(summary, _) if summary.is_one_of_them() => {
                    let at = summary.place(bucket, whole.as_ref().map(|whole| &whole.values()[from..to]));
                    chosen.push((from + at) as u32);
                    taken.push(from as u32);
                }
                Choice::Summary(summary, _) => {
                    taken.push(from as u32);
                    computed.push(summary.of(bucket));
                }
                Choice::Outliers(distance, number) => {
                    let far = distance.of(bucket_times, bucket);
                    let mut order: Vec<usize> = (0..bucket.len()).collect();
                    order.sort_by(|&a, &b| far[b].total_cmp(&far[a]));
                    order.truncate(*number);
                    order.sort_unstable();
                    taken.extend(order.into_iter().map(|row| (from + row) as u32));
                }
            }
        }
        let sampled = chunk.take(&UInt32Array::from(taken))?;
        if let Choice::Summary(summary, data_type) = self.choice {
            if summary.is_one_of_them() {
                let values = chunk.take(&UInt32Array::from(chosen))?;
                return Ok(Chunk { times: sampled.times, columns: values.columns });
            }
            let values: ArrayRef = Arc::new(Float64Array::from(computed));
            return Ok(Chunk {
                times: sampled.times,
                columns: vec![arrow_cast::cast(&values, &data_type.arrow())?],
            });
        }
        Ok(sampled)
    }
}

impl SeriesFunction for Buckets {
    fn takes_any_order(&self) -> bool {
        true
    }

    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        let rows = known(times, &inputs[0])?;
        let all = match self.waiting.take() {
            Some(waiting) => Chunk::concat(&[waiting, rows])?,
            None => rows,
        };
        let full = all.rows() / self.size * self.size;
        if full < all.rows() {
            self.waiting = Some(all.slice(full, all.rows() - full));
        }
        self.sample(&all, full)
    }

    fn finish(&mut self) -> Result<Option<Chunk>, QueryError> {
        match self.waiting.take() {
            Some(rest) => self.sample(&rest, rest.rows()).map(Some),
            None => Ok(None),
        }
    }
}
