//! Statements about logical views.

use levada_model::Path;

use super::{Parsed, Parser};
use crate::{
    ast::{
        AlterTimeseries, ChangeView, IntoTarget, Show, Statement, ViewDefinition, ViewSource, ViewTargets,
    },
    lexer::Symbol,
};

/// Whether a node is made of a source's.
fn is_made(node: &String) -> bool {
    node == "::" || node.contains("${")
}

impl Parser<'_> {
    /// What stands behind `create view`.
    pub(super) fn create_view(&mut self) -> Parsed<Statement> {
        let targets = self.view_targets()?;
        Ok(Statement::ChangeView(ChangeView::Create(self.view_definition(targets)?)))
    }

    /// What stands behind `alter view`.
    pub(super) fn alter_view(&mut self) -> Parsed<Statement> {
        let targets = self.view_targets()?;
        if let ViewTargets::Named(paths) = &targets
            && let [path] = &paths[..]
            && !self.at(&["as"])
        {
            let (path, change) = (path.clone(), self.alteration()?);
            return Ok(Statement::ChangeView(ChangeView::Alter(AlterTimeseries { path, change })));
        }
        Ok(Statement::ChangeView(ChangeView::Define(self.view_definition(targets)?)))
    }

    /// What stands behind `delete view` or `drop view`.
    pub(super) fn drop_view(&mut self) -> Parsed<Statement> {
        Ok(Statement::ChangeView(ChangeView::Drop { patterns: self.list(Self::pattern)? }))
    }

    /// What stands behind `rename`.
    pub(super) fn rename_view(&mut self) -> Parsed<Statement> {
        self.expect("VIEW")?;
        let from = self.full_path()?;
        self.expect("TO")?;
        Ok(Statement::ChangeView(ChangeView::Rename { from, to: self.full_path()? }))
    }

    /// What stands behind `show view`.
    pub(super) fn show_view(&mut self) -> Parsed<Show> {
        self.show_timeseries(false).map(Show::Views)
    }

    fn view_definition(&mut self, targets: ViewTargets) -> Parsed<ViewDefinition> {
        self.expect("AS")?;
        Ok(ViewDefinition { targets, source: self.view_source()? })
    }

    fn view_source(&mut self) -> Parsed<ViewSource> {
        if self.at(&["select"]) {
            return self.select().map(|select| ViewSource::Select(Box::new(select)));
        }
        if self.eat_symbol(Symbol::LeftParen) {
            let select = self.select()?;
            self.expect_symbol(Symbol::RightParen)?;
            return Ok(ViewSource::Select(Box::new(select)));
        }
        let first = self.full_path()?;
        if !self.at_symbol(Symbol::LeftParen) {
            let mut paths = vec![first];
            while self.eat_symbol(Symbol::Comma) {
                paths.push(self.full_path()?);
            }
            return Ok(ViewSource::Series(paths));
        }
        let suffixes = self.parenthesised(|parser| {
            let start = parser.start();
            let nodes = parser.view_nodes(Vec::new())?;
            match nodes.iter().find(|node| is_made(node)) {
                None => Ok(nodes),
                Some(node) => {
                    let message = format!("{node} stands for a node of a source, and this is one");
                    Err(parser.semantic(parser.span_from(start), message))
                }
            }
        })?;
        Ok(ViewSource::Series(suffixes.iter().map(|nodes| below(&first, nodes)).collect()))
    }

    fn view_targets(&mut self) -> Parsed<ViewTargets> {
        let start = self.start();
        self.expect("ROOT")?;
        let mut paths = vec![self.view_nodes(vec!["root".to_owned()])?];
        if self.at_symbol(Symbol::LeftParen) {
            let suffixes = self.parenthesised(|parser| parser.view_nodes(Vec::new()))?;
            let device = paths.remove(0);
            if !device.iter().chain(suffixes.iter().flatten()).any(is_made) {
                let device = path_of(&device);
                return Ok(ViewTargets::Named(suffixes.iter().map(|nodes| below(&device, nodes)).collect()));
            }
            if suffixes.iter().any(|nodes| nodes.len() > 1) {
                let message = "a view that is made of its source is named by one node behind its device";
                return Err(self.semantic(self.span_from(start), message));
            }
            let measurements = suffixes.into_iter().flatten().collect();
            return Ok(ViewTargets::Made(IntoTarget { aligned: false, device, measurements }));
        }
        while self.eat_symbol(Symbol::Comma) {
            self.expect("ROOT")?;
            paths.push(self.view_nodes(vec!["root".to_owned()])?);
        }
        if paths.iter().flatten().any(is_made) {
            let message =
                "views that are made of their sources are named with parentheses: root.v.${2}(${3})";
            return Err(self.semantic(self.span_from(start), message));
        }
        Ok(ViewTargets::Named(paths.iter().map(|nodes| path_of(nodes)).collect()))
    }

    /// The nodes that stand here, behind those that stood before.
    fn view_nodes(&mut self, mut nodes: Vec<String>) -> Parsed<Vec<String>> {
        if nodes.is_empty() {
            nodes.push(self.target_node()?);
        }
        while self.eat_symbol(Symbol::Dot) {
            nodes.push(self.target_node()?);
        }
        Ok(nodes)
    }
}

fn path_of(nodes: &[String]) -> Path {
    let root = Path::parse("root").expect("one word is a path");
    below(&root, nodes.get(1..).unwrap_or_default())
}

fn below(path: &Path, nodes: &[String]) -> Path {
    nodes.iter().fold(path.clone(), |path, node| path.child(node))
}
