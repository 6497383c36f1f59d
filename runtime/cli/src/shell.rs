//! The SQL shell: statements in, tables out.
//!
//! ```text
//!   read      a terminal with history and completion (complete), a file, or a pipe
//!   split     whole statements, and commands behind a backslash
//!   command   what is for the shell itself: \d, \watch, set time_zone=…
//!   page      results to standard output, or page by page; progress says how long one waits for them
//!   point     where in a statement an error is
//! ```

mod command;
mod complete;
mod page;
mod point;
mod progress;
mod read;
mod split;

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use levada_engine::Engine;
use levada_model::{Outcome, Rows, Session, SessionError, SessionOptions};
use parking_lot::RwLock;
use tokio::task::block_in_place;

pub(crate) use self::split::statements;
use self::{
    command::{Command, HELP},
    complete::Current,
    page::Page,
    progress::Progress,
    read::Reader,
};
use crate::{
    exit::{self, Failure},
    interrupt,
    output::{self, CsvStyle, Format, Zone},
};

/// Where a shell's session comes from: a new one for each time zone or number of rows that is set.
#[async_trait]
pub(crate) trait Sessions: Send + Sync {
    /// A session that understands times in this zone, and whose queries give so many rows at a time; as many as the store likes where
    /// `None`.
    ///
    /// # Errors
    /// There is no such zone, or the store cannot be reached.
    async fn open(&self, zone: &Zone, fetch_size: Option<usize>) -> anyhow::Result<Arc<dyn Session>>;

    /// The columns of a query with `disable align`, each with its own times; `None` of any other statement, and where the store has no
    /// form for it.
    ///
    /// # Errors
    /// As those of a query.
    async fn apart(
        &self,
        _zone: &Zone,
        _sql: &str,
    ) -> anyhow::Result<Result<Option<Vec<Rows>>, SessionError>> {
        Ok(Ok(None))
    }
}

#[async_trait]
impl Sessions for Engine {
    async fn open(&self, zone: &Zone, fetch_size: Option<usize>) -> anyhow::Result<Arc<dyn Session>> {
        let options = SessionOptions { zone: Some(zone.name()), fetch_size, ..SessionOptions::default() };
        Ok(Arc::new(self.open_session(options).await?))
    }

    async fn apart(&self, zone: &Zone, sql: &str) -> anyhow::Result<Result<Option<Vec<Rows>>, SessionError>> {
        Ok(self.session(Some(&zone.name()))?.query_apart(sql, None).await)
    }
}

/// A conversation with a store.
pub(crate) struct Shell<'a> {
    sessions: &'a dyn Sessions,
    session: Current,
    format: Format,
    zone: Zone,
    fetch_size: Option<usize>,
    timing: bool,
    paged: bool,
    /// Whether somebody types.
    interactive: bool,
    /// What `\watch` runs again.
    last: Option<String>,
}

impl<'a> Shell<'a> {
    /// A shell that prints in a form and a time zone.
    ///
    /// # Errors
    /// There is no session to be had.
    pub(crate) async fn new(sessions: &'a dyn Sessions, format: Format, zone: Zone) -> anyhow::Result<Self> {
        let session = Arc::new(RwLock::new(sessions.open(&zone, None).await?));
        let (timing, paged) = (format == Format::Table, true);
        Ok(Self {
            sessions,
            session,
            format,
            zone,
            fetch_size: None,
            timing,
            paged,
            interactive: false,
            last: None,
        })
    }

    /// Runs statements separated by semicolons; the first that fails ends it.
    ///
    /// # Errors
    /// A statement failed: the error is its own.
    pub(crate) async fn execute(&mut self, text: &str) -> anyhow::Result<()> {
        for statement in split::statements(text) {
            if !self.run_one(&statement).await? {
                break;
            }
        }
        Ok(())
    }

