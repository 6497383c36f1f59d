//! Privileges that a user or a role holds.

use std::collections::BTreeMap;

use levada_model::{Path, PathPattern};
use levada_sql::ast::Privilege;

/// Privileges, and whether each may be given to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    /// Those that are of the whole server.
    pub(super) server: BTreeMap<Privilege, bool>,
    /// Those of paths, in the order in which they were first given.
    pub(super) paths: Vec<PathGrant>,
}

/// Privileges for one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathGrant {
    pub(super) on: Covered,
    pub(super) privileges: BTreeMap<Privilege, bool>,
}

/// What a privilege is held for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Covered {
    /// One path.
    Path(Path),
    /// All that lies below a path.
    Below(Path),
}

impl Covered {
    /// What privileges can be held for: one path, or one with `**` behind it.
    pub(super) fn of(pattern: &PathPattern) -> Option<Self> {
        if let Some(path) = pattern.as_path() {
            return Some(Self::Path(path));
        }
        let (above, last) = pattern.split_last()?;
        let path = above.as_path()?;
        last.nodes().eq(["**"]).then_some(Self::Below(path))
    }

    /// As it is written.
    pub(super) fn pattern(&self) -> PathPattern {
        match self {
            Self::Path(path) => PathPattern::from(path),
            Self::Below(path) => {
                PathPattern::from(path).join(&PathPattern::parse("**").expect("a legal pattern"))
            }
        }
    }

    /// Whether all series that a device may have are covered.
    pub(crate) fn covers_below(&self, device: &Path) -> bool {
        matches!(self, Self::Below(path) if path.is_prefix_of(device))
    }

    /// Whether a series is covered.
    pub(crate) fn has_series(&self, series: &Path) -> bool {
        match self {
            Self::Path(path) => path == series,
            Self::Below(path) => path != series && path.is_prefix_of(series),
        }
    }

    /// Whether any series that a device may have is covered.
    pub(crate) fn has_some_of(&self, device: &Path) -> bool {
        match self {
            Self::Path(path) => path.parent().as_ref() == Some(device),
            Self::Below(path) => path.is_prefix_of(device),
        }
    }

    /// Whether anything that may lie below a path is covered.
    pub(crate) fn reaches_below(&self, above: &Path) -> bool {
        match self {
            Self::Path(path) => above.is_prefix_of(path),
            Self::Below(path) => path.is_prefix_of(above) || above.is_prefix_of(path),
        }
    }

    /// Whether all paths that a pattern matches are covered.
    pub(super) fn covers(&self, asked: &PathPattern) -> bool {
        match self {
            Self::Path(path) => asked.as_path().as_ref() == Some(path),
            Self::Below(path) => {
                let begins = asked.literal_prefix();
                begins.is_some_and(|begins| path.is_prefix_of(&begins)) && asked.len() > path.nodes().count()
            }
        }
    }
}

impl Grants {
    /// Adds a privilege for some path, or one of the whole server.
    pub(super) fn give(&mut self, privilege: Privilege, on: &Covered, may_give: bool) {
        if !privilege.is_of_paths() {
            *self.server.entry(privilege).or_default() |= may_give;
            return;
        }
        let at = self.paths.iter().position(|grant| grant.on == *on).unwrap_or_else(|| {
            self.paths.push(PathGrant { on: on.clone(), privileges: BTreeMap::new() });
            self.paths.len() - 1
        });
        *self.paths[at].privileges.entry(privilege).or_default() |= may_give;
    }

    /// Takes a privilege away, for a path and all that it covers; says whether there was one.
    pub(super) fn take(&mut self, privilege: Privilege, on: &Covered) -> bool {
        if !privilege.is_of_paths() {
            return self.server.remove(&privilege).is_some();
        }
        let mut found = false;
        for grant in self.paths.iter_mut().filter(|grant| on.covers(&grant.on.pattern())) {
            found |= grant.privileges.remove(&privilege).is_some();
        }
        self.paths.retain(|grant| !grant.privileges.is_empty());
        found
    }

    /// All that another holds, too.
    pub(super) fn add(&mut self, other: &Self) {
        for (privilege, may_give) in &other.server {
            *self.server.entry(*privilege).or_default() |= may_give;
        }
        for grant in &other.paths {
            for (privilege, may_give) in &grant.privileges {
                self.give(*privilege, &grant.on, *may_give);
            }
        }
    }

    /// Whether a privilege of the whole server is held.
    pub(super) fn holds(&self, privilege: Privilege) -> bool {
        self.server.contains_key(&privilege)
    }

    /// The paths that a privilege is held for. Who may change series sees them.
    pub(super) fn of(&self, privilege: Privilege) -> impl Iterator<Item = &Covered> {
        let also = (privilege == Privilege::ReadSchema).then_some(Privilege::WriteSchema);
        self.paths
            .iter()
            .filter(move |grant| {
                grant.privileges.contains_key(&privilege)
                    || also.is_some_and(|also| grant.privileges.contains_key(&also))
            })
            .map(|grant| &grant.on)
    }

    /// Whether a privilege may be given to others, for a path.
    pub(super) fn may_give(&self, privilege: Privilege, on: &PathPattern) -> bool {
        if !privilege.is_of_paths() {
            return self.server.get(&privilege) == Some(&true);
        }
        let given = |grant: &PathGrant| grant.privileges.get(&privilege) == Some(&true);
        self.paths.iter().any(|grant| given(grant) && grant.on.covers(on))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(text: &str) -> Option<Covered> {
        Covered::of(&PathPattern::parse(text).expect("legal"))
    }

    #[test]
    fn privileges_are_for_one_path_or_for_all_below_one() {
        assert!(covered("root.a.s").is_some() && covered("root.**").is_some());
        for text in ["root.a.*", "root.*.s", "root.*.**", "root.**.s", "root.a*"] {
            assert_eq!(covered(text), None, "{text}");
        }
    }

    #[test]
    fn what_lies_below_is_covered_and_nothing_else() {
        let pattern = |text| PathPattern::parse(text).expect("legal");
        let below = covered("root.a.**").expect("legal");
        for text in ["root.a.s", "root.a.**", "root.a.*", "root.a.b.**.s", "root.a.b*"] {
            assert!(below.covers(&pattern(text)), "{text}");
        }
        for text in ["root.a", "root.**", "root.ab.s", "root.*.s", "root.a*", "root.b.**"] {
            assert!(!below.covers(&pattern(text)), "{text}");
        }
        let one = covered("root.a.s").expect("legal");
        assert!(one.covers(&pattern("root.a.s")));
        assert!(!one.covers(&pattern("root.a.s.t")) && !one.covers(&pattern("root.a.*")));
    }

    #[test]
    fn taking_a_privilege_away_takes_what_it_covers() {
        let mut grants = Grants::default();
        let (all, below, one) = (covered("root.**"), covered("root.a.**"), covered("root.a.s"));
        let (all, below, one) = (all.expect("legal"), below.expect("legal"), one.expect("legal"));
        for on in [&below, &one] {
            grants.give(Privilege::ReadData, on, false);
        }
        assert!(!grants.take(Privilege::WriteData, &all));
        assert!(grants.take(Privilege::ReadData, &one), "it is held for that path, too");
        assert!(!grants.take(Privilege::ReadData, &one), "not any more");
        assert!(grants.take(Privilege::ReadData, &all));
        assert_eq!(grants, Grants::default());
    }
}
