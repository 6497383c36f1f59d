//! Which rows a pipe sends.

use arrow_array::BooleanArray;
use levada_model::{Column, Path, PathPattern, Tablet};

/// Which rows a pipe sends: all that every part of it lets pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// The first and the last time, in milliseconds since 1970 UTC.
    pub times: (i64, i64),
    /// Likewise, for what is stored when the pipe begins.
    pub history: (i64, i64),
    /// What a series' path begins with.
    pub prefix: Option<String>,
    /// One of these matches a series' path; any where there are none.
    pub patterns: Vec<PathPattern>,
}

impl Default for Selection {
    fn default() -> Self {
        Self { times: ALL, history: ALL, prefix: None, patterns: Vec::new() }
    }
}

const ALL: (i64, i64) = (i64::MIN, i64::MAX);

impl Selection {
    /// Whether a series is sent.
    pub fn has(&self, series: &Path) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| series.as_str().starts_with(prefix.as_str()))
            && (self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(series)))
    }

    /// Whether a series below a path may be sent.
    pub fn may_have_below(&self, path: &Path) -> bool {
        let nodes: Vec<&str> = path.nodes().collect();
        let begins =
            |prefix: &String| prefix.starts_with(path.as_str()) || path.as_str().starts_with(prefix.as_str());
        self.prefix.as_ref().is_none_or(begins)
            && (self.patterns.is_empty()
                || self.patterns.iter().any(|pattern| pattern.may_match_below(&nodes)))
    }

    /// Whether every series is sent.
    pub fn has_all_series(&self) -> bool {
        self.prefix.is_none() && self.patterns.is_empty()
    }

    /// Whether rows of every time are sent.
    pub fn has_all_times(&self) -> bool {
        self.times == ALL
    }

    /// The first and the last time of what was stored when the pipe began.
    pub fn of_history(&self) -> (i64, i64) {
        (self.times.0.max(self.history.0), self.times.1.min(self.history.1))
    }

    /// What of a tablet is sent; `None` where nothing is. `history` says that it was stored when the pipe began.
    pub fn of(&self, tablet: Tablet, history: bool) -> Option<Tablet> {
        let (from, to) = if history { self.of_history() } else { self.times };
        let tablet = if self.has_all_series() { tablet } else { self.columns(tablet)? };
        if (from, to) == ALL {
            return Some(tablet);
        }
        let times = tablet.times().values();
        let is_in = |time: &i64| (from..=to).contains(time);
        let kept = times.iter().filter(|time| is_in(time)).count();
        if kept == times.len() {
            return Some(tablet);
        }
        if kept == 0 {
            return None;
        }
        let keep: BooleanArray = times.iter().map(|time| Some(is_in(time))).collect();
        Some(tablet.filter(&keep).expect("as long as the tablet"))
    }

    fn columns(&self, tablet: Tablet) -> Option<Tablet> {
        let is_sent = |column: &&Column| self.has(&tablet.device().child(&column.name));
        let kept: Vec<Column> = tablet.columns().iter().filter(is_sent).cloned().collect();
        match kept.len() {
            0 => None,
            all if all == tablet.columns().len() => Some(tablet),
            _ => Some(tablet.with_columns(kept).expect("columns of the tablet")),
        }
    }
}
