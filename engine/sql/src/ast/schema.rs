//! Statements that change the catalog.

use levada_model::{Compressor, DataType, Encoding, Path, PathPattern};

/// `create database root.a with ttl=3600000`; also `set storage group to`, `create storage group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateDatabase {
    /// Its path.
    pub path: Path,
    /// What stands behind `with`.
    pub properties: DatabaseProperties,
}

/// What stands behind `with` of a database. Values that only a cluster has a use for are accepted and kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseProperties {
    /// How long rows live, in milliseconds; `None` where it is not said, `i64::MAX` where it is said to be for ever.
    pub ttl: Option<i64>,
    /// Width of a time partition, in milliseconds.
    pub time_partition_interval: Option<i64>,
    /// Copies of the schema.
    pub schema_replication_factor: Option<i64>,
    /// Copies of the data.
    pub data_replication_factor: Option<i64>,
    /// Regions of the schema.
    pub schema_region_group_num: Option<i64>,
    /// Regions of the data.
    pub data_region_group_num: Option<i64>,
}

/// `create timeseries root.d.s with datatype=INT32, encoding=RLE …`, `create timeseries root.d.s INT32 …`
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTimeseries {
    /// The device's path and the measurement.
    pub path: Path,
    /// The rest.
    pub definition: SeriesDefinition,
}

/// `create aligned timeseries root.d(a FLOAT, b INT32 encoding=RLE)`
#[derive(Clone, Debug, PartialEq)]
pub struct CreateAlignedTimeseries {
    /// The device.
    pub device: Path,
    /// The measurements, each a node in canonical form, and their definitions.
    pub series: Vec<(String, SeriesDefinition)>,
}

/// What is said of a new series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesDefinition {
    /// The type of its values.
    pub data_type: DataType,
    /// How pages are written; the type's default where `None`.
    pub encoding: Option<Encoding>,
    /// How pages are compressed; the default where `None`.
    pub compressor: Option<Compressor>,
    /// A second name of the measurement.
    pub alias: Option<String>,
    /// Other properties (`MAX_POINT_NUMBER`, `LOSS`, `COMPDEV`, …): key in upper case and value.
    pub properties: Vec<(String, String)>,
    /// Tags, in their order.
    pub tags: Vec<(String, String)>,
    /// Attributes, in their order.
    pub attributes: Vec<(String, String)>,
}

/// `alter timeseries root.d.s …`
#[derive(Clone, Debug, PartialEq)]
pub struct AlterTimeseries {
    /// Which series.
    pub path: Path,
    /// What changes.
    pub change: Alteration,
}

/// `alter timeseries if exists root.a.** set storage_properties encoding=PLAIN, compressor=ZSTD`: how new rows are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterStored {
    /// Which series.
    pub patterns: Vec<PathPattern>,
    /// That there is none is no error.
    pub if_exists: bool,
    /// Those that may not be changed are left out.
    pub if_permitted: bool,
    /// How pages are written; as before where `None`.
    pub encoding: Option<Encoding>,
    /// How pages are compressed; as before where `None`.
    pub compressor: Option<Compressor>,
}

/// What changes of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Alteration {
    /// `rename a to b`: a tag's or an attribute's key.
    Rename {
        /// The key.
        from: String,
        /// Its new name.
        to: String,
    },
    /// `set a=1, b=2`: values of tags or attributes that exist.
    Set(Vec<(String, String)>),
    /// `drop a, b`: tags or attributes.
    Drop(Vec<String>),
    /// `add tags a=1`
    AddTags(Vec<(String, String)>),
    /// `add attributes a=1`
    AddAttributes(Vec<(String, String)>),
    /// `upsert alias=x tags(a=1) attributes(b=2)`: set or add.
    Upsert {
        /// The second name of the measurement.
        alias: Option<String>,
        /// Tags.
        tags: Vec<(String, String)>,
        /// Attributes.
        attributes: Vec<(String, String)>,
    },
}
