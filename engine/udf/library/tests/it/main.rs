//! The functions for data quality, called as queries call them.

mod edges;
mod examples;
mod expected;
mod large;
mod reference;
mod support;
mod texts;
