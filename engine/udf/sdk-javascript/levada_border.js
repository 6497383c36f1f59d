// The border between functions in JavaScript and the host: the world `library` of udf.wit. Not for authors.
import { functions } from '../functions.js';
import { Aggregate, Failure, Parameters, Points, SeriesFunction } from './levada_udf.js';

const CHARACTERS = ['text', 'string'];

const bit = (bits, at) => (bits[at >> 3] >> (at & 7)) & 1;

function bitsOf(truths) {
  const bits = new Uint8Array((truths.length + 7) >> 3);
  truths.forEach((truth, at) => (bits[at >> 3] |= (truth ? 1 : 0) << (at & 7)));
  return bits;
}

// A column as an array; of numbers without missing ones it is the one that came.
function columnOf({ validity, values: { tag, val } }, dataType, count) {
  let cells = val;
  if (tag === 'boolean') {
    cells = Array.from({ length: count }, (_, at) => bit(val, at) === 1);
  } else if (tag === 'bytes') {
    const decoder = new TextDecoder();
    const cut = (at) => val.bytes.slice(val.offsets[at], val.offsets[at + 1]);
    const cell = CHARACTERS.includes(dataType) ? (at) => decoder.decode(cut(at)) : cut;
    cells = Array.from({ length: count }, (_, at) => cell(at));
  }
  return validity ? Array.from(cells, (cell, at) => (bit(validity, at) ? cell : null)) : cells;
}

const columnsOf = (batch, types) => batch.columns.map((column, at) => columnOf(column, types[at], batch.times.length));

// A number that the type has: an array would change one silently that it has not.
function exact(value, from, to) {
  if (!Number.isInteger(value) || value < from || value > to) throw new TypeError(`${value} is no value of the output's type`);
  return value;
}

function exactBig(value) {
  if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
    throw new TypeError(`${value} is no 64-bit BigInt, which the output's type needs`);
  }
  return value;
}

function number(value) {
  if (typeof value !== 'number') throw new TypeError(`${value} is no Number, which the output's type needs`);
  return value;
}

function truth(value) {
  if (typeof value !== 'boolean') throw new TypeError(`${value} is no truth, which the output's type needs`);
  return value;
}

function bytesOf(values, dataType) {
  const encoder = new TextEncoder();
  const parts = values.map((value) => {
    if (typeof value === 'string' && CHARACTERS.includes(dataType)) return encoder.encode(value);
    if (value instanceof Uint8Array) return value;
    throw new TypeError(`${value} is no value of the output's type`);
  });
  const offsets = new Int32Array(parts.length + 1);
  parts.forEach((part, at) => (offsets[at + 1] = offsets[at] + part.length));
  const bytes = new Uint8Array(offsets[parts.length]);
  parts.forEach((part, at) => bytes.set(part, offsets[at]));
  return { tag: 'bytes', val: { offsets, bytes } };
}

// Values in the contract's terms.
function valuesOf(values, dataType) {
  switch (dataType) {
    case 'boolean':
      return { tag: 'boolean', val: bitsOf(values.map(truth)) };
    case 'int32':
    case 'date':
      return { tag: 'int32', val: Int32Array.from(values, (value) => exact(value, -(2 ** 31), 2 ** 31 - 1)) };
    case 'int64':
    case 'timestamp':
      return { tag: 'int64', val: BigInt64Array.from(values, exactBig) };
    case 'float':
      return { tag: 'float', val: Float32Array.from(values, number) };
    case 'double':
      return { tag: 'double', val: Float64Array.from(values, number) };
    default:
      return bytesOf(values, dataType);
  }
}

// What stands where a value is missing.
const NOTHING = { boolean: false, int32: 0, date: 0, int64: 0n, timestamp: 0n, float: 0, double: 0 };
const nothingOf = (dataType) => NOTHING[dataType] ?? new Uint8Array();

