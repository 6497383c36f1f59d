//! The functions, natively.

use std::sync::Arc;

use levada_udf::{UdfFactory, udaf, udtf};

use crate::functions::{Adder, Counter, Digest, Max, Mean, Same, Windows, Wrong};

/// A factory of one of the functions.
pub(crate) fn factory(name: &str) -> Arc<dyn UdfFactory> {
    match name {
        "adder" => udtf("test.Adder", Adder::default),
        "counter" => udtf("test.Counter", Counter::default),
        "digest" => udtf("test.Digest", Digest::default),
        "max" => udtf("test.Max", Max::default),
        "same" => udtf("test.Same", Same::default),
        "windows" => udtf("test.Windows", Windows::default),
        "wrong" => udtf("test.Wrong", Wrong::default),
        "mean" => udaf("test.Mean", Mean::default),
        other => panic!("no function {other}"),
    }
}
