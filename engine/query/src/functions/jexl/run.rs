//! A script at work on the values of one row.

use std::{cmp::Ordering, sync::Arc};

use super::{
    methods,
    script::{Binary, Expression, Script, Statement, Unary},
    value::{Fault, Outcome, Pair, Value, bounded, fits, pair},
};
use crate::expression::pattern::Pattern;

/// Steps of loops that a row may take, and items of a list.
const MOST_STEPS: u32 = 1_000_000;
const MOST_ITEMS: i64 = 100_000;

/// A script with its variables.
pub(super) struct Run<'s> {
    script: &'s Script,
    variables: Vec<Value>,
    /// Of loops, of this row.
    steps: u32,
}

/// How a statement ends.
enum Flow {
    /// With a value, or none; the next follows.
    On(Value),
    Return(Value),
    Break,
    Continue,
}

impl<'s> Run<'s> {
    pub(super) fn new(script: &'s Script) -> Self {
        Self { script, variables: Vec::new(), steps: 0 }
    }

    /// What the script gives for these inputs: the value of its last statement.
    pub(super) fn of(&mut self, inputs: impl IntoIterator<Item = Value>) -> Outcome {
        self.variables.clear();
        self.variables.extend(inputs);
        self.variables.resize(self.script.variables, Value::Null);
        self.steps = 0;
        Ok(match self.block(&self.script.body)? {
            Flow::On(value) | Flow::Return(value) => value,
            Flow::Break | Flow::Continue => Value::Null,
        })
    }

    fn block(&mut self, statements: &'s [Statement]) -> Outcome<Flow> {
        let mut last = Value::Null;
        for statement in statements {
            match self.statement(statement)? {
                Flow::On(value) => last = value,
                other => return Ok(other),
            }
        }
        Ok(Flow::On(last))
    }

    fn statement(&mut self, statement: &'s Statement) -> Outcome<Flow> {
        Ok(match statement {
            Statement::Give(expression) => Flow::On(self.value(expression)?),
            Statement::Declare(variable, value) => {
                let value = value.as_ref().map_or(Ok(Value::Null), |value| self.value(value))?;
                self.variables[*variable] = value.clone();
                Flow::On(value)
            }
            Statement::If(condition, then, otherwise) => {
                match (self.value(condition)?.is_true(), otherwise) {
                    (true, _) => self.statement(then)?,
                    (false, Some(otherwise)) => self.statement(otherwise)?,
                    (false, None) => Flow::On(Value::Null),
                }
            }
            Statement::While(condition, body) => {
                let mut last = Value::Null;
                while self.value(condition)?.is_true() {
                    if let Some(end) = self.turn(body, &mut last)? {
                        return Ok(end);
                    }
                }
                Flow::On(last)
            }
            Statement::DoWhile(body, condition) => loop {
                let mut last = Value::Null;
                if let Some(end) = self.turn(body, &mut last)? {
                    break end;
                }
                if !self.value(condition)?.is_true() {
                    break Flow::On(last);
                }
            },
            Statement::For(variable, list, body) => {
                let items: Arc<[Value]> = match self.value(list)? {
                    Value::List(items) => items,
                    Value::Null => [].into(),
                    other => {
                        return Err(Fault::wrong(format!(
                            "`for` goes through a list, not {}",
                            other.named()
                        )));
                    }
                };
                let mut last = Value::Null;
                for item in &*items {
                    self.variables[*variable] = item.clone();
                    if let Some(end) = self.turn(body, &mut last)? {
                        return Ok(end);
                    }
                }
                Flow::On(last)
            }
            Statement::Block(statements) => self.block(statements)?,
            Statement::Return(value) => {
                Flow::Return(value.as_ref().map_or(Ok(Value::Null), |value| self.value(value))?)
            }
            Statement::Break => Flow::Break,
            Statement::Continue => Flow::Continue,
        })
    }

