//! A module's exports: what the host calls, over the author's functions.
//!
//! The bindings in `bindings/` are generated from `engine/udf/wit/udf.wit`; `engine/udf/wit/bindings.sh` makes them anew.

use std::{panic::PanicHookInfo, sync::Once};

// The bindings' allocation.
use wit_bindgen as _;

use self::bindings::levada::udf::{
    host::{Level, log},
    types,
};
use crate::{AnyUdaf, Cause, DataType, Failure, Udtf};

mod aggregate;
#[rustfmt::skip]
#[path = "../bindings/library.rs"]
#[allow(missing_docs, unreachable_pub, missing_debug_implementations, clippy::all, reason = "generated")]
pub mod bindings;
mod convert;
mod pages;
mod series;

pub use aggregate::States;
pub use series::Instance;

/// The functions of a module, by id. [`export!`](crate::export) implements it.
pub trait Library: 'static {
    /// A new instance of a UDTF; `None` where there is none of that id.
    fn udtf(id: &str) -> Option<Box<dyn Udtf>>;

    /// A new instance of a UDAF; `None` where there is none of that id.
    fn udaf(id: &str) -> Option<Box<dyn AnyUdaf>>;
}

/// A module's exports over its functions.
#[derive(Debug)]
pub struct Exports<L>(std::marker::PhantomData<L>);

/// What panics say goes to the host, before the trap that they end in.
fn tell_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| log(Level::Error, &panic.to_string())));
    });
}

fn unknown(id: &str) -> types::Failure {
    failure(Failure::parameters(format!("the module has no function `{id}` of this kind")))
}

fn failure(failure: Failure) -> types::Failure {
    let cause = match failure.cause() {
        Cause::InvalidParameters => types::Cause::InvalidParameters,
        Cause::InvalidInput => types::Cause::InvalidInput,
        Cause::WrongType => types::Cause::WrongType,
        Cause::TimesNotIncreasing => types::Cause::TimesNotIncreasing,
        Cause::Other => types::Cause::Other,
    };
    types::Failure { cause, message: failure.message().to_owned() }
}

fn to_wit(data_type: DataType) -> types::DataType {
    match data_type {
        DataType::Boolean => types::DataType::Boolean,
        DataType::Int32 => types::DataType::Int32,
        DataType::Int64 => types::DataType::Int64,
        DataType::Float => types::DataType::Float,
        DataType::Double => types::DataType::Double,
        DataType::Text => types::DataType::Text,
        DataType::Timestamp => types::DataType::Timestamp,
        DataType::Date => types::DataType::Date,
        DataType::Blob => types::DataType::Blob,
        DataType::String => types::DataType::String,
    }
}

fn from_wit(data_type: types::DataType) -> DataType {
    DataType::ALL.into_iter().find(|&each| to_wit(each) == data_type).expect("each has its counterpart")
}
