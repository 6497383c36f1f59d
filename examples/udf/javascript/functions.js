// Examples of functions in JavaScript: `levada udf build examples/udf/javascript` makes a module of them.
import { Aggregate, Configuration, Failure, ROW_BY_ROW, SeriesFunction, slidingTime } from './sdk/levada_udf.js';

// adder(s1, s2): the sum, where both have a value.
class Adder extends SeriesFunction {
  validate({ inputs }) {
    if (inputs.length !== 2 || inputs.some(({ dataType }) => dataType !== 'INT64')) {
      throw new Failure('adder takes two inputs of type INT64');
    }
  }

  beforeStart() {
    return new Configuration(ROW_BY_ROW, 'INT64');
  }

  rows(times, [left, right], points) {
    for (let row = 0; row < times.length; row++) {
      if (left[row] === null || right[row] === null) continue;
      points.put(times[row], BigInt.asIntN(64, left[row] + right[row]));
    }
  }
}

// counter(s1, 'time_interval'='10'): how many rows there are in each window of time.
class Counter extends SeriesFunction {
  beforeStart({ attributes }) {
    return new Configuration(slidingTime(attributes.time_interval), 'INT32');
  }

  window(times, columns, begin, end, points) {
    if (times.length > 0) points.put(times[0], times.length);
  }
}

// max(s1): the greatest value, at its time. A pipeline goes on with it behind a restart.
class Max extends SeriesFunction {
  beforeStart() {
    return new Configuration(ROW_BY_ROW, 'DOUBLE');
  }

  rows(times, [column], points) {
    for (let row = 0; row < times.length; row++) {
      if (column[row] === null) continue;
      const value = Number(column[row]);
      if (!this.best || value > this.best.value) this.best = { time: times[row], value };
    }
  }

  terminate(points) {
    if (this.best) points.put(this.best.time, this.best.value);
  }

  save() {
    if (!this.best) return new Uint8Array();
    const saved = new DataView(new ArrayBuffer(16));
    saved.setBigInt64(0, this.best.time);
    saved.setFloat64(8, this.best.value);
    return new Uint8Array(saved.buffer);
  }

  restore(saved) {
    if (saved.length === 0) return;
    if (saved.length !== 16) throw new Failure('this is not what max saved');
    const view = new DataView(saved.buffer, saved.byteOffset, saved.byteLength);
    this.best = { time: view.getBigInt64(0), value: view.getFloat64(8) };
  }
}

// same(s1): a text as it is.
class Same extends SeriesFunction {
  beforeStart({ inputs }) {
    return new Configuration(ROW_BY_ROW, inputs[0].dataType);
  }

  rows(times, [column], points) {
    for (let row = 0; row < times.length; row++) {
      if (column[row] !== null) points.put(times[row], column[row]);
    }
  }
}

// span(s1): how far the greatest value of a group is from the least.
class Span extends Aggregate {
  beforeStart() {
    return 'DOUBLE';
  }

  create() {
    return null;
  }

  add(state, times, [column]) {
    for (const cell of column) {
      if (cell !== null) state = this.combine(state, [Number(cell), Number(cell)]);
    }
    return state;
  }

  combine(state, other) {
    if (!state || !other) return state ?? other;
    return [Math.min(state[0], other[0]), Math.max(state[1], other[1])];
  }

  output(state) {
    return state ? state[1] - state[0] : undefined;
  }

  save(state) {
    return state ? new Uint8Array(new Float64Array(state).buffer) : new Uint8Array();
  }

  restore(saved) {
    if (saved.length === 0) return null;
    if (saved.length !== 16) throw new Failure('this is not what span saved');
    return [...new Float64Array(saved.slice().buffer)];
  }
}

// joined(s1, 'by'='; '): the texts of a group, one behind the other.
class Joined extends Aggregate {
  validate({ inputs }) {
    if (inputs.length !== 1 || inputs[0].dataType !== 'TEXT') throw new Failure('joined takes a TEXT');
  }

  beforeStart({ attributes }) {
    this.by = attributes.by ?? ',';
    return 'TEXT';
  }

  create() {
    return [];
  }

  add(state, times, [column]) {
    state.push(...column.filter((cell) => cell !== null));
    return state;
  }

  combine(state, other) {
    return state.concat(other);
  }

  output(state) {
    return state.length > 0 ? state.join(this.by) : undefined;
  }

  save(state) {
    return new TextEncoder().encode(JSON.stringify(state));
  }

  restore(saved) {
    return JSON.parse(new TextDecoder().decode(saved));
  }
}

export const functions = {
  'javascript.Adder': Adder,
  'javascript.Counter': Counter,
  'javascript.Max': Max,
  'javascript.Same': Same,
  'javascript.Span': Span,
  'javascript.Joined': Joined,
};
