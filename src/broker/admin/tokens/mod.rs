//! MCP tokens: what everybody who works with them shares. [`own`] is what a person does with own tokens, [`operator`]
//! what operators do with anybody's.
//!
//! Whoever makes a text learns it. So making one, for a new token or for one that is there, always goes through a rule
//! that says what the maker may learn.

mod first;
mod operator;
mod own;

use crate::{
    broker::{
        Broker, Call, Code, Error, Violation,
        authz::Authorized,
        listing::{ListRequest, Listing},
    },
    keyring::{
        digest::TokenDigest,
        machine_secret::{SecretKind, mask},
    },
    model::{
        audit::{Actor, AuditRecord, EventName},
        id::{TokenId, UserId},
        instant::Instant,
        mcp_token::{McpToken, McpTokenFilter, McpTokenPatch, McpTokenStatus},
        owner::Owner,
        page::{ListQuery, OrderKey},
        scope::{Scope, ScopeSet},
        secret::SecretText,
        token::{Token, TokenKind},
    },
    store::admin::{Change, LeasesOf, MintedToken, Minter, NewText, Precondition, Row},
};

use super::{
    Updated,
    changes::{described, switched, unchanged},
    users::name_violation,
};

pub use first::{FirstToken, make_first_token};
pub use operator::MintOperatorToken;

/// An MCP token to mint, by the broker itself.
#[derive(Debug, Clone)]
pub struct NewMcpToken {
    /// The person it acts for; an operator's when none.
    pub user_id: Option<UserId>,
    /// For people.
    pub name: String,
    /// What it allows.
    pub scopes: ScopeSet,
    /// When it runs out.
    pub expires_at: Option<Instant>,
    /// How often it may be used.
    pub max_usages: Option<i64>,
    /// The form of its text.
    pub kind: SecretKind,
}

/// Asks for a new token.
#[derive(Debug, Clone, Default)]
pub struct MintToken {
    /// 1 to 100 characters, for people.
    pub name: String,
    /// What it allows; at least one scope.
    pub scopes: Vec<String>,
    /// When it runs out.
    pub expires_at: Option<Instant>,
    /// How often it may be used, 1 at least; without limit when none.
    pub max_usages: Option<i64>,
}

/// Asks for a new text.
#[derive(Debug, Clone, Default)]
pub struct RotateToken {
    /// How long the present text stays good: up to seven days; a day when none.
    pub overlap_seconds: Option<i64>,
    /// Why; needed when an operator does it for somebody.
    pub reason: Option<String>,
    /// The revision that the caller read, if it cares.
    pub revision: Option<i64>,
}

/// What to change; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct UpdateToken {
    /// As in [`MintToken`].
    pub name: Option<String>,
    /// Off: the token is refused and the leases taken with it end for good. For operators.
    pub active: Option<bool>,
    /// The revision that the caller read, if it cares.
    pub revision: Option<i64>,
}

/// Which tokens to list.
#[derive(Debug, Clone, Default)]
pub struct ListTokens {
    /// `active`, `expired`, `inactive` or `revoked`.
    pub status: Option<String>,
    /// Which part; by creation or name.
    pub page: ListRequest,
}

/// A token with its text, which is shown this once.
#[derive(Debug, Clone)]
pub struct MintedText {
    /// The token.
    pub token: McpToken,
    /// Its text.
    pub text: SecretText,
}

/// What a revocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedTokens {
    /// The token, and those that were minted with it; none when it was revoked before.
    pub tokens: u64,
    /// Live leases, counted just before.
    pub leases: i64,
}

/// A request for a token, checked.
struct Wanted {
    name: String,
    scopes: ScopeSet,
    expires_at: Option<Instant>,
    max_usages: Option<i64>,
}

impl Broker {
    /// Mints an MCP token; its text is shown this once. For the broker and its commands.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the user does not exist.
    pub async fn create_mcp_token(
        &self,
        actor: &Actor,
        new: NewMcpToken,
    ) -> Result<(Token, SecretText), Error> {
        let owner = new.user_id.map_or(Owner::System, Owner::User);
        let NewMcpToken { user_id: _, name, scopes, expires_at, max_usages, kind } = new;
        let token = self.new_mcp_token(owner, Wanted { name, scopes, expires_at, max_usages });
        let text = kind.generate(&*self.entropy);
        let minter = Minter { by: actor.id.clone(), reason: None };
        let change = minted(&token, &text, minter, None);
        let actor = Actor { owner: Some(owner), ..actor.clone() };
        self.administer(&actor, EventName::TokenCreated, &token.id.to_string(), change).await?;
        Ok((token, text))
    }

