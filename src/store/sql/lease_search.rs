//! Finding leases of everybody, and counting them.
//!
//! A page looks at a *window*: the next so many leases along an index, in the order of their ids, which is that of
//! creation. What no index leads to (service, server, status) is judged within the window. So a page costs the same in a
//! database of a million leases, and an index on each filter does not slow the taking of leases down.

use super::{leases::facts, statements};

/// Conditions on a lease `l` of the window: `$6` now, `$7` status, `$8` service, `$9` server id, `$10` principal,
/// `$11` user, `$12` organization, `$13` the organization whose own services and credentials alone count, `$14` credential,
/// `$15` created from, `$16` created before. The status is what `LeaseFacts::status` answers; a test holds the two
/// together.
macro_rules! wanted {
    () => {
        "(CAST($7 AS TEXT) IS NULL OR $7 = CASE
               WHEN l.state IN ('revoked', 'revoking') THEN 'revoked' WHEN l.state = 'expired' THEN 'expired'
               WHEN h.fenced OR h.holder_gone THEN 'revoked' WHEN l.expires_at <= $6 THEN 'expired' ELSE 'active' END)
           AND (CAST($8 AS TEXT) IS NULL OR EXISTS (
               SELECT 1 FROM lease_sources s WHERE s.lease_id = l.id
                 AND (s.service = $8 OR substr(s.service, 1, length($8) + 1) = $8 || '/')
                 AND (CAST($13 AS TEXT) IS NULL OR s.owner = $13)))
           AND (CAST($9 AS TEXT) IS NULL OR l.server_id = $9)
           AND (CAST($10 AS TEXT) IS NULL OR l.principal = $10)
           AND (CAST($11 AS TEXT) IS NULL OR l.user_id = $11)
           AND (CAST($12 AS TEXT) IS NULL OR EXISTS (
               SELECT 1 FROM lease_sources s
               WHERE s.lease_id = l.id AND s.owner = $12 AND s.organization_epoch IS NOT NULL))
           AND (CAST($14 AS TEXT) IS NULL OR EXISTS (
               SELECT 1 FROM lease_sources s WHERE s.lease_id = l.id AND s.credential_id = $14
                 AND (CAST($13 AS TEXT) IS NULL OR s.owner = $13)))
           AND (CAST($15 AS BIGINT) IS NULL OR l.created_at >= $15)
           AND (CAST($16 AS BIGINT) IS NULL OR l.created_at < $16)"
    };
}

/// The leases wanted of a window: `$4` how many to look at, `$5` how many to answer.
macro_rules! page {
    ($window:expr, $direction:literal) => {
        concat!(
            "WITH w AS MATERIALIZED (",
            $window,
            " ORDER BY id",
            $direction,
            " LIMIT $4)
             SELECT ",
            facts!(),
            " FROM w JOIN leases l ON l.id = w.id JOIN lease_holds h ON h.lease_id = l.id
             WHERE ",
            wanted!(),
            " ORDER BY l.id",
            $direction,
            " LIMIT $5"
        )
    };
}

/// The last lease of a window of `$4`, if there are so many.
macro_rules! end {
    ($window:expr, $direction:literal) => {
        concat!($window, " ORDER BY id", $direction, " LIMIT 1 OFFSET $4 - 1")
    };
}

/// Leases between the ids `$2` and `$3`, along an index by `$1`.
macro_rules! along {
    (all) => {
        "SELECT l.id FROM leases l WHERE CAST($1 AS TEXT) IS NOT NULL AND l.id > $2 AND l.id < $3"
    };
    (principal) => {
        "SELECT l.id FROM leases l WHERE l.principal = $1 AND l.id > $2 AND l.id < $3"
    };
    (user) => {
        "SELECT l.id FROM leases l WHERE l.user_id = $1 AND l.id > $2 AND l.id < $3"
    };
    (organization) => {
        "SELECT DISTINCT s.lease_id AS id FROM lease_sources s
         WHERE s.owner = $1 AND s.organization_epoch IS NOT NULL AND s.lease_id > $2 AND s.lease_id < $3"
    };
    (credential) => {
        "SELECT DISTINCT s.lease_id AS id FROM lease_sources s
         WHERE s.credential_id = $1 AND s.lease_id > $2 AND s.lease_id < $3"
    };
}

