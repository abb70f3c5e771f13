//! Statements on fences and doubts. A doubt says which leases to look at after a change, and how far that got; so the
//! chore that marks what lost its entitlement never searches all leases.

use super::statements;

/// Looks at the next leases of a window: `$1` target, `$2` cursor, `$3` how many, `$4` now. Answers each id, and whether
/// an active, unexpired lease may not hold.
macro_rules! look {
    ($window:literal) => {
        concat!(
            "WITH w AS MATERIALIZED (", $window, ")
             SELECT l.id, (l.state = 'active' AND l.expires_at > $4 AND (h.fenced OR h.holder_gone OR h.stale))
                 AS doubtful
             FROM w JOIN leases l ON l.id = w.id JOIN lease_holds h ON h.lease_id = l.id ORDER BY l.id"
        )
    };
}

statements! {
    /// Places a fence: `$1` seq, `$2` id, `$3` client, `$4` user, `$5` organization, `$6` credential, `$7` service,
    /// `$8` server id, `$9` at, `$10` reason.
    PLACE = "fence.place":
        "INSERT INTO fences (seq, id, client_id, user_id, organization_id, credential_id, service, server_id, created_at,
             reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    /// Every lease that fence `$1` matches is marked, at `$2`.
    SETTLE = "fence.settle":
        "UPDATE fences SET settled_at = $2 WHERE seq = $1 AND settled_at IS NULL";
    /// Raises a doubt, or starts it over: `$1` kind, `$2` target, `$3` fence or 0.
    RAISE = "doubt.raise":
        "INSERT INTO doubts (kind, target, fence_seq, turn, cursor, dirty)
         VALUES ($1, $2, $3, (SELECT c.value FROM counters c WHERE c.name = 'doubt'), '', FALSE)
         ON CONFLICT (kind, target, fence_seq) DO UPDATE SET cursor = '', dirty = FALSE";
    /// Raises a doubt on every client of owner `$1`.
    RAISE_CLIENTS = "doubt.raise_clients":
        "INSERT INTO doubts (kind, target, fence_seq, turn, cursor, dirty)
         SELECT 'client', k.id, 0, (SELECT c.value FROM counters c WHERE c.name = 'doubt'), '', FALSE
         FROM clients k WHERE k.owner = $1
         ON CONFLICT (kind, target, fence_seq) DO UPDATE SET cursor = '', dirty = FALSE";
    /// The next `$1` doubts to work on, locked.
    TAKE = "doubt.take":
        "SELECT d.kind, d.target, d.fence_seq, d.cursor, d.dirty FROM doubts d ORDER BY d.turn LIMIT $1",
        postgres:
        "SELECT d.kind, d.target, d.fence_seq, d.cursor, d.dirty FROM doubts d ORDER BY d.turn LIMIT $1
         FOR UPDATE OF d SKIP LOCKED";
    /// Records how far a doubt got: `$1` kind, `$2` target, `$3` fence, `$4` turn, `$5` cursor, `$6` dirty.
    ADVANCE = "doubt.advance":
        "UPDATE doubts SET turn = $4, cursor = $5, dirty = $6 WHERE kind = $1 AND target = $2 AND fence_seq = $3";
    /// Ends a doubt: `$1` kind, `$2` target, `$3` fence.
    END = "doubt.end":
        "DELETE FROM doubts WHERE kind = $1 AND target = $2 AND fence_seq = $3";
    /// Leases that a client took.
    LOOK_CLIENT = "doubt.look_client":
        look!("SELECT c.id FROM leases c WHERE c.principal = $1 AND c.id > $2 ORDER BY c.id LIMIT $3");
    /// Leases taken for a user.
    LOOK_USER = "doubt.look_user":
        look!("SELECT c.id FROM leases c WHERE c.user_id = $1 AND c.id > $2 ORDER BY c.id LIMIT $3");
    /// Leases that rest on an organization's credentials.
    LOOK_ORGANIZATION = "doubt.look_organization":
        look!("SELECT DISTINCT s.lease_id AS id FROM lease_sources s
               WHERE s.owner = $1 AND s.lease_id > $2 AND s.organization_epoch IS NOT NULL
               ORDER BY s.lease_id LIMIT $3");
    /// Leases that rest on a credential.
    LOOK_CREDENTIAL = "doubt.look_credential":
        look!("SELECT DISTINCT s.lease_id AS id FROM lease_sources s
               WHERE s.credential_id = $1 AND s.lease_id > $2 ORDER BY s.lease_id LIMIT $3");
    /// All leases; `$1` matches nothing in particular.
    LOOK_ANY = "doubt.look_any":
        look!("SELECT c.id FROM leases c WHERE CAST($1 AS TEXT) IS NOT NULL AND c.id > $2 ORDER BY c.id LIMIT $3");
}
