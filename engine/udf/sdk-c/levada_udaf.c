// The border between aggregates in C and the host.
#include "levada_border.h"

#include <stdlib.h>
#include <string.h>

#define UDAF "levada:udf/udaf@0.1.0"

// What an author's file does not have.
__attribute__((weak)) const udf_function udf_functions[1] = {{0}};
__attribute__((weak)) const size_t udf_function_count = 0;
__attribute__((weak)) const udf_aggregate udf_aggregates[1] = {{0}};
__attribute__((weak)) const size_t udf_aggregate_count = 0;

typedef struct { uint32_t group, first, last; } group_rows;

// Values of groups, of which some are missing.
struct udf_value { udf_points given; };

// One call in one query: the states of its groups stand one behind the other, the first at `begin`.
typedef struct {
  const udf_aggregate *function;
  udf_parameters parameters;
  udf_value values;
  uint8_t *validity;
  size_t stride, begin, count, capacity;
  char *groups;
  max_align_t call[];
} states;

// --- Values ------------------------------------------------------------------------------------------------------------------

#define GIVE(name, put, type) void name(udf_value *value, type given) { put(&value->given, 0, given); }
GIVE(udf_give_boolean, udf_put_boolean, bool)
GIVE(udf_give_int32, udf_put_int32, int32_t)
GIVE(udf_give_int64, udf_put_int64, int64_t)
GIVE(udf_give_float, udf_put_float, float)
GIVE(udf_give_double, udf_put_double, double)
GIVE(udf_give_text, udf_put_text, udf_text)

// What stands where a group has no value.
static void give_nothing(udf_value *value) {
  switch (levada_tag_of(value->given.output)) {
  case VALUES_BOOLEAN: udf_give_boolean(value, false); break;
  case VALUES_INT32: udf_give_int32(value, 0); break;
  case VALUES_INT64: udf_give_int64(value, 0); break;
  case VALUES_FLOAT: udf_give_float(value, 0); break;
  case VALUES_DOUBLE: udf_give_double(value, 0); break;
  default: udf_give_text(value, (udf_text){"", 0});
  }
}

// --- Groups ------------------------------------------------------------------------------------------------------------------

static void *state_of(states *self, size_t group) { return self->groups + (self->begin + group) * self->stride; }

// Makes the first groups, as far as they are not there.
static void reserve(states *self, size_t groups) {
  if (groups <= self->count) return;
  if (self->begin + groups > self->capacity) {
    // What was given to the host leaves room at the front.
    if (self->count) memmove(self->groups, state_of(self, 0), self->count * self->stride);
    self->begin = 0;
    // Twice as many as there are, so that they are seldom moved.
    if (groups > self->capacity / 2) {
      if (groups > SIZE_MAX / 2 / self->stride) __builtin_trap();
      size_t capacity = groups * 2;
      self->groups = levada_grown(self->groups, capacity * self->stride);
      self->capacity = capacity;
    }
  }
  memset(state_of(self, self->count), 0, (groups - self->count) * self->stride);
  self->count = groups;
}

static void forget(states *self, size_t groups) {
  for (size_t at = 0; self->function->forget && at < groups; at++) self->function->forget(self->call, state_of(self, at));
}

// --- Exports -----------------------------------------------------------------------------------------------------------------

__attribute__((import_module("[export]" UDAF), import_name("[resource-new]states"))) int32_t states_new(states *self);

// What exports of aggregates give, beside what those of series do.
static union {
  struct { uint8_t is_error, pad[3]; column values; } given;
  struct { uint8_t is_some; list bytes; } saved;
} result;

_Static_assert(sizeof(group_rows) == 12 && offsetof(__typeof__(result), given.values) == 4, "of udf.wit");

EXPORT(UDAF "#[static]states.make")
void *udaf_make(const char *id, size_t bytes, input *inputs, size_t width, attribute *attributes, size_t count) {
  const udf_aggregate *found = NULL;
  for (size_t at = 0; at < udf_aggregate_count; at++) {
    if (strlen(udf_aggregates[at].id) == bytes && !memcmp(udf_aggregates[at].id, id, bytes)) found = &udf_aggregates[at];
  }
  levada_freed((list){(void *)id, bytes});
  if (!found) return levada_failed(CAUSE_OTHER, "the module has no aggregate of this id: functions.txt names it");
  size_t whole = sizeof(states) + found->call_bytes;
  states *self = levada_grown(NULL, whole);
  memset(self, 0, whole);
  self->function = found;
  self->parameters = (udf_parameters){{inputs, width}, {attributes, count}};
  // Each state stands as a struct of any kind may.
  size_t align = _Alignof(max_align_t);
  self->stride = (found->state_bytes ? found->state_bytes + align - 1 : align) / align * align;
  return levada_number(states_new(self));
}

