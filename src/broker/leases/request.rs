//! Reading a request for a lease: every wrong field is named, in one answer.

use std::collections::BTreeSet;

use crate::{
    broker::{Error, Violation},
    keyring::digest::TokenDigest,
    model::{
        id::OrganizationId,
        service::{MAX_SERVICES, ServiceRef},
        text::is_plain,
        ttl::Ttl,
    },
    store::mutation::Idempotency,
};

use super::types::CreateLease;

/// A request for a lease, checked.
pub(super) struct Wanted {
    /// Sorted, without duplicates.
    pub(super) services: Vec<ServiceRef>,
    pub(super) ttl: Ttl,
    pub(super) server_id: String,
    pub(super) organization_id: Option<OrganizationId>,
    pub(super) allow_partial: bool,
    pub(super) reuse: bool,
    pub(super) client_info: Option<String>,
    pub(super) idempotency: Option<Idempotency>,
}

impl CreateLease {
    pub(super) fn check(self, default_ttl: Ttl) -> Result<Wanted, Error> {
        let mut violations = Vec::new();
        let services = check_services(&self.services, &mut violations);
        let ttl = check_ttl(self.ttl, &mut violations).unwrap_or(default_ttl);
        let organization_id = check_organization(self.organization_id.as_deref(), &mut violations);
        let characters = self.server_id.chars().count();
        if !(1..=MAX_SERVER_ID).contains(&characters) || !is_plain(&self.server_id) {
            violations.push(Violation::new(
                "server_id",
                "required: 1 to 100 characters, without control characters",
            ));
        }
        if self.client_info.as_deref().is_some_and(|info| !is_text(info, MAX_CLIENT_INFO)) {
            let reason = "at most 500 characters, without control characters but tabs and line breaks";
            violations.push(Violation::new("client_info", reason));
        }
        if self.idempotency_key.as_deref().is_some_and(|key| !is_key(key)) {
            violations.push(Violation::new("idempotency_key", "1 to 255 visible ASCII characters"));
        }
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        let services: Vec<ServiceRef> = services.into_iter().collect();
        let asked = shape(&services, ttl, &self.server_id, organization_id);
        let digest =
            TokenDigest::of(&format!("{asked} {} {} {:?}", self.allow_partial, self.reuse, self.client_info));
        let idempotency = self.idempotency_key.map(|key| Idempotency { key, digest: digest.to_string() });
        Ok(Wanted {
            services,
            ttl,
            server_id: self.server_id,
            organization_id,
            allow_partial: self.allow_partial,
            reuse: self.reuse,
            client_info: self.client_info,
            idempotency,
        })
    }
}

/// Checks a ttl in seconds; none when it is wrong, which is added to the violations, or absent.
pub(super) fn check_ttl(seconds: Option<i64>, violations: &mut Vec<Violation>) -> Option<Ttl> {
    match Ttl::from_seconds(seconds?) {
        Ok(ttl) => Some(ttl),
        Err(error) => {
            violations.push(Violation::new("ttl", error.to_string()));
            None
        }
    }
}

/// Whether free text may be kept: not too long, and without control characters, which a database may refuse and a
/// terminal obeys.
pub(super) fn is_text(text: &str, max: usize) -> bool {
    text.chars().count() <= max && text.split(['\t', '\r', '\n']).all(is_plain)
}

fn check_services(texts: &[String], violations: &mut Vec<Violation>) -> BTreeSet<ServiceRef> {
    let mut services = BTreeSet::new();
    if texts.is_empty() {
        violations.push(Violation::new("services", "required: name at least one service"));
    }
    // Duplicates don't count, but nobody gets to send ten thousand of them.
    if texts.len() > MAX_NAMES {
        violations.push(Violation::new("services", format!("at most {MAX_SERVICES} services")));
        return services;
    }
    for (position, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(service) => drop(services.insert(service)),
            Err(error) => violations.push(Violation::new(format!("services[{position}]"), error.to_string())),
        }
    }
    if services.len() > MAX_SERVICES {
        violations.push(Violation::new("services", format!("at most {MAX_SERVICES} services")));
    }
    services
}

fn check_organization(text: Option<&str>, violations: &mut Vec<Violation>) -> Option<OrganizationId> {
    match text?.parse() {
        Ok(id) => Some(id),
        Err(error) => {
            violations.push(Violation::new("organization_id", format!("{error}")));
            None
        }
    }
}

fn is_key(key: &str) -> bool {
    (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A digest of what makes two leases the same to those who would share one: what is lent, not what was asked for.
pub(super) fn shape(
    services: &[ServiceRef],
    ttl: Ttl,
    server_id: &str,
    organization: Option<OrganizationId>,
) -> String {
    let services: Vec<String> = services.iter().map(ToString::to_string).collect();
    // Neither services nor ids contain a space; the server id, which may, comes last.
    let organization = organization.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let text = format!("{} {} {organization} {server_id}", services.join(","), ttl.seconds());
    // Every lease has an entry of it in an index. Half of the digest is enough: only one principal's own requests are
    // told apart by it.
    let mut digest = TokenDigest::of(&text).to_string();
    digest.truncate(SHAPE_LEN);
    digest
}

const MAX_SERVER_ID: usize = 100;
const MAX_CLIENT_INFO: usize = 500;
const MAX_NAMES: usize = 4 * MAX_SERVICES;
/// Hexadecimal digits: 128 bits.
const SHAPE_LEN: usize = 32;
