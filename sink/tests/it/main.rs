//! Every sink against the contract, and what is particular to each.

mod blackhole;
mod faulty_disk;
mod file;
mod file_contract;
mod iotdb;
mod stdout;
mod tables;
mod templates;
