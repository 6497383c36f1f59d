//! Pipes of IoTDB 1.2 and later that end here: `pipeTransfer`.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use levada_engine::Sender;
use levada_model::{Path, SessionError, StatusCode};
use levada_rpc::{
    messages::{PipeTransferReq, PipeTransferResp, Status},
    piped::{self, Piece, Seal, Sealed, Step},
};
use tokio::task::spawn_blocking;

use super::pipe::ROOT;
use crate::{
    client::Client,
    conversation::Conversation,
    room::{Room, SMALL_BYTES},
    status::{done, said},
    transfer::{
        Catalog, Files, FilesError, Outcome, Transfer, apply, bytes_of, code_of, codes, status_of, tsfile,
        unpack,
    },
};

/// The kinds of steps by which a pipe shakes hands.
const HELLOS: [i16; 4] = [0, 1, 50, 51];

/// A step may be in slices, and compressed: so many layers are undone.
const LAYERS: usize = 3;

impl Conversation {
    pub(super) async fn transfer(&mut self, req: PipeTransferReq) -> PipeTransferResp {
        if req.version != 1 {
            let message = format!("a step of version {}, and 1 is understood", req.version);
            return answer(said(codes::VERSION, message));
        }
        // A stranger's bytes are not unpacked.
        if let Err(error) = self.shaken()
            && !HELLOS.contains(&req.kind)
        {
            return answer(said(error.code, error.message));
        }
        // What it is unpacked to has its room until it is answered.
        let mut rooms = Vec::new();
        let step = match self.step(req.kind, req.body, &mut rooms).await {
            Ok(Some(step)) => step,
            Ok(None) => return answer(done()),
            Err(error) => return answer(said(error.code, error.message)),
        };
        let result = match step {
            Step::Hello(pairs) => self.greet(pairs).await.map(|()| answer(done())),
            Step::Piece(piece) => return self.piece(piece).await,
            Step::Seal(seal) => self.seal(seal).await.map(answer),
            Step::Changes(changes) => self.changes(changes).await.map(|outcome| answer(outcome.status())),
            // They are undone by now.
            Step::Packed(_) | Step::Slice(_) => Ok(answer(said(codes::KIND, "too many layers".to_owned()))),
        };
        result.unwrap_or_else(|error| answer(status_of(&error)))
    }

    /// Reads a step, out of slices and compression, and takes room for what comes out; `None` where more slices are to come.
    ///
    /// # Errors
    /// There is no such kind of step, its bytes are none, or there is no room for it now.
    async fn step(
        &mut self,
        mut kind: i16,
        mut body: Bytes,
        rooms: &mut Vec<Room>,
    ) -> Result<Option<Step>, SessionError> {
        let (most, shared) = (self.shared.options.frame_bytes, Arc::clone(&self.shared));
        // The request itself has room, and is a little longer than its body.
        let mut held = body.len().saturating_add(SMALL_BYTES);
        for _ in 0..LAYERS {
            let read = move || piped::read(kind, body);
            let (step, _) = aside(held, None, read).await?;
            let step = step.map_err(|error| unreadable(kind, &error))?.ok_or_else(|| {
                SessionError::new(codes::KIND, format!("steps of the kind {kind} are not known here"))
            })?;
            (kind, body) = match step {
                Step::Packed(packed) => {
                    let bytes = bytes_of(&packed, most).map_err(|error| unreadable(kind, &error))?;
                    let room = shared.room(bytes, held)?;
                    held = held.saturating_add(bytes);
                    let (unpacked, room) = aside(bytes, room, move || unpack(packed)).await?;
                    rooms.push(room);
                    unpacked.map_err(|error| unreadable(kind, &error))?
                }
                Step::Slice(slice) => {
                    let room = |bytes| shared.room_of_parts(bytes);
                    match self.shaken()?.slices.add(slice, most, room)? {
                        Some((kind, body, room)) => {
                            rooms.push(room);
                            (kind, body)
                        }
                        None => return Ok(None),
                    }
                }
                step => return Ok(Some(step)),
            };
        }
        Err(SessionError::new(codes::KIND, "a step has too many layers"))
    }

    /// The pipe that has shaken hands.
    pub(super) fn shaken(&mut self) -> Result<&mut Transfer, SessionError> {
        let transfer = self.pipe.as_mut().and_then(|link| link.transfer.as_mut());
        transfer.ok_or_else(|| {
            SessionError::new(codes::HANDSHAKE, "the handshake of a pipe comes before its steps")
        })
    }

