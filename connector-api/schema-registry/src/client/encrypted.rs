//! Encrypted connections with a registry, as the client of HTTP wants them.

use std::{
    fmt,
    io::{Error as IoError, Read, Write},
};

use levada_net::{BlockingStream, ClientTls};
use ureq::{
    Error,
    unversioned::transport::{
        Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
    },
};

/// Encrypts a connection where its address asks for it. Without TLS such an address is an error.
#[derive(Debug)]
pub(super) struct Encrypts(pub(super) Option<ClientTls>);

/// An encrypted connection.
pub(super) struct Encrypted {
    buffers: LazyBuffers,
    stream: BlockingStream<TransportAdapter>,
}

impl<In: Transport> Connector<In> for Encrypts {
    type Out = Either<In, Encrypted>;

    fn connect(&self, details: &ConnectionDetails, below: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(below) = below else { return Ok(None) };
        let (Some(tls), true) = (&self.0, details.needs_tls()) else { return Ok(Some(Either::A(below))) };
        let mut below = TransportAdapter::new(below.boxed(), details.current_time.clone());
        below.set_timeout(details.timeout);
        let host = details.uri.host().unwrap_or_default();
        let stream =
            tls.connect_blocking(below, host).map_err(|failure| IoError::other(failure.to_string()))?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(Encrypted { buffers, stream })))
    }
}

impl Transport for Encrypted {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output();
        let output = output.get(..amount).ok_or(Error::ConnectionFailed)?;
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encrypted")
    }
}
