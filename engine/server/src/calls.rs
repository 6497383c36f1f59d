//! What is called, a file for each kind.

mod insert;
mod login;
mod meta;
mod pipe;
mod query;
mod schema;
mod send_file;
mod template;
mod transfer;

use std::ops::ControlFlow::{self, Break, Continue};

use levada_engine::EmbeddedSession;
use levada_model::SessionError;
use levada_rpc::{
    messages::{Request, Status},
    thrift::{Frame, Head, Protocol, Wire, reply},
};

use crate::{
    conversation::Conversation,
    status::{Answer, done, failure},
};

/// Makes answers of what calls give.
#[derive(Clone, Copy, Debug)]
struct Replies<'a> {
    head: &'a Head,
    protocol: Protocol,
}

impl Replies<'_> {
    fn value(self, value: impl Wire) -> Frame {
        reply(self.protocol, self.head, value)
    }

    fn result<T: Answer>(self, result: Result<T, SessionError>) -> Frame {
        self.value(result.unwrap_or_else(|error| T::failed(failure(&error))))
    }
}

/// What a kind of call makes of a request: an answer, or the request again where it is of another kind.
type Answered = ControlFlow<Frame, Request>;

impl Conversation {
    /// Carries out a call.
    pub(crate) async fn answer(&mut self, head: &Head, protocol: Protocol, request: Request) -> Frame {
        let replies = Replies { head, protocol };
        match self.answer_by_kind(replies, request).await {
            Break(answer) => answer,
            Continue(request) => meta::answer_unsupported(replies, &request),
        }
    }

    async fn answer_by_kind(&mut self, replies: Replies<'_>, request: Request) -> Answered {
        // The most frequent first.
        let request = match self.insert_calls(replies, request).await {
            Continue(request) => request,
            answered => return answered,
        };
        let request = match self.query_calls(replies, request).await {
            Continue(request) => request,
            answered => return answered,
        };
        let request = match self.schema_calls(replies, request).await {
            Continue(request) => request,
            answered => return answered,
        };
        let request = match self.template_calls(replies, request).await {
            Continue(request) => request,
            answered => return answered,
        };
        let request = match self.pipe_calls(replies, request).await {
            Continue(request) => request,
            answered => return answered,
        };
        let request = match self.login_calls(replies, request).await {
            Continue(request) => request,
            answered => return answered,
        };
        self.meta_calls(replies, request).await
    }
}

/// Runs the statements of one call, those that are there, and says how each went. Those that begin in some order are applied in
/// that order; one that fails holds up no other.
async fn each(
    session: &EmbeddedSession,
    statements: Vec<Result<Option<String>, SessionError>>,
) -> Vec<Status> {
    statuses(session.execute_each(statements).await)
}

fn statuses(outcomes: Vec<Result<(), SessionError>>) -> Vec<Status> {
    outcomes.into_iter().map(|outcome| outcome.map_or_else(|error| failure(&error), |()| done())).collect()
}
