//! Many statements of one call.

use futures::{FutureExt, StreamExt};
use levada_model::{Session, SessionError};
use levada_sql::ast::{Insert, Statement};

use super::EmbeddedSession;
use crate::{
    gate::Creation,
    statement::{TextRow, run_together},
};

/// How many statements of one call are run at the same time: they become durable together.
const CONCURRENT: usize = 256;

/// What became of a statement that was to be stored with others.
enum Insertion {
    Stored,
    /// It is still to be run, by itself.
    Left(Insert),
}

impl EmbeddedSession {
    /// Runs the statements of one call, those that are there, and says how each went: applied in their order, one that fails holds up
    /// no other. Where all of them insert rows, they are one write, as far as all of it can be stored.
    pub async fn execute_each(
        &self,
        statements: Vec<Result<Option<String>, SessionError>>,
    ) -> Vec<Result<(), SessionError>> {
        let mut inserts: Vec<Option<Insertion>> = statements.iter().map(|_| None).collect();
        if let Some((parsed, creation)) = self.inserts(&statements).filter(|(parsed, _)| !parsed.is_empty()) {
            parsed.iter().for_each(|(place, _)| inserts[*place] = Some(Insertion::Stored));
            let left = run_together(&self.shared, parsed, &self.zone, &creation).await;
            left.into_iter().for_each(|(place, insert)| inserts[place] = Some(Insertion::Left(insert)));
        }
        let running = statements.into_iter().zip(inserts).map(|(sql, insert)| {
            async move {
                match (sql?, insert) {
                    (Some(sql), Some(Insertion::Left(insert))) => {
                        self.check_open()?;
                        self.run(&sql, Statement::Insert(insert), self.timeout).await.map(drop)
                    }
                    (Some(sql), None) => self.execute(&sql).await.map(drop),
                    (None, _) | (_, Some(Insertion::Stored)) => Ok(()),
                }
            }
            .boxed()
        });
        futures::stream::iter(running).buffered(CONCURRENT).collect().await
    }

    /// Stores rows whose values are texts, those that are there, and says how each went, as [`EmbeddedSession::execute_each`] does for
    /// statements.
    pub async fn insert_texts(
        &self,
        rows: Vec<Result<Option<TextRow>, SessionError>>,
    ) -> Vec<Result<(), SessionError>> {
        let mut outcomes: Vec<Result<(), SessionError>> = Vec::with_capacity(rows.len());
        let mut inserts = Vec::with_capacity(rows.len());
        let mut creation = Creation::default();
        for (place, row) in rows.into_iter().enumerate() {
            let admitted = self.check_open().and(row).and_then(|row| {
                let Some(row) = row else { return Ok(()) };
                let statement = Statement::Insert(row.into());
                creation = self.shared.gate.admit(&self.caller, &statement)?.creation;
                if let Statement::Insert(insert) = statement {
                    inserts.push((place, insert));
                }
                Ok(())
            });
            outcomes.push(admitted);
        }
        if inserts.len() > 1 {
            inserts = run_together(&self.shared, inserts, &self.zone, &creation).await;
        }
        let running = inserts.into_iter().map(|(place, insert)| {
            let statement = Statement::Insert(insert);
            async move { (place, self.run("insert into", statement, self.timeout).await.map(drop)) }.boxed()
        });
        let left: Vec<_> = futures::stream::iter(running).buffered(CONCURRENT).collect().await;
        for (place, outcome) in left {
            outcomes[place] = outcome;
        }
        outcomes
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
                    creation = self.shared.gate.would_admit(&self.caller, &statement)?.creation;
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
