//! Checking what was sent of a credential: every wrong field is named, in one answer, and no value is repeated.

use serde_json::{Map, Value};

use crate::{
    broker::{Broker, Error, Violation},
    model::{
        credential::{Credential, CredentialStatus},
        instant::Instant,
        organization::{SharingEntry, SharingRule},
        owner::Owner,
        service::{AccountName, DEFAULT_ACCOUNT, ParseServiceError, ServiceName, ServiceRef},
    },
};

use super::{Deposit, NewCredential};

impl Broker {
    /// What was sent to be deposited for an owner, checked.
    pub(super) fn checked_deposit(&self, owner: Owner, deposit: Deposit) -> Result<NewCredential, Error> {
        let expires_at = deposit.expires_at;
        let mut violations: Vec<Violation> = past(expires_at, self.clock.now()).into_iter().collect();
        let place = place(owner, &deposit, &mut violations);
        // Every wrong field is told at once, whatever is wrong with its place.
        let service = service_alone(&deposit.service, &mut Vec::new());
        let fields = service.map(|service| self.checked_fields(&service, deposit.fields));
        match (place, fields) {
            (Some((service, account, sharing)), Some(Ok(fields))) if violations.is_empty() => {
                Ok(NewCredential { owner, service, account, sharing, fields, expires_at })
            }
            (_, fields) => {
                violations
                    .extend(fields.and_then(Result::err).into_iter().flat_map(|error| error.violations));
                Err(Error::invalid(violations))
            }
        }
    }

    /// A credential's fields, checked against its service.
    pub(super) fn checked_fields(
        &self,
        service: &ServiceName,
        fields: Map<String, Value>,
    ) -> Result<Map<String, Value>, Error> {
        let known = self.described(service)?;
        known.check(fields, self.limits.url_reach).map_err(|faults| {
            let violations = faults.into_iter().map(|fault| Violation::new(fault.path, fault.reason));
            Error::invalid(violations.collect())
        })
    }
}

/// Where a credential shall be kept, and who may borrow it, checked.
pub(in crate::broker) fn checked_place(
    owner: Owner,
    deposit: &Deposit,
) -> Result<(ServiceName, AccountName, SharingRule), Error> {
    let mut violations = Vec::new();
    let place = place(owner, deposit, &mut violations);
    place.filter(|_| violations.is_empty()).ok_or_else(|| Error::invalid(violations))
}

/// The same; none when it cannot be told.
fn place(
    owner: Owner,
    deposit: &Deposit,
    violations: &mut Vec<Violation>,
) -> Option<(ServiceName, AccountName, SharingRule)> {
    let sharing = deposit.sharing.as_deref();
    if matches!(owner, Owner::Organization(_)) && sharing.is_none() {
        violations.push(Violation::new("sharing", "required: say who in the organization may borrow it"));
    }
    let sharing = check_sharing(owner, sharing, violations);
    let account = deposit.account.as_deref().unwrap_or(DEFAULT_ACCOUNT);
    let account = kept(account.parse(), "account", violations);
    let service = service_alone(&deposit.service, violations);
    Some((service?, account?, sharing))
}

/// What is wrong with the moment at which a value runs out.
pub(super) fn past(expires_at: Option<Instant>, now: Instant) -> Option<Violation> {
    let is_past = expires_at.is_some_and(|at| at <= now);
    is_past.then(|| Violation::new("expires_at", "must lie in the future"))
}

/// The service, which is sent apart from its account here, although both are lent by one text.
fn service_alone(text: &str, violations: &mut Vec<Violation>) -> Option<ServiceName> {
    if text.parse::<ServiceRef>().is_ok_and(|both| both.account.is_some()) {
        let reason = "names the service alone: put what follows the `/` into `account`";
        violations.push(Violation::new("service", reason));
        return None;
    }
    kept(text.parse(), "service", violations)
}

/// What was read, or a violation that says why not.
fn kept<T>(read: Result<T, ParseServiceError>, field: &str, violations: &mut Vec<Violation>) -> Option<T> {
    read.map_err(|error| violations.push(Violation::new(field, error.to_string()))).ok()
}

/// Checks a change; answers the new rule, if one was sent.
pub(super) fn check_update(
    before: &Credential,
    sharing: Option<&[String]>,
    (primary, status): (Option<bool>, Option<CredentialStatus>),
) -> Result<Option<SharingRule>, Error> {
    let mut violations = Vec::new();
    let rule = check_sharing(before.owner, sharing, &mut violations);
    if primary == Some(false) && before.primary {
        violations.push(Violation::new("primary", "make another account of the service primary instead"));
    }
    if status.is_some_and(|status| !is_switch(status)) {
        violations.push(Violation::new(
            "status",
            "can be set to active or inactive; the others are the service's to say",
        ));
    } else if status == Some(CredentialStatus::Active) && !is_switch(before.status) {
        let reason =
            format!("is {}: connect the account again, or give the credential a new value", before.status);
        violations.push(Violation::new("status", reason));
    } else if status.is_some() && before.status == CredentialStatus::Pending {
        violations.push(Violation::new(
            "status",
            "is pending: confirm the account first, or delete the credential",
        ));
    }
    if violations.is_empty() { Ok(sharing.map(|_| rule)) } else { Err(Error::invalid(violations)) }
}

/// Whether an owner sets it.
const fn is_switch(status: CredentialStatus) -> bool {
    matches!(status, CredentialStatus::Active | CredentialStatus::Inactive)
}

fn check_sharing(owner: Owner, texts: Option<&[String]>, violations: &mut Vec<Violation>) -> SharingRule {
    let wrong = match (owner, texts) {
        (Owner::Organization(_), Some([])) => {
            Some("name somebody; to lend it to nobody, set its status to inactive")
        }
        (Owner::System | Owner::User(_), Some([_, ..])) => {
            Some("only an organization's credentials are shared")
        }
        _ => None,
    };
    violations.extend(wrong.map(|reason| Violation::new("sharing", reason)));
    let texts = texts.unwrap_or_default();
    if texts.len() > MAX_SHARING {
        violations.push(Violation::new("sharing", format!("at most {MAX_SHARING} entries")));
        return SharingRule::default();
    }
    let mut rule = SharingRule::default();
    for (position, text) in texts.iter().enumerate() {
        match text.parse::<SharingEntry>() {
            Ok(entry) if rule.0.contains(&entry) => {}
            Ok(entry) => rule.0.push(entry),
            Err(_) => {
                let reason = "must be all_members, admins_only or user:<id>";
                violations.push(Violation::new(format!("sharing[{position}]"), reason));
            }
        }
    }
    rule
}

const MAX_SHARING: usize = 256;
