//! Statements on leases and what they rest on. Facts come from the view `lease_holds`.

use super::statements;

/// A lease with its facts; `rows::LeaseRow` reads it.
macro_rules! facts {
    () => {
        "l.id, l.owner, l.principal, l.token_id, l.client_id, l.user_id, l.server_id, l.organization_id, l.services,
         l.credential_scope, l.ttl, l.created_at, l.expires_at, l.lifetime_ends_at, l.renewable, l.renewal_count,
         l.max_renewals, l.last_renewed_at, l.state, l.revoked_at, l.revocation_reason, l.revoked_by, l.client_info,
         l.address, h.fenced, h.holder_gone, h.stale,
         (SELECT min(c.expires_at) FROM lease_sources s
          JOIN credentials c ON c.id = s.credential_id AND c.expires_at IS NOT NULL
          WHERE s.lease_id = l.id) AS values_expire_at"
    };
}
pub(in crate::store::sql) use facts;

/// A source; `rows::SourceRow` reads it.
macro_rules! source {
    () => {
        "s.lease_id, s.service, s.credential_id, s.credential_version, s.credential_epoch, s.owner, s.membership_epoch,
         s.organization_epoch"
    };
}

statements! {
    /// Locks leases in order. Facts are read by a statement of their own afterwards: on PostgreSQL the subqueries of a
    /// locking statement see what was committed before the lock was had, not after.
    LOCK = "lease.lock" columns (id text):
        "SELECT l.id FROM leases l WHERE l.id IN (SELECT r.id FROM r) ORDER BY l.id",
        postgres: "SELECT l.id FROM leases l WHERE l.id IN (SELECT r.id FROM r) ORDER BY l.id FOR UPDATE OF l";
    /// Leases with their facts.
    FACTS = "lease.facts" columns (id text):
        concat!("SELECT ", facts!(), " FROM r JOIN leases l ON l.id = r.id JOIN lease_holds h ON h.lease_id = l.id");
    /// What leases rest on.
    SOURCES = "lease_source.list" columns (id text):
        concat!("SELECT ", source!(), " FROM r JOIN lease_sources s ON s.lease_id = r.id ORDER BY s.lease_id, s.position");
    /// What leases rest on, with what is true of it now. A client of the organization has its role from its own row.
    ENTITLEMENTS = "lease_source.entitlements" rows (id text):
        concat!("SELECT ", source!(), ", l.user_id, c.status AS present_status, c.sharing AS present_sharing,
             c.epoch AS present_epoch, c.version AS present_version, o.status AS organization_status,
             o.epoch AS present_organization_epoch, coalesce(m.role, k.role) AS role, m.epoch AS present_membership_epoch
         FROM r JOIN leases l ON l.id = r.id JOIN lease_sources s ON s.lease_id = l.id
         LEFT JOIN credentials c ON c.id = s.credential_id
         LEFT JOIN organizations o ON o.id = s.owner
         LEFT JOIN memberships m ON m.organization_id = s.owner AND m.user_id = l.user_id AND NOT m.removed
         LEFT JOIN clients k ON k.id = l.client_id AND k.owner = s.owner AND l.user_id IS NULL
         ORDER BY s.lease_id, s.position");
    /// The newest live leases of each reuse key at `$2`, a few. Those taken without reuse have the empty key, and are in
    /// no index by key.
    /// No index has the order by time, nor serves `expires_at + 0`: so PostgreSQL looks the key up, however many leases
    /// its statistics expect there, instead of walking all that are active.
    REUSABLE = "lease.reusable" rows (principal text, reuse_key text):
        "SELECT n.principal, n.reuse_key, n.id FROM (
             SELECT l.principal, l.reuse_key, l.id,
                 row_number() OVER (PARTITION BY l.principal, l.reuse_key ORDER BY l.created_at DESC, l.id DESC) AS place
             FROM r JOIN leases l ON l.principal = r.principal AND l.reuse_key = r.reuse_key
             WHERE l.reuse_key <> '' AND l.state = 'active' AND l.expires_at > $2) n
         WHERE n.place <= 8 ORDER BY n.id DESC",
        postgres:
        "SELECT r.principal, r.reuse_key, n.id FROM r CROSS JOIN LATERAL (
             SELECT l.id FROM leases l
             WHERE l.principal = r.principal AND l.reuse_key = r.reuse_key AND l.reuse_key <> ''
               AND l.state = 'active'
               AND l.expires_at + 0 > $2
             ORDER BY l.created_at DESC, l.id DESC LIMIT 8) n
         ORDER BY n.id DESC";
    /// Ids of leases due at `$1`: of the `$3` that are due longest at most `$2`, an equal share for each owner.
    DUE = "lease.due":
        "WITH due AS (
             SELECT l.id, l.owner, l.expires_at FROM leases l WHERE l.state = 'active' AND l.expires_at <= $1
             ORDER BY l.expires_at LIMIT $3),
         turns AS (
             SELECT due.id, due.expires_at, row_number() OVER (PARTITION BY due.owner ORDER BY due.expires_at) AS turn
             FROM due)
         SELECT turns.id FROM turns ORDER BY turns.turn, turns.expires_at LIMIT $2";
    /// Active leases of principals that ran out before `$2`.
    DUE_OF = "lease.due_of" rows (principal text):
        "SELECT l.id FROM r JOIN leases l ON l.principal = r.principal
         WHERE l.state = 'active' AND l.expires_at <= $2 ORDER BY l.id";
    /// Inserts leases; each is younger than the newest fence.
    INSERT = "lease.insert" columns (
        id text, owner text, principal text, token_id text, client_id text, user_id text, server_id text,
        organization_id text, services text, credential_scope text, ttl bigint, created_at bigint, expires_at bigint,
        lifetime_ends_at bigint, renewable boolean, renewal_count bigint, max_renewals bigint, last_renewed_at bigint,
        state text, revoked_at bigint, revocation_reason text, revoked_by text, client_info text, address text,
        reuse_key text):
        "INSERT INTO leases (id, owner, principal, token_id, client_id, user_id, server_id, organization_id, services,
             credential_scope, ttl, created_at, expires_at, lifetime_ends_at, renewable, renewal_count, max_renewals,
             last_renewed_at, state, revoked_at, revocation_reason, revoked_by, client_info, address, reuse_key,
             fence_seq)
         SELECT r.id, r.owner, r.principal, r.token_id, r.client_id, r.user_id, r.server_id, r.organization_id,
             r.services, r.credential_scope, r.ttl, r.created_at, r.expires_at, r.lifetime_ends_at, r.renewable,
             r.renewal_count, r.max_renewals, r.last_renewed_at, r.state, r.revoked_at, r.revocation_reason,
             r.revoked_by, r.client_info, r.address, r.reuse_key,
             (SELECT c.value FROM counters c WHERE c.name = 'fence')
         FROM r";
    /// Inserts what leases rest on.
    INSERT_SOURCES = "lease_source.insert" columns (
        lease_id text, position bigint, service text, credential_id text, credential_version bigint,
        credential_epoch bigint, owner text, membership_epoch bigint, organization_epoch bigint):
        "INSERT INTO lease_sources (lease_id, position, service, credential_id, credential_version, credential_epoch,
             owner, membership_epoch, organization_epoch)
         SELECT r.lease_id, r.position, r.service, r.credential_id, r.credential_version, r.credential_epoch, r.owner,
             r.membership_epoch, r.organization_epoch
         FROM r";
    /// Writes renewals. It names no state: every index that does would be written anew, changed or not.
    RENEW = "lease.renew" columns (
        of_id text, expires_at bigint, renewal_count bigint, last_renewed_at bigint):
        "UPDATE leases SET expires_at = r.expires_at, renewal_count = r.renewal_count,
             last_renewed_at = r.last_renewed_at
         FROM r WHERE leases.id = r.of_id AND leases.state = 'active'";
    /// Writes what can change of a lease.
    UPDATE = "lease.update" columns (
        of_id text, expires_at bigint, renewal_count bigint, last_renewed_at bigint, state text, revoked_at bigint,
        revocation_reason text, revoked_by text):
        "UPDATE leases SET expires_at = r.expires_at, renewal_count = r.renewal_count,
             last_renewed_at = r.last_renewed_at, state = r.state, revoked_at = r.revoked_at,
             revocation_reason = r.revocation_reason, revoked_by = r.revoked_by
         FROM r WHERE leases.id = r.of_id";
    /// Writes versions and epochs of sources.
    UPDATE_SOURCES = "lease_source.update" rows (
        of_lease text, of_service text, credential_version bigint, credential_epoch bigint, membership_epoch bigint,
        organization_epoch bigint):
        "UPDATE lease_sources SET credential_version = r.credential_version, credential_epoch = r.credential_epoch,
             membership_epoch = r.membership_epoch, organization_epoch = r.organization_epoch
         FROM r WHERE lease_sources.lease_id = r.of_lease AND lease_sources.service = r.of_service";
    /// A page of a principal's leases: `$1` principal, `$2` now, `$3` status, `$4` service, `$5` server id, `$6` after,
    /// `$7` how many. The status is what `LeaseFacts::status` answers; a test holds the two together.
    LIST = "lease.list":
        concat!("SELECT ", facts!(), " FROM leases l JOIN lease_holds h ON h.lease_id = l.id
         WHERE l.principal = $1 AND (CAST($6 AS TEXT) IS NULL OR l.id < $6)
           AND (CAST($5 AS TEXT) IS NULL OR l.server_id = $5)
           AND (CAST($4 AS TEXT) IS NULL OR EXISTS (
               SELECT 1 FROM lease_sources s WHERE s.lease_id = l.id
                 AND (s.service = $4 OR substr(s.service, 1, length($4) + 1) = $4 || '/')))
           AND (CAST($3 AS TEXT) IS NULL OR $3 = CASE
               WHEN l.state IN ('revoked', 'revoking') THEN 'revoked' WHEN l.state = 'expired' THEN 'expired'
               WHEN h.fenced OR h.holder_gone THEN 'revoked' WHEN l.expires_at <= $2 THEN 'expired' ELSE 'active' END)
         ORDER BY l.id DESC LIMIT $7");
    /// Live leases of client or user `$1` at `$2`.
    COUNT_OF_PRINCIPAL = "lease.count_of_principal":
        "SELECT count(*) FROM leases l WHERE l.principal = $1 AND l.state = 'active' AND l.expires_at > $2";
    /// Live leases taken for user `$1`, by the user or own clients, at `$2`.
    COUNT_OF_USER = "lease.count_of_user":
        "SELECT count(*) FROM leases l WHERE l.user_id = $1 AND l.state = 'active' AND l.expires_at > $2";
    /// Live leases taken with token `$1`, or one that was minted with it, at `$2`.
    COUNT_OF_TOKEN = "lease.count_of_token":
        "WITH RECURSIVE minted (id) AS (
             SELECT t.id FROM tokens t WHERE t.id = $1
             UNION SELECT t.id FROM minted m JOIN tokens t ON t.minted_with = m.id)
         SELECT count(*) FROM tokens t JOIN leases l ON l.user_id = t.user_id
         WHERE t.id = $1 AND l.token_id IN (SELECT minted.id FROM minted) AND l.state = 'active' AND l.expires_at > $2";
    /// Live leases that rest on credential `$1` at `$2`.
    COUNT_OF_CREDENTIAL = "lease.count_of_credential":
        "SELECT count(DISTINCT l.id) FROM lease_sources s JOIN leases l ON l.id = s.lease_id
         WHERE s.credential_id = $1 AND l.state = 'active' AND l.expires_at > $2";
    /// Live leases that rest on credentials of organization `$1` at `$2`.
    COUNT_OF_ORGANIZATION = "lease.count_of_organization":
        "SELECT count(DISTINCT l.id) FROM lease_sources s JOIN leases l ON l.id = s.lease_id
         WHERE s.owner = $1 AND s.organization_epoch IS NOT NULL AND l.state = 'active' AND l.expires_at > $2";
    /// Live leases taken for user `$3` that rest on credentials of organization `$1`, at `$2`.
    COUNT_OF_MEMBERSHIP = "lease.count_of_membership":
        "SELECT count(*) FROM leases l WHERE l.user_id = $3 AND l.state = 'active' AND l.expires_at > $2
             AND EXISTS (SELECT 1 FROM lease_sources s WHERE s.lease_id = l.id AND s.owner = $1)";
    /// The sharing rules that live leases of user `$3` on credentials of organization `$1` rest on, at `$2`; none for a
    /// credential that is gone.
    SHARING_OF_MEMBERSHIP = "lease.sharing_of_membership":
        "SELECT l.id, c.sharing FROM leases l JOIN lease_sources s ON s.lease_id = l.id AND s.owner = $1
         LEFT JOIN credentials c ON c.id = s.credential_id
         WHERE l.user_id = $3 AND l.state = 'active' AND l.expires_at > $2";
    /// Ids of ended leases that would have run out before `$1`, at most `$2`.
    PRUNABLE = "lease.prunable":
        "SELECT l.id FROM leases l WHERE l.state IN ('expired', 'revoked') AND l.expires_at < $1
         ORDER BY l.expires_at LIMIT $2";
    /// Removes what leases rest on.
    DELETE_SOURCES = "lease_source.delete" rows (id text):
        "DELETE FROM lease_sources WHERE lease_id IN (SELECT r.id FROM r)";
    /// Removes leases.
    DELETE = "lease.delete" rows (id text):
        "DELETE FROM leases WHERE id IN (SELECT r.id FROM r)";
}
