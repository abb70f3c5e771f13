//! Statements on grants, applications, and the calls of services that limit them.

use super::statements;

/// A grant; `rows::GrantRow` reads it.
macro_rules! grant {
    () => {
        "SELECT g.credential_id, c.owner, c.service, g.version, g.sealed, g.refreshed_at, g.refresh_expires_at, g.due_at, g.failures,
             g.failure, g.claim, g.claimed_until, g.attempt, g.attempted_at, g.attempts, g.reported_at
         FROM grants g JOIN credentials c ON c.id = g.credential_id "
    };
}

/// An application; `rows::ApplicationRow` reads it.
macro_rules! application {
    () => {
        "SELECT owner, service, client_id, sealed, version, created_at FROM applications "
    };
}

statements! {
    /// Of credential `$1`.
    FIND = "grant.find": concat!(grant!(), "WHERE g.credential_id = $1");
    /// Those to look at by `$1` that nobody is refreshing, the longest due first; at most `$2` of each service. Credentials
    /// that were switched off wait.
    LIST_DUE = "grant.list_due":
        concat!(grant!(), "JOIN (
             SELECT d.credential_id, row_number() OVER (PARTITION BY k.service ORDER BY d.due_at, d.credential_id) AS place
             FROM grants d JOIN credentials k ON k.id = d.credential_id
             WHERE d.due_at <= $1 AND (d.claim IS NULL OR d.claimed_until <= $1) AND k.status = 'active') n
             ON n.credential_id = g.credential_id
         WHERE n.place <= $2 ORDER BY g.due_at, g.credential_id");
    /// Of owner `$1` after `$2`, not sealed by the newest data key; at most `$3`.
    LIST_TO_RESEAL = "grant.list_to_reseal":
        concat!(grant!(), "WHERE c.owner = $1 AND g.credential_id > $2 AND g.data_key_id <> (
             SELECT k.id FROM data_keys k WHERE k.owner = $1 ORDER BY k.version DESC LIMIT 1)
         ORDER BY g.credential_id LIMIT $3");
    /// A new one, or a new value of the one before: `$1` credential, `$2` version, `$3` sealed, `$4` data key, `$5` refresh
    /// token's end, `$6` due, `$7` at.
    PUT = "grant.put":
        "INSERT INTO grants (credential_id, version, sealed, data_key_id, refresh_expires_at, due_at, refreshed_at, failures, attempts)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)
         ON CONFLICT (credential_id) DO UPDATE SET version = excluded.version, sealed = excluded.sealed,
             data_key_id = excluded.data_key_id, refresh_expires_at = excluded.refresh_expires_at,
             due_at = excluded.due_at, refreshed_at = excluded.refreshed_at, failures = 0, failure = NULL, claim = NULL, claimed_until = NULL, attempt = NULL,
             attempted_at = NULL, attempts = 0
         WHERE grants.version = excluded.version - 1";
    /// Of credential `$1`.
    DELETE = "grant.delete": "DELETE FROM grants WHERE credential_id = $1";
    /// `$2` refreshes credential `$1` until `$3`, unless it is no longer of version `$5` or somebody else does at `$6`; the
    /// digest `$4` of what is about to be sent is written down.
    CLAIM = "grant.claim":
        "UPDATE grants SET claim = $2, claimed_until = $3,
             attempts = CASE WHEN CAST($4 AS TEXT) IS NULL THEN 0 WHEN attempt = $4 THEN attempts + 1 ELSE 1 END,
             attempted_at = CASE WHEN CAST($4 AS TEXT) IS NULL THEN NULL WHEN attempt = $4 THEN attempted_at
                 ELSE CAST($6 AS BIGINT) END,
             attempt = $4
         WHERE credential_id = $1 AND version = $5 AND (claim IS NULL OR claimed_until <= $6)";
    /// A new value, by whoever still holds the claim: `$1` credential, `$2` claim, `$3` new version, `$4` sealed, `$5` data
    /// key, `$6` refresh token's end, `$7` due, `$8` reported, `$9` at.
    RENEW = "grant.renew":
        "UPDATE grants SET version = $3, sealed = $4, data_key_id = $5, refresh_expires_at = $6, due_at = $7,
             reported_at = coalesce($8, reported_at), refreshed_at = $9, failures = 0, failure = NULL, claim = NULL, claimed_until = NULL,
             attempt = NULL, attempted_at = NULL, attempts = 0
         WHERE credential_id = $1 AND claim = $2 AND version = $3 - 1";
    /// The claim is given up without a new value: `$1` credential, `$2` claim, `$3` failures, `$4` why, `$5` due, `$6` how
    /// many of the sendings stay uncertain, `$7` reported.
    LEAVE = "grant.leave":
        "UPDATE grants SET claim = NULL, claimed_until = NULL, failures = $3, failure = $4, due_at = $5, attempts = CAST($6 AS BIGINT),
             attempted_at = CASE WHEN CAST($6 AS BIGINT) = 0 THEN NULL ELSE attempted_at END,
             attempt = CASE WHEN CAST($6 AS BIGINT) = 0 THEN NULL ELSE attempt END, reported_at = coalesce($7, reported_at)
         WHERE credential_id = $1 AND claim = $2";
    /// Credential `$1` is looked at next at `$2`, if nobody is refreshing it.
    POSTPONE = "grant.postpone": "UPDATE grants SET due_at = $2 WHERE credential_id = $1 AND claim IS NULL";
    /// The same value in another envelope: `$1` credential, `$2` from, `$3` to, `$4` data key.
    RESEAL = "grant.reseal":
        "UPDATE grants SET sealed = $3, data_key_id = $4 WHERE credential_id = $1 AND sealed = $2";
    /// Of owner `$1` for service `$2`.
    FIND_APPLICATION = "application.find": concat!(application!(), "WHERE owner = $1 AND service = $2");
    /// Of owner `$1`, or of everybody.
    LIST_APPLICATIONS = "application.list":
        concat!(application!(), "WHERE CAST($1 AS TEXT) IS NULL OR owner = $1 ORDER BY service, owner");
    /// A new one, or a new value of the one before: `$1` owner, `$2` service, `$3` client id, `$4` sealed, `$5` data key,
    /// `$6` version, `$7` at.
    PUT_APPLICATION = "application.put":
        "INSERT INTO applications (owner, service, client_id, sealed, data_key_id, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (owner, service) DO UPDATE SET client_id = excluded.client_id, sealed = excluded.sealed,
             data_key_id = excluded.data_key_id, version = excluded.version
         WHERE applications.version = excluded.version - 1";
    /// Of owner `$1` for service `$2`.
    DELETE_APPLICATION = "application.delete": "DELETE FROM applications WHERE owner = $1 AND service = $2";
    /// The same value in another envelope: `$1` owner, `$2` service, `$3` from, `$4` to, `$5` data key.
    RESEAL_APPLICATION = "application.reseal":
        "UPDATE applications SET sealed = $4, data_key_id = $5 WHERE owner = $1 AND service = $2 AND sealed = $3";
    /// One call more of `$1` in the slot `$2`, if there were fewer than `$3`.
    COUNT_CALL = "upstream.count_call":
        "INSERT INTO upstream_calls (name, slot, calls) VALUES ($1, $2, 1)
         ON CONFLICT (name) DO UPDATE SET
             calls = CASE WHEN upstream_calls.slot = excluded.slot THEN upstream_calls.calls + 1 ELSE 1 END,
             slot = excluded.slot
         WHERE upstream_calls.slot < excluded.slot
            OR (upstream_calls.slot = excluded.slot AND upstream_calls.calls < $3)";
}
