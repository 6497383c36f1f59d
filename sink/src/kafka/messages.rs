//! The messages of a batch.
//!
//! ```text
//!   bytes     {"time":1,…}\n{"time":2,…}\n{"time":1,…}\n      lines of all rows, as the encoder puts them
//!   ends                  ▲              ▲             ▲     where each row ends
//!   messages  0..1          1..2           2..3              rows, by their number in the batch
//! ```

use std::{collections::BTreeMap, ops::Range};

use levada_connector_api::{Batch, Encoder, Rejection};

use super::{
    address::{Address, Addresses},
    options::MessageOf,
};

/// A batch as messages.
#[derive(Debug, Default)]
pub(super) struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    addresses: Vec<Address>,
    messages: Vec<Message>,
    /// Why rows are rejected, by their number.
    rejected: BTreeMap<usize, String>,
    /// How many rows each of the readings has.
    rows: Vec<usize>,
    /// Whether rows are lines, whose last end is not sent.
    lines: bool,
}

/// What a message is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) of: MessageOf,
    /// Its bytes at most.
    pub(super) most: usize,
    /// Whether it is made of lines.
    pub(super) lines: bool,
}

#[derive(Debug)]
struct Message {
    /// Rows, by their number in the batch.
    rows: Range<usize>,
    address: usize,
}

impl Messages {
    /// The messages of a batch that the encoder has met, none longer than `most` bytes but those of one row.
    pub(super) fn of(
        batch: &Batch,
        encoder: &dyn Encoder,
        addresses: &Addresses,
        Form { of, most, lines }: Form,
    ) -> Self {
        let rows = batch.readings.iter().map(|each| each.tablet.rows()).collect();
        let mut all = Self { rows, lines, ..Self::default() };
        let rejected = encoder.put_apart(batch, &mut all.bytes, &mut all.ends);
        for Rejection { readings, rows, error } in rejected {
            let first: usize = all.rows.iter().take(readings).sum();
            let count = all.rows.get(readings).copied().unwrap_or_default();
            let rows = rows.unwrap_or_else(|| (0u32..).take(count).collect());
            all.rejected.extend(rows.into_iter().map(|row| (first + row as usize, error.clone())));
        }
        let mut number = 0;
        for readings in &batch.readings {
            let device = readings.tablet.device().as_str();
            let mut span = None;
            for &time in readings.tablet.times().values() {
                let this = addresses.span().map_or(0, |span| time.div_euclid(span));
                if !matches!(&span, Some((known, _)) if *known == this) {
                    span = Some((this, all.address(addresses.of(device, time))));
                }
                match &span {
                    Some((_, Ok(address))) => all.row(number, *address, of, most),
                    Some((_, Err(error))) => {
                        all.rejected.entry(number).or_insert_with(|| error.clone());
                    }
                    None => {}
                }
                number += 1;
            }
        }
        all
    }

    fn address(&mut self, address: Result<Address, String>) -> Result<usize, String> {
        let address = address?;
        if self.addresses.last() != Some(&address) {
            self.addresses.push(address);
        }
        Ok(self.addresses.len() - 1)
    }

    /// Puts a row into the last message, or into one of its own. A row that says nothing is in none. What is between two rows of
    /// a message is sent with them: one that was rejected parts them.
    fn row(&mut self, number: usize, address: usize, of: MessageOf, most: usize) {
        let length = self.range(number..number + 1).len();
        if length == 0 {
            return;
        }
        if of == MessageOf::Rows
            && let Some(last) = self.messages.last()
            && last.address == address
            && self.range(last.rows.end..number).is_empty()
        {
            let beside = self.addresses.get(address).map_or(0, Address::bytes);
            if self.range(last.rows.start..number + 1).len() + beside <= most {
                if let Some(last) = self.messages.last_mut() {
                    last.rows.end = number + 1;
                }
                return;
            }
        }
        self.messages.push(Message { rows: number..number + 1, address });
    }

    /// Where rows are, with the ends of their lines.
    fn range(&self, rows: Range<usize>) -> Range<usize> {
        let end_of = |row: Option<usize>| row.and_then(|row| self.ends.get(row)).copied().unwrap_or_default();
        end_of(rows.start.checked_sub(1))..end_of(rows.end.checked_sub(1))
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// A message's address and value; its last line has no end.
    pub(super) fn get(&self, index: usize) -> Option<(&Address, &[u8])> {
        let message = self.messages.get(index)?;
        let value = self.bytes.get(self.range(message.rows.clone()))?;
        let line = if self.lines { value.strip_suffix(b"\n") } else { None };
        Some((self.addresses.get(message.address)?, line.unwrap_or(value)))
    }

    /// Rejects the rows of a message.
    pub(super) fn reject(&mut self, index: usize, error: &str) {
        if let Some(message) = self.messages.get(index) {
            self.rejected.extend(message.rows.clone().map(|row| (row, error.to_owned())));
        }
    }

    /// The rows that were rejected.
    pub(super) fn rejections(&self) -> Vec<Rejection> {
        let mut rejections: Vec<Rejection> = Vec::new();
        let (mut readings, mut first) = (0, 0);
        for (&number, error) in &self.rejected {
            while let Some(count) = self.rows.get(readings)
                && first + count <= number
            {
                first += count;
                readings += 1;
            }
            let row = u32::try_from(number - first).unwrap_or(u32::MAX);
            match rejections.last_mut() {
                Some(Rejection { readings: of, rows: Some(rows), error: before })
                    if *of == readings && before == error =>
                {
                    rows.push(row);
                }
                _ => rejections.push(Rejection { readings, rows: Some(vec![row]), error: error.clone() }),
            }
        }
        rejections
    }
}
