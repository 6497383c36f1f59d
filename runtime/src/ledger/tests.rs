use std::collections::BTreeMap;

use futures::FutureExt;
use proptest::{collection::vec, prelude::*};

use super::*;

fn range(split: &str, start: u64, end: u64) -> SplitRange {
    SplitRange { split: split.into(), range: start..end }
}

fn taken(ledger: &Ledger) -> BTreeMap<String, u64> {
    ledger.take_settled().into_iter().map(|each| (each.split.to_string(), each.position)).collect()
}

fn marks<const N: usize>(marks: [(&str, u64); N]) -> BTreeMap<String, u64> {
    marks.into_iter().map(|(split, position)| (split.to_owned(), position)).collect()
}

#[test]
fn the_watermark_rises_over_what_is_contiguous_only() {
    let ledger = Ledger::new();
    let [first, second, third] =
        [range("a", 0, 10), range("a", 10, 20), range("a", 20, 30)].map(|each| ledger.admit(&[each], 10));
    third.settle();
    assert_eq!(taken(&ledger), marks([]));
    first.settle();
    assert_eq!(taken(&ledger), marks([("a", 10)]));
    second.settle();
    assert_eq!(taken(&ledger), marks([("a", 30)]));
    assert_eq!(ledger.outstanding(), Outstanding::default());
}

#[test]
fn a_batch_of_several_splits_holds_up_each_of_them() {
    let ledger = Ledger::new();
    let both = ledger.admit(&[range("a", 0, 1), range("b", 5, 6)], 2);
    let behind = ledger.admit(&[range("b", 6, 9)], 3);
    behind.settle();
    assert_eq!(taken(&ledger), marks([]));
    both.settle();
    assert_eq!(taken(&ledger), marks([("a", 1), ("b", 9)]));
}

#[test]
fn a_batch_is_settled_when_all_its_shares_are() {
    let ledger = Ledger::new();
    let one = ledger.admit(&[range("a", 0, 1)], 1);
    let other = one.share();
    one.settle();
    assert_eq!(taken(&ledger), marks([]));
    other.settle();
    assert_eq!(taken(&ledger), marks([("a", 1)]));
}

#[test]
fn a_share_that_is_dropped_never_settles() {
    let ledger = Ledger::new();
    let one = ledger.admit(&[range("a", 0, 1)], 4);
    let other = one.share();
    drop(one);
    other.settle();
    ledger.admit(&[range("a", 1, 2)], 1).settle();
    assert_eq!(taken(&ledger), marks([]));
    assert_eq!(ledger.outstanding(), Outstanding { lost_batches: 1, lost_rows: 4, ..Outstanding::default() });
}

#[test]
fn a_split_that_comes_back_starts_where_it_says() {
    let ledger = Ledger::new();
    let before = ledger.admit(&[range("a", 100, 200)], 1);
    let again = ledger.admit(&[range("a", 50, 80)], 1);
    before.settle();
    again.settle();
    assert_eq!(taken(&ledger), marks([("a", 80)]));
}

#[tokio::test]
async fn news_come_with_a_watermark_and_with_the_last_batch() {
    let ledger = Ledger::new();
    let [first, lost] = [range("a", 0, 1), range("a", 1, 2)].map(|each| ledger.admit(&[each], 1));
    assert!(ledger.news().now_or_never().is_none());
    first.settle();
    ledger.news().await;
    taken(&ledger);
    assert!(ledger.news().now_or_never().is_none());
    drop(lost);
    ledger.news().await;
    assert_eq!(taken(&ledger), marks([]));
}

/// What may happen to a batch in the property below.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Settled,
    Lost,
    Open,
}

#[derive(Clone, Debug)]
struct Planned {
    /// Which splits it has ranges of, and how long they are; 0 for none.
    lengths: [u64; 3],
    shares: Vec<Fate>,
}

fn planned() -> impl Strategy<Value = Planned> {
    let fate = prop_oneof![8 => Just(Fate::Settled), 1 => Just(Fate::Lost), 1 => Just(Fate::Open)];
    ([0u64..3, 0u64..3, 0u64..3], vec(fate, 1..4)).prop_map(|(lengths, shares)| Planned { lengths, shares })
}

/// The naive model: for every split, the end of the longest run of settled ranges from the first on.
fn expected(plan: &[Planned], done: &[Vec<Option<Fate>>]) -> BTreeMap<String, u64> {
    let mut watermarks = BTreeMap::new();
    for split in 0..3 {
        let mut end = 0;
        for (batch, shares) in plan.iter().zip(done) {
            if batch.lengths[split] == 0 {
                continue;
            }
            if !shares.iter().all(|fate| matches!(fate, Some(Fate::Settled))) {
                break;
            }
            end += batch.lengths[split];
            watermarks.insert(format!("s{split}"), end);
        }
    }
    watermarks
}

proptest! {
    #[test]
    fn watermarks_are_those_of_the_naive_model(plan in vec(planned(), 1..30), order in vec(any::<prop::sample::Index>(), 1..200)) {
        let ledger = Ledger::new();
        let mut ends = [0u64; 3];
        let mut shares = Vec::new();
        for (index, batch) in plan.iter().enumerate() {
            let positions: Vec<_> = (0..3)
                .filter(|&split| batch.lengths[split] > 0)
                .map(|split| {
                    let start = ends[split];
                    ends[split] += batch.lengths[split];
                    range(&format!("s{split}"), start, ends[split])
                })
                .collect();
            let receipt = ledger.admit(&positions, 1);
            for share in 1..batch.shares.len() {
                shares.push((index, share, receipt.share()));
            }
            shares.push((index, 0, receipt));
        }
        let mut done: Vec<Vec<Option<Fate>>> = plan.iter().map(|batch| vec![None; batch.shares.len()]).collect();
        let mut seen = BTreeMap::new();
        let mut kept = Vec::new();
        for pick in order {
            if shares.is_empty() {
                break;
            }
            let (batch, share, receipt) = shares.swap_remove(pick.index(shares.len()));
            let fate = plan[batch].shares[share];
            done[batch][share] = Some(fate);
            match fate {
                Fate::Settled => receipt.settle(),
                Fate::Lost => drop(receipt),
                Fate::Open => kept.push(receipt),
            }
            for (split, position) in taken(&ledger) {
                let before = seen.insert(split, position);
                prop_assert!(before.is_none_or(|before| before < position));
            }
            prop_assert_eq!(&seen, &expected(&plan, &done));
        }
        let open = done
            .iter()
            .filter(|fates| fates.iter().any(|fate| matches!(fate, None | Some(Fate::Open))))
            .count();
        prop_assert_eq!(ledger.outstanding().batches, open);
    }
}
