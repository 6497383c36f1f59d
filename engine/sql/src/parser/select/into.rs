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
            let device = parser.target_nodes()?;
            let measurements = parser.parenthesised(Self::target_node)?;
            Ok(IntoTarget { aligned, device, measurements })
        })?;
        Ok(SelectInto { targets })
    }

    /// What stands behind `into` in a continuous query: as in any query, or the nodes of a name or a path, as 0.13 has it.
    pub(in crate::parser) fn cq_into(&mut self, older: &mut Option<Vec<String>>) -> Parsed<SelectInto> {
        let rest = self.tokens.len() - self.position;
        let mut until_from = (0..rest).take_while(|&at| !self.is_word(at, "from"));
        if until_from.any(|at| self.ahead(at).kind == TokenKind::Symbol(Symbol::LeftParen)) {
            return self.select_into();
        }
        *older = Some(self.target_nodes()?);
        Ok(SelectInto { targets: Vec::new() })
    }

    fn target_nodes(&mut self) -> Parsed<Vec<String>> {
        let mut nodes = vec![if self.eat("ROOT") { "root".to_owned() } else { self.target_node()? }];
        while self.eat_symbol(Symbol::Dot) {
            nodes.push(self.target_node()?);
        }
        Ok(nodes)
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
