//! Statements that change pipes and sinks.

use std::sync::{Arc, atomic::Ordering};

use levada_model::{SessionError, StatusCode};
use levada_sql::ast::{AlterAttributes, Attributes, ChangePipe, CreatePipe, PipeBody};
use tokio::task::spawn_blocking;

use super::{
    Live, PipeDefinition, Pipes,
    attributes::pipe_error,
    book::{Book, Pairs, StoredBody, StoredPipe, StoredSink, normal},
    definition::{definition, sink_error, target},
    forget,
    progress::Progress,
    reader,
    work::Status,
};
use crate::error::panicked;

impl Pipes {
    /// Carries out a statement, and returns when it is durable.
    ///
    /// # Errors
    /// It makes no sense for what there is, or cannot be stored; nothing has changed then.
    pub(crate) async fn change(self: &Arc<Self>, change: ChangePipe) -> Result<(), SessionError> {
        self.to_its_end(|pipes| async move { pipes.carry_out(change).await }).await
    }

    async fn carry_out(&self, change: ChangePipe) -> Result<(), SessionError> {
        let mut book = Book::clone(&self.book());
        match change {
            ChangePipe::CreateSink { name, kind, attributes } => {
                create_sink(&mut book, &name, &kind, attributes)?;
                self.store(book).await
            }
            ChangePipe::DropSink { name } => {
                drop_sink(&mut book, &name)?;
                self.store(book).await
            }
            ChangePipe::Create(create) => self.create(book, create).await,
            ChangePipe::Alter { name, source, processor, sink } => {
                alter(&mut book, &name, [source, processor, sink])?;
                let altered = definition(&book, &name, &book.pipes[&name])?;
                let running = book.pipes[&name].running;
                self.store(book).await?;
                self.end(altered.id).await;
                if running { self.begin_if_run(altered) } else { Ok(()) }
            }
            ChangePipe::Start { name, if_exists } => self.start(book, &name, if_exists).await,
            ChangePipe::Stop { name, if_exists } => {
                let Some(pipe) = book.pipes.get_mut(&name) else {
                    return missing(&name, if_exists, "STOP_PIPE", "stop");
                };
                pipe.running = false;
                let id = pipe.id;
                self.store(book).await?;
                self.end(id).await;
                Ok(())
            }
            ChangePipe::Drop { name, if_exists } => self.drop_pipe(book, &name, if_exists).await,
        }
    }

    async fn create(&self, mut book: Book, create: CreatePipe) -> Result<(), SessionError> {
        let CreatePipe { name, if_not_exists, body } = create;
        let is_sink = matches!(body, PipeBody::ToSink { .. });
        if !is_sink && name.starts_with("__") {
            return Err(pipe_error(format!(
                "Failed to create pipe {name}, pipe name starting with \"__\" are not allowed to be created."
            )));
        }
        if let Some(known) = book.pipes.get(&name) {
            let status = if known.running { "RUNNING" } else { "STOP" };
            return match (if_not_exists, is_sink) {
                (true, _) => Ok(()),
                (false, true) => {
                    Err(pipe_error(format!("PIPE [{name}] is {status}, please retry after drop it.")))
                }
                (false, false) => Err(pipe_error(format!(
                    "Fail to CREATE_PIPE because Failed to create pipe {name}, the pipe with the same name has been created"
                ))),
            };
        }
        let body = stored(&book, body)?;
        let id = book.next;
        book.next += 1;
        // Those of the later form run at once.
        book.pipes.insert(
            name.clone(),
            StoredPipe { id, created: self.clock.now(), running: !is_sink, began: None, body },
        );
        let pipe = definition(&book, &name, &book.pipes[&name])?;
        if is_sink && let Some(runner) = self.runner.get() {
            let reached = runner.reach(pipe.clone()).await;
            reached.map_err(|why| pipe_error(format!("Fail to create PIPE [{name}] because {why}.")))?;
        }
        let progress = Progress::open(&self.document, id)?;
        self.live.lock().insert(id, Live { status: Arc::new(Status::new(progress)), task: None });
        let begins = if is_sink { Vec::new() } else { vec![name] };
        if let Err(error) = self.store_begun(book, &begins).await {
            self.live.lock().remove(&id);
            return Err(error);
        }
        if is_sink { Ok(()) } else { self.begin_if_run(pipe) }
    }

