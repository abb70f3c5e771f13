//! What becomes of a credential by what its service said: tokens kept, the grant left, or the credential switched off.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    broker::{Code, Error, credentials::names},
    issuer::{IssueError, Tokens},
    model::{
        audit::{Actor, AuditRecord, EventName},
        credential::CredentialStatus,
        grant::{Life, back_off_micros, keep_alive_at},
        id::CredentialId,
        instant::Instant,
        owner::Owner,
    },
    store::{
        StoreError,
        admin::{AdminChange, Change, GrantChange, LeftGrant, RenewedGrant},
    },
};

use super::{
    Need, RefreshError, Refresher,
    attempt::{Attempting, Next, SOON},
    material::lent,
};

impl Refresher {
    /// Keeps what came, durably, before anybody gets it. Nobody else has it, so it is tried as long as the process lives,
    /// until the database is back, or somebody else has the claim.
    pub(super) async fn keep(
        &self,
        attempting: &Attempting<'_>,
        tokens: &Tokens,
    ) -> Result<Next, RefreshError> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..WRITES {
            let error = match self.write_tokens(attempting, tokens).await {
                Ok(()) => return Ok(Next::Done),
                Err(error) => error,
            };
            match error.code {
                // Whoever took the claim over has the grant now, a new deposit the credential; or a commit whose outcome
                // was not known took. The rows tell.
                Code::Conflict => return Ok(Next::Again(Duration::ZERO)),
                Code::NotFound => return Err(RefreshError::Gone),
                _ if error.retry_after.is_some() => {
                    tracing::warn!(%error, "new tokens are not written yet; it is tried again");
                }
                _ => return Err(error.into()),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Err(RefreshError::Slow)
    }

    /// Sealing is part of it: that reads the newest data key.
    async fn write_tokens(&self, attempting: &Attempting<'_>, tokens: &Tokens) -> Result<(), Error> {
        let Attempting { credential, grant, material, fields, claim, need, .. } = attempting;
        let service = self.service(&credential.service)?;
        let now = self.clock.now();
        let (id, version) = (credential.id, credential.version + 1);
        let value = lent(&service.issuing, fields.clone(), tokens);
        let sealed = self.vault.seal_credential(credential.owner, id, version, &value).await?;
        let rotation = Change::RotateCredential {
            id,
            version,
            sealed,
            expires_at: tokens.expires_at,
            fields: names(&value),
            issuer: credential.issuer,
            at: now,
        };
        let kept = material.after(tokens);
        let refresh_expires_at = tokens.refresh_expires_at.or(grant.refresh_expires_at);
        let renewed = RenewedGrant {
            id,
            claim: claim.clone(),
            version: grant.version + 1,
            sealed: self.vault.seal_grant(credential.owner, id, grant.version + 1, kept.values()).await?,
            refresh_expires_at,
            due_at: self.next_look(now, tokens.expires_at, refresh_expires_at),
            reported_at: matches!(need, Need::Reported(_)).then_some(now),
            at: now,
        };
        let record = self.record(credential.owner, EventName::UpstreamTokenRefreshed, id);
        let record = record.with("service", credential.service.to_string()).with("version", version);
        let change = Change::All(vec![Change::Grant(GrantChange::Renew(Box::new(renewed))), rotation]);
        self.store.administer(AdminChange::of(change, vec![record])).await?;
        Ok(())
    }

    /// Leaves the grant as it is, or ends it, as the error says.
    pub(super) async fn give_up(
        &self,
        attempting: Attempting<'_>,
        error: IssueError,
    ) -> Result<Next, RefreshError> {
        let ended = match &error {
            IssueError::GrantRefused if attempting.times > 1 => {
                Some((CredentialStatus::NeedsReauth, OUTCOME_LOST.to_owned()))
            }
            IssueError::GrantRefused => Some((CredentialStatus::NeedsReauth, error.to_string())),
            IssueError::AccountDisabled(words) => Some((CredentialStatus::UpstreamDisabled, words.clone())),
            _ => None,
        };
        match ended {
            Some((status, reason)) => self.end(attempting, status, reason).await,
            None => self.leave(attempting, error).await,
        }
    }

    /// The service ended it. Whoever lost a race finds the winner's tokens in the row, and ends nothing.
    async fn end(
        &self,
        attempting: Attempting<'_>,
        status: CredentialStatus,
        reason: String,
    ) -> Result<Next, RefreshError> {
        let Attempting { credential, grant, .. } = &attempting;
        let id = credential.id;
        let (_, present) = self.load(id).await?;
        if present.version != grant.version {
            return Ok(Next::Again(Duration::ZERO));
        }
        let left = LeftGrant {
            failures: grant.failures + 1,
            failure: Some(reason.clone()),
            due_at: None,
            uncertain: 0,
            ..self.left(&attempting)
        };
        let event = match status {
            CredentialStatus::UpstreamDisabled => EventName::CredentialUpstreamDisabled,
            _ => EventName::CredentialNeedsReauth,
        };
        let record = self.record(credential.owner, event, id);
        let record = record.with("service", credential.service.to_string()).with("reason", reason.clone());
        let condition = Change::SetCredentialCondition(id, status, Some(reason));
        let change = Change::All(vec![Change::Grant(GrantChange::Leave(left)), condition]);
        if !self.write_if_claimed(AdminChange::of(change, vec![record])).await? {
            return Ok(Next::Again(Duration::ZERO));
        }
        tracing::warn!(credential = %id, service = %credential.service, status = status.as_str(), "a connection ended");
        Err(RefreshError::Gone)
    }

    /// The pair stays; the service is asked again later.
    async fn leave(&self, attempting: Attempting<'_>, error: IssueError) -> Result<Next, RefreshError> {
        let again = attempting.is_sent_again(&error);
        let Attempting { credential, grant, times, .. } = &attempting;
        let (id, now, failures) = (credential.id, self.clock.now(), grant.failures + 1);
        let told = match &error {
            IssueError::TooMany(Some(wait)) => i64::try_from(wait.as_micros()).unwrap_or(i64::MAX),
            _ => 0,
        };
        let wait = back_off_micros(failures, self.jitter()).max(told);
        let left = LeftGrant {
            failures: if again { grant.failures } else { failures },
            failure: Some(error.to_string()),
            due_at: Some(now.plus_micros(wait)),
            // Not sent, or answered: then only what was uncertain before still is.
            uncertain: if error.may_have_acted() { *times } else { (*times - 1).max(0) },
            ..self.left(&attempting)
        };
        // The first of a row of failures is recorded; the figures and the row have the others.
        let records = if failures == 1 && !again {
            let record = self.record(credential.owner, EventName::UpstreamRefreshFailed, id);
            vec![record.with("service", credential.service.to_string()).with("kind", error.kind())]
        } else {
            Vec::new()
        };
        if !self.write_if_claimed(AdminChange::of(Change::Grant(GrantChange::Leave(left)), records)).await? {
            return Ok(Next::Again(Duration::ZERO));
        }
        tracing::warn!(credential = %id, service = %credential.service, failures, %error, "a refresh failed");
        if again { Ok(Next::Again(SOON)) } else { Err(RefreshError::Issue(error)) }
    }

    /// Whether it was written: whoever took the claim over has the say.
    async fn write_if_claimed(&self, change: AdminChange) -> Result<bool, RefreshError> {
        match self.store.administer(change).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(Error::from(error).into()),
        }
    }

