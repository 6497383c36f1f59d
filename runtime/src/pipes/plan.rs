//! What is to be done at the receiver for changes, in order.

use std::sync::Arc;

use bytes::Bytes;
use levada_engine::{
    Change, ChangeKind, HistoryMark, NewSeries, Origins, PipeDefinition, Selection, SeriesChange, path_sql,
};
use levada_model::{Compressor, Encoding, Path, PathPattern, Series, Tablet};
use levada_rpc::messages::{engines, sends_on};

/// A step. Steps are done one after the other.
#[derive(Debug)]
pub(super) enum Step {
    /// What follows came here by these engines (see [`levada_rpc::messages::engines`]), or where there are none, was done here.
    CameBy(Option<Arc<str>>),
    Database(Path),
    /// Series, and the statements that give them what a series cannot be made with.
    Series(Vec<Series>, Vec<String>),
    Rows(Vec<Tablet>),
    /// A TsFile with rows of a database whose series are there; how many values it has.
    Chunks(Path, Bytes, u64),
    /// The alias, tags and attributes that a series has from now on.
    Alter(Path, SeriesChange),
    /// Values of series go, or the series themselves.
    Delete(Deletion),
    /// A statement; what it is about may be missing at the receiver.
    Statement(String),
}

/// What is deleted.
#[derive(Debug)]
pub(super) struct Deletion {
    pub(super) patterns: Vec<PathPattern>,
    /// At which times; the series themselves where `None`.
    pub(super) times: Option<(i64, i64)>,
}

/// Changes as steps.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The first ones were done here.
    pub(super) steps: Vec<Step>,
    /// What the last ones came by.
    came_by: Option<Arc<str>>,
    /// Behind which position all of them are done.
    pub(super) position: Option<u64>,
    /// How far what is stored has come with all of them.
    pub(super) mark: Option<HistoryMark>,
    /// What was stored has all come.
    pub(super) ends_history: bool,
}

impl Plan {
    /// The steps for changes. `receiver` is what the receiver's engine is known by, where it is known: what came from there is
    /// not sent back, by whichever engines it came. `history` says that the first of the changes was stored when the pipe began: then
    /// `origins` says whose that may be.
    pub(super) fn of(
        changes: Vec<Change>,
        definition: &PipeDefinition,
        receiver: Option<&str>,
        (mut history, origins): (bool, &Origins),
    ) -> Self {
        let mut plan = Self::default();
        let is_back = |came_by: &str| {
            !definition.forwards || receiver.is_some_and(|receiver| engines(came_by).any(|it| it == receiver))
        };
        for Change { position, kind, .. } in changes {
            let came_by = owner(&kind).and_then(|owner| owner.strip_prefix("pipe:")).map(Arc::from);
            let stored_in = if history { path_of(&kind) } else { None };
            let is_sent_back = |path: &Path| {
                !definition.history_back && receiver.is_some_and(|receiver| origins.has(receiver, path))
            };
            if stored_in.is_some_and(is_sent_back) {
                continue;
            }
            let came_by = came_by.or_else(|| stored_by(origins, stored_in?, receiver));
            match kind {
                _ if !history && came_by.as_deref().is_some_and(is_back) => {}
                ChangeKind::HistoryEnd => {
                    history = false;
                    plan.ends_history = true;
                }
                ChangeKind::HistoryMark(mark) => plan.mark = Some(mark),
                kind => {
                    plan.comes_by(came_by);
                    plan.change(kind, definition, history);
                }
            }
            if !history {
                plan.position = Some(position);
            }
        }
        plan
    }

    /// The bytes of rows in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let bytes = |step: &Step| match step {
            Step::Rows(tablets) => tablets.iter().map(Tablet::bytes).sum(),
            _ => 0,
        };
        self.steps.iter().map(bytes).sum()
    }

    /// What follows came by these engines.
    fn comes_by(&mut self, came_by: Option<Arc<str>>) {
        if self.came_by != came_by {
            self.steps.push(Step::CameBy(came_by.clone()));
            self.came_by = came_by;
        }
    }

    fn rows(&mut self, tablets: impl Iterator<Item = Tablet>) {
        if let Some(Step::Rows(rows)) = self.steps.last_mut() {
            rows.extend(tablets);
            return;
        }
        let rows: Vec<_> = tablets.collect();
        if !rows.is_empty() {
            self.steps.push(Step::Rows(rows));
        }
    }

    fn change(&mut self, kind: ChangeKind, definition: &PipeDefinition, history: bool) {
        let selection = &definition.selection;
        match kind {
            ChangeKind::Rows { tablets, .. } => {
                self.rows(tablets.into_iter().filter_map(|tablet| selection.of(tablet, history)));
            }
            // What is not sent is not in it.
            ChangeKind::Chunks { database, file, points } => {
                self.steps.push(Step::Chunks(database, file, points));
            }
            ChangeKind::CreateDatabase { path, .. } if selection.may_have_below(&path) => {
                self.steps.push(Step::Database(path));
            }
            ChangeKind::CreateSeries(new) => {
                let sent = new.into_iter().filter(|new| selection.has(&new.device.child(&new.measurement)));
                self.series(sent);
            }
            ChangeKind::AlterSeries { path, change, .. } if selection.has(&path) => {
                self.steps.push(Step::Alter(path, change));
            }
            ChangeKind::AlterStored { device, measurements, encoding, compressor, .. } => {
                let sent =
                    measurements.iter().map(|name| device.child(name)).filter(|path| selection.has(path));
                self.steps.extend(stored(sent, encoding, compressor));
            }
            ChangeKind::DeleteDatabase { path, .. }
                if definition.deletions && selection.may_have_below(&path) =>
            {
                self.steps.extend(delete_database(&path, selection));
            }
            ChangeKind::DeleteSeries { patterns, .. } if definition.deletions => {
                self.steps.push(Step::Delete(Deletion { patterns, times: None }));
            }
            ChangeKind::Delete { patterns, range, .. } if definition.deletions => {
                let (from, to) = (range.start.max(selection.times.0), range.end.min(selection.times.1));
                if from <= to {
                    self.steps.push(Step::Delete(Deletion { patterns, times: Some((from, to)) }));
                }
            }
            // How long rows live is each store's own business.
            _ => {}
        }
    }

    fn series(&mut self, new: impl Iterator<Item = NewSeries>) {
        let mut series = Vec::new();
        let mut statements = Vec::new();
        for new in new {
            let NewSeries { device, measurement, schema, aligned, alias, tags, attributes, .. } = new;
            if alias.is_some() || !tags.is_empty() || !attributes.is_empty() {
                let change =
                    SeriesChange { alias: Some(alias), tags: Some(tags), attributes: Some(attributes) };
                statements.extend(upsert(&device.child(&measurement), &change));
            }
            series.push(Series { device, aligned, measurement, schema });
        }
        match self.steps.last_mut() {
            _ if series.is_empty() => {}
            Some(Step::Series(known, known_statements)) => {
                known.append(&mut series);
                known_statements.append(&mut statements);
            }
            _ => self.steps.push(Step::Series(series, statements)),
        }
    }
}

