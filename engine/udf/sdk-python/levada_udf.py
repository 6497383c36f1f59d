"""What a function of series in Python is written against. It becomes an entry of FUNCTIONS in functions.py, by its id, and a line of
functions.txt.

For each call of each query there is an instance of its own, whose methods are called in this order:

    validate → before_start → rows… | window… → terminate → before_destroy
"""

from wit_world.imports import types


class Failure(Exception):
    """Ends the query with this message."""


class Parameters:
    """The inputs of a call, each with its path and the name of its data type, and its attributes as texts."""

    def __init__(self, given):
        self.inputs = [(each.path, each.data_type.name) for each in given.inputs]
        self.attributes = dict(given.attributes)


class Configuration:
    """How rows come, and which data type is given: INT32, INT64, FLOAT, DOUBLE, BOOLEAN, TEXT, …"""

    def __init__(self, access, output):
        self.access, self.output = access, types.DataType[output]


ROW_BY_ROW = types.Access_RowByRow()


def sliding_time(interval, step=None, begin=None, end=None):
    """Windows of time, empty ones too."""
    return types.Access_SlidingTime(types.TimeWindow(interval, step or interval, types.Display(begin, end)))


def sliding_size(size, step=None, begin=None, end=None):
    """Windows of so many rows; the last may be shorter."""
    return types.Access_SlidingSize(types.SizeWindow(size, step or size, types.Display(begin, end)))


def session(gap, begin=None, end=None):
    """Windows that end where no row follows within the gap."""
    return types.Access_Session(types.SessionWindow(gap, types.Display(begin, end)))


def state(delta, begin=None, end=None):
    """Windows that end where the first input has changed by more than this."""
    return types.Access_State(types.StateWindow(delta, types.Display(begin, end)))


class Points:
    """Takes points, at strictly increasing times."""

    def __init__(self):
        self.times, self.values = [], []

    def put(self, time, value):
        self.times.append(time)
        self.values.append(value)


class Function:
    """A function of series. Columns are lists with a value for each time, None where it is missing."""

    def validate(self, parameters):
        """Checks inputs and attributes."""

    def before_start(self, parameters):
        """Gives a Configuration."""
        raise NotImplementedError

    def rows(self, times, columns, points):
        """Works on some rows, for ROW_BY_ROW. How rows are split into calls has no meaning."""
        raise Failure("it asked for rows one by one and does not implement `rows`")

    def window(self, times, columns, begin, end, points):
        """Works on a window, for the others."""
        raise Failure("it asked for windows and does not implement `window`")

    def terminate(self, points):
        """Gives the points that need all rows; once, behind the last."""

    def save(self):
        """What a pipeline stores so that the function goes on behind a restart, as bytes; None where it cannot."""
        return None

    def restore(self, saved):
        """Goes on from that."""
        raise Failure("it does not save what it holds")

    def before_destroy(self):
        """Once at the end, also after a failure."""
