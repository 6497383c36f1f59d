// Examples of functions in C: `levada udf build examples/udf/c` makes a module of them.
#include "levada_udf.h"

#include <string.h>

// adder(s1, s2): the sum, where both have a value.

static udf_error adder_validate(const udf_parameters *parameters) {
  bool right = udf_inputs(parameters) == 2 && udf_input_type(parameters, 0) == UDF_INT64 && udf_input_type(parameters, 1) == UDF_INT64;
  return right ? NULL : "adder takes two inputs of type INT64";
}

static udf_error adder_start(void *state, const udf_parameters *parameters, udf_configuration *configuration) {
  (void)state, (void)parameters;
  configuration->output = UDF_INT64;
  return NULL;
}

static udf_error adder_rows(void *state, const udf_rows *rows, udf_points *points) {
  (void)state;
  for (size_t row = 0; row < rows->count; row++) {
    if (udf_is_null(rows, 0, row) || udf_is_null(rows, 1, row)) continue;
    uint64_t sum = (uint64_t)udf_int64(rows, 0, row) + (uint64_t)udf_int64(rows, 1, row);
    udf_put_int64(points, rows->times[row], (int64_t)sum);
  }
  return NULL;
}

// counter(s1, 'time_interval'='10'): how many rows there are in each window of time.

static udf_error counter_start(void *state, const udf_parameters *parameters, udf_configuration *configuration) {
  (void)state;
  configuration->access = UDF_SLIDING_TIME;
  configuration->output = UDF_INT32;
  if (!udf_attribute_long(parameters, "time_interval", &configuration->size)) return "time_interval is no number";
  return configuration->size > 0 ? NULL : "attribute \"time_interval\" is required: a number of milliseconds above 0";
}

static udf_error counter_window(void *state, const udf_rows *rows, udf_window window, udf_points *points) {
  (void)state;
  if (window.first < window.last) udf_put_int32(points, rows->times[window.first], (int32_t)(window.last - window.first));
  return NULL;
}

// max(s1): the greatest value, at its time. A pipeline goes on with it behind a restart.

typedef struct { int64_t time; double greatest; bool any; } max_state;

static udf_error max_start(void *state, const udf_parameters *parameters, udf_configuration *configuration) {
  (void)state, (void)parameters;
  configuration->output = UDF_DOUBLE;
  return NULL;
}

static udf_error max_rows(void *state, const udf_rows *rows, udf_points *points) {
  (void)points;
  max_state *self = state;
  for (size_t row = 0; row < rows->count; row++) {
    if (udf_is_null(rows, 0, row)) continue;
    double value = udf_number(rows, 0, row);
    if (!self->any || value > self->greatest) *self = (max_state){rows->times[row], value, true};
  }
  return NULL;
}

static udf_error max_terminate(void *state, udf_points *points) {
  max_state *self = state;
  if (self->any) udf_put_double(points, self->time, self->greatest);
  return NULL;
}

static udf_text max_save(void *state) { return (udf_text){state, sizeof(max_state)}; }

static udf_error max_restore(void *state, udf_text saved) {
  if (saved.bytes != sizeof(max_state)) return "this is not what max saved";
  memcpy(state, saved.data, saved.bytes);
  return NULL;
}

// same(s1): a text as it is.

static udf_error same_start(void *state, const udf_parameters *parameters, udf_configuration *configuration) {
  (void)state;
  configuration->output = udf_input_type(parameters, 0);
  return configuration->output == UDF_TEXT ? NULL : "same takes a TEXT";
}

static udf_error same_rows(void *state, const udf_rows *rows, udf_points *points) {
  (void)state;
  for (size_t row = 0; row < rows->count; row++) {
    if (!udf_is_null(rows, 0, row)) udf_put_text(points, rows->times[row], udf_text_of(rows, 0, row));
  }
  return NULL;
}

const udf_function udf_functions[] = {
  {.id = "c.Adder", .validate = adder_validate, .before_start = adder_start, .rows = adder_rows},
  {.id = "c.Counter", .before_start = counter_start, .window = counter_window},
  {
    .id = "c.Max",
    .state_bytes = sizeof(max_state),
    .before_start = max_start,
    .rows = max_rows,
    .terminate = max_terminate,
    .save = max_save,
    .restore = max_restore,
  },
  {.id = "c.Same", .before_start = same_start, .rows = same_rows},
};
const size_t udf_function_count = sizeof udf_functions / sizeof *udf_functions;
