//! What callers ask of the catalog.

use std::{collections::BTreeMap, sync::Arc};

use levada_model::{Path, SeriesSchema};

use crate::Deadband;

/// A series to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSeries {
    /// The device.
    pub device: Path,
    /// The measurement, a node in canonical form.
    pub measurement: Arc<str>,
    /// Type, encoding, compression.
    pub schema: SeriesSchema,
    /// Whether the device's series share one time column.
    pub aligned: bool,
    /// A second name for the measurement.
    pub alias: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
    /// The dead band.
    pub deadband: Option<Deadband>,
}

/// How a series is to change: what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesChange {
    /// The alias, or none any more.
    pub alias: Option<Option<String>>,
    /// All its tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// All its attributes.
    pub attributes: Option<BTreeMap<String, String>>,
}
