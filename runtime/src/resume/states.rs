//! Which version of its state a transform begins with.
//!
//! Whoever keeps what a transform emits (a *keeper*) says at which version it stands, and the smallest counts. The journal knows
//! the keepers by name and by what they write to, from before anything is sent to them. So of one that says nothing it is known
//! what that means:
//!
//! - The journal does not know it: it is new, and gets what is emitted from now on. The others say where that is. Where there is
//!   no other, and something was delivered before, nobody can say which state goes with what is stored: the run is rejected.
//! - The journal knows it, and nothing was delivered to it yet: it stands where it was put there.
//! - The journal knows it, and something was delivered: its data is gone. The run is rejected, as what was held, or what was
//!   emitted and is gone, would be missing without a word.
//!
//! The same goes for a transform of which something is kept and that the pipeline does not have: it was renamed or removed.
//!
//! A transform with state that is behind another, and further on than the smallest version, keeps what it has taken in. So the run
//! goes on at its version, and those that lack what was emitted before it get that [again](StateAt::least), out of the journal.

use std::collections::{BTreeMap, BTreeSet};

use levada_connector_api::{Domain, Error, ErrorKind, Holds, Result, Retry};
use levada_model::Checkpoint;

use super::{Before, StateAt};
use crate::{
    parts::{Keeper, Kept, Parts},
    state::{self, Behind, Found, Member},
};

/// What a keeper says.
enum Says {
    /// It has all that was emitted up to this version.
    Version(u64),
    New,
    Lost,
}

/// Who keeps what a transform emits.
struct Keeping {
    name: String,
    /// What it writes to.
    target: Vec<String>,
    says: Says,
    /// It is a transform with saved state.
    is_state: bool,
}

/// The state that a transform begins with; those behind it are known.
pub(super) fn at(
    parts: &Parts<'_>,
    before: &Before<'_>,
    states: &BTreeMap<usize, StateAt>,
    node: &str,
) -> Result<StateAt> {
    let found = state::look(&state::folder(&parts.state_dir, node))?;
    let keepers = keepers(parts, before, states, &found, node);
    let kept = !keepers.is_empty();
    let delivered = found.behind.as_ref().map_or(0, |behind| behind.delivered);
    let (mut versions, mut new) = (Vec::new(), Vec::new());
    for Keeping { name, says, .. } in &keepers {
        match says {
            Says::Version(version) => versions.push(*version),
            Says::New => new.push(name),
            Says::Lost => return Err(lost(node, name)),
        }
    }
    // Where nothing is kept behind it, it goes on only if what is in front of it does.
    let remembers = |source: usize| before.sources.get(source).is_some_and(|each| each.remembers);
    let asked = match versions.iter().min() {
        Some(least) => *least,
        None if kept && delivered > 0 => return Err(nobody(node, &found)),
        None if !kept && parts.sources_of(node).into_iter().any(remembers) => {
            found.settled.as_ref().map_or(0, |(version, _)| *version)
        }
        None => 0,
    };
    for sink in new.iter().filter(|_| asked > 0) {
        tracing::warn!(
            pipeline = %parts.pipeline.name, %node, %sink, version = asked,
            "this one is new behind the transform: it gets what is emitted from now on"
        );
    }
    let behind = behind(parts, &found, &keepers, asked);
    let last = versions.iter().max().copied().unwrap_or(0).max(found.last);
    let keeps_emitted = keepers.len() > 1 && keepers.iter().any(|keeper| keeper.is_state);
    let state = |(version, positions): (u64, Checkpoint), least, anew, found| StateAt {
        version,
        positions,
        last,
        least,
        anew,
        kept,
        keeps_emitted,
        behind,
        found,
    };
    match found.version(asked).map(|(version, positions)| (version, positions.clone())) {
        Ok(of_asked) => match reached(parts, node, &found, &keepers, of_asked.0) {
            Some(further) => Ok(state(further, asked, false, found)),
            None => Ok(state(of_asked, asked, false, found)),
        },
        // There is nothing that would be given up, or what is read begins anew, too.
        Err(_) if asked == 0 && (found.last == 0 || !kept) => {
            Ok(state((0, Checkpoint::new()), 0, true, found))
        }
        Err(error) => Err(missing(node, &error)),
    }
}

/// The version of the transform behind that is furthest on, where it is behind the one that was asked for and all that was emitted
/// since is kept.
fn reached(
    parts: &Parts<'_>,
    node: &str,
    found: &Found,
    keepers: &[Keeping],
    asked: u64,
) -> Option<(u64, Checkpoint)> {
    let of_states = keepers.iter().filter(|keeper| keeper.is_state);
    let versions = of_states.filter_map(|keeper| match keeper.says {
        Says::Version(version) => Some(version),
        _ => None,
    });
    let furthest = versions.max().filter(|&version| version > asked)?;
    let known = found.version(furthest).ok().filter(|(version, _)| *version > asked);
    let (version, positions) =
        known.filter(|(version, _)| found.keeps_emitted(asked, *version)).or_else(|| {
            tracing::warn!(
                pipeline = %parts.pipeline.name, %node, version = furthest,
                "what was emitted up to this version of the state is not kept: transforms behind this one may take rows in twice"
            );
            None
        })?;
    Some((version, positions.clone()))
}

