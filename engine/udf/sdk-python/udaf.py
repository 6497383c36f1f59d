"""The border between aggregates in Python and the host: the interface `udaf` of udf.wit."""

from collections import deque

from wit_world.imports import types

from levada_border import bits_of, columns_of, function_of, nothing_of, told, values_of
from levada_udf import Aggregate, Parameters


class States:
    """One call in one query, with the states of its groups."""

    @classmethod
    def make(cls, id, parameters):
        self = cls()
        self.types = [each.data_type for each in parameters.inputs]
        self.parameters = Parameters(parameters)
        self.function = function_of(id, Aggregate, "an aggregate")
        self.groups = deque()
        return self

    def _reserve(self, groups):
        while len(self.groups) < groups:
            self.groups.append(told(types.Cause.OTHER, self.function.create))

    def validate(self):
        told(types.Cause.INVALID_PARAMETERS, lambda: self.function.validate(self.parameters))

    def before_start(self):
        def start():
            return types.DataType[self.function.before_start(self.parameters)]

        self.output_type = told(types.Cause.INVALID_PARAMETERS, start)
        return self.output_type

    def add(self, input, rows):
        columns = columns_of(input, self.types)
        for each in rows:
            self._reserve(each.group + 1)
            cut = slice(each.first, each.last)

            def added():
                return self.function.add(self.groups[each.group], input.times[cut], [column[cut] for column in columns])

            self.groups[each.group] = told(types.Cause.OTHER, added)

    def combine(self, group, saved):
        self._reserve(group + 1)

        def combined():
            return self.function.combine(self.groups[group], self.function.restore(saved))

        self.groups[group] = told(types.Cause.OTHER, combined)

    def save(self, group):
        self._reserve(group + 1)
        return self.function.save(self.groups[group])

    def output(self, groups):
        self._reserve(groups)
        given = [told(types.Cause.OTHER, lambda: self.function.output(self.groups[at])) for at in range(groups)]
        for _ in range(groups):
            self.groups.popleft()
        nothing = nothing_of(self.output_type)
        values = [nothing if value is None else value for value in given]
        made = told(types.Cause.WRONG_TYPE, lambda: values_of(values, self.output_type))
        return types.Column(bits_of([value is not None for value in given]), made)

    def before_destroy(self):
        self.function.before_destroy()
