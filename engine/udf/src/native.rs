//! Functions that are part of the program.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use levada_udf_sdk::{States, Udaf, Udtf};

use self::{aggregate::NativeUdaf, series::NativeUdtf};
use crate::{Fault, FaultKind, UdafInstance, UdfFactory, UdfKind, UdtfInstance};

mod aggregate;
mod series;

/// A native function that makes a series: `make` gives a new instance for each call of each query.
pub fn udtf<U: Udtf + Send + 'static>(
    id: impl Into<String>,
    make: impl Fn() -> U + Send + Sync + 'static,
) -> Arc<dyn UdfFactory> {
    let make = move || -> Box<dyn UdtfInstance> { Box::new(NativeUdtf::new(make())) };
    Arc::new(Native { id: id.into(), make: Make::Udtf(Box::new(make)) })
}

/// A native aggregate: `make` gives a new instance for each call of each query.
pub fn udaf<U>(id: impl Into<String>, make: impl Fn() -> U + Send + Sync + 'static) -> Arc<dyn UdfFactory>
where
    U: Udaf + Send + 'static,
    U::State: Send,
{
    let make = move || -> Box<dyn UdafInstance> { Box::new(NativeUdaf::new(States::new(make()))) };
    Arc::new(Native { id: id.into(), make: Make::Udaf(Box::new(make)) })
}

struct Native {
    id: String,
    make: Make,
}

enum Make {
    Udtf(Box<dyn Fn() -> Box<dyn UdtfInstance> + Send + Sync>),
    Udaf(Box<dyn Fn() -> Box<dyn UdafInstance> + Send + Sync>),
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Native").field("id", &self.id).field("kind", &self.kind()).finish()
    }
}

impl UdfFactory for Native {
    fn id(&self) -> &str {
        &self.id
    }

    fn kind(&self) -> UdfKind {
        match self.make {
            Make::Udtf(_) => UdfKind::Udtf,
            Make::Udaf(_) => UdfKind::Udaf,
        }
    }

    fn make_udtf(&self) -> Result<Box<dyn UdtfInstance>, Fault> {
        match &self.make {
            Make::Udtf(make) => caught(|| Ok(make())),
            Make::Udaf(_) => Err(Fault::new(FaultKind::Module, "it is an aggregate")),
        }
    }

    fn make_udaf(&self) -> Result<Box<dyn UdafInstance>, Fault> {
        match &self.make {
            Make::Udaf(make) => caught(|| Ok(make())),
            Make::Udtf(_) => Err(Fault::new(FaultKind::Module, "it is no aggregate")),
        }
    }
}

/// Calls into a function; its panic ends the query and nothing else. After a panic it is only ended, so that what the panic
/// left half done is not seen.
fn caught<T>(call: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Fault::new(
            FaultKind::Crashed,
            format!("it panicked: {}", text.as_deref().unwrap_or("without a text")),
        ))
    })
}
