// A module whose start never ends.
#include "levada_udf.h"

static volatile int never;

__attribute__((constructor)) static void spin(void) {
  while (!never) {}
}

static udf_error start(void *state, const udf_parameters *parameters, udf_configuration *configuration) {
  (void)state, (void)parameters;
  configuration->output = UDF_INT64;
  return NULL;
}

static udf_error rows(void *state, const udf_rows *rows, udf_points *points) {
  (void)state, (void)rows, (void)points;
  return NULL;
}

const udf_function udf_functions[] = {{.id = "hostile.Spin", .before_start = start, .rows = rows}};
const size_t udf_function_count = 1;
