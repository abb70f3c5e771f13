//! Rows that administration writes and the model has no word for.

use crate::model::{
    id::{ClientId, CredentialId, DataKeyId, OrganizationId, SigningKeyId, TokenId, UserId},
    instant::Instant,
    owner::Owner,
    sealed::Sealed,
    token::Token,
};

/// An MCP token to insert.
#[derive(Debug, Clone)]
pub struct MintedToken {
    /// The token.
    pub token: Token,
    /// The digest of its text.
    pub digest: String,
    /// How its text begins.
    pub hint: String,
    /// Who mints it.
    pub minter: Minter,
    /// The token that it was minted with, when that one's end shall be its end too.
    pub minted_with: Option<TokenId>,
}

/// Who made the present text of an MCP token.
#[derive(Debug, Clone)]
pub struct Minter {
    /// A principal's id, or `system`.
    pub by: String,
    /// Why, when an operator did it for somebody.
    pub reason: Option<String>,
}

/// A new text of an MCP token.
#[derive(Debug, Clone)]
pub struct NewText {
    /// Which.
    pub id: TokenId,
    /// The digest of the new text.
    pub digest: String,
    /// How it begins.
    pub hint: String,
    /// When it was made.
    pub at: Instant,
    /// Until when the present text is good.
    pub previous_until: Instant,
    /// Who makes it.
    pub minter: Minter,
    /// The token it was done with, when another and that one's end shall be its end too.
    pub minted_with: Option<TokenId>,
}

/// A data key, wrapped by a root key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedDataKey {
    /// Its id.
    pub id: DataKeyId,
    /// Whose.
    pub owner: Owner,
    /// 1 for the first; the highest seals, all open. Unique with the owner.
    pub version: i64,
    /// The key, wrapped.
    pub wrapped: Sealed,
    /// When it was made.
    pub created_at: Instant,
}

/// A signing key, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// Its id, the `kid` of tokens.
    pub id: SigningKeyId,
    /// PKCS#8, sealed.
    pub sealed: Sealed,
    /// The public key's JWK, as JSON.
    pub public_jwk: String,
    /// When it was made and published.
    pub created_at: Instant,
    /// From when on it signs: published before use.
    pub signs_from: Instant,
    /// Until when it is published; none while no newer key is to follow it.
    pub retires_at: Option<Instant>,
}

impl StoredSigningKey {
    /// Of the keys that may sign, the one with the highest does: the newest, and of two made in one moment the one that is
    /// to go on.
    #[must_use]
    pub fn precedence(&self) -> impl Ord + use<> {
        (self.signs_from, self.retires_at.is_none(), self.id)
    }
}

/// A filter over leases, in force from its commit. Every field given must match; none at all matches every lease.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fence {
    /// Its id, as text.
    pub id: String,
    /// Leases of this client.
    pub client_id: Option<ClientId>,
    /// Leases taken for this user.
    pub user_id: Option<UserId>,
    /// Leases that rest on this organization's credentials.
    pub organization_id: Option<OrganizationId>,
    /// Leases that rest on this credential.
    pub credential_id: Option<CredentialId>,
    /// Leases that cover this service.
    pub service: Option<String>,
    /// Leases of this server id.
    pub server_id: Option<String>,
    /// When it was placed.
    pub created_at: Instant,
    /// Why.
    pub reason: String,
}

/// A signed head of an audit chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which chain, as text.
    pub chain_id: String,
    /// The last record it covers.
    pub seq: i64,
    /// That record's hash, in hex.
    pub hash: String,
    /// When it was signed.
    pub at: Instant,
    /// The last record of the chain's checkpoint before this one, 0 for the first; none in those of older programs.
    pub previous: Option<i64>,
    /// The signing key.
    pub key_id: SigningKeyId,
    /// ES256 over the canonical text of the fields above, base64url.
    pub signature: String,
}