    /// Begins the task of a pipe, where something runs pipes.
    fn begin_if_run(&self, pipe: PipeDefinition) -> Result<(), SessionError> {
        if self.runner.get().is_some() { self.begin(pipe) } else { Ok(()) }
    }

    async fn start(&self, mut book: Book, name: &str, if_exists: bool) -> Result<(), SessionError> {
        let Some(pipe) = book.pipes.get_mut(name) else {
            return missing(name, if_exists, "START_PIPE", "start");
        };
        let was_running = std::mem::replace(&mut pipe.running, true);
        let pipe = definition(&book, name, &book.pipes[name])?;
        // One that cannot be run here is not stored as running either.
        self.runner_for(name)?;
        if !was_running {
            self.forget_lost(pipe.id).await?;
        }
        self.store_begun(book, &[name.to_owned()]).await?;
        self.begin(pipe)
    }

    /// Stores a book in which pipes are started. For those that are so for the first time, it notes the last write before that, from where on
    /// the log is kept for them.
    ///
    /// # Errors
    /// The book cannot be stored; then nothing is kept that was not kept before.
    pub(super) async fn store_begun(&self, mut book: Book, names: &[String]) -> Result<(), SessionError> {
        let known: Vec<_> = self.storage.readers().into_iter().filter_map(|reader| reader.name).collect();
        let is_new = |reader: &String| !known.iter().any(|known| **known == **reader);
        let begins = |name: &String| book.pipes.get(name).filter(|pipe| pipe.began.is_none());
        let new: Vec<_> =
            names.iter().filter_map(begins).map(|pipe| reader(pipe.id)).filter(is_new).collect();
        let stored = async {
            for name in names {
                self.note_began(&mut book, name).await?;
            }
            self.store(book).await
        };
        let stored = stored.await;
        if stored.is_err() {
            for reader in new {
                self.forget_reader(reader).await;
            }
        }
        stored
    }

    async fn note_began(&self, book: &mut Book, name: &str) -> Result<(), SessionError> {
        let Some(pipe) = book.pipes.get_mut(name).filter(|pipe| pipe.began.is_none()) else { return Ok(()) };
        let (storage, reader) = (self.storage.clone(), reader(pipe.id));
        pipe.began = Some(spawn_blocking(move || storage.keep_changes(&reader)).await.map_err(panicked)??);
        Ok(())
    }

    /// Nothing is kept any more for a reader. Where the manifest cannot say so, it is said again when the folder is opened.
    async fn forget_reader(&self, name: String) {
        let storage = self.storage.clone();
        let forgotten = spawn_blocking(move || forget(&storage, &name)).await;
        if let Err(error) = forgotten {
            tracing::error!(%error, "forgetting a pipe was broken off");
        }
    }

    async fn drop_pipe(&self, mut book: Book, name: &str, if_exists: bool) -> Result<(), SessionError> {
        let Some(pipe) = book.pipes.remove(name) else {
            if if_exists {
                return Ok(());
            }
            let message = format!("Failed to drop pipe {name}. Failures: {name} does not exist.");
            return Err(SessionError::new(StatusCode::PIPE_NOT_EXIST_ERROR, message));
        };
        self.store(book).await?;
        self.end(pipe.id).await;
        let live = self.live.lock().remove(&pipe.id);
        // The pipe is dropped, whatever becomes of what it leaves: no other has its number.
        self.forget_reader(reader(pipe.id)).await;
        if let Some(live) = live {
            let progress = live.status.progress.clone();
            if let Err(error) = spawn_blocking(move || progress.remove()).await.map_err(panicked)? {
                tracing::warn!(pipe = name, %error, "a pipe is dropped, and a file of it is left");
            }
        }
        Ok(())
    }

    /// Who starts a pipe has seen what it lost before.
    async fn forget_lost(&self, id: u64) -> Result<(), SessionError> {
        let status = self.live.lock().get(&id).map(|live| Arc::clone(&live.status));
        let Some(status) = status else { return Ok(()) };
        Ok(spawn_blocking(move || status.forget_lost()).await.map_err(panicked)??)
    }

