//! Rows near another: a tree of rows, split at the median of the column that varies most.
//!
//! It looks where Apache IoTDB's looks, so that repairs are the same: the box by which a branch is left out is that of all of
//! its rows but the first, and begins at 0. Of the rows on the way each of which is nearer than those before, the last half are
//! the neighbours.

/// A row of numbers.
pub(super) type Row = Vec<f64>;

#[derive(Debug)]
enum Node {
    Leaf(usize),
    Split { column: usize, at: f64, low: Row, high: Row, below: usize, above: usize },
}

#[derive(Debug)]
pub(super) struct Neighbours {
    rows: Vec<Row>,
    nodes: Vec<Node>,
    scale: Row,
}

impl Neighbours {
    /// Of one or more rows; `scale` is what makes the columns' distances comparable.
    pub(super) fn new(rows: Vec<Row>, scale: Row) -> Self {
        let mut seen = hashbrown::HashSet::<Vec<u64>, foldhash::fast::RandomState>::default();
        let order = (0..rows.len())
            .filter(|&row| seen.insert(rows[row].iter().map(|value| (value + 0.0).to_bits()).collect()))
            .collect();
        let mut tree = Self { rows, nodes: vec![Node::Leaf(0)], scale };
        let mut open: Vec<(usize, Vec<usize>)> = vec![(0, order)];
        while let Some((node, mut members)) = open.pop() {
            let Some((column, at)) = tree.split(&members) else {
                tree.nodes[node] = Node::Leaf(members.first().copied().unwrap_or(0));
                continue;
            };
            let (low, high) = tree.bounds(&members);
            let (below, above) = (tree.nodes.len(), tree.nodes.len() + 1);
            tree.nodes.extend([Node::Leaf(0), Node::Leaf(0)]);
            tree.nodes[node] = Node::Split { column, at, low, high, below, above };
            let value = |row: usize| tree.rows[row][column];
            let mut lower: Vec<usize> = members.iter().copied().filter(|&row| value(row) < at).collect();
            let mut upper: Vec<usize> = members.iter().copied().filter(|&row| value(row) > at).collect();
            members.retain(|&row| value(row) == at);
            if lower.is_empty() {
                lower.push(members.remove(0));
            }
            upper.append(&mut members);
            open.push((below, lower));
            open.push((above, upper));
        }
        tree
    }

    /// Which column varies most, and its median; `None` where none varies.
    fn split(&self, members: &[usize]) -> Option<(usize, f64)> {
        let variance = |column: usize| {
            let values = || members.iter().map(|&row| self.rows[row][column]);
            let mean = values().sum::<f64>() / members.len() as f64;
            values().map(|value| (value - mean).powi(2)).sum::<f64>()
        };
        let variances: Vec<f64> = (0..self.scale.len()).map(variance).collect();
        let (column, &most) = variances.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1))?;
        if members.len() < 2 || most <= 0.0 || most.is_nan() {
            return None;
        }
        let mut values: Vec<f64> = members.iter().map(|&row| self.rows[row][column]).collect();
        let middle = values.len() / 2;
        values.select_nth_unstable_by(middle, f64::total_cmp);
        // Rows that differ by rounding alone are not split.
        values.iter().any(|value| *value != values[middle]).then(|| (column, values[middle]))
    }

    fn bounds(&self, members: &[usize]) -> (Row, Row) {
        let (mut low, mut high) =
            (vec![f64::MAX; self.scale.len()], vec![f64::from_bits(1); self.scale.len()]);
        for &row in &members[1..] {
            for (column, &value) in self.rows[row].iter().enumerate() {
                if value < low[column] {
                    low[column] = value;
                } else if value > high[column] {
                    high[column] = value;
                }
            }
        }
        (low, high)
    }

    /// How far two rows are apart.
    pub(super) fn distance(&self, left: &[f64], right: &[f64]) -> f64 {
        let each = left.iter().zip(right).zip(&self.scale).map(|((a, b), scale)| ((a - b) / scale).powi(2));
        each.sum::<f64>().sqrt()
    }

    fn distance_to_box(&self, row: &[f64], low: &[f64], high: &[f64]) -> f64 {
        let each =
            row.iter().zip(low.iter().zip(high)).zip(&self.scale).map(|((&value, (&low, &high)), scale)| {
                let outside = if value > high { value - high } else { (low - value).max(0.0) };
                (outside / scale).powi(2)
            });
        each.sum::<f64>().sqrt()
    }

    /// Goes down from a node to the leaf of a row, and notes the other branches.
    fn descend(&self, mut node: usize, row: &[f64], open: &mut Vec<usize>) -> usize {
        loop {
            match &self.nodes[node] {
                Node::Leaf(found) => return *found,
                Node::Split { column, at, below, above, .. } => {
                    let left = row[*column] < *at;
                    open.push(if left { *above } else { *below });
                    node = if left { *below } else { *above };
                }
            }
        }
    }

    /// The rows that were found on the way, each nearer than the ones before.
    fn nearing(&self, row: &[f64]) -> Vec<usize> {
        let mut open = Vec::new();
        let mut found = vec![self.descend(0, row, &mut open)];
        let mut least = self.distance(row, &self.rows[found[0]]);
        while let Some(node) = open.pop() {
            if let Node::Split { low, high, .. } = &self.nodes[node]
                && self.distance_to_box(row, low, high) >= least
            {
                continue;
            }
            let next = self.descend(node, row, &mut open);
            let distance = self.distance(row, &self.rows[next]);
            if distance < least {
                least = distance;
                found.push(next);
            }
        }
        found
    }

    /// The nearest row.
    pub(super) fn nearest(&self, row: &[f64]) -> &Row {
        let found = self.nearing(row);
        &self.rows[found[found.len() - 1]]
    }

    /// Up to `count` near rows, the nearest first.
    pub(super) fn near(&self, row: &[f64], count: usize) -> impl Iterator<Item = &Row> {
        let found = self.nearing(row);
        let taken = if found.len() == 1 { 1 } else { (found.len() / 2).min(count) };
        found.into_iter().rev().take(taken).map(|row| &self.rows[row])
    }
}
