//! Where a shell's statements come from: a terminal with history, or a pipe.

use std::{
    collections::VecDeque,
    io::{self, BufRead, IsTerminal},
    path::PathBuf,
};

use rustyline::{CompletionType, Config, Editor, error::ReadlineError, history::DefaultHistory};

use super::{
    command::Command,
    complete::{Completion, Current},
    split::split,
};

/// Gives statements one after the other.
pub(super) struct Reader {
    input: Input,
    ready: VecDeque<String>,
    /// What was typed behind the last semicolon.
    open: String,
}

enum Input {
    Terminal(Box<Editor<Completion, DefaultHistory>>, Option<PathBuf>),
    Pipe,
}

impl Reader {
    /// Standard input: a terminal, which completes from `session` and has the history of `store`, or a pipe.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub(super) fn open(session: Current, store: &str) -> anyhow::Result<Self> {
        let input = if io::stdin().is_terminal() {
            let config = Config::builder().completion_type(CompletionType::List).build();
            let mut editor = Editor::with_config(config)?;
            editor.set_helper(Some(Completion::new(session)));
            let history = history_of(store);
            if let Some(path) = &history {
                // There is none before the first time.
                editor.load_history(path).ok();
            }
            Input::Terminal(Box::new(editor), history)
        } else {
            Input::Pipe
        };
        Ok(Self { input, ready: VecDeque::new(), open: String::new() })
    }

    pub(super) fn interactive(&self) -> bool {
        matches!(self.input, Input::Terminal(..))
    }

    /// The next statement, `None` at the end of the input.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            if let Some(statement) = self.ready.pop_front() {
                return Ok(Some(statement));
            }
            match self.line()? {
                Some(line) => self.take(&line),
                None => {
                    let rest = std::mem::take(&mut self.open);
                    return Ok(Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty()));
                }
            }
        }
    }

    fn take(&mut self, line: &str) {
        let alone = matches!(Command::parse(line), Some(Ok(Command::Quit | Command::Help)));
        if self.open.trim().is_empty() && alone {
            self.ready.push_back(line.trim().to_owned());
            return;
        }
        self.open.push_str(line);
        self.open.push('\n');
        let (statements, rest) = split(&self.open);
        self.open = rest;
        if let Input::Terminal(editor, _) = &mut self.input {
            for statement in &statements {
                let end = if statement.starts_with('\\') { "" } else { ";" };
                editor.add_history_entry(format!("{statement}{end}")).ok();
            }
        }
        self.ready.extend(statements);
    }

    fn line(&mut self) -> anyhow::Result<Option<String>> {
        match &mut self.input {
            Input::Terminal(editor, _) => {
                let prompt = if self.open.trim().is_empty() { "levada> " } else { "     -> " };
                match editor.readline(prompt) {
                    Ok(line) => Ok(Some(line)),
                    Err(ReadlineError::Interrupted) => {
                        self.open.clear();
                        Ok(Some(String::new()))
                    }
                    Err(ReadlineError::Eof) => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
            Input::Pipe => {
                let mut line = String::new();
                let read = io::stdin().lock().read_line(&mut line)?;
                // Without its end, as a terminal gives it; whatever else is in the line is part of it.
                line.truncate(line.strip_suffix('\n').map_or(line.len(), str::len));
                Ok((read > 0).then_some(line))
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Input::Terminal(editor, Some(path)) = &mut self.input {
            // A history that cannot be kept is no reason to fail.
            editor.save_history(path).ok();
        }
    }
}

/// The file of a store's history, in the folder where users' programs keep such things; `None` where there is none.
fn history_of(store: &str) -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    let folder = state.join("levada/history");
    std::fs::create_dir_all(&folder).ok()?;
    let kept = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    let name: String = store.chars().map(kept).collect();
    // The end says more than the beginning, and names of files have a limit.
    let skipped = name.chars().count().saturating_sub(60);
    Some(folder.join(format!("sql-{}", name.chars().skip(skipped).collect::<String>())))
}
