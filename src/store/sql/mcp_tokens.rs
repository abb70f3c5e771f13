//! Statements on MCP tokens: minted, rotated with overlap, revoked with all that was minted with them.

use super::{listings, statements};

/// An MCP token as its holder and operators see it; `rows::McpTokenRow` reads it.
macro_rules! mcp_token {
    () => {
        "SELECT id, kind, client_id, user_id, owner, name, scopes, audience, epoch, issued_at, expires_at, max_usages,
             hint, active, revoked_at, minted_by, mint_reason, minted_with, rotated_at, previous_until, usages,
             last_used_at, last_address, revision
         FROM tokens "
    };
}

/// What a token is at `$3`, as `McpToken::status` answers it; a test holds the two together.
macro_rules! has_status {
    () => {
        "(CAST($2 AS TEXT) IS NULL OR $2 = CASE WHEN revoked_at IS NOT NULL THEN 'revoked'
             WHEN expires_at <= $3 THEN 'expired' WHEN active THEN 'active' ELSE 'inactive' END)"
    };
}

/// A token by one of its texts, with the epoch that this text is read at; `rows::TokenRow` reads it.
macro_rules! by_text {
    ($epoch:literal, $digest:literal) => {
        concat!(
            "SELECT id, kind, client_id, user_id, owner, name, scopes, audience, ",
            $epoch,
            " AS epoch, issued_at,
                 expires_at, max_usages
             FROM tokens WHERE ",
            $digest,
            " = $1 AND kind = 'mcp'"
        )
    };
}

statements! {
    /// By the digest `$1` of its text, or of the text before.
    FIND_BY_TEXT = "mcp_token.find_by_text":
        concat!(by_text!("epoch", "digest"), " UNION ALL ", by_text!("previous_epoch", "previous_digest"));
    /// `$1` id.
    FIND = "mcp_token.find": concat!(mcp_token!(), "WHERE id = $1 AND kind = 'mcp'");
    /// Inserts one, if its user is there: `$1` id, `$2` digest, `$3` user, `$4` owner, `$5` name, `$6` scopes,
    /// `$7` audience, `$8` epoch, `$9` issued, `$10` expires, `$11` uses, `$12` hint, `$13` by whom, `$14` why, `$15` with
    /// which token.
    INSERT = "mcp_token.insert":
        "INSERT INTO tokens (id, kind, digest, user_id, owner, name, scopes, audience, epoch, active, issued_at,
             expires_at, max_usages, usages, hint, minted_by, mint_reason, minted_with)
         SELECT $1, 'mcp', $2, $3, $4, $5, $6, $7, $8, TRUE, $9, $10, $11, 0, $12, $13, $14, $15
         WHERE CAST($3 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM users u WHERE u.id = $3)";
    /// Replaces the text of a token that was not revoked: `$1` id, `$2` digest, `$3` at, `$4` until when the text before
    /// is good, `$5` hint, `$6` the token it was done with, if another, `$7` by whom, `$8` why.
    ROTATE = "mcp_token.rotate":
        "UPDATE tokens SET previous_digest = digest, previous_epoch = epoch, previous_until = $4, digest = $2,
             epoch = epoch + 1, rotated_at = $3, hint = $5, minted_with = coalesce($6, minted_with),
             minted_by = $7, mint_reason = $8, revision = revision + 1
         WHERE id = $1 AND kind = 'mcp' AND revoked_at IS NULL";
    /// `$1` id, `$2` name.
    RENAME = "mcp_token.rename":
        "UPDATE tokens SET name = $2, revision = revision + 1 WHERE id = $1 AND kind = 'mcp'";
    /// Switches one: `$1` id, `$2` active; answers its user.
    SET_ACTIVE = "mcp_token.set_active":
        "UPDATE tokens SET active = $2, epoch = epoch + 1, revision = revision + 1, cutoff = CASE WHEN $2 THEN cutoff
             ELSE (SELECT c.value FROM counters c WHERE c.name = 'fence') END
         WHERE id = $1 AND kind = 'mcp' RETURNING user_id";
    /// Revokes token `$1` and whatever was minted with it, at `$2`; answers the users of those that were not yet.
    REVOKE = "mcp_token.revoke":
        "WITH RECURSIVE minted (id) AS (
             SELECT t.id FROM tokens t WHERE t.id = $1 AND t.kind = 'mcp'
             UNION SELECT t.id FROM minted m JOIN tokens t ON t.minted_with = m.id)
         UPDATE tokens SET revoked_at = $2, epoch = epoch + 1, revision = revision + 1,
             cutoff = (SELECT c.value FROM counters c WHERE c.name = 'fence')
         WHERE id IN (SELECT minted.id FROM minted) AND revoked_at IS NULL RETURNING id, user_id";
    /// Whether MCP token `$1` is there.
    EXISTS = "mcp_token.exists":
        "SELECT id FROM tokens WHERE id = $1 AND kind = 'mcp'";
    /// How many tokens of owner `$1` are good at `$2`.
    COUNT_LIVE = "mcp_token.count_live":
        "SELECT count(*) FROM tokens
         WHERE owner = $1 AND kind = 'mcp' AND active AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
    /// Whether token `$1` has revision `$2`, and keeps it until the transaction ends.
    REVISION = "mcp_token.revision":
        "SELECT id FROM tokens WHERE id = $1 AND kind = 'mcp' AND revision = $2",
        postgres: "SELECT id FROM tokens WHERE id = $1 AND kind = 'mcp' AND revision = $2 FOR NO KEY UPDATE";
}

listings! {
    /// Everybody's: `$2` status at `$3`.
    LIST = "mcp_token.list"
        (mcp_token!(), concat!("kind = 'mcp' AND ", has_status!())),
        after "$4" "$5", by { CreatedAt: "id", Name: "name" };
    /// Of one owner: `$2` status at `$3`, `$4` owner.
    LIST_OF_OWNER = "mcp_token.list_of_owner"
        (mcp_token!(), concat!("kind = 'mcp' AND owner = $4 AND ", has_status!())),
        after "$5" "$6", by { CreatedAt: "id", Name: "name" };
}