    /// Puts another book in the place of the one that counts, once it is durable.
    pub(super) async fn store(&self, book: Book) -> Result<(), SessionError> {
        if book == *self.book() {
            return Ok(());
        }
        let document = self.document.clone();
        let stored =
            spawn_blocking(move || document.write(&book).map(|()| book)).await.map_err(panicked)??;
        *self.book.write() = Arc::new(stored);
        self.is_stored.store(true, Ordering::Release);
        Ok(())
    }
}

fn missing(name: &str, if_exists: bool, what: &str, verb: &str) -> Result<(), SessionError> {
    if if_exists {
        return Ok(());
    }
    Err(pipe_error(format!("Fail to {what} because Failed to {verb} pipe {name}, the pipe does not exist")))
}

fn create_sink(book: &mut Book, name: &str, kind: &str, attributes: Attributes) -> Result<(), SessionError> {
    if book.sinks.contains_key(name) {
        return Err(sink_error(format!("PIPESINK [{name}] already exists in IoTDB.")));
    }
    if !kind.eq_ignore_ascii_case("IoTDB") {
        let message = format!(
            "Can not create PIPESINK [{name}], because there is no type [{kind}]: SHOW PIPESINKTYPE lists all"
        );
        return Err(sink_error(message));
    }
    let attributes = normal(attributes);
    target(&attributes).map_err(|error| sink_error(error.message))?;
    book.sinks.insert(name.to_owned(), StoredSink { attributes });
    Ok(())
}

fn drop_sink(book: &mut Book, name: &str) -> Result<(), SessionError> {
    if let Some(pipe) = book.user_of(name) {
        let message = format!("Can not drop PIPESINK [{name}], because PIPE [{pipe}] is using it.");
        return Err(sink_error(message));
    }
    match book.sinks.remove(name) {
        Some(_) => Ok(()),
        None => Err(sink_error(format!("PIPESINK [{name}] does not exist in IoTDB."))),
    }
}

/// What a statement says of a pipe, as it is stored.
fn stored(book: &Book, body: PipeBody) -> Result<StoredBody, SessionError> {
    let (sink, start, attributes) = match body {
        PipeBody::With { source, processor, sink } => {
            let [source, processor, sink] = [source, processor, sink].map(normal);
            return Ok(StoredBody::With { source, processor, sink });
        }
        PipeBody::ToSink { sink, start, attributes } => (sink, start, attributes),
    };
    // The model's own documents spell a sink in several ways.
    let mut spelled = book.sinks.keys().filter(|name| name.eq_ignore_ascii_case(&sink));
    let sink = match (book.sinks.contains_key(&sink), spelled.next(), spelled.next()) {
        (false, Some(other), None) => other.clone(),
        _ => sink,
    };
    let mut deletions = false;
    for (key, value) in normal(attributes) {
        deletions = match (key.as_str(), value.to_ascii_lowercase().as_str()) {
            ("syncdelop", "true") => true,
            ("syncdelop", "false") => false,
            _ => {
                return Err(pipe_error(format!(
                    "`{key}={value}` is no attribute of a pipe: it may be SyncDelOp=true"
                )));
            }
        };
    }
    Ok(StoredBody::ToSink { sink, start, deletions })
}

fn alter(book: &mut Book, name: &str, parts: [Option<AlterAttributes>; 3]) -> Result<(), SessionError> {
    let Some(pipe) = book.pipes.get_mut(name) else {
        return missing(name, false, "ALTER_PIPE", "alter");
    };
    let StoredBody::With { source, processor, sink } = &mut pipe.body else {
        let message = format!(
            "Fail to ALTER_PIPE because PIPE [{name}] sends to a PIPESINK: drop it, and make it anew with what it should be"
        );
        return Err(pipe_error(message));
    };
    for (known, part) in [source, processor, sink].into_iter().zip(parts) {
        let Some(AlterAttributes { replace, attributes }) = part else { continue };
        let given: Pairs = normal(attributes);
        if replace {
            known.clear();
        }
        for (key, value) in given {
            known.retain(|(old, _)| *old != key);
            known.push((key, value));
        }
    }
    Ok(())
}
