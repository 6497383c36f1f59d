//! What all modules of a host share.

use levada_udf::Fault;
use wasmtime::Engine;

use crate::{options::HostOptions, ticker::Ticker};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) options: HostOptions,
    pub(crate) ticker: Ticker,
}

impl Shared {
    pub(crate) fn new(options: HostOptions) -> Result<Self, Fault> {
        let engine = crate::engine::engine()?;
        let ticker = Ticker::new(&engine)?;
        Ok(Self { engine, options, ticker })
    }
}
