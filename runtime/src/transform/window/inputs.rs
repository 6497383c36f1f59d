//! What is aggregated of a tablet, and which rows cannot be.

use std::{cell::OnceCell, sync::Arc};

use arrow_array::{Array, BooleanArray, new_null_array};
use arrow_select::filter::filter;
use levada_connector_api::{
    Error, Readings, Result,
    model::{
        Column, DataType, Tablet,
        convert::{Input, Reason},
    },
};

use super::{
    Window,
    accumulator::Function,
    call::Call,
    device::Inputs,
    partial::{Given, Types},
    states::MOST_BYTES,
};
use crate::transform::rejection::Rejection;

/// The columns of a tablet as columns of one type each, found when they are asked for.
struct Apart<'t> {
    tablet: &'t Tablet,
    found: Vec<OnceCell<Vec<Column>>>,
}

impl<'t> Apart<'t> {
    fn of(tablet: &'t Tablet) -> Self {
        Self { tablet, found: vec![OnceCell::new(); tablet.columns().len()] }
    }

    fn named(&self, name: &str) -> &[Column] {
        let mut columns = self.tablet.columns().iter().zip(&self.found);
        let found = columns.find(|(column, _)| *column.name == *name);
        found.map_or(&[], |(column, apart)| apart.get_or_init(|| column.apart()))
    }
}

/// Rows of a tablet that cannot be aggregated.
struct Bad<'r> {
    rows: Vec<bool>,
    readings: &'r Readings,
    rejection: &'r mut Rejection,
}

impl Bad<'_> {
    fn add(&mut self, rows: impl IntoIterator<Item = usize>, reason: &str) -> Result<()> {
        let rows: Vec<_> = rows.into_iter().collect();
        self.rejection.rows(&self.readings.records, rows.iter().copied(), reason)?;
        rows.into_iter().for_each(|row| self.rows[row] = true);
        Ok(())
    }
}

impl Window {
    /// What is aggregated, each column of one type. Rows with a value that cannot be are rejected.
    pub(super) fn inputs(
        &mut self,
        readings: Readings,
        rejection: &mut Rejection,
    ) -> Result<(Readings, Inputs)> {
        let readings = self.fitting(readings, rejection)?;
        let mut inputs = Inputs::default();
        let rows = vec![false; readings.tablet.rows()];
        let mut bad = Bad { rows, readings: &readings, rejection };
        let tablet = &readings.tablet;
        let apart = Apart::of(tablet);
        let mut calls = Vec::new();
        for column in tablet.columns() {
            let functions = self.wanted.of(&column.name);
            calls.extend(functions.calls.iter().cloned());
            if functions.is_empty() {
                continue;
            }
            for column in apart.named(&column.name) {
                match functions.misfit(column.data_type) {
                    None if functions.any(column.data_type) => inputs.columns.push(column.clone()),
                    None => {}
                    Some(function) => bad.add(valid(column), &misfit(tablet, column, function))?,
                }
            }
        }
        for call in calls {
            inputs.given.extend(self.given(&apart, &call, &mut bad)?);
        }
        let bad = bad.rows;
        if !bad.contains(&true) {
            return Ok((readings, inputs));
        }
        let keep: BooleanArray = bad.iter().map(|bad| Some(!bad)).collect();
        let bug = |error: &dyn std::error::Error| Error::bug(error.to_string());
        for values in inputs.columns.iter_mut().map(|column| &mut column.values) {
            *values = filter(values, &keep).map_err(|error| bug(&error))?;
        }
        for values in inputs.given.iter_mut().flat_map(|given| &mut given.columns) {
            *values = filter(values, &keep).map_err(|error| bug(&error))?;
        }
        Ok((readings.filter(&keep)?, inputs))
    }

    /// The rows without those in which a number that is aggregated is of no type of numbers, which are rejected: it would be taken for
    /// a text.
    fn fitting(&mut self, readings: Readings, rejection: &mut Rejection) -> Result<Readings> {
        let columns = || readings.tablet.columns().iter();
        if !columns().any(Column::is_written) {
            return Ok(readings);
        }
        let wanted: Vec<_> = columns().map(|column| self.wanted.of(&column.name)).collect();
        let calls = || wanted.iter().flat_map(|functions| &functions.calls);
        let is_input = |name: &str| calls().flat_map(|call| &call.inputs).any(|input| **input == *name);
        let mut bad = Bad { rows: vec![false; readings.tablet.rows()], readings: &readings, rejection };
        for (column, functions) in columns().zip(&wanted) {
            if !functions.is_empty() || is_input(&column.name) {
                for (row, reason) in unfit(column) {
                    let reason = format!("{}.{}: {reason}", readings.tablet.device(), column.name);
                    bad.add([row], &reason)?;
                }
            }
        }
        if !bad.rows.contains(&true) {
            return Ok(readings);
        }
        let keep: BooleanArray = bad.rows.iter().map(|bad| Some(!bad)).collect();
        readings.filter(&keep)
    }

