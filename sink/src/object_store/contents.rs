//! From a batch to the objects that it becomes: one for each path.

use std::path::PathBuf;

use bytes::Bytes;
use levada_connector_api::{Batch, EncoderFactory, Error, Rejection, Result};

use crate::{
    file::{FileFormat, divide, in_memory},
    template::Template,
};

/// How objects are made.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) names: Template,
    pub(super) encoder: EncoderFactory,
    /// The format of columns that is made of what the encoder puts; `None` where that are lines.
    pub(super) columns: Option<FileFormat>,
}

/// An object without its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) path: String,
    pub(super) bytes: Bytes,
}

/// What a batch becomes.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) objects: Vec<Object>,
    pub(super) rejected: Vec<Rejection>,
}

impl Form {
    /// Makes the objects of a batch, always the same of the same rows. Takes as long as encoding takes.
    ///
    /// # Errors
    /// The encoder has somebody to ask, who is away.
    pub(super) fn contents(&self, batch: &Batch) -> Result<Contents> {
        let (shares, mut rejected) = divide(batch, &self.names)?;
        let mut objects = Vec::with_capacity(shares.len());
        for (path, share) in shares {
            // An encoder of its own: what an object holds does not depend on those before.
            let mut encoder = self.encoder.make();
            encoder.meet(&share.batch)?;
            let mut bytes = Vec::new();
            encoder.put_header(&mut bytes);
            let header = bytes.len();
            let of_share = encoder.put_rows(&share.batch, &mut bytes);
            rejected.extend(of_share.into_iter().map(|each| share.original(each)));
            if bytes.len() == header {
                continue;
            }
            let bytes = match self.columns {
                Some(format) => in_memory(format, &bytes)?,
                None => bytes,
            };
            objects.push(Object { path: text(path)?, bytes: bytes.into() });
        }
        Ok(Contents { objects, rejected })
    }
}

fn text(path: PathBuf) -> Result<String> {
    path.into_os_string().into_string().map_err(|_| Error::bug("a path that was made of texts is none"))
}

/// The name of an object: which log, and the number of the batch, stand in front of the end.
pub(super) fn name_of(path: &str, identity: &str, number: u64) -> String {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let slash = if folder.is_empty() { "" } else { "/" };
    let (stem, end) = match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    };
    format!("{folder}{slash}{stem}-{identity}-{number:09}{end}")
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn the_number_stands_in_front_of_the_end() {
        for (path, name) in [
            ("rows.csv", "rows-a-000000007.csv"),
            ("root.d1/2024-05-01.parquet", "root.d1/2024-05-01-a-000000007.parquet"),
            ("x.y/rows", "x.y/rows-a-000000007"),
            (".rows", ".rows-a-000000007"),
        ] {
            assert_eq!(name_of(path, "a", 7), name);
        }
    }
}
