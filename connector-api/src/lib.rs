//! The contract between connectors and the runtime: batches, positions, sources, transforms, sinks.
