//! From an expression of single series to a computation on columns, its types checked.

use levada_model::DataType;
use levada_sql::ast::{
    BinaryOperator, Case, Expression, ExpressionKind, Function, SeriesName, UnaryOperator,
};

use super::scope::Scope;
use crate::{
    QueryError,
    expression::{
        Expr, Kind,
        arithmetic::Arithmetic,
        comparison::{Comparison, Domain},
        constant::literal,
        matching::Matcher,
        membership::Membership,
    },
    registry::{Binder, Call, FunctionDefinition, NUMERIC, TEXT},
};

/// How deep operands may nest, long sums and chains of `and` not counted.
const DEEPEST: usize = 160;

impl Scope {
    /// Binds an expression.
    ///
    /// # Errors
    /// A type does not fit, a function is not known, a name stands for no column.
    pub(crate) fn bind(&self, expression: &Expression) -> Result<Expr, QueryError> {
        self.bind_at(expression, 0)
    }

    /// Binds a condition.
    pub(crate) fn bind_condition(&self, expression: &Expression, clause: &str) -> Result<Expr, QueryError> {
        let bound = truth(self.bind(expression)?);
        if bound.data_type != DataType::Boolean {
            return Err(QueryError::semantic(format!(
                "The output type of the expression in {clause} clause should be BOOLEAN, actual data type: {}.",
                bound.data_type
            )));
        }
        Ok(bound)
    }

    fn bind_at(&self, expression: &Expression, depth: usize) -> Result<Expr, QueryError> {
        if depth > DEEPEST {
            return Err(QueryError::semantic(format!("the expression is more than {DEEPEST} levels deep")));
        }
        let next = |child: &Expression| self.bind_at(child, depth + 1);
        if matches!(expression.kind, ExpressionKind::Series(_) | ExpressionKind::Function(_))
            && let Some((column, data_type)) = self.find(expression)
        {
            return Ok(Expr::column(column, data_type));
        }
        match &expression.kind {
            ExpressionKind::Constant(constant) => {
                let (value, data_type) = literal(constant);
                Ok(Expr::new(Kind::Constant(value), data_type))
            }
            ExpressionKind::Time => Ok(Expr::new(Kind::Time, DataType::Int64)),
            ExpressionKind::Series(name) => Err(unknown(name)),
            ExpressionKind::Unary { operator, operand } => unary(*operator, operand, next(operand)?),
            ExpressionKind::Binary {
                operator: operator @ (BinaryOperator::And | BinaryOperator::Or),
                ..
            } => self.chain(*operator, expression, depth),
            ExpressionKind::Binary { operator, .. } if operator.is_arithmetic() => {
                self.terms(expression, depth)
            }
            ExpressionKind::Binary { operator, left, right } => {
                compare(*operator, (left, next(left)?), (right, next(right)?))
            }
            ExpressionKind::Function(function) => self.function(function, depth),
            ExpressionKind::Case(case) => self.case(case, depth),
            ExpressionKind::Cast { operand, data_type } => {
                let operand = next(operand)?;
                Ok(Expr::new(Kind::Cast(Box::new(operand)), *data_type))
            }
            ExpressionKind::Like { operand, pattern, negated } => {
                matches(operand, next(operand)?, Matcher::like(pattern)?, *negated)
            }
            ExpressionKind::Regexp { operand, pattern, negated } => {
                matches(operand, next(operand)?, Matcher::regexp(pattern)?, *negated)
            }
            ExpressionKind::Between { operand, low, high, negated } => {
                let value = next(operand)?;
                let least = compare(
                    BinaryOperator::GreaterOrEqual,
                    (&**operand, value.clone()),
                    (&**low, next(low)?),
                )?;
                let greatest =
                    compare(BinaryOperator::LessOrEqual, (&**operand, value), (&**high, next(high)?))?;
                Ok(negate_if(*negated, Expr::new(Kind::And(vec![least, greatest]), DataType::Boolean)))
            }
            ExpressionKind::IsNull { operand, negated } => {
                let operand = Box::new(next(operand)?);
                let kind = if *negated { Kind::IsNotNull(operand) } else { Kind::IsNull(operand) };
                Ok(Expr::new(kind, DataType::Boolean))
            }
            ExpressionKind::In { operand, values, negated } => {
                let operand = next(operand)?;
                if operand.is_null() {
                    return Ok(truth(operand));
                }
                let membership = Membership::new(values, operand.data_type)?;
                Ok(negate_if(*negated, Expr::new(Kind::In(membership, Box::new(operand)), DataType::Boolean)))
            }
        }
    }

    /// `a + b - c`, from left to right without recursion, so that long sums are not deep.
    fn terms(&self, expression: &Expression, depth: usize) -> Result<Expr, QueryError> {
        let mut steps = Vec::new();
        let mut rest = expression;
        while let ExpressionKind::Binary { operator, left, right } = &rest.kind {
            if !operator.is_arithmetic() {
                break;
            }
            steps.push((*operator, &**left, &**right));
            rest = left;
        }
        let mut bound = self.bind_at(rest, depth + 1)?;
        for (operator, left, right) in steps.into_iter().rev() {
            bound = arithmetic(operator, (left, bound), (right, self.bind_at(right, depth + 1)?))?;
        }
        Ok(bound)
    }