    /// Reads statements until the input ends: with history and several lines on a terminal, silently from a pipe (where
    /// the first statement that fails ends it). `store` is what the history is kept for.
    ///
    /// # Errors
    /// The input cannot be read; from a pipe, also the first failing statement.
    pub(crate) async fn run(&mut self, store: &str) -> anyhow::Result<()> {
        let mut reader = Reader::open(Arc::clone(&self.session), store)?;
        self.interactive = reader.interactive();
        while let Some(statement) = block_in_place(|| reader.next())? {
            match self.run_one(&statement).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if self.interactive && !exit::is_broken_pipe(&error) => {
                    eprintln!("Msg: {error}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The session that is asked now.
    pub(crate) fn session(&self) -> Arc<dyn Session> {
        Arc::clone(&self.session.read())
    }

    /// Runs a statement, or what is for the shell; `false` where that is its end.
    async fn run_one(&mut self, text: &str) -> anyhow::Result<bool> {
        let command = Command::parse(text).transpose().map_err(Failure::invalid)?;
        match command {
            None => self.until_interrupted(text).await?,
            Some(Command::Quit) => return Ok(false),
            Some(Command::Statement(sql)) => self.until_interrupted(&sql).await?,
            Some(Command::Watch(interval)) => self.watch(interval).await?,
            Some(command) => self.obey(command).await?,
        }
        Ok(true)
    }

    /// What changes how the shell works, or says how.
    async fn obey(&mut self, command: Command) -> anyhow::Result<()> {
        let asked = matches!(
            command,
            Command::Help | Command::ShowZone | Command::ShowTimeDisplay | Command::ShowFetchSize
        );
        let said = match command {
            Command::Help => HELP.to_owned(),
            Command::Timing(wanted) => {
                self.timing = wanted.unwrap_or(!self.timing);
                format!("Timing is {}.", if self.timing { "on" } else { "off" })
            }
            Command::Pager(wanted) => {
                self.paged = wanted.unwrap_or(!self.paged);
                format!("The pager is {}.", if self.paged { "on" } else { "off" })
            }
            Command::SetZone(name) => {
                let zone = Zone::parse(Some(&name)).map_err(Failure::invalid)?;
                let zone = zone.displayed(self.zone.display().clone());
                *self.session.write() = self.sessions.open(&zone, self.fetch_size).await?;
                self.zone = zone;
                format!("Time zone has set to {name}")
            }
            Command::ShowZone => format!("Current time zone: {}", self.zone.name()),
            Command::SetTimeDisplay(display) => {
                let said = format!("Time display type has set to {display}");
                self.zone = self.zone.clone().displayed(display);
                said
            }
            Command::ShowTimeDisplay => format!("Current time format: {}", self.zone.display()),
            Command::SetFetchSize(rows) => {
                *self.session.write() = self.sessions.open(&self.zone, rows).await?;
                self.fetch_size = rows;
                format!("Fetch size has set to {}", named(rows))
            }
            Command::ShowFetchSize => format!("Current fetch size: {}", named(self.fetch_size)),
            Command::Quit | Command::Watch(_) | Command::Statement(_) => String::new(),
        };
        // A script reads rows; that something was set is for those who type.
        if asked || self.interactive {
            writeln!(io::stdout(), "{said}")?;
        }
        Ok(())
    }

    /// Runs a statement; where somebody types, an interrupt ends it, and nothing but it.
    async fn until_interrupted(&mut self, sql: &str) -> anyhow::Result<()> {
        self.last = Some(sql.to_owned());
        if !self.interactive {
            return self.statement(sql, false).await;
        }
        tokio::select! {
            biased;
            () = interrupt::pressed() => {
                writeln!(io::stdout(), "\nMsg: interrupted; what the statement has changed so far stays")?;
                Ok(())
            }
            done = self.statement(sql, self.paged) => done,
        }
    }

    /// Runs the last statement again and again, until an interrupt, or until it fails.
    async fn watch(&mut self, interval: Duration) -> anyhow::Result<()> {
        let Some(sql) = self.last.clone() else {
            return Err(
                Failure::invalid("\\watch runs the last statement again, and there is none yet").into()
            );
        };
        let watched = async {
            loop {
                let now = jiff::Timestamp::now().as_millisecond();
                writeln!(io::stdout(), "{} (every {interval:?})", self.zone.format(now))?;
                self.statement(&sql, false).await?;
                tokio::time::sleep(interval).await;
            }
        };
        tokio::select! {
            biased;
            () = interrupt::pressed() => Ok(writeln!(io::stdout())?),
            failed = watched => failed,
        }
    }

    async fn statement(&self, sql: &str, paged: bool) -> anyhow::Result<()> {
        let start = Instant::now();
        let progress = Progress::new(self.interactive);
        let apart = self.sessions.apart(&self.zone, sql).await?;
        if let Some(columns) = apart.map_err(|error| rejected(sql, &error))? {
            for rows in columns {
                self.shown(rows, paged, start, &progress).await?;
            }
            return Ok(());
        }
        let session = self.session();
        let outcome = progress.during(session.execute(sql)).await.map_err(|error| rejected(sql, &error))?;
        let table = self.format == Format::Table;
        match outcome {
            Outcome::Done(message) if !message.is_empty() => writeln!(io::stdout(), "Msg: {message}")?,
            Outcome::Done(_) if table => {
                writeln!(io::stdout(), "Msg: The statement is executed successfully.")?;
            }
            Outcome::Done(_) => {}
            Outcome::Rows(rows) => self.shown(rows, paged, start, &progress).await?,
        }
        Ok(())
    }

    /// Shows the rows of a statement.
    async fn shown(
        &self,
        rows: Rows,
        paged: bool,
        start: Instant,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let table = self.format == Format::Table;
        let rows = progress.over(rows);
        let mut out = Page::open(paged && table && io::stdin().is_terminal());
        let written = output::write(rows, self.format, CsvStyle::default(), &self.zone, &mut out).await;
        let count = match written {
            // Whoever leaves a pager has seen enough.
            Err(error) if paged && exit::is_broken_pipe(&error) => return Ok(()),
            written => written?,
        };
        if table {
            let empty = if count == 0 { "Empty set.\n" } else { "" };
            writeln!(out, "{empty}Total line number = {count}")?;
            if self.timing {
                writeln!(out, "It costs {:.3}s", start.elapsed().as_secs_f64())?;
            }
        }
        out.flush()?;
        Ok(())
    }
}

/// What the shell says of a statement that failed.
fn rejected(sql: &str, error: &SessionError) -> Failure {
    let shown = point::underlined(sql, &error.message).map(|shown| format!("\n{shown}"));
    Failure {
        code: if error.code.0 / 100 == 7 { exit::INVALID } else { exit::FAILED },
        message: Some(format!("{error}{}", shown.unwrap_or_default())),
    }
}

/// A number of rows that come at a time.
fn named(fetch_size: Option<usize>) -> String {
    fetch_size.map_or_else(|| "default".to_owned(), |rows| rows.to_string())
}