    /// Runs the body of a loop once; `last` becomes its value, if it has one. Gives how the loop ends, if it does.
    fn turn(&mut self, body: &'s Statement, last: &mut Value) -> Outcome<Option<Flow>> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(Fault::wrong(format!("its loops take more than {MOST_STEPS} steps for one row")));
        }
        Ok(match self.statement(body)? {
            Flow::On(value) => {
                *last = value;
                None
            }
            Flow::Continue => None,
            Flow::Break => Some(Flow::On(std::mem::replace(last, Value::Null))),
            returned @ Flow::Return(_) => Some(returned),
        })
    }

    fn value(&mut self, expression: &'s Expression) -> Outcome {
        Ok(match expression {
            Expression::Constant(constant) => constant.clone(),
            Expression::Variable(variable) => self.variables[*variable].clone(),
            Expression::List(items) => Value::List(self.values(items)?.into()),
            Expression::Joined(parts) => {
                let mut text = String::new();
                for part in parts {
                    text.push_str(&self.value(part)?.text());
                    bounded(text.len())?;
                }
                Value::Text(text.into())
            }
            Expression::Unary(operator, of) => unary(*operator, &self.value(of)?)?,
            Expression::Binary(operator, left, right) => {
                let left = self.value(left)?;
                binary(*operator, &left, &self.value(right)?)?
            }
            Expression::Fits(text, pattern) => match self.value(text)? {
                Value::Null => return Err(Fault::Null),
                value => Value::Truth(fits(&value.text(), pattern)?),
            },
            Expression::And(left, right) => {
                Value::Truth(self.value(left)?.is_true() && self.value(right)?.is_true())
            }
            Expression::Or(left, right) => {
                Value::Truth(self.value(left)?.is_true() || self.value(right)?.is_true())
            }
            Expression::Choice(condition, then, otherwise) => match self.value(condition)?.is_true() {
                true => self.value(then)?,
                false => self.value(otherwise)?,
            },
            Expression::Elvis(first, second) => match self.value(first)? {
                value if value.is_true() => value,
                _ => self.value(second)?,
            },
            Expression::Present(first, second) => match self.value(first) {
                Ok(Value::Null) | Err(Fault::Null) => self.value(second)?,
                value => value?,
            },
            Expression::Assign(variable, operator, value) => {
                let mut value = self.value(value)?;
                if let Some(operator) = operator {
                    value = binary(*operator, &self.variables[*variable], &value)?;
                }
                self.variables[*variable] = value.clone();
                value
            }
            Expression::After(variable, operator) => {
                let before = self.variables[*variable].clone();
                self.variables[*variable] = binary(*operator, &before, &Value::Whole(1))?;
                before
            }
            Expression::Method(of, name, arguments) => {
                let of = self.value(of)?;
                methods::call(&of, name, &self.values(arguments)?)?
            }
            Expression::Item(of, item) => match (self.value(of)?, self.value(item)?) {
                (Value::List(items), at) => {
                    let item = usize::try_from(at.whole()?).ok().and_then(|at| items.get(at));
                    item.cloned()
                        .ok_or_else(|| Fault::wrong(format!("the list has no item {}", at.text())))?
                }
                (Value::Null, _) => return Err(Fault::Null),
                (other, _) => return Err(Fault::wrong(format!("{} has no items", other.named()))),
            },
        })
    }

    fn values(&mut self, expressions: &'s [Expression]) -> Outcome<Vec<Value>> {
        expressions.iter().map(|each| self.value(each)).collect()
    }
}

fn unary(operator: Unary, of: &Value) -> Outcome {
    Ok(match operator {
        Unary::Not => Value::Truth(!of.is_true()),
        Unary::IsEmpty => Value::Truth(of.is_empty()),
        Unary::Size => Value::Whole(of.size()),
        Unary::Complement => Value::Whole(!of.whole()?),
        Unary::Plus => of.number()?,
        Unary::Minus => match of.number()? {
            Value::Whole(whole) => whole.checked_neg().map_or(Value::Double(-(whole as f64)), Value::Whole),
            Value::Double(double) => Value::Double(-double),
            other => other,
        },
    })
}

