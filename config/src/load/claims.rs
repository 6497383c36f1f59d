//! What nodes need for themselves: a file, a folder, a port.

use std::collections::HashMap;

use super::nodes::Draft;
use crate::{code, keys::TopKeys, node::Node, report::Report, text::At, words};

/// Reports two nodes that need the same file, folder or port for themselves.
pub(super) fn check(drafts: &[Draft<'_>], top: Option<&TopKeys>, root: &Node, report: &mut Report<'_>) {
    let mut first: HashMap<String, (String, At)> = HashMap::new();
    let mut claims = Vec::new();
    for draft in drafts {
        for claim in &draft.claims {
            let thing = claim.split_once(' ').map_or(claim.as_str(), |(_, thing)| thing);
            let is_it = |text: &str| text == thing || plain(text) == plain(thing);
            let Some(entry) = draft.entry else { continue };
            let (at, inner) = entry.value.find(&is_it).unwrap_or((entry.key_at, String::new()));
            let path = words::joined(&draft.path, &entry.key) + &inner;
            claims.push((claim.clone(), format!("`{}`", draft.name), path, at));
        }
    }
    if let Some(file) = top.and_then(|top| top.errors.dead_letter.file.as_ref()) {
        let errors = root.entry("errors").map(|entry| entry.value.locate("dead_letter.file"));
        let claim = format!("file {}", file.display());
        claims.push((
            claim,
            "the dead letters".to_owned(),
            "errors.dead_letter.file".to_owned(),
            errors.unwrap_or(root.at),
        ));
    }
    for (claim, who, path, at) in claims {
        match first.get(&plain(&claim)) {
            Some((other, place)) => {
                let text = report.text;
                let message = format!("{other} and {who} both need {} for themselves", shown(&claim));
                let problem = report.error(code::CLAIMED_TWICE, &path, at, message);
                problem.note_at(text, *place, format!("{other} has it from here"));
                problem.help("give one of them another");
            }
            None => drop(first.insert(plain(&claim), (who, at))),
        }
    }
}

/// A claim in a message: `file out.csv` is ``the file `out.csv` ``.
pub(crate) fn shown(claim: &str) -> String {
    claim
        .split_once(' ')
        .map_or_else(|| format!("`{claim}`"), |(kind, thing)| format!("the {kind} `{thing}`"))
}

/// A claim without the differences that do not change a path: `./a`, `a//b`, `a/./b`.
pub(crate) fn plain(claim: &str) -> String {
    let (kind, thing) = claim.split_once(' ').unwrap_or(("", claim));
    let mut parts: Vec<&str> = Vec::new();
    for part in thing.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !last.is_empty() && *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("{kind} {}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_write_one_path_are_one_claim() {
        for same in ["file a/b", "file ./a/b", "file a//b", "file a/./b", "file a/x/../b", "file a/b/"] {
            assert_eq!(plain(same).trim_end_matches('/'), "file a/b", "{same}");
        }
        for other in ["file /a/b", "folder a/b", "file ../a/b", "file a/c"] {
            assert_ne!(plain(other), "file a/b");
        }
    }
}
