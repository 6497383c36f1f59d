//! Properties of a new series beyond its encoding and compression.

use std::collections::BTreeMap;

use levada_model::{Path, SessionError, StatusCode};
use levada_storage::Deadband;

/// Parameters of a dead band.
const DEVIATION: &str = "compdev";
const MIN_TIME: &str = "compmintime";
const MAX_TIME: &str = "compmaxtime";

/// The dead band that properties name, if any.
///
/// # Errors
/// A property is not known (507), comes twice (701) or has a value that it cannot have (303, 701).
pub(super) fn deadband(
    device: &Path,
    measurement: &str,
    properties: Vec<(String, String)>,
) -> Result<Option<Deadband>, SessionError> {
    let mut loss = None;
    let mut parameters = BTreeMap::new();
    for (key, value) in properties {
        let key = key.to_ascii_lowercase();
        let before = match key.as_str() {
            "loss" | "deadband" => loss.replace(value),
            // Values are stored with all their digits.
            "max_point_number" => continue,
            DEVIATION | MIN_TIME | MAX_TIME => parameters.insert(key.clone(), value),
            _ => {
                let message = format!(
                    "{key} is not a legal prop; there are datatype, encoding, compressor, max_point_number, loss, \
                     {DEVIATION}, {MIN_TIME} and {MAX_TIME}"
                );
                return Err(SessionError::new(StatusCode::METADATA_ERROR, message));
            }
        };
        if before.is_some() {
            return Err(wrong(format!("create timeseries: property {key} is there twice")));
        }
    }
    match loss {
        None => match parameters.keys().next() {
            None => Ok(None),
            Some(key) => Err(wrong(format!("create timeseries: property {key} needs loss=SDT"))),
        },
        Some(loss) if !loss.eq_ignore_ascii_case("SDT") => {
            Err(wrong(format!("create timeseries: loss {loss} is unsupported; it can be SDT")))
        }
        Some(_) => {
            check(&parameters).map_err(|reason| {
                let message =
                    format!("{reason}. Failed to create timeseries for path {device}.{measurement}");
                SessionError::new(StatusCode::ILLEGAL_PARAMETER, message)
            })?;
            Ok(Some(Deadband::sdt(parameters)))
        }
    }
}

/// Why parameters make no dead band.
fn check(parameters: &BTreeMap<String, String>) -> Result<(), String> {
    let deviation = parameters.get(DEVIATION).ok_or("SDT compression deviation is required")?;
    if !deviation.parse::<f64>().is_ok_and(|deviation| deviation.is_finite() && deviation >= 0.0) {
        return Err(format!("SDT compression deviation must be a number of 0 or more, not {deviation}"));
    }
    let time =
        |key: &str, otherwise: i64| match parameters.get(key) {
            None => Ok(otherwise),
            Some(text) => text.parse::<i64>().ok().filter(|time| *time >= 0).ok_or_else(|| {
                format!("SDT {key} must be a number of milliseconds of 0 or more, not {text}")
            }),
        };
    if time(MIN_TIME, 0)? >= time(MAX_TIME, i64::MAX)? {
        return Err(format!("SDT {MAX_TIME} must be greater than {MIN_TIME}"));
    }
    Ok(())
}

fn wrong(message: impl Into<String>) -> SessionError {
    SessionError::new(StatusCode::SEMANTIC_ERROR, message.into())
}