    async fn greet(&mut self, pairs: Vec<(String, String)>) -> Result<(), SessionError> {
        let rejected = |message: String| Err(SessionError::new(codes::HANDSHAKE, message));
        let value = |key: &str| {
            pairs
                .iter()
                .find(|(each, _)| each == key)
                .map(|(_, value)| value.as_str())
                .filter(|it| !it.is_empty())
        };
        self.check_address()?;
        match value("timestampPrecision") {
            Some("ms") => {}
            other => {
                let theirs = other.unwrap_or("none");
                return rejected(format!(
                    "the sender's times are of the precision <{theirs}>, the receiver's <ms>"
                ));
            }
        }
        let cluster = value("clusterID").unwrap_or_default();
        if cluster == self.shared.engine.name() {
            return rejected("a pipe leads back to its own server".to_owned());
        }
        let (user, password) = (value("username").unwrap_or(ROOT), value("password").unwrap_or(ROOT));
        self.log_in_as(user, password).await?;
        let name = if cluster.is_empty() { "pipe" } else { cluster };
        let converts = value("convertOnTypeMismatch") != Some("false");
        self.begin_transfer(name.to_owned(), None, cluster, converts).await
    }

    /// Logs a pipe in that does not do so by itself.
    pub(super) async fn log_in_as(&mut self, user: &str, password: &str) -> Result<(), SessionError> {
        let (engine, time) = (&self.shared.engine, self.shared.query_timeout());
        let session = self.shared.logins.open(engine, (user, password), self.peer, time).await?;
        self.log_in(Client::V2, "UTC".to_owned(), session);
        Ok(())
    }

    /// Lists a pipe that has shaken hands; what comes from now on is the pipe's.
    pub(super) async fn begin_transfer(
        &mut self,
        pipe: String,
        created: Option<i64>,
        engine: &str,
        converts: bool,
    ) -> Result<(), SessionError> {
        let engine = Some(engine.to_owned()).filter(|name| !name.is_empty());
        let came_by: Vec<_> = engine.clone().into_iter().collect();
        let owner: Arc<str> = format!("pipe:{}", engine.as_deref().unwrap_or_default()).into();
        let sender = Sender { created, pipe, address: self.peer.ip().to_canonical(), engine };
        let received = self.shared.engine.receive(sender.clone(), String::new(), came_by).await?;
        let link = self.pipe.get_or_insert_default();
        // What shakes hands anew is another pipe.
        link.received = vec![received];
        link.transfer = Some(Transfer::new(sender, converts));
        self.comes_by_pipe(owner);
        Ok(())
    }

    /// Makes changes; lists the pipe with the databases of their rows.
    pub(super) async fn changes(&mut self, changes: Vec<piped::Change>) -> Result<Outcome, SessionError> {
        let converts = self.shaken()?.converts;
        let mut outcome = Outcome::default();
        let session = &self.sender()?.session;
        let devices = apply(session, changes, converts, &mut outcome).await?;
        let mut databases = BTreeSet::new();
        session.databases_of(&devices, &mut databases);
        self.list(databases).await?;
        Ok(outcome)
    }

    /// Lists the pipe with databases, each once.
    pub(super) async fn list(&mut self, databases: BTreeSet<Path>) -> Result<(), SessionError> {
        let transfer = self.shaken()?;
        let new = transfer.new_of(databases);
        let sender = transfer.sender.clone();
        for database in new {
            let received =
                self.shared.engine.receive(sender.clone(), database.as_str().to_owned(), Vec::new()).await?;
            self.pipe.get_or_insert_default().received.push(received);
        }
        Ok(())
    }

    async fn piece(&mut self, Piece { file, offset, bytes }: Piece) -> PipeTransferResp {
        match self.take_piece(file, offset, bytes).await {
            Ok(Ok(next)) => at(done(), i64::try_from(next).unwrap_or(i64::MAX)),
            Ok(Err(error)) => {
                let next = match &error {
                    FilesError::Offset { next, .. } => i64::try_from(*next).unwrap_or(i64::MAX),
                    _ => -1,
                };
                at(said(code_of(&error), error.to_string()), next)
            }
            Err(error) => at(status_of(&error), -1),
        }
    }

    /// Writes a piece of a file.
    pub(super) async fn take_piece(
        &mut self,
        file: String,
        offset: u64,
        bytes: Bytes,
    ) -> Result<Result<u64, FilesError>, SessionError> {
        self.sender()?;
        let dir = self.shared.engine.received_files().join(self.shared.next_id().to_string());
        let space = Arc::clone(&self.shared.space);
        let transfer = self.shaken()?;
        let files = transfer.files.take();
        let work = move || {
            let mut files = match files.map_or_else(|| Files::new(dir, space), Ok) {
                Ok(files) => files,
                Err(error) => return (None, Err(error)),
            };
            let written = files.piece(&file, offset, &bytes);
            (Some(files), written)
        };
        let (files, written) = spawn_blocking(work).await.map_err(broken)?;
        self.shaken()?.files = files;
        Ok(written)
    }

