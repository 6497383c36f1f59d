//! Attributes of pipes: how they are read, and those of 2.0.1 that say how its servers work.
//!
//! One that means what is done here anyway is taken. One that asks for something else is rejected with the reason: whoever wrote it would wait for what
//! never comes.

use levada_model::{PathPattern, SessionError, StatusCode};

use super::book::Pairs;

/// The error of a pipe.
pub(super) fn pipe_error(message: impl Into<String>) -> SessionError {
    SessionError::new(StatusCode::PIPE_ERROR, message)
}

/// What attributes begin with that are none here, and why.
const LEFT_OUT: [(&str, &str); 4] = [
    (
        "exception.",
        "what may pass is tried until it does, and values that the receiver rejects are counted and told by `show pipes`",
    ),
    ("ssl.", "`tls`, `tls.ca_file`, `tls.crt_file` and `tls.key_file` name files in PEM form"),
    ("database-name", "there is no table model: `path` says which series are sent"),
    ("table-name", "there is no table model: `path` says which series are sent"),
];

/// What a pipe sends beside rows and series, which is deletions or nothing: parts of `all` are given, with commas between, and those that are taken
/// out again.
pub(super) fn deletions(reads: &mut Reads<'_>) -> Result<bool, SessionError> {
    let mut deletions = false;
    let parts = |text: &str| -> Vec<String> {
        text.split(',').map(|part| part.trim().to_ascii_lowercase()).filter(|part| !part.is_empty()).collect()
    };
    let given = parts(reads.take(&["inclusion"]).unwrap_or("data.insert"));
    for part in &given {
        match part.as_str() {
            "all" | "data" | "data.delete" => deletions = true,
            "data.insert" => {}
            part if is_kept_here(part) => {
                return Err(reads.wrong(
                    "inclusion",
                    part,
                    "left out: users, roles, views and how long rows live are each server's own",
                ));
            }
            part if is_schema(part) => {}
            other => {
                return Err(reads.wrong(
                    "inclusion",
                    other,
                    "`data.insert`, `data.delete`, `data`, `schema` or `all`",
                ));
            }
        }
    }
    for part in parts(reads.take(&["inclusion.exclusion"]).unwrap_or_default()) {
        match part.as_str() {
            "data.delete" => deletions = false,
            part if is_kept_here(part) => {}
            other => {
                return Err(reads.wrong(
                    "inclusion.exclusion",
                    other,
                    "`data.delete`: rows are always sent, and series are made before theirs come",
                ));
            }
        }
    }
    Ok(deletions)
}

/// Whether a part of `all` is never sent.
fn is_kept_here(part: &str) -> bool {
    ["auth", "schema.ttl", "schema.timeseries.view"].iter().any(|own| is_part_of(part, own))
}

/// Whether a part is of the schema: databases and series are made before rows of theirs come, those of templates as series.
fn is_schema(part: &str) -> bool {
    part == "schema"
        || part == "schema.timeseries"
        || ["schema.database", "schema.timeseries.ordinary", "schema.timeseries.template"]
            .iter()
            .any(|known| is_part_of(part, known))
}

