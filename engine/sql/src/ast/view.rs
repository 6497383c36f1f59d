//! Statements about logical views: names of series whose rows are those of other series.

use levada_model::{Path, PathPattern};

use super::{AlterTimeseries, IntoTarget, Select};

/// What changes logical views.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeView {
    /// `create view root.v.d(a, b) as select s1, s2 + 1 from root.a.d`
    Create(ViewDefinition),
    /// `alter view root.v.d.a as root.a.d.s2`
    Define(ViewDefinition),
    /// `alter view root.v.d.a upsert tags(unit=c)`
    Alter(AlterTimeseries),
    /// `rename view root.v.d.a to root.v.d.b`
    Rename {
        /// The view.
        from: Path,
        /// Its new path.
        to: Path,
    },
    /// `delete view root.v.d.a`, `drop view root.v.**`
    Drop {
        /// Which.
        patterns: Vec<PathPattern>,
    },
}

/// Which views stand for what: the first for the first, and so on.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewDefinition {
    /// The views.
    pub targets: ViewTargets,
    /// What they stand for.
    pub source: ViewSource,
}

/// The paths of views.
#[derive(Clone, Debug, PartialEq)]
pub enum ViewTargets {
    /// `root.v.d.a, root.v.d.b`, `root.v.d(a, b)`
    Named(Vec<Path>),
    /// `root.v.${2}(${3})`: made of the series that each stands for.
    Made(IntoTarget),
}

/// What views stand for.
#[derive(Clone, Debug, PartialEq)]
pub enum ViewSource {
    /// `root.a.d.s1, root.a.d.s2`, `root.a.d(s1, s2)`
    Series(Vec<Path>),
    /// `select s1, s2 + 1 from root.a.d`
    Select(Box<Select>),
}