fn binary(operator: Binary, left: &Value, right: &Value) -> Outcome {
    use Binary as Op;
    let truth = |truth: bool| Ok(Value::Truth(truth));
    match operator {
        Op::Equal => truth(left.equals(right)),
        Op::NotEqual => truth(!left.equals(right)),
        Op::Less => truth(left.order(right)? == Ordering::Less),
        Op::LessOrEqual => truth(left.order(right)? != Ordering::Greater),
        Op::Greater => truth(left.order(right)? == Ordering::Greater),
        Op::GreaterOrEqual => truth(left.order(right)? != Ordering::Less),
        Op::In => truth(is_in(left, right)?),
        Op::NotIn => truth(!is_in(left, right)?),
        Op::StartsWith | Op::StartsNotWith | Op::EndsWith | Op::EndsNotWith => {
            if matches!(left, Value::Null) || matches!(right, Value::Null) {
                return Err(Fault::Null);
            }
            let (text, part) = (left.text(), right.text());
            truth(match operator {
                Op::StartsWith => text.starts_with(&*part),
                Op::StartsNotWith => !text.starts_with(&*part),
                Op::EndsWith => text.ends_with(&*part),
                _ => !text.ends_with(&*part),
            })
        }
        Op::Range => {
            let (from, to) = (left.whole()?, right.whole()?);
            if to.saturating_sub(from) >= MOST_ITEMS {
                return Err(Fault::wrong(format!("`{from}..{to}` has more than {MOST_ITEMS} items")));
            }
            Ok(Value::List((from..=to).map(Value::Whole).collect()))
        }
        Op::ShiftLeft => Ok(Value::Whole(left.whole()?.wrapping_shl(right.whole()? as u32))),
        Op::ShiftRight => Ok(Value::Whole(left.whole()?.wrapping_shr(right.whole()? as u32))),
        Op::BitAnd => Ok(Value::Whole(left.whole()? & right.whole()?)),
        Op::BitOr => Ok(Value::Whole(left.whole()? | right.whole()?)),
        Op::BitXor => Ok(Value::Whole(left.whole()? ^ right.whole()?)),
        Op::Add if matches!(left, Value::Text(_)) || matches!(right, Value::Text(_)) => {
            if matches!(left, Value::Null) || matches!(right, Value::Null) {
                return Err(Fault::Null);
            }
            let (left, right) = (left.text(), right.text());
            bounded(left.len() + right.len())?;
            Ok(Value::Text(format!("{left}{right}").into()))
        }
        Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Modulo => {
            arithmetic(operator, pair(left, right)?)
        }
    }
}

/// Whole numbers give a whole number, and their division drops the fraction. A result that does not fit in 64 bits is a DOUBLE.
fn arithmetic(operator: Binary, sides: Pair) -> Outcome {
    let (left, right) = match sides {
        Pair::Whole(_, 0) if matches!(operator, Binary::Divide | Binary::Modulo) => {
            return Err(Fault::wrong("it divides by 0"));
        }
        Pair::Whole(left, right) => {
            let whole = match operator {
                Binary::Add => left.checked_add(right),
                Binary::Subtract => left.checked_sub(right),
                Binary::Multiply => left.checked_mul(right),
                Binary::Divide => left.checked_div(right),
                _ => left.checked_rem(right),
            };
            match whole {
                Some(whole) => return Ok(Value::Whole(whole)),
                None => (left as f64, right as f64),
            }
        }
        Pair::Double(left, right) => (left, right),
    };
    if right == 0.0 && matches!(operator, Binary::Divide | Binary::Modulo) {
        return Err(Fault::wrong("it divides by 0"));
    }
    Ok(Value::Double(match operator {
        Binary::Add => left + right,
        Binary::Subtract => left - right,
        Binary::Multiply => left * right,
        Binary::Divide => left / right,
        _ => left % right,
    }))
}

/// `=~`: a text that fits a pattern, or an item of a list.
fn is_in(value: &Value, of: &Value) -> Outcome<bool> {
    match of {
        Value::List(items) => Ok(items.iter().any(|item| item.is(value))),
        Value::Text(pattern) => {
            let pattern = Pattern::of_whole_text(pattern).map_err(|error| Fault::wrong(error.to_string()))?;
            fits(&value.text(), &pattern)
        }
        other => Ok(value.equals(other)),
    }
}
