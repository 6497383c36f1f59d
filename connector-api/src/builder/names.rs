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

/// Whether two names are the same. Most have at most 32 bytes: those are compared as two words, which overlap, without a call.
#[inline]
pub(super) fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0..4 => a.iter().eq(b),
        4..8 => ends_are_same::<4>(a, b),
        8..16 => ends_are_same::<8>(a, b),
        16..=32 => ends_are_same::<16>(a, b),
        _ => a == b,
    }
}

#[inline]
fn ends_are_same<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk::<N>() && a.last_chunk::<N>() == b.last_chunk::<N>()
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn names_are_the_same_where_each_byte_is() {
        let name = "a name of more than thirty-two bytes";
        for len in 0..=name.len() {
            let name = &name[..len];
            assert!(same(name, name), "{name}");
            assert!(!same(name, &format!("{name}x")));
            for at in 0..len {
                let mut other = name.to_owned();
                other.replace_range(at..=at, "#");
                assert!(!same(name, &other), "{name} {other}");
            }
        }
    }
}
