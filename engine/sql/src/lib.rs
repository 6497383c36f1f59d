//! The SQL dialect of the tree model: lexer, parser, syntax tree, printing; no I/O.
//!
//! ```text
//!   text ──lexer──▶ tokens ──parser──▶ ast::Statement ──print──▶ text, column names
//! ```
//!
//! Both the spellings of IoTDB 0.12 (`set storage group to`) and of 1.3 (`create database`) are accepted. Keywords are
//! no names only where they would be ambiguous; `root`, `time` and `timestamp` need backquotes everywhere.
//!
//! Invariants: any text gives a statement or an error with its place, never a panic; what nests too deep is an error.

pub mod ast;
mod error;
mod lexer;
mod parser;
mod print;
mod span;

pub use error::ParseError;
pub use parser::{ParseContext, parse, parse_expression, parse_projection};
pub use print::{node_sql, path_sql};
pub use span::Span;
