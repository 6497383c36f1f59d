//! What an error of the operating system means for whoever asked: whether the same may work later.

use std::io::{self, ErrorKind};

/// What is behind an error of the operating system. The one place that decides whether trying again helps.
///
/// ```
/// use std::io;
/// use levada_model::IoFault;
///
/// let full = IoFault::of(&io::ErrorKind::StorageFull.into());
/// assert!(full.heals() && full.is_of_writing());
/// assert!(!IoFault::of(&io::ErrorKind::NotFound.into()).heals());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IoFault {
    /// A disk, or a quota of it, is full. Space comes back, and what is there can be read meanwhile.
    Full,
    /// Memory, open files, locks or buffers have run out. Others give theirs back.
    Scarce,
    /// The other side, or the moment, is to blame: a connection, a timeout, a file that is in use.
    Passing,
    /// What is asked for is not there.
    Missing,
    /// This user may not.
    Forbidden,
    /// The disk can be read and not written to.
    ReadOnly,
    /// All else: it fails the same way until somebody changes something. A disk that cannot be read, links that lead to each
    /// other, a name that cannot be, bytes that are not what they should be.
    Lasting,
}

impl IoFault {
    /// What is behind an error.
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::OutOfMemory => Self::Scarce,
            ErrorKind::NotFound => Self::Missing,
            ErrorKind::PermissionDenied => Self::Forbidden,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            ErrorKind::AddrInUse
            | ErrorKind::AddrNotAvailable
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::Deadlock
            | ErrorKind::ExecutableFileBusy
            | ErrorKind::HostUnreachable
            | ErrorKind::Interrupted
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NotConnected
            | ErrorKind::ResourceBusy
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::TimedOut
            | ErrorKind::WouldBlock
            | ErrorKind::WriteZero => Self::Passing,
            // Made by a program, which did not say of which kind it is.
            ErrorKind::Other => Self::Passing,
            _ => error.raw_os_error().map_or(Self::Lasting, of_number),
        }
    }

    /// Whether the same may work later without anybody having changed anything.
    pub fn heals(self) -> bool {
        matches!(self, Self::Full | Self::Scarce | Self::Passing)
    }

    /// Whether it says that a disk cannot be written to, though it may be read.
    pub fn is_of_writing(self) -> bool {
        matches!(self, Self::Full | Self::ReadOnly | Self::Forbidden)
    }
}

/// What is behind an error that has a number and no kind.
#[cfg(unix)]
fn of_number(number: i32) -> IoFault {
    match number {
        libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOLCK => IoFault::Scarce,
        libc::EHOSTDOWN | libc::ENETRESET => IoFault::Passing,
        _ => IoFault::Lasting,
    }
}

/// What is behind an error that has a number and no kind, which nobody has sorted here.
#[cfg(not(unix))]
fn of_number(_: i32) -> IoFault {
    IoFault::Passing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_has_to_change_does_not_heal() {
        for kind in [
            ErrorKind::NotFound,
            ErrorKind::PermissionDenied,
            ErrorKind::AlreadyExists,
            ErrorKind::InvalidData,
            ErrorKind::InvalidInput,
            ErrorKind::InvalidFilename,
            ErrorKind::UnexpectedEof,
            ErrorKind::IsADirectory,
            ErrorKind::NotADirectory,
            ErrorKind::ReadOnlyFilesystem,
            ErrorKind::FileTooLarge,
            ErrorKind::CrossesDevices,
            ErrorKind::TooManyLinks,
            ErrorKind::Unsupported,
        ] {
            assert!(!IoFault::of(&kind.into()).heals(), "{kind:?}");
        }
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::TimedOut] {
            assert!(IoFault::of(&kind.into()).heals(), "{kind:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn errors_that_have_no_kind_are_told_by_their_numbers() {
        let of = |number| IoFault::of(&io::Error::from_raw_os_error(number));
        for lasting in [libc::EIO, libc::ELOOP, libc::ENXIO, libc::ENODEV, libc::ENOTTY, libc::EINVAL] {
            assert_eq!(of(lasting), IoFault::Lasting, "{}", io::Error::from_raw_os_error(lasting));
        }
        for scarce in [libc::EMFILE, libc::ENFILE, libc::ENOMEM] {
            assert_eq!(of(scarce), IoFault::Scarce, "{}", io::Error::from_raw_os_error(scarce));
        }
        assert_eq!(of(libc::ENOSPC), IoFault::Full);
        assert_eq!(of(libc::EROFS), IoFault::ReadOnly);
        assert_eq!(of(libc::ESTALE), IoFault::Passing);
    }
}
