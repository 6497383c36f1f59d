"""The border between functions in Python and the host: the interface `udtf` of udf.wit."""

from componentize_py_types import Err
from wit_world.imports import types

import functions
from levada_udf import Failure, Parameters, Points

_INT32 = (types.DataType.INT32, types.DataType.DATE)
_INT64 = (types.DataType.INT64, types.DataType.TIMESTAMP)
_CHARACTERS = (types.DataType.TEXT, types.DataType.STRING)


def _bit(bits, at):
    return bits[at >> 3] >> (at & 7) & 1


def _column(column, data_type, count):
    values = column.values
    if isinstance(values, types.Values_Boolean):
        cells = [bool(_bit(values.value, at)) for at in range(count)]
    elif isinstance(values, types.Values_Bytes):
        offsets, data = values.value.offsets, values.value.bytes
        cells = [data[offsets[at] : offsets[at + 1]] for at in range(count)]
        if data_type in _CHARACTERS:
            cells = [cell.decode() for cell in cells]
    else:
        cells = values.value
    if column.validity is None:
        return cells
    return [cell if _bit(column.validity, at) else None for at, cell in enumerate(cells)]


def _values(values, data_type):
    if data_type == types.DataType.BOOLEAN:
        bits = bytearray((len(values) + 7) // 8)
        for at, value in enumerate(values):
            bits[at >> 3] |= bool(value) << (at & 7)
        return types.Values_Boolean(bytes(bits))
    if data_type in _INT32:
        return types.Values_Int32(values)
    if data_type in _INT64:
        return types.Values_Int64(values)
    if data_type == types.DataType.FLOAT:
        return types.Values_Float(values)
    if data_type == types.DataType.DOUBLE:
        return types.Values_Double(values)
    offsets, data = [0], bytearray()
    for value in values:
        data += value.encode() if isinstance(value, str) else value
        offsets.append(len(data))
    return types.Values_Bytes(types.ByteValues(offsets, bytes(data)))


def _told(cause, work):
    """What the author's code gives; what it raises, in the host's terms."""
    try:
        return work()
    except Failure as failure:
        raise Err(types.Failure(cause, str(failure)))
    except Exception as error:
        raise Err(types.Failure(types.Cause.OTHER, f"{type(error).__name__}: {error}"))


class Instance:
    """One call in one query."""

    @classmethod
    def make(cls, id, parameters):
        if id not in functions.FUNCTIONS:
            raise Err(types.Failure(types.Cause.OTHER, f"FUNCTIONS of functions.py has no {id}"))
        self = cls()
        self.types = [each.data_type for each in parameters.inputs]
        self.parameters = Parameters(parameters)
        self.function = _told(types.Cause.OTHER, functions.FUNCTIONS[id])
        return self

    def _points(self, work):
        points = Points()
        _told(types.Cause.OTHER, lambda: work(points))
        return types.Points(points.times, _told(types.Cause.WRONG_TYPE, lambda: _values(points.values, self.output)))

    def _columns(self, batch):
        count = len(batch.times)
        return [_column(column, data_type, count) for column, data_type in zip(batch.columns, self.types)]

    def validate(self):
        _told(types.Cause.INVALID_PARAMETERS, lambda: self.function.validate(self.parameters))

    def before_start(self):
        started = _told(types.Cause.INVALID_PARAMETERS, lambda: self.function.before_start(self.parameters))
        self.output = started.output
        return types.Configuration(started.access, started.output)

    def rows(self, input):
        columns = self._columns(input)
        return self._points(lambda points: self.function.rows(input.times, columns, points))

    def windows(self, input, windows):
        columns = self._columns(input)

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
        _told(types.Cause.OTHER, lambda: self.function.restore(saved))

    def before_destroy(self):
        self.function.before_destroy()