/// Who keeps what a transform emits.
fn keepers(
    parts: &Parts<'_>,
    before: &Before<'_>,
    states: &BTreeMap<usize, StateAt>,
    found: &Found,
    node: &str,
) -> Vec<Keeping> {
    let split = state::split(node);
    let settled = found.settled.as_ref();
    let mut all = Vec::new();
    for keeper in parts.keepers(node) {
        let (name, target, stored) = match keeper {
            Keeper::State(index) => {
                let (Some(state), Some(node)) = (states.get(&index), parts.pipeline.transforms.get(index))
                else {
                    continue;
                };
                let stored = state.positions.get(&split).copied();
                if stored.is_none() && !state.kept {
                    continue;
                }
                (&node.name, vec!["state".to_owned()], stored)
            }
            Keeper::Sink(index) => {
                let (Some(sink), Some(node)) = (before.sinks.get(index), parts.pipeline.sinks.get(index))
                else {
                    continue;
                };
                if !sink.lasting {
                    continue;
                }
                let target = parts.target(&node.name);
                let noted = settled
                    .filter(|(_, sinks)| sinks.get(&node.name) == Some(&target))
                    .map(|(version, _)| *version);
                let stored = sink.stored.as_ref().map_or(noted, |stored| stored.get(&split).copied());
                (&node.name, target, stored)
            }
        };
        let says = says(found.behind.as_ref(), name, &target, stored.filter(|&version| version > 0));
        let is_state = matches!(keeper, Keeper::State(_));
        all.push(Keeping { name: name.clone(), target, says, is_state });
    }
    all
}

fn says(behind: Option<&Behind>, name: &str, target: &[String], stored: Option<u64>) -> Says {
    // Of a time before keepers were noted: what is not there was never delivered, as far as is known.
    let Some(behind) = behind else { return Says::Version(stored.unwrap_or(0)) };
    match (stored, behind.members.get(name).filter(|member| member.target == target)) {
        (Some(version), _) => Says::Version(version),
        (None, None) => Says::New,
        (None, Some(member)) if behind.delivered > member.since => Says::Lost,
        (None, Some(member)) => Says::Version(member.since),
    }
}

/// Who is behind from now on: those that are new since this version.
fn behind(parts: &Parts<'_>, found: &Found, keepers: &[Keeping], version: u64) -> Behind {
    let known = found.behind.clone().unwrap_or_default();
    let member = |Keeping { name, target, says, .. }: &Keeping| {
        let since = match says {
            Says::New => version,
            _ => known.members.get(name).map_or(0, |member| member.since),
        };
        (name.clone(), Member { target: target.clone(), since })
    };
    let members = keepers.iter().map(member).collect();
    Behind { pipeline: parts.pipeline.name.clone(), members, delivered: known.delivered }
}

/// The transforms of which something is kept, in the state folder or as marks in sinks, and that the pipeline does not have.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn ownerless(parts: &Parts<'_>, sinks: &[Kept]) -> Result<BTreeSet<String>> {
    let mut nodes: BTreeSet<_> = state::kept(&parts.state_dir, &parts.pipeline.name)?.into_iter().collect();
    for (split, _) in
        sinks.iter().filter_map(|sink| sink.stored.as_ref()).flatten().filter(|(_, at)| **at > 0)
    {
        nodes.extend(state::node_of(split).map(str::to_owned));
    }
    let pipeline = parts.pipeline;
    for (index, node) in pipeline.transforms.iter().enumerate() {
        if parts.holds(index) == Holds::State {
            nodes.remove(&node.name);
        }
    }
    // A file may have such a name.
    nodes.retain(|node| pipeline.sources.iter().all(|source| source.name != *node));
    Ok(nodes)
}

/// The error for one of them.
pub(super) fn strange(parts: &Parts<'_>, node: &str) -> Error {
    rejected(format!(
        "something is kept of `{node}` (in {}, or with the rows of a sink), and the pipeline has no such transform with saved \
         state: what it held would be lost. If it was renamed, give it its name back; otherwise give up what it held, with \
         `levada offsets FILE --reset {node}/state=0`",
        state::folder(&parts.state_dir, node).display()
    ))
}

fn lost(node: &str, keeper: &str) -> Error {
    rejected(format!(
        "`{keeper}` has nothing of what was emitted here before, though it was delivered: its data is gone. Bring the data back; \
         or read again, with `levada offsets FILE --reset earliest`; or give up what is held here and go on, with \
         `levada offsets FILE --reset {node}/state=0`"
    ))
}

fn nobody(node: &str, found: &Found) -> Error {
    let known: Vec<_> = found
        .behind
        .iter()
        .flat_map(|behind| behind.members.keys())
        .map(|name| format!("`{name}`"))
        .collect();
    rejected(format!(
        "what was emitted here before was delivered to {}, and none that is behind it now has it: which state goes with what is \
         stored cannot be known. Name the sinks again as they were; or read again, with `levada offsets FILE --reset earliest`; or \
         give up what is held here and go on, with `levada offsets FILE --reset {node}/state=0`",
        known.join(", ")
    ))
}

fn missing(node: &str, why: &str) -> Error {
    rejected(format!(
        "{why}; put the folder back, or begin without what was held: at a point, with `levada offsets FILE --reset POINT`, or where \
         the sources are, with `levada offsets FILE --reset {node}/state=0`"
    ))
}

fn rejected(message: String) -> Error {
    Error::new(ErrorKind::NotFound, Domain::User, Retry::Never, message)
}
