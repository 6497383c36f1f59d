//! `levada top`: what the pipelines and pipes of a process do, as a table that is drawn again and again.

mod sample;
mod table;

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use levada_connector_api::Interval;

use self::{sample::Sample, table::Frame};
use crate::{client::ClientArgs, exit::Failure};

/// Options of `top`.
#[derive(Debug, clap::Args)]
pub(crate) struct TopArgs {
    /// The process.
    #[command(flatten)]
    process: ClientArgs,
    /// How often it is drawn; rates are over this time
    #[arg(long, value_name = "TIME", default_value = "1s")]
    every: Interval,
    /// Draw once, and end
    #[arg(long)]
    once: bool,
}

pub(super) fn top(args: &TopArgs) -> anyhow::Result<ExitCode> {
    if args.every.0.is_zero() {
        return Err(Failure::invalid("--every: it takes some time to count a rate").into());
    }
    let mut before = Sample::take(&args.process)?;
    loop {
        std::thread::sleep(args.every.0);
        let now = Sample::take(&args.process)?;
        let mut out = std::io::stdout().lock();
        // A terminal shows the table in its place, whatever else reads gets one behind the other.
        if !args.once && out.is_terminal() {
            write!(out, "\x1b[2J\x1b[H")?;
        }
        write!(out, "{}", Frame::new(&before, &now))?;
        if args.once {
            return Ok(ExitCode::SUCCESS);
        }
        writeln!(out)?;
        out.flush()?;
        before = now;
    }
}
