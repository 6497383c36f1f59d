//! `create timeseries`, `delete timeseries`, `alter timeseries`.

use std::collections::BTreeMap;

use levada_model::{Path, PathPattern, SeriesSchema, SessionError, StatusCode};
use levada_sql::ast::{
    AlterStored, AlterTimeseries, Alteration, CreateAlignedTimeseries, CreateTimeseries, Privilege,
    SeriesDefinition,
};
use levada_storage::{Catalog, DeviceSeries, NewSeries, SeriesChange};

use super::{apply, not_there, properties::deadband};
use crate::{
    engine::Shared,
    gate::{Caller, Creation},
};

pub(super) async fn create(shared: &Shared, create: CreateTimeseries) -> Result<String, SessionError> {
    let CreateTimeseries { path, definition } = create;
    let Some((device, measurement)) = path.split_last().filter(|(device, _)| device.nodes().count() > 1)
    else {
        let message = format!(
            "{path} is not a legal path, because a timeseries lies below a device and that below root"
        );
        return Err(SessionError::new(StatusCode::ILLEGAL_PATH, message));
    };
    let new = new_series(device, measurement, definition, false)?;
    apply(shared, move |storage| Ok(storage.create_series(vec![new])?)).await?;
    Ok(String::new())
}

pub(super) async fn create_aligned(
    shared: &Shared,
    create: CreateAlignedTimeseries,
) -> Result<String, SessionError> {
    let CreateAlignedTimeseries { device, series } = create;
    let new = series
        .into_iter()
        .map(|(measurement, definition)| new_series(device.clone(), &measurement, definition, true))
        .collect::<Result<_, _>>()?;
    apply(shared, move |storage| Ok(storage.create_series(new)?)).await?;
    Ok(String::new())
}

fn new_series(
    device: Path,
    measurement: &str,
    definition: SeriesDefinition,
    aligned: bool,
) -> Result<NewSeries, SessionError> {
    let usual = SeriesSchema::default_for(definition.data_type);
    let deadband = deadband(&device, measurement, definition.properties)?;
    Ok(NewSeries {
        device,
        measurement: measurement.into(),
        schema: SeriesSchema {
            data_type: definition.data_type,
            encoding: definition.encoding.unwrap_or(usual.encoding),
            compressor: definition.compressor.unwrap_or(usual.compressor),
        },
        aligned,
        alias: definition.alias,
        tags: definition.tags.into_iter().collect(),
        attributes: definition.attributes.into_iter().collect(),
        deadband,
    })
}

pub(super) async fn delete(
    shared: &Shared,
    caller: &Caller,
    patterns: Vec<PathPattern>,
    creation: Creation,
) -> Result<String, SessionError> {
    let owner = caller.pipe.clone();
    apply(shared, move |storage| {
        let catalog = storage.catalog();
        let has_own = patterns.iter().any(|pattern| has_own_series(&*catalog, pattern));
        creation.check_aliased(Privilege::WriteSchema, &patterns, &*catalog)?;
        // A view is deleted as a series is.
        let views = storage.drop_views(&patterns)?;
        if !has_own && views.count > 0 {
            return Ok(views);
        }
        if !has_own {
            return Err(no_own_series(&patterns));
        }
        Ok(storage.delete_series_of(owner, &patterns)?)
    })
    .await?;
    Ok(String::new())
}

/// Whether a pattern matches a series that is of no template.
fn has_own_series(catalog: &dyn Catalog, pattern: &PathPattern) -> bool {
    if catalog.templates().is_empty() {
        return catalog.has_series(pattern);
    }
    let is_own = |device: &Path| catalog.device(device).is_some_and(|device| device.template.is_none());
    catalog.series_by_device(pattern).iter().any(|found| is_own(&found.device))
}

pub(super) async fn alter(
    shared: &Shared,
    caller: &Caller,
    alter: AlterTimeseries,
    creation: Creation,
) -> Result<String, SessionError> {
    let owner = caller.pipe.clone();
    apply(shared, move |storage| {
        let AlterTimeseries { path, change } = alter;
        let (catalog, pattern) = (storage.catalog(), PathPattern::from(&path));
        creation.check_aliased(Privilege::WriteSchema, std::slice::from_ref(&pattern), &*catalog)?;
        let found = catalog.series(&pattern);
        let Some(series) = found.into_iter().next() else {
            return Err(not_there(StatusCode::PATH_NOT_EXIST, format!("Path [{path}] does not exist")));
        };
        let path = series.path.clone();
        let change = altered(&series.path, series.tags, series.attributes, change)?;
        storage.alter_series_of(owner, &path, change).map_err(|error| {
            let error = SessionError::from(error);
            let in_use = error.code == StatusCode::ALIAS_ALREADY_EXIST;
            SessionError { code: if in_use { StatusCode::METADATA_ERROR } else { error.code }, ..error }
        })
    })
    .await?;
    Ok(String::new())
}

