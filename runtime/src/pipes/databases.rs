//! In which databases the rows lie that a pipe sends.

use std::collections::BTreeSet;

use levada_engine::PipeWork;
use levada_model::Path;

use super::plan::Step;

/// The databases that rows were looked up in.
#[derive(Debug, Default)]
pub(super) struct Databases(BTreeSet<Path>);

impl Databases {
    /// The databases of the rows of a step, each once; none for another step, or where a database is gone already.
    pub(super) fn of(&mut self, step: &Step, work: &PipeWork) -> Vec<Path> {
        let tablets = match step {
            Step::Rows(tablets) => tablets,
            Step::Chunks(database, ..) => return vec![database.clone()],
            _ => return Vec::new(),
        };
        let mut found: Vec<Path> = Vec::new();
        let mut looked = false;
        for tablet in tablets {
            let device = tablet.device();
            if found.iter().any(|database| database.is_prefix_of(device)) {
                continue;
            }
            let mut database = self.known(device);
            if database.is_none() && !looked {
                // They were made since, and are asked for once.
                looked = true;
                self.0 = work.databases().into_iter().collect();
                database = self.known(device);
            }
            found.extend(database);
        }
        found
    }

    fn known(&self, device: &Path) -> Option<Path> {
        let mut at = device.clone();
        loop {
            if self.0.contains(&at) {
                return Some(at);
            }
            at = at.parent()?;
        }
    }
}
