//! The header of an expression's column, as the peer gives it.
//!
//! Operators stand between single blanks, an operand stands in parentheses exactly when its priority is lower, so that
//! `a - (b - c)` is headed `a - b - c`. Source: observed at 2.0.1; the priorities are those of its expression classes.

use std::fmt::{self, Write};

use crate::ast::{BinaryOperator, Case, Constant, Expression, ExpressionKind, Function, UnaryOperator};

impl Expression {
    /// The header of this expression's column.
    ///
    /// ```
    /// # let context = levada_sql::ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 };
    /// let name = |text| levada_sql::parse_expression(text, &context).expect("an expression").column_name();
    /// assert_eq!(name("Count( root.d.s )"), "Count(root.d.s)");
    /// assert_eq!(name("(s1+s2)*2 > 3 and not s3"), "(s1 + s2) * 2 > 3 & !s3");
    /// assert_eq!(name("top_k(s1, 'k'='2')"), r#"top_k(s1, "k"="2")"#);
    /// ```
    pub fn column_name(&self) -> String {
        let mut name = String::new();
        write(self, &mut name).expect("a String takes everything");
        name
    }
}

/// How tightly an expression holds together.
fn priority(expression: &Expression) -> u16 {
    match &expression.kind {
        ExpressionKind::Constant(_) => 1400,
        ExpressionKind::Time => 1300,
        ExpressionKind::Series(_) => 1200,
        ExpressionKind::Function(_) | ExpressionKind::Cast { .. } => 1100,
        ExpressionKind::Unary { .. } | ExpressionKind::Case(_) => 1000,
        ExpressionKind::Binary { operator, .. } => operator_priority(*operator),
        ExpressionKind::Like { .. } | ExpressionKind::Regexp { .. } => 500,
        ExpressionKind::IsNull { .. } => 475,
        ExpressionKind::Between { .. } => BETWEEN,
        ExpressionKind::In { .. } => 400,
    }
}

const BETWEEN: u16 = 450;

const fn operator_priority(operator: BinaryOperator) -> u16 {
    match operator {
        BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Modulo => 900,
        BinaryOperator::Add | BinaryOperator::Subtract => 800,
        BinaryOperator::And => 300,
        BinaryOperator::Or => 200,
        _ => 600,
    }
}

fn write(expression: &Expression, out: &mut String) -> fmt::Result {
    match &expression.kind {
        ExpressionKind::Constant(constant) => write_constant(constant, out),
        ExpressionKind::Time => out.write_str("Time"),
        ExpressionKind::Series(pattern) => write!(out, "{pattern}"),
        ExpressionKind::Unary { operator, operand } => write_unary(*operator, operand, out),
        ExpressionKind::Binary { operator, left, right } => {
            let priority = operator_priority(*operator);
            write_operand(left, priority, out)?;
            write!(out, " {} ", operator.symbol())?;
            write_operand(right, priority, out)
        }
        ExpressionKind::Function(function) => write_function(function, out),
        ExpressionKind::Case(case) => write_case(case, out),
        ExpressionKind::Cast { operand, data_type } => {
            out.write_str("CAST(")?;
            write(operand, out)?;
            write!(out, " AS {data_type})")
        }
        ExpressionKind::Like { operand, pattern, negated } => {
            write(operand, out)?;
            write!(out, "{} LIKE pattern = '{pattern}'", not(*negated))
        }
        ExpressionKind::Regexp { operand, pattern, negated } => {
            write(operand, out)?;
            write!(out, "{} REGEXP '{pattern}'", not(*negated))
        }
        ExpressionKind::Between { operand, low, high, negated } => {
            write_operand(operand, BETWEEN, out)?;
            write!(out, "{} BETWEEN ", not(*negated))?;
            write_operand(low, BETWEEN, out)?;
            out.write_str(" AND ")?;
            write_operand(high, BETWEEN, out)
        }
        ExpressionKind::IsNull { operand, negated } => {
            write(operand, out)?;
            write!(out, " IS{} NULL", not(*negated))
        }
        ExpressionKind::In { operand, values, negated } => {
            write(operand, out)?;
            write!(out, "{} IN (", not(*negated))?;
            for (i, value) in values.iter().enumerate() {
                out.write_str(if i > 0 { "," } else { "" })?;
                match value {
                    Constant::Text(text) => out.write_str(text)?,
                    other => write_constant(other, out)?,
                }
            }
            out.write_char(')')
        }
    }
}

