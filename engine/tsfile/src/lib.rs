//! The TsFile format: encodings, compression, reader and writer, usable alone.
