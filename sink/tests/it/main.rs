//! Every sink against the contract, and what is particular to each.

mod iotdb;
