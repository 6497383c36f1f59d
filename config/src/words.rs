//! Names in messages: quoted, listed, and the nearest known one.

/// The name nearest to what was written, if one is near enough to be meant.
pub(crate) fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '.', ' '], "_");
    let wanted = plain(written);
    names
        .into_iter()
        .map(|name| {
            let other = plain(name);
            let mut score = strsim::jaro_winkler(&wanted, &other);
            // A name that begins with the other is near; one that is a single edit away is nearer.
            if wanted.len() >= 3
                && other.len() >= 3
                && (other.starts_with(&wanted) || wanted.starts_with(&other))
            {
                score = score.max(0.86);
            }
            if strsim::osa_distance(&wanted, &other) <= 1 && wanted.len() > 2 {
                score = score.max(0.9);
            }
            (score, name)
        })
        .filter(|(score, _)| *score >= 0.82)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// `` `a`, `b` or `c` ``
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>, joint: &str) -> String {
    join(names.into_iter().map(|name| format!("`{name}`")).collect(), joint)
}

/// `a, b or c`
pub(crate) fn join(mut parts: Vec<String>, joint: &str) -> String {
    let Some(last) = parts.pop() else { return String::new() };
    if parts.is_empty() { last } else { format!("{} {joint} {last}", parts.join(", ")) }
}

/// Help for an unknown name: the nearest known one, otherwise all.
pub(crate) fn suggest<'a>(written: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(name) = nearest(written, names.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let all: Vec<_> = names.into_iter().collect();
    if all.is_empty() { None } else { Some(format!("it may be {}", list(all, "or"))) }
}

/// A value as a message shows it: on one line and not too long.
pub(crate) fn shown(value: &str) -> String {
    let mut shown: String = value.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

/// Adds a key to a field's path: `a.b`, `a."b.c"`.
pub(crate) fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if plain {
        path.push_str(key);
    } else {
        path.push('"');
        path.push_str(&shown(key));
        path.push('"');
    }
}

/// `sources` and `readings` make `sources.readings`.
pub(crate) fn joined(path: &str, key: &str) -> String {
    let mut path = path.to_owned();
    push_key(&mut path, key);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_may_be_meant() {
        let names = ["brokers", "topics", "group", "start", "end", "properties"];
        assert_eq!(nearest("broker", names), Some("brokers"));
        assert_eq!(nearest("topcis", names), Some("topics"));
        assert_eq!(nearest("Group", names), Some("group"));
        assert_eq!(nearest("colour", names), None);
    }

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(list(["a"], "or"), "`a`");
        assert_eq!(list(["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }
}
