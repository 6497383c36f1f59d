//! `levada udf test`: a function over the rows of a CSV file.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context;

use super::{CallArgs, columns::Columns, rows};
use crate::exit;

/// Options of `udf test`.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// What is called.
    #[command(flatten)]
    call: CallArgs,
    /// The rows: a head `Time,s1,s2`, where an input may say its type, as in `s1(INT32)`
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,
    /// What it should give: a file as this command prints it. Where they differ, the first line that does is told, and the exit code
    /// is 1
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
}

pub(super) fn test(args: &TestArgs) -> anyhow::Result<ExitCode> {
    let factory = args.call.factory()?;
    let columns = Columns::read(&args.csv)?;
    let given = rows::of(&*factory, args.call.parameters(&columns.inputs), &columns)?;
    let Some(expect) = &args.expect else {
        print!("{given}");
        return Ok(ExitCode::SUCCESS);
    };
    let expected = fs::read_to_string(expect).with_context(|| format!("cannot read {}", expect.display()))?;
    let lines = given.lines().count().max(expected.lines().count());
    for line in 0..lines {
        let (given, expected) = (given.lines().nth(line), expected.lines().nth(line));
        if given != expected {
            let end = "the end";
            eprintln!(
                "levada: {}:{}: expected {}, got {}",
                expect.display(),
                line + 1,
                expected.unwrap_or(end),
                given.unwrap_or(end)
            );
            return Ok(ExitCode::from(exit::FAILED));
        }
    }
    println!("{}: {lines} lines as expected", factory.id());
    Ok(ExitCode::SUCCESS)
}
