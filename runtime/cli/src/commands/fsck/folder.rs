//! A data folder.

use std::{fs, path::Path};

use anyhow::Context;
use levada_engine::{Engine, EngineOptions, Finding, StorageOptions, check, repair};

use super::{Found, Outcome};
use crate::exit::Failure;

pub(super) fn run(dir: &Path, fix: bool) -> anyhow::Result<Outcome> {
    if !dir.join("wal").is_dir() && !dir.join("data").is_dir() {
        let message = format!("{} is no data folder: it has neither `wal` nor `data` in it", dir.display());
        return Err(Failure::invalid(message).into());
    }
    let options = StorageOptions::new(dir);
    let mut findings = check(&options)?;
    let mut clean = findings.is_empty();
    if fix && !clean {
        let mut done = repair(&options)?;
        // The store reads around damage in its log; what it read becomes files, and the log begins anew.
        let left = check(&options)?;
        if !left.is_empty() {
            done.extend(keep_log(dir, &left)?);
            reopen(dir)?;
        }
        done.retain(|finding| !findings.contains(finding));
        findings.extend(done);
        clean = check(&options)?.is_empty();
    }
    let lost = dir.join("lost");
    let findings = findings
        .into_iter()
        .map(|Finding { path, offset, what }| Found { file: path, offset, what })
        .collect();
    Ok(Outcome { path: dir.to_owned(), findings, clean, lost: (fix && lost.is_dir()).then_some(lost) })
}

/// Copies the damaged files of the log into the folder `lost`.
fn keep_log(dir: &Path, left: &[Finding]) -> anyhow::Result<Vec<Finding>> {
    let (logs, lost) = (dir.join("wal"), dir.join("lost"));
    let mut done: Vec<Finding> = Vec::new();
    for Finding { path, .. } in left.iter().filter(|finding| finding.path.starts_with(&logs)) {
        let Some(name) = path.file_name().filter(|_| done.iter().all(|finding| finding.path != *path)) else {
            continue;
        };
        let to = lost.join(format!("wal-{}", name.to_string_lossy()));
        fs::create_dir_all(&lost).with_context(|| format!("cannot create {}", lost.display()))?;
        fs::copy(path, &to).with_context(|| format!("cannot copy {} to {}", path.display(), to.display()))?;
        let what =
            format!("its readable records are kept in sealed files; as it was, it is {}", to.display());
        done.push(Finding { path: path.clone(), offset: None, what });
    }
    Ok(done)
}

/// Opens the folder and writes all that its log holds into sealed files.
fn reopen(dir: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let engine = Engine::open(EngineOptions::new(dir))?;
    runtime.block_on(async {
        let session = engine.session(None)?;
        levada_model::Session::execute(&session, "flush").await?;
        engine.close().await?;
        Ok(())
    })
}
