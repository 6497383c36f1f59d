//! Drawings of a pipeline's graph: for terminals, for Graphviz, for Markdown.

use std::fmt::Write;

use crate::{ComponentRef, Pipeline, input_parts};

/// What a drawing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphForm {
    /// A table for people: a line for each node, and what it feeds.
    Text,
    /// The language of Graphviz.
    Dot,
    /// The language of Mermaid, which Markdown shows.
    Mermaid,
}

/// A node: its kind, its name, what it is.
struct Node<'a> {
    kind: &'static str,
    name: &'a str,
    what: String,
}

/// Draws a pipeline's graph: sources first, each node behind those that it reads.
pub fn draw(pipeline: &Pipeline, form: GraphForm) -> String {
    let nodes: Vec<Node<'_>> = pipeline.order.iter().filter_map(|name| node(pipeline, name)).collect();
    match form {
        GraphForm::Text => text(pipeline, &nodes),
        GraphForm::Dot => dot(pipeline, &nodes),
        GraphForm::Mermaid => mermaid(pipeline, &nodes),
    }
}

fn node<'a>(pipeline: &'a Pipeline, name: &'a str) -> Option<Node<'a>> {
    let with = |component: &ComponentRef, beside: &Option<ComponentRef>| match beside {
        Some(beside) => format!("{}, {}", component.name, beside.name),
        None => component.name.clone(),
    };
    let source = pipeline.sources.iter().find(|node| node.name == name);
    let source = source.map(|node| ("source", with(&node.component, &node.decode)));
    let transform = pipeline.transforms.iter().find(|node| node.name == name);
    let transform = transform.map(|node| ("transform", node.component.name.clone()));
    let sink = pipeline.sinks.iter().find(|node| node.name == name);
    let sink = sink.map(|node| ("sink", with(&node.component, &node.encode)));
    source.or(transform).or(sink).map(|(kind, what)| Node { kind, name, what })
}

/// The edges from a node: the place of the node that reads it, and the output that it reads where it is one.
fn edges<'a>(
    pipeline: &'a Pipeline,
    nodes: &'a [Node<'_>],
    from: &'a str,
) -> impl Iterator<Item = (usize, Option<&'a str>)> {
    nodes.iter().enumerate().flat_map(move |(at, node)| {
        let read = pipeline.inputs(node.name).iter().map(|input| input_parts(input));
        read.filter(move |(name, _)| *name == from).map(move |(_, output)| (at, output))
    })
}

fn text(pipeline: &Pipeline, nodes: &[Node<'_>]) -> String {
    let names = nodes.iter().map(|node| node.name.chars().count()).max().unwrap_or_default();
    let whats = nodes.iter().map(|node| node.what.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for node in nodes {
        let mut fed = Vec::new();
        for (at, output) in edges(pipeline, nodes, node.name) {
            let to = nodes.get(at).map_or("", |node| node.name);
            fed.push(output.map_or(to.to_owned(), |output| format!("{to} ({output})")));
        }
        let arrow = if fed.is_empty() { String::new() } else { format!("─▶ {}", fed.join(", ")) };
        let line = format!("{:<9}  {:<names$}  {:<whats$}  {arrow}", node.kind, node.name, node.what);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn dot(pipeline: &Pipeline, nodes: &[Node<'_>]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = format!("digraph {} {{\n  rankdir=LR;\n", quoted(&pipeline.name));
    for (at, node) in nodes.iter().enumerate() {
        let shape = match node.kind {
            "source" => "cds",
            "sink" => "cylinder",
            _ => "box",
        };
        let label = quoted(&format!("{}\n{}", node.name, node.what)).replace('\n', "\\n");
        put(&mut text, format_args!("  n{at} [shape={shape}, label={label}];\n"));
    }
    for (at, node) in nodes.iter().enumerate() {
        for (to, output) in edges(pipeline, nodes, node.name) {
            let label = output.map_or(String::new(), |output| format!(" [label={}]", quoted(output)));
            put(&mut text, format_args!("  n{at} -> n{to}{label};\n"));
        }
    }
    text + "}\n"
}

fn mermaid(pipeline: &Pipeline, nodes: &[Node<'_>]) -> String {
    let quoted = |text: &str| text.replace('"', "#quot;");
    let mut text = "flowchart LR\n".to_owned();
    for (at, node) in nodes.iter().enumerate() {
        let (open, close) = match node.kind {
            "source" => ("([", "])"),
            "sink" => ("[(", ")]"),
            _ => ("[", "]"),
        };
        let label = format!("{}<br>{}", quoted(node.name), quoted(&node.what));
        put(&mut text, format_args!("  n{at}{open}\"{label}\"{close}\n"));
    }
    for (at, node) in nodes.iter().enumerate() {
        for (to, output) in edges(pipeline, nodes, node.name) {
            let label = output.map_or(String::new(), |output| format!("|{}|", quoted(output)));
            put(&mut text, format_args!("  n{at} -->{label} n{to}\n"));
        }
    }
    text
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes everything");
}
