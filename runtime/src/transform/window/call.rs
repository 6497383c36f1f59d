//! Users' aggregates as options call them.
//!
//! ```text
//!   aggregates: {power: [span, "weighted(weight, 'k'='2') as load"]}
//!     power_span   span(power)
//!     power_load   weighted(power, weight, 'k'='2')
//! ```

use std::sync::Arc;

use levada_connector_api::model::unquote_node;
use levada_engine::{
    expressions::{AggregateCall, aggregate_call},
    functions::FunctionRegistry,
};

use super::super::names;

/// A call of a user's aggregate.
#[derive(Debug)]
pub(super) struct Call {
    /// The measurement that its values are.
    pub(super) name: Arc<str>,
    pub(super) call: AggregateCall,
    /// The measurements that it is given.
    pub(super) inputs: Vec<Arc<str>>,
    /// Rows that it does not take are rejected; where a pattern asked for it, they are left out.
    pub(super) is_named: bool,
}

impl Call {
    /// The call that an option asks for, with a measurement as its first input.
    ///
    /// # Errors
    /// It is no call of a user's aggregate; in words.
    pub(super) fn new(
        text: &str,
        measurement: &Arc<str>,
        is_named: bool,
        functions: &Arc<FunctionRegistry>,
    ) -> Result<Self, String> {
        let whole = with_input(text, measurement);
        let (call, alias) = aggregate_call(&whole, functions).map_err(|error| error.message)?;
        let suffix = alias.unwrap_or_else(|| call.function().to_lowercase());
        let name = result_name(measurement, &suffix);
        let inputs = call.measurements().map(|input| names::measurement(&input)).collect();
        Ok(Self { name, call, inputs, is_named })
    }
}

/// The measurement that a function of one gives.
pub(super) fn result_name(measurement: &str, function: &str) -> Arc<str> {
    format!("{}_{function}", unquote_node(measurement)).into()
}

/// A call with a measurement before what stands in it: of `span` and `v` it is `span(v)`.
pub(super) fn with_input(text: &str, measurement: &str) -> String {
    let text = text.trim();
    let end = text.find(|each: char| each == '(' || each.is_whitespace()).unwrap_or(text.len());
    let (function, rest) = text.split_at(end);
    match rest.trim_start().strip_prefix('(').map(str::trim_start) {
        None => format!("{function}({measurement}){rest}"),
        Some(rest) if rest.starts_with(')') => format!("{function}({measurement}{rest}"),
        Some(rest) => format!("{function}({measurement}, {rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measurement_is_the_first_input() {
        for (text, whole) in [
            ("span", "span(v)"),
            ("span()", "span(v)"),
            (" span as s", "span(v) as s"),
            ("span ( 'k'='1' ) as s", "span(v, 'k'='1' ) as s"),
            ("weighted(w)", "weighted(v, w)"),
        ] {
            assert_eq!(with_input(text, "v"), whole);
        }
    }
}
