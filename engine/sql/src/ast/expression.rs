//! Expressions: what `SELECT`, `WHERE`, `HAVING`, `GROUP BY` and `ORDER BY` compute.

use levada_model::DataType;

use super::{Constant, SeriesName};
use crate::Span;

/// Something to compute for a row, and where it stands.
///
/// Equality does not look at `span`. [`std::fmt::Display`] prints SQL that parses to the same expression;
/// [`Expression::column_name`] prints the header a result column has at the peer, which may lack parentheses.
#[derive(Clone, Debug)]
pub struct Expression {
    /// What to compute.
    pub kind: ExpressionKind,
    /// Where it stands.
    pub span: Span,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// What to compute.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionKind {
    /// A value.
    Constant(Constant),
    /// The time of the row: `time` or `timestamp`.
    Time,
    /// Series, below the paths in `FROM` or by their whole path.
    Series(SeriesName),
    /// `-x`, `!x`
    Unary {
        /// Which.
        operator: UnaryOperator,
        /// Of what.
        operand: Box<Expression>,
    },
    /// `x + y`, `x < y`, `x and y`
    Binary {
        /// Which.
        operator: BinaryOperator,
        /// The left side.
        left: Box<Expression>,
        /// The right side.
        right: Box<Expression>,
    },
    /// `name(x, y, 'key'='value')`; whether it is an aggregate, its name tells.
    Function(Function),
    /// `case … end`
    Case(Case),
    /// `cast(x as INT32)`
    Cast {
        /// What is cast.
        operand: Box<Expression>,
        /// To which type.
        data_type: DataType,
    },
    /// `x like 'a%'`: the whole text, `%` any run, `_` one character.
    Like {
        /// The text.
        operand: Box<Expression>,
        /// The pattern as written.
        pattern: String,
        /// `not like`
        negated: bool,
    },
    /// `x regexp '^a'`: found anywhere in the text.
    Regexp {
        /// The text.
        operand: Box<Expression>,
        /// The regular expression as written.
        pattern: String,
        /// `not regexp`
        negated: bool,
    },
    /// `x between a and b`, both included.
    Between {
        /// What is compared.
        operand: Box<Expression>,
        /// The least.
        low: Box<Expression>,
        /// The greatest.
        high: Box<Expression>,
        /// `not between`
        negated: bool,
    },
    /// `x is null`
    IsNull {
        /// What may be null.
        operand: Box<Expression>,
        /// `is not null`
        negated: bool,
    },
    /// `x in (1, 2)`, `x contains (1, 2)`
    In {
        /// What is looked for.
        operand: Box<Expression>,
        /// Where.
        values: Vec<Constant>,
        /// `not in`
        negated: bool,
    },
}

/// An operator before its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOperator {
    /// `-x`. (`+x` is `x`.)
    Negate,
    /// `!x`, `not x`
    Not,
}

/// An operator between its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`, `==`
    Equal,
    /// `!=`, `<>`
    NotEqual,
    /// `and`, `&`, `&&`
    And,
    /// `or`, `|`, `||`
    Or,
}

impl BinaryOperator {
    /// As headers have it: `+`, `=`, `!=`, `&`, `|`.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::And => "&",
            Self::Or => "|",
        }
    }

    /// Whether numbers come out: `* / % + -`.
    pub const fn is_arithmetic(self) -> bool {
        matches!(self, Self::Multiply | Self::Divide | Self::Modulo | Self::Add | Self::Subtract)
    }

    /// Whether two values are compared.
    pub const fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Greater
                | Self::GreaterOrEqual
                | Self::Less
                | Self::LessOrEqual
                | Self::Equal
                | Self::NotEqual
        )
    }

    /// Whether truths are combined: `and`, `or`.
    pub const fn is_logic(self) -> bool {
        matches!(self, Self::And | Self::Or)
    }

    /// The comparison that holds when the sides are exchanged: `a < b` is `b > a`. Others are themselves.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            other => other,
        }
    }
}

/// A function's call.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name as typed; names are looked up regardless of case.
    pub name: String,
    /// Its inputs.
    pub arguments: Vec<Expression>,
    /// The `'key'='value'` arguments, in their order.
    pub attributes: Vec<(String, String)>,
    /// Whether it is spelt `substring(a from 1 for 2)`, which its column's header repeats.
    pub from_for: bool,
}

/// `case [operand] when … then … [else …] end`
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What the branches' conditions are compared with, where given.
    pub operand: Option<Box<Expression>>,
    /// `when` and `then` of each branch; at least one.
    pub branches: Vec<(Expression, Expression)>,
    /// `else`; null where absent.
    pub otherwise: Option<Box<Expression>>,
}

impl Expression {
    /// An expression that stands nowhere: one that was computed from others.
    pub fn synthetic(kind: ExpressionKind) -> Self {
        Self { kind, span: Span::default() }
    }

    /// The operands, from left to right.
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExpressionKind::Constant(_) | ExpressionKind::Time | ExpressionKind::Series(_) => Vec::new(),
            ExpressionKind::Unary { operand, .. }
            | ExpressionKind::Cast { operand, .. }
            | ExpressionKind::Like { operand, .. }
            | ExpressionKind::Regexp { operand, .. }
            | ExpressionKind::IsNull { operand, .. }
            | ExpressionKind::In { operand, .. } => vec![operand],
            ExpressionKind::Binary { left, right, .. } => vec![left, right],
            ExpressionKind::Between { operand, low, high, .. } => vec![operand, low, high],
            ExpressionKind::Function(function) => function.arguments.iter().collect(),
            ExpressionKind::Case(case) => (case.operand.as_deref().into_iter())
                .chain(case.branches.iter().flat_map(|(when, then)| [when, then]))
                .chain(case.otherwise.as_deref())
                .collect(),
        }
    }

    /// The operands, from left to right, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExpressionKind::Constant(_) | ExpressionKind::Time | ExpressionKind::Series(_) => Vec::new(),
            ExpressionKind::Unary { operand, .. }
            | ExpressionKind::Cast { operand, .. }
            | ExpressionKind::Like { operand, .. }
            | ExpressionKind::Regexp { operand, .. }
            | ExpressionKind::IsNull { operand, .. }
            | ExpressionKind::In { operand, .. } => vec![operand],
            ExpressionKind::Binary { left, right, .. } => vec![left, right],
            ExpressionKind::Between { operand, low, high, .. } => vec![operand, low, high],
            ExpressionKind::Function(function) => function.arguments.iter_mut().collect(),
            ExpressionKind::Case(case) => (case.operand.as_deref_mut().into_iter())
                .chain(case.branches.iter_mut().flat_map(|(when, then)| [when, then]))
                .chain(case.otherwise.as_deref_mut())
                .collect(),
        }
    }

    /// Every series named in it, from left to right.
    pub fn series(&self) -> Vec<&SeriesName> {
        let mut found = Vec::new();
        self.collect_series(&mut found);
        found
    }

    fn collect_series<'a>(&'a self, into: &mut Vec<&'a SeriesName>) {
        if let ExpressionKind::Series(name) = &self.kind {
            into.push(name);
        }
        for child in self.children() {
            child.collect_series(into);
        }
    }
}
