//! Where sessions end and states change.

use std::collections::VecDeque;

use arrow_array::{
    Array,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use levada_udf_sdk::{Access, DataType};

use super::saved::{Put, Take, damaged};
use crate::{Batch, Fault};

/// The rows at which a new window begins, found as rows come.
pub(super) struct Breaks {
    rule: Rule,
    /// The numbers of the rows, without the first of all.
    pub(super) at: VecDeque<u64>,
}

#[derive(Clone)]
enum Rule {
    /// Windows are cut otherwise.
    None,
    /// No row within the gap behind the last one.
    Gap { gap: i64, last: Option<i64> },
    /// Another value than at the window's beginning.
    State { delta: f64, head: Option<Head> },
}

/// The value at a window's beginning.
#[derive(Clone)]
enum Head {
    Whole(i64),
    Number(f64),
    Bytes(Vec<u8>),
}

impl Breaks {
    pub(super) fn new(access: &Access) -> Self {
        let rule = match *access {
            Access::Session { gap, .. } => Rule::Gap { gap, last: None },
            Access::State { delta, .. } => Rule::State { delta, head: None },
            _ => Rule::None,
        };
        Self { rule, at: VecDeque::new() }
    }

    /// Puts what was seen last.
    pub(super) fn save(&self, put: &mut Put) {
        put.count(self.at.len() as u64);
        self.at.iter().for_each(|&row| put.count(row));
        match &self.rule {
            Rule::None => {}
            Rule::Gap { last, .. } => put.maybe(*last),
            Rule::State { head, .. } => match head {
                None => put.byte(0),
                Some(Head::Whole(value)) => {
                    put.byte(1);
                    put.number(*value);
                }
                Some(Head::Number(value)) => {
                    put.byte(2);
                    put.count(value.to_bits());
                }
                Some(Head::Bytes(value)) => {
                    put.byte(3);
                    put.bytes(value);
                }
            },
        }
    }

    /// Takes what [`Breaks::save`] put.
    pub(super) fn restore(&mut self, take: &mut Take<'_>) -> Result<(), Fault> {
        self.at.clear();
        for _ in 0..take.count()? {
            self.at.push_back(take.count()?);
        }
        match &mut self.rule {
            Rule::None => {}
            Rule::Gap { last, .. } => *last = take.maybe()?,
            Rule::State { head, .. } => {
                *head = match take.byte()? {
                    0 => None,
                    1 => Some(Head::Whole(take.number()?)),
                    2 => Some(Head::Number(f64::from_bits(take.count()?))),
                    3 => Some(Head::Bytes(take.bytes()?.to_vec())),
                    _ => return Err(damaged()),
                }
            }
        }
        Ok(())
    }

    /// The first of these rows that would begin a new window, if they came next.
    pub(super) fn first_in(&self, batch: &Batch) -> Option<usize> {
        let mut trial = Self { rule: self.rule.clone(), at: VecDeque::new() };
        trial.see(batch, 0);
        trial.at.front().and_then(|&row| usize::try_from(row).ok())
    }

    /// Looks at rows, of which the first has number `start`.
    pub(super) fn see(&mut self, batch: &Batch, start: u64) {
        match &mut self.rule {
            Rule::None => {}
            Rule::Gap { gap, last } => {
                for (row, &time) in (start..).zip(&*batch.times) {
                    // Of times that are further apart than their type has, the difference is beyond every gap.
                    if last.is_some_and(|last| time.checked_sub(last).is_none_or(|apart| apart > *gap)) {
                        self.at.push_back(row);
                    }
                    *last = Some(time);
                }
            }
            Rule::State { delta, head } => states(batch, start, *delta, head, &mut self.at),
        }
    }
}

fn states(batch: &Batch, start: u64, delta: f64, head: &mut Option<Head>, at: &mut VecDeque<u64>) {
    let (Some(column), Some(&data_type)) = (batch.columns.first(), batch.types.first()) else {
        return;
    };
    let mut see = |row: usize, same: &dyn Fn(&Head) -> bool, value: &dyn Fn() -> Head| {
        if column.is_null(row) {
            return;
        }
        match head {
            Some(known) if same(known) => {}
            Some(known) => {
                at.push_back(start + row as u64);
                *known = value();
            }
            None => *head = Some(value()),
        }
    };
    for row in 0..batch.rows() {
        match data_type {
            DataType::Boolean | DataType::Int32 | DataType::Date | DataType::Int64 | DataType::Timestamp => {
                let value = match data_type {
                    DataType::Boolean => i64::from(column.as_boolean().value(row)),
                    DataType::Int32 | DataType::Date => column.as_primitive::<Int32Type>().value(row).into(),
                    _ => column.as_primitive::<Int64Type>().value(row),
                };
                // A truth is never near another.
                let near = if data_type == DataType::Boolean { 0.0 } else { delta };
                let same =
                    |head: &Head| matches!(head, Head::Whole(head) if head.abs_diff(value) as f64 <= near);
                see(row, &same, &|| Head::Whole(value));
            }
            DataType::Float | DataType::Double => {
                let value = match data_type {
                    DataType::Float => column.as_primitive::<Float32Type>().value(row).into(),
                    _ => column.as_primitive::<Float64Type>().value(row),
                };
                let same = |head: &Head| {
                    let Head::Number(head) = *head else { return false };
                    // The first is for infinities, whose difference is no number.
                    head == value || head.is_nan() && value.is_nan() || (head - value).abs() <= delta
                };
                see(row, &same, &|| Head::Number(value));
            }
            DataType::Text | DataType::String | DataType::Blob => {
                let value = match data_type {
                    DataType::Blob => column.as_binary::<i32>().value(row),
                    _ => column.as_string::<i32>().value(row).as_bytes(),
                };
                let same = |head: &Head| matches!(head, Head::Bytes(head) if head == value);
                see(row, &same, &|| Head::Bytes(value.to_vec()));
            }
        }
    }
}
