//! Changes and files of a pipe into the engine.

use std::path::Path as FilePath;

use levada_engine::{EmbeddedSession, path_sql};
use levada_model::{Path, PathPattern, Session, SessionError, StatusCode, Tablet, Write};
use levada_rpc::piped::{Alteration, Change, NewSeries};

use super::Outcome;
use crate::{sql::quoted, status::malformed};

/// Makes changes, all that fit; the devices whose rows came.
///
/// # Errors
/// The engine cannot make them now, or the user may not: the step is to be sent again.
pub(crate) async fn apply(
    session: &EmbeddedSession,
    changes: Vec<Change>,
    converts: bool,
    outcome: &mut Outcome,
) -> Result<Vec<Path>, SessionError> {
    let mut devices = Vec::new();
    for change in changes {
        match change {
            Change::Rows(tablets) => {
                devices.extend(tablets.iter().map(|tablet| tablet.device().clone()));
                rows(session, tablets, converts, outcome).await?;
            }
            Change::Series(new) => series(session, new, outcome).await?,
            Change::Alter(path, alteration) => {
                if let Some(sql) = alter(&path, alteration) {
                    run(session, &sql, outcome).await?;
                }
            }
            Change::Delete(patterns, from, to) => {
                let sql = format!("delete from {}{}", list(&patterns), within(from, to));
                run(session, &sql, outcome).await?;
            }
            Change::DeleteSeries(patterns) => {
                run(session, &format!("delete timeseries {}", list(&patterns)), outcome).await?;
            }
            Change::CreateDatabase(path) => {
                let made = session.create_database(&path).await;
                told(made, outcome)?;
            }
            Change::DeleteDatabase(path) => {
                run(session, &format!("delete database {}", path_sql(path.as_str())), outcome).await?;
            }
            Change::Ttl(pattern, life) => run(session, &ttl(&pattern, life), outcome).await?,
            Change::Implied => {}
            Change::Unknown(kind) => {
                outcome.pass_over(format!("a change of the kind {kind} is not made here, and passed over"));
            }
        }
    }
    Ok(devices)
}

async fn rows(
    session: &EmbeddedSession,
    tablets: Vec<Tablet>,
    coerce: bool,
    outcome: &mut Outcome,
) -> Result<(), SessionError> {
    if tablets.is_empty() {
        return Ok(());
    }
    let report = session.insert_tablets(Write { tablets, coerce, ..Write::default() }).await?;
    outcome.rejected(report.rejected.len(), report.to_tell().cloned());
    Ok(())
}

async fn series(
    session: &EmbeddedSession,
    new: Vec<NewSeries>,
    outcome: &mut Outcome,
) -> Result<(), SessionError> {
    let all: Vec<_> = new.iter().map(|new| new.series.clone()).collect();
    for (_, error) in session.create_series(&all).await? {
        if !is_so(&error) {
            told(Err(error), outcome)?;
        }
    }
    for NewSeries { series, alias, tags, attributes } in new {
        if let Some(sql) = alter(&series.path(), Alteration::Upsert { alias, tags, attributes }) {
            run(session, &sql, outcome).await?;
        }
    }
    Ok(())
}

/// Runs a statement; one that finds all as it asks for is done.
async fn run(session: &EmbeddedSession, sql: &str, outcome: &mut Outcome) -> Result<(), SessionError> {
    match session.execute(sql).await {
        Err(error) if is_so(&error) => Ok(()),
        done => told(done.map(drop), outcome),
    }
}

/// Whether an error says that it is so already.
fn is_so(error: &SessionError) -> bool {
    matches!(
        error.code,
        StatusCode::PATH_NOT_EXIST
            | StatusCode::DATABASE_NOT_EXIST
            | StatusCode::DATABASE_ALREADY_EXISTS
            | StatusCode::TIMESERIES_ALREADY_EXIST
            | StatusCode::PATH_ALREADY_EXIST
            | StatusCode::ALIAS_ALREADY_EXIST
    )
}

/// Goes on where something is rejected for good.
fn told(done: Result<(), SessionError>, outcome: &mut Outcome) -> Result<(), SessionError> {
    match done {
        Err(error) if !error.transient && error.code != StatusCode::NO_PERMISSION => {
            outcome.failed(&error);
            Ok(())
        }
        done => done,
    }
}

fn list(patterns: &[PathPattern]) -> String {
    let texts = patterns.iter().map(|pattern| path_sql(&pattern.to_string()).into_owned());
    texts.collect::<Vec<_>>().join(", ")
}

fn within(from: i64, to: i64) -> String {
    match (from, to) {
        (i64::MIN, i64::MAX) => String::new(),
        (from, i64::MAX) => format!(" where time >= {from}"),
        (i64::MIN, to) => format!(" where time <= {to}"),
        (from, to) => format!(" where time >= {from} and time <= {to}"),
    }
}

fn ttl(pattern: &PathPattern, life: Option<i64>) -> String {
    let text = pattern.to_string();
    let path = path_sql(&text);
    match life {
        Some(milliseconds) => format!("set ttl to {path} {milliseconds}"),
        None => format!("unset ttl to {path}"),
    }
}

/// The statements that change a series so.
fn alter(path: &Path, alteration: Alteration) -> Option<String> {
    let pairs = |pairs: &[(String, String)]| {
        let each = pairs.iter().map(|(key, value)| format!("{}={}", quoted(key), quoted(value)));
        each.collect::<Vec<_>>().join(", ")
    };
    let what = match alteration {
        Alteration::Rename(old, new) => format!("rename {} to {}", quoted(&old), quoted(&new)),
        Alteration::Set(given) => format!("set {}", pairs(&given)),
        Alteration::Drop(keys) => {
            format!("drop {}", keys.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", "))
        }
        Alteration::AddTags(given) => format!("add tags {}", pairs(&given)),
        Alteration::AddAttributes(given) => format!("add attributes {}", pairs(&given)),
        Alteration::Upsert { alias, tags, attributes } => {
            let alias = alias.map(|alias| format!(" alias={}", quoted(&alias))).unwrap_or_default();
            let part = |name: &str, given: &[(String, String)]| {
                if given.is_empty() { String::new() } else { format!(" {name}({})", pairs(given)) }
            };
            let all = format!("{alias}{}{}", part("tags", &tags), part("attributes", &attributes));
            if all.is_empty() {
                return None;
            }
            format!("upsert{all}")
        }
    };
    Some(format!("alter timeseries {} {what}", path_sql(path.as_str())))
}

/// The TsFile of sealed files: the last one.
pub(crate) fn tsfile(paths: &[std::path::PathBuf]) -> Result<&FilePath, SessionError> {
    paths.last().map(std::path::PathBuf::as_path).ok_or_else(|| malformed("a seal of no file"))
}
