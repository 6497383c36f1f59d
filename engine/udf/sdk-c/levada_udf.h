// What functions in C are written against. See README.md of the examples: a function of series is an entry of `udf_functions`, an
// aggregate one of `udf_aggregates`, and the id of each stands in a line of `functions.txt`.
//
// --- Functions of series ---
//
// For each call of each query there is a state of its own, zeroed, and the methods are called in this order, one at a time:
//
//   validate → before_start → rows… | window… → terminate → before_destroy
//
// A method says what is wrong by a text, which must live on; NULL where nothing is.
#ifndef LEVADA_UDF_H
#define LEVADA_UDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef const char *udf_error;

typedef enum {
  UDF_BOOLEAN, UDF_INT32, UDF_INT64, UDF_FLOAT, UDF_DOUBLE, UDF_TEXT, UDF_TIMESTAMP, UDF_DATE, UDF_BLOB, UDF_STRING
} udf_type;

// Bytes, in UTF-8 where they are a text; there is no 0 behind them.
typedef struct { const char *data; size_t bytes; } udf_text;

// --- What a call gives -------------------------------------------------------------------------------------------------------

typedef struct udf_parameters udf_parameters;

size_t udf_inputs(const udf_parameters *parameters);
udf_text udf_input_path(const udf_parameters *parameters, size_t input);
udf_type udf_input_type(const udf_parameters *parameters, size_t input);
// Whether there is an attribute, and what it is.
bool udf_attribute(const udf_parameters *parameters, const char *key, udf_text *value);
// An attribute as a number: false where it is there and no number. Without it the value stays as it is.
bool udf_attribute_double(const udf_parameters *parameters, const char *key, double *value);
bool udf_attribute_long(const udf_parameters *parameters, const char *key, int64_t *value);

// --- How rows come, and what is given ----------------------------------------------------------------------------------------

typedef enum { UDF_ROW_BY_ROW, UDF_SLIDING_TIME, UDF_SLIDING_SIZE, UDF_SESSION, UDF_STATE } udf_access;

typedef struct {
  udf_access access;
  udf_type output;
  int64_t size;   // the interval, the rows or the gap
  int64_t step;   // of sliding windows; as `size` where it is 0
  double delta;   // of UDF_STATE
  bool has_begin, has_end; // of the display window
  int64_t begin, end;
} udf_configuration;

// --- Rows --------------------------------------------------------------------------------------------------------------------

// Arrow's layouts. Bits begin at bit 0 of the first byte.
typedef struct {
  const uint8_t *validity; // NULL where no value is missing
  const void *values;      // bits, int32_t, int64_t, float or double; for texts their offsets (int32_t)
  const char *bytes;       // of texts
  udf_type type;
} udf_column;

typedef struct {
  size_t count;
  const int64_t *times;
  size_t width;
  const udf_column *columns;
} udf_rows;

// Rows first..last of those that it comes with.
typedef struct { size_t first, last; int64_t begin, end; } udf_window;

static inline bool udf_is_null(const udf_rows *rows, size_t input, size_t row) {
  const uint8_t *validity = rows->columns[input].validity;
  return validity && !(validity[row / 8] >> row % 8 & 1);
}
// Values of the input's own type; of null ones anything.
static inline bool udf_boolean(const udf_rows *rows, size_t input, size_t row) {
  return ((const uint8_t *)rows->columns[input].values)[row / 8] >> row % 8 & 1;
}
static inline int32_t udf_int32(const udf_rows *rows, size_t input, size_t row) {
  return ((const int32_t *)rows->columns[input].values)[row];
}
static inline int64_t udf_int64(const udf_rows *rows, size_t input, size_t row) {
  return ((const int64_t *)rows->columns[input].values)[row];
}
static inline float udf_float(const udf_rows *rows, size_t input, size_t row) {
  return ((const float *)rows->columns[input].values)[row];
}
static inline double udf_double(const udf_rows *rows, size_t input, size_t row) {
  return ((const double *)rows->columns[input].values)[row];
}
static inline udf_text udf_text_of(const udf_rows *rows, size_t input, size_t row) {
  const int32_t *offsets = rows->columns[input].values;
  return (udf_text){rows->columns[input].bytes + offsets[row], (size_t)(offsets[row + 1] - offsets[row])};
}
// A number of whichever type; 0 of what is none.
double udf_number(const udf_rows *rows, size_t input, size_t row);

// --- Points ------------------------------------------------------------------------------------------------------------------

