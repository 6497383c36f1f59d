//! A server on a port of its own, and clients that speak its protocol.

mod calls;
mod inserts;
mod peer;
mod pipes;
mod rest;
mod serving;
mod sessions;
mod tls;
mod transfer;
mod users;
