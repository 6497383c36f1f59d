//! Sources: Kafka, files, simulated sensors.