EXPORT(UDAF "#[method]states.validate") void *udaf_validate(states *self) {
  udf_error (*validate)(const udf_parameters *) = self->function->validate;
  return levada_done(validate ? validate(&self->parameters) : NULL, CAUSE_PARAMETERS);
}

EXPORT(UDAF "#[method]states.before-start") void *udaf_before_start(states *self) {
  udf_type *output = &self->values.given.output;
  udf_error error = self->function->before_start(self->call, &self->parameters, output);
  return error ? levada_failed(CAUSE_PARAMETERS, error) : levada_number((int32_t)*output);
}

EXPORT(UDAF "#[method]states.add")
void *udaf_add(states *self, int64_t *times, size_t count, column *columns, size_t width, group_rows *rows, size_t of_rows) {
  levada_batch batch = levada_rows(&self->parameters, times, count, columns, width);
  udf_error error = NULL;
  for (size_t at = 0; at < of_rows && !error; at++) {
    reserve(self, (size_t)rows[at].group + 1);
    error = self->function->add(self->call, state_of(self, rows[at].group), &batch.rows, rows[at].first, rows[at].last);
  }
  levada_rows_freed(&batch);
  levada_freed((list){rows, of_rows});
  return levada_done(error, CAUSE_OTHER);
}

// Makes a zeroed state what was saved.
static udf_error restore(states *self, void *state, udf_text saved) {
  const udf_aggregate *function = self->function;
  if (function->restore) return function->restore(self->call, state, saved);
  if (!function->is_plain) return "it does not save what it holds";
  if (saved.bytes != function->state_bytes) return "this is not what it saved";
  memcpy(state, saved.data, saved.bytes);
  return NULL;
}

EXPORT(UDAF "#[method]states.combine") void *udaf_combine(states *self, uint32_t group, char *saved, size_t bytes) {
  reserve(self, (size_t)group + 1);
  void *other = levada_grown(NULL, self->stride);
  memset(other, 0, self->stride);
  udf_error error = restore(self, other, (udf_text){saved, bytes});
  if (!error && !self->function->combine) error = "it does not combine what it holds";
  if (!error) error = self->function->combine(self->call, state_of(self, group), other);
  if (self->function->forget) self->function->forget(self->call, other);
  free(other);
  levada_freed((list){saved, bytes});
  return levada_done(error, CAUSE_OTHER);
}

EXPORT(UDAF "#[method]states.save") void *udaf_save(states *self, uint32_t group) {
  const udf_aggregate *function = self->function;
  reserve(self, (size_t)group + 1);
  memset(&result, 0, sizeof result);
  if (!function->save && !function->is_plain) return &result;
  void *state = state_of(self, group);
  udf_text saved = function->save ? function->save(self->call, state) : (udf_text){state, function->state_bytes};
  result.saved.is_some = 1;
  result.saved.bytes = (list){(void *)saved.data, saved.bytes};
  return &result;
}

EXPORT(UDAF "#[method]states.output") void *udaf_output(states *self, uint32_t groups) {
  udf_points *given = &self->values.given;
  levada_emptied(given);
  reserve(self, groups);
  size_t bytes = ((size_t)groups + 7) / 8;
  if (bytes) {
    self->validity = levada_grown(self->validity, bytes);
    memset(self->validity, 0, bytes);
  }
  for (size_t at = 0; at < groups; at++) {
    udf_error error = self->function->output(self->call, state_of(self, at), &self->values);
    if (error) return levada_failed(CAUSE_OTHER, error);
    if (given->wrong) return levada_failed(CAUSE_TYPE, given->wrong);
    if (given->count > at + 1) return levada_failed(CAUSE_OTHER, "it gave several values for one group");
    if (given->count == at) give_nothing(&self->values);
    else self->validity[at / 8] |= (uint8_t)(1u << at % 8);
  }
  forget(self, groups);
  self->begin += groups;
  self->count -= groups;
  memset(&result, 0, sizeof result);
  result.given.values = (column){1, {self->validity, bytes}, levada_values(given)};
  return &result;
}

EXPORT(UDAF "#[method]states.before-destroy") void udaf_before_destroy(states *self) {
  forget(self, self->count);
  self->count = 0;
  if (self->function->before_destroy) self->function->before_destroy(self->call);
}

EXPORT(UDAF "#[dtor]states") void udaf_drop(states *self) {
  levada_parameters_freed(&self->parameters);
  levada_points_freed(&self->values.given);
  free(self->validity);
  free(self->groups);
  free(self);
}