// What the author's code gives; what it throws, in the host's terms.
function told(cause, work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof Failure) throw { cause, message: error.message };
    throw { cause: 'other', message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

function functionOf(id, kind, named) {
  const Made = functions[id];
  if (!Made) throw { cause: 'other', message: `\`functions\` of functions.js has no ${id}` };
  const made = told('other', () => new Made());
  if (made instanceof kind) return made;
  throw { cause: 'other', message: `functions.txt says that ${id} is ${named}, which functions.js does not` };
}

const typeOf = (name) => told('invalid-parameters', () => {
  if (typeof name !== 'string') throw new Failure('`beforeStart` names no data type');
  return name.toLowerCase();
});

// One call in one query.
class Instance {
  constructor(id, parameters) {
    this.types = parameters.inputs.map((input) => input.dataType);
    this.parameters = new Parameters(parameters);
    this.function = functionOf(id, SeriesFunction, 'a function of series');
  }

  static make(id, parameters) {
    return new Instance(id, parameters);
  }

  points(work) {
    const points = new Points();
    told('other', () => work(points));
    return {
      times: told('other', () => BigInt64Array.from(points.times, exactBig)),
      values: told('wrong-type', () => valuesOf(points.values, this.output)),
    };
  }

  validate() {
    told('invalid-parameters', () => this.function.validate(this.parameters));
  }

  beforeStart() {
    const { access, output } = told('invalid-parameters', () => this.function.beforeStart(this.parameters));
    this.output = typeOf(output);
    return { access, output: this.output };
  }

  rows(input) {
    const columns = columnsOf(input, this.types);
    return this.points((points) => this.function.rows(input.times, columns, points));
  }

  windows(input, windows) {
    const columns = columnsOf(input, this.types);
    return this.points((points) => {
      for (const { first, last, begin, end } of windows) {
        const cut = columns.map((column) => column.slice(first, last));
        this.function.window(input.times.slice(first, last), cut, begin, end, points);
      }
    });
  }

  terminate() {
    return this.points((points) => this.function.terminate(points));
  }

  save() {
    return this.function.save() ?? undefined;
  }

  restore(saved) {
    told('other', () => this.function.restore(saved));
  }

  beforeDestroy() {
    this.function.beforeDestroy();
  }
}

// One call of an aggregate in one query, with the states of its groups.
class States {
  groups = [];

  constructor(id, parameters) {
    this.types = parameters.inputs.map((input) => input.dataType);
    this.parameters = new Parameters(parameters);
    this.function = functionOf(id, Aggregate, 'an aggregate');
  }

  static make(id, parameters) {
    return new States(id, parameters);
  }

  reserve(groups) {
    while (this.groups.length < groups) this.groups.push(told('other', () => this.function.create()));
  }

  validate() {
    told('invalid-parameters', () => this.function.validate(this.parameters));
  }

  beforeStart() {
    this.outputType = typeOf(told('invalid-parameters', () => this.function.beforeStart(this.parameters)));
    return this.outputType;
  }

  add(input, rows) {
    const columns = columnsOf(input, this.types);
    for (const { group, first, last } of rows) {
      this.reserve(group + 1);
      const cut = columns.map((column) => column.slice(first, last));
      const added = () => this.function.add(this.groups[group], input.times.slice(first, last), cut);
      this.groups[group] = told('other', added);
    }
  }

  combine(group, saved) {
    this.reserve(group + 1);
    const combined = () => this.function.combine(this.groups[group], this.function.restore(saved));
    this.groups[group] = told('other', combined);
  }

  save(group) {
    this.reserve(group + 1);
    return this.function.save(this.groups[group]) ?? undefined;
  }

  output(groups) {
    this.reserve(groups);
    const given = this.groups.slice(0, groups).map((state) => told('other', () => this.function.output(state)) ?? null);
    this.groups.splice(0, groups);
    const values = given.map((value) => value ?? nothingOf(this.outputType));
    return {
      validity: bitsOf(given.map((value) => value !== null)),
      values: told('wrong-type', () => valuesOf(values, this.outputType)),
    };
  }

  beforeDestroy() {
    this.function.beforeDestroy();
  }
}

export const udtf = { Instance };
export const udaf = { States };
