//! `levada create`: a pipeline file to start from.

use std::process::ExitCode;

use crate::{exit::Failure, registry};

/// Options of `create`.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// `SOURCE/SINK` or `SOURCE/TRANSFORM,…/SINK`, as in `kafka/iotdb`
    shape: String,
}

pub(super) fn create(args: &CreateArgs) -> anyhow::Result<ExitCode> {
    let parts: Vec<&str> = args.shape.split('/').collect();
    let (source, transforms, sink) = match parts.as_slice() {
        [source, sink] => (*source, Vec::new(), *sink),
        [source, transforms, sink] => (*source, transforms.split(',').collect(), *sink),
        _ => {
            let message =
                format!("`{}` is not SOURCE/SINK or SOURCE/TRANSFORM,…/SINK, as in kafka/iotdb", args.shape);
            return Err(Failure::invalid(message).into());
        }
    };
    let skeleton = levada_config::skeleton(&registry::all(), source, &transforms, sink)
        .map_err(|error| Failure::invalid(error.to_string()))?;
    print!("{skeleton}");
    Ok(ExitCode::SUCCESS)
}
