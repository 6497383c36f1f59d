//! How pipelines are doing, on a terminal: a bar with time left where the end is known, otherwise a line.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use levada_runtime::{PipelineHandle, PipelineProgress};

/// How often the terminal is drawn.
const EVERY: Duration = Duration::from_millis(250);

/// Shows pipelines until it is dropped.
pub(crate) async fn show(handles: Vec<PipelineHandle>) {
    let all = MultiProgress::new();
    let bars: Vec<_> = handles.iter().map(|handle| (handle, all.add(line(handle.name())))).collect();
    loop {
        for (handle, bar) in &bars {
            draw(bar, &handle.progress());
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn line(name: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_style(style("{spinner} {prefix}: {msg}"));
    bar.set_prefix(name.to_owned());
    bar
}

fn draw(bar: &ProgressBar, progress: &PipelineProgress) {
    let mut message =
        format!("{} rows, {}/s", count(progress.rows_sent), count(progress.rows_per_second as u64));
    if let Some(lag) = progress.lag {
        message.push_str(&format!(", lag {}", count(lag)));
    }
    if progress.dead > 0 {
        message.push_str(&format!(", {} dead letters", count(progress.dead)));
    }
    if let Some(total) = progress.records_total {
        if bar.length() != Some(total) {
            bar.set_style(style("{prefix} [{bar:30}] {percent:>3} %  {msg}"));
            bar.set_length(total);
        }
        bar.set_position(progress.records_read.min(total));
        if let Some(eta) = progress.eta {
            message.push_str(&format!(", {} s left", eta.as_secs()));
        }
    } else {
        bar.tick();
    }
    bar.set_message(message);
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A number as people read it: `1,234,567`.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(
            [count(0), count(999), count(1_000), count(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
