//! Who this process is in its consumer group, from one start to the next.

use std::{
    collections::hash_map::RandomState,
    fs::{self, OpenOptions},
    hash::BuildHasher,
    io::Write,
    path::Path,
};

use levada_connector_api::{Error, Result};

/// The id of this folder's member, made at the first start.
pub(super) fn id(folder: &Path, pipeline: &str, node: &str) -> Result<String> {
    let name: String = format!("{pipeline}-{node}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let path = folder.join(format!("{name}.kafka-member"));
    let failed = |error| Error::io(format!("cannot keep the group member's id in {}", path.display()), error);
    match fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => return Ok(id.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    fs::create_dir_all(folder).map_err(failed)?;
    // The standard library's hash keys are random: two ids never meet, also where two folders are made at once.
    let id = format!("levada-{name}-{:016x}", RandomState::new().hash_one(std::process::id()));
    let fresh = folder.join(format!("{name}.kafka-member.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&fresh).map_err(failed)?;
    file.write_all(id.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&fresh, &path).map_err(failed)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_and_no_two_folders_have_the_same() {
        let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let first = id(&one.path().join("new"), "p/1", "kafka").expect("an id");
        assert_eq!(id(&one.path().join("new"), "p/1", "kafka").expect("the same id"), first);
        assert_ne!(id(other.path(), "p/1", "kafka").expect("an id"), first);
    }
}
