//! Every source against the contract.

mod contract;
