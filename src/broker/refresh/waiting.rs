//! How long to wait, and for what.

use std::time::Duration;

use crate::model::{
    credential::{Credential, CredentialStatus},
    grant::Grant,
    instant::Instant,
};

use super::RefreshError;

/// How long somebody waits for a new token: not long while the present one serves.
pub(super) fn patience(credential: &Credential, now: Instant) -> Duration {
    let serves = credential.life().is_some_and(|life| life.until.micros_since(now) > SERVES_MICROS);
    if serves { SHORT } else { LONG }
}

/// Why a credential is not refreshed now, if it is not.
pub(super) fn not_now(credential: &Credential, grant: &Grant, now: Instant) -> Option<RefreshError> {
    if credential.status != CredentialStatus::Active && credential.status != CredentialStatus::Pending {
        return Some(RefreshError::Gone);
    }
    let again = grant.due_at.filter(|due| grant.failures > 0 && *due > now)?;
    let again_in = Duration::from_micros(u64::try_from(again.micros_since(now)).unwrap_or_default());
    let why = grant.failure.clone().unwrap_or_else(|| "the service failed lately".to_owned());
    Some(RefreshError::Resting { why, again_in })
}

/// A token that is good for less is waited for.
const SERVES_MICROS: i64 = 60_000_000;
const SHORT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(20);
