// The border between functions in C and the host: what both kinds share, and functions of series. Aggregates are in levada_udaf.c.
#include "levada_border.h"

#include <stdlib.h>
#include <string.h>

#define UDTF "levada:udf/udtf@0.1.0"

typedef struct { uint32_t first, last; int64_t begin, end; } window;
typedef struct { uint8_t is_some; int64_t value; } maybe;

// --- Memory ------------------------------------------------------------------------------------------------------------------

void *levada_grown(void *old, size_t bytes) {
  void *made = realloc(old, bytes);
  if (!made) __builtin_trap();
  return made;
}

EXPORT("cabi_realloc") void *levada_udf_realloc(void *old, size_t before, size_t align, size_t bytes) {
  (void)before;
  return bytes ? levada_grown(old, bytes) : (void *)align;
}

void levada_freed(list each) {
  if (each.count) free(each.data);
}

// --- Calls -------------------------------------------------------------------------------------------------------------------

typedef struct {
  const udf_function *function;
  udf_parameters parameters;
  udf_points points;
  max_align_t state[];
} instance;

size_t udf_inputs(const udf_parameters *parameters) { return parameters->inputs.count; }

static const input *input_at(const udf_parameters *parameters, size_t at) {
  if (at >= parameters->inputs.count) __builtin_trap();
  return (const input *)parameters->inputs.data + at;
}

udf_text udf_input_path(const udf_parameters *parameters, size_t at) {
  const input *found = input_at(parameters, at);
  return (udf_text){found->path.data, found->path.count};
}

udf_type udf_input_type(const udf_parameters *parameters, size_t at) { return input_at(parameters, at)->type; }

bool udf_attribute(const udf_parameters *parameters, const char *key, udf_text *value) {
  const attribute *all = parameters->attributes.data;
  size_t bytes = strlen(key);
  for (size_t at = 0; at < parameters->attributes.count; at++) {
    if (all[at].key.count == bytes && !memcmp(all[at].key.data, key, bytes)) {
      *value = (udf_text){all[at].value.data, all[at].value.count};
      return true;
    }
  }
  return false;
}

// An attribute with a 0 behind it: false where it is too long for a number.
static bool number_text(udf_text text, char into[64]) {
  if (!text.bytes || text.bytes >= 64) return false;
  memcpy(into, text.data, text.bytes);
  into[text.bytes] = 0;
  return true;
}

bool udf_attribute_double(const udf_parameters *parameters, const char *key, double *value) {
  udf_text text;
  char digits[64], *end;
  if (!udf_attribute(parameters, key, &text)) return true;
  if (!number_text(text, digits)) return false;
  *value = strtod(digits, &end);
  return !*end;
}

bool udf_attribute_long(const udf_parameters *parameters, const char *key, int64_t *value) {
  udf_text text;
  char digits[64], *end;
  if (!udf_attribute(parameters, key, &text)) return true;
  if (!number_text(text, digits)) return false;
  *value = strtoll(digits, &end, 10);
  return !*end;
}

double udf_number(const udf_rows *rows, size_t at, size_t row) {
  switch (rows->columns[at].type) {
  case UDF_BOOLEAN: return udf_boolean(rows, at, row);
  case UDF_INT32: case UDF_DATE: return udf_int32(rows, at, row);
  case UDF_INT64: case UDF_TIMESTAMP: return (double)udf_int64(rows, at, row);
  case UDF_FLOAT: return udf_float(rows, at, row);
  case UDF_DOUBLE: return udf_double(rows, at, row);
  default: return 0;
  }
}

// --- Points ------------------------------------------------------------------------------------------------------------------

int levada_tag_of(udf_type type) {
  switch (type) {
  case UDF_BOOLEAN: return VALUES_BOOLEAN;
  case UDF_INT32: case UDF_DATE: return VALUES_INT32;
  case UDF_INT64: case UDF_TIMESTAMP: return VALUES_INT64;
  case UDF_FLOAT: return VALUES_FLOAT;
  case UDF_DOUBLE: return VALUES_DOUBLE;
  default: return VALUES_BYTES;
  }
}

static size_t width_of(int tag) { return tag == VALUES_BOOLEAN ? 1 : tag == VALUES_INT64 || tag == VALUES_DOUBLE ? 8 : 4; }

