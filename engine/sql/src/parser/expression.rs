//! Expressions, by precedence climbing.
//!
//! Loosest first: `or`, `and`, `in`, `is null`, `between`, `like`/`regexp`, comparisons, `+ -`, `* / %`, signs and
//! `not`. Operators group from the left; `!a > b` is `(!a) > b`.

mod call;

use levada_model::quote_node;

use super::{Parsed, Parser, literal::number};
use crate::{
    ast::{BinaryOperator, Case, Constant, Expression, ExpressionKind, UnaryOperator},
    lexer::{Symbol, TokenKind},
};

/// How deep a tree may be. Every walk over a tree recurses, so that this bounds their stack.
const MAX_DEPTH: usize = 500;

/// Words that continue an expression or the clauses around it, and therefore are names only where what follows shows it.
const CLAUSE_WORDS: [&str; 31] = [
    "align", "and", "as", "asc", "between", "by", "contains", "desc", "disable", "else", "end", "fill",
    "from", "group", "having", "in", "into", "is", "like", "limit", "non", "nulls", "offset", "or", "order",
    "regexp", "slimit", "soffset", "then", "when", "where",
];

/// Words of which one stands behind an operand.
const BEHIND_OPERANDS: [&str; 29] = [
    "align", "and", "as", "asc", "between", "contains", "desc", "disable", "else", "end", "fill", "from",
    "group", "having", "in", "into", "is", "like", "limit", "non", "not", "nulls", "offset", "or", "order",
    "regexp", "slimit", "soffset", "then",
];

/// An expression, and how deep its tree is.
struct Tree {
    expression: Expression,
    depth: usize,
}

/// An operator behind its first operand.
#[derive(Clone, Copy)]
enum Infix {
    Binary(BinaryOperator),
    In,
    IsNull,
    Between,
    Like,
    Regexp,
}

impl Infix {
    /// How tightly it binds; the greater the tighter.
    const fn power(self) -> u8 {
        match self {
            Self::Binary(BinaryOperator::Or) => 1,
            Self::Binary(BinaryOperator::And) => 2,
            Self::In => 3,
            Self::IsNull => 4,
            Self::Between => 5,
            Self::Like | Self::Regexp => 6,
            Self::Binary(operator) if operator.is_comparison() => 7,
            Self::Binary(BinaryOperator::Add | BinaryOperator::Subtract) => 8,
            Self::Binary(_) => 9,
        }
    }
}

