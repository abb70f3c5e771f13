//! MCP tokens as their holders and operators see them, and what one may mint.
//!
//! A token that leaked must not help its finder to anything that exceeds or outlives it. So what a person mints with a
//! token lies within that token's scopes and time, ends when that token is revoked, and mints nothing in turn.

use std::fmt;
use std::str::FromStr;

use super::{
    id::TokenId,
    instant::Instant,
    named::named,
    owner::Owner,
    page::{Cursor, Listed, OrderKey},
    scope::{Operation, ScopeSet},
    token::Token,
};

/// An MCP token with all that is told of it. Its text is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpToken {
    /// The token.
    pub token: Token,
    /// How its text begins; empty of a token made before this was kept.
    pub hint: String,
    /// Whether it is switched on.
    pub active: bool,
    /// When it was revoked, for good.
    pub revoked_at: Option<Instant>,
    /// Who made its present text: a principal's id, or `system`.
    pub minted_by: String,
    /// Why, in the words of the operator who did it for somebody.
    pub mint_reason: Option<String>,
    /// The token that it was minted with, or last rotated with: revoked, that one takes this one along.
    pub minted_with: Option<TokenId>,
    /// When its text was replaced.
    pub rotated_at: Option<Instant>,
    /// Until when the text before the present one is good.
    pub previous_until: Option<Instant>,
    /// Uses so far.
    pub usages: i64,
    /// The last use.
    pub last_used_at: Option<Instant>,
    /// Where that came from.
    pub last_address: Option<String>,
    /// Rises with each change that somebody makes; uses don't raise it.
    pub revision: i64,
}

named! {
    /// What a token is at a moment.
    McpTokenStatus, "token status":
    /// Good.
    Active = "active";
    /// It has run out.
    Expired = "expired";
    /// Switched off; it may be switched on again.
    Inactive = "inactive";
    /// Revoked for good.
    Revoked = "revoked";
}

/// What to leave out of a list of MCP tokens.
#[derive(Debug, Clone)]
pub struct McpTokenFilter {
    /// Only of this owner.
    pub owner: Option<Owner>,
    /// Only of this status.
    pub status: Option<McpTokenStatus>,
    /// Judged at this moment.
    pub now: Instant,
}

/// What to change of a token; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct McpTokenPatch {
    /// The name.
    pub name: Option<String>,
    /// Whether it is switched on. Off, the leases taken with it end for good.
    pub active: Option<bool>,
}

/// Why a token may not be minted, or given a new text, with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintRefusal {
    /// The minting token counts its uses; nobody would count those of what it mints.
    #[error("a token with a usage limit mints no other")]
    Limited,
    /// It would mint in turn.
    #[error("a token that was minted with another cannot carry `token:write`")]
    Mints,
    /// It would run out later than the token it is minted with.
    #[error("later than the token it is minted with, which runs out at {0}")]
    Outlives(Instant),
    /// It would allow more than the token it is minted with.
    #[error("beyond the scopes of the token it is minted with")]
    Exceeds,
}

impl McpToken {
    /// What it is at `now`.
    #[must_use]
    pub fn status(&self, now: Instant) -> McpTokenStatus {
        if self.revoked_at.is_some() {
            McpTokenStatus::Revoked
        } else if self.token.expires_at.is_some_and(|at| at <= now) {
            McpTokenStatus::Expired
        } else if self.active {
            McpTokenStatus::Active
        } else {
            McpTokenStatus::Inactive
        }
    }

    /// When the present text was made.
    #[must_use]
    pub fn text_made_at(&self) -> Instant {
        self.rotated_at.unwrap_or(self.token.issued_at)
    }

    /// When it should have a new text.
    #[must_use]
    pub fn rotate_by(&self) -> Instant {
        self.text_made_at().plus_seconds(ROTATION_SECONDS)
    }
}

impl Listed for McpToken {
    fn cursor(&self, key: OrderKey) -> Cursor {
        let id = self.token.id.to_string();
        let key = match key {
            OrderKey::Name => self.token.name.clone(),
            _ => id.clone(),
        };
        Cursor { key, id }
    }
}

