//! A series that is to be read.

use std::sync::Arc;

use levada_model::SeriesSchema;

use crate::catalog::Series;

/// A series that is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) measurement: Arc<str>,
    pub(crate) schema: SeriesSchema,
    pub(crate) since: u64,
}

impl Wanted {
    pub(crate) fn of(series: &Series) -> Self {
        Self { measurement: Arc::clone(&series.measurement), schema: series.schema, since: series.since }
    }
}
