//! HTTP requests that bring readings: 200 when they are settled, and not before.
//!
//! ```text
//!   POST /  ──▶ body ──▶ queue ──▶ next: decode ─▶ batch ─▶ the runtime
//!   200    ◀── answer ◀─────────── settle: all before this position is settled
//!   400    ◀── answer ◀─ decode: the body is not well formed; nothing of it is taken
//! ```
//!
//! | answer | when |
//! | --- | --- |
//! | 200 | all rows of the body are stored, or dead-lettered; elements or lines that are not what `decode` reads are dead-lettered, and named in the answer |
//! | 400 | the body is not what `decode` reads, or no part of it is; the answer says where |
//! | 401 | the token is missing, or another |
//! | 404, 405 | another path or method |
//! | 413 | the body is larger than `body`, as it comes or unpacked |
//! | 415 | the body is packed in another way than with gzip |
//! | 503 | not settled within `timeout`, or the pipeline stops: send it again |
//!
//! At least once: whoever gets no 200 sends again, and what was stored already replaces itself. A position is a running number of
//! requests. Where the pipeline has no room requests wait; beyond `connections` of them nobody is let in.

mod body;
mod options;
mod server;
mod source;

pub use options::{HttpOptions, HttpTlsOptions};
pub use source::HttpSource;
