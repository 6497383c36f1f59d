//! The SQL shell: statements in, tables out.

mod read;
mod split;

use std::{
    io::{self, BufWriter, Write},
    time::Instant,
};

use levada_model::{Outcome, Session};

use crate::{
    exit::{self, Failure},
    interrupt,
    output::{self, CsvStyle, Format, Zone},
};

/// A conversation with a session.
#[derive(Debug)]
pub(crate) struct Shell<'a> {
    session: &'a dyn Session,
    format: Format,
    zone: Zone,
}

impl<'a> Shell<'a> {
    /// A shell that prints in a form and a time zone.
    pub(crate) fn new(session: &'a dyn Session, format: Format, zone: Zone) -> Self {
        Self { session, format, zone }
    }

    /// Runs statements separated by semicolons; the first that fails ends it.
    ///
    /// # Errors
    /// A statement failed: the error is its own.
    pub(crate) async fn execute(&self, text: &str) -> anyhow::Result<()> {
        for statement in split::statements(text) {
            self.statement(&statement).await?;
        }
        Ok(())
    }

    /// Reads statements until the input ends: with history and several lines on a terminal, silently from a pipe (where
    /// the first statement that fails ends it).
    ///
    /// # Errors
    /// The input cannot be read; from a pipe, also the first failing statement.
    pub(crate) async fn run(&self) -> anyhow::Result<()> {
        let mut reader = read::Reader::open()?;
        while let Some(statement) = reader.next()? {
            match statement.to_ascii_lowercase().as_str() {
                "quit" | "exit" => break,
                "help" | "?" => {
                    println!(
                        "Statements end with a semicolon and may take several lines; `exit` ends the shell."
                    );
                    continue;
                }
                _ => {}
            }
            let done = if reader.interactive() {
                self.until(&statement, interrupt::pressed()).await
            } else {
                self.statement(&statement).await
            };
            match done {
                Ok(()) => {}
                Err(error) if reader.interactive() && !exit::is_broken_pipe(&error) => {
                    eprintln!("Msg: {error}")
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Runs a statement that an interrupt ends, and nothing but it.
    async fn until(&self, sql: &str, interrupt: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::select! {
            biased;
            () = interrupt => {
                writeln!(io::stdout(), "\nMsg: interrupted; what the statement has changed so far stays")?;
                Ok(())
            }
            done = self.statement(sql) => done,
        }
    }

    async fn statement(&self, sql: &str) -> anyhow::Result<()> {
        let start = Instant::now();
        let outcome = self.session.execute(sql).await.map_err(|error| Failure {
            code: if error.code.0 / 100 == 7 { exit::INVALID } else { exit::FAILED },
            message: Some(error.to_string()),
        })?;
        let table = self.format == Format::Table;
        match outcome {
            Outcome::Done(message) if !message.is_empty() => writeln!(io::stdout(), "Msg: {message}")?,
            Outcome::Done(_) if table => {
                writeln!(io::stdout(), "Msg: The statement is executed successfully.")?;
            }
            Outcome::Done(_) => {}
            Outcome::Rows(rows) => {
                let mut out = BufWriter::new(io::stdout().lock());
                let count =
                    output::write(rows, self.format, CsvStyle::default(), &self.zone, &mut out).await?;
                if table {
                    let empty = if count == 0 { "Empty set.\n" } else { "" };
                    writeln!(out, "{empty}Total line number = {count}")?;
                    writeln!(out, "It costs {:.3}s", start.elapsed().as_secs_f64())?;
                }
                out.flush()?;
            }
        }
        Ok(())
    }
}
