//! What a machine can see of a tidy tree: files and functions that have not outgrown their idea, modules without circles,
//! dependencies that are used. What is excepted is named with its reason, and must still be needed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::edges::packages;

mod modules;
mod text;

/// Lines of a file, and of a function.
const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

/// Longer functions: where they are, and why they stay.
const LONG_FUNCTIONS: [(&str, &str, &str); 7] = [
    ("engine/query/src/functions/text.rs", "definitions", "a table, one entry for each function"),
    (
        "engine/query/tests/it/explain.rs",
        "a_plan_is_a_tree_from_the_result_down_to_the_scans",
        "the trees it expects",
    ),
    ("engine/rpc/tests/it/server.rs", "answer", "one arm for each call"),
    ("engine/server/tests/it/users.rs", "insert", "one arm for each call"),
    (
        "engine/storage/tests/it/compaction.rs",
        "small_steps_and_small_files_lose_nothing",
        "one script, from top to bottom",
    ),
    ("engine/storage/tests/it/stress.rs", "round", "one script, from top to bottom"),
    ("runtime/cli/tests/it/options.rs", "values", "a table, one entry for each option"),
];

/// The crates, each with its folder below that of the workspace.
fn crates() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace");
    let folder = |package: &Value| {
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path")).canonicalize();
        let below = manifest.expect("a manifest").strip_prefix(&root).map(Path::to_owned);
        below.expect("a crate of the workspace").parent().expect("a folder").display().to_string()
    };
    packages().into_iter().map(|package| (folder(&package), package)).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The Rust files below a folder, with their paths from it.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.expect("a folder that can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("a file that can be read");
                let below = path.strip_prefix(folder).expect("a path below the folder").to_owned();
                found.push((below, source));
            }
        }
    }
    found.sort();
    found
}

/// All Rust files of the crates, with the paths that a reader looks for.
fn all_files() -> Vec<(String, String)> {
    let parts = ["src", "tests", "benches", "examples"];
    let folders = crates().into_iter().flat_map(|(name, _)| parts.map(|part| format!("{name}/{part}")));
    folders
        .flat_map(|folder| {
            let of_folder = files(&root().join(&folder));
            of_folder.into_iter().map(move |(path, source)| (format!("{folder}/{}", path.display()), source))
        })
        .collect()
}

#[test]
fn no_file_outgrows_its_idea() {
    let long = all_files().into_iter().filter(|(_, source)| source.lines().count() > FILE_LINES);
    let long: Vec<_> = long.map(|(path, source)| format!("{path}: {}", source.lines().count())).collect();
    assert!(long.is_empty(), "more than {FILE_LINES} lines: split by idea\n{}", long.join("\n"));
}

#[test]
fn no_function_outgrows_a_screen() {
    let mut long = Vec::new();
    let mut excepted: BTreeSet<_> =
        LONG_FUNCTIONS.iter().map(|(path, name, _)| format!("{path}: {name}")).collect();
    for (path, source) in all_files() {
        let code = text::code(&source);
        for (name, lines) in text::functions(&code) {
            if lines > FUNCTION_LINES && !excepted.remove(&format!("{path}: {name}")) {
                long.push(format!("{path}: {name}: {lines}"));
            }
        }
    }
    assert!(long.is_empty(), "more than {FUNCTION_LINES} lines: split by step\n{}", long.join("\n"));
    assert!(excepted.is_empty(), "no longer long, take them out of the list: {excepted:?}");
}

#[test]
fn no_modules_name_each_other_round_and_round() {
    let mut found = BTreeSet::new();
    for (name, _) in crates() {
        let files = files(&root().join(&name).join("src"));
        let files = files.iter().map(|(path, source)| (path.as_path(), source.as_str()));
        for circle in modules::Modules::new(files).circles() {
            found.insert(format!("{name}: {}", circle.into_iter().collect::<Vec<_>>().join(" ")));
        }
    }
    let found: Vec<_> = found.into_iter().collect();
    assert!(
        found.is_empty(),
        "circles, move what both sides need to a module of its own:\n{}",
        found.join("\n")
    );
}

#[test]
fn every_dependency_is_used() {
    let mut unused = BTreeSet::new();
    for (name, package) in crates() {
        let source = files(&root().join(&name).join("src"));
        let code: String = source.iter().map(|(_, source)| text::code(source)).collect();
        let words: BTreeSet<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for dependency in package["dependencies"].as_array().expect("a list") {
            let named = dependency["rename"].as_str().or(dependency["name"].as_str()).expect("a name");
            if dependency["kind"].is_null() && !words.contains(&*named.replace('-', "_")) {
                unused.insert(format!("{name}: {named}"));
            }
        }
    }
    assert!(unused.is_empty(), "no code names them: {unused:?}");
}
