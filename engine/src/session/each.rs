//! Many statements of one call.

use futures::{FutureExt, StreamExt};
use levada_model::{Session, SessionError};
use levada_sql::ast::{Insert, Statement};

use super::EmbeddedSession;
use crate::{gate::Creation, statement::run_together};

/// How many statements of one call are run at the same time: they become durable together.
const CONCURRENT: usize = 256;

impl EmbeddedSession {
    /// Runs the statements of one call, those that are there, and says how each went: applied in their order, one that fails holds up
    /// no other. Where all of them insert rows, they are one write, as far as all of it can be stored.
    pub async fn execute_each(
        &self,
        statements: Vec<Result<Option<String>, SessionError>>,
    ) -> Vec<Result<(), SessionError>> {
        let stored = match self.inserts(&statements) {
            Some((inserts, creation)) if !inserts.is_empty() => {
                run_together(&self.shared, inserts, statements.len(), &self.zone, &creation).await
            }
            _ => vec![false; statements.len()],
        };
        let running = statements.into_iter().zip(stored).map(|(sql, stored)| {
            async move {
                match sql? {
                    Some(sql) if !stored => self.execute(&sql).await.map(drop),
                    _ => Ok(()),
                }
            }
            .boxed()
        });
        futures::stream::iter(running).buffered(CONCURRENT).collect().await
    }

    /// The statements that insert rows and may, by their places; `None` where others are among them, or there are none to put
    /// together.
    fn inserts(
        &self,
        statements: &[Result<Option<String>, SessionError>],
    ) -> Option<(Vec<(usize, Insert)>, Creation)> {
        if statements.len() < 2 || self.check_open().is_err() {
            return None;
        }
        let context = self.shared.parse_context(&self.zone);
        let mut inserts = Vec::with_capacity(statements.len());
        let mut creation = Creation::default();
        for (place, sql) in statements.iter().enumerate() {
            let Ok(Some(sql)) = sql else { continue };
            match levada_sql::parse(sql, &context) {
                Ok(statement @ Statement::Insert(_)) => {
                    // Who may not is told so where the statement is run by itself; what they may make is the same for all.
                    creation = self.shared.gate.admit(&self.caller, &statement).ok()?.creation;
                    if let Statement::Insert(insert) = statement {
                        inserts.push((place, insert));
                    }
                }
                Ok(_) => return None,
                Err(_) => {}
            }
        }
        Some((inserts, creation))
    }
}
