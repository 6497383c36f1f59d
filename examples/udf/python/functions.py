# Examples of functions in Python: `levada udf build examples/udf/python` makes a module of them.
import json
import struct

from levada_udf import Aggregate, Configuration, Failure, Function, ROW_BY_ROW, sliding_time


class Adder(Function):
    """adder(s1, s2): the sum, where both have a value."""

    def validate(self, parameters):
        if [data_type for _, data_type in parameters.inputs] != ["INT64", "INT64"]:
            raise Failure("adder takes two inputs of type INT64")

    def before_start(self, parameters):
        return Configuration(ROW_BY_ROW, "INT64")

    def rows(self, times, columns, points):
        for time, left, right in zip(times, *columns):
            if left is not None and right is not None:
                points.put(time, (left + right + 2**63) % 2**64 - 2**63)


class Counter(Function):
    """counter(s1, 'time_interval'='10'): how many rows there are in each window of time."""

    def before_start(self, parameters):
        return Configuration(sliding_time(int(parameters.attributes["time_interval"])), "INT32")

    def window(self, times, columns, begin, end, points):
        if times:
            points.put(times[0], len(times))


class Max(Function):
    """max(s1): the greatest value, at its time. A pipeline goes on with it behind a restart."""

    best = None

    def before_start(self, parameters):
        return Configuration(ROW_BY_ROW, "DOUBLE")

    def rows(self, times, columns, points):
        for time, value in zip(times, columns[0]):
            if value is not None and (self.best is None or value > self.best[1]):
                self.best = time, float(value)

    def terminate(self, points):
        if self.best is not None:
            points.put(*self.best)

    def save(self):
        return b"" if self.best is None else struct.pack("<qd", *self.best)

    def restore(self, saved):
        self.best = struct.unpack("<qd", saved) if saved else None


class Same(Function):
    """same(s1): a text as it is."""

    def before_start(self, parameters):
        return Configuration(ROW_BY_ROW, parameters.inputs[0][1])

    def rows(self, times, columns, points):
        for time, value in zip(times, columns[0]):
            if value is not None:
                points.put(time, value)


class Span(Aggregate):
    """span(s1): how far the greatest value of a group is from the least."""

    def before_start(self, parameters):
        return "DOUBLE"

    def create(self):
        return None

    def add(self, state, times, columns):
        values = [value for value in columns[0] if value is not None]
        return self.combine(state, (min(values), max(values)) if values else None)

    def combine(self, state, other):
        if state is None or other is None:
            return state or other
        return min(state[0], other[0]), max(state[1], other[1])

    def output(self, state):
        return None if state is None else float(state[1] - state[0])

    def save(self, state):
        return b"" if state is None else struct.pack("<dd", *state)

    def restore(self, saved):
        return struct.unpack("<dd", saved) if saved else None


class Joined(Aggregate):
    """joined(s1, 'by'='; '): the texts of a group, one behind the other."""

    def validate(self, parameters):
        if [data_type for _, data_type in parameters.inputs] != ["TEXT"]:
            raise Failure("joined takes a TEXT")

    def before_start(self, parameters):
        self.by = parameters.attributes.get("by", ",")
        return "TEXT"

    def create(self):
        return []

    def add(self, state, times, columns):
        state.extend(value for value in columns[0] if value is not None)
        return state

    def combine(self, state, other):
        return state + other

    def output(self, state):
        return self.by.join(state) if state else None

    def save(self, state):
        return json.dumps(state).encode()

    def restore(self, saved):
        return json.loads(saved)


FUNCTIONS = {
    "python.Adder": Adder,
    "python.Counter": Counter,
    "python.Max": Max,
    "python.Same": Same,
    "python.Span": Span,
    "python.Joined": Joined,
}