const fn not(negated: bool) -> &'static str {
    if negated { " NOT" } else { "" }
}

/// An operand, in parentheses where its priority is lower than its operator's.
fn write_operand(expression: &Expression, least: u16, out: &mut String) -> fmt::Result {
    write_wrapped(expression, priority(expression) < least, out)
}

fn write_wrapped(expression: &Expression, parentheses: bool, out: &mut String) -> fmt::Result {
    out.write_str(if parentheses { "(" } else { "" })?;
    write(expression, out)?;
    out.write_str(if parentheses { ")" } else { "" })
}

fn write_unary(operator: UnaryOperator, operand: &Expression, out: &mut String) -> fmt::Result {
    let is_plain = match &operand.kind {
        ExpressionKind::Series(_) | ExpressionKind::Function(_) | ExpressionKind::Cast { .. } => true,
        ExpressionKind::Constant(Constant::Integer { text, .. } | Constant::Real { text, .. }) => {
            operator == UnaryOperator::Not || !text.starts_with('-')
        }
        ExpressionKind::Constant(constant) => operator == UnaryOperator::Not || *constant == Constant::Null,
        _ => false,
    };
    out.write_char(match operator {
        UnaryOperator::Negate => '-',
        UnaryOperator::Not => '!',
    })?;
    write_wrapped(operand, !is_plain, out)
}

fn write_function(function: &Function, out: &mut String) -> fmt::Result {
    let is = |name| function.name.eq_ignore_ascii_case(name);
    if is("replace") && function.arguments.len() == 3 {
        return write_replace(function, out);
    }
    if let [operand] = function.arguments.as_slice()
        && is("cast")
        && let Some((_, name)) = function.attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case("type"))
    {
        write!(out, "{}(", function.name)?;
        write(operand, out)?;
        return write!(out, " AS {})", name.to_uppercase());
    }
    // These two are headed in capitals, their arguments without blanks between.
    let is_scalar = function.attributes.is_empty() && (is("round") || is("substring"));
    let (name, comma) =
        if is_scalar { (function.name.to_uppercase(), ",") } else { (function.name.clone(), ", ") };
    write!(out, "{name}(")?;
    for (i, argument) in function.arguments.iter().enumerate() {
        out.write_str(match i {
            0 => "",
            1 if function.from_for => " FROM ",
            2 if function.from_for => " FOR ",
            _ => comma,
        })?;
        write(argument, out)?;
    }
    for (i, (key, value)) in function.attributes.iter().enumerate() {
        out.write_str(if i > 0 || !function.arguments.is_empty() { ", " } else { "" })?;
        write!(out, "\"{key}\"=\"{value}\"")?;
    }
    out.write_char(')')
}

/// `REPLACE(x, 'a', 'b')`: this one is headed in capitals, its texts between single quotes.
fn write_replace(function: &Function, out: &mut String) -> fmt::Result {
    out.write_str("REPLACE(")?;
    for (i, argument) in function.arguments.iter().enumerate() {
        out.write_str(if i > 0 { ", " } else { "" })?;
        match &argument.kind {
            ExpressionKind::Constant(Constant::Text(text)) => write!(out, "'{text}'")?,
            _ => write(argument, out)?,
        }
    }
    out.write_char(')')
}

fn write_case(case: &Case, out: &mut String) -> fmt::Result {
    out.write_str("CASE")?;
    if let Some(operand) = &case.operand {
        out.write_char(' ')?;
        write(operand, out)?;
    }
    for (when, then) in &case.branches {
        out.write_str(" WHEN ")?;
        write(when, out)?;
        out.write_str(" THEN ")?;
        write(then, out)?;
    }
    if let Some(otherwise) = &case.otherwise {
        out.write_str(" ELSE ")?;
        write(otherwise, out)?;
    }
    out.write_str(" END")
}

fn write_constant(constant: &Constant, out: &mut String) -> fmt::Result {
    match constant {
        Constant::Null => out.write_str("null"),
        Constant::Boolean(value) => write!(out, "{value}"),
        Constant::Integer { text, .. } | Constant::Real { text, .. } => out.write_str(text),
        Constant::Text(text) => write!(out, "\"{text}\""),
        Constant::Blob(bytes) => {
            out.write_str("X'")?;
            bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
            out.write_char('\'')
        }
        Constant::Time(millis) => write!(out, "{millis}"),
    }
}