impl Parser<'_> {
    /// An expression.
    pub(super) fn expression(&mut self) -> Parsed<Expression> {
        Ok(self.tree()?.expression)
    }

    fn tree(&mut self) -> Parsed<Tree> {
        self.nested(|parser| parser.climb(0))
    }

    /// An expression of operators that bind at least so tightly.
    fn climb(&mut self, least: u8) -> Parsed<Tree> {
        let start = self.start();
        let mut left = self.operand()?;
        while let Some((infix, negated)) = self.infix().filter(|(infix, _)| infix.power() >= least) {
            left = self.behind(left, infix, negated)?;
            left.expression.span = self.span_from(start);
        }
        Ok(left)
    }

    /// The operator that stands here, perhaps behind `not`.
    fn infix(&self) -> Option<(Infix, bool)> {
        let token = self.token();
        if let TokenKind::Symbol(symbol) = token.kind {
            return binary_operator(symbol).map(|operator| (Infix::Binary(operator), false));
        }
        let negated = self.is_word(0, "not");
        let at = usize::from(negated);
        let word = |word| self.is_word(at, word);
        let infix = if !negated && word("and") {
            Infix::Binary(BinaryOperator::And)
        } else if !negated && word("or") {
            Infix::Binary(BinaryOperator::Or)
        } else if !negated && word("is") {
            Infix::IsNull
        } else if word("in") || word("contains") {
            Infix::In
        } else if word("between") {
            Infix::Between
        } else if word("like") {
            Infix::Like
        } else if word("regexp") {
            Infix::Regexp
        } else {
            return None;
        };
        Some((infix, negated))
    }

    /// An operator and what stands behind it, applied to what stands before it.
    fn behind(&mut self, left: Tree, infix: Infix, negated: bool) -> Parsed<Tree> {
        self.skip(1 + usize::from(negated));
        let power = infix.power();
        let (operand, mut depth) = (Box::new(left.expression), left.depth);
        let kind = match infix {
            Infix::Binary(operator) => {
                let right = self.nested(|parser| parser.climb(power + 1))?;
                depth = depth.max(right.depth);
                ExpressionKind::Binary { operator, left: operand, right: Box::new(right.expression) }
            }
            Infix::In => ExpressionKind::In { operand, values: self.parenthesised(Self::constant)?, negated },
            Infix::IsNull => {
                let negated = self.eat("NOT");
                self.expect("NULL")?;
                ExpressionKind::IsNull { operand, negated }
            }
            Infix::Between => {
                let low = self.nested(|parser| parser.climb(power + 1))?;
                self.expect("AND")?;
                let high = self.nested(|parser| parser.climb(power + 1))?;
                depth = depth.max(low.depth).max(high.depth);
                let (low, high) = (Box::new(low.expression), Box::new(high.expression));
                ExpressionKind::Between { operand, low, high, negated }
            }
            Infix::Like => ExpressionKind::Like { operand, pattern: self.text_literal()?, negated },
            Infix::Regexp => ExpressionKind::Regexp { operand, pattern: self.text_literal()?, negated },
        };
        self.grown(kind, depth)
    }

    /// A tree one level above others.
    fn grown(&self, kind: ExpressionKind, depth: usize) -> Parsed<Tree> {
        if depth >= MAX_DEPTH {
            let message = format!("the expression has more than {MAX_DEPTH} operators within each other");
            return Err(self.error(self.token().span, message));
        }
        Ok(Tree { expression: Expression::synthetic(kind), depth: depth + 1 })
    }

    /// What operators apply to.
    fn operand(&mut self) -> Parsed<Tree> {
        let start = self.start();
        let mut tree = match self.token().kind {
            TokenKind::Symbol(Symbol::LeftParen) => {
                self.bump();
                let tree = self.tree()?;
                self.expect_symbol(Symbol::RightParen)?;
                tree
            }
            TokenKind::Symbol(Symbol::Plus) => self.prefixed(None)?,
            TokenKind::Symbol(Symbol::Minus) => self.prefixed(Some(UnaryOperator::Negate))?,
            TokenKind::Symbol(Symbol::Not) => self.prefixed(Some(UnaryOperator::Not))?,
            TokenKind::Symbol(Symbol::Star | Symbol::DoubleStar) => self.series()?,
            TokenKind::Word | TokenKind::Quoted | TokenKind::Duration => self.named()?,
            TokenKind::Symbol(_) | TokenKind::End => {
                self.expected.push("an expression");
                return Err(self.unexpected());
            }
            _ => self.constant_tree()?,
        };
        tree.expression.span = self.span_from(start);
        Ok(tree)
    }

    fn constant_tree(&mut self) -> Parsed<Tree> {
        let constant = self.constant()?;
        self.grown(ExpressionKind::Constant(constant), 0)
    }

    fn series(&mut self) -> Parsed<Tree> {
        let name = self.series_name()?;
        self.grown(ExpressionKind::Series(name), 0)
    }

    /// An operator and its operand. A sign before a number becomes part of it.
    fn prefixed(&mut self, operator: Option<UnaryOperator>) -> Parsed<Tree> {
        self.bump();
        let Tree { expression, depth } = self.nested(Self::operand)?;
        match (operator, &expression.kind) {
            (None, _) => Ok(Tree { expression, depth }),
            (
                Some(UnaryOperator::Negate),
                ExpressionKind::Constant(Constant::Integer { text, .. } | Constant::Real { text, .. }),
            ) if !text.starts_with('-') => self.grown(ExpressionKind::Constant(number(true, text)), 0),
            (Some(operator), _) => {
                self.grown(ExpressionKind::Unary { operator, operand: Box::new(expression) }, depth)
            }
        }
    }

    /// What begins with a word or a name: a constant, the time, a call, a series.
    fn named(&mut self) -> Parsed<Tree> {
        let next = self.ahead(1).kind;
        if next == TokenKind::Symbol(Symbol::Dot) || self.token().kind == TokenKind::Quoted {
            return if next == TokenKind::Symbol(Symbol::LeftParen) { self.call() } else { self.series() };
        }
        let is = |word| self.is_word(0, word);
        if self.token().kind == TokenKind::Duration
            || self.is_now()
            || ["true", "false", "null", "nan"].into_iter().any(is)
        {
            return self.constant_tree();
        }
        if is("time") || is("timestamp") {
            self.bump();
            return self.grown(ExpressionKind::Time, 0);
        }
        if is("not") {
            return self.prefixed(Some(UnaryOperator::Not));
        }
        let begins_case = !self.stands_behind_operands(1)
            || self.is_word(1, "not")
            || self.begins_operand(1)
            || self.ahead(2).kind == TokenKind::Symbol(Symbol::Dot);
        if is("case") && begins_case {
            return self.case();
        }
        let word = self.text_of(self.token());
        if CLAUSE_WORDS.iter().any(|clause| clause.eq_ignore_ascii_case(word)) {
            if !self.stands_behind_operands(1) {
                self.expected.push("an expression");
                return Err(self.unexpected());
            }
        } else if next == TokenKind::Symbol(Symbol::LeftParen) {
            return self.call();
        }
        if quote_node(word) != word && !is("root") {
            return Err(self.semantic(self.token().span, format!("'{word}' is illegal, identifier not enclosed with backticks can only consist of digits, characters and underscore")));
        }
        self.series()
    }

    /// Whether the token so many ahead is one that stands behind a whole operand.
    fn stands_behind_operands(&self, count: usize) -> bool {
        let token = self.ahead(count);
        match token.kind {
            TokenKind::End => true,
            TokenKind::Symbol(symbol) => !matches!(symbol, Symbol::LeftParen | Symbol::Not),
            TokenKind::Word => {
                let word = self.text_of(token);
                BEHIND_OPERANDS.iter().any(|each| each.eq_ignore_ascii_case(word))
            }
            _ => false,
        }
    }

    /// Whether the token so many ahead begins an operand, so that a star before it multiplies.
    pub(super) fn begins_operand(&self, count: usize) -> bool {
        let token = self.ahead(count);
        match token.kind {
            TokenKind::End => false,
            TokenKind::Symbol(symbol) => {
                matches!(symbol, Symbol::LeftParen | Symbol::Not | Symbol::Plus | Symbol::Minus)
            }
            TokenKind::Word => {
                let word = self.text_of(token);
                !CLAUSE_WORDS.iter().any(|each| each.eq_ignore_ascii_case(word))
            }
            _ => true,
        }
    }

    /// `case … end`
    fn case(&mut self) -> Parsed<Tree> {
        self.bump();
        let mut depth = 0;
        let mut part = |parser: &mut Self| {
            let tree = parser.tree()?;
            depth = depth.max(tree.depth);
            Ok(tree.expression)
        };
        let operand = if self.at(&["when"]) { None } else { Some(Box::new(part(self)?)) };
        let mut branches = Vec::new();
        while self.eat("WHEN") {
            let when = part(self)?;
            self.expect("THEN")?;
            branches.push((when, part(self)?));
        }
        if branches.is_empty() {
            return Err(self.unexpected());
        }
        let otherwise = if self.eat("ELSE") { Some(Box::new(part(self)?)) } else { None };
        self.expect("END")?;
        self.grown(ExpressionKind::Case(Case { operand, branches, otherwise }), depth)
    }
}

fn binary_operator(symbol: Symbol) -> Option<BinaryOperator> {
    Some(match symbol {
        Symbol::Star => BinaryOperator::Multiply,
        Symbol::Slash => BinaryOperator::Divide,
        Symbol::Percent => BinaryOperator::Modulo,
        Symbol::Plus => BinaryOperator::Add,
        Symbol::Minus => BinaryOperator::Subtract,
        Symbol::Greater => BinaryOperator::Greater,
        Symbol::GreaterOrEqual => BinaryOperator::GreaterOrEqual,
        Symbol::Less => BinaryOperator::Less,
        Symbol::LessOrEqual => BinaryOperator::LessOrEqual,
        Symbol::Equal | Symbol::DoubleEqual => BinaryOperator::Equal,
        Symbol::NotEqual | Symbol::Unequal => BinaryOperator::NotEqual,
        Symbol::And | Symbol::DoubleAnd => BinaryOperator::And,
        Symbol::Or | Symbol::DoubleOr => BinaryOperator::Or,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
