//! Records that were read before, made into rows once more: dead letters that are sent again.

use std::sync::Arc;

use levada_model::SplitName;

use crate::{BatchBuilder, BuildContext, DecodeError, Decoder, Envelope, Error, Meta, MetaValue, Result};

/// A record that was read before.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Where it came from.
    pub split: &'a SplitName,
    /// Its position there.
    pub position: u64,
    /// What came with it beside its bytes, where anything did.
    pub envelope: Option<Envelope<'a>>,
}

impl<'a> Earlier<'a> {
    /// What came with it, as a decoder asks for it. Of a message, the split is `NODE/TOPIC/PARTITION`, where the topic may have its id
    /// behind an `@`.
    fn meta(&self, meta: &Meta) -> Option<MetaValue<'a>> {
        let place = || self.split.as_str().split_once('/')?.1.rsplit_once('/');
        match meta {
            Meta::Key => self.envelope?.key.map(MetaValue::Bytes),
            Meta::Timestamp => self.envelope?.time.map(MetaValue::Time),
            Meta::Header(name) => {
                let mut headers = self.envelope?.headers();
                headers.find(|(header, _)| header == name)?.1.map(MetaValue::Bytes)
            }
            Meta::Topic => {
                let topic = place()?.0;
                Some(MetaValue::Bytes(topic.split_once('@').map_or(topic, |(topic, _)| topic).as_bytes()))
            }
            Meta::Partition => place()?.1.parse().ok().map(MetaValue::Integer),
            Meta::Offset => i64::try_from(self.position).ok().map(MetaValue::Integer),
        }
    }
}

/// Makes rows of records that a source read before, without its other side. Called from one task.
pub trait Reread: Send {
    /// Puts the rows of a record into the builder, all or none of them, and beside them what the source adds. The builder has the
    /// record already, with its envelope.
    ///
    /// # Errors
    /// The record is not well formed, or what it takes to read it is gone.
    fn reread(&mut self, record: &Earlier<'_>, rows: &mut BatchBuilder) -> Result<(), DecodeError>;
}

/// A source's decoder, for a source that adds nothing to a record.
struct Plain {
    decoder: Box<dyn Decoder>,
    wanted: Arc<[Meta]>,
}

impl Reread for Plain {
    fn reread(&mut self, record: &Earlier<'_>, rows: &mut BatchBuilder) -> Result<(), DecodeError> {
        if record.envelope.is_some_and(|envelope| !envelope.has_value) {
            return Err(DecodeError::new("the record has no value"));
        }
        for meta in self.wanted.iter() {
            rows.know(record.meta(meta));
        }
        self.decoder.decode(record.bytes, rows)
    }
}

/// The decoder of a source's context alone.
///
/// # Errors
/// The source has no decoder: its rows do not come from records.
pub fn plain_reread(context: &BuildContext) -> Result<Box<dyn Reread>> {
    let decoder = context.decoder.as_ref();
    let decoder = decoder.ok_or_else(|| Error::config("the rows of this source do not come from records"))?;
    Ok(Box::new(Plain { decoder: decoder.make(), wanted: decoder.wanted() }))
}