/// Whether `minter` may mint a token of these scopes that runs out then.
///
/// # Errors
/// Every reason why not.
pub fn may_mint(
    minter: &Token,
    scopes: &ScopeSet,
    expires_at: Option<Instant>,
) -> Result<(), Vec<MintRefusal>> {
    let end = minter.expires_at.filter(|end| expires_at.is_none_or(|at| at > *end));
    let refusals = [
        minter.max_usages.is_some().then_some(MintRefusal::Limited),
        scopes.allows(Operation::TokenWrite).then_some(MintRefusal::Mints),
        end.map(MintRefusal::Outlives),
        (!scopes.is_subset(&minter.scopes)).then_some(MintRefusal::Exceeds),
    ];
    let refusals: Vec<MintRefusal> = refusals.into_iter().flatten().collect();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// Whether the bearer of `minter` may give `token` a new text, and so learn it: its own, or of one that it could have
/// minted.
///
/// # Errors
/// Every reason why not.
pub fn may_rotate(minter: &Token, token: &Token) -> Result<(), Vec<MintRefusal>> {
    if minter.id == token.id { Ok(()) } else { may_mint(minter, &token.scopes, token.expires_at) }
}

/// After so long a token should have a new text: 90 days.
pub const ROTATION_SECONDS: i64 = 90 * 86_400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        id::{Id as _, RANDOM_BYTES, UserId},
        token::TokenKind,
    };

    const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

    fn token(number: u8, scopes: &str, expires_at: Option<Instant>) -> Token {
        let user = UserId::from_parts(NOW, [1; RANDOM_BYTES]);
        Token {
            id: TokenId::from_parts(NOW, [number; RANDOM_BYTES]),
            kind: TokenKind::Mcp,
            client_id: None,
            user_id: Some(user),
            owner: Owner::User(user),
            name: "laptop".to_owned(),
            scopes: scopes.parse().expect("scopes"),
            audience: String::new(),
            epoch: 1,
            issued_at: NOW,
            expires_at,
            max_usages: None,
        }
    }

    fn mcp(token: Token) -> McpToken {
        McpToken {
            token,
            hint: String::new(),
            active: true,
            revoked_at: None,
            minted_by: "system".to_owned(),
            mint_reason: None,
            minted_with: None,
            rotated_at: None,
            previous_until: None,
            usages: 0,
            last_used_at: None,
            last_address: None,
            revision: 1,
        }
    }

    const ALL: &[&str] =
        &["admin:read", "lease:create", "lease:read", "service:*", "service:jira", "token:write"];

    fn scopes() -> impl Strategy<Value = String> {
        proptest::sample::subsequence(ALL.to_vec(), 0..=ALL.len()).prop_map(|texts| texts.join(" "))
    }

    proptest! {
        #[test]
        fn what_may_be_minted_exceeds_outlives_and_mints_nothing(
            with in scopes(), wanted in scopes(), end in proptest::option::of(1_i64..100),
            at in proptest::option::of(1_i64..100),
        ) {
            let end = end.map(|seconds| NOW.plus_seconds(seconds));
            let at = at.map(|seconds| NOW.plus_seconds(seconds));
            let (minter, wanted) = (token(1, &with, end), token(2, &wanted, at));
            if may_mint(&minter, &wanted.scopes, wanted.expires_at).is_ok() {
                prop_assert!(wanted.scopes.is_subset(&minter.scopes));
                prop_assert!(end.is_none_or(|end| at.is_some_and(|at| at <= end)));
                prop_assert!(!wanted.scopes.allows(Operation::TokenWrite));
                // `service:*` with or without a service by name allows the same.
                let same = minter.scopes.is_subset(&wanted.scopes);
                prop_assert!(may_rotate(&wanted, &minter).is_err() || same);
            }
        }
    }

    #[test]
    fn every_reason_is_named() {
        let end = NOW.plus_seconds(10);
        let minter = Token { max_usages: Some(5), ..token(1, "lease:read token:write", Some(end)) };
        let wanted: ScopeSet = "lease:create token:write".parse().expect("scopes");
        let refused = may_mint(&minter, &wanted, None).expect_err("refused");
        let expected =
            [MintRefusal::Limited, MintRefusal::Mints, MintRefusal::Outlives(end), MintRefusal::Exceeds];
        assert_eq!(refused, expected);
        assert_eq!(may_rotate(&minter, &minter), Ok(()), "its own text");
    }

    #[test]
    fn a_token_asks_for_a_new_text_after_ninety_days() {
        let mut laptop = mcp(token(1, "lease:read", None));
        assert_eq!(laptop.rotate_by(), NOW.plus_seconds(90 * 86_400));
        laptop.rotated_at = Some(NOW.plus_seconds(5));
        assert_eq!(laptop.rotate_by(), NOW.plus_seconds(90 * 86_400 + 5));
    }

    #[test]
    fn what_ended_it_for_good_is_told_first() {
        let mut laptop = mcp(token(1, "lease:read", Some(NOW)));
        assert_eq!(laptop.status(NOW.plus_seconds(-1)), McpTokenStatus::Active);
        laptop.active = false;
        assert_eq!(laptop.status(NOW.plus_seconds(-1)), McpTokenStatus::Inactive);
        assert_eq!(laptop.status(NOW), McpTokenStatus::Expired);
        laptop.revoked_at = Some(NOW);
        assert_eq!(laptop.status(NOW), McpTokenStatus::Revoked);
    }
}
