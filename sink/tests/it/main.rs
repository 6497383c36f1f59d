//! Every sink against the contract, and what is particular to each.

#[cfg(feature = "kafka")]
mod avro;
mod blackhole;
mod faulty_disk;
mod file;
mod file_contract;
mod iotdb;
#[cfg(feature = "kafka")]
mod kafka;
mod stdout;
mod tables;
mod templates;
