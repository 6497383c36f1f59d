//! Pipelines at run time: topology, tasks, delivery ledger, dead letters, metrics, HTTP.
