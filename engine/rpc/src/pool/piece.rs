//! Pieces: the parts of a tablet that are sent at once.

use std::{collections::HashSet, sync::Arc};

use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::ArrowError;
use levada_model::{Column, DataType, RejectedRows, StatusCode, Tablet};

use super::{
    convert::{Converted, convert},
    types::Types,
};
use crate::{
    client::{Generation, Server},
    columns::tablet::{bytes_of, sorted},
};

/// Rows of one tablet, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Index of the tablet among the joined ones.
    pub(super) index: usize,
    /// Sorted rows, of types that the server has.
    pub(super) tablet: Tablet,
    /// The types of the device's series were asked for because of this piece.
    pub(super) asked: bool,
}

/// How tablets are made into pieces.
#[derive(Clone, Debug)]
pub(super) struct Making {
    pub(super) coerce: bool,
    pub(super) server: Server,
    /// The most bytes of a piece, roughly.
    pub(super) bytes: usize,
}

/// Pieces, and the rejected part of their tablet.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) pieces: Vec<Piece>,
    pub(super) rejected: Vec<RejectedRows>,
}

impl Making {
    /// The pieces of a tablet. Columns take the types that their series are known to have; values that cannot be converted, or
    /// that the server has no type for, are rejected.
    pub(super) fn pieces(&self, index: usize, tablet: &Tablet, types: Option<&Types>) -> Made {
        let mut made = Made::default();
        if tablet.rows() == 0 {
            return made;
        }
        let columns: Vec<_> = tablet
            .columns()
            .iter()
            .filter_map(|column| self.column(index, column, types, &mut made.rejected))
            .collect();
        if columns.is_empty() {
            return made;
        }
        let whole = tablet.clone().with_columns(columns).map_err(|error| error.to_string());
        let whole = whole.and_then(|tablet| match sorted(&tablet) {
            Ok(sorted) => Ok(sorted.unwrap_or(tablet)),
            Err(error) => Err(error.to_string()),
        });
        let parts = whole.and_then(|whole| {
            // Before 0.13 a request has no room for nulls: the server would store the fillers.
            let nulls = self.server.generation < Generation::V0_13;
            if nulls { without_nulls(whole).map_err(|error| error.to_string()) } else { Ok(vec![whole]) }
        });
        match parts {
            Ok(parts) => parts.into_iter().for_each(|part| self.split(index, tablet, part, &mut made)),
            Err(message) => made.rejected.push(RejectedRows {
                tablet: index,
                rows: None,
                measurement: None,
                code: StatusCode::ILLEGAL_PARAMETER,
                message,
            }),
        }
        made
    }

    /// A column as the server takes it; `None` if nothing of it is left.
    fn column(
        &self,
        index: usize,
        column: &Column,
        types: Option<&Types>,
        rejected: &mut Vec<RejectedRows>,
    ) -> Option<Column> {
        let mut reject = |rows, code, message| {
            let measurement = Some(Arc::clone(&column.name));
            rejected.push(RejectedRows { tablet: index, rows, measurement, code, message });
        };
        let known = types.and_then(|types| types.get(&*column.name)).copied();
        let (known, is_known) = (known.filter(|_| self.coerce), known.is_some());
        let wanted = known.unwrap_or(column.data_type);
        let Converted { values, rejected } = convert(column, if is_known { Some(wanted) } else { None });
        for (message, rows) in rejected {
            let all = rows.len() == column.values.len();
            reject((!all).then_some(rows), StatusCode::DATA_TYPE_MISMATCH, message);
        }
        if values.null_count() == values.len() {
            return None;
        }
        let data_type = match wanted {
            DataType::String if !self.server.new_types => DataType::Text,
            DataType::Timestamp if !self.server.new_types => DataType::Int64,
            DataType::Date | DataType::Blob if !self.server.new_types => {
                let message = format!("IoTDB {} has no type {wanted}", self.server.version);
                reject(None, StatusCode::DATA_TYPE_MISMATCH, message);
                return None;
            }
            other => other,
        };
        Some(Column { name: Arc::clone(&column.name), data_type, values })
    }

    /// Halves a tablet until each part is small enough; a single row that is too large for the server is rejected.
    fn split(&self, index: usize, original: &Tablet, tablet: Tablet, made: &mut Made) {
        let bytes = bytes_of(&tablet);
        if bytes <= self.bytes {
            made.pieces.push(Piece { index, tablet, asked: false });
            return;
        }
        let rows = tablet.rows();
        if rows > 1 {
            self.split(index, original, tablet.slice(0, rows / 2), made);
            self.split(index, original, tablet.slice(rows / 2, rows - rows / 2), made);
        } else if bytes + (64 << 10) <= self.server.frame_bytes {
            made.pieces.push(Piece { index, tablet, asked: false });
        } else {
            let message = format!(
                "a row of {bytes} bytes, and the server takes requests of {} at most",
                self.server.frame_bytes
            );
            made.rejected.push(rejection(index, original, &tablet, StatusCode::ILLEGAL_PARAMETER, message));
        }
    }
}

/// The same values as tablets without nulls: one for each set of columns that are null in the same rows.
fn without_nulls(tablet: Tablet) -> Result<Vec<Tablet>, ArrowError> {
    let mut groups: Vec<(Option<BooleanBuffer>, Vec<Column>)> = Vec::new();
    for column in tablet.columns() {
        let nulls = column.values.nulls().filter(|nulls| nulls.null_count() > 0);
        let valid = nulls.map(|nulls| nulls.inner().clone());
        match groups.iter_mut().find(|(each, _)| *each == valid) {
            Some((_, columns)) => columns.push(column.clone()),
            None => groups.push((valid, vec![column.clone()])),
        }
    }
    let part = |(valid, columns): (Option<BooleanBuffer>, _)| {
        let part = tablet.clone().with_columns(columns);
        let part = part.map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))?;
        match valid {
            Some(valid) => part.filter(&BooleanArray::new(valid, None)),
            None => Ok(part),
        }
    };
    groups.into_iter().map(part).collect()
}

/// The rows of a piece, rejected, as rows of its tablet; with the measurement if the piece has only one of several.
pub(super) fn rejection(
    index: usize,
    original: &Tablet,
    piece: &Tablet,
    code: StatusCode,
    message: String,
) -> RejectedRows {
    let times: HashSet<i64> = piece.times().values().iter().copied().collect();
    let all = original.times().values();
    let rows: Vec<u32> =
        (0u32..).zip(all.iter()).filter(|(_, time)| times.contains(time)).map(|(row, _)| row).collect();
    let rows = (rows.len() < all.len()).then_some(rows);
    let measurement = match piece.columns() {
        [only] if original.columns().len() > 1 => Some(Arc::clone(&only.name)),
        _ => None,
    };
    RejectedRows { tablet: index, rows, measurement, code, message }
}

/// What a piece of a tablet was made of: its columns, of the rows whose times lie within its own; and which rows those are.
pub(super) fn within(original: &Tablet, piece: &Tablet) -> Option<(Tablet, Vec<u32>)> {
    let times = piece.times().values();
    let (first, last) = (*times.first()?, *times.last()?);
    let keep = BooleanArray::from_unary(original.times(), |time| (first..=last).contains(&time));
    let names: HashSet<&str> = piece.columns().iter().map(|column| &*column.name).collect();
    let columns = original.columns().iter().filter(|column| names.contains(&*column.name)).cloned();
    let rows = original.clone().with_columns(columns.collect()).ok()?.filter(&keep).ok()?;
    let places = keep.values().set_indices().filter_map(|row| u32::try_from(row).ok()).collect();
    Some((rows, places))
}