    /// `a and b and c`, flat, so that long chains are not deep.
    fn chain(
        &self,
        operator: BinaryOperator,
        expression: &Expression,
        depth: usize,
    ) -> Result<Expr, QueryError> {
        let mut operands = Vec::new();
        let mut rest = expression;
        while let ExpressionKind::Binary { operator: here, left, right } = &rest.kind {
            if *here != operator {
                break;
            }
            operands.push(&**right);
            rest = left;
        }
        operands.push(rest);
        let operands = operands
            .into_iter()
            .rev()
            .map(|operand| {
                let bound = self.bind_at(operand, depth + 1)?;
                expect(operand, &bound, &[DataType::Boolean])?;
                Ok(truth(bound))
            })
            .collect::<Result<Vec<_>, QueryError>>()?;
        let kind = if operator == BinaryOperator::And { Kind::And(operands) } else { Kind::Or(operands) };
        Ok(Expr::new(kind, DataType::Boolean))
    }

    fn function(&self, function: &Function, depth: usize) -> Result<Expr, QueryError> {
        let arguments = function
            .arguments
            .iter()
            .map(|argument| self.bind_at(argument, depth + 1))
            .collect::<Result<Vec<_>, _>>()?;
        let types: Vec<DataType> = arguments.iter().map(|argument| argument.data_type).collect();
        let call = Call { function, types: &types };
        match self.functions().find(&function.name).map(FunctionDefinition::binder) {
            Some(Binder::Row(bind)) => {
                let (row_function, data_type) = bind(&call)?;
                Ok(Expr::new(Kind::Function(row_function, arguments), data_type))
            }
            Some(Binder::Expression(bind)) => bind(&call, arguments),
            // Calls of other kinds are columns where they may stand.
            Some(Binder::Series(_)) => {
                Err(call.reject("it makes a series of its own, and cannot stand here"))
            }
            Some(Binder::Aggregate(_)) => Err(call.reject("it is an aggregate, and cannot stand here")),
            None => Err(QueryError::semantic(format!(
                "Failed to reflect UDF instance, because UDF {} has not been registered.",
                function.name.to_uppercase()
            ))),
        }
    }

    fn case(&self, case: &Case, depth: usize) -> Result<Expr, QueryError> {
        let next = |child: &Expression| self.bind_at(child, depth + 1);
        let mut branches = Vec::new();
        for (when, then) in &case.branches {
            let condition = match &case.operand {
                Some(operand) => {
                    compare(BinaryOperator::Equal, (&**operand, next(operand)?), (when, next(when)?))?
                }
                None => {
                    let condition = next(when)?;
                    expect(when, &condition, &[DataType::Boolean])?;
                    truth(condition)
                }
            };
            branches.push((condition, next(then)?));
        }
        let otherwise = case.otherwise.as_deref().map(next).transpose()?.filter(|each| !each.is_null());
        let known = branches.iter().map(|(_, then)| then).chain(&otherwise).filter(|each| !each.is_null());
        let data_type = case_type(&known.map(|each| each.data_type).collect::<Vec<_>>())?;
        let branches = branches.into_iter().map(|(when, then)| (when, retyped(then, data_type))).collect();
        let otherwise = otherwise.map(|each| Box::new(retyped(each, data_type)));
        Ok(Expr::new(Kind::Case(branches, otherwise), data_type))
    }
}

/// The one type of what a `case` gives: numbers become DOUBLE.
fn case_type(types: &[DataType]) -> Result<DataType, QueryError> {
    let Some(&first) = types.first() else { return Ok(DataType::Double) };
    let class = |data_type: DataType| match data_type {
        DataType::String => DataType::Text,
        numeric if numeric.is_numeric() => DataType::Double,
        other => other,
    };
    for &each in types {
        if class(each) != class(first) {
            let odd = [DataType::Text, DataType::Boolean];
            let named =
                odd.into_iter().find(|&odd| class(each) == odd || class(first) == odd).unwrap_or(first);
            return Err(QueryError::semantic(format!(
                "CASE expression: {named} and other types cannot exist at the same time"
            )));
        }
    }
    Ok(class(first))
}

fn retyped(expression: Expr, data_type: DataType) -> Expr {
    if expression.data_type == data_type && !expression.is_null() {
        expression
    } else if expression.is_null() {
        Expr::new(Kind::Constant(arrow_array::new_null_array(&data_type.arrow(), 1)), data_type)
    } else {
        Expr::new(Kind::Cast(Box::new(expression)), data_type)
    }
}

/// Null as a truth; others as they are.
fn truth(expression: Expr) -> Expr {
    if expression.is_null() { retyped(expression, DataType::Boolean) } else { expression }
}

fn unknown(name: &SeriesName) -> QueryError {
    QueryError::Rejected {
        code: levada_model::StatusCode::PATH_NOT_EXIST,
        message: format!("Path [{name}] does not exist"),
    }
}

