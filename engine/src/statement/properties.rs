//! Properties of a new series beyond its encoding and compression.

use std::collections::BTreeMap;

use levada_model::{SessionError, StatusCode};
use levada_storage::Deadband;

/// Parameters of a dead band.
const DEVIATION: &str = "compdev";
const MIN_TIME: &str = "compmintime";
const MAX_TIME: &str = "compmaxtime";

/// The dead band that properties name, if any.
///
/// # Errors
/// A property is not known, comes twice or has a value that it cannot have (701).
pub(super) fn deadband(properties: Vec<(String, String)>) -> Result<Option<Deadband>, SessionError> {
    let mut loss = None;
    let mut parameters = BTreeMap::new();
    for (key, value) in properties {
        let key = key.to_ascii_lowercase();
        let before = match key.as_str() {
            "loss" => loss.replace(value),
            DEVIATION | MIN_TIME | MAX_TIME => parameters.insert(key.clone(), value),
            _ => {
                return Err(wrong(format!(
                    "create timeseries: property {key} is unsupported; there are datatype, encoding, compressor, \
                     loss, {DEVIATION}, {MIN_TIME} and {MAX_TIME}"
                )));
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
            check(&parameters)?;
            Ok(Some(Deadband::sdt(parameters)))
        }
    }
}

fn check(parameters: &BTreeMap<String, String>) -> Result<(), SessionError> {
    let deviation =
        parameters.get(DEVIATION).ok_or_else(|| wrong("SDT compression deviation is required"))?;
    if !deviation.parse::<f64>().is_ok_and(|deviation| deviation.is_finite() && deviation >= 0.0) {
        return Err(wrong(format!(
            "SDT compression deviation must be a number of 0 or more, not {deviation}"
        )));
    }
    let time =
        |key: &str, otherwise: i64| match parameters.get(key) {
            None => Ok(otherwise),
            Some(text) => text.parse::<i64>().ok().filter(|time| *time >= 0).ok_or_else(|| {
                wrong(format!("{key} must be a number of milliseconds of 0 or more, not {text}"))
            }),
        };
    if time(MIN_TIME, 0)? >= time(MAX_TIME, i64::MAX)? {
        return Err(wrong(format!("{MAX_TIME} must be greater than {MIN_TIME}")));
    }
    Ok(())
}

fn wrong(message: impl Into<String>) -> SessionError {
    SessionError::new(StatusCode::SEMANTIC_ERROR, message.into())
}
