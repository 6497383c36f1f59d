//! Wildcards and prefixes: from one written expression to all that it stands for.

use std::sync::Arc;

use hashbrown::HashMap;
use levada_model::{Path, PathPattern};
use levada_sql::ast::{BinaryOperator, Constant, Expression, ExpressionKind, Function, SeriesName};
use levada_storage::{SeriesInfo, View};

use super::schema_order::{self, Purpose};
use crate::{QueryContext, QueryError, context::SchemaOrder};

/// How many columns a query may have before it is refused.
const MOST: usize = 1 << 20;
/// How deep an expression may be; the parser lets none deeper through.
const DEEPEST: usize = 512;

/// A series that an expression names.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    /// As the expression shows it: the whole path, or the measurement in `align by device`.
    pub(crate) shown: SeriesName,
    /// As `group by level` shows it, where that is another name.
    grouped: Option<SeriesName>,
    /// What it is.
    pub(crate) series: Arc<SeriesInfo>,
}

/// All series that a name stands for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) matches: Vec<Match>,
    /// Below some prefix it stands for none.
    is_missing: bool,
}

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

/// How series are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Show<'a> {
    /// By their whole path.
    Whole,
    /// By their whole path, grouped by levels of it.
    Levels(&'a [u32]),
    /// By their whole path, grouped by the measurement alone.
    Tags,
    /// By the measurement alone.
    Measurement,
}

/// Looks series up and remembers them.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    view: &'a dyn View,
    order: SchemaOrder,
    prefixes: Vec<PathPattern>,
    show: Show<'a>,
    matches: HashMap<SeriesName, Arc<Found>, foldhash::fast::RandomState>,
    /// What every shown name stands for.
    pub(crate) series: HashMap<SeriesName, Arc<SeriesInfo>, foldhash::fast::RandomState>,
}

impl<'a> Names<'a> {
    /// Names below some prefixes.
    pub(crate) fn new(
        view: &'a dyn View,
        context: &QueryContext,
        prefixes: Vec<PathPattern>,
        show: Show<'a>,
    ) -> Self {
        Self {
            view,
            order: context.order,
            prefixes,
            show,
            matches: HashMap::default(),
            series: HashMap::default(),
        }
    }

    /// All that an expression stands for: series by series in the order of the prefixes and of the catalog, the rightmost
    /// name changing fastest. Empty where a name stands for nothing.
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
            let with = |name: &SeriesName| Expression {
                kind: ExpressionKind::Series(name.clone()),
                span: expression.span,
            };
            let mut expanded: Vec<Expanded> = found
                .matches
                .iter()
                .map(|each| Expanded {
                    expression: with(&each.shown),
                    other: each.grouped.as_ref().map(with),
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
        for (at, child) in expression.children().into_iter().enumerate().take(inputs) {
            if child.series().is_empty() {
                continue;
            }
            let choices = self.expand_at(child, or_null, depth + 1)?;
            if expanded.len().saturating_mul(choices.len()) > MOST {
                return Err(QueryError::Memory { what: "the columns its wildcards stand for", limit: MOST });
            }
            expanded = expanded
                .iter()
                .flat_map(|before| choices.iter().map(move |choice| (before, choice)))
                .map(|(before, choice)| Expanded {
                    expression: replace_child(&before.expression, at, &choice.expression),
                    other: (before.is_grouped() || choice.is_grouped())
                        .then(|| replace_child(before.grouped(), at, choice.grouped())),
                })
                .collect();
        }
        Ok(expanded)
    }

    /// The series a suffix, or a whole path, stands for.
    pub(crate) fn find(&mut self, name: &SeriesName) -> Arc<Found> {
        if let Some(found) = self.matches.get(name) {
            return Arc::clone(found);
        }
        let is_whole = name.is_whole() && !matches!(self.show, Show::Measurement);
        let patterns: Vec<PathPattern> = if is_whole {
            vec![name.pattern().clone()]
        } else {
            self.prefixes.iter().map(|prefix| prefix.join(name.pattern())).collect()
        };
        let mut found = Vec::new();
        let mut is_missing = false;
        for pattern in patterns {
            let mut series = self.view.series(&pattern);
            if pattern.has_wildcard() {
                series = schema_order::sort(series, self.order, Purpose::Select, |each| &each.path);
            }
            is_missing |= series.is_empty();
            let last = pattern.split_last().map(|(_, last)| last);
            let literal = last.as_ref().filter(|last| !last.has_wildcard()).map(ToString::to_string);
            let any_measurement = last.as_ref().is_some_and(PathPattern::has_wildcard);
            found.reserve(series.len());
            found.extend(
                series.into_iter().map(|series| self.shown(series, literal.as_deref(), any_measurement)),
            );
        }
        self.series.reserve(found.len());
        for each in &found {
            self.series.insert(each.shown.clone(), Arc::clone(&each.series));
        }
        let found = Arc::new(Found { matches: found, is_missing });
        self.matches.insert(name.clone(), Arc::clone(&found));
        found
    }

    /// `literal` is the measurement that was asked for by name.
    fn shown(&self, series: SeriesInfo, literal: Option<&str>, any_measurement: bool) -> Match {
        // A series that was asked for by its second name is shown by it.
        let alias = literal.filter(|name| **name != *series.measurement);
        let path = alias.map_or_else(|| series.path.clone(), |alias| series.device.child(alias));
        let name = alias.unwrap_or(&series.measurement);
        let shown = match self.show {
            Show::Measurement => SeriesName::suffix(PathPattern::of_node(name)),
            _ => SeriesName::whole(PathPattern::from(&path)),
        };
        let grouped = match self.show {
            Show::Levels(levels) => Some(SeriesName::whole(grouped(&path, levels, any_measurement))),
            Show::Tags => Some(SeriesName::suffix(PathPattern::of_node(name))),
            _ => None,
        };
        let grouped = grouped.filter(|grouped| *grouped != shown);
        Match { shown, grouped, series: Arc::new(series) }
    }
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
        };
        return Expression { kind: ExpressionKind::Function(function), span: expression.span };
    }
    let mut copy = expression.clone();
    if let Some(place) = copy.children_mut().into_iter().nth(at) {
        *place = child.clone();
    }
    copy
}

/// A path with a star for every node whose level is not asked for; the measurement stays unless it came of a wildcard.
fn grouped(path: &Path, levels: &[u32], any_measurement: bool) -> PathPattern {
    let nodes: Vec<&str> = path.nodes().collect();
    let last = nodes.len().saturating_sub(1);
    let kept = |at: usize| {
        if at == last {
            !any_measurement
        } else {
            at == 0 || levels.iter().any(|&level| level as usize == at)
        }
    };
    let text: Vec<&str> =
        nodes.iter().enumerate().map(|(at, node)| if kept(at) { node } else { "*" }).collect();
    PathPattern::parse(&text.join(".")).unwrap_or_else(|_| PathPattern::from(path))
}
