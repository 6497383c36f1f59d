//! Rows of several blocks as one: each time once, of later blocks the values count.
//!
//! ```text
//!   parts   a: 1 2 4      b: 2 3 4           by rank, the later last
//!   times   1 2 3 4                          of all parts
//!   rows    a: 0 1 3      b: 1 2 3           where each part's rows are among the times; parts of the same times share these
//! ```

use std::{ops::Range, sync::Arc};

use arrow_array::{Array, ArrayRef, BooleanArray, new_null_array};
use arrow_select::{interleave::interleave, zip::zip};
use levada_model::DataType;

use super::{Columns, block_rows};
use crate::{Direction, block::Block};

/// Parts whose times are compared with those of a part, to share rows with one.
const COMPARED: usize = 8;

/// Rows of one source.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) columns: Columns,
    pub(super) block: Block,
}

impl Part {
    /// The columns that have values, with their places.
    fn columns(&self) -> impl Iterator<Item = (usize, &ArrayRef)> {
        let place = |at: usize| match self.columns {
            Columns::All => at,
            Columns::One(place) => place,
        };
        let columns = self.block.columns.iter().enumerate();
        columns.filter_map(move |(at, column)| Some((place(at), column.as_ref()?)))
    }

    /// As a block of so many columns.
    fn widened(self, width: usize) -> Block {
        match self.columns {
            Columns::All => self.block,
            Columns::One(place) => {
                let mut columns = vec![None; width];
                columns[place] = self.block.columns.into_iter().next().flatten();
                Block { times: self.block.times, columns }
            }
        }
    }
}

/// Rows that are put together, given out block by block.
#[derive(Debug)]
pub(super) enum Woven {
    /// They need no more than to be cut.
    Whole(Option<Block>),
    /// They lie side by side.
    Spread(Spread),
}

impl Woven {
    /// Parts by rank, the later last.
    pub(super) fn new(mut parts: Vec<Part>, width: usize) -> Self {
        if parts.len() <= 1 {
            return Self::Whole(parts.pop().map(|part| part.widened(width)));
        }
        let first = &parts[0].block.times;
        if parts[1..].iter().all(|part| part.block.times.ptr_eq(first) || part.block.times == *first) {
            return Self::Whole(Some(overlay(parts, width)));
        }
        Self::Spread(Spread::new(parts, width))
    }

    /// The next rows; some may have no value.
    pub(super) fn next(&mut self, direction: Direction, types: &[DataType]) -> Option<Block> {
        match self {
            Self::Whole(block) => block.take(),
            Self::Spread(spread) => spread.next(direction, types),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Whole(block) => block.as_ref().map_or(0, Block::bytes),
            Self::Spread(spread) => {
                let parts: usize = spread.parts.iter().map(|(part, _)| part.block.bytes()).sum();
                parts + spread.times.len() * size_of::<i64>()
            }
        }
    }
}

/// Blocks of the same times as one.
fn overlay(parts: Vec<Part>, width: usize) -> Block {
    let times = parts[0].block.times.clone();
    let mut merged: Vec<Option<ArrayRef>> = vec![None; width];
    for part in &parts {
        for (place, newer) in part.columns() {
            let older = &mut merged[place];
            *older = Some(match older.take() {
                Some(older) if newer.null_count() > 0 => {
                    let valid = newer.nulls().map(|nulls| BooleanArray::new(nulls.inner().clone(), None));
                    match valid {
                        Some(valid) => {
                            zip(&valid, newer, &older).expect("a column has one type in all sources")
                        }
                        None => Arc::clone(newer),
                    }
                }
                _ => Arc::clone(newer),
            });
        }
    }
    Block { times, columns: merged }
}

/// Parts of different times.
#[derive(Debug)]
pub(super) struct Spread {
    width: usize,
    times: Vec<i64>,
    /// Each with the places of its rows among the times.
    parts: Vec<(Part, Arc<[u32]>)>,
    /// What was not given yet.
    left: Range<usize>,
}

/// What a part has of a column within some rows.
struct Given<'a> {
    place: usize,
    array: &'a ArrayRef,
    /// The places of the part's rows, and which of these rows it is about.
    rows: &'a [u32],
    within: Range<usize>,
}

