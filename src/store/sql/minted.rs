//! Statements on tokens that were made for one lease.

use super::{listings, statements};

/// A token; `rows::MintedRow` reads it.
macro_rules! minted {
    () => {
        "SELECT id, lease_id, name, service, credential_id, owner, state, sealed, expires_at, created_at, due_at, attempts,
             failure
         FROM minted_tokens "
    };
}

statements! {
    /// What lease `$1` was lent for `$2`, the newest first.
    FIND = "minted_token.find":
        concat!(minted!(), "WHERE lease_id = $1 AND name = $2 AND state = 'live' ORDER BY created_at DESC, id DESC LIMIT 1");
    /// To be withdrawn by `$1`, the longest due first; at most `$2` of each service.
    LIST_DUE = "minted_token.list_due":
        "SELECT m.id, m.lease_id, m.name, m.service, m.credential_id, m.owner, m.state, m.sealed, m.expires_at, m.created_at,
             m.due_at, m.attempts, m.failure
         FROM minted_tokens m JOIN (
             SELECT d.id, row_number() OVER (PARTITION BY d.service ORDER BY d.due_at, d.id) AS place
             FROM minted_tokens d WHERE d.due_at <= $1) n ON n.id = m.id
         WHERE n.place <= $2 ORDER BY m.due_at, m.id";
    /// `$1` id, `$2` lease, `$3` name, `$4` service, `$5` credential, `$6` owner, `$7` expires, `$8` at.
    INSERT = "minted_token.insert":
        "INSERT INTO minted_tokens (id, lease_id, name, service, credential_id, owner, state, expires_at, created_at, attempts)
         VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, 0)";
    /// `$1` id, `$2` sealed, `$3` data key, `$4` expires.
    KEEP = "minted_token.keep":
        "UPDATE minted_tokens SET state = 'live', sealed = $2, data_key_id = $3, expires_at = $4
         WHERE id = $1 AND state = 'pending' AND due_at IS NULL";
    /// `$1` id, `$2` sealed, `$3` data key, `$4` expires.
    FOUND = "minted_token.found":
        "UPDATE minted_tokens SET state = 'withdrawing', sealed = $2, data_key_id = $3, expires_at = $4 WHERE id = $1";
    /// `$1` id.
    FORGET = "minted_token.forget": "DELETE FROM minted_tokens WHERE id = $1";
    /// `$1` id, `$2` at.
    WITHDRAW = "minted_token.withdraw":
        "UPDATE minted_tokens SET due_at = $2, state = CASE WHEN state = 'live' THEN 'withdrawing' ELSE state END
         WHERE id = $1 AND due_at IS NULL";
    /// `$1` id, `$2` due, `$3` why.
    RETRY = "minted_token.retry":
        "UPDATE minted_tokens SET due_at = $2, failure = $3, attempts = attempts + 1 WHERE id = $1";
    /// `$1` id, `$2` why.
    ABANDON = "minted_token.abandon":
        "UPDATE minted_tokens SET due_at = NULL, state = 'unrevocable', failure = $2 WHERE id = $1";
    /// As of `$1`: those whose lease is over, and, of requests begun before `$2`, those that broke off; at most `$3`.
    SWEEP = "minted_token.sweep":
        "UPDATE minted_tokens SET due_at = $1, state = CASE WHEN state = 'live' THEN 'withdrawing' ELSE state END
         WHERE due_at IS NULL AND id IN (
             SELECT m.id FROM minted_tokens m
             WHERE m.due_at IS NULL AND ((m.state = 'pending' AND m.created_at <= $2)
                 OR (m.state = 'live' AND NOT EXISTS (
                     SELECT 1 FROM leases l WHERE l.id = m.lease_id AND l.state = 'active' AND l.expires_at > $1)))
             ORDER BY m.created_at, m.id LIMIT $3)";
    /// Those that cannot be withdrawn and ran out by `$1`.
    PRUNE = "minted_token.prune": "DELETE FROM minted_tokens WHERE state = 'unrevocable' AND expires_at <= $1";
}

listings! {
    /// Those that wait to be withdrawn, or cannot be: `$2` service, `$3` state.
    LIST = "minted_token.list"
        (minted!(), "(state = 'unrevocable' OR due_at IS NOT NULL) AND (CAST($2 AS TEXT) IS NULL OR service = $2)
             AND (CAST($3 AS TEXT) IS NULL OR state = $3)"),
        after "$4" "$5", by { CreatedAt: "id" };
}
