//! The rows of a tablet, written by a plan.

use std::{collections::BTreeMap, fmt::Write as _};

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    StringArray,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use levada_connector_api::model::{
    Column, DataType, Tablet, TimeUnit,
    convert::{Input, Reason, Rule, days_of_date, rule},
    unquote_node,
};

use super::plan::{Branch, Kind, Leaf, Plan, Slot, put_bytes, put_long};

/// A tablet that is ready to be written: its columns by the fields they go to.
pub(super) struct Prepared<'a> {
    head: Option<[u8; 5]>,
    plan: &'a Plan,
    device: &'a str,
    times: &'a [i64],
    /// For each field, the columns whose values it takes.
    columns: Vec<Vec<Typed<'a>>>,
    /// Why rows cannot be written.
    wrong: BTreeMap<u32, String>,
}

/// Values of one type, and the branch that they are written as.
struct Typed<'a> {
    branch: &'a Branch,
    array: ArrayRef,
    values: Values,
}

/// An array, its type looked at once.
enum Values {
    Boolean(BooleanArray),
    Int(Int32Array),
    Long(Int64Array),
    Float(Float32Array),
    Double(Float64Array),
    Text(StringArray),
    Bytes(BinaryArray),
}

impl Values {
    fn of(array: &ArrayRef, data_type: DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(array.as_boolean().clone()),
            DataType::Int32 | DataType::Date => Self::Int(array.as_primitive::<Int32Type>().clone()),
            DataType::Int64 | DataType::Timestamp => Self::Long(array.as_primitive::<Int64Type>().clone()),
            DataType::Float => Self::Float(array.as_primitive::<Float32Type>().clone()),
            DataType::Double => Self::Double(array.as_primitive::<Float64Type>().clone()),
            DataType::Text | DataType::String => Self::Text(array.as_string().clone()),
            DataType::Blob => Self::Bytes(array.as_binary().clone()),
        }
    }
}

impl<'a> Prepared<'a> {
    /// Brings a tablet's columns to the fields of a plan. `missing` says why a measurement has no field.
    pub(super) fn new(
        plan: &'a Plan,
        head: Option<[u8; 5]>,
        tablet: &'a Tablet,
        missing: impl Fn(&str) -> String,
    ) -> Self {
        let (device, times) = (tablet.device().as_str(), &tablet.times().values()[..]);
        let mut columns: Vec<_> = plan.leaves.iter().map(|_| Vec::new()).collect();
        let mut wrong = BTreeMap::new();
        for column in tablet.columns().iter().filter(|column| has_values(column)) {
            let name = unquote_node(&column.name);
            let place = plan.place(&name).and_then(|at| Some((plan.leaves.get(at)?, columns.get_mut(at)?)));
            match place {
                Some((leaf, place)) if !leaf.branches.is_empty() => {
                    for part in parts(leaf, column) {
                        let Some((branch, typed, rejected)) = fitting(leaf, &part) else { continue };
                        for (row, reason) in rejected {
                            wrong.entry(row).or_insert_with(|| why(leaf, branch, &part, row, reason));
                        }
                        place.push(typed);
                    }
                }
                found => {
                    let error = match found {
                        Some(_) => format!(
                            "the field `{name}` is of a kind that is not written, and the row has a value for it"
                        ),
                        None => missing(&name),
                    };
                    let rows = (0u32..).take(times.len()).filter(|row| column.values.is_valid(*row as usize));
                    rows.for_each(|row| {
                        wrong.entry(row).or_insert_with(|| error.clone());
                    });
                }
            }
        }
        Self { head, plan, device, times, columns, wrong }
    }

    /// Puts a row; nothing where it has no value.
    ///
    /// # Errors
    /// It cannot be written, and nothing of it is put.
    pub(super) fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        if let Some(error) = u32::try_from(row).ok().and_then(|row| self.wrong.get(&row)) {
            return Err(error.clone());
        }
        if !self.columns.iter().flatten().any(|typed| typed.array.is_valid(row)) {
            return Ok(());
        }
        let from = out.len();
        out.extend(self.head.iter().flatten());
        let put = self.slots(&self.plan.slots, row, out);
        if put.is_err() {
            out.truncate(from);
        }
        put
    }

    fn slots(&self, slots: &[Slot], row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        for slot in slots {
            match slot {
                Slot::Device(before) => {
                    out.extend_from_slice(before);
                    put_bytes(self.device.as_bytes(), out);
                }
                Slot::Time(before, unit) => {
                    out.extend_from_slice(before);
                    put_long(counted(self.times.get(row).copied().unwrap_or_default(), *unit)?, out);
                }
                Slot::Leaf(at) => self.leaf(*at, row, out)?,
                Slot::Record { null: Some(null), slots, .. } if !self.says(slots, row) => {
                    out.extend_from_slice(null);
                }
                Slot::Record { slots, before, .. } => {
                    out.extend_from_slice(before);
                    self.slots(slots, row, out)?;
                }
            }
        }
        Ok(())
    }

    /// Whether one of these has a value.
    fn says(&self, slots: &[Slot], row: usize) -> bool {
        slots.iter().any(|slot| match slot {
            Slot::Device(_) | Slot::Time(..) => true,
            Slot::Leaf(at) => self.value(*at, row).is_some(),
            Slot::Record { slots, .. } => self.says(slots, row),
        })
    }

    fn value(&self, at: usize, row: usize) -> Option<&Typed<'a>> {
        self.columns.get(at)?.iter().find(|typed| typed.array.is_valid(row))
    }

    fn leaf(&self, at: usize, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        let Some(leaf) = self.plan.leaves.get(at) else { return Ok(()) };
        if let Some(typed) = self.value(at, row) {
            return typed.put(row, out).map_err(|error| format!("the field `{}`: {error}", leaf.name));
        }
        out.extend(leaf.absent.as_ref().ok_or_else(|| {
            format!(
                "the row has no value for the field `{}`, which may not be left out in its schema",
                leaf.name
            )
        })?);
        Ok(())
    }
}

