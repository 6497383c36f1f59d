//! Every source against the contract.

mod broker;
mod contract;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod mqtt;