fn is_part_of(part: &str, whole: &str) -> bool {
    part.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// How a source works; whether rows that came by a pipe are sent on.
pub(super) fn forwards(reads: &mut Reads<'_>) -> Result<bool, SessionError> {
    const AT_ONCE: &str = "rows are sent as they are written, not file by file";
    if let Some(mode) = reads.take(&["realtime.mode"]) {
        match mode.to_ascii_lowercase().as_str() {
            "hybrid" | "stream" | "log" | "forced-log" => {}
            _ => return Err(reads.wrong("realtime.mode", mode, &format!("`stream` or `hybrid`: {AT_ONCE}"))),
        }
    }
    if reads.boolean(&["mode.streaming"])? == Some(false) {
        return Err(reads.wrong("mode.streaming", "false", &format!("`true`: {AT_ONCE}")));
    }
    // Exactly what is asked for is sent: rows beside it would be allowed, not wanted.
    reads.boolean(&["mode.strict"])?;
    for key in ["history.loose-range", "realtime.loose-range"] {
        let Some(value) = reads.take(&[key]) else { continue };
        let known = |part: &str| ["", "time", "path", "all"].contains(&part.trim());
        if !value.to_ascii_lowercase().split(',').all(known) {
            return Err(reads.wrong(key, value, "`time`, `path` or `all`"));
        }
    }
    // What was deleted before the pipe began is not stored any more, whatever its files say.
    reads.boolean(&["mods.enable"])?;
    if reads.boolean(&["capture.tree"])? == Some(false) {
        return Err(reads.wrong("capture.tree", "false", "`true`: there is nothing else to send"));
    }
    if reads.boolean(&["capture.table"])? == Some(true) {
        return Err(reads.wrong("capture.table", "true", "`false`: there is no table model"));
    }
    if let Some(value) = reads.take(&["watermark-interval-ms"])
        && value.parse::<i64>().ok().is_none_or(|interval| interval >= 0)
    {
        return Err(reads.wrong("watermark-interval-ms", value, "-1: there are no watermarks in a pipe"));
    }
    let forwards = reads.boolean(&["forwarding-pipe-requests"])?.unwrap_or(true);
    // Two servers that send to each other what is written there.
    Ok(forwards && reads.boolean(&["mode.double-living"])? != Some(true))
}

/// How a sink works: how servers find each other's nodes, and load files.
pub(super) fn of_sink(reads: &mut Reads<'_>) -> Result<(), SessionError> {
    for (key, known) in [
        ("load-balance-strategy", ["round-robin", "random", "priority"].as_slice()),
        ("load-tsfile-strategy", &["sync", "async"]),
    ] {
        let Some(value) = reads.take(&[key]) else { continue };
        if !known.contains(&value.to_ascii_lowercase().as_str()) {
            return Err(reads.wrong(key, value, &format!("`{}`", known.join("` or `"))));
        }
    }
    reads.boolean(&["leader-cache.enable"])?;
    if let Some(value) = reads.take(&["parallel.tasks"])
        && value.parse::<u32>().ok().is_none_or(|tasks| tasks == 0)
    {
        return Err(reads.wrong("parallel.tasks", value, "a number, 1 or more"));
    }
    Ok(())
}

/// Reads attributes one by one; what nobody asked for is an error.
pub(super) struct Reads<'a> {
    left: Vec<(&'a str, &'a str)>,
    of: &'static str,
}

impl<'a> Reads<'a> {
    pub(super) fn new(attributes: &'a Pairs, of: &'static str) -> Self {
        Self { left: attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(), of }
    }

    /// The value of an attribute, by one of its names.
    pub(super) fn take(&mut self, names: &[&str]) -> Option<&'a str> {
        let at = self.left.iter().position(|(key, _)| names.contains(key))?;
        Some(self.left.remove(at).1)
    }

    pub(super) fn wrong(&self, key: &str, value: &str, wanted: &str) -> SessionError {
        pipe_error(format!("`{key}` of {} is `{value}`, and should be {wanted}", self.of))
    }

    pub(super) fn boolean(&mut self, names: &[&str]) -> Result<Option<bool>, SessionError> {
        let Some(value) = self.take(names) else { return Ok(None) };
        let given = value.to_ascii_lowercase().parse();
        given.map(Some).map_err(|_| self.wrong(names[0], value, "`true` or `false`"))
    }

    /// A time: milliseconds since 1970 UTC, or a literal, which is of UTC where it has no zone.
    pub(super) fn time(&mut self, names: &[&str]) -> Result<Option<i64>, SessionError> {
        let Some(value) = self.take(names) else { return Ok(None) };
        if let Ok(number) = value.parse() {
            return Ok(Some(number));
        }
        let time = levada_model::parse_time(value, &jiff::tz::TimeZone::UTC);
        let time = time.map(|moment| moment.millis());
        time.map(Some).map_err(|error| self.wrong(names[0], value, &format!("a time: {error}")))
    }

    pub(super) fn patterns(&mut self, names: &[&str]) -> Result<Vec<PathPattern>, SessionError> {
        let Some(value) = self.take(names) else { return Ok(Vec::new()) };
        let parse = |text: &str| {
            PathPattern::parse(text.trim())
                .map_err(|error| self.wrong(names[0], text, &format!("a pattern of paths: {error}")))
        };
        value.split(',').map(parse).collect()
    }

    /// Which plugin is asked for, in small letters.
    pub(super) fn plugin(&mut self, names: &[&str], known: &[&str]) -> Result<Option<String>, SessionError> {
        let Some(plugin) = self.take(names) else { return Ok(None) };
        let plugin = plugin.to_ascii_lowercase();
        if !known.contains(&plugin.as_str()) {
            let message = format!(
                "Failed to reflect PipePlugin instance, because PipePlugin {} has not been registered.",
                plugin.to_ascii_uppercase()
            );
            return Err(pipe_error(message));
        }
        Ok(Some(plugin))
    }

    pub(super) fn end(self) -> Result<(), SessionError> {
        let Some((key, value)) = self.left.first() else { return Ok(()) };
        if let Some((_, why)) = LEFT_OUT.iter().find(|(begin, _)| key.starts_with(begin)) {
            return Err(self.wrong(key, value, &format!("left out: {why}")));
        }
        Err(pipe_error(format!("`{key}` is no attribute of {}", self.of)))
    }
}
