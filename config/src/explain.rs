//! What a document may contain: schemas for editors, pages for people, documents to start from.
//!
//! Everything is generated from the declarations that documents are checked by, so it cannot disagree with them.

mod document;
mod example;
mod reference;
mod skeleton;
mod topics;
mod usage;

pub use document::document_schema;
pub use reference::{document_reference, reference};
pub(crate) use skeleton::Lines;
pub use skeleton::{UnknownComponent, skeleton};
pub use topics::{Topic, topics};