    fn new_mcp_token(&self, owner: Owner, wanted: Wanted) -> Token {
        let issued_at = self.clock.now();
        let Wanted { name, scopes, expires_at, max_usages } = wanted;
        Token {
            id: self.entropy.id(issued_at),
            kind: TokenKind::Mcp,
            client_id: None,
            user_id: match owner {
                Owner::User(id) => Some(id),
                Owner::Organization(_) | Owner::System => None,
            },
            owner,
            name,
            scopes,
            audience: self.issuer_url.clone(),
            epoch: 1,
            issued_at,
            expires_at,
            max_usages,
        }
    }

    /// Writes a token that the caller may mint; answers it with its text.
    async fn mint_text(
        &self,
        call: &Call,
        authorized: Authorized,
        token: Token,
        reason: Option<String>,
        minted_with: Option<TokenId>,
    ) -> Result<MintedText, Error> {
        let text = SecretKind::McpToken.generate(&*self.entropy);
        let minter = Minter { by: authorized.actor.id.clone(), reason };
        let record = made(EventName::TokenCreated, &authorized, &token, &minter, self.clock.now());
        let change = minted(&token, &text, minter, minted_with);
        self.change_recorded(call, authorized, vec![record], change).await?;
        Ok(MintedText { token: self.stored_token(token.id).await?, text })
    }

    /// Gives a token that the caller may learn a new text.
    async fn renew_text(
        &self,
        call: &Call,
        authorized: Authorized,
        token: &McpToken,
        request: RotateToken,
        minted_with: Option<TokenId>,
    ) -> Result<MintedText, Error> {
        let overlap = request.overlap_seconds.unwrap_or(DEFAULT_OVERLAP);
        if !(0..=LONGEST_OVERLAP).contains(&overlap) {
            let reason = format!("must be between 0 and {LONGEST_OVERLAP} seconds");
            return Err(Error::invalid(vec![Violation::new("overlap_seconds", reason)]));
        }
        let at = self.clock.now();
        if matches!(token.status(at), McpTokenStatus::Revoked | McpTokenStatus::Expired) {
            return Err(Error::new(Code::Conflict, "the token is over: mint a new one"));
        }
        let text = SecretKind::McpToken.generate(&*self.entropy);
        let minter = Minter { by: authorized.actor.id.clone(), reason: request.reason };
        let authorized = authorized.with(revision(token.token.id, request.revision));
        let record = made(EventName::TokenRotated, &authorized, &token.token, &minter, at)
            .with("overlap_seconds", overlap);
        let change = Change::RotateMcpToken(NewText {
            id: token.token.id,
            digest: TokenDigest::of(text.expose()).to_string(),
            hint: mask(text.expose()),
            at,
            previous_until: at.plus_seconds(overlap),
            minter,
            minted_with,
        });
        let rotated = self.change_recorded(call, authorized, vec![record], change).await;
        rotated.map_err(|error| error.on_race("the token is over: mint a new one"))?;
        Ok(MintedText { token: self.stored_token(token.token.id).await?, text })
    }

    async fn revoke_stored(
        &self,
        call: &Call,
        authorized: Authorized,
        token: &McpToken,
        revision_read: Option<i64>,
    ) -> Result<EndedTokens, Error> {
        let id = token.token.id;
        let leases = self.live_leases_of(LeasesOf::Token(id)).await?;
        let authorized = authorized.with(revision(id, revision_read));
        let change = Change::RevokeMcpToken(id, self.clock.now());
        let tokens = self.change(call, authorized, EventName::TokenRevoked, &id.to_string(), change).await?;
        Ok(EndedTokens { tokens, leases: if tokens > 0 { leases } else { 0 } })
    }

    async fn change_stored(
        &self,
        call: &Call,
        authorized: Authorized,
        before: McpToken,
        patch: McpTokenPatch,
        read: Option<i64>,
    ) -> Result<Updated<McpToken>, Error> {
        let id = before.token.id;
        // What does not change must not raise an epoch, nor a revision.
        let name = patch.name.filter(|name| *name != before.token.name);
        let active = patch.active.filter(|active| *active != before.active);
        if name.is_none() && active.is_none() {
            let known = before.revision;
            return unchanged(before, read, known);
        }
        let leases_ended = match active {
            Some(false) => self.live_leases_of(LeasesOf::Token(id)).await?,
            _ => 0,
        };
        let record = self.success(&authorized, EventName::TokenUpdated, id);
        let record = switched(described(record, [("name", name.clone())]), active, leases_ended);
        let change = Change::UpdateMcpToken(id, McpTokenPatch { name, active });
        self.change_recorded(call, authorized.with(revision(id, read)), vec![record], change).await?;
        Ok(Updated { row: self.stored_token(id).await?, leases_ended })
    }