    /// What a call is given; `None` where it has nothing to do with these rows.
    fn given(&mut self, apart: &Apart<'_>, call: &Arc<Call>, bad: &mut Bad<'_>) -> Result<Option<Given>> {
        let tablet = apart.tablet;
        let device = self.devices.get(&tablet.device().shared());
        let known = device.and_then(|device| device.types_of(call)).cloned();
        let pieces: Vec<&[Column]> = call.inputs.iter().map(|input| apart.named(input)).collect();
        let first = || pieces.iter().map(|pieces| Some(pieces.first()?.data_type)).collect::<Option<Types>>();
        // Of an input that was never there it is not known what it would be.
        let Some(types) = known.or_else(first) else {
            return Ok(None);
        };
        if let Some(reason) = self.states.misfit(call, &types)? {
            if call.is_named {
                let reason = format!("{}: {reason}", tablet.device());
                pieces.iter().copied().flatten().try_for_each(|piece| bad.add(valid(piece), &reason))?;
            }
            return Ok(None);
        }
        let mut columns = Vec::with_capacity(types.len());
        for ((pieces, &data_type), input) in pieces.iter().zip(&*types).zip(&call.inputs) {
            let others = pieces.iter().filter(|piece| piece.data_type != data_type);
            for other in others.filter(|_| call.is_named) {
                let reason = format!(
                    "{}.{input}: {} is of rows of {data_type} in the windows that are open, and this one is {}",
                    tablet.device(),
                    call.call.text(),
                    other.data_type
                );
                bad.add(valid(other), &reason)?;
            }
            let fits = pieces.iter().find(|piece| piece.data_type == data_type);
            let none = || new_null_array(&data_type.arrow(), tablet.rows());
            columns.push(fits.map_or_else(none, |piece| Arc::clone(&piece.values)));
        }
        let given = Given { call: Arc::clone(call), types, columns };
        self.in_room(tablet, &given, bad)?;
        Ok(Some(given))
    }

    /// Rejects rows that would have to wait for a function that does not save, and for which there is no room.
    fn in_room(&self, tablet: &Tablet, given: &Given, bad: &mut Bad<'_>) -> Result<()> {
        let Given { call, types, .. } = given;
        if !self.states.is_forgetful(call, types) {
            return Ok(());
        }
        let device = self.devices.get(&tablet.device().shared());
        let room = MOST_BYTES.saturating_sub(device.map_or(0, |device| device.waiting_bytes(call)));
        let rows = tablet.rows() * room / given.bytes().max(1);
        if rows < tablet.rows() {
            let reason = format!(
                "{}: function {}: the rows that wait for the end of their window would have more than the {MOST_BYTES} bytes that \
                 may be stored of them; let the function save what it holds, or make the window smaller",
                tablet.device(),
                call.call.function()
            );
            let any = |row: &usize| given.columns.iter().any(|column| column.is_valid(*row));
            bad.add((rows..tablet.rows()).filter(any), &reason)?;
        }
        Ok(())
    }
}

/// The written numbers that no type of numbers holds, each with the reason.
fn unfit(column: &Column) -> Vec<(usize, String)> {
    let Some(written) = column.written() else { return Vec::new() };
    let data_type = if column.data_type.is_numeric() { column.data_type } else { DataType::Double };
    let reason = |&(row, reason): &(u32, Reason)| {
        let row = row as usize;
        let is_number = |input| matches!(input, Input::Whole | Input::Fraction | Input::Decimal);
        let given = written.get(row).filter(|given| is_number(given.input()))?;
        let is_held = column.value(row).is_some_and(|value| value.data_type().is_numeric());
        (!is_held).then(|| (row, reason.of(given, data_type)))
    };
    column.to(data_type).rejected.iter().filter_map(reason).collect()
}

/// The rows that have a value.
fn valid(column: &Column) -> impl Iterator<Item = usize> {
    (0..column.values.len()).filter(|&row| column.values.is_valid(row))
}

fn misfit(tablet: &Tablet, column: &Column, function: Function) -> String {
    let (device, name, data_type) = (tablet.device(), &column.name, column.data_type);
    format!("{device}.{name}: {} takes no {data_type}", function.name())
}
