//! What an instance holds on the host's side.

use std::sync::Arc;

use levada_udf::{Fault, KeptWindow};
use wasmtime::{ResourceLimiter, Result};

use crate::{
    options::{HostOptions, Level, Log},
    ticker::{Ticker, Ticking},
};

/// The most elements of an instance's tables.
const TABLE: usize = 1 << 20;
/// The most bytes of messages that are kept to explain a trap.
const MAX_MESSAGE_BYTES: usize = 8 << 10;

/// What an instance holds on the host's side.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) module: Arc<str>,
    pub(crate) log: Log,
    /// Bytes that its memories may have together.
    memory_limit: usize,
    /// Bytes that they have.
    memory: usize,
    /// Whether it was denied memory since the last call began.
    pub(crate) denied: bool,
    /// Urgent messages since the last call began.
    said: String,
    /// What its random numbers come from.
    pub(crate) random: u64,
    /// The window of the call, where it is read by pages.
    pub(crate) kept: Option<Kept>,
    /// How long a call may run.
    pub(crate) ticks: u64,
    _ticking: Ticking,
}

/// A window that is read by pages in the call that is under way.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) window: KeptWindow,
    /// The first row that was not read as yet.
    pub(crate) unread: usize,
    /// Why rows could not be read.
    pub(crate) fault: Option<Fault>,
}

impl Outside {
    pub(crate) fn new(module: Arc<str>, options: &HostOptions, ticking: Ticking) -> Self {
        let random = 0x9e37_79b9_7f4a_7c15;
        Self {
            module,
            log: options.log.clone(),
            memory_limit: options.memory,
            memory: 0,
            denied: false,
            said: String::new(),
            random,
            kept: None,
            ticks: Ticker::ticks(options.time),
            _ticking: ticking,
        }
    }

    pub(crate) fn begin_call(&mut self) {
        self.denied = false;
        self.said.clear();
    }

    /// A message of the module.
    pub(crate) fn say(&mut self, level: Level, text: &str) {
        if level == Level::Error && self.said.len() + text.len() <= MAX_MESSAGE_BYTES {
            self.said.push_str(text);
        }
        self.log.write(&self.module, level, text);
    }

    /// The urgent messages since the last call began, on one line.
    pub(crate) fn said(&self) -> String {
        self.said.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The next of its random numbers, the same in each run: results can be reproduced (splitmix64).
    pub(crate) fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl ResourceLimiter for Outside {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let after = self.memory.saturating_add(desired.saturating_sub(current));
        if after > self.memory_limit {
            self.denied = true;
            return Ok(false);
        }
        self.memory = after;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        self.denied |= desired > TABLE;
        Ok(desired <= TABLE)
    }
}
