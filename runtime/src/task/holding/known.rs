//! Input that the state has already: read again for somebody else who was behind, or because a split went away and came back.

use arrow_array::BooleanArray;
use levada_connector_api::{Batch, Readings, Result};
use levada_model::{Checkpoint, SplitRange};

/// Takes the rows out of a batch that lie before what is known. A row that came from no record has no position of its own: it
/// goes on unless all of its batch is known. Of a batch that is `early` it goes on in any case, as its positions may come later.
pub(super) fn leave_out(batch: &mut Batch, early: bool, known: &Checkpoint) -> Result<()> {
    let positions = &batch.positions;
    let is_known = |each: &SplitRange| known.get(&each.split).is_some_and(|&upto| each.range.end <= upto);
    let touches = |each: &SplitRange| known.get(&each.split).is_some_and(|&upto| each.range.start < upto);
    if !early && !positions.is_empty() && positions.iter().all(is_known) {
        batch.readings.clear();
        batch.rejected.clear();
    } else if positions.is_empty() || positions.iter().any(touches) {
        let readings = std::mem::take(&mut batch.readings);
        for each in readings {
            let rows = each.tablet.rows();
            let keep: BooleanArray = (0..rows).map(|row| Some(!is_row_known(&each, row, known))).collect();
            match keep.true_count() {
                0 => {}
                kept if kept == rows => batch.readings.push(each),
                _ => batch.readings.push(each.filter(&keep)?),
            }
        }
    }
    Ok(())
}

fn is_row_known(readings: &Readings, row: usize, known: &Checkpoint) -> bool {
    let Some(record) = readings.record(row) else { return false };
    let Some((split, position)) = record.origin() else { return false };
    known.get(split).is_some_and(|&upto| position < upto)
}

#[cfg(test)]
mod tests {
    use levada_testkit::{numbered, rows_of};

    use super::*;

    #[test]
    fn rows_before_what_is_known_are_left_out_and_those_behind_go_on() {
        let known = Checkpoint::from([("s".into(), 15), ("t".into(), 3)]);
        let times = |mut batch: Batch| {
            leave_out(&mut batch, false, &known).expect("in step");
            rows_of(&batch).iter().map(|row| row.time).collect::<Vec<_>>()
        };
        assert_eq!(times(numbered("s", 0..10, 1)), [0_i64; 0]);
        assert_eq!(times(numbered("s", 10..18, 1)), [15, 16, 17]);
        assert_eq!(times(numbered("s", 18..20, 1)), [18, 19]);
        assert_eq!(times(numbered("u", 0..2, 1)), [0, 1]);
    }

    #[test]
    fn of_rows_whose_positions_come_later_each_is_looked_at() {
        let known = Checkpoint::from([("s".into(), 15)]);
        for positions in [vec![], vec![SplitRange { split: "s".into(), range: 10..12 }]] {
            let mut batch = Batch { positions, ..numbered("s", 10..18, 1) };
            leave_out(&mut batch, true, &known).expect("in step");
            let times: Vec<_> = rows_of(&batch).iter().map(|row| row.time).collect();
            assert_eq!(times, [15, 16, 17]);
        }
    }
}
