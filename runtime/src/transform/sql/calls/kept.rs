//! What is saved of calls, and how they go on from it.
//!
//! ```text
//!   FORMAT, whether it is whole, the calls as they are written
//!   then for each device: its path, whether it is aligned, the time of its last row, and for each call
//!     0   it has not begun, or does not save what it remembers
//!     1   the types of its inputs, and what the function saved; of one of windows, with the rows that wait for theirs. Then what has
//!         changed since, if that is kept beside it
//!     2   what has changed since it was last stored: of one of windows the rows that came since
//! ```
//!
//! A call that goes on makes its instance when the next rows come: many devices may be silent for long.

use std::{collections::BTreeSet, mem};

use levada_connector_api::{
    Error, Result,
    model::{DataType, Path, Tablet},
};
use levada_engine::{
    expressions::SeriesCall,
    functions::{QueryError, SeriesFunction},
};
use tracing::warn;

use super::{Calls, Device, MOST_DEVICES};
use crate::transform::{
    functions::giving_up,
    saved::{Put, Take, damaged},
};

/// How the state is written.
const FORMAT: u8 = 2;

/// How it was before changes were written.
const WITHOUT_CHANGES: u8 = 1;

/// Bytes that a call of a device may save; and, apart from them, bytes of rows that may wait for their window ([`super::room`]).
pub(super) const MOST_BYTES: usize = 16 << 20;

/// A call of a device.
#[derive(Debug, Default)]
pub(super) enum Slot {
    /// No row with its inputs has come.
    #[default]
    Idle,
    /// It goes on from what was saved, when rows come.
    Saved {
        types: Vec<DataType>,
        state: Vec<u8>,
        /// What has changed since, in its order.
        changes: Vec<Vec<u8>>,
    },
    Begun(Running),
}

/// A call that has begun.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) function: Box<dyn SeriesFunction>,
    /// Of its inputs.
    pub(super) types: Vec<DataType>,
    /// Of what it gives.
    pub(super) data_type: DataType,
    /// Whether what it saved last was stored, so that a change will do.
    is_stored: bool,
}

impl Slot {
    /// The types of the inputs, once they are known.
    pub(super) fn types(&self) -> Option<&[DataType]> {
        match self {
            Self::Idle => None,
            Self::Saved { types, .. } | Self::Begun(Running { types, .. }) => Some(types),
        }
    }

    /// Begins where nothing is to be gone on from.
    pub(super) fn begun(
        &mut self,
        call: &SeriesCall,
        types: impl FnOnce() -> Vec<DataType>,
    ) -> Result<&mut Running, QueryError> {
        if !matches!(self, Self::Begun(_)) {
            let types = types();
            let (function, data_type) = call.start(&types)?;
            *self = Self::Begun(Running { function, types, data_type, is_stored: false });
        }
        match self {
            Self::Begun(running) => Ok(running),
            _ => unreachable!("it was put there"),
        }
    }

    /// Makes the instance that goes on from what was saved.
    pub(super) fn wake(&mut self, call: &SeriesCall) -> Result<(), QueryError> {
        if let Self::Saved { types, state, changes } = self {
            let (mut function, data_type) = call.start(types)?;
            function.restore_with(state, changes)?;
            *self = Self::Begun(Running { function, types: mem::take(types), data_type, is_stored: true });
        }
        Ok(())
    }

    /// Bytes of the rows that wait in it, or more.
    pub(super) fn waiting_bytes(&self) -> usize {
        match self {
            Self::Idle => 0,
            Self::Saved { state, changes, .. } => state.len() + changes.iter().map(Vec::len).sum::<usize>(),
            Self::Begun(running) => running.function.waiting_bytes(),
        }
    }

    /// Whether what it gives comes behind the rows that it is computed of.
    pub(super) fn holds_rows(&self) -> bool {
        matches!(self, Self::Begun(running) if running.function.holds_rows())
    }

    /// Whether it remembers something that it does not save.
    pub(super) fn is_forgetful(&mut self) -> Result<bool, QueryError> {
        match self {
            Self::Begun(running) => {
                running.is_stored = false;
                Ok(running.function.save()?.is_none())
            }
            _ => Ok(false),
        }
    }

    /// Puts it into a state, whole or as it has changed; false where it remembers something that it does not save.
    fn save(&mut self, whole: bool, put: &mut Put<'_>) -> Result<bool, QueryError> {
        let head = |types: &[DataType], put: &mut Put<'_>| {
            put.byte(1);
            put.number(types.len() as u64);
            types.iter().for_each(|each| put.byte(each.code()));
        };
        match self {
            Self::Idle => put.byte(0),
            Self::Saved { types, state, changes } => {
                head(types, put);
                put.bytes(state);
                put.number(changes.len() as u64);
                changes.iter().for_each(|change| put.bytes(change));
            }
            Self::Begun(running) => {
                if running.is_stored
                    && !whole
                    && let Some(change) = running.function.save_change()?
                {
                    put.byte(2);
                    put.bytes(&change);
                    return Ok(true);
                }
                let Some(state) = running.function.save()? else {
                    put.byte(0);
                    return Ok(false);
                };
                head(&running.types, put);
                put.bytes(&state);
                put.number(0);
                running.is_stored = true;
            }
        }
        Ok(true)
    }

    /// Takes what [`Slot::save`] put; `before` is what was restored of it before.
    fn restored(
        call: &SeriesCall,
        before: Option<Self>,
        has_changes: bool,
        take: &mut Take<'_>,
    ) -> Result<Self> {
        match (take.byte()?, before) {
            (0, _) => Ok(Self::Idle),
            (2, Some(Self::Saved { types, state, mut changes })) if has_changes => {
                changes.push(take.bytes()?.to_vec());
                Ok(Self::Saved { types, state, changes })
            }
            (1, _) => {
                let of_code = |code| DataType::from_code(code).ok_or_else(damaged);
                let types = (0..take.count()?).map(|_| of_code(take.byte()?)).collect::<Result<Vec<_>>>()?;
                if types.len() != call.inputs().columns.len() {
                    return Err(damaged());
                }
                let state = take.bytes()?.to_vec();
                let count = if has_changes { take.count()? } else { 0 };
                let changes = (0..count).map(|_| Ok(take.bytes()?.to_vec())).collect::<Result<_>>()?;
                Ok(Self::Saved { types, state, changes })
            }
            _ => Err(damaged()),
        }
    }
}

