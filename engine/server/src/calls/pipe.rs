//! Pipes of others that end here.

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use levada_engine::Sender;
use levada_model::{Path, Session, SessionError, StatusCode};
use levada_rpc::messages::{
    Handshake, PROTOCOL_VERSION, PipeTransfer, Request, Status, SyncIdentityInfo, answer_introduction,
    engines, introduced,
};

use super::{Answered, Replies};
use crate::{
    conversation::{Conversation, Known},
    status::said,
    transfer::Transfer,
};

/// User and password of a pipe that names none: those of sinks which are not told otherwise.
pub(super) const ROOT: &str = "root";

impl Conversation {
    pub(super) async fn pipe_calls(&mut self, replies: Replies<'_>, request: Request) -> Answered {
        Break(match request {
            Request::Handshake(Handshake { info }) => replies.result(self.shake_hands(info).await),
            Request::PipeTransfer(PipeTransfer { req }) => replies.value(self.transfer(req).await),
            Request::SendFile(call) => replies.result(self.send_file(call).await),
            Request::SendPipeData(call) => replies.result(self.send_pipe_data(call).await),
            other => return Continue(other),
        })
    }

    async fn shake_hands(&mut self, info: SyncIdentityInfo) -> Result<Status, SessionError> {
        self.check_address()?;
        let is_old = OLD.contains(&numbers(&info.version));
        if !is_old && numbers(&info.version) != numbers(PROTOCOL_VERSION) {
            let message =
                format!("version mismatch: the sender <{}>, the receiver <{PROTOCOL_VERSION}>", info.version);
            return Err(SessionError::new(StatusCode::PIPESERVER_ERROR, message));
        }
        if info.pipe_name.len().max(info.database.len()) > LONGEST_NAME {
            let message = format!("the name of a pipe or of its database has more than {LONGEST_NAME} bytes");
            return Err(SessionError::new(StatusCode::PIPESERVER_ERROR, message));
        }
        if is_old && !self.is_known() {
            self.log_in_as(ROOT, ROOT).await?;
        }
        let known = self.known()?;
        if !info.database.is_empty() {
            let path = Path::parse(&info.database)
                .map_err(|error| SessionError::new(StatusCode::ILLEGAL_PATH, error.to_string()))?;
            match known.session.create_database(&path).await {
                // It overlaps another: its rows are stored in that, or rejected one by one, and the pipe goes on with the rest.
                Err(error) if !error.transient && error.code != StatusCode::NO_PERMISSION => {}
                made => made?,
            }
        }
        let introduction = introduced(&info.version);
        let is_ours = introduction.is_some();
        let came_by = introduction.unwrap_or_default();
        let owner: Arc<str> = format!("pipe:{came_by}").into();
        let came_by: Vec<_> = engines(came_by).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let sender = Sender {
            created: Some(info.create_time),
            pipe: info.pipe_name,
            address: self.peer.ip().to_canonical(),
            engine: came_by.first().cloned(),
        };
        // What came by whom is known before it is listed.
        let received = self.shared.engine.receive(sender.clone(), info.database.clone(), came_by).await?;
        let link = self.pipe.get_or_insert_default();
        if !link.is_listed(&sender, &info.database) {
            link.received.push(received);
        }
        if is_ours {
            link.transfer.get_or_insert_with(|| Transfer::of_ours(sender));
        } else if is_old {
            link.transfer.get_or_insert_with(|| Transfer::new(sender, true));
        }
        self.comes_by_pipe(owner);
        Ok(said(StatusCode::SUCCESS, answer_introduction(&self.shared.engine.name())))
    }

    /// That the address may send by pipes.
    ///
    /// # Errors
    /// The white list does not have it.
    pub(super) fn check_address(&self) -> Result<(), SessionError> {
        let (list, address) = (self.shared.white_list.read(), self.peer.ip().to_canonical());
        if list.admits(address) {
            return Ok(());
        }
        let message = format!(
            "permission is not allowed: the sender IP <{address}>, the white list of receiver <{list}>"
        );
        Err(SessionError::new(StatusCode::PIPESERVER_ERROR, message))
    }

    /// The login of a connection that sends something.
    ///
    /// # Errors
    /// There is none; it is a pipe's, and the white list does not have its address any more.
    pub(crate) fn sender(&self) -> Result<&Known, SessionError> {
        if self.pipe.is_some() {
            self.check_address()?;
        }
        self.known()
    }
}

/// The longest name of a pipe or a database, in bytes.
const LONGEST_NAME: usize = 4096;

/// The versions whose pipes send files and shake hands without a login, also where later servers send so.
const OLD: [(Option<u32>, Option<u32>); 2] = [(Some(1), Some(0)), (Some(1), Some(1))];

/// The first two numbers of a version, which say what it speaks.
fn numbers(version: &str) -> (Option<u32>, Option<u32>) {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    (numbers.next().flatten(), numbers.next().flatten())
}
