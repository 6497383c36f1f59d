//! Expressions as SQL that reads back as the same expression.

use std::{
    borrow::Cow,
    fmt::{self, Display},
};

use jiff::{SignedDuration, civil};
use levada_model::quote_node;

use crate::{
    ast::{BinaryOperator, Constant, Expression, ExpressionKind, Function, SeriesName, UnaryOperator},
    lexer::parse_duration,
    parser::RESERVED,
};

/// Words that, standing alone as a measurement, are read as something else somewhere: as constants (`select true`), as operators
/// (`not a > 1`), as the beginning of a clause (`select last from`).
const ALONE: [&str; 9] = ["as", "case", "false", "from", "into", "nan", "not", "null", "true"];

/// Words that are not read as the name of a series or function everywhere in an expression.
const WORDS: [&str; 41] = [
    "align",
    "and",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "contains",
    "desc",
    "disable",
    "else",
    "end",
    "false",
    "fill",
    "from",
    "group",
    "having",
    "in",
    "into",
    "is",
    "last",
    "like",
    "limit",
    "nan",
    "non",
    "not",
    "now",
    "null",
    "nulls",
    "offset",
    "or",
    "order",
    "regexp",
    "slimit",
    "soffset",
    "substring",
    "then",
    "true",
    "when",
    "where",
];

/// SQL that reads back as this expression.
impl Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExpressionKind::Constant(constant) => constant.fmt(f),
            ExpressionKind::Time => f.write_str("time"),
            ExpressionKind::Series(name) => write_series(name, f),
            ExpressionKind::Unary { operator, operand } => {
                // Two signs, one behind the other, would begin a comment.
                let (symbol, least) = match operator {
                    UnaryOperator::Negate => ("-", 11),
                    UnaryOperator::Not => ("!", 10),
                };
                f.write_str(symbol)?;
                write_operand(operand, least, f)
            }
            ExpressionKind::Binary { operator, left, right } => {
                let power = power(self);
                write_operand(left, power, f)?;
                write!(f, " {} ", spelling(*operator))?;
                write_operand(right, power + 1, f)
            }
            ExpressionKind::Function(function) => write_function(function, f),
            ExpressionKind::Case(case) => {
                f.write_str("case")?;
                if let Some(operand) = &case.operand {
                    // A star behind the word would multiply a series of that name.
                    let text = operand.to_string();
                    if text.starts_with('*') { write!(f, " ({text})")? } else { write!(f, " {text}")? }
                }
                for (when, then) in &case.branches {
                    write!(f, " when {when} then {then}")?;
                }
                if let Some(otherwise) = &case.otherwise {
                    write!(f, " else {otherwise}")?;
                }
                f.write_str(" end")
            }
            ExpressionKind::Cast { operand, data_type } => write!(f, "cast({operand} as {data_type})"),
            _ => self.write_predicate(f),
        }
    }
}

impl Expression {
    /// The operators that are words.
    fn write_predicate(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = power(self);
        let not = |negated: &bool| if *negated { " not" } else { "" };
        match &self.kind {
            ExpressionKind::Like { operand, pattern, negated } => {
                write_operand(operand, power, f)?;
                write!(f, "{} like {}", not(negated), Quoted(pattern))
            }
            ExpressionKind::Regexp { operand, pattern, negated } => {
                write_operand(operand, power, f)?;
                write!(f, "{} regexp {}", not(negated), Quoted(pattern))
            }
            ExpressionKind::Between { operand, low, high, negated } => {
                write_operand(operand, power, f)?;
                write!(f, "{} between ", not(negated))?;
                write_operand(low, power + 1, f)?;
                f.write_str(" and ")?;
                write_operand(high, power + 1, f)
            }
            ExpressionKind::IsNull { operand, negated } => {
                write_operand(operand, power, f)?;
                write!(f, " is{} null", not(negated))
            }
            ExpressionKind::In { operand, values, negated } => {
                write_operand(operand, power, f)?;
                write!(f, "{} in (", not(negated))?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            _ => Ok(()),
        }
    }
}

/// How tightly an expression's operator binds, as the parser has it; what has none is 11.
fn power(expression: &Expression) -> u8 {
    match &expression.kind {
        ExpressionKind::Binary { operator, .. } => match operator {
            BinaryOperator::Or => 1,
            BinaryOperator::And => 2,
            BinaryOperator::Add | BinaryOperator::Subtract => 8,
            BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Modulo => 9,
            _ => 7,
        },
        ExpressionKind::In { .. } => 3,
        ExpressionKind::IsNull { .. } => 4,
        ExpressionKind::Between { .. } => 5,
        ExpressionKind::Like { .. } | ExpressionKind::Regexp { .. } => 6,
        ExpressionKind::Constant(Constant::Integer { text, .. } | Constant::Real { text, .. })
            if text.starts_with('-') =>
        {
            9
        }
        ExpressionKind::Unary { .. } => 10,
        _ => 11,
    }
}

const fn spelling(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::And => "and",
        BinaryOperator::Or => "or",
        other => other.symbol(),
    }
}

