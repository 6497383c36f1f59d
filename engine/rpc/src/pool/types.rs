//! The types that series have: asked for once for each device that needs it, and remembered.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{Array, RecordBatch, cast::AsArray};
use levada_model::{DataType, Path, ResultColumn, SessionError, Tablet};
use parking_lot::Mutex;

use super::Pool;
use crate::client::{Answer, ClientError, Generation};

/// How many devices are remembered at once.
const MAX_DEVICES: usize = 50_000;

/// The types of a device's series, by measurement.
pub(super) type Types = Arc<HashMap<String, DataType>>;

/// What is known of devices.
#[derive(Debug, Default)]
pub(super) struct KnownTypes(Mutex<HashMap<Path, Types>>);

impl KnownTypes {
    /// What is known of a device.
    pub(super) fn of(&self, device: &Path) -> Option<Types> {
        self.0.lock().get(device).cloned()
    }

    /// Asks anew when it is needed the next time.
    pub(super) fn forget(&self, device: &Path) {
        self.0.lock().remove(device);
    }

    /// Rows were stored. If they are of series that were not there when the device's were asked for, those are asked for anew.
    pub(super) fn stored(&self, tablet: &Tablet) {
        let mut known = self.0.lock();
        let Some(types) = known.get(tablet.device()) else { return };
        if tablet.columns().iter().any(|column| !types.contains_key(&*column.name)) {
            known.remove(tablet.device());
        }
    }

    fn set(&self, device: &Path, types: &Types) {
        let mut known = self.0.lock();
        if known.len() >= MAX_DEVICES {
            known.clear();
        }
        known.insert(device.clone(), Arc::clone(types));
    }
}

impl Pool {
    /// Asks for the types of a device's series, and remembers them.
    ///
    /// # Errors
    /// The server cannot answer.
    pub(super) async fn learn(&self, device: &Path) -> Result<Types, SessionError> {
        let mut lease = self.lease(self.closest(device)).await?;
        // Before 0.13 a path stands for all that begin with it.
        let generation = lease.client().server().generation;
        let below = if generation < Generation::V0_13 { "" } else { ".*" };
        let device_name = generation.path(device.as_str());
        let answer = lease.client().query(&format!("show timeseries {device_name}{below}")).await;
        let mut types = HashMap::new();
        match answer {
            Ok(Answer::Rows(mut cursor)) => {
                while let Some(batch) = lease.client().next_batch(&mut cursor).await? {
                    add(&mut types, device, &cursor.shape().columns, cursor.shape().has_time, &batch);
                }
            }
            Ok(Answer::Done(_)) => {}
            // It may be in trouble, and what it has is not known.
            Err(ClientError::Rejected(error)) if error.code.is_vague() => {
                return Err(SessionError { transient: true, ..error });
            }
            // A server may answer that there is no such path.
            Err(ClientError::Rejected(error)) if !error.transient => {}
            Err(error) => return Err(error.into()),
        }
        let types = Arc::new(types);
        self.0.types.set(device, &types);
        Ok(types)
    }
}

fn add(
    types: &mut HashMap<String, DataType>,
    device: &Path,
    columns: &[ResultColumn],
    has_time: bool,
    batch: &RecordBatch,
) {
    let texts = |name: &str| {
        let index = columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))?;
        batch.columns().get(index + usize::from(has_time))?.as_string_opt::<i32>()
    };
    let (Some(paths), Some(names)) = (texts("timeseries"), texts("datatype")) else { return };
    for row in (0..batch.num_rows()).filter(|row| paths.is_valid(*row) && names.is_valid(*row)) {
        let Ok(path) = Path::parse(paths.value(row)) else { continue };
        let Ok(data_type) = names.value(row).parse() else { continue };
        if let Some((parent, measurement)) = path.split_last()
            && parent == *device
        {
            types.insert(measurement.to_string(), data_type);
        }
    }
}
