//! From a plan to rows: each node becomes an operator over those of the nodes below.

mod meter;

use std::sync::Arc;

use levada_storage::View;

use crate::{
    Cancellation, QueryContext,
    chunk::Chunks,
    context::Budget,
    node::{self, Column, Node, Summaries},
    operator::{
        aggregate_pieces::AggregatePieces,
        aggregate_rows::AggregateRows,
        aggregate_segments::AggregateSegments,
        append::append,
        fill::fill,
        filled_row::filled_row,
        filter::filter,
        join::{Input, Join},
        label::label,
        last::last,
        limit::limit,
        merge::merge,
        project::project,
        scan::Scan,
        series_function::series_function,
        sort::sort,
        without_null::without_null,
    },
};

use meter::Meters;

/// What a plan is run with.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    pub(crate) view: Arc<dyn View>,
    pub(crate) budget: Budget,
    pub(crate) batch_rows: usize,
    pub(crate) cancellation: Cancellation,
}

impl Environment {
    /// That of one query.
    pub(crate) fn new(view: Arc<dyn View>, context: &QueryContext) -> Self {
        Self {
            view,
            budget: Budget::new(context.memory),
            batch_rows: context.batch_rows,
            cancellation: context.cancellation.clone(),
        }
    }

    /// The rows of a plan. Nothing is read before they are pulled.
    pub(crate) fn execute(&self, node: Node) -> Chunks {
        self.run(node, &mut None)
    }

    fn run(&self, node: Node, meters: &mut Option<Meters>) -> Chunks {
        let meter = meters.as_mut().map(Meters::next);
        let chunks = self.operator(node, meters);
        match meter {
            Some(meter) => meter.measure(chunks),
            None => chunks,
        }
    }

    fn operator(&self, node: Node, meters: &mut Option<Meters>) -> Chunks {
        let (rows, budget) = (self.batch_rows, &self.budget);
        match node {
            Node::Nothing => Box::new(std::iter::empty()),
            Node::Given(chunks) => chunks,
            Node::Scan(scan) => self.scan(scan),
            Node::Last { series, times } => {
                last(Arc::clone(&self.view), series, times, rows, self.cancellation.clone())
            }
            Node::FilledRow(row) => filled_row(Arc::clone(&self.view), row, self.cancellation.clone()),
            Node::Join { inputs, direction } => {
                let inputs = inputs.into_iter().map(|input| {
                    let types = input.types.iter().map(|each| each.arrow()).collect();
                    Input::new(self.run(input.node, meters), types)
                });
                Join::new(inputs.collect(), direction, rows, budget).into_chunks()
            }
            Node::Filter { input, condition } => filter(self.run(*input, meters), condition.bound),
            Node::Compute { input, columns } => {
                let columns = columns.into_iter().map(Column::into_expr).collect();
                project(self.run(*input, meters), columns)
            }
            Node::Append { input, arguments, function, .. } => {
                append(self.run(*input, meters), arguments, function)
            }
            Node::Function { input, function, .. } => {
                series_function(self.run(*input, meters), function, self.cancellation.clone())
            }
            Node::Summaries(Summaries { asked, windows, ends, range, .. }) => {
                AggregatePieces::new(Arc::clone(&self.view), asked, windows, range, rows, budget)
                    .with_ends(ends)
                    .cancelled_by(self.cancellation.clone())
                    .into_chunks()
            }
            Node::Windows { input, aggregates, windows, ends } => {
                let (input, cancellation) = (self.run(*input, meters), self.cancellation.clone());
                AggregateRows::new(input, aggregates.aggregates, windows, cancellation)
                    .with_ends(ends)
                    .into_chunks()
            }
            Node::Segments { input, aggregates, segmenter } => {
                AggregateSegments::new(self.run(*input, meters), segmenter, aggregates.aggregates)
                    .into_chunks()
            }
            Node::Fill { input, fills } => fill(self.run(*input, meters), fills, budget),
            Node::WithoutNull { input, columns, all } => without_null(self.run(*input, meters), columns, all),
            Node::Sort { input, keys, most } => sort(self.run(*input, meters), keys, most, rows, budget),
            Node::Limit { input, offset, most } => limit(self.run(*input, meters), offset, most),
            Node::Label { input, labels, columns } => label(self.run(*input, meters), labels, columns),
            Node::Concat(inputs) => {
                let all: Vec<Chunks> = inputs.into_iter().map(|input| self.run(input, meters)).collect();
                Box::new(all.into_iter().flatten())
            }
            Node::Merge { inputs, direction } => {
                let all = inputs.into_iter().map(|input| self.run(input, meters)).collect();
                merge(all, direction, rows, budget)
            }
            Node::Analyze(node) => meter::analyzed(self.clone(), *node),
        }
    }

    fn scan(&self, node::Scan { device, measurements, range, direction }: node::Scan) -> Chunks {
        let (view, cancellation) = (Arc::clone(&self.view), self.cancellation.clone());
        Box::new(Scan::new(view, device, measurements, range, direction, cancellation))
    }
}
