//! Contract suites that every connector passes, and the scripted parts they are made of.
