//! `top_k` and `bottom_k`: the greatest or least values, in order of time.

use std::{cmp::Reverse, collections::BTreeMap};

use arrow_array::{ArrayRef, Int64Array};
use levada_model::{DataType, Value};

use super::{Bound, Call, FunctionDefinition, SeriesFunction, pairs::chunk};
use crate::{QueryError, aggregate::array_of, chunk::Chunk};

const ORDERED: &[DataType] = &[
    DataType::Int32,
    DataType::Int64,
    DataType::Float,
    DataType::Double,
    DataType::Text,
    DataType::String,
    DataType::Date,
    DataType::Timestamp,
];

pub(super) fn definitions() -> impl Iterator<Item = FunctionDefinition> {
    let all = [
        ("top_k", true, "UDTFTopK", "The k greatest values, in order of time."),
        ("bottom_k", false, "UDTFBottomK", "The k least values, in order of time."),
    ];
    all.into_iter().map(|(name, greatest, class, summary)| {
        let signature = "(number, text, DATE or TIMESTAMP, 'k'='3'): like the input";
        FunctionDefinition::series(name, signature, summary, move |call| bind(call, greatest)).built_in(class)
    })
}

fn bind(call: &Call<'_>, greatest: bool) -> Result<Bound, QueryError> {
    call.expect(1, ORDERED)?;
    let k: usize = call.parsed_required("k")?;
    if !(1..=1000).contains(&k) {
        return Err(call.reject("k has to be greater than 0 and less than or equal to 1000."));
    }
    let data_type = call.types[0];
    Ok((Box::new(Top { k, greatest, data_type, best: BTreeMap::new() }), data_type))
}

/// A value by its order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Whole(i64),
    /// A double's bits so turned that they order as the doubles do.
    Real(u64),
    Text(String),
}

impl Rank {
    fn of(value: &Value) -> Self {
        let real = |value: f64| {
            let bits = value.to_bits();
            Self::Real(if bits >> 63 == 0 { bits | 1 << 63 } else { !bits })
        };
        match value {
            Value::Int32(value) | Value::Date(value) => Self::Whole(i64::from(*value)),
            Value::Int64(value) | Value::Timestamp(value) => Self::Whole(*value),
            Value::Float(value) => real(f64::from(*value)),
            Value::Double(value) => real(*value),
            Value::Text(value) | Value::String(value) => Self::Text(value.clone()),
            Value::Boolean(value) => Self::Whole(i64::from(*value)),
            Value::Blob(_) => Self::Whole(0),
        }
    }
}

/// What is given up first comes first: the worst value, of equal ones the earliest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Greatest(Rank, i64),
    Least(Reverse<Rank>, i64),
}

#[derive(Debug)]
struct Top {
    k: usize,
    greatest: bool,
    data_type: DataType,
    best: BTreeMap<Place, (i64, Value)>,
}

impl Top {
    fn offer(&mut self, time: i64, value: Value) {
        let rank = Rank::of(&value);
        if self.best.len() == self.k {
            let better = match self.best.first_key_value() {
                Some((Place::Greatest(worst, _), _)) => rank > *worst,
                Some((Place::Least(worst, _), _)) => rank < worst.0,
                None => true,
            };
            if !better {
                return;
            }
            self.best.pop_first();
        }
        let place =
            if self.greatest { Place::Greatest(rank, time) } else { Place::Least(Reverse(rank), time) };
        self.best.insert(place, (time, value));
    }
}

impl SeriesFunction for Top {
    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        for (row, &time) in times.iter().enumerate() {
            if let Some(value) = Value::at(&inputs[0], self.data_type, row) {
                self.offer(time, value);
            }
        }
        Ok(chunk(Vec::new(), array_of([], self.data_type)))
    }

    fn finish(&mut self) -> Result<Option<Chunk>, QueryError> {
        let mut rows: Vec<(i64, Value)> = std::mem::take(&mut self.best).into_values().collect();
        rows.sort_by_key(|(time, _)| *time);
        let times = rows.iter().map(|(time, _)| *time).collect::<Int64Array>();
        let values = array_of(rows.into_iter().map(|(_, value)| Some(value)), self.data_type);
        Ok(Some(Chunk { times, columns: vec![values] }))
    }
}
