//! One refresher in the whole cluster: whoever has the claim in the row. The others wait for what it brings.

use std::time::Duration;

use data_encoding::HEXLOWER;
use tokio::time::sleep;

use crate::{
    broker::Error,
    model::{credential::Credential, grant::Grant, id::CredentialId},
    store::admin::{AdminChange, Change, GrantChange, GrantClaim},
};

use super::{Need, RefreshError, Refresher, attempt::Next, material::Material, waiting};

impl Refresher {
    /// Claims the grant and refreshes, unless what another one brought meanwhile will do.
    pub(super) async fn claim_and_refresh(&self, id: CredentialId, need: Need) -> Result<(), RefreshError> {
        let mut pause = FIRST_PAUSE;
        loop {
            // Read again inside the flight: another replica may have been first.
            let (credential, grant) = self.load(id).await?;
            let now = self.clock.now();
            if !need.stands(&credential, &grant, now) {
                return Ok(());
            }
            if need != Need::Due
                && let Some(refusal) = waiting::not_now(&credential, &grant, now)
            {
                return Err(refusal);
            }
            if grant.is_claimed(now) {
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            self.take_call(&credential, need).await?;
            match self.claimed_attempt(&credential, grant, need).await? {
                Next::Done => return Ok(()),
                Next::Again(after) => sleep(after).await,
            }
        }
    }

    /// Claims, asks, settles.
    async fn claimed_attempt(
        &self,
        credential: &Credential,
        grant: Grant,
        need: Need,
    ) -> Result<Next, RefreshError> {
        let material = Material::of(&self.vault.open_grant(&grant).await?);
        let claim = HEXLOWER.encode(&self.entropy.bytes::<16>());
        let attempt = material.refresh_digest();
        if !self.claim(&grant, &claim, attempt.clone()).await? {
            return Ok(Next::Again(FIRST_PAUSE));
        }
        self.attempt(credential, grant, material, (claim, attempt), need).await
    }

    /// Takes the grant, and writes down which refresh token is about to be sent; false when somebody else was first.
    async fn claim(&self, grant: &Grant, token: &str, attempt: Option<String>) -> Result<bool, Error> {
        let at = self.clock.now();
        let claim = GrantClaim {
            id: grant.credential_id,
            version: grant.version,
            token: token.to_owned(),
            at,
            until: at.plus_seconds(CLAIM_SECONDS),
            attempt,
        };
        let change = AdminChange::of(Change::Grant(GrantChange::Claim(claim)), Vec::new());
        Ok(self.store.administer(change).await? > 0)
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// Longer than a call can last: fifteen seconds for a turn, fifteen for the answer, and some to write it down.
const CLAIM_SECONDS: i64 = 45;
