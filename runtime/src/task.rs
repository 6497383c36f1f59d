//! The tasks of a pipeline: one for each node.
//!
//! ```text
//!   source task ──edge──▶ transform task ──edge──▶ sink task: batcher ──▶ writes under way
//!      ▲                                                                      │
//!      └────────────── settle(watermark) ◀── ledger ◀── receipts ◀────────────┘
//! ```
//!
//! A task ends when all its inputs have; so a stop runs through the graph from the sources on. A task that fails drops what
//! it holds, which its ledger sees, and stops the pipeline. Aborting makes every task drop what it holds at once.

pub(crate) mod holding;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod transform;
pub(crate) mod worker;
