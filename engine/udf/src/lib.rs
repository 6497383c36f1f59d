//! User-defined functions: what they are made by, and what runs them over batches of columns.
//!
//! ```text
//!   author:  impl Udtf / Udaf ── native(id, make) ──┐
//!   author:  component.wasm ──── UdfLoader ─────────┴▶ UdfFactory ── instance ──▶ UdtfRun / UdafRun ◀── query, pipeline
//!                                                      id, kind                   life cycle, windows, checks, limits
//! ```
//!
//! - What an author writes against is [`levada_udf_sdk`], whose items stand here too.
//! - A [`UdfFactory`] makes instances of one function. Native ones come from [`udtf`] and [`udaf`], those of files from a
//!   [`UdfLoader`]; who runs a function does not see the difference.
//! - A [`UdtfRun`] is one call in one query: rows are pushed, points are pulled. A [`UdafRun`] is likewise an aggregate with its
//!   groups. Both call the methods of the life cycle in their order, check what comes back, and end the instance once.
//! - A window that is larger than memory is a [`KeptWindow`]: its rows are in files without a name ([`Spill`]), and the function reads
//!   them by pages, natively and over the border alike.
//!
//! ```
//! use std::sync::Arc;
//! use arrow_array::{ArrayRef, Int64Array};
//! use levada_udf::*;
//!
//! struct Twice;
//! impl Udtf for Twice {
//!     fn before_start(&mut self, _: &UdfParameters) -> Result<Configuration, Failure> {
//!         Ok(Configuration::new(Access::RowByRow, DataType::Int64))
//!     }
//!     fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
//!         row.get::<i64>(0)?.map_or(Ok(()), |value| points.put(row.time(), value.wrapping_mul(2)))
//!     }
//! }
//!
//! let factory = udtf("org.example.Twice", || Twice);
//! let inputs = [("root.d.s1".to_owned(), levada_model::DataType::Int64)];
//! let mut run = UdtfRun::open("twice", &*factory, parameters(inputs, []), UdfLimits::default())?;
//! run.push(vec![1, 2].into(), vec![Arc::new(Int64Array::from(vec![Some(10), Some(20)])) as ArrayRef])?;
//! run.end();
//! let mut values = Vec::new();
//! while let Some(points) = run.next()? {
//!     values.extend(points.times.iter().copied());
//! }
//! assert_eq!(values, [1, 2]);
//! # Ok::<(), UdfError>(())
//! ```

mod arrays;
mod batch;
mod error;
mod factory;
mod groups;
mod native;
mod run;
mod types;

pub use arrays::of_buffer as values_array;
pub use batch::{Batch, GroupRows, Points, Window};
pub use error::{Fault, FaultKind, Method, UdfError};
pub use factory::{UdafInstance, UdfFactory, UdfKind, UdfLoader, UdtfInstance};
pub use groups::UdafRun;
pub use levada_udf_sdk::*;
pub use native::{udaf, udtf};
pub use run::{KeptWindow, Scratch, Spill, UdfLimits, UdtfRun};
pub use types::{model_type, parameters, udf_type};
