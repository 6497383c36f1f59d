//! `route`: rows to outputs by conditions.
//!
//! ```text
//!   hot: temperature > 80          ──▶ NODE.hot       a row goes to each output whose condition holds
//!   broken: status = false         ──▶ NODE.broken
//!   (none of them holds)           ──▶ NODE
//! ```
//!
//! A row for which a condition cannot be computed is rejected by it, as `where` of `sql` does.

use std::collections::BTreeMap;

use levada_connector_api::{Batch, BuildContext, Emitter, Error, Problem, Result, Transform, TransformType};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    rejection::Rejection,
    sql::{Sql, SqlOptions},
};

/// Outputs by name, each with the condition of its rows, in the engine's SQL. They are read as `NODE.NAME`; rows for which no condition
/// holds are those of the node itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(example = serde_json::json!({"hot": "temperature > 80", "broken": "status = false"}))]
pub struct RouteOptions {
    /// The conditions by the names of their outputs.
    pub conditions: BTreeMap<String, String>,
}

/// The component `route`.
#[derive(Debug)]
pub struct Route {
    /// The rows that no condition is for, then those of each output.
    outputs: Vec<Sql>,
}

impl RouteOptions {
    fn queries(&self) -> impl Iterator<Item = SqlOptions> {
        let cases = self.conditions.values().map(|condition| format!(" when ({condition}) then false"));
        let rest = format!("case{} else true end", cases.collect::<String>());
        let conditions = std::iter::once(rest).chain(self.conditions.values().cloned());
        conditions.map(|condition| SqlOptions::Parts {
            select: "*".to_owned(),
            condition: Some(condition),
            functions: None,
            allowed_earliness: None,
        })
    }
}

impl TransformType for Route {
    const NAME: &'static str = "route";
    const SUMMARY: &'static str = "Gives rows to outputs of their own, by conditions.";
    type Options = RouteOptions;

    fn check(options: &RouteOptions) -> Vec<Problem> {
        if options.conditions.is_empty() {
            return vec![Problem::new("", "name an output and its condition: `hot: temperature > 80`")];
        }
        let legal = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        };
        let mut problems = Vec::new();
        for (name, query) in options.conditions.keys().zip(options.queries().skip(1)) {
            if !legal(name) {
                let message =
                    format!("`{name}` cannot be the name of an output: use letters, digits, `_` and `-`");
                problems.push(Problem::new(name, message));
            }
            problems.extend(query.query().err().map(|problem| Problem::new(name, problem.message)));
        }
        problems
    }

    fn outputs(options: &RouteOptions) -> Vec<String> {
        options.conditions.keys().cloned().collect()
    }

    fn build(options: RouteOptions, context: &BuildContext) -> Result<Box<dyn Transform>> {
        if let Some(problem) = Self::check(&options).into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let outputs = options.queries().map(|query| Sql::new(&query, &context.node));
        Ok(Box::new(Self { outputs: outputs.collect::<Result<_>>()? }))
    }
}

impl Transform for Route {
    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()> {
        let mut rejection = Rejection::default();
        for (output, sql) in self.outputs.iter_mut().enumerate() {
            let rows = sql.rows(batch.readings.clone(), &mut rejection)?;
            rows.into_iter().for_each(|readings| out.emit_to(output, readings));
        }
        batch.rejected.into_iter().chain(rejection.into_rejected()).for_each(|each| out.reject(each));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use levada_connector_api::FieldValue::{Boolean, Double, Text, Written};
    use levada_connector_api::model::Kind;
    use serde_json::json;

    use super::*;
    use crate::transform::tests::{batch, built, lines, problems, rejected};

    #[test]
    fn a_row_goes_to_each_output_whose_condition_holds_or_to_the_node_itself() {
        let options = json!({"hot": "t > 80", "on": "status", "warm": "t > 20 and t <= 80"});
        assert_eq!(
            Route::outputs(&serde_json::from_value(options.clone()).expect("fits")),
            ["hot", "on", "warm"]
        );
        let mut route = built::<Route>(options);
        let mut out = Emitter::new(Instant::now());
        let rows = batch(&[
            ("d", 1, &[("t", Double(90.0)), ("status", Boolean(true))]),
            ("d", 2, &[("t", Double(30.0)), ("status", Boolean(false))]),
            ("d", 3, &[("t", Double(5.0))]),
            ("d", 4, &[("other", Double(5.0))]),
            ("e", 5, &[("t", Written(Kind::Number, "81.50"))]),
            ("e", 6, &[("t", Text("n/a"))]),
        ]);
        route.apply(rows, &mut out).expect("it works");
        let emitted = out.take();
        let of = |readings: &[levada_connector_api::Readings]| {
            lines(&Batch { readings: readings.to_vec(), ..Batch::default() })
        };
        assert_eq!(of(&emitted.batch.readings), ["d 3: t=5.0", "d 4: other=5.0"]);
        assert_eq!(of(&emitted.others[0]), ["d 1: t=90.0 status=true", "e 5: t=81.5"]);
        assert_eq!(of(&emitted.others[1]), ["d 1: t=90.0 status=true"]);
        assert_eq!(of(&emitted.others[2]), ["d 2: t=30.0 status=false"]);
        assert_eq!(rejected(&emitted.batch), ["e 6"]);
    }

    #[test]
    fn conditions_that_cannot_work_are_named() {
        assert_eq!(problems::<Route>(json!({})), [""]);
        assert_eq!(
            problems::<Route>(json!({"a.b": "t > 1", "c": "t >", "d": "avg(t) > 1"})),
            ["a.b", "c", "d"]
        );
    }
}
