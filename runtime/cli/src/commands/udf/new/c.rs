//! A project in C. It brings the SDK along.

use super::{FUNCTIONS, File};

/// The SDK's files.
pub(in crate::commands::udf) const SDK: [(&str, &str); 2] = [
    ("levada_udf.h", include_str!("../../../../../../engine/udf/sdk-c/levada_udf.h")),
    ("levada_udf.c", include_str!("../../../../../../engine/udf/sdk-c/levada_udf.c")),
];

const CODE: &str = r#"// Functions of users: build with `levada udf build`.
#include "levada_udf.h"

// scale(s, 'by'='2.5'): a series times a number.

typedef struct { double by; } scale;

static udf_error scale_validate(const udf_parameters *parameters) {
  udf_text by;
  if (udf_inputs(parameters) != 1) return "scale takes one input";
  return udf_attribute(parameters, "by", &by) ? NULL : "attribute \"by\" is required but was not provided.";
}

static udf_error scale_start(void *state, const udf_parameters *parameters, udf_configuration *configuration) {
  configuration->output = UDF_DOUBLE;
  return udf_attribute_double(parameters, "by", &((scale *)state)->by) ? NULL : "attribute \"by\" is no number";
}

static udf_error scale_rows(void *state, const udf_rows *rows, udf_points *points) {
  for (size_t row = 0; row < rows->count; row++) {
    if (!udf_is_null(rows, 0, row)) udf_put_double(points, rows->times[row], udf_number(rows, 0, row) * ((scale *)state)->by);
  }
  return NULL;
}

// Each has a line in functions.txt, too.
const udf_function udf_functions[] = {
  {
    .id = "{NAME}.Scale",
    .state_bytes = sizeof(scale),
    .validate = scale_validate,
    .before_start = scale_start,
    .rows = scale_rows,
  },
};
const size_t udf_function_count = sizeof udf_functions / sizeof *udf_functions;
"#;

/// Its files.
pub(super) fn files() -> Vec<File> {
    let own = [("functions.c", CODE), ("functions.txt", FUNCTIONS), (".gitignore", "target/\n*.wasm\n")];
    let own = own.map(|(file, text)| (file.to_owned(), text.to_owned()));
    let sdk = SDK.map(|(file, text)| (format!("sdk/{file}"), text.to_owned()));
    own.into_iter().chain(sdk).collect()
}
