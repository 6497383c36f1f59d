//! Statements about templates: series that many devices have alike.

use levada_model::{Path, PathPattern};

use super::SeriesDefinition;

/// What changes templates, where they are set, or which devices have their series.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeTemplate {
    /// `create device template t aligned (s1 INT32, s2 DOUBLE encoding=GORILLA)`
    Create {
        /// Its name.
        name: String,
        /// Whether the series of a device share one time column.
        aligned: bool,
        /// Measurements and how they are stored.
        series: Vec<(String, SeriesDefinition)>,
    },
    /// `alter device template t add (s3 TEXT)`
    Extend {
        /// The template.
        name: String,
        /// What it gets.
        series: Vec<(String, SeriesDefinition)>,
    },
    /// `drop device template t`
    Drop {
        /// The template.
        name: String,
    },
    /// `set device template t to root.a`
    Set {
        /// The template.
        name: String,
        /// The devices at and below this path may have its series.
        path: Path,
    },
    /// `unset device template t from root.a`
    Unset {
        /// The template.
        name: String,
        /// Where it was set.
        path: Path,
    },
    /// `create timeseries using device template on root.a.d`
    Activate {
        /// The device that gets the series.
        device: Path,
    },
    /// `deactivate device template t from root.a.*`, `delete timeseries of device template from root.a.d`
    Deactivate {
        /// The template; any where `None`.
        name: Option<String>,
        /// Devices.
        patterns: Vec<PathPattern>,
    },
}

/// What asks for templates.
#[derive(Clone, Debug, PartialEq)]
pub enum ShowTemplates {
    /// `show device templates`
    All,
    /// `show nodes in device template t`
    Nodes {
        /// The template.
        name: String,
    },
    /// `show paths set device template t`
    Set {
        /// The template.
        name: String,
    },
    /// `show paths root.a.** using device template t`
    Using {
        /// The template.
        name: String,
        /// Which devices.
        pattern: PathPattern,
    },
}
