//! Changes of the catalog, and deletions, as the log and the manifest have them.

use std::{collections::BTreeMap, sync::Arc};

use levada_model::{Compressor, Encoding, Path, PathPattern, SeriesSchema};

use crate::{
    Deadband, LogicalView, TimeRange,
    codec::{Malformed, Put, Take},
};

const HAS_ALIAS: u8 = 1;
const HAS_DEADBAND: u8 = 2;
// Kinds of records; 1 is that of rows.
const CREATE_DATABASE: u8 = 2;
const DELETE_DATABASE: u8 = 3;
const SET_TTL: u8 = 4;
const CREATE_SERIES: u8 = 5;
const ALTER_SERIES: u8 = 6;
const DELETE_SERIES: u8 = 7;
const DELETE: u8 = 8;
const SET_PATH_TTL: u8 = 9;
const DELETE_DATABASE_AT: u8 = 10;
const SET_TTL_AT: u8 = 11;
const DELETE_OF: u8 = 12;
/// Before a kind: whose change it is.
const OF: u8 = 13;
const PUT_TEMPLATE: u8 = 14;
const DROP_TEMPLATE: u8 = 15;
const SET_TEMPLATE: u8 = 16;
const UNSET_TEMPLATE: u8 = 17;
const ACTIVATE: u8 = 18;
const PUT_VIEW: u8 = 24;
const DROP_VIEW: u8 = 25;
const ALTER_STORED: u8 = 26;
const CREATE_DATABASE_IN: u8 = 27;

/// A change of the catalog, or a deletion.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CatalogOp {
    CreateDatabase {
        id: u32,
        path: Path,
        ttl: Option<i64>,
        /// How long its time partitions are said to be, in milliseconds, where that is said.
        partition: Option<i64>,
    },
    DeleteDatabase {
        id: u32,
        /// Records of older versions do not say it.
        path: Option<Path>,
        /// Whose change it is, if anybody's.
        owner: Option<Arc<str>>,
    },
    SetTtl {
        id: u32,
        /// Records of older versions do not say it.
        path: Option<Path>,
        ttl: Option<i64>,
    },
    /// For the devices a pattern matches, whatever their database has.
    SetPathTtl {
        pattern: PathPattern,
        ttl: Option<i64>,
    },
    /// Series of one device, which is made where it is missing.
    CreateSeries {
        device: Path,
        aligned: bool,
        series: Vec<SeriesDef>,
    },
    /// Gives a device the series of a template, as they are now; it is made.
    Activate {
        device: Path,
        template: Arc<str>,
        aligned: bool,
        series: Vec<SeriesDef>,
    },
    /// Makes a template, or gives one more series, and the devices that have it.
    PutTemplate {
        name: Arc<str>,
        aligned: bool,
        series: Vec<SeriesDef>,
    },
    DropTemplate {
        name: Arc<str>,
    },
    /// Says that devices at and below a path have a template's series once they are activated.
    SetTemplate {
        name: Arc<str>,
        path: Path,
    },
    UnsetTemplate {
        path: Path,
    },
    /// Replaces what can be changed of a series.
    AlterSeries {
        device: Path,
        series: SeriesDef,
        /// Whose change it is, if anybody's.
        owner: Option<Arc<str>>,
    },
    /// Changes how new rows of series are stored; what is `None` stays.
    AlterStored {
        device: Path,
        measurements: Vec<Arc<str>>,
        encoding: Option<Encoding>,
        compressor: Option<Compressor>,
        /// Whose change it is, if anybody's.
        owner: Option<Arc<str>>,
    },
    /// Removes series and hides their rows.
    DeleteSeries {
        patterns: Vec<PathPattern>,
        /// Whose change it is, if anybody's.
        owner: Option<Arc<str>>,
    },
    /// Makes a logical view, in place of one of the same name.
    PutView(Box<LogicalView>),
    DropView {
        path: Path,
    },
    /// Hides values of series.
    Delete {
        patterns: Vec<PathPattern>,
        range: TimeRange,
        /// Whose deletion it is, if anybody's.
        owner: Option<Arc<str>>,
    },
}