impl Typed<'_> {
    fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(&self.branch.before);
        match (&self.values, &self.branch.kind) {
            (Values::Boolean(values), _) => out.push(u8::from(values.value(row))),
            (Values::Int(values), Kind::Plain(DataType::Date)) => {
                let date = values.value(row);
                let days = days_of_date(date);
                put_long(days.ok_or_else(|| format!("the calendar has no day {date}"))?.into(), out);
            }
            (Values::Int(values), _) => put_long(values.value(row).into(), out),
            (Values::Long(values), Kind::Time(unit)) => put_long(counted(values.value(row), *unit)?, out),
            (Values::Long(values), _) => put_long(values.value(row), out),
            (Values::Float(values), _) => out.extend(values.value(row).to_le_bytes()),
            (Values::Double(values), _) => out.extend(values.value(row).to_le_bytes()),
            (Values::Text(values), Kind::Enum(symbols)) => {
                let text = values.value(row);
                let nth =
                    symbols.iter().position(|symbol| symbol == text).and_then(|nth| i64::try_from(nth).ok());
                put_long(nth.ok_or_else(|| no_symbol(text, symbols))?, out);
            }
            (Values::Text(values), _) => put_bytes(values.value(row).as_bytes(), out),
            (Values::Bytes(values), Kind::Fixed(size)) => {
                let bytes = values.value(row);
                if bytes.len() != *size {
                    return Err(format!("{} bytes, and the schema has {size}", bytes.len()));
                }
                out.extend_from_slice(bytes);
            }
            (Values::Bytes(values), _) => put_bytes(values.value(row), out),
        }
        Ok(())
    }
}

/// Whether a column says anything.
pub(super) fn has_values(column: &Column) -> bool {
    column.values.null_count() < column.values.len()
}

/// A column as columns that each go to one branch: values that have no type yet are of the type of a field that has one.
fn parts(leaf: &Leaf, column: &Column) -> Vec<Column> {
    match &leaf.branches[..] {
        [_] => vec![column.clone()],
        _ => column.apart(),
    }
}

type Rejected = Vec<(u32, Reason)>;

/// The branch that takes a column's values, the values as it takes them, and which it does not take.
fn fitting<'a>(leaf: &'a Leaf, column: &Column) -> Option<(&'a Branch, Typed<'a>, Rejected)> {
    let exact = leaf.exact(column.data_type).filter(|_| !column.is_written());
    let mut branches: Vec<&Branch> = match exact.and_then(|at| leaf.branches.get(at)) {
        Some(branch) => vec![branch],
        None => {
            let from = Input::of(column.data_type);
            let all = leaf.branches.iter();
            let may =
                |branch: &&Branch| column.is_written() || rule(from, branch.kind.data_type()) != Rule::Never;
            all.filter(may).collect()
        }
    };
    // A text takes everything, and 0 and 1 may be truth values: other branches come first.
    branches.sort_by_key(|branch| match branch.kind.data_type() {
        DataType::Text | DataType::String => 2,
        DataType::Boolean => 1,
        _ => 0,
    });
    if branches.is_empty() {
        branches.extend(leaf.branches.first());
    }
    let mut first = None;
    for branch in branches {
        let data_type = branch.kind.data_type();
        let converted = column.to(data_type);
        let values = Values::of(&converted.values, data_type);
        let typed = Typed { branch, array: converted.values, values };
        let is_whole = converted.rejected.is_empty();
        let this = (branch, typed, converted.rejected);
        if is_whole {
            return Some(this);
        }
        first.get_or_insert(this);
    }
    first
}

fn why(leaf: &Leaf, branch: &Branch, column: &Column, row: u32, reason: Reason) -> String {
    let value = column.value(row as usize).map_or_else(String::new, |value| value.to_string());
    let to = branch.kind.data_type();
    format!("the field `{}`, which is {to} in its schema: {}", leaf.name, reason.of(value, to))
}

/// A time in milliseconds, in another unit.
fn counted(millis: i64, unit: TimeUnit) -> Result<i64, String> {
    let counted = match unit {
        TimeUnit::Microsecond => millis.checked_mul(1_000),
        TimeUnit::Nanosecond => millis.checked_mul(1_000_000),
        TimeUnit::Millisecond => Some(millis),
        TimeUnit::Second => Some(millis.div_euclid(1_000)),
    };
    counted.ok_or_else(|| format!("the time {millis} is beyond what its field can count"))
}

fn no_symbol(text: &str, symbols: &[String]) -> String {
    let mut error = format!(
        "`{}` is none of the symbols of its field:",
        levada_connector_api::model::convert::shown(text)
    );
    for symbol in symbols.iter().take(10) {
        // A text takes everything.
        write!(error, " {symbol}").unwrap_or_default();
    }
    error
}
