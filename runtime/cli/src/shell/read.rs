//! Where a shell's statements come from: a terminal with history, or a pipe.

use std::{
    collections::VecDeque,
    io::{self, BufRead, IsTerminal},
    path::PathBuf,
};

use rustyline::{DefaultEditor, error::ReadlineError};

use super::split::split;

/// Gives statements one after the other.
pub(super) struct Reader {
    input: Input,
    ready: VecDeque<String>,
    /// What was typed behind the last semicolon.
    open: String,
}

enum Input {
    Terminal(Box<DefaultEditor>, Option<PathBuf>),
    Pipe,
}

impl Reader {
    pub(super) fn open() -> anyhow::Result<Self> {
        let input = if io::stdin().is_terminal() {
            let mut editor = DefaultEditor::new()?;
            let history = std::env::home_dir().map(|home| home.join(".levada_history"));
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
        if self.open.trim().is_empty() && matches!(line.trim(), "exit" | "quit" | "help" | "?") {
            self.ready.push_back(line.trim().to_owned());
            return;
        }
        self.open.push_str(line);
        self.open.push('\n');
        let (statements, rest) = split(&self.open);
        self.open = rest;
        if let Input::Terminal(editor, _) = &mut self.input {
            for statement in &statements {
                editor.add_history_entry(format!("{statement};")).ok();
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
