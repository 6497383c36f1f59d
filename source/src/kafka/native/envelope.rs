//! What comes with a message's value.

#![allow(unsafe_code, reason = "calls of a C library")]

use std::{ffi::CStr, marker::PhantomData, ptr, slice};

use rdkafka::{bindings as rd, types::RDKafkaMessage};

/// Key, time and headers of a message; looked at only where somebody asks.
#[derive(Clone, Copy, Debug)]
pub(in crate::kafka) struct Envelope<'a> {
    message: *const RDKafkaMessage,
    _message: PhantomData<&'a RDKafkaMessage>,
}

impl<'a> Envelope<'a> {
    pub(super) fn new(message: &'a RDKafkaMessage) -> Self {
        Self { message, _message: PhantomData }
    }

    /// The key, where there is one.
    pub(in crate::kafka) fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: the message is alive for `'a`; key and length belong together.
        let message = unsafe { &*self.message };
        (!message.key.is_null())
            .then(|| unsafe { slice::from_raw_parts(message.key.cast::<u8>(), message.key_len) })
    }

    /// The message's time in milliseconds, where it has one.
    pub(in crate::kafka) fn time(&self) -> Option<i64> {
        let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive.
        let time = unsafe { rd::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        (time >= 0).then_some(time)
    }

    /// Shows each header, by its name.
    pub(in crate::kafka) fn headers(&self, mut see: impl FnMut(&str, Option<&[u8]>)) {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is alive; the list that is given belongs to it.
        let error = unsafe { rd::rd_kafka_message_headers(self.message, &raw mut headers) };
        if error != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the list is alive; name and value belong to it.
            let error = unsafe {
                rd::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut length)
            };
            if error != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: the name is a C string; value and length belong together.
            let (name, value) = unsafe {
                let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast::<u8>(), length));
                (CStr::from_ptr(name).to_string_lossy(), value)
            };
            see(&name, value);
        }
    }
}
