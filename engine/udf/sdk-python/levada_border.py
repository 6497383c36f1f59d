"""What both halves of the border to the host share. Not for authors."""

from componentize_py_types import Err
from wit_world.imports import types

import functions
from levada_udf import Failure

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


def columns_of(batch, data_types):
    """The columns of a batch, as lists with None for what is missing."""
    count = len(batch.times)
    return [_column(column, data_type, count) for column, data_type in zip(batch.columns, data_types)]


def bits_of(truths):
    """A bit for each truth."""
    bits = bytearray((len(truths) + 7) // 8)
    for at, truth in enumerate(truths):
        bits[at >> 3] |= bool(truth) << (at & 7)
    return bytes(bits)


def values_of(values, data_type):
    """Values in the contract's terms."""
    if data_type == types.DataType.BOOLEAN:
        return types.Values_Boolean(bits_of(values))
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


def nothing_of(data_type):
    """What stands where a value is missing."""
    if data_type in _CHARACTERS or data_type == types.DataType.BLOB:
        return b""
    return 0


def told(cause, work):
    """What the author's code gives; what it raises, in the host's terms."""
    try:
        return work()
    except Failure as failure:
        raise Err(types.Failure(cause, str(failure)))
    except Exception as error:
        raise Err(types.Failure(types.Cause.OTHER, f"{type(error).__name__}: {error}"))


def function_of(id, kind, named):
    """What the author's file has of this id."""
    made = functions.FUNCTIONS.get(id)
    if made is None:
        raise Err(types.Failure(types.Cause.OTHER, f"FUNCTIONS of functions.py has no {id}"))
    function = told(types.Cause.OTHER, made)
    if not isinstance(function, kind):
        raise Err(types.Failure(types.Cause.OTHER, f"functions.txt says that {id} is {named}, which functions.py does not"))
    return function