impl Spread {
    fn new(parts: Vec<Part>, width: usize) -> Self {
        // Parts of the same times are one group: the number of its first part, by part.
        let mut groups: Vec<usize> = Vec::with_capacity(parts.len());
        let mut firsts: Vec<usize> = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let times = &part.block.times;
            let same = firsts.iter().rev().take(COMPARED).find(|first| {
                let known = &parts[**first].block.times;
                known.ptr_eq(times) || known == times
            });
            groups.push(same.copied().unwrap_or(at));
            if same.is_none() {
                firsts.push(at);
            }
        }
        let mut times: Vec<i64> =
            firsts.iter().flat_map(|first| parts[*first].block.times.iter().copied()).collect();
        // Runs that ascend already are merged, not sorted anew.
        times.sort();
        times.dedup();
        let mut rows: Vec<Option<Arc<[u32]>>> = vec![None; parts.len()];
        for &first in &firsts {
            rows[first] = Some(places(&times, &parts[first].block.times));
        }
        let rows: Vec<Arc<[u32]>> =
            groups.into_iter().map(|first| rows[first].clone().unwrap_or_default()).collect();
        let left = 0..times.len();
        Self { width, times, parts: parts.into_iter().zip(rows).collect(), left }
    }

    fn next(&mut self, direction: Direction, types: &[DataType]) -> Option<Block> {
        let rows = block_rows(self.width).min(self.left.len());
        if rows == 0 {
            return None;
        }
        let taken = match direction {
            Direction::Ascending => self.left.start..self.left.start + rows,
            Direction::Descending => self.left.end - rows..self.left.end,
        };
        match direction {
            Direction::Ascending => self.left.start = taken.end,
            Direction::Descending => self.left.end = taken.start,
        }
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.width];
        let mut given = self.given(&taken);
        // The sort is stable: of one column the later part stays behind.
        given.sort_by_key(|given| given.place);
        for same in given.chunk_by(|a, b| a.place == b.place) {
            let place = same[0].place;
            columns[place] = Some(column(same, &taken, types[place]));
        }
        Some(Block { times: self.times[taken].to_vec().into(), columns })
    }

    /// What parts have within some rows.
    fn given(&self, taken: &Range<usize>) -> Vec<Given<'_>> {
        let mut given = Vec::new();
        let mut known: Option<(&Arc<[u32]>, Range<usize>)> = None;
        for (part, rows) in &self.parts {
            let within = match &known {
                Some((before, within)) if Arc::ptr_eq(before, rows) => within.clone(),
                _ => {
                    let from = rows.partition_point(|&row| (row as usize) < taken.start);
                    let to = rows.partition_point(|&row| (row as usize) < taken.end);
                    known = Some((rows, from..to));
                    from..to
                }
            };
            if within.is_empty() {
                continue;
            }
            let columns = part.columns();
            given.extend(columns.map(|(place, array)| Given { place, array, rows, within: within.clone() }));
        }
        given
    }
}

/// Where times are among all; both ascend, and all of them are there.
fn places(all: &[i64], times: &[i64]) -> Arc<[u32]> {
    let mut at = 0;
    let places = times.iter().map(|time| {
        while all[at] < *time {
            at += 1;
        }
        at as u32
    });
    places.collect()
}

/// A column of some rows, of what parts have of it, the later last.
fn column(given: &[Given<'_>], taken: &Range<usize>, data_type: DataType) -> ArrayRef {
    if let [Given { array, within, .. }] = given
        && within.len() == taken.len()
    {
        return array.slice(within.start, within.len());
    }
    let null = new_null_array(&data_type.arrow(), 1);
    let arrays: Vec<&dyn Array> = given.iter().map(|given| &**given.array).chain([&*null]).collect();
    let mut picks = vec![(given.len(), 0); taken.len()];
    for (at, Given { array, rows, within, .. }) in given.iter().enumerate() {
        for row in within.clone().filter(|&row| array.is_valid(row)) {
            picks[rows[row] as usize - taken.start] = (at, row);
        }
    }
    interleave(&arrays, &picks).expect("a column has one type in all sources")
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, cast::AsArray, types::Float64Type};

    use super::*;

    fn part(place: usize, times: &[i64]) -> Part {
        let values = times.iter().map(|&time| (place as i64 * 1000 + time) as f64);
        let values: ArrayRef = Arc::new(values.collect::<Float64Array>());
        let block = Block { times: times.to_vec().into(), columns: vec![Some(values)] };
        Part { columns: Columns::One(place), block }
    }

    /// All rows, as time, column and value.
    fn rows(parts: Vec<Part>, width: usize, direction: Direction) -> Vec<(i64, usize, f64)> {
        let types = vec![DataType::Double; width];
        let mut woven = Woven::new(parts, width);
        let mut found = Vec::new();
        while let Some(block) = woven.next(direction, &types) {
            assert!(block.rows() <= block_rows(width));
            for (place, column) in block.columns.iter().enumerate() {
                let Some(column) = column else { continue };
                let values = column.as_primitive::<Float64Type>();
                let valid = (0..block.rows()).filter(|&row| values.is_valid(row));
                found.extend(valid.map(|row| (block.times[row], place, values.value(row))));
            }
        }
        found.sort_by_key(|(time, place, _)| (*time, *place));
        found
    }

    #[test]
    fn columns_of_different_times_lie_side_by_side() {
        let parts = || vec![part(0, &[1, 2, 4]), part(2, &[2, 3, 4]), part(1, &[9])];
        let expected =
            [(1, 0, 1.), (2, 0, 2.), (2, 2, 2002.), (3, 2, 2003.), (4, 0, 4.), (4, 2, 2004.), (9, 1, 1009.)];
        for direction in [Direction::Ascending, Direction::Descending] {
            assert_eq!(rows(parts(), 3, direction), expected, "{direction:?}");
        }
    }

    #[test]
    fn of_one_column_the_later_part_counts() {
        let mut later = part(0, &[2, 5]);
        later.block.columns[0] = Some(Arc::new(Float64Array::from(vec![Some(-2.), None])));
        let parts = vec![part(0, &[1, 2, 5]), later];
        assert_eq!(rows(parts, 1, Direction::Ascending), [(1, 0, 1.), (2, 0, -2.), (5, 0, 5.)]);
    }

    #[test]
    fn thousands_of_columns_come_in_blocks_of_few_rows() {
        let width = 20_000;
        let times: Vec<i64> = (0..200).collect();
        let parts: Vec<Part> = (0..width).map(|place| part(place, &times[place % 2..])).collect();
        let found = rows(parts, width, Direction::Ascending);
        assert_eq!(found.len(), width / 2 * 200 + width / 2 * 199);
        assert_eq!(found.last(), Some(&(199, width - 1, ((width - 1) * 1000 + 199) as f64)));
    }
}
