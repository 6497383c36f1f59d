//! A module of a project in C: compiled to a core module, and that put into a component.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use levada_udf_host::component_of;

use super::{ask, declared, run};
use crate::{commands::udf::new::c::SDK, exit::Failure};

/// What links a module that is called and has no `main`, optimised, without names, with a stack of 256 KiB: an instance is for each
/// call of each device.
const FLAGS: [&str; 6] =
    ["-O2", "-Wall", "-mexec-model=reactor", "-s", "--std=c11", "-Wl,-z,stack-size=262144"];

/// What is said where there is no compiler.
const MISSING: &str = "no C compiler for WASM is found. One of these is enough: the WASI SDK, with WASI_SDK_PATH naming its folder; clang \
     with lld and wasi-libc (Debian, Ubuntu: apt-get install clang lld wasi-libc libclang-rt-dev-wasm32); zig, on its own or from \
     PyPI (pip install ziglang)";

/// Makes the module; where it is.
pub(super) fn build(project: &Path) -> anyhow::Result<PathBuf> {
    let functions = declared::functions(project)?;
    let mut command = compiler().ok_or_else(|| Failure::invalid(MISSING))?;
    let sdk = declared::sdk(project, &SDK)?;
    let mut sources = declared::files_in(project, "c")?;
    sources.extend(declared::files_in(&sdk, "c")?);
    let core = declared::target(project)?.join("core.wasm");
    command.args(FLAGS).arg("-I").arg(&sdk).arg("-I").arg(project).args(&sources).arg("-o").arg(&core);
    run(&mut command)?;
    let core = fs::read(&core).context("the compiler gave no module")?;
    let component =
        component_of(&core).map_err(|error| Failure::invalid(format!("{}: {error}", project.display())))?;
    declared::write(project, component, &functions)
}

/// A compiler that there is: the first of the WASI SDK, clang of the system, zig, zig of Python.
fn compiler() -> Option<Command> {
    if let Some(sdk) = env::var_os("WASI_SDK_PATH").map(PathBuf::from) {
        let clang = sdk.join("bin/clang");
        if ask(&clang, &["--version"]).is_some() {
            return Some(Command::new(clang));
        }
    }
    let clang = Path::new("clang");
    if ask(clang, &["--print-targets"]).is_some_and(|targets| targets.contains("wasm32"))
        && ask(Path::new("wasm-ld"), &["--version"]).is_some()
        && ["/usr/include/wasm32-wasi", "/usr/share/wasi-sysroot"].iter().any(|path| Path::new(path).is_dir())
    {
        let mut command = Command::new(clang);
        command.arg("--target=wasm32-wasi");
        if Path::new("/usr/share/wasi-sysroot").is_dir() {
            command.arg("--sysroot=/usr/share/wasi-sysroot");
        }
        return Some(command);
    }
    let zig = [("zig", &[][..]), ("python3", &["-m", "ziglang"])].into_iter();
    zig.map(|(program, before)| (Path::new(program), before))
        .find(|(program, before)| ask(program, &[*before, &["version"]].concat()).is_some())
        .map(|(program, before)| {
            let mut command = Command::new(program);
            command.args(before).args(["cc", "-target", "wasm32-wasi"]);
            command
        })
}
