//! `levada udf new`: a project of functions to start from.

pub(super) mod c;
pub(super) mod python;
mod rust;

use std::{fs, path::PathBuf, process::ExitCode};

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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    C,
    Python,
}

/// A file of a project, below its folder, and its text; `{NAME}` is the project's name.
type File = (String, String);

const ROWS: &str = "Time,s1\n1,10\n2,\n3,-4\n";
const EXPECTED: &str = "Time,value\n1,25.0\n3,-10.0\n";

/// What projects declare that are not in Rust.
const FUNCTIONS: &str = "# The functions of this module: their kind, and the id that `create function … as` names.\nudtf {NAME}.Scale\n";

impl Language {
    fn files(self) -> Vec<File> {
        match self {
            Self::Rust => rust::files(),
            Self::C => c::files(),
            Self::Python => python::files(),
        }
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
    let common = [("rows.csv", ROWS), ("expected.csv", EXPECTED)];
    let common = common.map(|(file, text)| (file.to_owned(), text.to_owned()));
    for (file, text) in args.lang.files().into_iter().chain(common) {
        let text = text.replace("{NAME}", &name);
        let file = path.join(file);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let shown = path.display();
    println!("{shown} is made. Next:");
    println!("  levada udf build {shown}");
    println!(
        "  levada udf test {shown} --csv {shown}/rows.csv --attribute by=2.5 --expect {shown}/expected.csv"
    );
    println!("then copy {shown}/*.wasm to the folder ext/udf of the data folder, and in SQL:");
    println!("  create function scale as '{name}.Scale'");
    Ok(ExitCode::SUCCESS)
}
