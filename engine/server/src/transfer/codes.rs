//! What a sender is told, in the codes by which its pipe knows what to do.
//!
//! | code | what its pipe does |
//! | --- | --- |
//! | 200, 1809 | goes on |
//! | 1803 | goes on from another byte of the file |
//! | 1808 | tries again until it succeeds |
//! | 1810 | tries again for a time, notes it in its log, and goes on |
//! | any other | tries again, or stops and says so |

use levada_model::StatusCode;

/// Of another version.
pub(crate) const VERSION: StatusCode = StatusCode(1800);
/// No kind of step that is known.
pub(crate) const KIND: StatusCode = StatusCode(1801);
/// A handshake failed.
pub(crate) const HANDSHAKE: StatusCode = StatusCode(1802);
/// Another byte of the file comes next.
pub(crate) const OFFSET: StatusCode = StatusCode(1803);
/// The file is to be sent anew.
pub(crate) const FILE: StatusCode = StatusCode(1804);
/// It cannot be taken now.
pub(crate) const LATER: StatusCode = StatusCode(1808);
/// It changes nothing here.
pub(crate) const PASSED_OVER: StatusCode = StatusCode(1809);
/// It does not fit what is here.
pub(crate) const CONFLICT: StatusCode = StatusCode(1810);
