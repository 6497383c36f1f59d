//! Sinks: IoTDB (embedded or remote), files, standard output, black hole.
