//! Modules of functions, as this program runs them: one host for the process, which compiles in a child that is this program too.

use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use levada_udf_host::{Compiler, HostOptions, Level, Log, UdfHost};

/// What the child is called with, before its limits.
pub(crate) const COMPILE: [&str; 2] = ["udf", "compile-module"];

/// What this process has done as the child that compiles a module, where it was started as such.
pub(crate) fn compiled_as_child() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let is_child = COMPILE.iter().all(|word| arguments.next().is_some_and(|argument| argument == *word));
    is_child.then(|| levada_udf_host::compile_as_child(arguments))
}

/// The host of this process.
///
/// # Errors
/// This machine cannot run WASM modules.
pub(crate) fn host() -> anyhow::Result<Arc<UdfHost>> {
    static HOST: OnceLock<Arc<UdfHost>> = OnceLock::new();
    if let Some(host) = HOST.get() {
        return Ok(Arc::clone(host));
    }
    let made = Arc::new(UdfHost::new(options()?)?);
    Ok(Arc::clone(HOST.get_or_init(|| made)))
}

fn options() -> anyhow::Result<HostOptions> {
    // On Linux the program as it was started, also where its file has been replaced since.
    let program =
        if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { env::current_exe()? };
    let arguments = COMPILE.map(OsString::from).to_vec();
    Ok(HostOptions {
        compiler: Compiler::Child { program, arguments },
        cache: cache(),
        log: Log::new(|module, level, text| match level {
            Level::Debug => tracing::debug!(module, "{text}"),
            Level::Info => tracing::info!(module, "{text}"),
            Level::Warning | Level::Error => tracing::warn!(module, "{text}"),
        }),
        ..HostOptions::default()
    })
}

/// The user's folder for what can be made again.
fn cache() -> Option<PathBuf> {
    let named = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")));
    caches.map(|caches| caches.join("levada/udf"))
}
