//! Leave to write: so that a full disk is something a test can give.

use std::{fmt, io, path::Path, sync::Arc};

type Leave = dyn Fn(&Path) -> io::Result<()> + Send + Sync;

/// Asked before a pipeline writes its dead letters or the state of a transform. Clones are the same.
#[derive(Clone, Default)]
pub struct Disk(Option<Arc<Leave>>);

impl Disk {
    /// One that may say no: an error that is given for a path counts as that of the write.
    pub fn asking(leave: impl Fn(&Path) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(leave)))
    }

    /// Whether something may be written there.
    pub(crate) fn admits(&self, path: &Path) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |leave| leave(path))
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Disk").field(&self.0.is_some()).finish()
    }
}
