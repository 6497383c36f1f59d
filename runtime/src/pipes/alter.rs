//! Gives a series of the receiver the tags and attributes that it has here, and no others.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use levada_engine::{SeriesChange, path_sql};
use levada_model::{Outcome, Path, Rows, Session, SessionError, StatusCode, Value};
use levada_rpc::Pool;

use super::plan::quoted;

/// The statement that takes from a series of the receiver what it does not have here any more; `None` where there is nothing.
///
/// # Errors
/// The receiver cannot be asked.
pub(super) async fn drop_others(
    pool: &Pool,
    path: &Path,
    change: &SeriesChange,
) -> Result<Option<String>, SessionError> {
    let sql = path_sql(path.as_str());
    let rows = match pool.execute(&format!("show timeseries {sql}")).await {
        Ok(Outcome::Rows(rows)) => rows,
        Ok(Outcome::Done(_)) => return Ok(None),
        Err(error) if error.code == StatusCode::PATH_NOT_EXIST => return Ok(None),
        Err(error) => return Err(error),
    };
    let names: Vec<String> = rows.columns.iter().map(|column| column.name.to_ascii_lowercase()).collect();
    let wanted = [("tags", &change.tags), ("attributes", &change.attributes)];
    let shown = first_row(rows).await?;
    let mut others = BTreeSet::new();
    for (column, wanted) in wanted {
        let Some(wanted) = wanted else { continue };
        let text = names.iter().position(|name| name == column).and_then(|at| shown.get(at)).cloned();
        // Some versions say `null`, some nothing.
        let there =
            text.flatten().and_then(|text| serde_json::from_str::<BTreeMap<String, String>>(&text).ok());
        others
            .extend(there.into_iter().flatten().map(|(key, _)| key).filter(|key| !wanted.contains_key(key)));
    }
    let keys: Vec<_> = others.iter().map(|key| quoted(key)).collect();
    Ok((!keys.is_empty()).then(|| format!("alter timeseries {sql} drop {}", keys.join(", "))))
}

/// The values of the first row as texts; none where there is no row.
async fn first_row(mut rows: Rows) -> Result<Vec<Option<String>>, SessionError> {
    let skip = usize::from(rows.has_time);
    while let Some(batch) = rows.batches.try_next().await? {
        if batch.num_rows() > 0 {
            let columns = rows.columns.iter().zip(batch.columns().iter().skip(skip));
            let value = |(column, values): (&levada_model::ResultColumn, _)| {
                Value::at(values, column.data_type, 0).map(|value| value.to_string())
            };
            return Ok(columns.map(value).collect());
        }
    }
    Ok(Vec::new())
}
