//! A bucket of objects, as the sink `object_store` needs it: an object is put whole, replaced if it is still as it was, read, removed.
//!
//! ```text
//!   Bucket ─▶ object_store ─▶ http: one client, whose TLS is ours ─▶ S3, MinIO, …
//!                        └──▶ a local folder: `fsync` before a put counts
//! ```
//!
//! Invariants: an object is there wholly or not at all; nothing is tried twice here, as the runtime does that; what a server answers
//! becomes an [`Error`](levada_connector_api::Error) that says whether it passes, or what to do.

mod bucket;
mod fault;
mod http;

pub use bucket::{Access, Bucket, Scheme, Version};
pub use levada_net::ClientFiles;
