//! A project in JavaScript. It brings the SDK along.

use super::File;

/// The SDK's files.
pub(in crate::commands::udf) const SDK: [(&str, &str); 2] = [
    ("levada_udf.js", include_str!("../../../../../../engine/udf/sdk-javascript/levada_udf.js")),
    ("levada_border.js", include_str!("../../../../../../engine/udf/sdk-javascript/levada_border.js")),
];

/// So that Node.js reads the files as modules too.
const PACKAGE: &str = "{\"name\": \"{NAME}\", \"private\": true, \"type\": \"module\"}\n";

const CODE: &str = r#"// Functions of users: build with `levada udf build`.
import { Configuration, Failure, ROW_BY_ROW, SeriesFunction } from './sdk/levada_udf.js';

// scale(s, 'by'='2.5'): a series times a number.
class Scale extends SeriesFunction {
  validate({ inputs, attributes }) {
    if (inputs.length !== 1) throw new Failure('scale takes one input');
    if (!('by' in attributes)) throw new Failure('attribute "by" is required but was not provided.');
  }

  beforeStart({ attributes }) {
    this.by = Number(attributes.by);
    if (Number.isNaN(this.by)) throw new Failure('attribute "by" is no number');
    return new Configuration(ROW_BY_ROW, 'DOUBLE');
  }

  rows(times, [column], points) {
    for (let row = 0; row < times.length; row++) {
      if (column[row] !== null) points.put(times[row], Number(column[row]) * this.by);
    }
  }
}

// Each has a line in functions.txt, too.
export const functions = { '{NAME}.Scale': Scale };
"#;

const AGGREGATE: &str = r#"// Functions of users: build with `levada udf build`.
import { Aggregate, Failure } from './sdk/levada_udf.js';

// mean(s): the mean of the values of a group.
class Mean extends Aggregate {
  validate({ inputs }) {
    if (inputs.length !== 1) throw new Failure('mean takes one input');
  }

  beforeStart() {
    return 'DOUBLE';
  }

  create() {
    return { sum: 0, count: 0 };
  }

  add(state, times, [column]) {
    for (const value of column) {
      if (value === null) continue;
      state.sum += Number(value);
      state.count += 1;
    }
    return state;
  }

  combine(state, other) {
    return { sum: state.sum + other.sum, count: state.count + other.count };
  }

  output({ sum, count }) {
    return count > 0 ? sum / count : undefined;
  }

  save({ sum, count }) {
    return new Uint8Array(new Float64Array([sum, count]).buffer);
  }

  restore(saved) {
    if (saved.length !== 16) throw new Failure('this is not what mean saved');
    const [sum, count] = new Float64Array(saved.slice().buffer);
    return { sum, count };
  }
}

// Each has a line in functions.txt, too.
export const functions = { '{NAME}.Mean': Mean };
"#;

/// Its files.
pub(super) fn files(aggregate: bool) -> Vec<File> {
    let code = if aggregate { AGGREGATE } else { CODE };
    let ignored = (".gitignore", "target/\nnode_modules/\n*.wasm\n");
    let own = [("functions.js", code), ("package.json", PACKAGE), ignored];
    let own = own.map(|(file, text)| (file.to_owned(), text.to_owned()));
    let sdk = SDK.map(|(file, text)| (format!("sdk/{file}"), text.to_owned()));
    own.into_iter().chain(sdk).collect()
}
