//! How pipelines ended, in the log, and the exit codes of that.

use levada_runtime::{Outcome, ReasonCount, Report};
use tracing::{error, info, warn};

use crate::exit;

/// So many kinds of reasons are told of at the end.
const REASONS: usize = 20;

/// Logs why records and rows were rejected, a line for each kind of reason.
fn tell_reasons(Report { pipeline, reasons, other_reasons, .. }: &Report) {
    for ReasonCount { node, stage, reason, count } in reasons.iter().take(REASONS) {
        warn!(%pipeline, %node, stage, count, reason, "rejected for this reason, or one that differs in its value only");
    }
    let count = other_reasons + reasons.iter().skip(REASONS).map(|each| each.count).sum::<u64>();
    if count > 0 {
        warn!(%pipeline, count, "rejected for other reasons: each dead letter has its own");
    }
}

/// Logs how a pipeline ended, and gives its exit code.
pub(super) fn tell(report: &Report) -> u8 {
    let Report { pipeline, rows_read, rows_sent, dead, dropped, rows_unsettled, elapsed, .. } = report;
    let seconds = (elapsed.as_secs_f64() * 1e3).round() / 1e3;
    let (empty, left_out) = (report.empty, report.left_out);
    tell_reasons(report);
    match report.outcome {
        Outcome::Completed | Outcome::Stopped if report.nothing_arrived() => {
            error!(%pipeline, rows_read, rows_sent, dead, dropped, empty, left_out, seconds, "ended, and nothing of what was read arrived");
            exit::NOTHING
        }
        Outcome::Completed | Outcome::Stopped => {
            let outcome = if report.outcome == Outcome::Completed { "completed" } else { "stopped" };
            info!(%pipeline, rows_read, rows_sent, dead, dropped, empty, left_out, seconds, "{outcome}");
            0
        }
        Outcome::Partial => {
            let given_up = report.given_up;
            error!(%pipeline, rows_read, rows_sent, dead, dropped, given_up, seconds, "ended; splits were given up");
            exit::PARTIAL
        }
        Outcome::Aborted => {
            warn!(%pipeline, rows_read, rows_sent, dead, dropped, rows_unsettled, seconds, "ended before all was settled");
            exit::UNSETTLED
        }
        Outcome::Failed => {
            let reason = report.error.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            error!(%pipeline, rows_read, rows_sent, dead, dropped, rows_unsettled, seconds, error = %reason, "failed");
            exit::FAILED
        }
    }
}
