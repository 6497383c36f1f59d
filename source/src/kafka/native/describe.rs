//! What a broker says of topics: their ids and how many partitions they have.

#![allow(unsafe_code, reason = "calls of a C library")]

use std::{
    ffi::{CStr, CString},
    ptr,
    time::{Duration, Instant},
};

use rdkafka::{bindings as rd, consumer::Consumer, error::RDKafkaErrorCode};

use crate::kafka::{identity::TopicId, listener::Client};

/// What a broker says of one topic.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct Described {
    pub(in crate::kafka) topic: String,
    /// `None` where the broker gives no ids.
    pub(in crate::kafka) id: Option<TopicId>,
    pub(in crate::kafka) partitions: i32,
    /// Why nothing is known of it: it is not there, or may not be seen.
    pub(in crate::kafka) error: Option<RDKafkaErrorCode>,
}

/// Asks for topics by name. Blocks, for `wait` at most.
///
/// Any broker can tell. librdkafka would ask the controller, and wait for one where the cluster names none.
///
/// # Errors
/// No broker answers.
pub(in crate::kafka) fn describe(
    client: &Client,
    topics: &[&str],
    wait: Duration,
) -> Result<Vec<Described>, RDKafkaErrorCode> {
    let names: Vec<_> = topics.iter().filter_map(|name| CString::new(*name).ok()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let native = client.client().native_ptr();
    let until = Instant::now() + wait;
    let broker = any_broker(client, millis(wait))?;
    // SAFETY: the client is alive; the names live until after the collection has copied them; queue, options and
    // collection are destroyed once, by `Asked`.
    let asked = unsafe {
        Asked {
            queue: rd::rd_kafka_queue_new(native),
            options: rd::rd_kafka_AdminOptions_new(
                native,
                rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            ),
            topics: rd::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()),
            event: ptr::null_mut(),
        }
    };
    asked.answer(native, broker, millis(until.saturating_duration_since(Instant::now())))
}

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// The id of a broker that is there: the one that answers, or the first that it names.
fn any_broker(client: &Client, millis: i32) -> Result<i32, RDKafkaErrorCode> {
    let mut metadata = ptr::null();
    // SAFETY: the client is alive; no topic is asked for; what is written to `metadata` is ours and destroyed below.
    let error = unsafe {
        rd::rd_kafka_metadata(client.client().native_ptr(), 0, ptr::null_mut(), &raw mut metadata, millis)
    };
    if error != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(error.into());
    }
    // SAFETY: without an error there is an answer, whose array has `broker_cnt` brokers; nothing borrowed of it is left.
    let (answering, first) = unsafe {
        let count = usize::try_from((*metadata).broker_cnt).unwrap_or(0);
        let first = (count > 0).then(|| (*(*metadata).brokers).id);
        let answering = (*metadata).orig_broker_id;
        rd::rd_kafka_metadata_destroy(metadata);
        (answering, first)
    };
    // The broker of an address that was configured has no id before it has named itself.
    let known = (answering >= 0).then_some(answering).or(first);
    known.ok_or(RDKafkaErrorCode::BrokerNotAvailable)
}

/// A question under way, and what has to be destroyed after it.
struct Asked {
    queue: *mut rd::rd_kafka_queue_t,
    options: *mut rd::rd_kafka_AdminOptions_t,
    topics: *mut rd::rd_kafka_TopicCollection_t,
    event: *mut rd::rd_kafka_event_t,
}

impl Asked {
    fn answer(
        mut self,
        native: *mut rd::rd_kafka_t,
        broker: i32,
        millis: i32,
    ) -> Result<Vec<Described>, RDKafkaErrorCode> {
        // SAFETY: all handles are alive until `drop`. The broker's answer arrives within the time that is set first, as an
        // event that is ours; where none arrives the pointer is null.
        unsafe {
            rd::rd_kafka_AdminOptions_set_broker(self.options, broker, ptr::null_mut(), 0);
            rd::rd_kafka_AdminOptions_set_request_timeout(self.options, millis.max(1), ptr::null_mut(), 0);
            rd::rd_kafka_DescribeTopics(native, self.topics, self.options, self.queue);
            self.event = rd::rd_kafka_queue_poll(self.queue, millis.saturating_add(1_000));
        }
        if self.event.is_null() {
            return Err(RDKafkaErrorCode::OperationTimedOut);
        }
        // SAFETY: the event is alive.
        let error = RDKafkaErrorCode::from(unsafe { rd::rd_kafka_event_error(self.event) });
        if error != RDKafkaErrorCode::NoError {
            return Err(error);
        }
        let mut count = 0;
        // SAFETY: the event is of this kind or the result is null; the array belongs to the event, which is alive.
        let topics = unsafe {
            let result = rd::rd_kafka_event_DescribeTopics_result(self.event);
            if result.is_null() {
                return Err(RDKafkaErrorCode::Fail);
            }
            rd::rd_kafka_DescribeTopics_result_topics(result, &raw mut count)
        };
        // SAFETY: the array has `count` pointers to descriptions that live as long as the event.
        Ok((0..count).map(|at| unsafe { described(*topics.add(at)) }).collect())
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // SAFETY: each was made by `describe` or given by a poll, and is destroyed once, the queue last.
        unsafe {
            if !self.event.is_null() {
                rd::rd_kafka_event_destroy(self.event);
            }
            rd::rd_kafka_TopicCollection_destroy(self.topics);
            rd::rd_kafka_AdminOptions_destroy(self.options);
            rd::rd_kafka_queue_destroy(self.queue);
        }
    }
}

/// # Safety
/// The description is alive.
unsafe fn described(description: *const rd::rd_kafka_TopicDescription_t) -> Described {
    // SAFETY: name and id belong to the description; both are C strings.
    let text = |text: *const std::ffi::c_char| {
        if text.is_null() {
            String::new()
        } else {
            unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
        }
    };
    let mut partitions = 0;
    // SAFETY: the description is alive.
    let (name, id, error) = unsafe {
        rd::rd_kafka_TopicDescription_partitions(description, &raw mut partitions);
        let id = rd::rd_kafka_TopicDescription_topic_id(description);
        let id = if id.is_null() { ptr::null() } else { rd::rd_kafka_Uuid_base64str(id) };
        let error = rd::rd_kafka_TopicDescription_error(description);
        (rd::rd_kafka_TopicDescription_name(description), id, error)
    };
    let error = if error.is_null() {
        RDKafkaErrorCode::NoError
    } else {
        // SAFETY: the error belongs to the description.
        RDKafkaErrorCode::from(unsafe { rd::rd_kafka_error_code(error) })
    };
    Described {
        topic: text(name),
        id: TopicId::new(&text(id)),
        partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
        error: (error != RDKafkaErrorCode::NoError).then_some(error),
    }
}
