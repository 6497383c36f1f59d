// What functions in JavaScript are written against: a function of series extends SeriesFunction, an aggregate Aggregate. Each becomes
// an entry of `functions` in functions.js, by its id, and a line of functions.txt.
//
// For each call of each query there is an instance of its own, whose methods are called in this order:
//
//   SeriesFunction:  validate → beforeStart → rows… | window… → terminate → beforeDestroy
//   Aggregate:       validate → beforeStart → create, add…, combine…, output (of each group) → beforeDestroy
//
// Times and values of INT64 and TIMESTAMP are BigInt, of other numbers Number. What is saved is a Uint8Array.

// Ends the query with this message.
export class Failure extends Error {}

// The inputs of a call, each with its `path` and the name of its `dataType`, and its attributes as texts.
export class Parameters {
  constructor(given) {
    this.inputs = given.inputs.map(({ path, dataType }) => ({ path, dataType: dataType.toUpperCase() }));
    this.attributes = Object.fromEntries(given.attributes);
  }
}

// How rows come, and which data type is given: INT32, INT64, FLOAT, DOUBLE, BOOLEAN, TEXT, …
export class Configuration {
  constructor(access, output) {
    this.access = access;
    this.output = output;
  }
}

export const ROW_BY_ROW = { tag: 'row-by-row' };

const time = (value) => (value === undefined || value === null ? undefined : BigInt(value));
const display = ({ begin, end }) => ({ begin: time(begin), end: time(end) });

// Windows of time, empty ones too.
export const slidingTime = (interval, { step = interval, ...within } = {}) => ({
  tag: 'sliding-time',
  val: { interval: BigInt(interval), step: BigInt(step), display: display(within) },
});

// Windows of so many rows; the last may be shorter.
export const slidingSize = (size, { step = size, ...within } = {}) => ({
  tag: 'sliding-size',
  val: { size: BigInt(size), step: BigInt(step), display: display(within) },
});

// Windows that end where no row follows within the gap.
export const session = (gap, within = {}) => ({ tag: 'session', val: { gap: BigInt(gap), display: display(within) } });

// Windows that end where the first input has changed by more than this.
export const state = (delta, within = {}) => ({ tag: 'state', val: { delta, display: display(within) } });

// Takes points, at strictly increasing times.
export class Points {
  times = [];
  values = [];

  put(time, value) {
    this.times.push(time);
    this.values.push(value);
  }
}

// A function of series. Columns are arrays with a value for each time, null where it is missing.
export class SeriesFunction {
  // Checks inputs and attributes.
  validate(parameters) {}

  // Gives a Configuration.
  beforeStart(parameters) {
    throw new Failure('it does not implement `beforeStart`');
  }

  // Works on some rows, for ROW_BY_ROW. How rows are split into calls has no meaning.
  rows(times, columns, points) {
    throw new Failure('it asked for rows one by one and does not implement `rows`');
  }

  // Works on a window, for the others.
  window(times, columns, begin, end, points) {
    throw new Failure('it asked for windows and does not implement `window`');
  }

  // Gives the points that need all rows; once, behind the last.
  terminate(points) {}

  // What a pipeline stores so that the function goes on behind a restart; undefined where it cannot.
  save() {
    return undefined;
  }

  // Goes on from that.
  restore(saved) {
    throw new Failure('it does not save what it holds');
  }

  // Once at the end, also after a failure.
  beforeDestroy() {}
}

// A function that makes one value of the rows of a group. A state is whatever it needs to know of them; a method that changes one gives
// it back.
export class Aggregate {
  // Checks inputs and attributes.
  validate(parameters) {}

  // Gives the name of the value's data type.
  beforeStart(parameters) {
    throw new Failure('it does not implement `beforeStart`');
  }

  // The state of a group without rows.
  create() {
    throw new Failure('it does not implement `create`');
  }

  // The state with some rows more. Those of one series come in order of time.
  add(state, times, columns) {
    throw new Failure('it does not implement `add`');
  }

  // The state with what another knows, of later rows or of other series.
  combine(state, other) {
    throw new Failure('it does not implement `combine`');
  }

  // The group's value; undefined where it has none.
  output(state) {
    throw new Failure('it does not implement `output`');
  }

  // What a pipeline stores of a state; undefined where it cannot.
  save(state) {
    return undefined;
  }

  // The state that was saved.
  restore(saved) {
    throw new Failure('it does not save what it holds');
  }

  // Once at the end, also after a failure.
  beforeDestroy() {}
}
