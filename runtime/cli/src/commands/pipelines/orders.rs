//! What is ordered over HTTP: pipelines made, replaced, removed, paused, resumed.
//!
//! The file is written as a whole before the pipeline changes, and put back where the new one cannot start. That a pipeline is paused is
//! noted beside its file, `.NAME.paused`, so that it stays so when the process starts again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use levada_config::{Diagnostic, Pipeline};
use levada_connector_api::replace_state;
use levada_runtime::{
    Runtime,
    http::{Action, Answer, Order},
};
use serde_json::json;
use tracing::info;

use super::{Change, Folder, Mark, Place, Running};
use crate::commands::Document;

impl Place {
    /// The names of pipelines that are noted as paused.
    pub(super) fn paused(&self) -> BTreeSet<String> {
        let Self::Folder(dir) = self else { return BTreeSet::new() };
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter_map(|name| Some(name.strip_prefix('.')?.strip_suffix(".paused")?.to_owned())).collect()
    }

    /// Notes that a pipeline is paused, or is not.
    fn note_paused(&self, id: &str, paused: bool) -> std::io::Result<()> {
        let Self::Folder(dir) = self else { return Ok(()) };
        let note = dir.join(format!(".{id}.paused"));
        match paused {
            true => replace_state(&note, b""),
            false => removed(&note),
        }
    }
}

