//! `levada udf new`: a project of functions to start from.

pub(super) mod c;
pub(super) mod javascript;
pub(super) mod python;
mod rust;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::ValueEnum;

use crate::exit::Failure;

/// Options of `udf new`.
#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    /// The project's folder, which must not be there; its last part is the module's name
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// In which language
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
    /// Begin with an aggregate, and not with a function of series
    #[arg(long)]
    aggregate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    C,
    Python,
    #[value(name = "javascript")]
    JavaScript,
}

/// A file of a project, below its folder, and its text; `{NAME}` is the project's name.
type File = (String, String);

const ROWS: &str = "Time,s1\n1,10\n2,\n3,-4\n";

/// What a project begins with.
#[derive(Clone, Copy, Debug)]
struct Start {
    kind: &'static str,
    /// The last part of the id.
    function: &'static str,
    /// What its tests give it, beside the rows.
    attributes: &'static str,
    expected: &'static str,
}

const SERIES: Start = Start {
    kind: "udtf",
    function: "Scale",
    attributes: " --attribute by=2.5",
    expected: "Time,value\n1,25.0\n3,-10.0\n",
};

const AGGREGATE: Start = Start { kind: "udaf", function: "Mean", attributes: "", expected: "value\n3.0\n" };

impl Language {
    /// Its files, of which one has this code of the two.
    fn files(self, aggregate: bool) -> Vec<File> {
        match self {
            Self::Rust => rust::files(aggregate),
            Self::C => c::files(aggregate),
            Self::Python => python::files(aggregate),
            Self::JavaScript => javascript::files(aggregate),
        }
    }
}

impl Start {
    /// What projects declare that are not in Rust.
    fn declared(self) -> String {
        let head =
            "# The functions of this module: their kind, and the id that `create function … as` names.";
        format!("{head}\n{} {{NAME}}.{}\n", self.kind, self.function)
    }
}

pub(super) fn new(args: &NewArgs) -> anyhow::Result<ExitCode> {
    let path = &args.path;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_word = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'));
    if !is_word {
        let message =
            format!("`{name}` is no name of a project: small letters, digits, `_` and `-`, a letter first");
        return Err(Failure::invalid(message).into());
    }
    if path.exists() {
        return Err(Failure::invalid(format!("{} is there already", path.display())).into());
    }
    let start = if args.aggregate { AGGREGATE } else { SERIES };
    let mut files = args.lang.files(args.aggregate);
    files.extend(
        [("rows.csv", ROWS), ("expected.csv", start.expected)].map(|(file, text)| (file.into(), text.into())),
    );
    if args.lang != Language::Rust {
        files.push(("functions.txt".to_owned(), start.declared()));
    }
    for (file, text) in files {
        let text = text.replace("{NAME}", &name);
        let file = path.join(file);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    tell(start, path, &name);
    Ok(ExitCode::SUCCESS)
}

/// Says what comes next.
fn tell(start: Start, path: &Path, name: &str) {
    let Start { function, attributes, .. } = start;
    let shown = path.display();
    println!("{shown} is made. Next:");
    println!("  levada udf build {shown}");
    println!("  levada udf test {shown} --csv {shown}/rows.csv{attributes} --expect {shown}/expected.csv");
    println!("then copy {shown}/*.wasm to the folder ext/udf of the data folder, and in SQL:");
    println!("  create function {} as '{name}.{function}'", function.to_lowercase());
    println!("`levada docs udf` is the page for authors.");
}
