//! Every source against the contract.

mod contract;
#[cfg(feature = "kafka")]
mod kafka;