/// Takes a file away, if it is there.
fn removed(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether a name can be that of a file.
fn is_id(id: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !id.is_empty() && id.len() <= 200 && id.chars().all(is_plain) && !id.starts_with('.')
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Answer {
    Answer::told(500, format!("cannot {what} {}: {error}", path.display()))
}

fn wrong(status: u16, message: &str, found: &[Diagnostic], text: &str) -> Answer {
    let report = levada_config::render(found, text, false);
    Answer { status, body: json!({"error": message, "problems": found, "report": report}) }
}

impl Folder {
    /// Does what is ordered, and answers.
    pub(in crate::commands) async fn carry_out(&mut self, order: Order, runtime: &Runtime) {
        let Order { id, action, answer } = order;
        let done = match action {
            Action::Create(text) => self.create(&id, text, runtime).await,
            Action::Replace(text) => self.replace_by(&id, text, runtime).await,
            Action::Delete => self.delete(&id, runtime).await,
            Action::Pause => self.pause(&id, runtime).await,
            Action::Resume => self.resume(&id, runtime),
        };
        self.reconsider();
        self.tell_idle();
        // Whoever asked may have gone.
        drop(answer.send(done));
    }

    /// The file of a pipeline, by the pipeline's name, or by the file's where it says none.
    fn find(&self, id: &str) -> Option<PathBuf> {
        let named =
            self.files.iter().find(|(_, file)| file.pipeline.as_ref().is_some_and(|each| each.name == id));
        let like =
            || self.files.iter().find(|(path, file)| file.pipeline.is_none() && super::stem(path) == id);
        named.or_else(like).map(|(path, _)| path.clone())
    }

    fn known(&self, id: &str) -> Result<PathBuf, Answer> {
        self.find(id).ok_or_else(|| Answer::told(404, format!("there is no pipeline `{id}`")))
    }

    /// The folder that files may be written to.
    fn dir(&self) -> Result<&Path, Answer> {
        match &self.place {
            Place::Folder(dir) => Ok(dir),
            Place::Files(_) => {
                let message =
                    "these pipelines are files of the command line: change the file, which is read again";
                Err(Answer::told(405, message))
            }
        }
    }

    async fn create(&mut self, id: &str, text: String, runtime: &Runtime) -> Answer {
        let path = match self.dir() {
            Ok(dir) => dir.join(format!("{id}.yaml")),
            Err(answer) => return answer,
        };
        if !is_id(id) {
            return Answer::told(
                400,
                "a name is made of letters, digits, `-`, `_` and `.`, and does not begin with `.`",
            );
        }
        if self.find(id).is_some() || path.exists() {
            return Answer::told(409, format!("there is a pipeline `{id}`: PUT replaces it"));
        }
        self.put(id, path, text, 201, runtime).await
    }

    async fn replace_by(&mut self, id: &str, text: String, runtime: &Runtime) -> Answer {
        match self.dir().map(drop).and_then(|()| self.known(id)) {
            Ok(path) => self.put(id, path, text, 200, runtime).await,
            Err(answer) => answer,
        }
    }

    async fn put(&mut self, id: &str, path: PathBuf, text: String, done: u16, runtime: &Runtime) -> Answer {
        let pipeline = match self.checked(id, &path, text.clone()) {
            Ok(pipeline) => pipeline,
            Err(answer) => return answer,
        };
        let before = std::fs::read(&path).ok();
        if let Err(error) = replace_state(&path, text.as_bytes()) {
            return cannot("write", &path, &error);
        }
        let mark = Mark::of(&path).unwrap_or_default();
        let same = self.files.get(&path).is_some_and(|file| {
            file.pipeline.as_ref() == Some(&pipeline)
                && file.running.as_ref().is_some_and(|running| !running.handle.is_ended())
        });
        if same {
            self.files.entry(path).and_modify(|file| file.mark = mark);
            return Answer::told(done, "the pipeline runs on: nothing of it has changed");
        }
        self.apply(vec![Change { path: path.clone(), now: Some((mark, pipeline)) }], runtime).await;
        match self.files.get(&path).and_then(|file| file.error.clone()) {
            None if self.paused.contains(id) => Answer::told(done, "stored; the pipeline is paused"),
            None => Answer::told(done, "the pipeline runs"),
            Some(error) => {
                let back = match &before {
                    Some(before) => replace_state(&path, before),
                    None => removed(&path),
                };
                if let Err(error) = back {
                    return cannot("put back", &path, &error);
                }
                match Mark::of(&path) {
                    Some(mark) => drop(self.files.entry(path).and_modify(|file| file.mark = mark)),
                    None => drop(self.files.remove(&path)),
                }
                Answer::told(422, error)
            }
        }
    }

    /// A pipeline of this name, where the text is one that fits the others.
    fn checked(&self, id: &str, path: &Path, text: String) -> Result<Pipeline, Answer> {
        let environment = |variable: &str| std::env::var(variable).ok();
        let document = Document::parse(text, &path.display().to_string(), &self.registry, &environment);
        let Some(pipeline) = document.pipeline else {
            return Err(wrong(400, "the pipeline is wrong", &document.diagnostics, &document.text));
        };
        if pipeline.name != id {
            let message = format!("the pipeline names itself `{}`, and not `{id}`", pipeline.name);
            return Err(Answer::told(400, message));
        }
        let change = [Change { path: path.to_owned(), now: Some((Mark::default(), pipeline)) }];
        let conflicts = self.conflicts(&change);
        if !conflicts.is_empty() {
            return Err(wrong(409, "the pipeline does not go with the others", &conflicts, ""));
        }
        let [Change { now, .. }] = change;
        now.map(|(_, pipeline)| pipeline).ok_or_else(|| Answer::told(500, "no pipeline"))
    }

    async fn delete(&mut self, id: &str, runtime: &Runtime) -> Answer {
        let path = match self.dir().map(drop).and_then(|()| self.known(id)) {
            Ok(path) => path,
            Err(answer) => return answer,
        };
        if let Err(error) = removed(&path) {
            return cannot("remove", &path, &error);
        }
        self.apply(vec![Change { path, now: None }], runtime).await;
        self.paused.remove(id);
        match self.place.note_paused(id, false) {
            Ok(()) => Answer::told(200, "the pipeline has ended, and its file is gone; its state is kept"),
            Err(error) => Answer::told(500, format!("the note that it is paused cannot be removed: {error}")),
        }
    }

    async fn pause(&mut self, id: &str, runtime: &Runtime) -> Answer {
        let path = match self.known(id) {
            Ok(path) => path,
            Err(answer) => return answer,
        };
        if let Err(error) = self.place.note_paused(id, true) {
            return Answer::told(500, format!("that it is paused cannot be noted: {error}"));
        }
        self.paused.insert(id.to_owned());
        if let Some(running) = self.files.get_mut(&path).and_then(|file| file.running.take()) {
            running.handle.stop();
            running.ended().await;
            runtime.forget(id);
            info!(pipeline = %id, "paused");
        }
        Answer::told(200, "the pipeline is paused: it goes on where it ended when it is resumed")
    }

    fn resume(&mut self, id: &str, runtime: &Runtime) -> Answer {
        let path = match self.known(id) {
            Ok(path) => path,
            Err(answer) => return answer,
        };
        if let Err(error) = self.place.note_paused(id, false) {
            return Answer::told(500, format!("the note that it is paused cannot be removed: {error}"));
        }
        self.paused.remove(id);
        let Some(file) = self.files.get_mut(&path) else { return Answer::told(404, "it is gone") };
        let runs = file.running.as_ref().is_some_and(|running| !running.handle.is_ended());
        let Some(pipeline) = file.pipeline.as_ref().filter(|_| !runs) else {
            return Answer::told(
                if runs { 200 } else { 409 },
                if runs { "the pipeline runs" } else { "its file is wrong" },
            );
        };
        match Running::start(runtime, pipeline) {
            Ok(running) => {
                (file.running, file.error) = (Some(running), None);
                Answer::told(200, "the pipeline runs")
            }
            Err(error) => {
                file.error = Some(format!("{error:#}"));
                Answer::told(422, format!("{error:#}"))
            }
        }
    }
}