/// The database or the device of rows.
fn path_of(kind: &ChangeKind) -> Option<&Path> {
    match kind {
        ChangeKind::Rows { tablets, .. } => tablets.first().map(Tablet::device),
        ChangeKind::Chunks { database, .. } => Some(database),
        _ => None,
    }
}

/// The engines, but for the receiver, that what is stored may have come by.
fn stored_by(origins: &Origins, path: &Path, receiver: Option<&str>) -> Option<Arc<str>> {
    let engines = origins.of(path).filter(|engine| Some(*engine) != receiver).map(str::to_owned);
    engines.reduce(|all, engine| sends_on(&engine, &all)).map(Arc::from)
}

/// Whose change it is, if anybody's.
fn owner(kind: &ChangeKind) -> Option<&str> {
    match kind {
        ChangeKind::Rows { owner, .. }
        | ChangeKind::DeleteDatabase { owner, .. }
        | ChangeKind::AlterSeries { owner, .. }
        | ChangeKind::AlterStored { owner, .. }
        | ChangeKind::DeleteSeries { owner, .. }
        | ChangeKind::Delete { owner, .. } => owner.as_deref(),
        // Nothing is done where they are there already, so that they do not go round.
        ChangeKind::CreateDatabase { .. } | ChangeKind::CreateSeries(_) => None,
        ChangeKind::SetTtl { .. }
        | ChangeKind::HistoryMark(_)
        | ChangeKind::HistoryEnd
        | ChangeKind::Chunks { .. } => None,
    }
}

/// What a database's end means for a selection: its own end, or where the pipe does not send all of it, that of what it sends.
fn delete_database(path: &Path, selection: &Selection) -> Option<Step> {
    if selection.has_all_series() && selection.has_all_times() {
        return Some(Step::Statement(format!("delete database {}", path_sql(path.as_str()))));
    }
    let below = PathPattern::parse(&format!("{path}.**")).ok()?;
    Some(Step::Delete(Deletion { patterns: vec![below], times: None }))
}

/// The statement that has new rows of series stored otherwise.
fn stored(
    paths: impl Iterator<Item = Path>,
    encoding: Option<Encoding>,
    compressor: Option<Compressor>,
) -> Option<Step> {
    let paths: Vec<_> = paths.map(|path| path_sql(path.as_str()).to_string()).collect();
    let encoding = encoding.map(|encoding| format!("encoding={encoding}"));
    let compressor = compressor.map(|compressor| format!("compressor={compressor}"));
    let properties: Vec<_> = encoding.into_iter().chain(compressor).collect();
    if paths.is_empty() || properties.is_empty() {
        return None;
    }
    let (paths, properties) = (paths.join(", "), properties.join(", "));
    Some(Step::Statement(format!("alter timeseries if exists {paths} set storage_properties {properties}")))
}

/// A text in a statement.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The statement that gives a series its alias, tags and attributes; `None` where it has none.
pub(super) fn upsert(path: &Path, change: &SeriesChange) -> Option<String> {
    let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
        pairs
            .iter()
            .map(|(key, value)| format!("{}={}", quoted(key), quoted(value)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut parts = Vec::new();
    if let Some(Some(alias)) = &change.alias {
        parts.push(format!("alias={}", quoted(alias)));
    }
    if let Some(tags) = change.tags.as_ref().filter(|tags| !tags.is_empty()) {
        parts.push(format!("tags({})", pairs(tags)));
    }
    if let Some(attributes) = change.attributes.as_ref().filter(|attributes| !attributes.is_empty()) {
        parts.push(format!("attributes({})", pairs(attributes)));
    }
    (!parts.is_empty())
        .then(|| format!("alter timeseries {} upsert {}", path_sql(path.as_str()), parts.join(" ")))
}
