//! Every source against the contract.

mod broker;
mod contract;
#[cfg(feature = "kafka")]
mod kafka;
mod mqtt;
