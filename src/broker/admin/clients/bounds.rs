//! What a client may be: its scopes, its role, and that it is never more than whoever makes it.

use crate::{
    broker::{Call, Code, Error, Violation, authz::Authority},
    model::{
        organization::Role,
        owner::Owner,
        scope::{Operation, Scope, ScopeSet},
    },
};

/// What it takes, besides `admin:write`, to make or change a client of this owner.
pub(super) const fn scope_for(owner: Owner) -> Operation {
    match owner {
        Owner::Organization(_) => Operation::AdminWrite,
        Owner::System | Owner::User(_) => Operation::AdminTokens,
    }
}

/// Refuses what is beyond the caller.
pub(super) fn within(
    call: &Call,
    authority: Authority,
    owner: Owner,
    scopes: &ScopeSet,
    role: Option<Role>,
) -> Result<(), Error> {
    let bounded =
        !matches!((authority, owner), (Authority::Operator, Owner::Organization(_) | Owner::User(_)));
    let mut beyond = Vec::new();
    if bounded && !scopes.is_subset(&call.caller.scopes) {
        beyond.push(Violation::new("scopes", "must lie within your own token's"));
    }
    if role.is_some_and(|role| !authority.reaches(role)) {
        beyond.push(Violation::new("role", "must not be above your own"));
    }
    if beyond.is_empty() {
        return Ok(());
    }
    let message = "the client could do more than you may";
    Err(Error { violations: beyond, ..Error::new(Code::Forbidden, message) })
}

pub(super) fn role_violation(owner: Owner, role: Option<Role>) -> Option<Violation> {
    let is_right = matches!(owner, Owner::Organization(_)) == role.is_some();
    let reason = "required for a client of an organization, and only there";
    (!is_right).then(|| Violation::new("role", reason))
}

pub(super) fn read_scopes(texts: &[String], violations: &mut Vec<Violation>) -> ScopeSet {
    if texts.is_empty() || texts.len() > MAX_SCOPES {
        violations.push(Violation::new("scopes", format!("1 to {MAX_SCOPES} scopes")));
        return ScopeSet::default();
    }
    let mut scopes = ScopeSet::default();
    for (position, text) in texts.iter().enumerate() {
        match text.parse::<Scope>() {
            Ok(scope) => scopes.insert(scope),
            Err(_) => violations.push(Violation::new(format!("scopes[{position}]"), "no such scope")),
        }
    }
    scopes
}

const MAX_SCOPES: usize = 256;