// Makes room for a point; NULL where it is of another type than the output.
static void *next(udf_points *points, int64_t time, int tag) {
  if (levada_tag_of(points->output) != tag) {
    points->wrong = "a value was put that is not of the output's type";
    return NULL;
  }
  if (points->count == points->capacity) {
    points->capacity = points->capacity ? points->capacity * 2 : 1024;
    points->times = levada_grown(points->times, points->capacity * 8);
    // One more, for the last offset of texts.
    points->values = levada_grown(points->values, (points->capacity + 1) * width_of(tag));
  }
  points->times[points->count] = time;
  return points->values + points->count++ * width_of(tag);
}

void udf_put_boolean(udf_points *points, int64_t time, bool value) {
  size_t at = points->count;
  uint8_t *place = next(points, time, VALUES_BOOLEAN);
  if (!place) return;
  uint8_t bit = (uint8_t)(1u << at % 8);
  uint8_t *bits = points->values + at / 8;
  if (at % 8 == 0) *bits = 0;
  if (value) *bits |= bit;
}

#define PUT(name, type, tag) \
  void name(udf_points *points, int64_t time, type value) { \
    type *place = next(points, time, tag); \
    if (place) *place = value; \
  }
PUT(udf_put_int32, int32_t, VALUES_INT32)
PUT(udf_put_int64, int64_t, VALUES_INT64)
PUT(udf_put_float, float, VALUES_FLOAT)
PUT(udf_put_double, double, VALUES_DOUBLE)

void udf_put_text(udf_points *points, int64_t time, udf_text value) {
  int32_t *place = next(points, time, VALUES_BYTES);
  if (!place) return;
  if (points->bytes + value.bytes > INT32_MAX) {
    points->wrong = "one call put more than 2 GiB of text";
    return;
  }
  if (points->bytes + value.bytes > points->room) {
    points->room = (points->bytes + value.bytes) * 2;
    points->text = levada_grown(points->text, points->room);
  }
  place[0] = (int32_t)points->bytes;
  memcpy(points->text + points->bytes, value.data, value.bytes);
  points->bytes += value.bytes;
  place[1] = (int32_t)points->bytes;
}

// --- Results -----------------------------------------------------------------------------------------------------------------

// What exports of functions of series give.
static union {
  struct { uint8_t is_error, pad[3]; struct { list times; values values; } points; } given;
  struct { uint8_t is_some; list bytes; } saved;
  struct {
    uint8_t is_error;
    struct {
      uint8_t access;
      union {
        struct { int64_t size, step; maybe begin, end; } sliding;
        struct { int64_t gap; maybe begin, end; } session;
        struct { double delta; maybe begin, end; } state;
      };
      uint8_t output;
    } configuration __attribute__((aligned(8)));
  } started;
  struct { uint8_t is_error; struct { uint8_t cause; list message; } failure __attribute__((aligned(8))); } not_started;
} result;

_Static_assert(sizeof(column) == 32 && sizeof(input) == 12 && sizeof(attribute) == 16 && sizeof(window) == 24, "of udf.wit");
_Static_assert(offsetof(__typeof__(result), started.configuration.output) == 64, "of udf.wit");

list levada_text(const char *text) { return (list){(void *)text, strlen(text)}; }

// What exports of either kind give: nothing but whether it went well, or a number of one byte, or the handle of a resource.
static union {
  struct { uint8_t is_error, pad[3]; int32_t number; } plain;
  struct { uint8_t is_error, pad[3]; uint8_t cause; list message; } failure;
} answer;

void *levada_failed(uint8_t cause, udf_error error) {
  memset(&answer, 0, sizeof answer);
  answer.failure.is_error = 1;
  answer.failure.cause = cause;
  answer.failure.message = levada_text(error);
  return &answer;
}

void *levada_number(int32_t number) {
  memset(&answer, 0, sizeof answer);
  answer.plain.number = number;
  return &answer;
}

void *levada_done(udf_error error, uint8_t cause) { return error ? levada_failed(cause, error) : levada_number(0); }