impl CatalogOp {
    /// Whether it takes something away that afterwards neither the catalog nor a deletion tells of.
    pub(crate) fn takes_away(&self) -> bool {
        match self {
            Self::DeleteDatabase { .. } | Self::DeleteSeries { .. } => true,
            Self::SetTtl { ttl, .. } | Self::SetPathTtl { ttl, .. } => ttl.is_none(),
            Self::CreateDatabase { .. }
            | Self::CreateSeries { .. }
            | Self::Activate { .. }
            | Self::PutTemplate { .. }
            | Self::DropTemplate { .. }
            | Self::SetTemplate { .. }
            | Self::UnsetTemplate { .. }
            | Self::AlterSeries { .. }
            | Self::AlterStored { .. }
            | Self::PutView(_)
            | Self::DropView { .. }
            | Self::Delete { .. } => false,
        }
    }
}

/// A series as the catalog keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeriesDef {
    pub(crate) measurement: Arc<str>,
    pub(crate) schema: SeriesSchema,
    pub(crate) alias: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) deadband: Option<Deadband>,
}

impl SeriesDef {
    pub(crate) fn plain(measurement: Arc<str>, schema: SeriesSchema) -> Self {
        let (tags, attributes) = (BTreeMap::new(), BTreeMap::new());
        Self { measurement, schema, alias: None, tags, attributes, deadband: None }
    }
}

