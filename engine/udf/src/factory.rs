//! What makes instances of functions, and what an instance is asked.

use std::{fmt, path::Path, sync::Arc};

use arrow_array::ArrayRef;
use levada_udf_sdk::{Configuration, DataType, UdfParameters};

use crate::{Batch, Fault, FaultKind, GroupRows, KeptWindow, Points, UdfError, Window};

/// Which contract a function keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UdfKind {
    /// Series in, one series out.
    Udtf,
    /// Rows in, one value for each group.
    Udaf,
}

impl fmt::Display for UdfKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udtf => "UDTF",
            Self::Udaf => "UDAF",
        })
    }
}

/// A function that can be registered: it makes an instance for each call of each query. It stands for the code as it was when
/// the factory came into being, whatever happens to the file afterwards.
pub trait UdfFactory: fmt::Debug + Send + Sync {
    /// What `CREATE FUNCTION … AS` names: `org.example.Adder`.
    fn id(&self) -> &str;

    /// Which contract it keeps.
    fn kind(&self) -> UdfKind;

    /// Where it comes from, as errors and listings name it: a file, or `native`.
    fn origin(&self) -> String {
        "native".to_owned()
    }

    /// An instance of its own; called where [`UdfFactory::kind`] is [`UdfKind::Udtf`]. The first call may take the time to
    /// compile.
    ///
    /// # Errors
    /// It is a UDAF, or the module cannot be used.
    fn make_udtf(&self) -> Result<Box<dyn UdtfInstance>, Fault>;

    /// An instance of its own; called where [`UdfFactory::kind`] is [`UdfKind::Udaf`].
    ///
    /// # Errors
    /// It is a UDTF, or the module cannot be used.
    fn make_udaf(&self) -> Result<Box<dyn UdafInstance>, Fault>;
}

/// What reads functions from files. Called from any thread.
pub trait UdfLoader: fmt::Debug + Send + Sync {
    /// Whether files with this name are for it: by their extension.
    fn reads(&self, file: &Path) -> bool;

    /// The functions of a file as it is now. Only what the file declares is looked at: nothing is compiled or run.
    ///
    /// # Errors
    /// The file cannot be read, or is no module of functions. The error's function is the file.
    fn load(&self, file: &Path) -> Result<Vec<Arc<dyn UdfFactory>>, UdfError>;
}

/// An instance of a function that makes a series. [`UdtfRun`](crate::UdtfRun) calls the methods in order, one at a time; after
/// a fault only [`UdtfInstance::before_destroy`], once.
pub trait UdtfInstance: Send {
    /// Checks the call.
    ///
    /// # Errors
    /// It is not what the function takes.
    fn validate(&mut self, parameters: &UdfParameters) -> Result<(), Fault>;

    /// Starts.
    ///
    /// # Errors
    /// It cannot start.
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Fault>;

    /// Works on rows one by one.
    ///
    /// # Errors
    /// It cannot go on.
    fn rows(&mut self, batch: &Batch) -> Result<Points, Fault>;

    /// Works on windows of a batch.
    ///
    /// # Errors
    /// It cannot go on.
    fn windows(&mut self, batch: &Batch, windows: &[Window]) -> Result<Points, Fault>;

    /// Whether it reads windows by pages that are too large to be given whole.
    fn reads_pages(&self) -> bool {
        false
    }

    /// Works on a window that is too large to be given whole; called where [`UdtfInstance::reads_pages`] is true.
    ///
    /// # Errors
    /// It cannot go on, or rows cannot be read.
    fn kept_window(&mut self, _window: &KeptWindow) -> Result<Points, Fault> {
        Err(Fault::new(FaultKind::MemoryLimit, "it reads no window that is larger than memory"))
    }

    /// Gives the rest.
    ///
    /// # Errors
    /// It cannot.
    fn terminate(&mut self) -> Result<Points, Fault>;

    /// Ends; called once behind [`UdtfInstance::before_start`], whatever that said.
    ///
    /// # Errors
    /// The method crashed.
    fn before_destroy(&mut self) -> Result<(), Fault>;

    /// Bytes that it says it holds. What bounds itself says 0.
    fn memory(&self) -> usize {
        0
    }

    /// What a pipeline stores of it; `None` where it does not save.
    ///
    /// # Errors
    /// It crashed.
    fn save(&mut self) -> Result<Option<Vec<u8>>, Fault>;

    /// Goes on where it saved.
    ///
    /// # Errors
    /// It cannot.
    fn restore(&mut self, saved: &[u8]) -> Result<(), Fault>;
}

/// An instance of an aggregate with the states of its groups, which are numbered from 0 and come into being by their number.
pub trait UdafInstance: Send {
    /// Checks the call.
    ///
    /// # Errors
    /// It is not what the function takes.
    fn validate(&mut self, parameters: &UdfParameters) -> Result<(), Fault>;

    /// Starts; the type of its values.
    ///
    /// # Errors
    /// It cannot start.
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<DataType, Fault>;

    /// Adds rows of a batch to groups.
    ///
    /// # Errors
    /// It cannot go on.
    fn add(&mut self, batch: &Batch, rows: &[GroupRows]) -> Result<(), Fault>;

    /// Adds what was saved of a group.
    ///
    /// # Errors
    /// It cannot go on.
    fn combine(&mut self, group: usize, saved: &[u8]) -> Result<(), Fault>;

    /// What there is to store of a group; `None` where it does not save.
    ///
    /// # Errors
    /// It crashed.
    fn save(&mut self, group: usize) -> Result<Option<Vec<u8>>, Fault>;

    /// The values of the first groups, which are forgotten: those behind move to the front.
    ///
    /// # Errors
    /// It cannot go on.
    fn output(&mut self, groups: usize) -> Result<ArrayRef, Fault>;

    /// Ends; called once behind [`UdafInstance::before_start`], whatever that said.
    ///
    /// # Errors
    /// The method crashed.
    fn before_destroy(&mut self) -> Result<(), Fault>;
}
