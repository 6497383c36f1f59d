//! What modules may use, and how they are compiled.

use std::{ffi::OsString, fmt, path::PathBuf, sync::Arc, time::Duration};

/// How urgent a module's message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For who writes the module.
    Debug,
    /// What it does.
    Info,
    /// Something may be wrong.
    Warning,
    /// Something is wrong.
    Error,
}

/// What takes a message.
type Taker = dyn Fn(&str, Level, &str) + Send + Sync;

/// Where the messages of modules go: the module's file, how urgent, the text.
#[derive(Clone)]
pub struct Log(Arc<Taker>);

impl Log {
    /// To a function, which is called from the threads that run modules.
    pub fn new(to: impl Fn(&str, Level, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(to))
    }

    /// Nowhere.
    pub fn none() -> Self {
        Self::new(|_, _, _| {})
    }

    pub(crate) fn write(&self, module: &str, level: Level, text: &str) {
        (self.0)(module, level, text);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

/// Where modules are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// In this process: for programs that trust their modules, and tests.
    InProcess,
    /// In a process of its own, which has to call [`compile_as_child`](crate::compile_as_child).
    Child {
        /// What to start.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<OsString>,
    },
}

/// What modules may use, and how they are compiled.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// How long one call of a method may run.
    pub time: Duration,
    /// Bytes of memory that an instance may have.
    pub memory: usize,
    /// Bytes that one call may hand over to the host.
    pub handed_over: usize,
    /// Where modules are compiled.
    pub compiler: Compiler,
    /// How long compiling a module may take.
    pub compile_time: Duration,
    /// Bytes of memory that compiling a module may take in a child.
    pub compile_memory: u64,
    /// A folder for compiled modules, which must belong to the user that runs this and be writable by nobody else; made where
    /// it is not there. Without one, each process compiles anew.
    pub cache: Option<PathBuf>,
    /// Where messages of modules go.
    pub log: Log,
}

impl Default for HostOptions {
    /// 10 s for a call, 256 MiB for an instance, 128 MiB out of a call; compiled in this process within 60 s, in 4 GiB.
    fn default() -> Self {
        Self {
            time: Duration::from_secs(10),
            memory: 256 << 20,
            handed_over: 128 << 20,
            compiler: Compiler::InProcess,
            compile_time: Duration::from_secs(60),
            compile_memory: 4 << 30,
            cache: None,
            log: Log::none(),
        }
    }
}