impl CatalogOp {
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        if let Self::DeleteDatabase { owner: Some(owner), .. }
        | Self::AlterSeries { owner: Some(owner), .. }
        | Self::AlterStored { owner: Some(owner), .. }
        | Self::DeleteSeries { owner: Some(owner), .. } = self
        {
            bytes.put_u8(OF);
            bytes.put_str(owner);
        }
        match self {
            Self::CreateDatabase { id, path, ttl, partition } => {
                put_new_database(bytes, *id, path, *ttl, *partition);
            }
            Self::DeleteDatabase { id, path, .. } => {
                put_database(bytes, [DELETE_DATABASE, DELETE_DATABASE_AT], *id, path.as_ref());
            }
            Self::SetTtl { id, path, ttl } => {
                put_database(bytes, [SET_TTL, SET_TTL_AT], *id, path.as_ref());
                bytes.put_option_i64(*ttl);
            }
            Self::SetPathTtl { pattern, ttl } => {
                bytes.put_u8(SET_PATH_TTL);
                bytes.put_str(&pattern.to_string());
                bytes.put_option_i64(*ttl);
            }
            Self::CreateSeries { device, aligned, series } => {
                bytes.put_u8(CREATE_SERIES);
                put_series(bytes, device.as_str(), *aligned, series);
            }
            Self::Activate { .. }
            | Self::PutTemplate { .. }
            | Self::DropTemplate { .. }
            | Self::SetTemplate { .. }
            | Self::UnsetTemplate { .. } => self.put_of_template(bytes),
            Self::AlterSeries { device, series, .. } => {
                bytes.put_u8(ALTER_SERIES);
                bytes.put_str(device.as_str());
                series.put(bytes);
            }
            Self::AlterStored { device, measurements, encoding, compressor, .. } => {
                bytes.put_u8(ALTER_STORED);
                put_stored(bytes, device, measurements, *encoding, *compressor);
            }
            Self::PutView(view) => {
                bytes.put_u8(PUT_VIEW);
                view.put(bytes);
            }
            Self::DropView { path } => {
                bytes.put_u8(DROP_VIEW);
                bytes.put_str(path.as_str());
            }
            Self::DeleteSeries { patterns, .. } => {
                bytes.put_u8(DELETE_SERIES);
                put_patterns(bytes, patterns);
            }
            Self::Delete { patterns, range, owner } => {
                bytes.put_u8(if owner.is_some() { DELETE_OF } else { DELETE });
                put_patterns(bytes, patterns);
                bytes.put_i64(range.start);
                bytes.put_i64(range.end);
                if let Some(owner) = owner {
                    bytes.put_str(owner);
                }
            }
        }
    }

    /// Puts what is done with templates; of other changes nothing.
    fn put_of_template(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Activate { device, template, aligned, series } => {
                bytes.put_u8(ACTIVATE);
                bytes.put_str(template);
                put_series(bytes, device.as_str(), *aligned, series);
            }
            Self::PutTemplate { name, aligned, series } => {
                bytes.put_u8(PUT_TEMPLATE);
                put_series(bytes, name, *aligned, series);
            }
            Self::DropTemplate { name } => {
                bytes.put_u8(DROP_TEMPLATE);
                bytes.put_str(name);
            }
            Self::SetTemplate { name, path } => {
                bytes.put_u8(SET_TEMPLATE);
                bytes.put_str(name);
                bytes.put_str(path.as_str());
            }
            Self::UnsetTemplate { path } => {
                bytes.put_u8(UNSET_TEMPLATE);
                bytes.put_str(path.as_str());
            }
            _ => {}
        }
    }

    /// A change of a kind, as [`CatalogOp::put`] put it.
    pub(crate) fn take(kind: u8, from: &mut Take<'_>) -> Result<Self, Malformed> {
        if kind != OF {
            return Self::take_of(None, kind, from);
        }
        let owner = from.str()?.into();
        let kind = from.u8()?;
        Self::take_of(Some(owner), kind, from)
    }

    fn take_of(owner: Option<Arc<str>>, kind: u8, from: &mut Take<'_>) -> Result<Self, Malformed> {
        let may_have_owner = matches!(
            kind,
            DELETE_DATABASE | DELETE_DATABASE_AT | ALTER_SERIES | ALTER_STORED | DELETE_SERIES
        );
        if owner.is_some() && !may_have_owner {
            return Err(Malformed);
        }
        Ok(match kind {
            CREATE_DATABASE | CREATE_DATABASE_IN => Self::CreateDatabase {
                id: from.u32()?,
                path: from.path()?,
                ttl: from.option_i64()?,
                partition: if kind == CREATE_DATABASE_IN { Some(from.i64()?) } else { None },
            },
            DELETE_DATABASE => Self::DeleteDatabase { id: from.u32()?, path: None, owner },
            DELETE_DATABASE_AT => Self::DeleteDatabase { id: from.u32()?, path: Some(from.path()?), owner },
            SET_TTL => Self::SetTtl { id: from.u32()?, path: None, ttl: from.option_i64()? },
            SET_TTL_AT => Self::SetTtl { id: from.u32()?, path: Some(from.path()?), ttl: from.option_i64()? },
            SET_PATH_TTL => Self::SetPathTtl {
                pattern: PathPattern::parse(from.str()?).map_err(|_| Malformed)?,
                ttl: from.option_i64()?,
            },
            CREATE_SERIES => {
                Self::CreateSeries { device: from.path()?, aligned: from.flag()?, series: take_series(from)? }
            }
            ACTIVATE => Self::Activate {
                template: from.str()?.into(),
                device: from.path()?,
                aligned: from.flag()?,
                series: take_series(from)?,
            },
            PUT_TEMPLATE => Self::PutTemplate {
                name: from.str()?.into(),
                aligned: from.flag()?,
                series: take_series(from)?,
            },
            DROP_TEMPLATE => Self::DropTemplate { name: from.str()?.into() },
            SET_TEMPLATE => Self::SetTemplate { name: from.str()?.into(), path: from.path()? },
            UNSET_TEMPLATE => Self::UnsetTemplate { path: from.path()? },
            ALTER_SERIES => Self::AlterSeries { device: from.path()?, series: SeriesDef::take(from)?, owner },
            ALTER_STORED => take_stored(from, owner)?,
            PUT_VIEW => Self::PutView(Box::new(LogicalView::take(from)?)),
            DROP_VIEW => Self::DropView { path: from.path()? },
            DELETE_SERIES => Self::DeleteSeries { patterns: take_patterns(from)?, owner },
            DELETE | DELETE_OF => Self::Delete {
                patterns: take_patterns(from)?,
                range: TimeRange { start: from.i64()?, end: from.i64()? },
                owner: if kind == DELETE_OF { Some(from.str()?.into()) } else { None },
            },
            _ => return Err(Malformed),
        })
    }

    /// A change as [`CatalogOp::put`] put it.
    pub(crate) fn parse(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let kind = from.u8()?;
        Self::take(kind, from)
    }
}

