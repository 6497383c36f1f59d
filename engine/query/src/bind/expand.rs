//! Wildcards and prefixes: from one written expression to all that it stands for.

use levada_sql::ast::{BinaryOperator, Constant, Expression, ExpressionKind, Function};

use super::names::Names;
use crate::QueryError;

/// How many columns a query may have before it is rejected.
const MAX_COLUMNS: usize = 1 << 20;
/// How deep an expression may be; the parser lets none deeper through.
const DEEPEST: usize = 512;

/// An expression whose series are single ones.
#[derive(Clone, Debug)]
pub(crate) struct Expanded {
    pub(crate) expression: Expression,
    /// The same with the series as `group by level` shows them, where that is another.
    other: Option<Expression>,
}

impl Expanded {
    /// The expression as `group by level` shows it.
    pub(crate) fn grouped(&self) -> &Expression {
        self.other.as_ref().unwrap_or(&self.expression)
    }

    /// The same, owned.
    pub(crate) fn into_grouped(self) -> Expression {
        self.other.unwrap_or(self.expression)
    }

    /// Whether `group by level` shows it as another.
    pub(crate) fn is_grouped(&self) -> bool {
        self.other.is_some()
    }
}

impl Names<'_> {
    /// All that an expression stands for: series by series in the order of the prefixes and of the catalog, the rightmost
    /// name changing fastest; of the inputs of a function that was added, the leftmost. Empty where a name stands for nothing.
    pub(crate) fn expand(&mut self, expression: &Expression) -> Result<Vec<Expanded>, QueryError> {
        self.expand_whole(expression, false)
    }

    /// The same for a condition: below a prefix where a name stands for nothing, it is null.
    pub(crate) fn expand_condition(&mut self, expression: &Expression) -> Result<Vec<Expanded>, QueryError> {
        self.expand_whole(expression, true)
    }

    fn expand_whole(&mut self, expression: &Expression, or_null: bool) -> Result<Vec<Expanded>, QueryError> {
        if has_null(expression, 0) {
            return Err(QueryError::semantic("Unsupported constant operand: null"));
        }
        self.expand_at(&searched(expression.clone(), 0), or_null, 0)
    }

    fn expand_at(
        &mut self,
        expression: &Expression,
        or_null: bool,
        depth: usize,
    ) -> Result<Vec<Expanded>, QueryError> {
        if depth > DEEPEST {
            return Err(QueryError::semantic(format!("the expression is more than {DEEPEST} levels deep")));
        }
        if let ExpressionKind::Series(name) = &expression.kind {
            let found = self.find(name);
            let with = |name| Expression { kind: ExpressionKind::Series(name), span: expression.span };
            let mut expanded: Vec<Expanded> = found
                .matches()
                .map(|each| {
                    let (shown, grouped) = self.note(&each);
                    Expanded { expression: with(shown), other: grouped.map(with) }
                })
                .collect();
            if or_null && found.is_missing {
                let null = Expression::synthetic(ExpressionKind::Constant(Constant::Null));
                expanded.push(Expanded { expression: null, other: None });
            }
            return Ok(expanded);
        }
        let mut expanded = vec![Expanded { expression: expression.clone(), other: None }];
        let inputs = series_inputs(expression);
        let leftmost_first = self.is_added(expression);
        for (at, child) in expression.children().into_iter().enumerate().take(inputs) {
            if child.series().is_empty() {
                continue;
            }
            let choices = self.expand_at(child, or_null, depth + 1)?;
            check_columns(expanded.len().saturating_mul(choices.len()))?;
            let with = |before: &Expanded, choice: &Expanded| Expanded {
                expression: replace_child(&before.expression, at, &choice.expression),
                other: (before.is_grouped() || choice.is_grouped())
                    .then(|| replace_child(before.grouped(), at, choice.grouped())),
            };
            expanded = if leftmost_first {
                let pairs = choices.iter().flat_map(|choice| expanded.iter().map(move |each| (each, choice)));
                pairs.map(|(before, choice)| with(before, choice)).collect()
            } else {
                let pairs = expanded.iter().flat_map(|each| choices.iter().map(move |choice| (each, choice)));
                pairs.map(|(before, choice)| with(before, choice)).collect()
            };
        }
        Ok(expanded)
    }
}

/// Rejects more columns than a query may have.
pub(crate) fn check_columns(columns: usize) -> Result<(), QueryError> {
    if columns > MAX_COLUMNS {
        return Err(QueryError::Memory { what: "the columns its wildcards stand for", limit: MAX_COLUMNS });
    }
    Ok(())
}

/// Whether a null is written in an expression, save after `then` and `else`.
fn has_null(expression: &Expression, depth: usize) -> bool {
    match &expression.kind {
        ExpressionKind::Constant(constant) => *constant == Constant::Null,
        ExpressionKind::Case(_) => false,
        _ => depth < DEEPEST && expression.children().into_iter().any(|child| has_null(child, depth + 1)),
    }
}

/// `case x when 1 then …` as `case when x = 1 then …`, which is what its header says as well.
fn searched(mut expression: Expression, depth: usize) -> Expression {
    if let ExpressionKind::Case(case) = &mut expression.kind
        && let Some(operand) = case.operand.take()
    {
        for (when, _) in &mut case.branches {
            let right = std::mem::replace(when, Expression::synthetic(ExpressionKind::Time));
            *when = Expression::synthetic(ExpressionKind::Binary {
                operator: BinaryOperator::Equal,
                left: operand.clone(),
                right: Box::new(right),
            });
        }
    }
    if depth < DEEPEST {
        for child in expression.children_mut() {
            let taken = std::mem::replace(child, Expression::synthetic(ExpressionKind::Time));
            *child = searched(taken, depth + 1);
        }
    }
    expression
}

/// How many of an expression's operands name series: `keep >= 3` in `count_if(p, keep >= 3)` does not.
fn series_inputs(expression: &Expression) -> usize {
    match &expression.kind {
        ExpressionKind::Function(function) if function.name.eq_ignore_ascii_case("count_if") => 1,
        ExpressionKind::Function(function) if function.name.eq_ignore_ascii_case("count_time") => 0,
        _ => usize::MAX,
    }
}

fn replace_child(expression: &Expression, at: usize, child: &Expression) -> Expression {
    if let ExpressionKind::Function(function) = &expression.kind {
        let arguments = function.arguments.iter().enumerate();
        let function = Function {
            name: function.name.clone(),
            arguments: arguments.map(|(index, old)| if index == at { child } else { old }.clone()).collect(),
            attributes: function.attributes.clone(),
            from_for: function.from_for,
        };
        return Expression { kind: ExpressionKind::Function(function), span: expression.span };
    }
    let mut copy = expression.clone();
    if let Some(place) = copy.children_mut().into_iter().nth(at) {
        *place = child.clone();
    }
    copy
}
