//! What the author of a user-defined function writes against. It has no dependencies: the same code runs natively in a program
//! that embeds the engine, and as a WASM component.
//!
//! ```text
//!   Udtf   series in, one series out, any number of points        validate → before_start → row | window … → terminate → before_destroy
//!   Udaf   rows in, one value for each group                      validate → before_start → create, add, combine, output → before_destroy
//! ```
//!
//! Each query, and each call in it, has an instance of its own, which one thread uses at a time.
//!
//! ```
//! use levada_udf_sdk::*;
//!
//! /// The sum of two series, where both have a value.
//! #[derive(Default)]
//! struct Adder;
//!
//! impl Udtf for Adder {
//!     fn before_start(&mut self, _: &UdfParameters) -> Result<Configuration, Failure> {
//!         Ok(Configuration::new(Access::RowByRow, DataType::Int64))
//!     }
//!
//!     fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
//!         if let (Some(left), Some(right)) = (row.get::<i64>(0)?, row.get::<i64>(1)?) {
//!             points.put(row.time(), left.wrapping_add(right))?;
//!         }
//!         Ok(())
//!     }
//! }
//! ```

mod access;
mod bits;
mod buffer;
mod collector;
mod column;
mod columns;
mod data_type;
mod export;
mod failure;
#[cfg(target_arch = "wasm32")]
pub mod guest;
mod page;
mod parameters;
mod udaf;
mod udtf;
mod validator;
mod window;

pub use access::{Access, Configuration, DisplayWindow};
pub use bits::Bits;
pub use buffer::{Buffer, Put};
pub use collector::{PointCollector, ValueCollector};
pub use column::{Column, Get, Slice, Values};
pub use columns::{Columns, Row};
pub use data_type::DataType;
#[doc(hidden)]
pub use export::declaration;
pub use failure::{Cause, Failure};
pub use page::{Page, PageColumn, Pager, Pages};
pub use parameters::{Input, UdfParameters};
pub use udaf::{AnyUdaf, States, Udaf};
pub use udtf::Udtf;
pub use validator::Validator;
pub use window::{RowWindow, WindowRow};
