//! A script as data: statements and expressions over numbered variables.

use crate::expression::pattern::Pattern;

use super::value::Value;

/// A script. The first of its variables are its parameters.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) parameters: usize,
    pub(super) variables: usize,
    pub(super) body: Vec<Statement>,
}

#[derive(Debug)]
pub(super) enum Statement {
    Give(Expression),
    Declare(usize, Option<Expression>),
    If(Expression, Box<Statement>, Option<Box<Statement>>),
    While(Expression, Box<Statement>),
    /// The body comes first.
    DoWhile(Box<Statement>, Expression),
    For(usize, Expression, Box<Statement>),
    Block(Vec<Statement>),
    Return(Option<Expression>),
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) enum Expression {
    Constant(Value),
    Variable(usize),
    List(Vec<Expression>),
    /// Texts and what is between them.
    Joined(Vec<Expression>),
    Unary(Unary, Box<Expression>),
    Binary(Binary, Box<Expression>, Box<Expression>),
    /// Whether a text fits a pattern that is written in the script.
    Fits(Box<Expression>, Pattern),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    /// `a ? b : c`
    Choice(Box<Expression>, Box<Expression>, Box<Expression>),
    /// `a ?: b`: the first where it is true.
    Elvis(Box<Expression>, Box<Expression>),
    /// `a ?? b`: the first where it is not null.
    Present(Box<Expression>, Box<Expression>),
    /// Gives what was assigned; with an operator, of what was there before.
    Assign(usize, Option<Binary>, Box<Expression>),
    /// `x++`: gives what was there before.
    After(usize, Binary),
    Method(Box<Expression>, String, Vec<Expression>),
    Item(Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Minus,
    Plus,
    Complement,
    Not,
    IsEmpty,
    Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    ShiftLeft,
    ShiftRight,
    BitAnd,
    BitOr,
    BitXor,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// A pattern or a list.
    In,
    NotIn,
    StartsWith,
    StartsNotWith,
    EndsWith,
    EndsNotWith,
    Range,
}
