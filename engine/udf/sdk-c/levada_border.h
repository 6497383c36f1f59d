// What both halves of the border to the host share: the component model's layouts of udf.wit. Not for authors.
#ifndef LEVADA_BORDER_H
#define LEVADA_BORDER_H

#include "levada_udf.h"

#define EXPORT(name) __attribute__((export_name(name)))

typedef struct { void *data; size_t count; } list;
typedef struct { list path; uint8_t type; } input;
typedef struct { list key, value; } attribute;
// `second` is of texts: their bytes, where `first` has the offsets.
typedef struct { uint8_t tag; list first, second; } values;
typedef struct { uint8_t has_validity; list validity; values values; } column;

enum { VALUES_BOOLEAN, VALUES_INT32, VALUES_INT64, VALUES_FLOAT, VALUES_DOUBLE, VALUES_BYTES };
enum { CAUSE_PARAMETERS, CAUSE_INPUT, CAUSE_TYPE, CAUSE_TIMES, CAUSE_OTHER };

struct udf_parameters { list inputs, attributes; };
void levada_parameters_freed(udf_parameters *parameters);

struct udf_points {
  udf_type output;
  const char *wrong;
  size_t count, capacity;
  int64_t *times;
  uint8_t *values;    // of texts: offsets
  size_t bytes, room; // of texts
  char *text;
};
void levada_emptied(udf_points *points);
void levada_points_freed(udf_points *points);
// The values, which stay where they are.
values levada_values(const udf_points *points);
int levada_tag_of(udf_type type);

// Rows as a function sees them, in the memory that they came in.
typedef struct { udf_rows rows; udf_column *own; int64_t *times; column *columns; } levada_batch;
levada_batch levada_rows(const udf_parameters *parameters, int64_t *times, size_t count, column *columns, size_t width);
void levada_rows_freed(levada_batch *batch);

// The call ends where there is no memory.
void *levada_grown(void *old, size_t bytes);
void levada_freed(list each);

// What an export gives, which is read before the next call.
void *levada_done(udf_error error, uint8_t cause);
void *levada_failed(uint8_t cause, udf_error error);
void *levada_number(int32_t number);
list levada_text(const char *text);

#endif