/// Puts that a database is made. What does not say how long its partitions are is written as it ever was.
fn put_new_database(bytes: &mut Vec<u8>, id: u32, path: &Path, ttl: Option<i64>, partition: Option<i64>) {
    bytes.put_u8(if partition.is_some() { CREATE_DATABASE_IN } else { CREATE_DATABASE });
    bytes.put_u32(id);
    bytes.put_str(path.as_str());
    bytes.put_option_i64(ttl);
    if let Some(partition) = partition {
        bytes.put_i64(partition);
    }
}

impl SeriesDef {
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.put_str(&self.measurement);
        bytes.put_schema(self.schema);
        // Few series have what the flags tell of, and those that have none are written as they ever were.
        let flags = [(HAS_ALIAS, self.alias.is_some()), (HAS_DEADBAND, self.deadband.is_some())];
        bytes.put_u8(flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).sum());
        bytes.put_str(self.alias.as_deref().unwrap_or_default());
        let deadband = self.deadband.as_ref().map(Deadband::parameters);
        for map in [&self.tags, &self.attributes].into_iter().chain(deadband) {
            bytes.put_len(map.len());
            for (key, value) in map {
                bytes.put_str(key);
                bytes.put_str(value);
            }
        }
    }

    pub(crate) fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let measurement = from.str()?.into();
        let schema = from.schema()?;
        let flags = from.u8()?;
        if flags & !(HAS_ALIAS | HAS_DEADBAND) != 0 {
            return Err(Malformed);
        }
        let alias = from.str()?;
        let mut map = || {
            (0..from.count(2)?)
                .map(|_| Ok((from.str()?.to_owned(), from.str()?.to_owned())))
                .collect::<Result<BTreeMap<_, _>, Malformed>>()
        };
        Ok(Self {
            measurement,
            schema,
            alias: (flags & HAS_ALIAS != 0).then(|| alias.to_owned()),
            tags: map()?,
            attributes: map()?,
            deadband: if flags & HAS_DEADBAND != 0 { Some(Deadband::sdt(map()?)) } else { None },
        })
    }
}

fn put_series(bytes: &mut Vec<u8>, of: &str, aligned: bool, series: &[SeriesDef]) {
    bytes.put_str(of);
    bytes.put_u8(u8::from(aligned));
    bytes.put_len(series.len());
    series.iter().for_each(|series| series.put(bytes));
}

fn take_series(from: &mut Take<'_>) -> Result<Vec<SeriesDef>, Malformed> {
    (0..from.count(7)?).map(|_| SeriesDef::take(from)).collect()
}

/// Puts which database a change is about: the number alone, or its path, too.
fn put_database(bytes: &mut Vec<u8>, [numbered, named]: [u8; 2], id: u32, path: Option<&Path>) {
    bytes.put_u8(if path.is_some() { named } else { numbered });
    bytes.put_u32(id);
    if let Some(path) = path {
        bytes.put_str(path.as_str());
    }
}

pub(crate) fn put_patterns(bytes: &mut Vec<u8>, patterns: &[PathPattern]) {
    bytes.put_len(patterns.len());
    for pattern in patterns {
        bytes.put_str(&pattern.to_string());
    }
}

pub(crate) fn take_patterns(from: &mut Take<'_>) -> Result<Vec<PathPattern>, Malformed> {
    (0..from.count(1)?).map(|_| PathPattern::parse(from.str()?).map_err(|_| Malformed)).collect()
}

