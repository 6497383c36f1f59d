//! What may stand in a document, told in advance: schemas for editors, pages for people, documents to start from.
//!
//! All of it is made from the declarations that documents are checked by, so none of it can say something else.

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
