//! Names as they come from outside, as paths and nodes.

use std::borrow::Cow;

use levada_model::{Path, quote_node};

use super::RowError;

/// A device's path: legal paths as they are, otherwise every node between full stops with quotes where it needs them.
pub(super) fn device_path(name: &str) -> Result<Path, RowError> {
    if let Ok(path) = Path::parse(name) {
        return Ok(path);
    }
    if name.is_empty() {
        return Err(RowError("the device's name is empty".to_owned()));
    }
    if name.split('.').any(str::is_empty) {
        return Err(RowError(format!("the device `{name}` has an empty node")));
    }
    Ok(Path::from_raw_nodes(name.split('.')))
}

/// A measurement's raw name: what stands between backquotes where it is one quoted node, otherwise itself.
pub(super) fn raw_measurement(name: &str) -> Cow<'_, str> {
    if name.len() > 2 && name.starts_with('`') && name.ends_with('`') {
        // Only a legal quoted node unquotes to something that is quoted as it was, or need not be.
        let raw = levada_model::unquote_node(name);
        if Path::parse(name)
            .is_ok_and(|path| path.nodes().count() == 1 && *quote_node(&raw) == *path.as_str())
        {
            return raw;
        }
    }
    Cow::Borrowed(name)
}
