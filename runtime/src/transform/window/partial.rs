//! What is known of a window for a call of a user's aggregate.
//!
//! ```text
//!   saved    what the function saved of the rows before
//!   pieces   rows that came since
//! ```
//!
//! Of a function that does not save all rows stay pieces, and are stored as such.

use std::{ops::Range, sync::Arc};

use arrow_array::{Array, ArrayRef};
use arrow_buffer::ScalarBuffer;
use levada_connector_api::{
    Result,
    model::{DataType, Value},
};
use levada_engine::functions::array_of;

use super::{
    super::saved::{Put, Take, damaged},
    call::Call,
};

/// The types of a call's inputs.
pub(super) type Types = Arc<[DataType]>;

/// Bytes that a piece takes beside its values, about.
const PIECE: usize = 256;

/// What a call is given of a tablet.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) call: Arc<Call>,
    pub(super) types: Types,
    /// As long as the tablet.
    pub(super) columns: Vec<ArrayRef>,
}

/// What is known of a window for a call.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    pub(super) call: Arc<Call>,
    pub(super) types: Types,
    /// Several where sessions have become one.
    pub(super) saved: Vec<Vec<u8>>,
    pub(super) pieces: Vec<Piece>,
    /// How many rows of the pieces, from the first on, are stored.
    pub(super) stored: usize,
    /// Once the window is closed.
    pub(super) value: Option<Value>,
}

/// Some rows.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) times: ScalarBuffer<i64>,
    pub(super) columns: Vec<ArrayRef>,
}

impl Given {
    /// Bytes of its rows, about.
    pub(super) fn bytes(&self) -> usize {
        self.columns.iter().map(|column| 8 * column.len() + bytes_of(column)).sum::<usize>() + PIECE
    }

    /// Some of the rows; `None` where none of them has a value.
    fn piece(&self, times: &ScalarBuffer<i64>, rows: &Range<usize>) -> Option<Piece> {
        let slice = |column: &ArrayRef| column.slice(rows.start, rows.len());
        let columns: Vec<_> = self.columns.iter().map(slice).collect();
        let any = columns.iter().any(|column| column.null_count() < column.len());
        any.then(|| Piece { times: times.slice(rows.start, rows.len()), columns })
    }
}

/// Adds some rows of a tablet to what is known of a window.
pub(super) fn add(
    partials: &mut Vec<Partial>,
    given: &Given,
    times: &ScalarBuffer<i64>,
    rows: &Range<usize>,
) {
    let Some(piece) = given.piece(times, rows) else { return };
    let known = partials.iter_mut().find(|known| known.is_of(&given.call, &given.types));
    match known {
        Some(known) => known.pieces.push(piece),
        None => partials.push(Partial {
            call: Arc::clone(&given.call),
            types: Arc::clone(&given.types),
            saved: Vec::new(),
            pieces: vec![piece],
            stored: 0,
            value: None,
        }),
    }
}

/// Adds what is known of another window of later rows, with which this has become one.
pub(super) fn merge(partials: &mut Vec<Partial>, later: Vec<Partial>) {
    for mut other in later {
        match partials.iter_mut().find(|known| known.is_of(&other.call, &other.types)) {
            Some(known) => {
                known.stored = 0;
                known.saved.append(&mut other.saved);
                known.pieces.append(&mut other.pieces);
            }
            None => partials.push(Partial { stored: 0, ..other }),
        }
    }
}

impl Partial {
    fn is_of(&self, call: &Arc<Call>, types: &Types) -> bool {
        self.call.name == call.name && self.types == *types
    }

    /// Bytes of the rows that wait, about.
    pub(super) fn waiting_bytes(&self) -> usize {
        let of_piece =
            |piece: &Piece| PIECE + 8 * piece.times.len() + piece.columns.iter().map(bytes_of).sum::<usize>();
        self.pieces.iter().map(of_piece).sum()
    }

    /// Puts it; of its rows those that are not stored, or all.
    pub(super) fn save(&mut self, whole: bool, put: &mut Put<'_>) {
        put.text(self.call.inputs.first().map_or("", |input| input));
        put.text(&self.call.call.text());
        put.number(self.types.len() as u64);
        self.types.iter().for_each(|each| put.byte(each.code()));
        put.number(self.saved.len() as u64);
        self.saved.iter().for_each(|saved| put.bytes(saved));
        let mut skip = if whole { 0 } else { self.stored };
        put.number(skip as u64);
        let rows = self.pieces.iter().map(|piece| piece.times.len()).sum();
        self.stored = rows;
        put.number(rows.saturating_sub(skip) as u64);
        for piece in &self.pieces {
            let from = skip.min(piece.times.len());
            skip -= from;
            for (row, &time) in piece.times.iter().enumerate().skip(from) {
                put.signed(time);
                for (column, &data_type) in piece.columns.iter().zip(&*self.types) {
                    let value = Value::at(column, data_type, row);
                    put.byte(u8::from(value.is_some()));
                    value.iter().for_each(|value| put.value(value));
                }
            }
        }
    }

    /// What [`Partial::save`] put; `None` where the options do not have its call any more. `before` is what was restored of the window
    /// before; `find` gives the call of a measurement that is
    /// written like this.
    ///
    /// # Errors
    /// It is damaged.
    pub(super) fn restored(
        take: &mut Take<'_>,
        before: &mut [Self],
        find: impl FnOnce(&str, &str) -> Option<Arc<Call>>,
    ) -> Result<Option<Self>> {
        let call = find(take.text()?, take.text()?);
        let types = (0..take.count()?)
            .map(|_| DataType::from_code(take.byte()?).ok_or_else(damaged))
            .collect::<Result<Types>>()?;
        let saved = (0..take.count()?).map(|_| take.bytes().map(<[u8]>::to_vec)).collect::<Result<_>>()?;
        let skip = take.count_of_rows()?;
        let new = Piece::restored(take, &types)?;
        let Some(call) = call else { return Ok(None) };
        if types.len() != call.inputs.len() {
            return Err(damaged());
        }
        let mut pieces = Vec::new();
        if skip > 0 {
            let known = before.iter_mut().find(|known| known.is_of(&call, &types));
            let known = known.filter(|known| known.stored == skip).ok_or_else(damaged)?;
            pieces = std::mem::take(&mut known.pieces);
        }
        let stored = skip + new.as_ref().map_or(0, |piece| piece.times.len());
        pieces.extend(new);
        Ok(Some(Self { call, types, saved, pieces, stored, value: None }))
    }
}

impl Piece {
    /// The rows that [`Partial::save`] put; `None` where there are none.
    fn restored(take: &mut Take<'_>, types: &[DataType]) -> Result<Option<Self>> {
        let rows = take.count()?;
        let mut times = Vec::with_capacity(rows);
        let mut values: Vec<Vec<Option<Value>>> = vec![Vec::with_capacity(rows); types.len()];
        for _ in 0..rows {
            times.push(take.signed()?);
            for (values, &data_type) in values.iter_mut().zip(types) {
                let value = if take.byte()? == 1 { Some(take.value()?) } else { None };
                if value.as_ref().is_some_and(|value| value.data_type() != data_type) {
                    return Err(damaged());
                }
                values.push(value);
            }
        }
        let columns = values.into_iter().zip(types).map(|(values, &each)| array_of(values, each)).collect();
        Ok((rows > 0).then(|| Self { times: times.into(), columns }))
    }
}

fn bytes_of(column: &ArrayRef) -> usize {
    let data = column.to_data();
    data.get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
}
