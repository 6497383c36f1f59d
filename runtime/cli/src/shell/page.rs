//! Where results go: to standard output, or page by page.
//!
//! Up to a screen of lines is held, and shown as it is. With one line more a program is started that shows screen after screen, and gets
//! what comes from then on as it comes.

use std::{
    env,
    io::{self, BufWriter, IsTerminal, Stdout, Write, stdout},
    process::{Child, ChildStdin, Command, Stdio},
};

use terminal_size::{Height, terminal_size};

/// What results are written to. Dropping it shows what is held, and waits until a pager ends.
pub(super) enum Page {
    Plain(BufWriter<Stdout>),
    /// Not more than a screen so far.
    Held {
        text: Vec<u8>,
        /// Lines that fit on the screen beside the prompt.
        lines: usize,
    },
    Pager {
        to: Option<BufWriter<ChildStdin>>,
        child: Child,
    },
}

impl Page {
    /// Standard output; page by page where it is a terminal and `paged`.
    pub(super) fn open(paged: bool) -> Self {
        match terminal_size() {
            Some((_, Height(rows))) if paged && rows > 2 && stdout().is_terminal() => {
                Self::Held { text: Vec::new(), lines: usize::from(rows) - 1 }
            }
            _ => Self::Plain(BufWriter::new(stdout())),
        }
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Pager { to, .. } => to.as_mut().map_or(Ok(bytes.len()), |to| to.write(bytes)),
            Self::Held { text, lines } => {
                text.extend_from_slice(bytes);
                if text.iter().filter(|byte| **byte == b'\n').count() > *lines {
                    let text = std::mem::take(text);
                    *self = pager().unwrap_or_else(|| Self::Plain(BufWriter::new(stdout())));
                    self.write_all(&text)?;
                }
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Held { .. } => Ok(()),
            Self::Pager { to, .. } => to.as_mut().map_or(Ok(()), Write::flush),
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        match self {
            Self::Plain(_) => {}
            Self::Held { text, .. } => {
                // A terminal that is gone is told by what is written next.
                stdout().write_all(text).ok();
            }
            Self::Pager { to, child } => {
                // The pager sees the end of its input. Whoever left it wants no more.
                drop(to.take());
                child.wait().ok();
            }
        }
    }
}

/// The program that `PAGER` names, or else `less`.
fn pager() -> Option<Page> {
    let named = env::var("PAGER").unwrap_or_default();
    let mut words = named.split_whitespace();
    let mut command = match words.next() {
        Some(program) => {
            let mut command = Command::new(program);
            command.args(words);
            command
        }
        None => {
            let mut command = Command::new("less");
            command.arg("-SRX");
            command
        }
    };
    let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
    let to = child.stdin.take().map(BufWriter::new);
    Some(Page::Pager { to, child })
}
