//! The protocol, the client and the pool, against recorded bytes and a server in this process.

mod codec;
mod columns;
mod doubts;
mod frames;
mod join;
mod nodes;
mod piped;
mod pool;
mod rejected;
mod server;
mod sink;
