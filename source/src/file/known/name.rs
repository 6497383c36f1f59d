//! A file's name in the account: as text, or as its bytes where it is none.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in the account.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    #[cfg(unix)]
    Bytes(Vec<u8>),
}

pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    match path.to_str() {
        Some(text) => text.serialize(to),
        #[cfg(unix)]
        None => std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).serialize(to),
        #[cfg(not(unix))]
        None => path.to_string_lossy().serialize(to),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    Ok(match Written::deserialize(from)? {
        Written::Text(text) => OsString::from(text).into(),
        #[cfg(unix)]
        Written::Bytes(bytes) => <OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into(),
    })
}
