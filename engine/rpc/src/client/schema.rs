//! Databases and series.

use std::borrow::Cow;

use levada_model::{Path, Series};

use super::{Client, ClientError, Generation};
use crate::messages::{
    CreateAlignedTimeseries, CreateAlignedTimeseriesReq, CreateMultiTimeseries, CreateMultiTimeseriesReq,
    SetStorageGroup,
};

/// Words that are no names for servers but between backquotes; before 0.13 those are not known, and the words are.
const RESERVED: [&str; 3] = ["root", "time", "timestamp"];

impl Generation {
    /// A node of a path as servers read it.
    fn node(self, node: &str) -> Cow<'_, str> {
        let reserved = self >= Self::V0_13 && RESERVED.iter().any(|word| node.eq_ignore_ascii_case(word));
        if reserved { format!("`{node}`").into() } else { node.into() }
    }

    /// A path, or a pattern of paths, in canonical form as servers read it.
    pub(crate) fn path(self, path: &str) -> String {
        let is_reserved = |word: &str| path.get(4..).unwrap_or_default().to_ascii_lowercase().contains(word);
        if !RESERVED.iter().any(|word| is_reserved(word)) {
            return path.to_owned();
        }
        let mut text = String::with_capacity(path.len() + 2);
        for (at, node) in nodes(path).enumerate() {
            match at {
                0 => text.push_str(node),
                _ => {
                    text.push('.');
                    text.push_str(&self.node(node));
                }
            }
        }
        text
    }
}

/// The nodes of a path or a pattern: full stops between backquotes are part of one.
fn nodes(path: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    path.split(move |c| {
        quoted ^= c == '`';
        c == '.' && !quoted
    })
}

impl Client {
    /// Creates a database: before 1.0 a storage group.
    ///
    /// # Errors
    /// The server rejects it, one that exists among the reasons.
    pub async fn create_database(&mut self, database: &Path) -> Result<(), ClientError> {
        let call = SetStorageGroup {
            session_id: self.session_id,
            storage_group: self.server().generation.path(database.as_str()),
        };
        let status = self.connection.call(&call).await?;
        self.check(&status)
    }

    /// Creates series: plain ones of any devices, or aligned ones of one device.
    ///
    /// # Errors
    /// The server rejects one of them, one that exists among the reasons; others may have been created.
    pub async fn create_series(&mut self, series: &[Series]) -> Result<(), ClientError> {
        let Some(first) = series.first() else { return Ok(()) };
        let codes = |code: fn(&Series) -> u8| series.iter().map(|each| i32::from(code(each))).collect();
        let data_types = codes(|each| each.schema.data_type.code());
        let encodings = codes(|each| each.schema.encoding.code());
        let compressors = codes(|each| each.schema.compressor.code());
        let (session_id, generation) = (self.session_id, self.server().generation);
        let status = if first.aligned {
            let req = CreateAlignedTimeseriesReq {
                session_id,
                prefix_path: generation.path(first.device.as_str()),
                measurements: series
                    .iter()
                    .map(|each| generation.node(&each.measurement).into_owned())
                    .collect(),
                data_types,
                encodings,
                compressors,
                ..CreateAlignedTimeseriesReq::default()
            };
            self.connection.call(&CreateAlignedTimeseries { req }).await?
        } else {
            let req = CreateMultiTimeseriesReq {
                session_id,
                paths: series.iter().map(|each| generation.path(each.path().as_str())).collect(),
                data_types,
                encodings,
                compressors,
                ..CreateMultiTimeseriesReq::default()
            };
            self.connection.call(&CreateMultiTimeseries { req }).await?
        };
        self.check(&status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_are_words_of_the_language_stand_between_backquotes() {
        let path = |path: &str| Generation::V1.path(path);
        assert_eq!(path("root.plant.time"), "root.plant.`time`");
        assert_eq!(path("root.Root.`a.time`.*.timestamp"), "root.`Root`.`a.time`.*.`timestamp`");
        assert_eq!(path("root.times.**"), "root.times.**");
        assert_eq!(path("root.plant.d1"), "root.plant.d1");
        assert_eq!(Generation::V0_12.path("root.plant.time"), "root.plant.time");
    }
}
