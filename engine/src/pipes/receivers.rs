//! Pipes of others that end here.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

/// A pipe of another engine that sends to this one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    /// When the pipe was made, in milliseconds since 1970 UTC; where that is not said, when the first of its connections was.
    pub created: Option<i64>,
    /// Its name.
    pub pipe: String,
    /// From where it sends.
    pub address: IpAddr,
    /// What the engine that sends is known by, where it says so.
    pub engine: Option<String>,
}

/// The pipes of others that are connected, with the databases that they send: how many connections there are of each.
#[derive(Debug, Default)]
pub(crate) struct Receivers(Mutex<BTreeMap<(Sender, String), usize>>);

/// That a pipe of another engine sends a database; dropped with its connection.
#[derive(Debug)]
pub struct Received {
    receivers: Arc<Receivers>,
    key: (Sender, String),
}

impl Receivers {
    /// A connection of a pipe that sends a database; an empty one is not known yet.
    pub(crate) fn begin(self: &Arc<Self>, mut sender: Sender, database: String, now: i64) -> Received {
        let mut all = self.0.lock();
        if sender.created.is_none() {
            let same = |(each, _): &&(Sender, String)| Sender { created: None, ..each.clone() } == sender;
            sender.created = all.keys().find(same).map_or(Some(now), |(each, _)| each.created);
        }
        let key = (sender, database);
        *all.entry(key.clone()).or_default() += 1;
        drop(all);
        Received { receivers: Arc::clone(self), key }
    }

    /// All pipes that are connected, each with one of its databases.
    pub(super) fn all(&self) -> Vec<(Sender, String)> {
        let all = self.0.lock();
        // One that has named a database needs no row without.
        let named =
            |sender: &Sender| all.keys().any(|(each, database)| each == sender && !database.is_empty());
        all.keys().filter(|(sender, database)| !database.is_empty() || !named(sender)).cloned().collect()
    }
}

impl Received {
    /// Whether it is of a pipe and a database.
    pub fn is_of(&self, sender: &Sender, database: &str) -> bool {
        self.key.0 == *sender && self.key.1 == database
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let mut all = self.receivers.0.lock();
        if let Some(count) = all.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.key);
            }
        }
    }
}
