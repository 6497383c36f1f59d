//! What is wrong in a file.

use std::sync::Arc;

use crate::{DeviceId, Statistics};

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The first seven bytes.
    Head,
    /// Magic and size at the end, and the metadata they point to.
    Foot,
    /// The index tree: nodes, series, statistics.
    Index,
    /// The bloom filter.
    Bloom,
    /// A chunk's header or pages.
    Chunk,
    /// Bytes between chunks that are neither a chunk nor the head of a chunk group.
    Gap,
}

impl Part {
    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Foot => "foot",
            Self::Index => "index",
            Self::Bloom => "bloom filter",
            Self::Chunk => "chunk",
            Self::Gap => "gap",
        }
    }
}

/// Something wrong in a file, and its place.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Flaw {
    /// The part of the file.
    pub part: Part,
    /// The offset in the file.
    pub offset: u64,
    /// How many bytes from there on, if known.
    pub bytes: Option<u64>,
    /// The device, if known.
    pub device: Option<DeviceId>,
    /// The measurement, if known; empty for the times of an aligned device.
    pub measurement: Option<Arc<str>>,
    /// The values that cannot be read, as far as the index tells; `None` if nothing is lost.
    pub lost: Option<Lost>,
    /// What is wrong.
    pub what: String,
}

/// Values that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// How many, if the index tells.
    pub values: Option<u64>,
    /// Their first and last time, if the index tells.
    pub times: Option<(i64, i64)>,
}

impl Flaw {
    pub(super) fn new(part: Part, offset: u64, what: impl Into<String>) -> Self {
        Self { part, offset, bytes: None, device: None, measurement: None, lost: None, what: what.into() }
    }

    pub(super) fn spanning(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    pub(super) fn of(mut self, device: &DeviceId, measurement: &Arc<str>) -> Self {
        self.device = Some(device.clone());
        self.measurement = Some(Arc::clone(measurement));
        self
    }

    /// Adds that values are lost, and which if known.
    pub(super) fn losing(mut self, told: Option<&Statistics>) -> Self {
        self.lost = Some(Lost {
            values: told.map(Statistics::count),
            times: told.map(|told| (told.start(), told.end())),
        });
        self
    }

    /// The consequence for the data, in words.
    pub fn meaning(&self) -> String {
        let Some(lost) = self.lost else {
            return match self.part {
                Part::Gap => {
                    "what stood there, if it was a chunk, is lost; chunks that the index knows are named each"
                        .to_owned()
                }
                Part::Foot => {
                    "readers that need the index do not open the file; all chunks can be read".to_owned()
                }
                _ => "nothing is lost, but readers that go by the index may be misled".to_owned(),
            };
        };
        let times = lost.times.map(|(from, to)| format!(" from {from} to {to}")).unwrap_or_default();
        match (lost.values, self.measurement.as_deref()) {
            (Some(rows), Some("")) => {
                format!("the times of {rows} rows{times} are lost, and so are their values")
            }
            (Some(values), _) => format!("{values} values{times} are lost"),
            (None, _) => "values are lost; how many, nothing tells".to_owned(),
        }
    }

    /// The path of the series, or of the device if only that is known.
    pub fn series(&self) -> Option<String> {
        let device = self.device.as_ref()?;
        Some(match self.measurement.as_deref() {
            None | Some("") => device.to_string(),
            Some(measurement) => format!("{device}.{measurement}"),
        })
    }
}
