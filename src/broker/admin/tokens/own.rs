//! A person's own MCP tokens, worked on with one of them.
//!
//! A token that leaked must not help its finder to anything that exceeds or outlives it: see
//! [`crate::model::mcp_token`]. Programs manage no tokens: what a client mints would outlive the client.

use crate::{
    broker::{Broker, Call, Code, Error, Violation, admin::Updated, authz::Authorized, listing::Listing},
    model::{
        mcp_token::{McpToken, McpTokenPatch, MintRefusal, may_mint, may_rotate},
        owner::Owner,
        principal::Principal,
        scope::Operation,
        token::Token,
    },
    store::admin::Precondition,
};

use super::{EndedTokens, ListTokens, MintToken, MintedText, RotateToken, UpdateToken, token_id};
use crate::broker::admin::users::name_violation;

impl Broker {
    /// Lists own MCP tokens.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`]; [`Code::Forbidden`] for a program.
    pub async fn list_own_tokens(
        &self,
        call: &Call,
        request: ListTokens,
    ) -> Result<Listing<McpToken>, Error> {
        let (owner, _) = self.token_holder(call).await?;
        self.stored_tokens(Some(owner), &request).await
    }

    /// Shows an own MCP token.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] for a program.
    pub async fn show_own_token(&self, call: &Call, id: &str) -> Result<McpToken, Error> {
        let (owner, _) = self.token_holder(call).await?;
        self.token_of(owner, id).await
    }

    /// Mints a token that neither exceeds nor outlives the one it is minted with; without an end of its own, it ends when
    /// that one does.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`]; [`Code::Forbidden`] for a program, and for scopes beyond the token's;
    /// [`Code::QuotaExceeded`].
    pub async fn mint_own_token(&self, call: &Call, mut request: MintToken) -> Result<MintedText, Error> {
        let (owner, authorized) = self.token_holder(call).await?;
        let minter = self.minter(call).await?;
        request.expires_at = request.expires_at.or(minter.expires_at);
        let wanted = request.check(self.clock.now(), [])?;
        may_mint(&minter, &wanted.scopes, wanted.expires_at).map_err(|refusals| beyond(&refusals))?;
        let authorized = authorized.with([Precondition::FewerTokens(owner, MOST_TOKENS, self.clock.now())]);
        let token = self.new_mcp_token(owner, wanted);
        self.mint_text(call, authorized, token, None, Some(minter.id)).await
    }

    /// Gives an own token a new text: the caller's own token, or one that it could have minted, which then ends when the
    /// caller's token is revoked.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`]; [`Code::Conflict`] for a token that is over;
    /// [`Code::PreconditionFailed`] when the token changed since the revision given.
    pub async fn rotate_own_token(
        &self,
        call: &Call,
        id: &str,
        request: RotateToken,
    ) -> Result<MintedText, Error> {
        let (owner, authorized) = self.token_holder(call).await?;
        let minter = self.minter(call).await?;
        let token = self.token_of(owner, id).await?;
        may_rotate(&minter, &token.token).map_err(|refusals| {
            let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            let message = format!("the new text would go beyond the token you show: {}", reasons.join("; "));
            Error::new(Code::Forbidden, message)
        })?;
        let request = RotateToken { reason: None, ..request };
        let minted_with = (minter.id != token.token.id).then_some(minter.id);
        self.renew_text(call, authorized, &token, request, minted_with).await
    }

    /// Renames an own token.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::InvalidRequest`]; [`Code::PreconditionFailed`] when the token changed since the revision
    /// given.
    pub async fn update_own_token(
        &self,
        call: &Call,
        id: &str,
        update: UpdateToken,
    ) -> Result<Updated<McpToken>, Error> {
        let (owner, authorized) = self.token_holder(call).await?;
        let UpdateToken { name, active: _, revision: read } = update;
        if let Some(violation) = name.as_deref().and_then(|name| name_violation("name", name)) {
            return Err(Error::invalid(vec![violation]));
        }
        let before = self.token_of(owner, id).await?;
        self.change_stored(call, authorized, before, McpTokenPatch { name, active: None }, read).await
    }

    /// Revokes an own token for good, with whatever was minted with it. Again is answered alike.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::PreconditionFailed`] when the token changed since the revision given.
    pub async fn revoke_own_token(
        &self,
        call: &Call,
        id: &str,
        revision: Option<i64>,
    ) -> Result<EndedTokens, Error> {
        let (owner, authorized) = self.token_holder(call).await?;
        let token = self.token_of(owner, id).await?;
        self.revoke_stored(call, authorized, &token, revision).await
    }

    /// A person who works on own tokens with one of them.
    async fn token_holder(&self, call: &Call) -> Result<(Owner, Authorized), Error> {
        let authorized = self.own(call, Operation::TokenWrite).await?;
        match call.caller.principal {
            Principal::User(id) => Ok((Owner::User(id), authorized)),
            Principal::Client(_) | Principal::Operator(_) => {
                Err(Error::new(Code::Forbidden, "only a person, with an MCP token, has tokens of their own"))
            }
        }
    }

    /// The token shown, by its present text: what was replaced makes no more texts.
    async fn minter(&self, call: &Call) -> Result<Token, Error> {
        let found = self.store.rows().find_token(call.caller.token_id).await?;
        let minter = found.ok_or_else(|| Error::not_found("token"))?;
        if minter.epoch == call.caller.reading.epoch {
            return Ok(minter);
        }
        Err(Error::new(Code::Forbidden, "the text of this token was replaced: use the new one"))
    }

    async fn token_of(&self, owner: Owner, id: &str) -> Result<McpToken, Error> {
        let token = self.stored_token(token_id(id)?).await?;
        if token.token.owner == owner { Ok(token) } else { Err(Error::not_found("token")) }
    }
}

fn beyond(refusals: &[MintRefusal]) -> Error {
    if refusals.contains(&MintRefusal::Limited) {
        return Error::new(Code::Forbidden, MintRefusal::Limited.to_string());
    }
    let field = |refusal: &MintRefusal| match refusal {
        MintRefusal::Outlives(_) => "expires_at",
        MintRefusal::Exceeds | MintRefusal::Limited | MintRefusal::Mints => "scopes",
    };
    let violation = |refusal: &MintRefusal| Violation::new(field(refusal), refusal.to_string());
    let violations = refusals.iter().map(violation).collect();
    if refusals.iter().all(|refusal| matches!(refusal, MintRefusal::Outlives(_))) {
        return Error::invalid(violations);
    }
    Error { violations, ..Error::new(Code::Forbidden, "the token could do more than the one you show") }
}

/// Good tokens of one person, so that a token that leaked cannot fill the database.
const MOST_TOKENS: i64 = 100;
