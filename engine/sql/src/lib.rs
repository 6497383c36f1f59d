//! The SQL dialect of the tree model: lexer, parser, syntax tree, printing; no I/O.
//!
//! ```text
//!   text ──lexer──▶ tokens ──parser──▶ ast::Statement ──print──▶ text, column names
//! ```
//!
//! Both the spellings of IoTDB 0.12 (`set storage group to`) and of 1.3 (`create database`) are accepted.

pub mod ast;
mod error;
mod span;

pub use error::ParseError;
pub use span::Span;
