//! Statements about users and roles, in the spellings of 1.3 and of the releases before.

use levada_model::PathPattern;

use super::{Parsed, Parser};
use crate::{
    ast::{ChangeAuthority, Grant, Holder, ListAuthority, Password, Privilege, Statement},
    lexer::TokenKind,
};

const EVERYTHING: &str = "root.**";

/// Whether privileges are given or taken away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Grant,
    Revoke,
}

impl Gives {
    /// The word before who it is about.
    fn direction(self) -> &'static str {
        match self {
            Self::Grant => "TO",
            Self::Revoke => "FROM",
        }
    }

    fn of_role(self, role: String, user: String) -> ChangeAuthority {
        match self {
            Self::Grant => ChangeAuthority::GrantRole { role, user },
            Self::Revoke => ChangeAuthority::RevokeRole { role, user },
        }
    }

    fn of_privileges(self, grant: Grant) -> ChangeAuthority {
        match self {
            Self::Grant => ChangeAuthority::Grant(grant),
            Self::Revoke => ChangeAuthority::Revoke(grant),
        }
    }
}

impl Parser<'_> {
    /// `amy 'secret'` behind `create user`
    pub(super) fn create_user(&mut self) -> Parsed<Statement> {
        let user = self.name()?;
        let password = Password::new(self.text_literal()?);
        Ok(Statement::ChangeAuthority(ChangeAuthority::CreateUser { user, password }))
    }

    /// `amy set password 'secret'` behind `alter user`
    pub(super) fn set_password(&mut self) -> Parsed<Statement> {
        let user = self.user_or_root()?;
        self.expect("SET")?;
        self.expect("PASSWORD")?;
        let password = Password::new(self.text_literal()?);
        Ok(Statement::ChangeAuthority(ChangeAuthority::SetPassword { user, password }))
    }

    /// What stands behind `grant` or `revoke`.
    pub(super) fn grant(&mut self, gives: Gives) -> Parsed<Statement> {
        let change = if let Some(holder) = self.old_holder()? {
            let (privileges, is_all) = self.privileges()?;
            let paths = if self.eat("ON") { self.old_paths()? } else { vec![everything()] };
            let grant = Grant { privileges, is_all, paths, holder, grant_option: false };
            gives.of_privileges(grant)
        } else if self.is_word(0, "role") && self.is_name(1) {
            self.skip(1);
            let role = self.name()?;
            self.expect(gives.direction())?;
            gives.of_role(role, self.name()?)
        } else if self.is_name(0) && self.is_word(1, gives.direction()) {
            let role = self.name()?;
            self.skip(1);
            gives.of_role(role, self.name()?)
        } else {
            let (privileges, is_all) = self.privileges()?;
            self.expect("ON")?;
            let paths = self.list(Self::pattern)?;
            self.expect(gives.direction())?;
            let holder = self.holder(Self::name)?;
            let grant_option = gives == Gives::Grant && self.eat("WITH");
            if grant_option {
                self.expect("GRANT")?;
                self.expect("OPTION")?;
            }
            gives.of_privileges(Grant { privileges, is_all, paths, holder, grant_option })
        };
        Ok(Statement::ChangeAuthority(change))
    }

    /// `user amy privileges`, `role ops privileges`, as releases before 1.3 begin.
    fn old_holder(&mut self) -> Parsed<Option<Holder>> {
        let is_old = (self.is_word(0, "user") || self.is_word(0, "role")) && self.is_word(2, "privileges");
        if !is_old {
            return Ok(None);
        }
        let holder = self.holder(Self::name)?;
        self.expect("PRIVILEGES")?;
        Ok(Some(holder))
    }

    /// `user amy`, `role ops`
    fn holder(&mut self, user: impl FnOnce(&mut Self) -> Parsed<String>) -> Parsed<Holder> {
        match self.eat_any(&["USER", "ROLE"]) {
            Some(0) => Ok(Holder::User(user(self)?)),
            Some(_) => Ok(Holder::Role(self.name()?)),
            None => Err(self.unexpected()),
        }
    }

    /// Privileges, and whether all are meant.
    fn privileges(&mut self) -> Parsed<(Vec<Privilege>, bool)> {
        let mut privileges: Vec<Privilege> = Vec::new();
        let mut is_all = false;
        self.list(|parser| {
            let named = parser.privilege()?;
            is_all |= named.len() == Privilege::ALL.len();
            for each in named {
                if !privileges.contains(each) {
                    privileges.push(*each);
                }
            }
            Ok(())
        })?;
        Ok((privileges, is_all))
    }

    /// A privilege, or a group of some; a name of releases before 1.3 may be a text.
    fn privilege(&mut self) -> Parsed<&'static [Privilege]> {
        let token = self.token();
        let name = match token.kind {
            TokenKind::Word => self.text_of(token).to_owned(),
            TokenKind::Text => crate::lexer::unquote(self.text_of(token)),
            _ => String::new(),
        };
        let named = if name.eq_ignore_ascii_case("all") { Privilege::ALL } else { Privilege::named(&name) };
        if named.is_empty() {
            self.expected.extend(["ALL", "READ", "WRITE"]);
            self.expected.extend(Privilege::ALL.iter().map(|each| each.name()));
            return Err(self.unexpected());
        }
        self.bump();
        Ok(named)
    }

    /// Paths as releases before 1.3 have them: one without a wildcard stands for what lies below it, too.
    fn old_paths(&mut self) -> Parsed<Vec<PathPattern>> {
        let mut paths = Vec::new();
        for path in self.list(Self::pattern)? {
            let below = PathPattern::parse("**").expect("a legal pattern");
            let below = (!path.has_wildcard()).then(|| path.join(&below));
            let is_root = path.len() == 1;
            if !is_root {
                paths.push(path);
            }
            paths.extend(below);
        }
        Ok(paths)
    }

    /// What stands behind `list`.
    pub(super) fn list_authority(&mut self) -> Parsed<Statement> {
        let all = self.eat("ALL");
        let list = match self.eat_any(&["USER", "ROLE", "PRIVILEGES"]) {
            Some(0) if !all && self.eat("PRIVILEGES") => {
                let holder = Holder::User(self.user_or_root()?);
                ListAuthority::Privileges { holder, paths: Vec::new() }
            }
            Some(0) => {
                let of = self.eat_all(&["OF", "ROLE"]);
                ListAuthority::Users { role: if of { Some(self.name()?) } else { None } }
            }
            Some(1) if !all && self.eat("PRIVILEGES") => {
                let holder = Holder::Role(self.name()?);
                ListAuthority::Privileges { holder, paths: Vec::new() }
            }
            Some(1) => {
                let of = self.eat_all(&["OF", "USER"]);
                ListAuthority::Roles { user: if of { Some(self.user_or_root()?) } else { None } }
            }
            Some(_) if !all => {
                self.eat("OF");
                let holder = self.holder(Self::user_or_root)?;
                let paths = if self.eat("ON") { self.old_paths()? } else { Vec::new() };
                ListAuthority::Privileges { holder, paths }
            }
            _ => return Err(self.unexpected()),
        };
        Ok(Statement::ListAuthority(list))
    }

    /// What stands behind `kill`.
    pub(super) fn kill(&mut self) -> Parsed<Statement> {
        if self.eat_all(&["ALL", "QUERIES"]) {
            return Ok(Statement::KillQuery { query: None });
        }
        self.expect("QUERY")?;
        let token = self.token();
        let query = match token.kind {
            TokenKind::Integer => {
                self.bump();
                self.text_of(token).to_owned()
            }
            _ => self.text_literal()?,
        };
        Ok(Statement::KillQuery { query: Some(query) })
    }

    /// A user's name; `root` needs no quotes where nobody is made or removed.
    fn user_or_root(&mut self) -> Parsed<String> {
        if self.eat("ROOT") { Ok("root".to_owned()) } else { self.name() }
    }
}

fn everything() -> PathPattern {
    PathPattern::parse(EVERYTHING).expect("a legal pattern")
}
