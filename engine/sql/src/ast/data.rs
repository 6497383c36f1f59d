//! Statements that change rows.

use levada_model::{Path, PathPattern};

use super::Constant;
use crate::Span;

/// `insert into root.d(time, a, b) aligned values (1, 2, 3), (2, 3, 4)`
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    /// The device.
    pub device: Path,
    /// Whether `aligned` is said.
    pub aligned: bool,
    /// The measurements, without the time: nodes in canonical form, none twice.
    pub measurements: Vec<String>,
    /// The rows; at least one, each with as many values as there are measurements.
    pub rows: Vec<InsertRow>,
}

/// A row to insert.
#[derive(Clone, Debug, PartialEq)]
pub struct InsertRow {
    /// Its time, in milliseconds; the moment of parsing where the statement names no time column.
    pub time: i64,
    /// Its values, one for each measurement.
    pub values: Vec<InsertValue>,
    /// Where it stands.
    pub span: Span,
}

/// A value to insert.
#[derive(Clone, Debug, PartialEq)]
pub struct InsertValue {
    /// What it is.
    pub constant: Constant,
    /// How it is spelt, where the constant does not tell: `TRUE`, `+5`, `X'00FF'`. A series of texts gets that.
    pub spelling: Option<Box<str>>,
}

impl From<Constant> for InsertValue {
    fn from(constant: Constant) -> Self {
        Self { constant, spelling: None }
    }
}

/// `delete from root.d.s where time >= 1 and time < 5`
#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    /// Of which series.
    pub patterns: Vec<PathPattern>,
    /// The first time, in milliseconds; `i64::MIN` where there is no bound.
    pub start: i64,
    /// The last time (included); `i64::MAX` where there is no bound. Less than `start` where nothing is deleted.
    pub end: i64,
}

/// `load '/data/x.tsfile'`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// A file or a folder of files.
    pub path: String,
    /// Options, from either spelling: key in lower case and value.
    pub options: Vec<(String, String)>,
}
