//! What a query may know of the session it runs in, and how much it may use.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jiff::tz::TimeZone;

use crate::{Cancellation, FunctionRegistry, QueryError};

/// In which order the columns of a wildcard, and the rows of `SHOW`, come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaOrder {
    /// As Apache IoTDB gives them: every node's children in the order of a Java hash map. Which rows `limit` leaves and
    /// which columns `slimit` leaves depends on it.
    #[default]
    Peer,
    /// By path.
    Path,
}

/// What a query runs with.
#[derive(Clone, Debug)]
pub struct QueryContext {
    /// The session's time zone: where calendar months in `GROUP BY` begin.
    pub zone: TimeZone,
    /// The present, in milliseconds since 1970 UTC.
    pub now: i64,
    /// How many bytes a query may hold at once in sorts, joins, groups and the like.
    pub memory: usize,
    /// How many rows a batch has at most.
    pub batch_rows: usize,
    /// In which order names come.
    pub order: SchemaOrder,
    /// The functions that may be called.
    pub functions: Arc<FunctionRegistry>,
    /// What `SHOW VERSION` says.
    pub version: Arc<str>,
    /// What `SHOW VERSION` says of the build.
    pub build: Arc<str>,
    /// Ends the query from another thread; a query's own, so give each its own context.
    pub cancellation: Cancellation,
}

impl QueryContext {
    /// The usual: UTC, 256 MiB, batches of 8,192 rows, the built-in functions.
    pub fn new(now: i64) -> Self {
        Self {
            zone: TimeZone::UTC,
            now,
            memory: 256 << 20,
            batch_rows: 8192,
            order: SchemaOrder::default(),
            functions: FunctionRegistry::builtin(),
            version: "2.0.1-levada".into(),
            build: env!("CARGO_PKG_VERSION").into(),
            cancellation: Cancellation::default(),
        }
    }
}

/// A query's memory, shared by its operators.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    used: Arc<AtomicUsize>,
    limit: usize,
}

impl Budget {
    /// All of it free.
    pub(crate) fn new(limit: usize) -> Self {
        Self { used: Arc::default(), limit }
    }

    /// A part of it, nothing as yet, for one purpose.
    pub(crate) fn part(&self, what: &'static str) -> Reservation {
        Reservation { budget: self.clone(), what, held: 0 }
    }
}

/// Memory an operator holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Budget,
    what: &'static str,
    held: usize,
}

impl Reservation {
    /// Half of the query's memory.
    pub(crate) fn most(&self) -> usize {
        self.budget.limit / 2
    }

    /// Takes more if all that is held for this purpose stays within half of the query's memory; says whether it did.
    pub(crate) fn try_grow(&mut self, bytes: usize) -> bool {
        if self.held.saturating_add(bytes) > self.most() {
            return false;
        }
        let fits = self.grow(bytes).is_ok();
        if !fits {
            self.shrink(bytes);
        }
        fits
    }

    /// Takes more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), QueryError> {
        let before = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.held += bytes;
        if before.saturating_add(bytes) > self.budget.limit {
            return Err(QueryError::Memory { what: self.what, limit: self.budget.limit });
        }
        Ok(())
    }

    /// Gives some back.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.held);
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
        self.held -= bytes;
    }

    /// Gives all back.
    pub(crate) fn free(&mut self) {
        self.budget.used.fetch_sub(self.held, Ordering::Relaxed);
        self.held = 0;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.free();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_given_back_can_be_taken_again() {
        let budget = Budget::new(100);
        let mut first = budget.part("a test");
        first.grow(80).expect("within the limit");
        assert!(matches!(budget.part("a test").grow(30), Err(QueryError::Memory { limit: 100, .. })));
        drop(first);
        budget.part("a test").grow(100).expect("all is free again");
    }
}