impl Calls {
    /// Appends what the functions remember: of all devices, or of those that had rows since the last time.
    ///
    /// # Errors
    /// A function failed, or saves too much.
    pub(in crate::transform::sql) fn save(&mut self, whole: bool, state: &mut Vec<u8>) -> Result<()> {
        let mut put = Put(state);
        put.byte(FORMAT);
        put.byte(u8::from(whole));
        put.number(self.calls.len() as u64);
        self.calls.iter().for_each(|(call, _)| put.text(&call.text()));
        let mut forgetful = BTreeSet::new();
        for (path, device) in &mut self.devices {
            if !mem::take(&mut device.changed) && !whole {
                continue;
            }
            put.text(&path.shared());
            put.byte(u8::from(device.aligned));
            put.byte(u8::from(device.last.is_some()));
            put.signed(device.last.unwrap_or_default());
            for ((call, _), slot) in self.calls.iter().zip(&mut device.slots) {
                let before = put.0.len() + slot.waiting_bytes();
                if !slot.save(whole, &mut put).map_err(|error| Error::data(format!("{path}: {error}")))? {
                    forgetful.insert(call.function());
                }
                if put.0.len().saturating_sub(before) > MOST_BYTES {
                    let message = format!(
                        "{path}: function {}: save: it gave more than the {MOST_BYTES} bytes that may be stored of it",
                        call.function()
                    );
                    return Err(Error::data(message));
                }
            }
        }
        if !forgetful.is_empty() && !mem::replace(&mut self.told, true) {
            let functions = forgetful.into_iter().collect::<Vec<_>>().join(", ");
            warn!(
                node = %self.node, %functions,
                "these do not save what they remember: after a restart they begin anew, with the rows that come then"
            );
        }
        Ok(())
    }

    /// Takes what [`Calls::save`] gave.
    ///
    /// # Errors
    /// It was saved for other calls, or is damaged.
    pub(in crate::transform::sql) fn restore(&mut self, state: &[u8]) -> Result<()> {
        let mut state = Take::new(state);
        let has_changes = match state.byte()? {
            FORMAT => true,
            WITHOUT_CHANGES => false,
            _ => return Err(damaged()),
        };
        let whole = state.byte()? == 1;
        let saved = (0..state.count()?).map(|_| state.text()).collect::<Result<Vec<_>>>()?;
        if saved.len() != self.calls.len()
            || self.calls.iter().zip(&saved).any(|((call, _), saved)| call.text() != *saved)
        {
            return Err(self.other_calls(&saved.join(", ")));
        }
        if whole {
            self.devices.clear();
        }
        while !state.is_empty() {
            let path = Path::parse(state.text()?).map_err(|_| damaged())?;
            let before = self.devices.remove(&path);
            let device = self.restored(before, has_changes, &mut state)?;
            self.devices.insert(path, device);
            if self.devices.len() > MOST_DEVICES {
                return Err(damaged());
            }
        }
        Ok(())
    }

    fn restored(&self, before: Option<Device>, has_changes: bool, state: &mut Take<'_>) -> Result<Device> {
        let aligned = state.byte()? == 1;
        let (is_known, last) = (state.byte()? == 1, state.signed()?);
        let mut before = before.into_iter().flat_map(|device| device.slots);
        let slot = |(call, _): &(SeriesCall, _)| Slot::restored(call, before.next(), has_changes, state);
        let slots = self.calls.iter().map(slot).collect::<Result<_>>()?;
        Ok(Device { last: is_known.then_some(last), aligned, changed: false, slots })
    }

    /// What was saved does not belong to these calls.
    pub(in crate::transform::sql) fn other_calls(&self, saved: &str) -> Error {
        other_calls(&self.node, saved)
    }
}

/// What was saved belongs to calls that the query does not have.
pub(in crate::transform::sql) fn other_calls(node: &str, saved: &str) -> Error {
    Error::config(format!(
        "what functions remember was saved of other calls, `{saved}`: set them back, or begin without it, with {}",
        giving_up(node)
    ))
}

/// A function cannot take what it saved.
pub(super) fn cannot_go_on(node: &str, tablet: &Tablet, call: &SeriesCall, error: &QueryError) -> Error {
    Error::config(format!(
        "{}: {error}; `{}` cannot go on from what was saved: put the module back that saved it, or begin without it, with {}",
        tablet.device(),
        call.text(),
        giving_up(node)
    ))
}
