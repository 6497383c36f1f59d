//! A project in Python. It brings the SDK along.

use super::{FUNCTIONS, File};

/// The SDK's files.
pub(in crate::commands::udf) const SDK: [(&str, &str); 2] = [
    ("levada_udf.py", include_str!("../../../../../../engine/udf/sdk-python/levada_udf.py")),
    ("udtf.py", include_str!("../../../../../../engine/udf/sdk-python/udtf.py")),
];

const CODE: &str = r#"# Functions of users: build with `levada udf build`.
from levada_udf import Configuration, Failure, Function, ROW_BY_ROW


class Scale(Function):
    """scale(s, 'by'='2.5'): a series times a number."""

    def validate(self, parameters):
        if len(parameters.inputs) != 1:
            raise Failure("scale takes one input")
        if "by" not in parameters.attributes:
            raise Failure('attribute "by" is required but was not provided.')

    def before_start(self, parameters):
        self.by = float(parameters.attributes["by"])
        return Configuration(ROW_BY_ROW, "DOUBLE")

    def rows(self, times, columns, points):
        for time, value in zip(times, columns[0]):
            if value is not None:
                points.put(time, value * self.by)


# Each has a line in functions.txt, too.
FUNCTIONS = {"{NAME}.Scale": Scale}
"#;

/// Its files.
pub(super) fn files() -> Vec<File> {
    let ignored = (".gitignore", "target/\n*.wasm\n__pycache__/\n");
    let own = [("functions.py", CODE), ("functions.txt", FUNCTIONS), ignored];
    let own = own.map(|(file, text)| (file.to_owned(), text.to_owned()));
    let sdk = SDK.map(|(file, text)| (format!("sdk/{file}"), text.to_owned()));
    own.into_iter().chain(sdk).collect()
}
