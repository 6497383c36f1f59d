//! How nodes are connected.

use std::collections::{HashMap, HashSet};

use levada_connector_api::ComponentKind;

use super::nodes::Draft;
use crate::{code, node::Node, pipeline::input_parts, report::Report, text::At, words};

/// Checks names and inputs. Returns every node, each after its inputs, if there is such an order.
pub(super) fn check(drafts: &[Draft<'_>], root: &Node, report: &mut Report<'_>) -> Option<Vec<String>> {
    check_sections(drafts, root, report);
    check_names(drafts, report);
    check_inputs(drafts, report);
    check_consumers(drafts, report);
    check_order(drafts, report)
}

fn check_sections(drafts: &[Draft<'_>], root: &Node, report: &mut Report<'_>) {
    for (section, kind) in [("sources", ComponentKind::Source), ("sinks", ComponentKind::Sink)] {
        if drafts.iter().any(|draft| draft.kind == kind) {
            continue;
        }
        let entry = root.entry(section);
        // A section that is not a mapping was reported already.
        if entry.is_some_and(|entry| !entry.value.items().is_empty() || entry.value.text().is_some()) {
            continue;
        }
        let at = entry.map_or(root.at, |entry| entry.key_at);
        let help = format!("add one under `{section}`; `levada list` shows what there is");
        report.error(code::NOTHING_TO_DO, section, at, format!("the pipeline has no {section}")).help(help);
    }
}

fn check_names(drafts: &[Draft<'_>], report: &mut Report<'_>) {
    let mut first: HashMap<&str, &Draft<'_>> = HashMap::new();
    for draft in drafts {
        match first.get(draft.name) {
            // A key that occurs twice in one section was reported already.
            Some(known) if known.kind == draft.kind => {}
            Some(known) => {
                let text = report.text;
                let message = format!("two nodes are called `{}`", draft.name);
                let problem = report.error(code::NAME, &draft.path, draft.name_at, message);
                problem.note_at(text, known.name_at, format!("this {} is the other", known.kind.name()));
                problem.help("give each node a name of its own: `inputs` finds it by that");
            }
            None => drop(first.insert(draft.name, draft)),
        }
    }
}

fn check_inputs(drafts: &[Draft<'_>], report: &mut Report<'_>) {
    let give = |draft: &&Draft<'_>| draft.kind != ComponentKind::Sink;
    for draft in drafts.iter().filter(|draft| draft.kind != ComponentKind::Source) {
        let mut seen: HashMap<&str, At> = HashMap::new();
        for (index, (input, at)) in draft.inputs.iter().enumerate() {
            let path = format!("{}.inputs[{index}]", draft.path);
            if let Some(first) = seen.insert(input, *at) {
                let text = report.text;
                let message = format!("`{}` is an input twice", words::shown(input));
                report.error(code::INPUT_TWICE, &path, *at, message).note_at(
                    text,
                    first,
                    "the first stands here",
                );
                continue;
            }
            let (node, output) = input_parts(input);
            let known = |each: &&Draft<'_>| each.name == node;
            if let Some(giver) = drafts.iter().filter(give).find(known) {
                if let Some(output) = output {
                    check_output(giver, output, &path, *at, report);
                }
                continue;
            }
            if let Some(sink) = drafts.iter().find(known) {
                let text = report.text;
                let message = format!("`{node}` is a sink: it gives nothing on");
                let problem = report.error(code::SINK_AS_INPUT, &path, *at, message);
                problem.note_at(text, sink.name_at, "it is declared here");
                problem.help(format!("name what `{node}` reads instead"));
                continue;
            }
            // A node is not proposed as its own input.
            let names = drafts.iter().filter(give).map(|each| each.name).filter(|name| *name != draft.name);
            let help = words::suggest(node, names.collect::<Vec<_>>());
            let message = format!("there is no source or transform `{}`", words::shown(node));
            report.error(code::UNKNOWN_INPUT, &path, *at, message).maybe_help(help);
        }
    }
}

/// Whether a node has an output that is read.
fn check_output(giver: &Draft<'_>, output: &str, path: &str, at: At, report: &mut Report<'_>) {
    let known = match &giver.outputs {
        Some(outputs) => outputs.as_slice(),
        None if giver.kind == ComponentKind::Source => &[],
        // Its options are wrong, which is told.
        None => return,
    };
    if known.iter().any(|each| each == output) {
        return;
    }
    let message = format!("`{}` has no output `{}`", giver.name, words::shown(output));
    let help = match known {
        [] => Some(format!("read `{}` itself: it has no other outputs", giver.name)),
        known => words::suggest(output, known.iter().map(String::as_str).collect::<Vec<_>>()),
    };
    report.error(code::UNKNOWN_INPUT, path, at, message).maybe_help(help);
}

fn check_consumers(drafts: &[Draft<'_>], report: &mut Report<'_>) {
    let read = drafts.iter().flat_map(|draft| &draft.inputs).map(|(input, _)| input_parts(input).0);
    let read: HashSet<&str> = read.collect();
    for draft in drafts.iter().filter(|draft| draft.kind != ComponentKind::Sink) {
        if !read.contains(draft.name) {
            let message = format!("nobody reads `{}`", draft.name);
            let help = format!(
                "add it to the `inputs` of a transform or sink, or remove it: {}",
                match draft.kind {
                    ComponentKind::Source => "its readings are read and thrown away",
                    _ => "its work is for nothing",
                }
            );
            report.warning(code::UNREAD, &draft.path, draft.name_at, message).help(help);
        }
    }
}

/// Takes nodes whose inputs are all taken, in document order; the nodes left are in a loop or depend on one.
fn check_order(drafts: &[Draft<'_>], report: &mut Report<'_>) -> Option<Vec<String>> {
    let mut taken: HashSet<&str> = HashSet::new();
    let names: HashSet<&str> = drafts.iter().map(|draft| draft.name).collect();
    let mut order = Vec::with_capacity(drafts.len());
    let mut left: Vec<&Draft<'_>> = drafts.iter().collect();
    loop {
        let before = left.len();
        left.retain(|draft| {
            let nodes = draft.inputs.iter().map(|(input, _)| input_parts(input).0);
            let waits = nodes.into_iter().any(|node| names.contains(node) && !taken.contains(node));
            if !waits {
                taken.insert(draft.name);
                order.push(draft.name.to_owned());
            }
            waits
        });
        if left.is_empty() {
            return Some(order);
        }
        if left.len() == before {
            break;
        }
    }
    let mut told: HashSet<&str> = HashSet::new();
    for start in &left {
        report_loop(start, &left, &mut told, report);
    }
    None
}

/// Follows inputs until a node comes again, and names the loop in between.
fn report_loop<'n>(
    start: &Draft<'n>,
    left: &[&Draft<'n>],
    told: &mut HashSet<&'n str>,
    report: &mut Report<'_>,
) {
    let mut way: Vec<(&str, &Draft<'n>, At)> = Vec::new();
    let mut at = start;
    loop {
        if told.contains(at.name) {
            return;
        }
        if let Some(begin) = way.iter().position(|(name, ..)| *name == at.name) {
            // Readings flow against the direction in which inputs are followed.
            let mut names: Vec<_> = way[begin..].iter().rev().map(|(name, ..)| *name).collect();
            names.insert(0, at.name);
            let around = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ");
            let (_, draft, place) = way[begin];
            let message = match names.len() {
                2 => format!("`{}` is its own input", at.name),
                _ => format!("these nodes feed themselves: {around}"),
            };
            let path = format!("{}.inputs", draft.path);
            let help = "readings flow from sources to sinks and never back: take one of the inputs away";
            report.error(code::CYCLE, &path, place, message).help(help);
            told.extend(way.iter().map(|(name, ..)| *name));
            return;
        }
        let next = at.inputs.iter().find_map(|(input, place)| {
            left.iter().find(|draft| draft.name == input_parts(input).0).map(|draft| (*draft, *place))
        });
        let Some((next, place)) = next else { return };
        way.push((at.name, at, place));
        at = next;
    }
}
