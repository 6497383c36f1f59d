//! The functions of the contract's tests, as a module.

#[path = "../../../../../tests/it/functions.rs"]
mod functions;

use functions::{Adder, Counter, Digest, Max, Mean, Same, Windows, Wrong};

levada_udf_sdk::export! {
    udtf "test.Adder" => Adder,
    udtf "test.Counter" => Counter,
    udtf "test.Digest" => Digest::default(),
    udtf "test.Max" => Max::default(),
    udtf "test.Same" => Same,
    udtf "test.Windows" => Windows::default(),
    udtf "test.Wrong" => Wrong::default(),
    udaf "test.Mean" => Mean,
}