fn write_operand(expression: &Expression, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // What follows a wildcard might make a multiplication of it; a literal of time would take a duration behind it.
    let is_open = match &expression.kind {
        ExpressionKind::Series(name) => name.to_string().ends_with('*'),
        ExpressionKind::Constant(Constant::Time(_)) => true,
        _ => false,
    };
    if is_open || power(expression) < least { write!(f, "({expression})") } else { expression.fmt(f) }
}

fn write_series(name: &SeriesName, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = name.to_string();
    let is_alone = name.pattern().len() == 1 && !name.is_whole();
    write_nodes(&text, name.is_whole(), |node| is_alone && is_read_otherwise(node), f)
}

/// A path, or a pattern of paths, in canonical form as it is written in SQL: with backquotes around the nodes that are no
/// names without, or would be none where they stand alone.
///
/// ```
/// # use levada_model::Path;
/// let path = Path::from_raw_nodes(["root", "plant", "time", "1d", "a b", "select"]);
/// assert_eq!(levada_sql::path_sql(path.as_str()), "root.plant.`time`.`1d`.`a b`.select");
/// ```
pub fn path_sql(path: &str) -> Cow<'_, str> {
    struct Written<'a>(&'a str);
    impl Display for Written<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_nodes(self.0, true, is_taken_alone, f)
        }
    }
    let is_plain = nodes(path).skip(1).all(|node| !needs_backquotes(node));
    if is_plain { Cow::Borrowed(path) } else { Cow::Owned(Written(path).to_string()) }
}

/// A node behind the first of a path, in canonical form, as it is written in SQL.
pub fn node_sql(node: &str) -> Cow<'_, str> {
    if needs_backquotes(node) { Cow::Owned(format!("`{node}`")) } else { Cow::Borrowed(node) }
}

/// The nodes of a path, reserved words between backquotes; the first node is the keyword `root` where the path is whole.
fn write_nodes(
    text: &str,
    is_whole: bool,
    quoted: impl Fn(&str) -> bool,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (i, node) in nodes(text).enumerate() {
        f.write_str(if i > 0 { "." } else { "" })?;
        let is_keyword = i == 0 && is_whole;
        if !is_keyword && (is_reserved(node) || quoted(node)) {
            write!(f, "`{node}`")?;
        } else {
            f.write_str(node)?;
        }
    }
    Ok(())
}

/// Whether a node in canonical form is a name only between backquotes, wherever it may be written: as a node of a path, or alone.
fn needs_backquotes(node: &str) -> bool {
    is_reserved(node) || is_taken_alone(node)
}

fn is_taken_alone(node: &str) -> bool {
    ALONE.iter().any(|word| word.eq_ignore_ascii_case(node)) || parse_duration(node).is_some()
}

fn is_reserved(node: &str) -> bool {
    RESERVED.iter().any(|word| word.eq_ignore_ascii_case(node))
}

fn is_read_otherwise(word: &str) -> bool {
    WORDS.iter().any(|each| each.eq_ignore_ascii_case(word)) || parse_duration(word).is_some()
}

/// The nodes of a pattern's text.
fn nodes(text: &str) -> impl Iterator<Item = &str> {
    let mut in_quotes = false;
    text.split(move |c| {
        in_quotes ^= c == '`';
        c == '.' && !in_quotes
    })
}

fn write_function(function: &Function, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = &function.name;
    let is_keyword = WORDS.iter().any(|each| each.eq_ignore_ascii_case(name))
        || is_reserved(name)
        || parse_duration(name).is_some();
    let has_own_grammar = ["cast", "substring", "last"].iter().any(|each| each.eq_ignore_ascii_case(name));
    if is_keyword && !has_own_grammar {
        write!(f, "`{name}`(")?
    } else {
        write!(f, "{}(", quote_node(name))?
    }
    for (i, argument) in function.arguments.iter().enumerate() {
        f.write_str(if i > 0 { ", " } else { "" })?;
        // A comparison of two texts would read as an attribute.
        if matches!(argument.kind, ExpressionKind::Binary { .. }) && argument.series().is_empty() {
            write!(f, "({argument})")?;
        } else {
            argument.fmt(f)?;
        }
    }
    for (i, (key, value)) in function.attributes.iter().enumerate() {
        f.write_str(if i > 0 || !function.arguments.is_empty() { ", " } else { "" })?;
        write!(f, "{}={}", Quoted(key), Quoted(value))?;
    }
    f.write_str(")")
}

/// As it is written in SQL.
impl Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => value.fmt(f),
            Self::Integer { text, .. } | Self::Real { text, .. } => f.write_str(text),
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Blob(bytes) => {
                f.write_str("X'")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("'")
            }
            Self::Time(millis) => write_time(*millis, f),
        }
    }
}

/// Time zero. Civil time reaches a day further than moments do.
const EPOCH: civil::DateTime = civil::datetime(1970, 1, 1, 0, 0, 0, 0);

/// A literal of time in UTC; the bare number where the year has not four digits.
fn write_time(millis: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let civil = EPOCH.checked_add(SignedDuration::from_millis(millis)).ok();
    match civil.filter(|civil| (0..=9999).contains(&civil.year())) {
        None => write!(f, "{millis}"),
        Some(civil) => write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}+00:00",
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second(),
            civil.subsec_nanosecond() / 1_000_000
        ),
    }
}

/// A text between quotes, those in it doubled.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}
