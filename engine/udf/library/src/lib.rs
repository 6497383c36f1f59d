//! Functions for data quality, built in: those of Apache IoTDB's UDF library, with the names, attributes and results that its
//! manual has.
//!
//! ```text
//!   Declaration ── name, inputs, attributes, result ──▶ reference page
//!        └──────── factory ──▶ Call: checks the call, then ──▶ Work: rows as they come, windows, or the whole series
//! ```
//!
//! - A function is a [`Declaration`] in the list of its group, and a file (or part of one) with what it does.
//! - Functions that can work on rows as they come do, and hold as much as their window or their distinct values. Those that
//!   need the whole series hold it as numbers, and say so by `memory`, so that the limits of the query end them.
//! - What is given back as it came (outliers, percentiles, samples) keeps its type: a whole number of 64 bits does not become
//!   a double on the way.
//! - Times of points strictly increase, also where the manual's examples list them in another order.
//!
//! ```
//! let median = levada_udf_library::all().into_iter().find(|(name, _)| *name == "median").expect("it is there");
//! assert_eq!(median.1.id(), "org.apache.iotdb.library.dprofile.UDAFMedian");
//! ```

mod anomaly;
mod call;
mod declaration;
mod discovery;
mod fourier;
mod frequency;
mod gather;
mod matching;
mod profile;
mod quality;
mod read;
mod repair;
mod statistics;
mod store;
mod text;
mod work;

use std::sync::Arc;

use levada_udf::{UdfFactory, udtf};

pub use declaration::{Declaration, Group, Inputs, Parameter, reference};

/// How many functions there are, by group.
const COUNT: usize = profile::ALL.len()
    + quality::ALL.len()
    + repair::ALL.len()
    + matching::ALL.len()
    + anomaly::ALL.len()
    + frequency::ALL.len()
    + discovery::ALL.len()
    + text::ALL.len();

/// All functions, group by group.
pub static DECLARATIONS: [Declaration; COUNT] = {
    let mut all = [profile::ALL[0]; COUNT];
    let groups: [&[Declaration]; 8] = [
        &profile::ALL,
        &quality::ALL,
        &repair::ALL,
        &matching::ALL,
        &anomaly::ALL,
        &frequency::ALL,
        &discovery::ALL,
        &text::ALL,
    ];
    let (mut group, mut next) = (0, 0);
    while group < groups.len() {
        let mut at = 0;
        while at < groups[group].len() {
            all[next] = groups[group][at];
            next += 1;
            at += 1;
        }
        group += 1;
    }
    all
};

/// All functions by their names in SQL, as whoever registers functions takes them. Those that other names stand for, too, are
/// there once for each name.
pub fn all() -> Vec<(&'static str, Arc<dyn UdfFactory>)> {
    DECLARATIONS.iter().map(|each| (each.name, udtf(each.class, move || call::Call::new(each)))).collect()
}
