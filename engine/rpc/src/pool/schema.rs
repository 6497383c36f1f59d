//! Databases, series and devices: created by calls, found by the tables that servers show.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow_array::{RecordBatch, StringArray, cast::AsArray};
use futures::StreamExt;
use levada_model::{
    DataType, Device, Path, PathPattern, ResultColumn, Rows, Series, SeriesSchema, SessionError, StatusCode,
    unquote_node,
};

use super::Pool;
use crate::client::Generation;

/// Series of one request.
const SERIES: usize = 1_000;

fn exists(code: StatusCode) -> bool {
    matches!(
        code,
        StatusCode::DATABASE_ALREADY_EXISTS
            | StatusCode::PATH_ALREADY_EXIST
            | StatusCode::TIMESERIES_ALREADY_EXIST
    )
}

/// What a server is to create.
#[derive(Clone, Copy)]
enum New<'a> {
    Database(&'a Path),
    Series(&'a [Series]),
}

impl Pool {
    /// Creates a database; one that exists is fine.
    pub(super) async fn make_database(&self, database: &Path) -> Result<(), SessionError> {
        match self.make(New::Database(database)).await {
            Err(error) if exists(error.code) => Ok(()),
            made => made,
        }
    }

    /// Creates what is missing of series. Where several at once are rejected, each is tried by itself.
    pub(super) async fn make_series(
        &self,
        series: &[Series],
    ) -> Result<Vec<(usize, SessionError)>, SessionError> {
        let mut failed = Vec::new();
        for group in self.missing(series).await? {
            for part in group.chunks(SERIES) {
                let all: Vec<Series> = part.iter().map(|(_, each)| each.clone()).collect();
                match self.make(New::Series(&all)).await {
                    Ok(()) => {}
                    Err(error) if error.transient => return Err(error),
                    Err(_) if part.len() > 1 => {
                        for (at, each) in part {
                            match self.make(New::Series(std::slice::from_ref(each))).await {
                                Err(error) if error.transient => return Err(error),
                                Err(error) if !exists(error.code) => failed.push((*at, error)),
                                _ => {}
                            }
                        }
                    }
                    Err(error) if !exists(error.code) => {
                        failed.extend(part.first().map(|(at, _)| (*at, error)))
                    }
                    Err(_) => {}
                }
            }
            group.iter().for_each(|(_, each)| self.0.types.forget(&each.device));
        }
        Ok(failed)
    }

    async fn make(&self, new: New<'_>) -> Result<(), SessionError> {
        let mut attempts = self.nodes().len() + 1;
        loop {
            let mut lease = self.lease(None).await?;
            let made = match new {
                New::Database(database) => lease.client().create_database(database).await,
                New::Series(series) => lease.client().create_series(series).await,
            };
            match made {
                Ok(()) => return Ok(()),
                Err(error) => {
                    attempts -= usize::from(!lease.used);
                    if let Some(error) = self.judge(lease, error, attempts == 0) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// The series that the server does not have, in groups that one call creates: all plain ones, and those of each aligned device.
    async fn missing(&self, series: &[Series]) -> Result<Vec<Vec<(usize, Series)>>, SessionError> {
        let mut by_device: HashMap<&Path, Vec<usize>> = HashMap::new();
        let mut devices = Vec::new();
        for (at, each) in series.iter().enumerate() {
            let of_device = by_device.entry(&each.device).or_default();
            if of_device.is_empty() {
                devices.push(&each.device);
            }
            of_device.push(at);
        }
        let mut plain = Vec::new();
        let mut groups = Vec::new();
        for device in devices {
            let known = self.learn(device).await?;
            let of_device = &by_device[device];
            let mut missing: Vec<(usize, Series)> = of_device
                .iter()
                .map(|at| (*at, series[*at].clone()))
                .filter(|(_, each)| !known.contains_key(&*each.measurement))
                .collect();
            if missing.is_empty() {
                continue;
            }
            if !known.is_empty()
                && let Some(Device { aligned, .. }) = self.devices(&PathPattern::from(device)).await?.first()
            {
                missing.iter_mut().for_each(|(_, each)| each.aligned = *aligned);
            }
            match missing.first().is_some_and(|(_, first)| first.aligned) {
                true => groups.push(missing),
                false => plain.extend(missing),
            }
        }
        if !plain.is_empty() {
            groups.push(plain);
        }
        Ok(groups)
    }

    /// The series and the views that a pattern matches, by device and measurement.
    pub(super) async fn names(&self, pattern: &PathPattern) -> Result<Names, SessionError> {
        let shown = self.shown(pattern).await?;
        let table = self.table(&format!("show timeseries {shown}")).await?;
        let mut found: Vec<(Series, bool)> = Vec::new();
        for batch in &table.batches {
            // Before 1.3 there are no views.
            let kind = table.texts(batch, &["viewtype"]).ok();
            let path = table.texts(batch, &["timeseries"])?;
            let data_type = table.texts(batch, &["datatype"])?;
            let [encoding, compressor] =
                [table.texts(batch, &["encoding"])?, table.texts(batch, &["compression"])?];
            for row in 0..batch.num_rows() {
                let path = parse(path.value(row))?;
                let data_type: DataType = data_type.value(row).parse().map_err(|_| {
                    let message =
                        format!("{path} has the type {}, which is not known here", data_type.value(row));
                    SessionError::new(StatusCode::UNSUPPORTED_OPERATION, message)
                })?;
                let default = SeriesSchema::default_for(data_type);
                let schema = SeriesSchema {
                    data_type,
                    encoding: encoding.value(row).parse().unwrap_or(default.encoding),
                    compressor: compressor.value(row).parse().unwrap_or(default.compressor),
                };
                if let Some((device, measurement)) = path.split_last()
                    && pattern.matches(&path)
                {
                    let is_view = kind.is_some_and(|kind| kind.value(row).eq_ignore_ascii_case("view"));
                    let series = Series { device, aligned: false, measurement: measurement.into(), schema };
                    found.push((series, is_view));
                }
            }
        }
        let aligned = self.aligned(pattern).await?;
        for (series, _) in &mut found {
            series.aligned = aligned.contains(&series.device);
        }
        found.sort_by(|(a, _), (b, _)| (&a.device, &a.measurement).cmp(&(&b.device, &b.measurement)));
        let (views, series): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, is_view)| *is_view);
        let names = |found: Vec<(Series, bool)>| found.into_iter().map(|(series, _)| series).collect();
        Ok(Names { series: names(series), views: names(views) })
    }

    /// The aligned devices among those that may have the series of a pattern.
    async fn aligned(&self, pattern: &PathPattern) -> Result<HashSet<Path>, SessionError> {
        let mut patterns = Vec::new();
        if let Some((front, last)) = pattern.split_last() {
            if last.to_string() == "**" {
                patterns.push(front.join(&last));
            }
            if front.len() > 1 {
                patterns.push(front);
            }
        }
        let mut found = HashSet::new();
        for pattern in patterns {
            let devices = self.devices(&pattern).await?.into_iter();
            found.extend(devices.filter(|device| device.aligned).map(|device| device.path));
        }
        Ok(found)
    }

    /// The devices that a pattern matches, by path.
    pub(super) async fn devices(&self, pattern: &PathPattern) -> Result<Vec<Device>, SessionError> {
        let shown = self.shown(pattern).await?;
        let table = self.table(&format!("show devices {shown}")).await?;
        let mut found = Vec::new();
        for batch in &table.batches {
            let paths = table.texts(batch, &["devices", "device"])?;
            // Before 0.13 no device is aligned.
            let aligned = table.texts(batch, &["isaligned"]).ok();
            for row in 0..batch.num_rows() {
                let path = parse(paths.value(row))?;
                let aligned = aligned.is_some_and(|aligned| aligned.value(row).eq_ignore_ascii_case("true"));
                if pattern.matches(&path) {
                    found.push(Device { path, aligned });
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// A pattern as the server's statements that show something take it: before 0.13 a path stands for all that begin with it, and
    /// `**` is not known.
    async fn shown(&self, pattern: &PathPattern) -> Result<String, SessionError> {
        let (text, generation) = (pattern.to_string(), self.server().await?.generation);
        if generation >= Generation::V0_13 {
            return Ok(generation.path(&text));
        }
        let front: Vec<&str> = text.split('.').take_while(|node| *node != "**").collect();
        Ok(front.join("."))
    }

    /// All rows of a statement that shows something.
    async fn table(&self, sql: &str) -> Result<Table, SessionError> {
        let mut rows = match self.ask(sql).await {
            Ok(rows) => rows,
            // A server may say that there is no such path.
            Err(error) if error.code == StatusCode::PATH_NOT_EXIST => return Ok(Table::default()),
            Err(error) => return Err(error),
        };
        let mut batches = Vec::new();
        while let Some(batch) = rows.batches.next().await {
            batches.push(batch?);
        }
        Ok(Table { has_time: rows.has_time, columns: rows.columns, batches })
    }

    /// All rows of some series of a device.
    pub(super) async fn rows(
        &self,
        device: &Path,
        series: &[(Arc<str>, SeriesSchema)],
    ) -> Result<Rows, SessionError> {
        // Between backquotes a name is a name, whatever it would mean; before 0.13 they are not known.
        let generation = self.server().await?.generation;
        let plain = generation < Generation::V0_13;
        let names: Vec<String> = series
            .iter()
            .map(|(name, _)| match plain {
                true => name.to_string(),
                false => format!("`{}`", unquote_node(name).replace('`', "``")),
            })
            .collect();
        let mut rows = self
            .ask(&format!("select {} from {}", names.join(", "), generation.path(device.as_str())))
            .await?;
        if rows.columns.len() != series.len() || !rows.has_time {
            let message = format!(
                "{device}: {} series were asked for, and {} came: some are gone, or the user may not read them (READ_DATA)",
                series.len(),
                rows.columns.len()
            );
            return Err(SessionError::new(StatusCode::PATH_NOT_EXIST, message));
        }
        for (column, (name, _)) in rows.columns.iter_mut().zip(series) {
            column.name = name.to_string();
        }
        Ok(rows)
    }
}

/// Names that a pattern matches.
pub(super) struct Names {
    /// Series.
    pub(super) series: Vec<Series>,
    /// Logical views, as the series they are read as.
    pub(super) views: Vec<Series>,
}

/// What a statement showed.
#[derive(Default)]
struct Table {
    has_time: bool,
    columns: Vec<ResultColumn>,
    batches: Vec<RecordBatch>,
}

impl Table {
    /// A column of texts by one of its names, in whatever case.
    fn texts<'b>(&self, batch: &'b RecordBatch, names: &[&str]) -> Result<&'b StringArray, SessionError> {
        let is = |column: &ResultColumn| names.iter().any(|name| column.name.eq_ignore_ascii_case(name));
        let at = self.columns.iter().position(is);
        let column = at.and_then(|at| batch.columns().get(at + usize::from(self.has_time)));
        column.and_then(|column| column.as_string_opt::<i32>()).ok_or_else(|| {
            let message = format!("the server shows no column `{}`", names.join("` or `"));
            SessionError::new(StatusCode::INCOMPATIBLE_VERSION, message)
        })
    }
}

fn parse(path: &str) -> Result<Path, SessionError> {
    Path::parse(path).map_err(|error| {
        SessionError::new(StatusCode::ILLEGAL_PATH, format!("the server names what is no path: {error}"))
    })
}
