//! What a query is divided into.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use arrow_array::{Array, cast::AsArray, types::Int64Type};
use futures::TryStreamExt;
use levada_connector_api::{
    Error, Result,
    model::{Checkpoint, Path, Session, SessionError, SplitName},
};
use levada_sql::path_sql;

use super::{
    options::MOST_PARTS,
    part::{Origin, Part, Progress},
    query::Order,
};

/// How a query is divided.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// The node's name.
    pub(super) node: &'a str,
    pub(super) origin: Origin,
    /// Where splits go on.
    pub(super) known: &'a Checkpoint,
    /// Rows of this time and later are left for another time.
    pub(super) until: i64,
    /// Whether it is asked again and again: then what is no plain query is computed anew each time.
    pub(super) follows: bool,
    /// How wide slices of time are, in milliseconds.
    pub(super) slice: Option<i64>,
}

impl Plan<'_> {
    /// The parts, in the order in which they are to be begun.
    ///
    /// # Errors
    /// The store cannot say which devices there are.
    pub(super) async fn parts(&self) -> Result<Vec<Part>> {
        let query = &self.origin.query;
        let plain = query.is_plain();
        let again = self.follows && !plain;
        if again || query.order() == Order::Other {
            return Ok(vec![self.part("", Progress::Moment(self.origin.moment))]);
        }
        let devices = if query.divides() { self.devices().await? } else { None };
        let Some(devices) = devices else {
            return Ok(vec![match (query.by_device(), plain) {
                (false, true) => self.part("", Progress::Rows).within(i64::MIN..self.until),
                (false, false) => self.part("", Progress::Rows),
                (true, true) => self.part("", Progress::End).within(i64::MIN..self.until),
                (true, false) => self.part("", Progress::Moment(self.origin.moment)),
            }]);
        };
        let mut parts = Vec::new();
        for device in devices {
            let name = format!("/{device}");
            match self.slice.filter(|_| plain) {
                None => {
                    let part = self.part(&name, Progress::Rows).of(device);
                    parts.push(if plain { part.within(i64::MIN..self.until) } else { part });
                }
                Some(width) => {
                    for times in self.slices(&device, width, MOST_PARTS - parts.len()).await? {
                        let part = self.part(&format!("{name}@{}", times.start), Progress::Rows);
                        parts.push(part.of(device.clone()).within(times.start..times.end.min(self.until)));
                    }
                }
            }
        }
        Ok(parts)
    }

    fn part(&self, name: &str, progress: Progress) -> Part {
        let identity = self.origin.query.identity(&self.origin.place.to_string());
        let split = SplitName::new(format!("{}/{identity:016x}{name}", self.node));
        let position = self.known.get(&split).copied().unwrap_or(0);
        Part::new(self.origin.clone(), split, progress, position)
    }

    /// The devices of `from`; `None` where there are more than is good for so many queries.
    async fn devices(&self) -> Result<Option<BTreeSet<Path>>> {
        let place = &self.origin.place;
        let session = place.session().await?;
        let mut devices = BTreeSet::new();
        for pattern in self.origin.query.devices() {
            match pattern.as_path() {
                Some(device) => {
                    devices.insert(device);
                }
                None => {
                    let found = session.find_devices(pattern).await;
                    let found = found.map_err(|error| place.failed(error).with("devices", pattern))?;
                    devices.extend(found.into_iter().map(|device| device.path));
                }
            }
        }
        Ok((devices.len() <= MOST_PARTS).then_some(devices))
    }

    /// The slices in which a device has rows.
    async fn slices(&self, device: &Path, width: i64, most: usize) -> Result<Vec<Range<i64>>> {
        let place = &self.origin.place;
        let session = place.session().await?;
        let has =
            extent(&session, device).await.map_err(|error| place.failed(error).with("device", device))?;
        let Some(has) = has else { return Ok(Vec::new()) };
        let asked = self.origin.query.times();
        let (first, last) = (has.start.max(asked.start), has.end.min(asked.end).min(self.until));
        if first >= last {
            return Ok(Vec::new());
        }
        let (first, last) = (first.div_euclid(width), (last - 1).div_euclid(width));
        if usize::try_from(last.saturating_sub(first)).unwrap_or(usize::MAX) >= most {
            let message =
                format!("`slice` divides the query into more than {MOST_PARTS} parts: give it a longer time");
            return Err(Error::config(message).with("device", device));
        }
        let slice = |nth: i64| nth.saturating_mul(width)..nth.saturating_add(1).saturating_mul(width);
        Ok((first..=last).map(slice).collect())
    }
}

/// From the first to behind the last row of a device.
async fn extent(session: &Arc<dyn Session>, device: &Path) -> Result<Option<Range<i64>>, SessionError> {
    let statement = format!("select min_time(*), max_time(*) from {}", path_sql(device.as_str()));
    let batches: Vec<_> = session.query(&statement).await?.batches.try_collect().await?;
    let columns = batches.iter().flat_map(|batch| batch.columns());
    let times = columns.filter_map(|column| column.as_primitive_opt::<Int64Type>());
    let times = times.filter(|times| !times.is_empty() && times.is_valid(0)).map(|times| times.value(0));
    let (mut least, mut most) = (i64::MAX, i64::MIN);
    for time in times {
        (least, most) = (least.min(time), most.max(time));
    }
    Ok((least <= most).then(|| least..most.saturating_add(1)))
}
