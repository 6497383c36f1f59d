//! What is stored is not sent to an engine that it may have come from.
//!
//! Rows that are stored do not say by which pipe they came. Sent back, they would replace what was written there since. So
//! to an engine whose pipes have ever sent here, only what is written while the pipe runs is sent, unless the pipe asks for more.

use levada_engine::{Change, ChangeKind, PipeWork};

/// That what is stored is withheld.
#[derive(Debug)]
pub(super) struct Withheld<'w> {
    work: &'w PipeWork,
    told: bool,
}

impl<'w> Withheld<'w> {
    /// What a receiver means for what is stored; `None` where that is sent.
    pub(super) fn of(work: &'w PipeWork, receiver: Option<&str>) -> Option<Self> {
        let asked = work.definition().history_back;
        receiver
            .is_some_and(|receiver| !asked && work.has_received_from(receiver))
            .then_some(Self { work, told: false })
    }

    /// Takes what was stored out of changes; says whether it ends in them. `history` as for [`super::Plan::of`].
    pub(super) fn ends_in(&mut self, changes: &mut Vec<Change>, history: bool) -> bool {
        let end = changes.iter().position(|change| matches!(change.kind, ChangeKind::HistoryEnd));
        let selection = &self.work.definition().selection;
        for change in changes.drain(..end.unwrap_or(changes.len())) {
            if let ChangeKind::Rows { tablets, .. } = change.kind
                && !self.told
                && tablets.into_iter().any(|tablet| selection.of(tablet, history).is_some())
            {
                self.told = true;
                self.work.lost(
                    "what was stored here is not sent: the receiver's own pipe has sent to this server, and what came back \
                     would replace newer values there. The pipe sends what is written from now on. To send what is \
                     stored all the same, make the pipe anew with 'history.enable'='true'"
                        .to_owned(),
                );
            }
        }
        end.is_some()
    }
}
