//! `levada offsets`: how far the sources of a pipeline are, and where the next run begins.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use levada_connector_api::Point;
use levada_runtime::{
    EngineStores,
    offsets::{self, Position, Reset},
};
use levada_source::kafka::KafkaPoint;

use crate::{
    exit::{self, Failure},
    output::TextFormat,
    registry,
};

use super::Document;

/// Options of `offsets`.
#[derive(Debug, clap::Args)]
pub(crate) struct OffsetsArgs {
    /// A pipeline file; the pipeline must not run
    file: PathBuf,
    /// Where the next run is to begin: `earliest`, `latest`, a time (`2026-05-01T12:00:00Z`), or a position of one split, as in
    /// `readings/sensors/0=4711`; `NODE/state=0` gives up what a transform holds
    #[arg(long, value_name = "WHERE", value_parser = reset)]
    reset: Option<Reset>,
    /// The folder of `levada run --state`
    #[arg(long, value_name = "DIR", default_value = ".levada")]
    state: PathBuf,
    /// How positions are printed
    #[arg(long, value_enum, default_value = "text")]
    format: TextFormat,
}

fn reset(text: &str) -> Result<Reset, String> {
    if let Some((name, position)) = text.rsplit_once('=') {
        let position = position.parse().map_err(|_| format!("`{position}` is no position"))?;
        return Ok(Reset::Split { name: name.to_owned(), position });
    }
    Ok(Reset::To(match text.parse()? {
        KafkaPoint::Earliest => Point::Earliest,
        KafkaPoint::Latest => Point::Latest,
        KafkaPoint::Time(time) => Point::Time(time),
    }))
}

pub(super) fn offsets(args: &OffsetsArgs) -> anyhow::Result<ExitCode> {
    let registry = registry::all();
    let document = Document::read(&args.file, &registry)?;
    document.print();
    let pipeline = document.pipeline.ok_or_else(|| Failure::told(exit::INVALID))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let positions = runtime.block_on(async {
        let stores = Arc::new(EngineStores::new());
        let found = offsets::positions(
            &pipeline,
            &registry,
            Arc::clone(&stores) as _,
            &args.state,
            args.reset.as_ref(),
        )
        .await;
        stores.close().await?;
        found
    })?;
    match args.format {
        TextFormat::Json => println!("{}", serde_json::to_string_pretty(&positions)?),
        TextFormat::Text => print(&positions),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(positions: &[Position]) {
    if positions.is_empty() {
        println!("no source of this pipeline has a split yet");
        return;
    }
    let width = positions.iter().map(|each| each.split.chars().count()).max().unwrap_or(0).max(5);
    let [stored, committed, next, first, end] = ["stored", "committed", "next", "first", "end"];
    println!("{:width$}  {stored:>12}  {committed:>12}  {next:>12}  {first:>12}  {end:>12}", "split");
    for each in positions {
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let note = if each.present { "" } else { "  not there any more" };
        println!(
            "{:width$}  {:>12}  {:>12}  {:>12}  {:>12}  {:>12}{note}",
            each.split,
            number(each.stored),
            number(each.committed),
            number(each.next),
            number(each.first),
            number(each.end),
        );
    }
}
