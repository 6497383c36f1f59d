//! Hashes of passwords, and checking them.
//!
//! A check takes some milliseconds and 19 MiB, on purpose. So few run at once, and of a password that was right a keyed hash is
//! kept in memory: the next login with it takes no time, as a program has that sends its password with each request.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::OnceLock,
};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use levada_model::{SessionError, StatusCode};
use parking_lot::Mutex;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::ROOT;
use crate::error::panicked;

/// The password of `root` until it has been set.
const FIRST: &str = "root";

/// So many passwords are checked at once.
const CONCURRENT_CHECKS: usize = 2;

/// What a password is compared with.
#[derive(Debug)]
pub(super) enum Stored {
    /// The password that `root` has at first.
    First,
    /// A user's hash.
    Hash { user: u64, hash: String },
    /// There is no such user.
    Nothing,
}

/// Checks passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    permits: Semaphore,
    /// The keys of this process.
    keys: [RandomState; 2],
    /// By the user's number: the stored hash, and the keyed hash of the password that it was found to fit.
    right: Mutex<HashMap<u64, (String, [u64; 2])>>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            permits: Semaphore::new(CONCURRENT_CHECKS),
            keys: [RandomState::new(), RandomState::new()],
            right: Mutex::default(),
        }
    }
}

impl Passwords {
    /// Whether a password is the one that is stored. Where nothing is, it takes as long as elsewhere, and never is.
    ///
    /// # Errors
    /// The check did not come to its end.
    pub(super) async fn check(&self, stored: Stored, password: &str) -> Result<bool, SessionError> {
        let keyed = self.keys.each_ref().map(|key| key.hash_one(password));
        let (user, hash) = match stored {
            Stored::First => return Ok(keyed == self.keys.each_ref().map(|key| key.hash_one(FIRST))),
            Stored::Nothing => (None, None),
            Stored::Hash { user, hash } => (Some(user), Some(hash)),
        };
        let known = |(user, hash): (u64, String)| self.right.lock().get(&user) == Some(&(hash, keyed));
        if user.zip(hash.clone()).is_some_and(known) {
            return Ok(true);
        }
        let closed = |_| SessionError::new(StatusCode::NOT_LOGIN, "logins are not possible any more");
        let _permit = self.permits.acquire().await.map_err(closed)?;
        let (stored, given) = (hash.clone(), password.to_owned());
        let fits = spawn_blocking(move || {
            let stored = stored.unwrap_or_else(nobody);
            Argon2::default().verify_password(given.as_bytes(), stored.as_str()).is_ok()
        });
        let fits = fits.await.map_err(panicked)?;
        let (Some(user), Some(hash), true) = (user, hash, fits) else { return Ok(false) };
        self.right.lock().insert(user, (hash, keyed));
        Ok(true)
    }
}

/// The hash of a password, with what it takes to check it.
///
/// # Errors
/// The system gives no random numbers.
pub(super) fn hash(password: &str) -> Result<String, SessionError> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|error| {
        let message = format!("the password cannot be hashed: {error}");
        SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    })?;
    Ok(hash.to_string())
}

/// What is stored of a user's password: nothing where it is the one that `root` has at first.
///
/// # Errors
/// As [`hash`].
pub(super) fn stored(user: &str, password: &str) -> Result<Option<String>, SessionError> {
    if user == ROOT && password == FIRST { Ok(None) } else { hash(password).map(Some) }
}

/// A hash that takes as long to check as any other, and that no password fits that somebody knows.
fn nobody() -> String {
    static NOBODY: OnceLock<String> = OnceLock::new();
    let made = || hash(&format!("{:x}", RandomState::new().hash_one("nobody"))).unwrap_or_default();
    NOBODY.get_or_init(made).clone()
}
