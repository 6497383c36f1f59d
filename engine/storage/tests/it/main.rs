//! Tests of the store through its public interface.

mod access;
mod adoption;
mod aliases;
mod basics;
mod chunks;
mod compaction;
mod deferred;
mod deletions;
mod fault_disk;
mod faults;
mod feed;
mod folder;
mod interval;
mod isolation;
mod kill9;
mod log_damage;
mod many;
mod model;
mod random;
mod room;
mod rows;
mod stress;
mod templates;
mod views;
mod wide;
mod work;
