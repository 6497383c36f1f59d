//! The rows of one query as a Parquet file, for `levada sql`.

use std::{
    io::{IsTerminal, stdout},
    path::Path,
};

use levada_model::Session;

use super::{STANDARD_OUTPUT, Target, ask};
use crate::{exit::Failure, interrupt};

/// A file that is to be written.
#[derive(Debug)]
pub(crate) struct ParquetFile(Target);

impl ParquetFile {
    /// Looks at where it is to be: the standard output where no path is given. Changes nothing.
    ///
    /// # Errors
    /// Nothing can be written there, or there is a file and `force` does not allow to replace it; it would go to a terminal.
    pub(crate) fn choose(path: Option<&Path>, force: bool) -> anyhow::Result<Self> {
        let path = path.unwrap_or(Path::new(STANDARD_OUTPUT));
        if path.as_os_str() == STANDARD_OUTPUT && stdout().is_terminal() {
            let message = "a Parquet file is nothing to read on a terminal: give --output FILE, or send it into a file or a pipe";
            return Err(Failure::invalid(message).into());
        }
        Ok(Self(Target::choose(path, force)?))
    }

    /// Writes the rows of a query, and syncs them. What is not whole leaves nothing behind.
    ///
    /// # Errors
    /// The statement is no query or fails, or the file cannot be written.
    pub(crate) async fn write(&self, session: &dyn Session, query: &str) -> anyhow::Result<()> {
        let written = tokio::select! {
            biased;
            () = interrupt::asked() => {
                Err(Failure::interrupted("interrupted: no file is written").into())
            }
            written = self.rows(session, query) => written,
        };
        match written {
            Ok(()) => self.0.finish(),
            Err(error) => {
                self.0.discard();
                Err(error)
            }
        }
    }

    #[cfg(feature = "parquet")]
    async fn rows(&self, session: &dyn Session, query: &str) -> anyhow::Result<()> {
        let rows = ask(session, query).await?;
        super::parquet::write(rows, false, self.0.open()?).await.map(drop)
    }

    #[cfg(not(feature = "parquet"))]
    async fn rows(&self, session: &dyn Session, query: &str) -> anyhow::Result<()> {
        drop(ask(session, query).await?);
        Err(super::without_parquet())
    }
}
