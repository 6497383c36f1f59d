// What a function of series in C is written against. See README.md of the examples: a function is an entry of `udf_functions`,
// and its id a line of `functions.txt`.
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

// --- Functions ---------------------------------------------------------------------------------------------------------------

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

// What the module has: an author's file defines both.
extern const udf_function udf_functions[];
extern const size_t udf_function_count;

typedef enum { UDF_DEBUG, UDF_INFO, UDF_WARNING, UDF_ERROR } udf_level;

// A line in the server's log.
void udf_log(udf_level level, const char *message);

#endif