/// Changes how new rows are stored.
pub(super) async fn alter_stored(
    shared: &Shared,
    caller: &Caller,
    alter: AlterStored,
    creation: Creation,
) -> Result<String, SessionError> {
    let owner = caller.pipe.clone();
    apply(shared, move |storage| {
        let AlterStored { patterns, if_exists, if_permitted, encoding, compressor } = alter;
        let catalog = storage.catalog();
        if !if_permitted {
            creation.check_aliased(Privilege::WriteSchema, &patterns, &*catalog)?;
        }
        let mut found: Vec<_> =
            patterns.iter().flat_map(|pattern| catalog.series_by_device(pattern)).collect();
        if if_permitted {
            for DeviceSeries { device, series } in &mut found {
                series.retain(|(name, _)| creation.covers(Privilege::WriteSchema, &device.child(name)));
            }
        }
        let applied = storage.alter_stored_of(owner, &found, encoding, compressor)?;
        if applied.count == 0 && !if_exists && !if_permitted {
            return Err(no_own_series(&patterns));
        }
        Ok(applied)
    })
    .await?;
    Ok(String::new())
}

/// The rejection of patterns that match no series that is of no template.
fn no_own_series(patterns: &[PathPattern]) -> SessionError {
    let missing: Vec<_> = patterns.iter().map(ToString::to_string).collect();
    let message =
        format!("Timeseries [{}] does not exist or is represented by device template", missing.join(", "));
    not_there(StatusCode::PATH_NOT_EXIST, message)
}

type Pairs = BTreeMap<String, String>;

/// What an alteration makes of the tags and attributes of a series or a view.
pub(super) fn altered(
    path: &Path,
    mut tags: Pairs,
    mut attributes: Pairs,
    change: Alteration,
) -> Result<SeriesChange, SessionError> {
    let mut alias = None;
    match change {
        Alteration::Rename { from, to } => rename(path, &mut tags, &mut attributes, &from, to)?,
        Alteration::Set(pairs) => {
            for (key, value) in pairs {
                match holder(&mut tags, &mut attributes, &key) {
                    Some(known) => drop(known.insert(key, value)),
                    None => return Err(rejected(path, format!("does not have tag/attribute [{key}]"))),
                }
            }
        }
        Alteration::Drop(keys) => {
            for key in keys {
                if let Some(known) = holder(&mut tags, &mut attributes, &key) {
                    known.remove(&key);
                }
            }
        }
        Alteration::AddTags(pairs) => add(path, "tag", &mut tags, pairs)?,
        Alteration::AddAttributes(pairs) => add(path, "attribute", &mut attributes, pairs)?,
        Alteration::Upsert { alias: new_alias, tags: new_tags, attributes: new_attributes } => {
            alias = new_alias.map(Some);
            tags.extend(new_tags);
            attributes.extend(new_attributes);
        }
    }
    Ok(SeriesChange { alias, tags: Some(tags), attributes: Some(attributes) })
}

/// The tags or attributes, whichever have a key.
fn holder<'a>(tags: &'a mut Pairs, attributes: &'a mut Pairs, key: &str) -> Option<&'a mut Pairs> {
    if tags.contains_key(key) {
        Some(tags)
    } else if attributes.contains_key(key) {
        Some(attributes)
    } else {
        None
    }
}

fn rename(
    path: &Path,
    tags: &mut Pairs,
    attributes: &mut Pairs,
    from: &str,
    to: String,
) -> Result<(), SessionError> {
    if tags.contains_key(&to) || attributes.contains_key(&to) {
        return Err(rejected(path, format!("already has a tag/attribute named [{to}]")));
    }
    let Some(known) = holder(tags, attributes, from) else {
        return Err(rejected(path, format!("does not have tag/attribute [{from}]")));
    };
    if let Some(value) = known.remove(from) {
        known.insert(to, value);
    }
    Ok(())
}

fn add(path: &Path, what: &str, known: &mut Pairs, pairs: Vec<(String, String)>) -> Result<(), SessionError> {
    for (key, value) in pairs {
        if known.contains_key(&key) {
            return Err(rejected(path, format!("already has the {what} [{key}]")));
        }
        known.insert(key, value);
    }
    Ok(())
}

fn rejected(path: &Path, what: String) -> SessionError {
    SessionError::new(StatusCode::METADATA_ERROR, format!("TimeSeries [{path}] {what}."))
}
