use std::ops::Range;

use levada_connector_api::Batch;
use levada_model::SplitRange;

use super::*;
use crate::{dead_letters::Ticket, ledger::Ledger, queue::Weight};

fn parcel(way: usize, range: Option<Range<u64>>, early: bool) -> Parcel {
    let positions: Vec<_> = range.into_iter().map(|range| SplitRange { split: "s".into(), range }).collect();
    let receipt = Ledger::new().admit(&positions, 0);
    let batch = Batch { positions, ..Batch::default() };
    Parcel { batch, receipt, letters: Ticket::default(), weight: Weight::default(), early, way }
}

/// The ways of what comes together, and where its range ends.
fn shown(ready: Vec<Together>) -> Vec<(Vec<usize>, Option<u64>)> {
    let end = |parcel: &Parcel| parcel.batch.positions.first().map(|each| each.range.end);
    ready.iter().map(|each| (each.iter().map(|parcel| parcel.way).collect(), end(&each[0]))).collect()
}

#[test]
fn a_batch_waits_for_the_same_of_every_other_way_of_its_origin() {
    let mut confluence = Confluence::new(&["in", "other", "in", "in"]);
    let mut arrive = |way, range: Range<u64>| shown(confluence.arrive(parcel(way, Some(range), false)));
    assert_eq!(arrive(1, 0..5), [(vec![1], Some(5))], "the only way of its origin");
    assert_eq!(arrive(0, 0..10), []);
    assert_eq!(arrive(0, 10..20), []);
    assert_eq!(arrive(3, 0..10), []);
    assert_eq!(arrive(2, 0..10), [(vec![0, 2, 3], Some(10))]);
    assert_eq!(arrive(2, 10..20), []);
    // The split went away and is read again.
    for (way, ready) in [(0, vec![]), (2, vec![])] {
        assert_eq!(arrive(way, 5..15), ready);
    }
    assert_eq!(arrive(3, 10..20), [(vec![0, 2, 3], Some(20))]);
    assert_eq!(arrive(3, 5..15), [(vec![0, 2, 3], Some(15))]);
}

#[test]
fn rows_without_positions_keep_their_place_in_their_way() {
    let mut confluence = Confluence::new(&["in", "in"]);
    assert_eq!(shown(confluence.arrive(parcel(0, None, true))), [(vec![0], None)]);
    assert!(confluence.is_early());
    assert_eq!(shown(confluence.arrive(parcel(0, Some(0..10), false))), []);
    assert_eq!(shown(confluence.arrive(parcel(0, None, true))), []);
    assert!(confluence.is_early(), "what waits is not given yet");
    let ready = shown(confluence.arrive(parcel(1, Some(0..10), false)));
    assert_eq!(ready, [(vec![0, 1], Some(10)), (vec![0], None)]);
    assert!(confluence.is_early());
    confluence.arrive(parcel(0, Some(10..20), false));
    confluence.arrive(parcel(1, Some(10..20), false));
    assert!(!confluence.is_early());
}