    async fn stored_token(&self, id: TokenId) -> Result<McpToken, Error> {
        self.store.rows().show_mcp_token(id).await?.ok_or_else(|| Error::not_found("token"))
    }

    async fn stored_tokens(
        &self,
        owner: Option<Owner>,
        request: &ListTokens,
    ) -> Result<Listing<McpToken>, Error> {
        let status = request.status.as_deref().map(str::parse::<McpTokenStatus>).transpose();
        let status = status.map_err(|_| {
            let reason = "expected active, expired, inactive or revoked";
            Error::invalid(vec![Violation::new("status", reason)])
        })?;
        let (order, after, size) = request.page.read(&[OrderKey::CreatedAt, OrderKey::Name])?;
        let filter = McpTokenFilter { owner, status, now: self.clock.now() };
        let query = ListQuery { filter, order, after, size };
        Ok(Listing::of(order, self.store.rows().list_mcp_tokens(&query).await?))
    }
}

impl MintToken {
    fn check(self, now: Instant, more: impl IntoIterator<Item = Violation>) -> Result<Wanted, Error> {
        let mut violations: Vec<Violation> = more.into_iter().collect();
        violations.extend(name_violation("name", &self.name));
        let scopes = scopes(&self.scopes, &mut violations);
        if self.expires_at.is_some_and(|at| at <= now) {
            violations.push(Violation::new("expires_at", "must lie in the future"));
        }
        if self.max_usages.is_some_and(|uses| uses < 1) {
            violations.push(Violation::new("max_usages", "must be 1 at least"));
        }
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        let Self { name, scopes: _, expires_at, max_usages } = self;
        Ok(Wanted { name, scopes, expires_at, max_usages })
    }
}

fn scopes(texts: &[String], violations: &mut Vec<Violation>) -> ScopeSet {
    if texts.is_empty() {
        violations.push(Violation::new("scopes", "required: name at least one scope"));
    }
    if texts.len() > MAX_SCOPES {
        violations.push(Violation::new("scopes", format!("at most {MAX_SCOPES} scopes")));
        return ScopeSet::default();
    }
    let mut set = ScopeSet::default();
    for (position, text) in texts.iter().enumerate() {
        match text.parse::<Scope>() {
            Ok(scope) => set.insert(scope),
            Err(error) => violations.push(Violation::new(format!("scopes[{position}]"), error.to_string())),
        }
    }
    set
}

fn minted(token: &Token, text: &SecretText, minter: Minter, minted_with: Option<TokenId>) -> Change {
    Change::CreateMcpToken(Box::new(MintedToken { minted_with, ..unbound(token, text, minter) }))
}

/// A token that was minted with no other.
pub(super) fn unbound(token: &Token, text: &SecretText, minter: Minter) -> MintedToken {
    MintedToken {
        token: token.clone(),
        digest: TokenDigest::of(text.expose()).to_string(),
        hint: mask(text.expose()),
        minter,
        minted_with: None,
    }
}

/// The record of a text that was made.
fn made(
    event: EventName,
    authorized: &Authorized,
    token: &Token,
    minter: &Minter,
    at: Instant,
) -> AuditRecord {
    let record = AuditRecord::success(event, &authorized.actor, token.id, at);
    let record = record.with("scope", token.scopes.to_string());
    match &minter.reason {
        Some(reason) => record.with("reason", reason.clone()),
        None => record,
    }
}

fn token_id(text: &str) -> Result<TokenId, Error> {
    text.parse().map_err(|_| Error::not_found("token"))
}

fn revision(id: TokenId, read: Option<i64>) -> Option<Precondition> {
    read.map(|revision| Precondition::Revision(Row::Token(id), revision))
}

/// A day.
const DEFAULT_OVERLAP: i64 = 86_400;
/// A week.
const LONGEST_OVERLAP: i64 = 7 * 86_400;
const MAX_SCOPES: usize = 128;