fn negate_if(negated: bool, expression: Expr) -> Expr {
    if negated { Expr::new(Kind::Not(Box::new(expression)), DataType::Boolean) } else { expression }
}

/// Checks an operand's type; null fits everywhere.
fn expect(written: &Expression, bound: &Expr, allowed: &[DataType]) -> Result<(), QueryError> {
    if allowed.contains(&bound.data_type) || bound.is_null() {
        return Ok(());
    }
    let names: Vec<&str> = allowed.iter().map(|each| each.name()).collect();
    Err(QueryError::semantic(format!(
        "Invalid input expression data type. expression: {}, actual data type: {}, expected data type(s): [{}].",
        written.column_name(),
        bound.data_type,
        names.join(", ")
    )))
}

fn unary(operator: UnaryOperator, written: &Expression, operand: Expr) -> Result<Expr, QueryError> {
    match operator {
        UnaryOperator::Not => {
            expect(written, &operand, &[DataType::Boolean])?;
            Ok(negate_if(true, truth(operand)))
        }
        UnaryOperator::Negate => {
            expect(written, &operand, NUMERIC)?;
            let data_type = operand.data_type;
            Ok(Expr::new(Kind::Negate(Box::new(operand)), data_type))
        }
    }
}

type Operand<'a> = (&'a Expression, Expr);

fn arithmetic(operator: BinaryOperator, left: Operand<'_>, right: Operand<'_>) -> Result<Expr, QueryError> {
    expect(left.0, &left.1, NUMERIC)?;
    expect(right.0, &right.1, NUMERIC)?;
    let operator = match operator {
        BinaryOperator::Add => Arithmetic::Add,
        BinaryOperator::Subtract => Arithmetic::Subtract,
        BinaryOperator::Multiply => Arithmetic::Multiply,
        BinaryOperator::Divide => Arithmetic::Divide,
        _ => Arithmetic::Remainder,
    };
    Ok(Expr::new(Kind::Arithmetic(operator, Box::new(left.1), Box::new(right.1)), DataType::Double))
}

fn matches(written: &Expression, operand: Expr, matcher: Matcher, negated: bool) -> Result<Expr, QueryError> {
    expect(written, &operand, TEXT)?;
    if operand.is_null() {
        return Ok(truth(operand));
    }
    Ok(negate_if(negated, Expr::new(Kind::Matches(matcher, Box::new(operand)), DataType::Boolean)))
}

fn compare(operator: BinaryOperator, left: Operand<'_>, right: Operand<'_>) -> Result<Expr, QueryError> {
    let comparison = match operator {
        BinaryOperator::Equal => Comparison::Equal,
        BinaryOperator::NotEqual => Comparison::NotEqual,
        BinaryOperator::Less => Comparison::Less,
        BinaryOperator::LessOrEqual => Comparison::LessOrEqual,
        BinaryOperator::Greater => Comparison::Greater,
        _ => Comparison::GreaterOrEqual,
    };
    if left.1.is_null() || right.1.is_null() {
        let null = arrow_array::new_null_array(&DataType::Boolean.arrow(), 1);
        return Ok(Expr::new(Kind::Constant(null), DataType::Boolean));
    }
    let whole = |each: DataType| matches!(each, DataType::Int32 | DataType::Int64 | DataType::Timestamp);
    let (a, b) = (left.1.data_type, right.1.data_type);
    let date = |each: Expr| {
        if each.data_type == DataType::Date {
            each
        } else {
            Expr::new(Kind::Cast(Box::new(each)), DataType::Date)
        }
    };
    let domain = match (a, b) {
        (DataType::Date, other) | (other, DataType::Date) if other == DataType::Date || other.is_text() => {
            let kind =
                Kind::Compare(comparison, Domain::Integer, Box::new(date(left.1)), Box::new(date(right.1)));
            return Ok(Expr::new(kind, DataType::Boolean));
        }
        _ if whole(a) && whole(b) => Domain::Integer,
        _ if (whole(a) || a.is_numeric()) && (whole(b) || b.is_numeric()) => Domain::Float,
        _ if (a.is_text() && b.is_text()) || (a == b && !whole(a)) => Domain::Other,
        _ => return Err(incomparable(&left, &right)),
    };
    let kind = Kind::Compare(comparison, domain, Box::new(left.1), Box::new(right.1));
    Ok(Expr::new(kind, DataType::Boolean))
}

/// The side that does not fit the other: the other's kind is what was expected.
fn incomparable(left: &Operand<'_>, right: &Operand<'_>) -> QueryError {
    let either = |wanted: &'static [DataType]| {
        let fits = |side: &Operand<'_>| wanted.contains(&side.1.data_type);
        match (fits(left), fits(right)) {
            (true, false) => expect(right.0, &right.1, wanted).err(),
            (false, true) => expect(left.0, &left.1, wanted).err(),
            _ => None,
        }
    };
    either(TEXT).or_else(|| either(&[DataType::Boolean])).or_else(|| either(NUMERIC)).unwrap_or_else(|| {
        QueryError::semantic(format!(
            "values of type {} cannot be compared with values of type {}",
            left.1.data_type, right.1.data_type
        ))
    })
}
