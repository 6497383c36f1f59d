//! The modules of a crate, and which of them name which.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::text;

/// A module's path below the crate; the crate's own is empty.
type Name = Vec<String>;

/// What the modules of one crate name.
#[derive(Debug, Default)]
pub(super) struct Modules {
    names: BTreeSet<Name>,
    /// The paths that each module names, whole.
    named: BTreeMap<Name, Vec<Name>>,
}

impl Modules {
    /// Reads the files of a crate: each its path below `src` and its text.
    pub(super) fn new<'a>(files: impl Iterator<Item = (&'a Path, &'a str)> + Clone) -> Self {
        let mut modules = Self::default();
        modules.names.insert(Vec::new());
        for (path, _) in files.clone() {
            modules.names.insert(name(path));
        }
        for (path, source) in files {
            let name = name(path);
            if name.last().is_some_and(|last| last == "tests") {
                continue;
            }
            let code = text::without_tests(&text::code(source));
            let mut found = Vec::new();
            for (at, _) in code.match_indices("::") {
                if let Some(base) = base(&code[..at], &name) {
                    paths(&code[at + 2..], base, &mut found);
                }
            }
            modules.named.insert(name, found);
        }
        modules
    }

    /// Sets of modules of one parent that name each other round and round, what lies below them counted as theirs.
    pub(super) fn circles(&self) -> Vec<BTreeSet<String>> {
        let mut circles = Vec::new();
        for parent in &self.names {
            let mut edges: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
            for (from, paths) in &self.named {
                for path in paths {
                    let (Some(from), Some(to)) = (self.child(parent, from), self.child(parent, path)) else {
                        continue;
                    };
                    if from != to {
                        edges.entry(from).or_default().insert(to);
                    }
                }
            }
            circles.extend(round_and_round(&edges));
        }
        circles
    }

    /// The module directly below a parent through which a path leads.
    fn child(&self, parent: &Name, path: &Name) -> Option<Name> {
        let child = path.get(..=parent.len())?;
        (child.starts_with(parent) && self.names.contains(child)).then(|| child.to_vec())
    }
}

fn name(path: &Path) -> Name {
    let mut parts: Name =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "lib" || last == "main" || last == "mod") {
        parts.pop();
    }
    parts
}

/// Where a path begins whose first word stands at the end of this code.
fn base(before: &str, module: &Name) -> Option<Name> {
    let word = |text: &str| {
        let begin = text.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |found| found + 1);
        (text[begin..].to_owned(), begin)
    };
    let (mut last, mut begin) = word(before);
    let mut up = 0;
    while last == "super" {
        up += 1;
        let Some(rest) = before[..begin].strip_suffix("::") else {
            return module.get(..module.len().checked_sub(up)?).map(<[String]>::to_vec);
        };
        (last, begin) = word(rest);
    }
    match last.as_str() {
        "crate" => Some(Vec::new()),
        "self" if !before[..begin].ends_with("::") => {
            module.get(..module.len().checked_sub(up)?).map(<[String]>::to_vec)
        }
        _ => None,
    }
}

/// The paths that go on from a base: `a::b`, `{a, b::{c, d}}`.
fn paths(code: &str, base: Name, found: &mut Vec<Name>) {
    let code = code.trim_start();
    if code.starts_with('{') {
        let inner = &code[1..text::block(code) - 1];
        let (mut depth, mut from) = (0, 0);
        for (at, byte) in inner.bytes().chain([b',']).enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                b',' if depth == 0 => {
                    paths(&inner[from..at], base.clone(), found);
                    from = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
    let (word, rest) = code.split_at(end);
    let mut path = base;
    if word == "super" {
        path.pop();
    } else if !word.is_empty() && word != "self" {
        path.push(word.to_owned());
    }
    match rest.strip_prefix("::") {
        Some(rest) if !word.is_empty() => paths(rest, path, found),
        _ => found.push(path),
    }
}

/// The sets of more than one node that can be reached from each other.
fn round_and_round(edges: &BTreeMap<Name, BTreeSet<Name>>) -> Vec<BTreeSet<String>> {
    let reached = |from: &Name| {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(node) = next.pop() {
            next.extend(edges.get(node).into_iter().flatten().filter(|&to| seen.insert(to.clone())));
        }
        seen
    };
    let all: BTreeMap<_, _> = edges.keys().map(|node| (node, reached(node))).collect();
    let mut circles = BTreeSet::new();
    for (node, seen) in &all {
        if seen.contains(*node) {
            let back = |other: &&Name| all.get(other).is_some_and(|seen| seen.contains(*node));
            circles.insert(seen.iter().filter(back).map(|name| name.join("::")).collect());
        }
    }
    circles.into_iter().collect()
}

#[test]
fn modules_that_name_each_other_are_found() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::{b::{self, X}, c};"),
        ("b.rs", "mod deep;"),
        ("b/deep.rs", "fn f() { super::super::a::g() } // crate::c::h"),
        ("c.rs", "use super::Shared;\n#[cfg(test)]\nmod tests { use crate::a::Y; }"),
    ];
    let files = files.map(|(path, source)| (Path::new(path), source));
    let modules = Modules::new(files.into_iter());
    assert_eq!(modules.circles(), [BTreeSet::from(["a".to_owned(), "b".to_owned()])]);
}
