//! What a log record says.

use std::sync::Arc;

use levada_model::{Path, SplitName, SplitRange, Tablet};

use super::tablet::{put_tablet, take_tablet};
use crate::{
    TimeRange,
    catalog_op::CatalogOp,
    codec::{Malformed, Put, Take},
    place::Place,
};

/// A log record without its sequence number.
#[derive(Debug, PartialEq)]
pub(crate) enum Op {
    /// Rows and positions.
    Insert(InsertRecord),
    /// Rows that came into files without having been in memory.
    Chunks(ChunksRecord),
    /// A change of the catalog, or a deletion.
    Catalog(CatalogOp),
}

impl Op {
    /// The number of the first of the writes that a record stands for, where `last` is that of the last.
    pub(crate) fn first_seq(&self, last: u64) -> u64 {
        match self {
            Self::Insert(record) => record.first_seq(last),
            Self::Chunks(_) | Self::Catalog(_) => last,
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

/// What the log says of rows that are in files alone: enough to find them there.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ChunksRecord {
    pub(crate) owner: Option<Arc<str>>,
    /// How many values they are.
    pub(crate) points: u64,
    /// The files that have them and nothing else: their places and numbers.
    pub(crate) files: Vec<(Place, u64)>,
    /// Their devices, each with the first and the last time.
    pub(crate) devices: Vec<(Path, TimeRange)>,
}

const INSERT: u8 = 1;
/// The catalog's changes have the numbers between.
const CHUNKS: u8 = 64;

/// Whose record it is that stands for chunks in logs of older versions: it says nothing more of them.
const UNTOLD_CHUNKS: &str = "levada:chunks";

impl ChunksRecord {
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.put_u8(CHUNKS);
        bytes.put_str(self.owner.as_deref().unwrap_or_default());
        bytes.put_u64(self.points);
        bytes.put_len(self.files.len());
        for (Place { database, partition }, id) in &self.files {
            bytes.put_u32(*database);
            bytes.put_i64(*partition);
            bytes.put_u64(*id);
        }
        bytes.put_len(self.devices.len());
        for (device, TimeRange { start, end }) in &self.devices {
            bytes.put_str(device.as_str());
            bytes.put_i64(*start);
            bytes.put_i64(*end);
        }
    }

    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let owner = Some(from.str()?).filter(|owner| !owner.is_empty()).map(Arc::from);
        let points = from.u64()?;
        let files = (0..from.count(20)?)
            .map(|_| Ok((Place { database: from.u32()?, partition: from.i64()? }, from.u64()?)))
            .collect::<Result<_, _>>()?;
        let devices = (0..from.count(17)?)
            .map(|_| Ok((from.path()?, TimeRange { start: from.i64()?, end: from.i64()? })))
            .collect::<Result<_, _>>()?;
        Ok(Self { owner, points, files, devices })
    }
}

impl InsertRecord {
    /// Whether it stands for chunks of which the log says nothing more.
    pub(crate) fn is_of_untold_chunks(&self) -> bool {
        self.owner.as_deref() == Some(UNTOLD_CHUNKS) && self.tablets.is_empty()
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
            CHUNKS => Self::Chunks(ChunksRecord::take(from)?),
            kind => Self::Catalog(CatalogOp::take(kind, from)?),
        };
        if from.is_empty() { Ok(op) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{BooleanArray, Float64Array, Int64Array, StringArray};
    use levada_model::{Column, DataType, SplitRange};

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

    fn record_of_chunks() -> Vec<u8> {
        let device = |path: &str, start, end| (Path::parse(path).expect("legal"), TimeRange { start, end });
        let devices = vec![device("root.a.d", -7, i64::MAX), device("root.a.`e.f`", 1, 1)];
        let files = vec![(Place { database: 7, partition: -2 }, 9)];
        let record = ChunksRecord { owner: Some("pipe:engine".into()), points: 1 << 40, files, devices };
        let mut bytes = Vec::new();
        record.put(&mut bytes);
        assert_eq!(Op::parse(&mut Take(&bytes)), Ok(Op::Chunks(record)));
        bytes
    }

    #[test]
    fn chunks_in_logs_of_older_versions_are_known_as_such() {
        let record = InsertRecord { owner: Some(UNTOLD_CHUNKS.into()), ..InsertRecord::default() };
        assert!(record.is_of_untold_chunks() && !InsertRecord::default().is_of_untold_chunks());
    }

    #[test]
    fn mangled_records_are_rejected_or_read_and_never_more() {
        for clean in [record(), record_of_chunks()] {
            mangle(&clean);
        }
    }

    fn mangle(clean: &[u8]) {
        let mut state = 0x1234_5678_9ABC_DEF1_u64;
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        let mut rejected = 0;
        for _ in 0..20_000 {
            let mut bytes = clean.to_vec();
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
