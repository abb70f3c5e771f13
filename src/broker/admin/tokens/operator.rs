//! Anybody's MCP tokens, and operators' own, for operators.
//!
//! Organizations' administrators mint nothing for persons. An operator may, with a reason that the person sees in the own
//! list; of `admin:` scopes, nobody gives or learns more than the own token carries.

use crate::{
    broker::{
        Broker, Call, Code, Error, Violation,
        admin::{Updated, users::name_violation},
        authz::Authorized,
        listing::Listing,
    },
    model::{
        id::UserId,
        mcp_token::{McpToken, McpTokenPatch},
        owner::Owner,
        scope::{Operation, ScopeSet},
    },
};

use super::{EndedTokens, ListTokens, MintToken, MintedText, RotateToken, UpdateToken, token_id};

/// Asks for a token of somebody else's.
#[derive(Debug, Clone, Default)]
pub struct MintOperatorToken {
    /// The person it acts for; an operator's token when none.
    pub user_id: Option<String>,
    /// Why: needed for a person's token; 1 to 500 characters.
    pub reason: Option<String>,
    /// What it shall be.
    pub token: MintToken,
}

impl Broker {
    /// Lists everybody's MCP tokens, or one owner's: a user's id, or `system` for operators'. For operators.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`].
    pub async fn operator_lists_tokens(
        &self,
        call: &Call,
        owner: Option<&str>,
        request: ListTokens,
    ) -> Result<Listing<McpToken>, Error> {
        self.operator(call, Operation::AdminRead).await?;
        let owner = owner.map(str::parse::<Owner>).transpose();
        let owner =
            owner.map_err(|error| Error::invalid(vec![Violation::new("owner", error.to_string())]))?;
        self.stored_tokens(owner, &request).await
    }

    /// Shows an MCP token. For operators.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn operator_shows_token(&self, call: &Call, id: &str) -> Result<McpToken, Error> {
        self.operator(call, Operation::AdminRead).await?;
        self.stored_token(token_id(id)?).await
    }

    /// Mints a token for a person, with a reason, or for an operator. For operators.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`]; [`Code::Forbidden`] for `admin:` scopes beyond the caller's; [`Code::NotFound`] when there
    /// is no such person.
    pub async fn operator_mints_token(
        &self,
        call: &Call,
        request: MintOperatorToken,
    ) -> Result<MintedText, Error> {
        let authorized = self.operator(call, Operation::AdminTokens).await?;
        let MintOperatorToken { user_id, reason, token } = request;
        let person: Option<UserId> =
            user_id.map(|id| id.parse().map_err(|_| Error::not_found("user"))).transpose()?;
        let owner = person.map_or(Owner::System, Owner::User);
        let wanted = token.check(self.clock.now(), reason_violation(owner, reason.as_deref()))?;
        check_scopes(call, &wanted.scopes)?;
        if owner == Owner::System && wanted.scopes.administrative() != wanted.scopes {
            let reason = "an operator's token carries `admin:` scopes alone";
            return Err(Error::invalid(vec![Violation::new("scopes", reason)]));
        }
        let token = self.new_mcp_token(owner, wanted);
        let minted = self.mint_text(call, authorized.on_behalf_of(owner), token, reason, None).await;
        minted.map_err(|error| match error.code {
            Code::NotFound => Error::not_found("user"),
            _ => error,
        })
    }

    /// Gives a token a new text; for a person's, with a reason. For operators.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::InvalidRequest`]; [`Code::Conflict`] for a
    /// token that is over; [`Code::PreconditionFailed`].
    pub async fn operator_rotates_token(
        &self,
        call: &Call,
        id: &str,
        request: RotateToken,
    ) -> Result<MintedText, Error> {
        let (authorized, token) = self.token_keeper(call, id).await?;
        let owner = token.token.owner;
        if let Some(violation) = reason_violation(owner, request.reason.as_deref()) {
            return Err(Error::invalid(vec![violation]));
        }
        check_scopes(call, &token.token.scopes)?;
        self.renew_text(call, authorized, &token, request, None).await
    }

    /// Renames a token, or switches it on or off. For operators.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::InvalidRequest`];
    /// [`Code::PreconditionFailed`].
    pub async fn operator_updates_token(
        &self,
        call: &Call,
        id: &str,
        update: UpdateToken,
    ) -> Result<Updated<McpToken>, Error> {
        let (authorized, before) = self.token_keeper(call, id).await?;
        let UpdateToken { name, active, revision: read } = update;
        if let Some(violation) = name.as_deref().and_then(|name| name_violation("name", name)) {
            return Err(Error::invalid(vec![violation]));
        }
        self.change_stored(call, authorized, before, McpTokenPatch { name, active }, read).await
    }

    /// Revokes a token for good, with whatever was minted with it. For operators.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::PreconditionFailed`].
    pub async fn operator_revokes_token(
        &self,
        call: &Call,
        id: &str,
        revision: Option<i64>,
    ) -> Result<EndedTokens, Error> {
        let (authorized, token) = self.token_keeper(call, id).await?;
        self.revoke_stored(call, authorized, &token, revision).await
    }

    async fn token_keeper(&self, call: &Call, id: &str) -> Result<(Authorized, McpToken), Error> {
        let authorized = self.operator(call, Operation::AdminTokens).await?;
        let token = self.stored_token(token_id(id)?).await?;
        Ok((authorized.on_behalf_of(token.token.owner), token))
    }
}

/// Whoever makes a text learns no `admin:` scope by it.
fn check_scopes(call: &Call, scopes: &ScopeSet) -> Result<(), Error> {
    if scopes.administrative().is_subset(&call.caller.scopes) {
        return Ok(());
    }
    let violations =
        vec![Violation::new("scopes", "must lie within the `admin:` scopes of the token you show")];
    Err(Error { violations, ..Error::new(Code::Forbidden, "the token could do more than the one you show") })
}

fn reason_violation(owner: Owner, reason: Option<&str>) -> Option<Violation> {
    let reason = reason.unwrap_or_default().trim();
    if reason.is_empty() {
        let needed = "required: the person sees it in the list of own tokens";
        return (owner != Owner::System).then(|| Violation::new("reason", needed));
    }
    let fits = reason.chars().count() <= 500 && !reason.chars().any(char::is_control);
    (!fits).then(|| Violation::new("reason", "must have at most 500 characters, no control characters"))
}
