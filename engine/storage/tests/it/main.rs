//! Tests of the store through its public interface.

mod basics;
mod fault_disk;
mod faults;
mod folder;
mod model;
mod random;
mod rows;
