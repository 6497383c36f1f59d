//! Users, roles, and what they may do.
//!
//! ```text
//!   statements ─► Users ─┬─ Book      who there is: users, roles, privileges; replaced whole, so that readers never wait
//!                        ├─ File      the book on the disk: written whole, synced, then renamed into place
//!                        └─ Passwords hashes (Argon2id), checked on the runtime's blocking threads, few at once
//! ```
//!
//! # Invariants
//! * A change that returned without an error is durable. One that failed changed nothing; where the disk failed, a crash may
//!   leave either.
//! * There is always the user `root`, who may do everything, and whose privileges cannot be changed. Until its password is
//!   set it is `root`.
//! * A user who was removed may do nothing any more, though a session is still open, nor may a later user of the same name
//!   through it.

mod book;
mod change;
mod file;
mod grants;
mod list;
mod password;

use std::sync::Arc;

use levada_model::{SessionError, StatusCode};
use levada_sql::ast::{ChangeAuthority, ListAuthority};
use parking_lot::{Mutex, RwLock};

pub(crate) use self::change::check_password;
use self::{
    book::Book,
    password::{Passwords, Stored},
};
pub(crate) use self::{book::Rights, file::UsersFile, grants::Covered, list::Listed};

/// The user who may do everything.
pub(crate) const ROOT: &str = "root";

/// Users and roles of a data folder.
#[derive(Debug)]
pub(crate) struct Users {
    file: UsersFile,
    book: RwLock<Arc<Book>>,
    /// Held while the book is changed.
    changing: Mutex<()>,
    passwords: Passwords,
}

/// Who a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user: Arc<str>,
    /// No two users have the same, one after the other neither.
    pub(crate) id: u64,
}

impl Identity {
    /// The user `root`.
    pub(crate) fn root() -> Self {
        Self { user: ROOT.into(), id: book::ROOT_ID }
    }

    pub(crate) fn is_root(&self) -> bool {
        self.id == book::ROOT_ID
    }
}

impl Users {
    /// Reads the users of a folder; `root` alone where there are none.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged: nobody is let in then.
    pub(crate) fn open(file: UsersFile) -> Result<Self, levada_storage::StorageError> {
        let book = file.read()?.unwrap_or_default();
        Ok(Self {
            file,
            book: RwLock::new(Arc::new(book)),
            changing: Mutex::new(()),
            passwords: Passwords::default(),
        })
    }

    fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book.read())
    }

    /// Whether the password of `root` is the one that everybody knows.
    pub(crate) fn has_first_password(&self) -> bool {
        self.book().users.get(ROOT).is_none_or(|root| root.password.is_none())
    }

    /// What somebody may do now.
    ///
    /// # Errors
    /// The user has been removed.
    pub(crate) fn rights(&self, of: &Identity) -> Result<Arc<Rights>, SessionError> {
        let book = self.book();
        book.rights(of).ok_or_else(|| {
            let message = format!("User {} does not exist any more: log in as another", of.user);
            SessionError::new(StatusCode::NO_PERMISSION, message)
        })
    }

    /// Who has a name and a password.
    ///
    /// # Errors
    /// There is nobody: whether it is the name or the password that is wrong is not told, nor does it show in the time it takes.
    pub(crate) async fn log_in(&self, user: &str, password: &str) -> Result<Identity, SessionError> {
        let account = self.book().users.get(user).map(|account| (account.id, account.password.clone()));
        let stored = match &account {
            None => Stored::Nothing,
            Some((_, None)) => Stored::First,
            Some((id, Some(hash))) => Stored::Hash { user: *id, hash: hash.clone() },
        };
        match (self.passwords.check(stored, password).await?, account) {
            (true, Some((id, _))) => Ok(Identity { user: user.into(), id }),
            _ => Err(SessionError::new(StatusCode::WRONG_LOGIN_PASSWORD, "Authentication failed.")),
        }
    }

    /// Sets the password of `root` if nobody has set one yet; says whether it did. Returns when it is durable. Blocks.
    ///
    /// # Errors
    /// It is no legal password, or cannot be stored.
    pub(crate) fn set_first_password(&self, password: &str) -> Result<bool, SessionError> {
        check_password(password)?;
        let hash = password::stored(ROOT, password)?;
        let mut set = false;
        self.alter(|book| {
            let root = book.users.entry(ROOT.to_owned()).or_default();
            set = root.password.is_none();
            if set {
                root.password = hash;
            }
            Ok(())
        })?;
        Ok(set)
    }

    /// Carries out a statement, and returns when it is durable. Blocks.
    ///
    /// # Errors
    /// It makes no sense for who there is, or cannot be stored; nothing has changed then.
    pub(crate) fn change(&self, change: ChangeAuthority, by: &Identity) -> Result<(), SessionError> {
        let change = change::prepare(change)?;
        self.alter(|book| change.apply(book, by))
    }

    /// What a statement asks for.
    ///
    /// # Errors
    /// There is no such user or role.
    pub(crate) fn list(&self, list: &ListAuthority) -> Result<Listed, SessionError> {
        list::list(&self.book(), list)
    }

    fn alter(&self, change: impl FnOnce(&mut Book) -> Result<(), SessionError>) -> Result<(), SessionError> {
        let _changing = self.changing.lock();
        let before = self.book();
        let mut book = Book::clone(&before);
        change(&mut book)?;
        if book == *before {
            return Ok(());
        }
        self.file.write(&book)?;
        *self.book.write() = Arc::new(book);
        Ok(())
    }
}
