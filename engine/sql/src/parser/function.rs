//! Statements about functions that users add.

use super::{Parsed, Parser};
use crate::ast::{CreateFunction, Statement};

impl Parser<'_> {
    /// `adder as 'org.example.Adder' using uri 'file:///tmp/adder.wasm'` behind `create function`
    pub(super) fn create_function(&mut self, temporary: bool) -> Parsed<Statement> {
        let name = self.name()?;
        self.expect("AS")?;
        let class = self.text_literal()?;
        let uri = if self.eat("USING") {
            self.expect("URI")?;
            Some(self.text_literal()?)
        } else {
            None
        };
        Ok(Statement::CreateFunction(CreateFunction { name, class, uri, temporary }))
    }
}
