//! Calls of functions, and the two that have a grammar of their own: `cast` and `substring`.

use levada_model::DataType;

use super::{Parsed, Parser, Tree};
use crate::{
    Span,
    ast::{ExpressionKind, Function},
    lexer::{Symbol, TokenKind},
};

impl Parser<'_> {
    /// `name(input, …, 'key'='value', …)`
    pub(super) fn call(&mut self) -> Parsed<Tree> {
        let name = self.name()?;
        self.expect_symbol(Symbol::LeftParen)?;
        let mut function = Function { name, arguments: Vec::new(), attributes: Vec::new(), from_for: false };
        let mut depth = 0;
        loop {
            if self.is_attribute() {
                let key = self.text_literal()?;
                self.bump();
                function.attributes.push((key, self.text_literal()?));
            } else {
                let start = self.start();
                let tree = self.tree()?;
                if !function.attributes.is_empty() {
                    return Err(self.error(self.span_from(start), "attributes come behind all inputs"));
                }
                depth = depth.max(tree.depth);
                function.arguments.push(tree.expression);
                if function.name.eq_ignore_ascii_case("cast") && self.eat("AS") {
                    return self.cast(function, depth);
                }
                if function.name.eq_ignore_ascii_case("substring") && self.eat("FROM") {
                    return self.substring(function, depth);
                }
            }
            if !self.eat_symbol(Symbol::Comma) {
                break;
            }
        }
        self.expect_symbol(Symbol::RightParen)?;
        self.grown(ExpressionKind::Function(function), depth)
    }

    /// Whether `'key'='value'` stands here, and not a comparison of two texts with something behind.
    fn is_attribute(&self) -> bool {
        let is_text = |count| self.ahead(count).kind == TokenKind::Text;
        let is_symbol = |count, symbol| self.ahead(count).kind == TokenKind::Symbol(symbol);
        is_text(0)
            && (is_symbol(1, Symbol::Equal) || is_symbol(1, Symbol::DoubleEqual))
            && is_text(2)
            && (is_symbol(3, Symbol::Comma) || is_symbol(3, Symbol::RightParen))
    }

    /// The rest of `cast(x as INT32)`.
    fn cast(&mut self, mut function: Function, depth: usize) -> Parsed<Tree> {
        let data_type = self.data_type()?;
        self.expect_symbol(Symbol::RightParen)?;
        match function.arguments.pop() {
            Some(operand) if function.arguments.is_empty() && function.attributes.is_empty() => {
                self.grown(ExpressionKind::Cast { operand: Box::new(operand), data_type }, depth)
            }
            _ => Err(self.error(self.span_from(self.previous_end()), "cast takes one expression")),
        }
    }

    /// The rest of `substring(x from 2 for 3)`: start and length become arguments.
    fn substring(&mut self, mut function: Function, mut depth: usize) -> Parsed<Tree> {
        let mut part = |parser: &mut Self| {
            let tree = parser.tree()?;
            depth = depth.max(tree.depth);
            function.arguments.push(tree.expression);
            Ok(())
        };
        part(self)?;
        if self.eat("FOR") {
            part(self)?;
        }
        function.from_for = true;
        self.expect_symbol(Symbol::RightParen)?;
        self.grown(ExpressionKind::Function(function), depth)
    }

    /// The name of a data type.
    pub(in crate::parser) fn data_type(&mut self) -> Parsed<DataType> {
        let (name, span) = self.type_name()?;
        name.parse()
            .map_err(|_| self.semantic(span, format!("Unsupported datatype: {}", name.to_uppercase())))
    }

    /// A bare word that names a type, an encoding or a compressor.
    pub(in crate::parser) fn type_name(&mut self) -> Parsed<(String, Span)> {
        let token = self.token();
        if token.kind != TokenKind::Word {
            self.expected.push("a name");
            return Err(self.unexpected());
        }
        self.bump();
        Ok((self.text_of(token).to_owned(), token.span))
    }
}