// At strictly increasing times, of the type of the output.
typedef struct udf_points udf_points;

void udf_put_boolean(udf_points *points, int64_t time, bool value);
void udf_put_int32(udf_points *points, int64_t time, int32_t value);
void udf_put_int64(udf_points *points, int64_t time, int64_t value);
void udf_put_float(udf_points *points, int64_t time, float value);
void udf_put_double(udf_points *points, int64_t time, double value);
void udf_put_text(udf_points *points, int64_t time, udf_text value);

// --- Functions of series -----------------------------------------------------------------------------------------------------

typedef struct {
  // What `create function … as` names.
  const char *id;
  size_t state_bytes;
  // Checks inputs and attributes. May be NULL.
  udf_error (*validate)(const udf_parameters *parameters);
  // Reads attributes, and decides how rows come and which type is given.
  udf_error (*before_start)(void *state, const udf_parameters *parameters, udf_configuration *configuration);
  // Works on some rows, for UDF_ROW_BY_ROW. How rows are split into calls has no meaning.
  udf_error (*rows)(void *state, const udf_rows *rows, udf_points *points);
  // Works on a window, for the others.
  udf_error (*window)(void *state, const udf_rows *rows, udf_window window, udf_points *points);
  // Gives the points that need all rows; once, behind the last. May be NULL.
  udf_error (*terminate)(void *state, udf_points *points);
  // What a pipeline stores so that the function goes on behind a restart; it must live until the next call. May be NULL.
  udf_text (*save)(void *state);
  // Goes on from that. May be NULL where `save` is.
  udf_error (*restore)(void *state, udf_text saved);
  // Once at the end, also after an error. May be NULL.
  void (*before_destroy)(void *state);
} udf_function;

// Those that the module has: an author's file defines both, or neither.
extern const udf_function udf_functions[];
extern const size_t udf_function_count;

// --- Aggregates --------------------------------------------------------------------------------------------------------------

// An aggregate makes one value of the rows of a group. Each call of each query has a `call` of its own, and each group a `state`;
// both are zeroed, and the methods are called in this order, one at a time:
//
//   validate → before_start → add… | combine… → output (once for each group) → before_destroy

// Takes the value of a group, of the type of the output; none where nothing is given.
typedef struct udf_value udf_value;

void udf_give_boolean(udf_value *value, bool given);
void udf_give_int32(udf_value *value, int32_t given);
void udf_give_int64(udf_value *value, int64_t given);
void udf_give_float(udf_value *value, float given);
void udf_give_double(udf_value *value, double given);
void udf_give_text(udf_value *value, udf_text given);

typedef struct {
  // What `create function … as` names.
  const char *id;
  // Of what `before_start` reads for the other methods.
  size_t call_bytes;
  // Of what is known of a group's rows. States are moved between calls, so nothing may point into one.
  size_t state_bytes;
  // Checks inputs and attributes. May be NULL.
  udf_error (*validate)(const udf_parameters *parameters);
  // Reads attributes, and decides which type the value has.
  udf_error (*before_start)(void *call, const udf_parameters *parameters, udf_type *output);
  // Adds rows first..last to a state. Those of one series come in order of time.
  udf_error (*add)(const void *call, void *state, const udf_rows *rows, size_t first, size_t last);
  // Adds what another state knows, of later rows or of other series. May be NULL where the function is not saved.
  udf_error (*combine)(const void *call, void *state, const void *other);
  // Gives the group's value.
  udf_error (*output)(const void *call, const void *state, udf_value *value);
  // A state holds no pointers: it is saved as the bytes that it is, and `save` and `restore` are NULL.
  bool is_plain;
  // What is stored of a state; it must live until the next call. May be NULL.
  udf_text (*save)(const void *call, const void *state);
  // Makes a zeroed state what was saved. May be NULL where `save` is.
  udf_error (*restore)(const void *call, void *state, udf_text saved);
  // Frees what a state holds, which nothing needs any more. May be NULL.
  void (*forget)(const void *call, void *state);
  // Once at the end, also after an error. May be NULL.
  void (*before_destroy)(void *call);
} udf_aggregate;

// Those that the module has: an author's file defines both, or neither.
extern const udf_aggregate udf_aggregates[];
extern const size_t udf_aggregate_count;

// --- The log -----------------------------------------------------------------------------------------------------------------

typedef enum { UDF_DEBUG, UDF_INFO, UDF_WARNING, UDF_ERROR } udf_level;

// A line in the server's log.
void udf_log(udf_level level, const char *message);

#endif
