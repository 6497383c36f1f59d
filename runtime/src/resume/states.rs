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
//! A transform with state that is behind another, and further on than the smallest version, keeps what it has taken in. So the
//! versions that it and those behind it stand at are [made again](StateAt::ahead), of the same input.

use std::collections::{BTreeMap, BTreeSet};

use levada_connector_api::{Domain, Error, ErrorKind, Holds, Result, Retry};
use levada_model::Checkpoint;

use super::{Before, StateAt};
use crate::{
    parts::{Keeper, Kept, Parts},
    state::{self, Behind, Found, Member, StoodFor},
};

/// What a keeper says.
enum Says {
    /// It has all that was emitted up to this version.
    Version(u64),
    New,
    Lost,
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
    for (name, target, says) in &keepers {
        match says {
            Says::Version(version) => versions.push(*version),
            Says::New => new.push((name, target)),
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
    for (sink, _) in new.iter().filter(|_| asked > 0) {
        tracing::warn!(
            pipeline = %parts.pipeline.name, %node, %sink, version = asked,
            "this one is new behind the transform: it gets what is emitted from now on"
        );
    }
    let behind = behind(parts, &found, &keepers, asked);
    let last = versions.iter().max().copied().unwrap_or(0).max(found.last);
    match found.version(asked) {
        Ok((version, positions)) => {
            let positions = positions.clone();
            let ahead = ahead(parts, states, &found, node, (version, &positions));
            Ok(StateAt { version, positions, last, ahead, anew: false, kept, behind, found })
        }
        // There is nothing that would be given up, or what is read begins anew, too.
        Err(_) if asked == 0 && (found.last == 0 || !kept) => {
            let (positions, ahead) = (Checkpoint::new(), Vec::new());
            Ok(StateAt { version: 0, positions, last, ahead, anew: true, kept, behind, found })
        }
        Err(error) => Err(missing(node, &error)),
    }
}

/// The versions beyond the one that a transform begins with that those behind it stand at, or are to make again; none where they
/// cannot be made one after the other.
fn ahead(
    parts: &Parts<'_>,
    states: &BTreeMap<usize, StateAt>,
    found: &Found,
    node: &str,
    (version, positions): (u64, &Checkpoint),
) -> Vec<(u64, StoodFor)> {
    let split = state::split(node);
    let mut wanted = BTreeSet::new();
    for keeper in parts.keepers(node) {
        if let Keeper::State(index) = keeper
            && let Some(state) = states.get(&index)
        {
            let ahead = state.ahead.iter().map(|(_, stood_for)| &stood_for.positions);
            let stands = ahead.chain([&state.positions]);
            wanted.extend(stands.filter_map(|positions| positions.get(&split)));
        }
    }
    let mut ahead: Vec<(u64, StoodFor)> = Vec::new();
    for &wanted in wanted.range(version + 1..) {
        let Some(stood_for) = found.stood_for(wanted) else { return Vec::new() };
        // Each has all that the one before it has. Otherwise what one of them lacks would be left out there.
        let (before, ended) =
            ahead.last().map_or((positions, false), |(_, last)| (&last.positions, last.ended));
        let goes_on = |(split, position): (_, &u64)| {
            stood_for.positions.get(split).is_some_and(|upto| upto >= position)
        };
        if ended || !before.iter().all(goes_on) {
            return Vec::new();
        }
        ahead.push((wanted, stood_for));
    }
    ahead
}

/// Who keeps what a transform emits, what it writes to, and what it says.
fn keepers(
    parts: &Parts<'_>,
    before: &Before<'_>,
    states: &BTreeMap<usize, StateAt>,
    found: &Found,
    node: &str,
) -> Vec<(String, Vec<String>, Says)> {
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
        all.push((name.clone(), target, says));
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
fn behind(parts: &Parts<'_>, found: &Found, keepers: &[(String, Vec<String>, Says)], version: u64) -> Behind {
    let known = found.behind.clone().unwrap_or_default();
    let member = |(name, target, says): &(String, Vec<String>, Says)| {
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