    fn left(&self, attempting: &Attempting<'_>) -> LeftGrant {
        let reported = matches!(attempting.need, Need::Reported(_));
        LeftGrant {
            id: attempting.credential.id,
            claim: attempting.claim.clone(),
            failures: 0,
            failure: None,
            due_at: None,
            uncertain: 0,
            reported_at: reported.then(|| self.clock.now()),
        }
    }

    /// When a chore looks at it next: before the token runs out, and before the refresh token lapses.
    pub(crate) fn next_look(
        &self,
        now: Instant,
        expires_at: Option<Instant>,
        refresh_expires_at: Option<Instant>,
    ) -> Option<Instant> {
        let jitter = self.jitter();
        let token = expires_at.map(|until| Life { from: now, until }.refresh_at(jitter));
        let alive = refresh_expires_at.map(|at| keep_alive_at(now, at, jitter));
        token.into_iter().chain(alive).min()
    }

    /// A record of what the broker did by itself, for the owner.
    fn record(&self, owner: Owner, event: EventName, id: CredentialId) -> AuditRecord {
        let actor = Actor { owner: Some(owner), ..Actor::system() };
        AuditRecord::success(event, &actor, id, self.clock.now())
    }
}

const OUTCOME_LOST: &str = "refresh outcome lost: an answer of the service with new tokens did not arrive, and it refuses the ones before";
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// About five minutes.
const WRITES: u32 = 64;
