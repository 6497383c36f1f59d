//! Statements that change users and roles.

use levada_model::{SessionError, StatusCode};
use levada_sql::ast::{ChangeAuthority, Grant, Holder, Privilege};

use super::{
    Identity, ROOT,
    book::{Account, Book},
    grants::{Covered, Grants},
    password,
};

/// A change that is legal by itself, its password hashed.
#[derive(Debug)]
pub(super) enum Change {
    CreateUser { user: String, hash: String },
    DropUser { user: String },
    SetPassword { user: String, hash: Option<String> },
    CreateRole { role: String },
    DropRole { role: String },
    Grant { grant: Grant, on: Vec<Covered> },
    Revoke { grant: Grant, on: Vec<Covered> },
    GrantRole { role: String, user: String },
    RevokeRole { role: String, user: String },
}

/// Checks what can be checked without knowing who there is. Blocks as long as hashing takes.
///
/// # Errors
/// A name, password or path is not allowed.
pub(super) fn prepare(change: ChangeAuthority) -> Result<Change, SessionError> {
    Ok(match change {
        ChangeAuthority::CreateUser { user, password } => {
            check_name(&user)?;
            check_password(password.reveal())?;
            Change::CreateUser { user, hash: password::hash(password.reveal())? }
        }
        ChangeAuthority::DropUser { user } => Change::DropUser { user },
        ChangeAuthority::SetPassword { user, password } => {
            check_password(password.reveal())?;
            Change::SetPassword { hash: password::stored(&user, password.reveal())?, user }
        }
        ChangeAuthority::CreateRole { role } => {
            check_name(&role)?;
            Change::CreateRole { role }
        }
        ChangeAuthority::DropRole { role } => Change::DropRole { role },
        ChangeAuthority::Grant(grant) => Change::Grant { on: covered(&grant)?, grant },
        ChangeAuthority::Revoke(grant) => Change::Revoke { on: covered(&grant)?, grant },
        ChangeAuthority::GrantRole { role, user } => Change::GrantRole { role, user },
        ChangeAuthority::RevokeRole { role, user } => Change::RevokeRole { role, user },
    })
}

impl Change {
    /// Carries it out.
    ///
    /// # Errors
    /// It makes no sense for who there is; the book may have changed in part then, and is not to be used.
    pub(super) fn apply(self, book: &mut Book, by: &Identity) -> Result<(), SessionError> {
        match self {
            Self::CreateUser { user, hash } => create_user(book, user, hash),
            Self::DropUser { user } => {
                if user == ROOT || *user == *by.user {
                    return Err(forbidden("Cannot drop admin user or yourself"));
                }
                let dropped = book.users.remove(&user);
                dropped.map(drop).ok_or_else(|| missing_user(format!("User {user} does not exist")))
            }
            Self::SetPassword { user, hash } => {
                if user == ROOT && !by.is_root() {
                    return Err(forbidden("Only the admin user can set its own password"));
                }
                account(book, &user)?.password = hash;
                Ok(())
            }
            Self::CreateRole { role } => {
                if role == ROOT {
                    return Err(forbidden("Cannot create role has same name with admin user"));
                }
                if book.roles.contains_key(&role) {
                    let message = format!("Role {role} already exists");
                    return Err(SessionError::new(StatusCode::ROLE_ALREADY_EXIST, message));
                }
                book.roles.insert(role, Grants::default());
                Ok(())
            }
            Self::DropRole { role } => drop_role(book, &role),
            Self::Grant { grant, on } => give(book, &grant, &on),
            Self::Revoke { grant, on } => take(book, &grant, &on),
            Self::GrantRole { role, user } => {
                known_role(book, &role)?;
                unless_root(&user)?;
                if !account(book, &user)?.roles.insert(role.clone()) {
                    let message = format!("User {user} already has role {role}");
                    return Err(SessionError::new(StatusCode::USER_ALREADY_HAS_ROLE, message));
                }
                Ok(())
            }
            Self::RevokeRole { role, user } => {
                known_role(book, &role)?;
                unless_root(&user)?;
                if !account(book, &user)?.roles.remove(&role) {
                    let message = format!("User {user} does not have role {role}");
                    return Err(SessionError::new(StatusCode::USER_NOT_HAS_ROLE, message));
                }
                Ok(())
            }
        }
    }
}

fn create_user(book: &mut Book, user: String, hash: String) -> Result<(), SessionError> {
    if user == ROOT {
        return Err(forbidden("Cannot create user has same name with admin user"));
    }
    if book.users.contains_key(&user) {
        let message = format!("User {user} already exists");
        return Err(SessionError::new(StatusCode::USER_ALREADY_EXIST, message));
    }
    let account = Account { id: book.next, password: Some(hash), ..Account::default() };
    book.next += 1;
    book.users.insert(user, account);
    Ok(())
}

fn drop_role(book: &mut Book, role: &str) -> Result<(), SessionError> {
    if book.roles.remove(role).is_none() {
        let message = format!("Role {role} does not exist");
        return Err(SessionError::new(StatusCode::ROLE_NOT_EXIST, message));
    }
    for account in book.users.values_mut() {
        account.roles.remove(role);
    }
    Ok(())
}

