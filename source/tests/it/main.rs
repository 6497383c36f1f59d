//! Every source against the contract.

#[cfg(feature = "kafka")]
mod avro;
mod broker;
mod certificates;
mod contract;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod mqtt;
