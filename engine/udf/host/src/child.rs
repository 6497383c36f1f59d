//! Compiling in a process of its own, which may use up time and memory without harm.
//!
//! The child reads a module from its standard input and writes the code to its standard output; its last two arguments say how
//! many bytes of memory and seconds of computing time it takes for itself.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
};

use levada_udf::{Fault, FaultKind};
use rustix::process::{Resource, Rlimit, nice, setrlimit};

use crate::options::HostOptions;

/// The most bytes of code that are taken from a child.
const MOST_CODE: u64 = 1 << 30;
/// The most bytes of a child's last words.
const MOST_WORDS: u64 = 4 << 10;

/// Compiles a module in a child.
pub(crate) fn compile(
    program: &Path,
    arguments: &[OsString],
    options: &HostOptions,
    bytes: &[u8],
) -> Result<Vec<u8>, Fault> {
    let failed = |error: &io::Error| {
        Fault::new(FaultKind::Io, format!("the compiler {} cannot be run: {error}", program.display()))
    };
    let seconds = options.compile_time.as_secs().max(1);
    let mut child = Command::new(program)
        .args(arguments)
        .args([options.compile_memory.to_string(), seconds.to_string()])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (said, answer) = mpsc::sync_channel(1);
    thread::scope(|scope| {
        scope.spawn(|| give(stdin, bytes));
        scope.spawn(move || {
            let (mut code, mut words) = (Vec::new(), Vec::new());
            let read = stdout.map_or(Ok(0), |stdout| stdout.take(MOST_CODE).read_to_end(&mut code));
            let told = stderr.map_or(Ok(0), |stderr| stderr.take(MOST_WORDS).read_to_end(&mut words));
            // Who asked may have given up.
            said.send(read.and(told).map(|_| (code, words))).ok();
        });
        let answer = answer.recv_timeout(options.compile_time);
        if answer.is_err() {
            stop(&mut child);
        }
        let status = child.wait().map_err(|error| failed(&error))?;
        let (code, words) = answer
            .map_err(|_| {
                let message = format!("compiling it takes longer than {:?}", options.compile_time);
                Fault::new(FaultKind::TimeLimit, message)
            })?
            .map_err(|error| failed(&error))?;
        if status.success() {
            return Ok(code);
        }
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        let message = if words.is_empty() {
            format!(
                "compiling it takes more than {seconds} s or {} bytes of memory ({status})",
                options.compile_memory
            )
        } else {
            words
        };
        Err(Fault::new(FaultKind::Module, message))
    })
}

fn give(stdin: Option<ChildStdin>, bytes: &[u8]) {
    if let Some(mut stdin) = stdin {
        // A child that does not read on says why itself.
        stdin.write_all(bytes).ok();
    }
}

fn stop(child: &mut Child) {
    // It may have ended meanwhile.
    child.kill().ok();
}

/// What a program does that was started as [`Compiler::Child`](crate::Compiler::Child); the arguments are those behind the ones
/// that were given there.
pub fn serve(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match compile_standard_input(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // If nobody hears it, the exit code still tells.
            writeln!(io::stderr(), "{message}").ok();
            ExitCode::FAILURE
        }
    }
}

fn compile_standard_input(arguments: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    let mut numbers = arguments.into_iter().map(|each| each.to_string_lossy().parse::<u64>());
    let (Some(Ok(memory)), Some(Ok(seconds)), None) = (numbers.next(), numbers.next(), numbers.next()) else {
        return Err("the arguments are bytes of memory and seconds".to_owned());
    };
    for (resource, limit) in [(Resource::As, memory), (Resource::Cpu, seconds), (Resource::Core, 0)] {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })
            .map_err(|error| format!("the limits of the compiler cannot be set: {error}"))?;
    }
    // Whoever asks the server meanwhile comes first. Where that cannot be had, compiling is all the same.
    nice(10).ok();
    let mut module = Vec::new();
    io::stdin().read_to_end(&mut module).map_err(|error| error.to_string())?;
    let engine = crate::engine::engine().map_err(|fault| fault.message)?;
    let code =
        engine.precompile_component(&module).map_err(|error| format!("it cannot be compiled: {error:#}"))?;
    io::stdout().write_all(&code).map_err(|error| error.to_string())
}