fn give(book: &mut Book, grant: &Grant, on: &[Covered]) -> Result<(), SessionError> {
    let holder = holder(book, &grant.holder)?;
    for on in on {
        for privilege in &grant.privileges {
            holder.give(*privilege, on, grant.grant_option);
        }
    }
    Ok(())
}

/// Takes privileges away; all of them or none. `all` are those that are held.
fn take(book: &mut Book, grant: &Grant, on: &[Covered]) -> Result<(), SessionError> {
    let holder = holder(book, &grant.holder)?;
    let mut found = false;
    for on in on {
        for privilege in &grant.privileges {
            let taken = holder.take(*privilege, on);
            found |= taken;
            if !taken && !grant.is_all {
                return Err(not_held(&grant.holder, *privilege, on));
            }
        }
    }
    match (found, on.first(), grant.privileges.first()) {
        (false, Some(on), Some(first)) => Err(not_held(&grant.holder, *first, on)),
        _ => Ok(()),
    }
}

fn not_held(holder: &Holder, privilege: Privilege, on: &Covered) -> SessionError {
    let who = match holder {
        Holder::User(user) => format!("User {user}"),
        Holder::Role(role) => format!("Role {role}"),
    };
    let message = format!("{who} does not have {privilege} on {}", on.pattern());
    SessionError::new(StatusCode::NOT_HAS_PRIVILEGE, message)
}

fn holder<'a>(book: &'a mut Book, holder: &Holder) -> Result<&'a mut Grants, SessionError> {
    match holder {
        Holder::User(user) => {
            unless_root(user)?;
            Ok(&mut account(book, user)?.grants)
        }
        Holder::Role(role) => book.roles.get_mut(role).ok_or_else(|| no_role(&format!(" {role}"))),
    }
}

fn account<'a>(book: &'a mut Book, user: &str) -> Result<&'a mut Account, SessionError> {
    book.users.get_mut(user).ok_or_else(|| no_user(&format!(" {user}")))
}

fn known_role(book: &Book, role: &str) -> Result<(), SessionError> {
    book.roles.get(role).map(drop).ok_or_else(|| no_role(&format!(" : {role}")))
}

fn unless_root(user: &str) -> Result<(), SessionError> {
    if user == ROOT { Err(forbidden("Cannot grant/revoke privileges of admin user")) } else { Ok(()) }
}

/// The paths of a statement, each one that a privilege can be held for.
fn covered(grant: &Grant) -> Result<Vec<Covered>, SessionError> {
    let mut covered = Vec::with_capacity(grant.paths.len());
    for path in &grant.paths {
        let on = Covered::of(path).ok_or_else(|| {
            let message =
                format!("Illegal pattern path: {path}, only pattern path that end with ** are supported.");
            SessionError::new(StatusCode::ILLEGAL_PARAMETER, message)
        })?;
        let of_server = grant.privileges.iter().find(|privilege| !privilege.is_of_paths());
        if let Some(privilege) = of_server
            && path.to_string() != "root.**"
        {
            let what = if grant.is_all { "ALL" } else { privilege.name() };
            let message = format!("[{what}] can only be set on path: root.**");
            return Err(SessionError::new(StatusCode::SEMANTIC_ERROR, message));
        }
        covered.push(on);
    }
    Ok(covered)
}

/// That a name of a user or role is allowed.
fn check_name(name: &str) -> Result<(), SessionError> {
    check(name)
}

/// That a password is allowed.
///
/// # Errors
/// It is too short or too long, or has characters that are not allowed.
pub(crate) fn check_password(password: &str) -> Result<(), SessionError> {
    check(password)
}

fn check(text: &str) -> Result<(), SessionError> {
    const SPECIAL: &str = "!@#$%^*()_+-=";
    let length = text.chars().count();
    let message = if length < 4 {
        "The length of name or password must be greater than or equal to 4"
    } else if length > 32 {
        "The length of name or password must be less than or equal to 32"
    } else if text.contains(' ') {
        "The name or password cannot contain spaces"
    } else if !text.chars().all(|each| each.is_ascii_alphanumeric() || SPECIAL.contains(each)) {
        "The name or password can only contain letters, numbers or !@#$%^*()_+-="
    } else {
        return Ok(());
    };
    Err(SessionError::new(StatusCode::ILLEGAL_PARAMETER, message))
}

fn forbidden(message: &str) -> SessionError {
    SessionError::new(StatusCode::NO_PERMISSION, message)
}

fn missing_user(message: String) -> SessionError {
    SessionError::new(StatusCode::USER_NOT_EXIST, message)
}

/// There is no user; the name with what stands before it.
pub(super) fn no_user(name: &str) -> SessionError {
    missing_user(format!("No such user{name}"))
}

/// There is no role; the name with what stands before it.
pub(super) fn no_role(name: &str) -> SessionError {
    SessionError::new(StatusCode::ROLE_NOT_EXIST, format!("No such role{name}"))
}
