//! A project in Python. It brings the SDK along.

use super::File;

/// The SDK's files.
pub(in crate::commands::udf) const SDK: [(&str, &str); 4] = [
    ("levada_udf.py", include_str!("../../../../../../engine/udf/sdk-python/levada_udf.py")),
    ("levada_border.py", include_str!("../../../../../../engine/udf/sdk-python/levada_border.py")),
    ("udaf.py", include_str!("../../../../../../engine/udf/sdk-python/udaf.py")),
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

const AGGREGATE: &str = r#"# Functions of users: build with `levada udf build`.
import struct

from levada_udf import Aggregate, Failure


class Mean(Aggregate):
    """mean(s): the mean of the values of a group."""

    def validate(self, parameters):
        if len(parameters.inputs) != 1:
            raise Failure("mean takes one input")

    def before_start(self, parameters):
        return "DOUBLE"

    def create(self):
        return 0.0, 0

    def add(self, state, times, columns):
        values = [value for value in columns[0] if value is not None]
        return state[0] + sum(values), state[1] + len(values)

    def combine(self, state, other):
        return state[0] + other[0], state[1] + other[1]

    def output(self, state):
        total, count = state
        return total / count if count else None

    def save(self, state):
        return struct.pack("<dq", *state)

    def restore(self, saved):
        return struct.unpack("<dq", saved)


# Each has a line in functions.txt, too.
FUNCTIONS = {"{NAME}.Mean": Mean}
"#;

/// Its files.
pub(super) fn files(aggregate: bool) -> Vec<File> {
    let code = if aggregate { AGGREGATE } else { CODE };
    let own = [("functions.py", code), (".gitignore", "target/\n*.wasm\n__pycache__/\n")];
    let own = own.map(|(file, text)| (file.to_owned(), text.to_owned()));
    let sdk = SDK.map(|(file, text)| (format!("sdk/{file}"), text.to_owned()));
    own.into_iter().chain(sdk).collect()
}
