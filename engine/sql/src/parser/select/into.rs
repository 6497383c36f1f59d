//! `INTO`: where results are written to.

use levada_model::quote_node;

use crate::{
    ast::{IntoTarget, SelectInto},
    lexer::{Symbol, TokenKind},
    parser::{Parsed, Parser},
};

impl Parser<'_> {
    /// What stands behind `into`.
    pub(super) fn select_into(&mut self) -> Parsed<SelectInto> {
        let targets = self.list(|parser| {
            let aligned = parser.eat("ALIGNED");
            let mut device = Vec::new();
            if parser.eat("ROOT") {
                device.push("root".to_owned());
            } else {
                device.push(parser.target_node()?);
            }
            while parser.eat_symbol(Symbol::Dot) {
                device.push(parser.target_node()?);
            }
            let measurements = parser.parenthesised(Self::target_node)?;
            Ok(IntoTarget { aligned, device, measurements })
        })?;
        Ok(SelectInto { targets })
    }

    /// A node that may hold `::` or `${2}`; in canonical form where it holds neither.
    pub(in crate::parser) fn target_node(&mut self) -> Parsed<String> {
        let token = self.token();
        let word = self.text_of(token);
        if token.kind == TokenKind::Word && (word == "::" || word.contains("${")) {
            self.bump();
            return Ok(word.to_owned());
        }
        let name = self.name()?;
        Ok(if name.contains("${") { name } else { quote_node(&name).into_owned() })
    }
}
