// A function that says that its texts are 1 GiB long, each in another way.
#include "levada_udf.c"

enum { GIB = 1 << 30 };

static udf_error start(void *state, const udf_parameters *parameters, udf_configuration *configuration) {
  (void)state, (void)parameters;
  configuration->output = UDF_TEXT;
  return NULL;
}

// Puts so much, which no memory holds.
static udf_error put(void *state, const udf_rows *rows, udf_points *points) {
  (void)state;
  udf_put_text(points, rows->times[0], (udf_text){"", GIB});
  return NULL;
}

// Puts a short one and lies about it.
static udf_error lie(void *state, const udf_rows *rows, udf_points *points) {
  (void)state;
  udf_put_text(points, rows->times[0], (udf_text){"short", 5});
  points->bytes = GIB;
  ((int32_t *)points->values)[1] = GIB;
  return NULL;
}

static udf_error nothing(void *state, const udf_rows *rows, udf_points *points) {
  (void)state, (void)rows, (void)points;
  return NULL;
}

static udf_text save(void *state) {
  (void)state;
  return (udf_text){"short", GIB};
}

const udf_function udf_functions[] = {
  {.id = "hostile.Put", .before_start = start, .rows = put},
  {.id = "hostile.Lie", .before_start = start, .rows = lie},
  {.id = "hostile.Save", .before_start = start, .rows = nothing, .save = save},
};
const size_t udf_function_count = 3;
