//! A project in Rust. It brings the SDK along, so that it builds anywhere.

use super::File;

/// The SDK's files.
macro_rules! sdk {
    ($($file:literal),+ $(,)?) => {
        [$(($file, include_str!(concat!("../../../../../../engine/udf/sdk/", $file)))),+]
    };
}

const SDK: [(&str, &str); 23] = sdk![
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
    "src/guest/pages.rs",
    "src/guest/series.rs",
    "src/lib.rs",
    "src/page.rs",
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

const AGGREGATE: &str = r#"//! Functions of users: build with `levada udf build`.

use levada_udf_sdk::*;

/// `mean(s)`: the mean of the values of a group.
struct Mean;

impl Udaf for Mean {
    type State = (f64, u64);

    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        validator.inputs(1)?.input_types(&DataType::NUMERIC)?;
        Ok(())
    }

    fn before_start(&mut self, _: &UdfParameters) -> Result<DataType, Failure> {
        Ok(DataType::Double)
    }

    fn create(&self) -> Self::State {
        (0.0, 0)
    }

    fn add(&self, state: &mut Self::State, row: Row<'_>) -> Result<(), Failure> {
        match row.number(0)? {
            Some(value) => self.combine(state, (value, 1)),
            None => Ok(()),
        }
    }

    fn combine(&self, state: &mut Self::State, other: Self::State) -> Result<(), Failure> {
        *state = (state.0 + other.0, state.1 + other.1);
        Ok(())
    }

    fn output(&self, state: &Self::State, value: &mut ValueCollector) -> Result<(), Failure> {
        match *state {
            (_, 0) => Ok(()),
            (sum, count) => value.put(sum / count as f64),
        }
    }

    fn save(&self, state: &Self::State) -> Option<Vec<u8>> {
        Some([state.0.to_le_bytes(), state.1.to_le_bytes()].concat())
    }

    fn restore(&self, saved: &[u8]) -> Result<Self::State, Failure> {
        let (sum, count) = saved.split_at_checked(8).ok_or_else(|| Failure::new("this is not what mean saved"))?;
        Ok((f64::from_le_bytes(sum.try_into()?), u64::from_le_bytes(count.try_into()?)))
    }
}

export! {
    udaf "{NAME}.Mean" => Mean,
}
"#;

/// Its files.
pub(super) fn files(aggregate: bool) -> Vec<File> {
    let code = if aggregate { AGGREGATE } else { CODE };
    let own = [("Cargo.toml", MANIFEST), ("src/lib.rs", code), (".gitignore", "target/\n*.wasm\n")];
    let own = own.map(|(file, text)| (file.to_owned(), text.to_owned()));
    let sdk = SDK.map(|(file, text)| (format!("sdk/{file}"), text.to_owned()));
    let manifest = ("sdk/Cargo.toml".to_owned(), SDK_MANIFEST.to_owned());
    own.into_iter().chain([manifest]).chain(sdk).collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

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
