//! The table.

use std::fmt::{self, Display};

use super::sample::{Node, Sample, Stream};

/// What two samples say together.
pub(super) struct Frame<'s> {
    before: &'s Sample,
    now: &'s Sample,
    seconds: f64,
}

/// Columns, each as wide as what is in it.
struct Table(Vec<Vec<String>>);

impl<'s> Frame<'s> {
    pub(super) fn new(before: &'s Sample, now: &'s Sample) -> Self {
        Self { before, now, seconds: now.at.duration_since(before.at).as_secs_f64() }
    }

    /// Something more a second; less than before is a pipeline that began anew.
    fn rate(&self, before: Option<u64>, now: u64) -> String {
        let more = now.checked_sub(before.unwrap_or(now)).unwrap_or(now);
        format!("{:.0}", more as f64 / self.seconds.max(1e-3))
    }

    fn pipelines(&self) -> Table {
        let head = ["pipeline", "status", "rows/s", "rows sent", "in flight", "lag", "dead", "error"];
        let mut table = Table::new(head);
        for stream in &self.now.streams {
            let sent = self.stream(&stream.id).map(|before| before.rows_sent);
            table.row([
                stream.id.clone(),
                stream.status.clone(),
                self.rate(sent, stream.rows_sent),
                stream.rows_sent.to_string(),
                stream.rows_in_flight.to_string(),
                known(stream.lag),
                stream.dead.to_string(),
                stream.error.clone().unwrap_or_default(),
            ]);
        }
        table
    }

    fn nodes(&self) -> Table {
        let head = [
            "node",
            "kind",
            "state",
            "in/s",
            "out/s",
            "waiting rows",
            "waiting KiB",
            "dead",
            "retries",
            "error",
        ];
        let mut table = Table::new(head);
        for stream in &self.now.streams {
            for node in &stream.nodes {
                table.row(self.node(stream, node));
            }
        }
        table
    }

    fn node(&self, stream: &Stream, node: &Node) -> [String; 10] {
        let before = self
            .stream(&stream.id)
            .and_then(|stream| stream.nodes.iter().find(|each| each.name == node.name));
        let waiting = stream.queues.iter().filter(|queue| queue.to == node.name);
        let (rows, bytes) =
            waiting.fold((0, 0), |(rows, bytes), queue| (rows + queue.rows, bytes + queue.bytes));
        [
            format!("{}/{}", stream.id, node.name),
            node.kind.clone(),
            node.state.clone(),
            self.rate(before.map(|node| node.counts.rows_in), node.counts.rows_in),
            self.rate(before.map(|node| node.counts.rows_out), node.counts.rows_out),
            rows.to_string(),
            (bytes / 1024).to_string(),
            node.counts.dead.to_string(),
            node.counts.retries.to_string(),
            node.error.clone().unwrap_or_default(),
        ]
    }

    fn stream(&self, id: &str) -> Option<&Stream> {
        self.before.streams.iter().find(|stream| stream.id == id)
    }

    fn pipes(&self) -> Table {
        let mut table = Table::new(["pipe", "runs", "points/s", "lag points", "lag KiB", "lag s"]);
        for (pipe, running) in values(&self.now.metrics, "levada_pipe_running") {
            let of = |sample: &Sample, metric: &str| {
                values(&sample.metrics, metric).find(|(name, _)| *name == pipe).map(|(_, value)| value)
            };
            let points = |sample| of(sample, "levada_pipe_points_total").map(|points| points as u64);
            table.row([
                pipe.to_owned(),
                if running > 0.0 { "yes" } else { "no" }.to_owned(),
                self.rate(points(self.before), points(self.now).unwrap_or(0)),
                number(of(self.now, "levada_pipe_lag_points")),
                number(of(self.now, "levada_pipe_lag_bytes").map(|bytes| bytes / 1024.0)),
                number(of(self.now, "levada_pipe_lag_seconds")),
            ]);
        }
        table
    }
}

impl Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for table in [self.pipelines(), self.nodes(), self.pipes()] {
            if table.0.len() > 1 || first {
                write!(f, "{}{table}", if first { "" } else { "\n" })?;
                first = false;
            }
        }
        Ok(())
    }
}

/// The values of a metric by their label `pipe`.
fn values<'m>(metrics: &'m str, metric: &'m str) -> impl Iterator<Item = (&'m str, f64)> {
    metrics.lines().filter_map(move |line| {
        let rest = line.strip_prefix(metric)?.strip_prefix("{pipe=\"")?;
        let (pipe, value) = rest.rsplit_once("\"} ")?;
        Some((pipe, value.parse().ok()?))
    })
}

fn known(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.0}"))
}

impl Table {
    fn new<const N: usize>(head: [&str; N]) -> Self {
        Self(vec![head.map(str::to_owned).into()])
    }

    fn row<const N: usize>(&mut self, row: [String; N]) {
        self.0.push(row.into());
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| {
            self.0
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.0 {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                // Numbers stand to the right, also below their names.
                let is_number = cell.parse::<f64>().is_ok() || cell == "-";
                line.push_str(&if is_number {
                    format!("{cell:>width$}  ")
                } else {
                    format!("{cell:width$}  ")
                });
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn sample(at: Instant, sent: u64, points: u64) -> Sample {
        let streams = serde_json::json!([
            {"id": "plant", "status": "running", "error": "store: away", "rows_sent": sent, "dead": 2, "lag": 7,
             "rows_in_flight": 5,
             "nodes": [{"name": "store", "kind": "sink", "state": "retrying", "error": "away",
                        "counts": {"rows_in": sent, "rows_out": sent, "dead": 2, "retries": 3}}],
             "queues": [{"from": "in", "to": "store", "rows": 40, "bytes": 4096}]},
            {"id": "other", "status": "paused"}]);
        let metrics = format!(
            "levada_pipe_running{{pipe=\"up\"}} 1\nlevada_pipe_points_total{{pipe=\"up\"}} {points}\nlevada_pipe_lag_seconds{{pipe=\"up\"}} 3\n"
        );
        Sample { at, streams: serde_json::from_value(streams).expect("streams"), metrics }
    }

    #[test]
    fn rates_queues_lag_and_errors_stand_in_a_table() {
        let at = Instant::now();
        let (before, now) = (sample(at, 100, 10), sample(at + Duration::from_secs(2), 500, 30));
        let text = Frame::new(&before, &now).to_string();
        let cells = |begin: &str| -> Vec<&str> {
            let line = text.lines().find(|line| line.starts_with(begin)).expect("a line");
            line.split_whitespace().collect()
        };
        assert_eq!(cells("plant "), ["plant", "running", "200", "500", "5", "7", "2", "store:", "away"]);
        let node = ["plant/store", "sink", "retrying", "200", "200", "40", "4", "2", "3", "away"];
        assert_eq!(cells("plant/store"), node);
        assert_eq!(cells("other")[..3], ["other", "paused", "0"]);
        assert_eq!(cells("up"), ["up", "yes", "10", "-", "-", "3"]);
    }

    #[test]
    fn a_pipeline_that_began_anew_counts_from_its_beginning() {
        let at = Instant::now();
        let (before, now) = (sample(at, 900, 10), sample(at + Duration::from_secs(1), 50, 10));
        assert!(Frame::new(&before, &now).to_string().contains("50"));
    }
}