values levada_values(const udf_points *points) {
  static const int32_t no_text[1];
  int tag = levada_tag_of(points->output);
  values given = {.tag = (uint8_t)tag};
  switch (tag) {
  case VALUES_BOOLEAN: given.first = (list){points->values, (points->count + 7) / 8}; break;
  case VALUES_BYTES:
    given.first = points->count ? (list){points->values, points->count + 1} : (list){(void *)no_text, 1};
    given.second = (list){points->text, points->bytes};
    break;
  default: given.first = (list){points->values, points->count};
  }
  return given;
}

// The points that a call put; they stay where they are until the next.
static void *given(instance *self, udf_error error) {
  udf_points *points = &self->points;
  if (!error && points->wrong) return levada_failed(CAUSE_TYPE, points->wrong);
  if (error) return levada_failed(CAUSE_OTHER, error);
  memset(&result, 0, sizeof result);
  result.given.points.times = (list){points->times, points->count};
  result.given.points.values = levada_values(points);
  return &result;
}

void levada_emptied(udf_points *points) {
  points->count = points->bytes = 0;
  points->wrong = NULL;
}

// --- Exports -----------------------------------------------------------------------------------------------------------------

__attribute__((import_module("[export]" UDTF), import_name("[resource-new]instance"))) int32_t resource_new(instance *self);

__attribute__((import_module("levada:udf/host@0.1.0"), import_name("log"))) void host_log(int32_t level, const char *text, size_t bytes);

void udf_log(udf_level level, const char *message) { host_log((int32_t)level, message, strlen(message)); }

EXPORT(UDTF "#[static]instance.make")
void *udtf_make(const char *id, size_t bytes, input *inputs, size_t width, attribute *attributes, size_t count) {
  const udf_function *found = NULL;
  for (size_t at = 0; at < udf_function_count; at++) {
    if (strlen(udf_functions[at].id) == bytes && !memcmp(udf_functions[at].id, id, bytes)) found = &udf_functions[at];
  }
  levada_freed((list){(void *)id, bytes});
  if (!found) return levada_failed(CAUSE_OTHER, "the module has no function of this id: functions.txt names it");
  size_t whole = sizeof(instance) + found->state_bytes;
  instance *self = levada_grown(NULL, whole);
  memset(self, 0, whole);
  self->function = found;
  self->parameters = (udf_parameters){{inputs, width}, {attributes, count}};
  return levada_number(resource_new(self));
}

EXPORT(UDTF "#[method]instance.validate") void *udtf_validate(instance *self) {
  udf_error (*validate)(const udf_parameters *) = self->function->validate;
  return levada_done(validate ? validate(&self->parameters) : NULL, CAUSE_PARAMETERS);
}

static maybe some(bool is_some, int64_t value) { return (maybe){is_some, value}; }

EXPORT(UDTF "#[method]instance.before-start") void *udtf_before_start(instance *self) {
  udf_configuration wanted = {0};
  udf_error error = self->function->before_start(self->state, &self->parameters, &wanted);
  if (!error && !(wanted.access == UDF_ROW_BY_ROW ? self->function->rows != NULL : self->function->window != NULL)) {
    error = "it has no method for the access that it asks for";
  }
  memset(&result, 0, sizeof result);
  if (error) {
    result.not_started.is_error = 1;
    result.not_started.failure.cause = CAUSE_PARAMETERS;
    result.not_started.failure.message = levada_text(error);
    return &result;
  }
  self->points.output = wanted.output;
  maybe begin = some(wanted.has_begin, wanted.begin), end = some(wanted.has_end, wanted.end);
  int64_t step = wanted.step ? wanted.step : wanted.size;
  result.started.configuration.access = (uint8_t)wanted.access;
  result.started.configuration.output = (uint8_t)wanted.output;
  switch (wanted.access) {
  case UDF_SLIDING_TIME: case UDF_SLIDING_SIZE:
    result.started.configuration.sliding.size = wanted.size;
    result.started.configuration.sliding.step = step;
    result.started.configuration.sliding.begin = begin;
    result.started.configuration.sliding.end = end;
    break;
  case UDF_SESSION:
    result.started.configuration.session.gap = wanted.size;
    result.started.configuration.session.begin = begin;
    result.started.configuration.session.end = end;
    break;
  case UDF_STATE:
    result.started.configuration.state.delta = wanted.delta;
    result.started.configuration.state.begin = begin;
    result.started.configuration.state.end = end;
    break;
  default: break;
  }
  return &result;
}

