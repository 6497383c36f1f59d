//! A project in C. It brings the SDK along.

use super::File;

/// The SDK's files.
pub(in crate::commands::udf) const SDK: [(&str, &str); 4] = [
    ("levada_udf.h", include_str!("../../../../../../engine/udf/sdk-c/levada_udf.h")),
    ("levada_border.h", include_str!("../../../../../../engine/udf/sdk-c/levada_border.h")),
    ("levada_udf.c", include_str!("../../../../../../engine/udf/sdk-c/levada_udf.c")),
    ("levada_udaf.c", include_str!("../../../../../../engine/udf/sdk-c/levada_udaf.c")),
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

const AGGREGATE: &str = r#"// Functions of users: build with `levada udf build`.
#include "levada_udf.h"

// mean(s): the mean of the values of a group.

typedef struct { double sum; int64_t count; } mean;

static udf_error mean_validate(const udf_parameters *parameters) {
  return udf_inputs(parameters) == 1 ? NULL : "mean takes one input";
}

static udf_error mean_start(void *call, const udf_parameters *parameters, udf_type *output) {
  (void)call, (void)parameters;
  *output = UDF_DOUBLE;
  return NULL;
}

static udf_error mean_add(const void *call, void *state, const udf_rows *rows, size_t first, size_t last) {
  (void)call;
  mean *self = state;
  for (size_t row = first; row < last; row++) {
    if (udf_is_null(rows, 0, row)) continue;
    self->sum += udf_number(rows, 0, row);
    self->count++;
  }
  return NULL;
}

static udf_error mean_combine(const void *call, void *state, const void *other) {
  (void)call;
  mean *self = state;
  const mean *more = other;
  self->sum += more->sum;
  self->count += more->count;
  return NULL;
}

static udf_error mean_output(const void *call, const void *state, udf_value *value) {
  (void)call;
  const mean *self = state;
  if (self->count) udf_give_double(value, self->sum / (double)self->count);
  return NULL;
}

// Each has a line in functions.txt, too.
const udf_aggregate udf_aggregates[] = {
  {
    .id = "{NAME}.Mean",
    .state_bytes = sizeof(mean),
    .validate = mean_validate,
    .before_start = mean_start,
    .add = mean_add,
    .combine = mean_combine,
    .output = mean_output,
    .is_plain = true,
  },
};
const size_t udf_aggregate_count = sizeof udf_aggregates / sizeof *udf_aggregates;
"#;

/// Its files.
pub(super) fn files(aggregate: bool) -> Vec<File> {
    let code = if aggregate { AGGREGATE } else { CODE };
    let own = [("functions.c", code), (".gitignore", "target/\n*.wasm\n")];
    let own = own.map(|(file, text)| (file.to_owned(), text.to_owned()));
    let sdk = SDK.map(|(file, text)| (format!("sdk/{file}"), text.to_owned()));
    own.into_iter().chain(sdk).collect()
}
