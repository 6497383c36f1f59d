//! Pipes of IoTDB 1.0 and 1.1, and the `iotdb-legacy-pipe-sink` of later ones, that end here: `sendFile`, `sendPipeData`.
//!
//! ```text
//!   sendFile       a piece of x.tsfile, of x.tsfile.resource, of x.tsfile.mods
//!   sendPipeData   kind: u8   number: i64   0 files: folder, name     1 deletion: database, from: i64, to: i64, path
//! ```

use levada_model::{SessionError, StatusCode};
use levada_rpc::{
    messages::{SendFile, SendPipeData, Status, SyncTransportMetaInfo},
    piped::{self, Sent},
};

use crate::{
    conversation::Conversation,
    status::{done, malformed, said},
    transfer::{FilesError, Outcome},
};

/// The sender goes on from the byte that the message names.
const SYNC_FILE_REDIRECTION_ERROR: StatusCode = StatusCode(1104);
/// The sender gives the file up, and tries again.
const SYNC_FILE_ERROR: StatusCode = StatusCode(1105);

impl Conversation {
    pub(super) async fn send_file(&mut self, call: SendFile) -> Result<Status, SessionError> {
        let SendFile { meta_info: SyncTransportMetaInfo { file_name, start_index }, buff } = call;
        let offset = u64::try_from(start_index)
            .map_err(|_| malformed(format!("a piece that begins at byte {start_index}")))?;
        Ok(match self.take_piece(file_name, offset, buff).await? {
            Ok(_) => done(),
            Err(FilesError::Offset { next, .. }) => said(SYNC_FILE_REDIRECTION_ERROR, next.to_string()),
            Err(error) => said(SYNC_FILE_ERROR, error.to_string()),
        })
    }

    pub(super) async fn send_pipe_data(&mut self, call: SendPipeData) -> Result<Status, SessionError> {
        let sent = piped::read_sent(call.buff).map_err(malformed)?;
        let outcome = match sent {
            Sent::File(name) => self.load_sent(&name).await?,
            Sent::Delete(change) => self.changes(vec![change]).await?,
        };
        let status = outcome.status();
        if StatusCode(status.code).is_success() {
            return Ok(status);
        }
        // The sender notes it, and goes on.
        Ok(said(StatusCode::PIPESERVER_ERROR, status.message.unwrap_or_default()))
    }

    async fn load_sent(&mut self, name: &str) -> Result<Outcome, SessionError> {
        let beside = [".resource", ".mods"].map(|suffix| format!("{name}{suffix}"));
        let sealed = match &self.shaken()?.files {
            Some(files) => files.sealed(&[(name.to_owned(), files.bytes_of(name))]),
            None => Err(FilesError::Wrong(format!("no piece of {name} has come: send it anew"))),
        };
        let done = match sealed {
            Ok(paths) => self.load(&paths).await,
            Err(error) => Err(malformed(error)),
        };
        let names = beside.into_iter().chain([name.to_owned()]).collect();
        self.forget_files(names).await?;
        done
    }
}
