//! Statements about functions that users add.

/// `create function adder as 'org.example.Adder' using uri 'file:///tmp/adder.wasm'`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateFunction {
    /// What queries call it, in any case.
    pub name: String,
    /// What it is called where it is written: the id that a module declares, the class of a JAR.
    pub class: String,
    /// Where its file is to be taken from; where `None`, it is in the folder of functions already.
    pub uri: Option<String>,
    /// `create temporary function`: it is gone when the engine is closed.
    pub temporary: bool,
}
