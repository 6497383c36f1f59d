//! `levada udf new`: a project of functions to start from. It brings the SDK along, so that it builds anywhere.

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
}

/// The SDK's files.
macro_rules! sdk {
    ($($file:literal),+ $(,)?) => {
        [$(($file, include_str!(concat!("../../../../../engine/udf/sdk/", $file)))),+]
    };
}

const SDK: [(&str, &str); 21] = sdk![
    "bindings/library.rs",
    "src/access.rs",
    "src/bits.rs",
    "src/buffer.rs",
    "src/collector.rs",
    "src/column.rs",
    "src/columns.rs",
    "src/data_type.rs",
    "src/export.rs",
    "src/failure.rs",
    "src/guest.rs",
    "src/guest/aggregate.rs",
    "src/guest/convert.rs",
    "src/guest/series.rs",
    "src/lib.rs",
    "src/parameters.rs",
    "src/udaf.rs",
    "src/udtf.rs",
    "src/validator.rs",
    "src/window.rs",
    "README.md",
];

const SDK_MANIFEST: &str = r#"[package]
name = "levada-udf-sdk"
version = "0.1.0"
edition = "2024"

[target.'cfg(target_arch = "wasm32")'.dependencies]
wit-bindgen = { version = "0.57", default-features = false, features = ["realloc"] }
"#;

const MANIFEST: &str = r#"[package]
name = "{NAME}"
version = "0.1.0"
edition = "2024"

[workspace]

[lib]
crate-type = ["cdylib"]

[dependencies]
levada-udf-sdk = { path = "sdk" }

[profile.release]
lto = true
codegen-units = 1
panic = "abort"
strip = true
"#;

const CODE: &str = r#"//! Functions of users: build with `levada udf build`.

use levada_udf_sdk::*;

/// `scale(s, 'by'='2.5')`: a series times a number.
#[derive(Default)]
struct Scale {
    by: f64,
}

impl Udtf for Scale {
    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        validator.inputs(1)?.input_types(&DataType::NUMERIC)?.required("by")?;
        Ok(())
    }

    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        self.by = parameters.required_double("by")?;
        Ok(Configuration::new(Access::RowByRow, DataType::Double))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        match row.number(0)? {
            Some(value) => points.put(row.time(), value * self.by),
            None => Ok(()),
        }
    }
}

export! {
    udtf "{NAME}.Scale" => Scale::default(),
}
"#;

const ROWS: &str = "Time,s1\n1,10\n2,\n3,-4\n";
const EXPECTED: &str = "Time,value\n1,25.0\n3,-10.0\n";

pub(super) fn new(args: &NewArgs) -> anyhow::Result<ExitCode> {
    let Language::Rust = args.lang;
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
    let own = [
        ("Cargo.toml", MANIFEST),
        ("src/lib.rs", CODE),
        ("rows.csv", ROWS),
        ("expected.csv", EXPECTED),
        (".gitignore", "target/\n*.wasm\n"),
        ("sdk/Cargo.toml", SDK_MANIFEST),
    ];
    let own = own.map(|(file, text)| (file.to_owned(), text.replace("{NAME}", &name)));
    let sdk = SDK.map(|(file, text)| (format!("sdk/{file}"), text.to_owned()));
    for (file, text) in own.into_iter().chain(sdk) {
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

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    fn below(folder: &Path, from: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                below(&path, from, found);
            } else {
                found.insert(path.strip_prefix(from).expect("it is below").display().to_string());
            }
        }
    }

    #[test]
    fn a_project_brings_the_whole_sdk() {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../engine/udf/sdk");
        let mut found = BTreeSet::new();
        below(&sdk, &sdk, &mut found);
        // A project's is of its own.
        found.remove("Cargo.toml");
        assert_eq!(found, SDK.iter().map(|(file, _)| (*file).to_owned()).collect());
    }
}
