//! A data folder.

use std::{fs, path::Path};

use anyhow::Context;
use levada_engine::{Action, Engine, EngineOptions, Finding, Severity, StorageOptions, check, repair};

use super::Outcome;
use crate::exit::Failure;

pub(super) fn run(dir: &Path, fix: bool) -> anyhow::Result<Outcome> {
    // Who may not look into it cannot say what it lacks.
    drop(fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?);
    if !dir.join("wal").is_dir() && !dir.join("data").is_dir() {
        let message = format!("{} is no data folder: it has neither `wal` nor `data` in it", dir.display());
        return Err(Failure::invalid(message).into());
    }
    let options = StorageOptions::new(dir);
    let findings = check(&options)?;
    let mut outcome = Outcome::new(dir, findings.iter().cloned().map(Into::into).collect());
    if fix && !findings.is_empty() {
        let mut done = repair(&options)?;
        // The store reads around damage in its log; what it read becomes files, and the log begins anew.
        let left = check(&options)?;
        if !is_clean(&left) {
            done.extend(keep_log(dir, &left)?);
            reopen(dir)?;
        }
        outcome.done = done.into_iter().map(Into::into).collect();
        outcome.clean = is_clean(&check(&options)?);
        let lost = dir.join("lost");
        outcome.lost = lost.is_dir().then_some(lost);
    }
    Ok(outcome)
}

fn is_clean(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity == Severity::Note)
}

/// Copies the damaged files of the log into the folder `lost`.
fn keep_log(dir: &Path, left: &[Finding]) -> anyhow::Result<Vec<Action>> {
    let (logs, lost) = (dir.join("wal"), dir.join("lost"));
    let mut done: Vec<Action> = Vec::new();
    // One that is gone cannot be kept.
    let is_log = |finding: &&Finding| finding.path.starts_with(&logs) && finding.path.is_file();
    for Finding { path, .. } in left.iter().filter(is_log) {
        let Some(name) = path.file_name().filter(|_| done.iter().all(|done| done.path != *path)) else {
            continue;
        };
        let to = lost.join(format!("wal-{}", name.to_string_lossy()));
        fs::create_dir_all(&lost).with_context(|| format!("cannot create {}", lost.display()))?;
        fs::copy(path, &to).with_context(|| format!("cannot copy {} to {}", path.display(), to.display()))?;
        let what =
            format!("its readable records are kept in sealed files; as it was, it is {}", to.display());
        done.push(Action { path: path.clone(), what });
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