fn put_stored(
    bytes: &mut Vec<u8>,
    device: &Path,
    measurements: &[Arc<str>],
    encoding: Option<Encoding>,
    compressor: Option<Compressor>,
) {
    bytes.put_str(device.as_str());
    for code in [encoding.map(Encoding::code), compressor.map(Compressor::code)] {
        bytes.put_u8(u8::from(code.is_some()));
        bytes.put_u8(code.unwrap_or_default());
    }
    bytes.put_len(measurements.len());
    measurements.iter().for_each(|name| bytes.put_str(name));
}

fn take_stored(from: &mut Take<'_>, owner: Option<Arc<str>>) -> Result<CatalogOp, Malformed> {
    let device = from.path()?;
    let mut code = || Ok((from.flag()?, from.u8()?));
    let (has_encoding, encoding) = code()?;
    let (has_compressor, compressor) = code()?;
    let known = |code| Encoding::from_code(code).ok_or(Malformed);
    let encoding = has_encoding.then(|| known(encoding)).transpose()?;
    let known = |code| Compressor::from_code(code).ok_or(Malformed);
    let compressor = has_compressor.then(|| known(compressor)).transpose()?;
    let names = (0..from.count(1)?).map(|_| Ok(from.str()?.into())).collect::<Result<Vec<_>, _>>()?;
    Ok(CatalogOp::AlterStored { device, measurements: names, encoding, compressor, owner })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_templates_are_read_as_they_were_written() {
        let name: Arc<str> = "t".into();
        let path = Path::parse("root.a.d").expect("a path");
        let schema = SeriesSchema::default_for(levada_model::DataType::Float);
        let series = vec![SeriesDef::plain("s".into(), schema)];
        for op in [
            CatalogOp::PutTemplate { name: Arc::clone(&name), aligned: true, series: series.clone() },
            CatalogOp::SetTemplate { name: Arc::clone(&name), path: path.clone() },
            CatalogOp::Activate { device: path.clone(), template: Arc::clone(&name), aligned: true, series },
            CatalogOp::UnsetTemplate { path },
            CatalogOp::DropTemplate { name },
        ] {
            let mut bytes = Vec::new();
            op.put(&mut bytes);
            assert!((1..bytes.len()).all(|end| CatalogOp::parse(&mut Take(&bytes[..end])).is_err()));
            assert_eq!(CatalogOp::parse(&mut Take(&bytes)), Ok(op));
        }
    }

    #[test]
    fn databases_are_read_as_they_were_written() {
        let path = Path::parse("root.a").expect("a path");
        for (ttl, partition) in [(None, None), (Some(5), None), (None, Some(1_000)), (Some(5), Some(1_000))] {
            let op = CatalogOp::CreateDatabase { id: 3, path: path.clone(), ttl, partition };
            let mut bytes = Vec::new();
            op.put(&mut bytes);
            assert!((1..bytes.len()).all(|end| CatalogOp::parse(&mut Take(&bytes[..end])).is_err()));
            assert_eq!(CatalogOp::parse(&mut Take(&bytes)), Ok(op));
        }
    }

    #[test]
    fn whose_change_it_is_is_kept_for_those_that_say_it() {
        let pattern = || vec![PathPattern::parse("root.a.**").expect("a pattern")];
        for owner in [None, Some(Arc::from("pipe:x"))] {
            let deleted = CatalogOp::DeleteSeries { patterns: pattern(), owner: owner.clone() };
            let ended = |path| CatalogOp::DeleteDatabase { id: 3, path, owner: owner.clone() };
            let path = Path::parse("root.a").expect("a path");
            for op in [deleted, ended(None), ended(Some(path))] {
                let mut bytes = Vec::new();
                op.put(&mut bytes);
                assert_eq!(CatalogOp::parse(&mut Take(&bytes)), Ok(op));
            }
        }
        // One owner, of a change that may have one.
        for kind in [OF, DELETE, CREATE_DATABASE] {
            let mut bytes = vec![OF];
            bytes.put_str("pipe:x");
            bytes.put_u8(kind);
            bytes.extend([0; 64]);
            assert_eq!(CatalogOp::parse(&mut Take(&bytes)), Err(Malformed));
        }
    }
}