/// Live leases at `$3` by principal and kind of backend, after principal `$1` and kind `$2` (after all of the principal's
/// when that is empty): `$4` service, `$5` how many counts.
macro_rules! tally {
    (from $from:expr, $kind:literal) => {
        concat!(
            $from, " l.state = 'active' AND l.expires_at > $3
               AND (CAST($4 AS TEXT) IS NULL OR ", $kind, " = $4)
               AND (l.principal > $1 OR (l.principal = $1 AND $2 <> '' AND ", $kind, " > $2))
             GROUP BY l.principal, ", $kind, " ORDER BY l.principal, ", $kind, " LIMIT $5"
        )
    };
    (all, $kind:literal) => {
        tally!(from concat!(
            "WITH p AS MATERIALIZED (
                 SELECT q.principal FROM lease_quotas q
                 WHERE q.live > 0 AND q.principal >= $1 AND (q.principal > $1 OR $2 <> '')
                 ORDER BY q.principal LIMIT $5)
             SELECT l.principal, ", $kind, " AS service, count(DISTINCT l.id) AS live
             FROM p JOIN leases l ON l.principal = p.principal JOIN lease_sources s ON s.lease_id = l.id WHERE"
        ), $kind)
    };
    (principal, $kind:literal) => {
        tally!(from concat!(
            "SELECT l.principal, ", $kind, " AS service, count(DISTINCT l.id) AS live
             FROM leases l JOIN lease_sources s ON s.lease_id = l.id WHERE l.principal = $6 AND"
        ), $kind)
    };
    (organization, $kind:literal) => {
        tally!(from concat!(
            "SELECT l.principal, ", $kind, " AS service, count(DISTINCT l.id) AS live
             FROM lease_sources s JOIN leases l ON l.id = s.lease_id
             WHERE s.owner = $7 AND s.organization_epoch IS NOT NULL
               AND (CAST($6 AS TEXT) IS NULL OR l.principal = $6) AND"
        ), $kind)
    };
}

statements! {
    /// Everybody's, oldest first.
    ALL_UP = "lease_search.all_up": page!(along!(all), "");
    /// Where the window ends.
    ALL_UP_END = "lease_search.all_up_end": end!(along!(all), "");
    /// Everybody's, newest first.
    ALL_DOWN = "lease_search.all_down": page!(along!(all), " DESC");
    /// Where the window ends.
    ALL_DOWN_END = "lease_search.all_down_end": end!(along!(all), " DESC");
    /// A principal's, oldest first.
    PRINCIPAL_UP = "lease_search.principal_up": page!(along!(principal), "");
    /// Where the window ends.
    PRINCIPAL_UP_END = "lease_search.principal_up_end": end!(along!(principal), "");
    /// A principal's, newest first.
    PRINCIPAL_DOWN = "lease_search.principal_down": page!(along!(principal), " DESC");
    /// Where the window ends.
    PRINCIPAL_DOWN_END = "lease_search.principal_down_end": end!(along!(principal), " DESC");
    /// Taken for a user, oldest first.
    USER_UP = "lease_search.user_up": page!(along!(user), "");
    /// Where the window ends.
    USER_UP_END = "lease_search.user_up_end": end!(along!(user), "");
    /// Taken for a user, newest first.
    USER_DOWN = "lease_search.user_down": page!(along!(user), " DESC");
    /// Where the window ends.
    USER_DOWN_END = "lease_search.user_down_end": end!(along!(user), " DESC");
    /// Resting on an organization's credentials, oldest first.
    ORGANIZATION_UP = "lease_search.organization_up": page!(along!(organization), "");
    /// Where the window ends.
    ORGANIZATION_UP_END = "lease_search.organization_up_end": end!(along!(organization), "");
    /// Resting on an organization's credentials, newest first.
    ORGANIZATION_DOWN = "lease_search.organization_down": page!(along!(organization), " DESC");
    /// Where the window ends.
    ORGANIZATION_DOWN_END = "lease_search.organization_down_end": end!(along!(organization), " DESC");
    /// Resting on a credential, oldest first.
    CREDENTIAL_UP = "lease_search.credential_up": page!(along!(credential), "");
    /// Where the window ends.
    CREDENTIAL_UP_END = "lease_search.credential_up_end": end!(along!(credential), "");
    /// Resting on a credential, newest first.
    CREDENTIAL_DOWN = "lease_search.credential_down": page!(along!(credential), " DESC");
    /// Where the window ends.
    CREDENTIAL_DOWN_END = "lease_search.credential_down_end": end!(along!(credential), " DESC");

    /// Of everybody who has live leases: looks at `$5` principals.
    TALLY_ALL = "lease_tally.all":
        tally!(all, "substr(s.service, 1, instr(s.service || '/', '/') - 1)"),
        postgres: tally!(all, "split_part(s.service, '/', 1)");
    /// The last of the `$5` principals that were looked at, if there are so many.
    TALLY_ALL_END = "lease_tally.all_end":
        "SELECT q.principal FROM lease_quotas q
         WHERE q.live > 0 AND q.principal >= $1 AND (q.principal > $1 OR $2 <> '')
         ORDER BY q.principal LIMIT 1 OFFSET $3 - 1";
    /// Of principal `$6`.
    TALLY_PRINCIPAL = "lease_tally.principal":
        tally!(principal, "substr(s.service, 1, instr(s.service || '/', '/') - 1)"),
        postgres: tally!(principal, "split_part(s.service, '/', 1)");
    /// Of what rests on organization `$7`'s credentials; maybe of principal `$6` alone.
    TALLY_ORGANIZATION = "lease_tally.organization":
        tally!(organization, "substr(s.service, 1, instr(s.service || '/', '/') - 1)"),
        postgres: tally!(organization, "split_part(s.service, '/', 1)");
}
