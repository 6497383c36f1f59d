use std::collections::BTreeMap;

use arrow_array::{cast::AsArray, types::Int64Type};
use proptest::prelude::*;

use super::*;

/// A stream of one column that has each time as its value, in chunks of a few rows.
fn stream(times: &[i64], rows: usize) -> Input {
    let chunks: Vec<Chunk> = times
        .chunks(rows)
        .map(|part| {
            let array = Int64Array::from(part.to_vec());
            Chunk { times: array.clone(), columns: vec![std::sync::Arc::new(array)] }
        })
        .collect();
    Input::new(crate::chunk::ready(chunks), vec![ArrowType::Int64])
}

proptest! {
    #[test]
    fn every_time_of_any_stream_comes_once_with_the_values_that_are_there(
        streams in prop::collection::vec(prop::collection::btree_set(-20i64..20, 0..25), 1..5),
        rows in 1usize..6,
        batch in 1usize..9,
        descending in any::<bool>(),
    ) {
        let direction = if descending { Direction::Descending } else { Direction::Ascending };
        let inputs = streams
            .iter()
            .map(|times| {
                let mut times: Vec<i64> = times.iter().copied().collect();
                if descending {
                    times.reverse();
                }
                stream(&times, rows)
            })
            .collect();
        let mut expected: BTreeMap<i64, Vec<Option<i64>>> = BTreeMap::new();
        for (at, times) in streams.iter().enumerate() {
            for &time in times {
                expected.entry(time).or_insert_with(|| vec![None; streams.len()])[at] = Some(time);
            }
        }
        let mut expected: Vec<(i64, Vec<Option<i64>>)> = expected.into_iter().collect();
        if descending {
            expected.reverse();
        }
        let mut found = Vec::new();
        for chunk in Join::new(inputs, direction, batch, &Budget::new(1 << 20)).into_chunks() {
            let chunk = chunk.expect("nothing fails");
            prop_assert!(!chunk.is_empty());
            for row in 0..chunk.rows() {
                let values = chunk.columns.iter().map(|column| {
                    column.is_valid(row).then(|| column.as_primitive::<Int64Type>().value(row))
                });
                found.push((chunk.times.value(row), values.collect::<Vec<_>>()));
            }
        }
        prop_assert_eq!(found, expected);
    }
}
