//! Who this process is in its consumer group, from one start to the next.

use std::{
    collections::hash_map::RandomState,
    fs::{self, OpenOptions},
    hash::BuildHasher,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use levada_connector_api::{Error, Result};

use super::Setup;

/// The member of the group that this folder's process is.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: Arc<str>,
    /// It was one before this start.
    pub(super) before: bool,
}

impl Member {
    /// Of the pipeline's state folder.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub(super) fn of(setup: &Setup) -> Result<Self> {
        let before = known(&setup.state_dir, &setup.pipeline, &setup.node)?.is_some();
        Ok(Self { id: id(&setup.state_dir, &setup.pipeline, &setup.node)?.into(), before })
    }
}

/// The id of this folder's member; `None` before the first start.
///
/// # Errors
/// The file cannot be read.
pub(super) fn known(folder: &Path, pipeline: &str, node: &str) -> Result<Option<String>> {
    let path = folder.join(format!("{}.kafka-member", name_of(pipeline, node)));
    match fs::read_to_string(&path) {
        Ok(id) => Ok(Some(id.trim().to_owned()).filter(|id| !id.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot_keep(&path)(error)),
    }
}

/// The id of this folder's member, made at the first start.
pub(super) fn id(folder: &Path, pipeline: &str, node: &str) -> Result<String> {
    if let Some(id) = known(folder, pipeline, node)? {
        return Ok(id);
    }
    let name = name_of(pipeline, node);
    let path = folder.join(format!("{name}.kafka-member"));
    let failed = cannot_keep(&path);
    fs::create_dir_all(folder).map_err(&failed)?;
    // The standard library's hash keys are random: two ids never meet, also where two folders are made at once.
    let id = format!("levada-{name}-{:016x}", RandomState::new().hash_one(std::process::id()));
    let fresh = folder.join(format!("{name}.kafka-member.new"));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).open(&fresh).map_err(&failed)?;
    file.write_all(id.as_bytes()).and_then(|()| file.sync_all()).map_err(&failed)?;
    fs::rename(&fresh, &path).map_err(&failed)?;
    Ok(id)
}

/// What a file is named by.
fn name_of(pipeline: &str, node: &str) -> String {
    let name = format!("{pipeline}-{node}");
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn cannot_keep(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |error| Error::io(format!("cannot keep the group member's id in {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_and_no_two_folders_have_the_same() {
        let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let first = id(&one.path().join("new"), "p/1", "kafka").expect("an id");
        assert_eq!(id(&one.path().join("new"), "p/1", "kafka").expect("the same id"), first);
        assert_eq!(known(other.path(), "p/1", "kafka").expect("no file is none"), None);
        assert_ne!(id(other.path(), "p/1", "kafka").expect("an id"), first);
    }
}
