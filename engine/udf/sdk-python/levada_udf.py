"""What functions in Python are written against: a function of series extends Function, an aggregate Aggregate. Each becomes an entry
of FUNCTIONS in functions.py, by its id, and a line of functions.txt.

For each call of each query there is an instance of its own, whose methods are called in this order:

    Function:   validate → before_start → rows… | window… → terminate → before_destroy
    Aggregate:  validate → before_start → create, add…, combine…, output (of each group) → before_destroy
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


class Aggregate:
    """A function that makes one value of the rows of a group. A state is whatever it needs to know of them; a method that changes one
    gives it back."""

    def validate(self, parameters):
        """Checks inputs and attributes."""

    def before_start(self, parameters):
        """Gives the name of the value's data type."""
        raise NotImplementedError

    def create(self):
        """The state of a group without rows."""
        raise NotImplementedError

    def add(self, state, times, columns):
        """The state with some rows more. Those of one series come in order of time."""
        raise NotImplementedError

    def combine(self, state, other):
        """The state with what another knows, of later rows or of other series."""
        raise NotImplementedError

    def output(self, state):
        """The group's value; None where it has none."""
        raise NotImplementedError

    def save(self, state):
        """What a pipeline stores of a state, as bytes; None where it cannot."""
        return None

    def restore(self, saved):
        """The state that was saved."""
        raise Failure("it does not save what it holds")

    def before_destroy(self):
        """Once at the end, also after a failure."""
