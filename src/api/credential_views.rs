//! How credentials are answered, an organization's and a person's own alike: never with their values.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    broker::credentials::Deposited,
    issuer::validate::Verdict,
    model::{credential::Credential, id::CredentialId, instant::Instant},
};

/// A credential, without its value.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Credential)]
pub struct CredentialView {
    /// The id.
    #[schema(value_type = String, example = "crd_069bq1c8m5vk3f5k9t4m2s6g8c")]
    pub(super) id: CredentialId,
    /// Whose it is: a user's or an organization's id.
    owner: String,
    /// The service.
    service: String,
    /// The account there.
    account: String,
    /// Whether the bare service name means this account.
    primary: bool,
    /// `active`; `inactive` (switched off by its owner); `pending` (connected, not confirmed); `needs_reauth` (the account
    /// must be connected again); `upstream_disabled` (the account is switched off at the service).
    status: String,
    /// Why it cannot be borrowed, where the service said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    /// How what is lent of it comes about; see the service.
    #[schema(example = "authorization_code")]
    issuer: String,
    /// The account at the service, as the service names it; of connected ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    /// Who may borrow an organization's.
    sharing: Vec<String>,
    /// Which fields the value has.
    field_names: Vec<String>,
    /// Rises with each new value.
    version: i64,
    /// When it was deposited.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// When its present value was.
    #[schema(value_type = String, format = "date-time")]
    rotated_at: Instant,
    /// When the value runs out by itself, where that is known.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
    /// After it was tried at its service: `works`; `unknown`, when the service was not reached or answered something
    /// else; or `untried`, when nothing is known to try it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<String>,
    /// Why it is `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_detail: Option<String>,
    /// For `If-Match`.
    pub(super) etag: String,
}

/// What a service said of a credential.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialValidation {
    /// `works`; `refused`; `unknown`, when the service was not reached or answered something else; or `untried`, when
    /// nothing is known to try it with.
    outcome: String,
    /// The HTTP status of the service's refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why it is `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// A credential that was stored, with what its service said of it.
pub(super) fn deposited(deposited: Deposited) -> CredentialView {
    let Deposited { credential, verdict } = deposited;
    let (name, detail) = (verdict.as_ref().map(Verdict::as_str), verdict.as_ref().and_then(Verdict::detail));
    CredentialView {
        validation: name.map(ToOwned::to_owned),
        validation_detail: detail.map(ToOwned::to_owned),
        ..view(credential)
    }
}

pub(super) fn validation(verdict: &Verdict) -> CredentialValidation {
    CredentialValidation {
        outcome: verdict.as_str().to_owned(),
        status: verdict.status(),
        detail: verdict.detail().map(ToOwned::to_owned),
    }
}

pub(super) fn view(credential: Credential) -> CredentialView {
    let Credential { id, owner, service, account, sharing, fields, .. } = credential;
    CredentialView {
        id,
        owner: owner.to_string(),
        service: service.to_string(),
        account: account.to_string(),
        primary: credential.primary,
        status: credential.status.to_string(),
        status_reason: credential.status_reason,
        issuer: credential.issuer.to_string(),
        identity: credential.identity,
        sharing: sharing.0.iter().map(ToString::to_string).collect(),
        field_names: fields.iter().map(ToOwned::to_owned).collect(),
        version: credential.version,
        created_at: credential.created_at,
        rotated_at: credential.rotated_at,
        expires_at: credential.expires_at,
        validation: None,
        validation_detail: None,
        etag: credential.revision.to_string(),
    }
}
