"""The border between functions of series in Python and the host: the interface `udtf` of udf.wit."""

from wit_world.imports import types

from levada_border import columns_of, function_of, told, values_of
from levada_udf import Function, Parameters, Points


class Instance:
    """One call in one query."""

    @classmethod
    def make(cls, id, parameters):
        self = cls()
        self.types = [each.data_type for each in parameters.inputs]
        self.parameters = Parameters(parameters)
        self.function = function_of(id, Function, "a function of series")
        return self

    def _points(self, work):
        points = Points()
        told(types.Cause.OTHER, lambda: work(points))
        return types.Points(points.times, told(types.Cause.WRONG_TYPE, lambda: values_of(points.values, self.output)))

    def validate(self):
        told(types.Cause.INVALID_PARAMETERS, lambda: self.function.validate(self.parameters))

    def before_start(self):
        started = told(types.Cause.INVALID_PARAMETERS, lambda: self.function.before_start(self.parameters))
        self.output = started.output
        return types.Configuration(started.access, started.output)

    def rows(self, input):
        columns = columns_of(input, self.types)
        return self._points(lambda points: self.function.rows(input.times, columns, points))

    def windows(self, input, windows):
        columns = columns_of(input, self.types)

        def each(points):
            for window in windows:
                rows = slice(window.first, window.last)
                cut = [column[rows] for column in columns]
                self.function.window(input.times[rows], cut, window.begin, window.end, points)

        return self._points(each)

    def terminate(self):
        return self._points(self.function.terminate)

    def save(self):
        return self.function.save()

    def restore(self, saved):
        told(types.Cause.OTHER, lambda: self.function.restore(saved))

    def before_destroy(self):
        self.function.before_destroy()
