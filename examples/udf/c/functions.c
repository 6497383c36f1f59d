// Examples of functions in C: `levada udf build examples/udf/c` makes a module of them.
#include "levada_udf.h"

#include <stdlib.h>
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

// span(s1): how far the greatest value of a group is from the least.

typedef struct { double least, greatest; bool any; } span_state;

static udf_error span_start(void *call, const udf_parameters *parameters, udf_type *output) {
  (void)call, (void)parameters;
  *output = UDF_DOUBLE;
  return NULL;
}

static udf_error span_combine(const void *call, void *state, const void *other) {
  (void)call;
  span_state *self = state;
  const span_state *more = other;
  if (!self->any) *self = *more;
  if (!more->any) return NULL;
  if (more->least < self->least) self->least = more->least;
  if (more->greatest > self->greatest) self->greatest = more->greatest;
  return NULL;
}

static udf_error span_add(const void *call, void *state, const udf_rows *rows, size_t first, size_t last) {
  for (size_t row = first; row < last; row++) {
    if (udf_is_null(rows, 0, row)) continue;
    double value = udf_number(rows, 0, row);
    span_combine(call, state, &(span_state){value, value, true});
  }
  return NULL;
}

static udf_error span_output(const void *call, const void *state, udf_value *value) {
  (void)call;
  const span_state *self = state;
  if (self->any) udf_give_double(value, self->greatest - self->least);
  return NULL;
}

// joined(s1, 'by'='; '): the texts of a group, one behind the other.

typedef struct { udf_text by; } joined_call;
typedef struct { char *text; size_t bytes; bool any; } joined_state;

static udf_error joined_validate(const udf_parameters *parameters) {
  return udf_inputs(parameters) == 1 && udf_input_type(parameters, 0) == UDF_TEXT ? NULL : "joined takes a TEXT";
}

static udf_error joined_start(void *call, const udf_parameters *parameters, udf_type *output) {
  joined_call *self = call;
  self->by = (udf_text){",", 1};
  // Attributes live as long as the call.
  udf_attribute(parameters, "by", &self->by);
  *output = UDF_TEXT;
  return NULL;
}

static udf_error joined_put(const void *call, joined_state *self, udf_text more) {
  udf_text by = self->any ? ((const joined_call *)call)->by : (udf_text){"", 0};
  char *text = realloc(self->text, self->bytes + by.bytes + more.bytes + 1);
  if (!text) return "there is no memory for so much text";
  memcpy(text + self->bytes, by.data, by.bytes);
  memcpy(text + self->bytes + by.bytes, more.data, more.bytes);
  *self = (joined_state){text, self->bytes + by.bytes + more.bytes, true};
  return NULL;
}

static udf_error joined_add(const void *call, void *state, const udf_rows *rows, size_t first, size_t last) {
  udf_error error = NULL;
  for (size_t row = first; row < last && !error; row++) {
    if (!udf_is_null(rows, 0, row)) error = joined_put(call, state, udf_text_of(rows, 0, row));
  }
  return error;
}

static udf_error joined_combine(const void *call, void *state, const void *other) {
  const joined_state *more = other;
  return more->any ? joined_put(call, state, (udf_text){more->text, more->bytes}) : NULL;
}

static udf_error joined_output(const void *call, const void *state, udf_value *value) {
  (void)call;
  const joined_state *self = state;
  if (self->any) udf_give_text(value, (udf_text){self->text, self->bytes});
  return NULL;
}

// Nothing where there is none, which is not a text without characters.
static udf_text joined_save(const void *call, const void *state) {
  (void)call;
  const joined_state *self = state;
  if (!self->any) return (udf_text){"", 0};
  // There is room for one more.
  self->text[self->bytes] = '.';
  return (udf_text){self->text, self->bytes + 1};
}

static udf_error joined_restore(const void *call, void *state, udf_text saved) {
  return saved.bytes ? joined_put(call, state, (udf_text){saved.data, saved.bytes - 1}) : NULL;
}

static void joined_forget(const void *call, void *state) {
  (void)call;
  free(((joined_state *)state)->text);
}

const udf_aggregate udf_aggregates[] = {
  {
    .id = "c.Span",
    .state_bytes = sizeof(span_state),
    .before_start = span_start,
    .add = span_add,
    .combine = span_combine,
    .output = span_output,
    .is_plain = true,
  },
  {
    .id = "c.Joined",
    .call_bytes = sizeof(joined_call),
    .state_bytes = sizeof(joined_state),
    .validate = joined_validate,
    .before_start = joined_start,
    .add = joined_add,
    .combine = joined_combine,
    .output = joined_output,
    .save = joined_save,
    .restore = joined_restore,
    .forget = joined_forget,
  },
};
const size_t udf_aggregate_count = sizeof udf_aggregates / sizeof *udf_aggregates;
