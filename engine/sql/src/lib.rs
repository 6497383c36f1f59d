//! The SQL dialect of the tree model: lexer, parser, syntax tree, printing; no I/O.