levada_batch levada_rows(const udf_parameters *parameters, int64_t *times, size_t count, column *columns, size_t width) {
  udf_column *own = width ? levada_grown(NULL, width * sizeof *own) : NULL;
  for (size_t at = 0; at < width; at++) {
    own[at] = (udf_column){
      .validity = columns[at].has_validity ? columns[at].validity.data : NULL,
      .values = columns[at].values.first.data,
      .bytes = columns[at].values.tag == VALUES_BYTES ? columns[at].values.second.data : NULL,
      .type = udf_input_type(parameters, at),
    };
  }
  return (levada_batch){{count, times, width, own}, own, times, columns};
}

void levada_rows_freed(levada_batch *batch) {
  for (size_t at = 0; at < batch->rows.width; at++) {
    column *each = batch->columns + at;
    if (each->has_validity) levada_freed(each->validity);
    levada_freed(each->values.first);
    if (each->values.tag == VALUES_BYTES) levada_freed(each->values.second);
  }
  free(batch->own);
  levada_freed((list){batch->columns, batch->rows.width});
  levada_freed((list){batch->times, batch->rows.count});
}

// Calls a method with rows, which are freed behind it.
static udf_error with_rows(instance *self, int64_t *times, size_t count, column *columns, size_t width, const window *windows, size_t of_windows) {
  levada_batch batch = levada_rows(&self->parameters, times, count, columns, width);
  udf_points *points = &self->points;
  levada_emptied(points);
  udf_error error = NULL;
  if (!windows) error = self->function->rows(self->state, &batch.rows, points);
  for (size_t at = 0; windows && at < of_windows && !error; at++) {
    udf_window each = {windows[at].first, windows[at].last, windows[at].begin, windows[at].end};
    error = self->function->window(self->state, &batch.rows, each, points);
  }
  levada_rows_freed(&batch);
  return error;
}

EXPORT(UDTF "#[method]instance.rows")
void *udtf_rows(instance *self, int64_t *times, size_t count, column *columns, size_t width) {
  return given(self, with_rows(self, times, count, columns, width, NULL, 0));
}

EXPORT(UDTF "#[method]instance.windows")
void *udtf_windows(instance *self, int64_t *times, size_t count, column *columns, size_t width, window *windows, size_t of_windows) {
  void *points = given(self, with_rows(self, times, count, columns, width, windows, of_windows));
  levada_freed((list){windows, of_windows});
  return points;
}

EXPORT(UDTF "#[method]instance.terminate") void *udtf_terminate(instance *self) {
  levada_emptied(&self->points);
  return given(self, self->function->terminate ? self->function->terminate(self->state, &self->points) : NULL);
}

EXPORT(UDTF "#[method]instance.save") void *udtf_save(instance *self) {
  memset(&result, 0, sizeof result);
  if (self->function->save) {
    udf_text saved = self->function->save(self->state);
    result.saved.is_some = 1;
    result.saved.bytes = (list){(void *)saved.data, saved.bytes};
  }
  return &result;
}

EXPORT(UDTF "#[method]instance.restore") void *udtf_restore(instance *self, char *saved, size_t bytes) {
  udf_error error = self->function->restore ? self->function->restore(self->state, (udf_text){saved, bytes}) : "it does not save what it holds";
  levada_freed((list){saved, bytes});
  return levada_done(error, CAUSE_OTHER);
}

EXPORT(UDTF "#[method]instance.before-destroy") void udtf_before_destroy(instance *self) {
  if (self->function->before_destroy) self->function->before_destroy(self->state);
}

void levada_parameters_freed(udf_parameters *parameters) {
  input *inputs = parameters->inputs.data;
  for (size_t at = 0; at < parameters->inputs.count; at++) levada_freed(inputs[at].path);
  levada_freed(parameters->inputs);
  attribute *attributes = parameters->attributes.data;
  for (size_t at = 0; at < parameters->attributes.count; at++) {
    levada_freed(attributes[at].key);
    levada_freed(attributes[at].value);
  }
  levada_freed(parameters->attributes);
}

void levada_points_freed(udf_points *points) {
  free(points->times);
  free(points->values);
  free(points->text);
}

EXPORT(UDTF "#[dtor]instance") void udtf_drop(instance *self) {
  levada_parameters_freed(&self->parameters);
  levada_points_freed(&self->points);
  free(self);
}
