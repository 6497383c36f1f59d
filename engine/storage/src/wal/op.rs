//! What a log record says.

use std::sync::Arc;

use levada_model::{SplitName, SplitRange, Tablet};

use super::tablet::{put_tablet, take_tablet};
use crate::{
    catalog_op::CatalogOp,
    codec::{Malformed, Put, Take},
};

/// A log record without its sequence number.
#[derive(Debug, PartialEq)]
pub(crate) enum Op {
    /// Rows and positions.
    Insert(InsertRecord),
    /// A change of the catalog, or a deletion.
    Catalog(CatalogOp),
}

impl Op {
    /// The number of the first of the writes that a record stands for, where `last` is that of the last.
    pub(crate) fn first_seq(&self, last: u64) -> u64 {
        match self {
            Self::Insert(record) => record.first_seq(last),
            Self::Catalog(_) => last,
        }
    }
}

/// What of a write was taken.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct InsertRecord {
    pub(crate) owner: Option<Arc<str>>,
    pub(crate) positions: Vec<SplitRange>,
    pub(crate) tablets: Vec<Tablet>,
}

const INSERT: u8 = 1;

/// Whose record it is that stands for chunks in the log: it has no rows and no positions.
const CHUNKS: &str = "levada:chunks";

impl InsertRecord {
    /// What stands for chunks that were taken as they are.
    pub(crate) fn of_chunks() -> Self {
        Self { owner: Some(CHUNKS.into()), ..Self::default() }
    }

    /// Whether it stands for chunks.
    pub(crate) fn is_of_chunks(&self) -> bool {
        self.owner.as_deref() == Some(CHUNKS) && self.tablets.is_empty()
    }

    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.put_u8(INSERT);
        bytes.put_str(self.owner.as_deref().unwrap_or_default());
        bytes.put_len(self.positions.len());
        for SplitRange { split, range } in &self.positions {
            bytes.put_str(split.as_str());
            bytes.put_u64(range.start);
            bytes.put_u64(range.end);
        }
        bytes.put_len(self.tablets.len());
        for tablet in &self.tablets {
            put_tablet(bytes, tablet);
        }
    }

    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let owner = Some(from.str()?).filter(|owner| !owner.is_empty()).map(Arc::from);
        let positions = (0..from.count(17)?)
            .map(|_| Ok(SplitRange { split: SplitName::new(from.str()?), range: from.u64()?..from.u64()? }))
            .collect::<Result<_, _>>()?;
        let tablets = (0..from.count(1)?).map(|_| take_tablet(from)).collect::<Result<_, _>>()?;
        Ok(Self { owner, positions, tablets })
    }
}

impl Op {
    pub(crate) fn parse(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let op = match from.u8()? {
            INSERT => Self::Insert(InsertRecord::take(from)?),
            kind => Self::Catalog(CatalogOp::take(kind, from)?),
        };
        if from.is_empty() { Ok(op) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{BooleanArray, Float64Array, Int64Array, StringArray};
    use levada_model::{Column, DataType, Path, SplitRange};

    use super::*;

    fn record() -> Vec<u8> {
        let column = |name: &str, data_type, values| Column { name: name.into(), data_type, values };
        let columns = vec![
            column("d", DataType::Double, Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-0.0)]))),
            column("t", DataType::Text, Arc::new(StringArray::from(vec![Some("one"), Some(""), None]))),
            column("b", DataType::Boolean, Arc::new(BooleanArray::from(vec![true, false, true]))),
        ];
        let device = Path::parse("root.a.d").expect("legal");
        let tablet = Tablet::try_new(device, true, Int64Array::from(vec![3, 1, 2]), columns).expect("fits");
        let record = InsertRecord {
            owner: Some("owner".into()),
            positions: vec![SplitRange { split: "p/0".into(), range: 7..9 }],
            tablets: vec![tablet.clone(), tablet.slice(1, 2)],
        };
        let mut bytes = Vec::new();
        record.put(&mut bytes);
        assert_eq!(Op::parse(&mut Take(&bytes)), Ok(Op::Insert(record)));
        bytes
    }

    #[test]
    fn mangled_records_are_rejected_or_read_and_never_more() {
        let clean = record();
        let mut state = 0x1234_5678_9ABC_DEF1_u64;
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        let mut rejected = 0;
        for _ in 0..20_000 {
            let mut bytes = clean.clone();
            for _ in 0..=next(4) {
                let at = next(bytes.len());
                match next(3) {
                    0 => bytes[at] = next(256) as u8,
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, [0, 0x7f, 0x80, 0xff][next(4)]),
                }
            }
            rejected += usize::from(Op::parse(&mut Take(&bytes)).is_err());
        }
        assert!(rejected > 10_000, "only {rejected} were rejected");
    }
}