    async fn seal(&mut self, seal: Seal) -> Result<Status, SessionError> {
        self.sender()?;
        let sealed = match &self.shaken()?.files {
            Some(files) => files.sealed(&seal.files),
            None => Err(FilesError::Wrong("no piece of a file has come: send it anew".to_owned())),
        };
        // A TsFile is read page by page, the catalog's files are read whole.
        let room = match seal.of {
            Sealed::Rows => Ok(None),
            Sealed::Series | Sealed::Databases => self.room_of_catalog(&seal),
        };
        let sealed = sealed.and_then(|paths| Ok((paths, room?)));
        let names: Vec<_> = seal.files.iter().map(|(name, _)| name.clone()).collect();
        let done = match sealed {
            Ok((paths, _room)) => self.take_sealed(seal, paths).await,
            Err(error) => Ok(said(code_of(&error), error.to_string())),
        };
        self.forget_files(names).await?;
        done
    }

    fn room_of_catalog(&self, seal: &Seal) -> Result<Room, FilesError> {
        let bytes = Catalog::bytes_of(seal, self.shared.options.frame_bytes)?;
        self.shared.room(bytes, SMALL_BYTES).map_err(|error| FilesError::Later(error.to_string()))
    }

    /// What complete files hold goes into the engine.
    async fn take_sealed(&mut self, seal: Seal, paths: Vec<PathBuf>) -> Result<Status, SessionError> {
        if seal.of == Sealed::Rows {
            return self.load(&paths).await.map(Outcome::status);
        }
        let mut outcome = Outcome::default();
        let mut catalog = Catalog::read(seal, paths, &mut outcome).await?;
        let converts = self.shaken()?.converts;
        loop {
            let (changes, rest) = catalog.next().await?;
            if changes.is_empty() {
                return Ok(outcome.status());
            }
            apply(&self.sender()?.session, changes, converts, &mut outcome).await?;
            catalog = rest;
        }
    }

    /// Loads the last of some files, a TsFile.
    pub(super) async fn load(&mut self, paths: &[PathBuf]) -> Result<Outcome, SessionError> {
        let &mut Transfer { converts, ours, .. } = self.shaken()?;
        let (session, file) = (&self.sender()?.session, tsfile(paths)?);
        let loaded =
            if ours { session.take_chunks(file).await? } else { session.load(file, converts).await? };
        let mut outcome = Outcome::default();
        outcome.rejected(loaded.rejections, loaded.first);
        if !ours {
            self.list(loaded.databases).await?;
        }
        Ok(outcome)
    }

    /// Removes files, be they loaded or not: what failed is sent anew.
    pub(super) async fn forget_files(&mut self, names: Vec<String>) -> Result<(), SessionError> {
        let Some(mut files) = self.shaken()?.files.take() else { return Ok(()) };
        let work = move || {
            names.iter().for_each(|name| files.remove(name));
            files
        };
        let files = spawn_blocking(work).await.map_err(broken)?;
        self.shaken()?.files = Some(files);
        Ok(())
    }
}

/// Does what takes long where there are many bytes: on a thread that may block. The room that it takes is let go of when it is done, also
/// where nobody waits for it any more.
async fn aside<T: Send + 'static>(
    bytes: usize,
    room: Room,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, Room), SessionError> {
    if bytes <= 2 * SMALL_BYTES {
        return Ok((work(), room));
    }
    let broken = |error: tokio::task::JoinError| {
        SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("unpacking was broken off: {error}"))
    };
    spawn_blocking(move || (work(), room)).await.map_err(broken)
}

/// The error of a step whose bytes make no sense: sent again they make no more, so the sender goes on after a while.
fn unreadable(kind: i16, error: &impl std::fmt::Display) -> SessionError {
    tracing::warn!(kind, %error, "a step of a pipe cannot be read");
    SessionError::new(codes::CONFLICT, format!("a step of the kind {kind} cannot be read: {error}"))
}

fn broken(error: tokio::task::JoinError) -> SessionError {
    SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("writing a file was broken off: {error}"))
}

fn answer(status: Status) -> PipeTransferResp {
    PipeTransferResp { status, ..PipeTransferResp::default() }
}

/// An answer with the place in a file at which the next piece begins.
fn at(status: Status, offset: i64) -> PipeTransferResp {
    let mut body = BytesMut::with_capacity(8);
    body.put_i64(offset);
    PipeTransferResp { status, body: Some(body.freeze()) }
}
