//! Where the rows of names come from.

use std::sync::Arc;

use levada_model::{DataType, Path, StatusCode};
use levada_sql::{ParseContext, ast::Statement};
use levada_storage::{Direction, LogicalView, StorageError, TimeRange, View};

use super::Viewed;
use crate::{QueryContext, QueryError, Rows, execute::Environment, select};

/// Where the rows of a name come from.
#[derive(Clone, Debug)]
pub(super) enum Source<'a> {
    /// From a series.
    Series { device: Path, measurement: Arc<str>, data_type: DataType },
    /// They are computed.
    Computed(&'a LogicalView),
    /// From nowhere: a series that they would come from is missing.
    Nothing(DataType),
}

impl Source<'_> {
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Self::Series { data_type, .. } | Self::Nothing(data_type) => *data_type,
            Self::Computed(view) => view.data_type,
        }
    }

    /// It as SQL; `None` where there are no rows.
    fn sql(&self) -> Option<String> {
        match self {
            Self::Series { device, measurement, .. } => Some(device.child(measurement).to_string()),
            Self::Computed(view) => Some(view.source.to_string()),
            Self::Nothing(_) => None,
        }
    }
}

impl Viewed<dyn View, QueryContext> {
    /// Where the rows of a device's name come from.
    pub(super) fn source(&self, device: &Path, name: &Arc<str>) -> Result<Source<'_>, StorageError> {
        let known = |device: &Path, name: &Arc<str>| {
            let found = self.inner.series_named(device, std::slice::from_ref(name)).into_iter().next()?;
            let (device, measurement) = (found.device, found.measurement);
            Some(Source::Series { device, measurement, data_type: found.schema.data_type })
        };
        let Some(view) = self.views.get(device, name) else {
            return known(device, name).ok_or_else(|| {
                let message = format!("Path [{}] does not exist", device.child(name));
                StorageError::rejected(StatusCode::PATH_NOT_EXIST, message)
            });
        };
        if let Some(base) = view.alias_of() {
            let found = known(&base.device, &base.measurement);
            return Ok(found.unwrap_or(Source::Nothing(view.data_type)));
        }
        let is_there = view.bases.iter().all(|base| known(&base.device, &base.measurement).is_some());
        Ok(if is_there { Source::Computed(view) } else { Source::Nothing(view.data_type) })
    }

    /// The rows of what has some: their time, and a column for each, in order.
    pub(super) fn computed(
        &self,
        sources: &[Source<'_>],
        range: TimeRange,
        direction: Direction,
    ) -> Result<Rows, QueryError> {
        let columns: Vec<String> = sources.iter().filter_map(Source::sql).collect();
        let bounds = [(">=", range.start, i64::MIN), ("<=", range.end, i64::MAX)];
        let bounds = bounds.into_iter().filter(|(_, bound, any)| bound != any);
        let bounds: Vec<String> = bounds.map(|(than, bound, _)| format!("time {than} {bound}")).collect();
        let condition =
            if bounds.is_empty() { String::new() } else { format!(" where {}", bounds.join(" and ")) };
        let order = match direction {
            Direction::Ascending => "",
            Direction::Descending => " order by time desc",
        };
        let sql = format!("select {} from root{condition}{order}", columns.join(", "));
        let context = ParseContext { zone: self.context.zone.clone(), now: self.context.now };
        let statement = levada_sql::parse(&sql, &context).map_err(|error| not_read(&error.message))?;
        let Statement::Select(query) = statement else { return Err(not_read("it is no query")) };
        let bound = select::plan_rows(&query, Arc::clone(&self.inner), &self.context)?;
        let types = bound.columns().iter().map(|column| column.data_type);
        let wanted = sources.iter().filter(|source| !matches!(source, Source::Nothing(_)));
        if !types.eq(wanted.clone().map(Source::data_type)) {
            let names: Vec<_> = wanted.filter_map(Source::sql).collect();
            return Err(QueryError::semantic(format!(
                "values of a view have become of another type with the series in it ({}): ALTER VIEW defines it anew",
                names.join(", ")
            )));
        }
        let environment = Environment::new(Arc::clone(&self.inner), &self.context);
        Ok(crate::Plan::new(bound, environment).execute())
    }
}

fn not_read(reason: &str) -> QueryError {
    QueryError::semantic(format!(
        "the definition of a view cannot be read, and ALTER VIEW defines it anew: {reason}"
    ))
}
