//! Statements on the counters of live leases and on idempotency keys.

use super::statements;

statements! {
    /// Makes counters that are missing.
    CREATE = "quota.create" columns (principal text):
        "INSERT INTO lease_quotas (principal, live) SELECT r.principal, 0 FROM r WHERE TRUE ORDER BY r.principal
         ON CONFLICT (principal) DO NOTHING";
    /// Counters, locked in order.
    LOCK = "quota.lock" columns (principal text):
        "SELECT q.principal, q.live FROM lease_quotas q WHERE q.principal IN (SELECT r.principal FROM r)
         ORDER BY q.principal",
        postgres:
        "SELECT q.principal, q.live FROM lease_quotas q WHERE q.principal IN (SELECT r.principal FROM r)
         ORDER BY q.principal FOR UPDATE OF q";
    /// Moves counters.
    MOVE = "quota.move" columns (whose text, delta bigint):
        "UPDATE lease_quotas SET live = CASE WHEN live + r.delta < 0 THEN 0 ELSE live + r.delta END
         FROM r WHERE lease_quotas.principal = r.whose";
    /// Live leases of everybody.
    TOTAL = "quota.total":
        "SELECT CAST(coalesce(sum(live), 0) AS BIGINT) FROM lease_quotas";
    /// Keys used at or after `$2`.
    USED_KEYS = "idempotency_key.used" rows (principal text, key text):
        "SELECT k.principal, k.key, k.digest, k.lease_id FROM r
         JOIN idempotency_keys k ON k.principal = r.principal AND k.key = r.key WHERE k.created_at >= $2";
    /// Inserts keys at `$2`; replaces those from before `$3`.
    INSERT_KEYS = "idempotency_key.insert" rows (principal text, key text, digest text, lease_id text):
        "INSERT INTO idempotency_keys (principal, key, digest, lease_id, created_at)
         SELECT r.principal, r.key, r.digest, r.lease_id, $2 FROM r WHERE TRUE
         ON CONFLICT (principal, key) DO UPDATE
         SET digest = excluded.digest, lease_id = excluded.lease_id, created_at = excluded.created_at
         WHERE idempotency_keys.created_at < $3";
    /// Removes keys from before `$1`, at most `$2`.
    PRUNE_KEYS = "idempotency_key.prune":
        "DELETE FROM idempotency_keys WHERE (principal, key) IN (
             SELECT k.principal, k.key FROM idempotency_keys k WHERE k.created_at < $1 ORDER BY k.created_at LIMIT $2)";
}
