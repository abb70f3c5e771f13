//! Statements on credentials. Ciphertext is bound, never part of JSON.

use super::{listings, statements};

/// A credential; `rows::CredentialRow` reads it.
macro_rules! credential {
    () => {
        "SELECT c.id, c.owner, c.service, c.account, c.is_primary, c.status, c.sharing, c.epoch, c.version, c.sealed,
             c.expires_at, c.created_at, c.rotated_at, c.fields, c.revision, c.status_reason, c.issuer, c.identity
         FROM "
    };
}

statements! {
    /// By id.
    FIND = "credential.find" rows (id text): concat!(credential!(), "r JOIN credentials c ON c.id = r.id");
    /// Of owners; primary first, then as deposited.
    LIST = "credential.list" rows (owner text):
        concat!(credential!(), "r JOIN credentials c ON c.owner = r.owner ORDER BY c.is_primary DESC, c.created_at, c.id");
    /// Of owner `$1` after `$2`, not sealed by the newest data key; at most `$3`.
    LIST_TO_RESEAL = "credential.list_to_reseal":
        concat!(credential!(), "credentials c WHERE c.owner = $1 AND c.id > $2 AND c.data_key_id <> (
             SELECT k.id FROM data_keys k WHERE k.owner = $1 ORDER BY k.version DESC LIMIT 1)
         ORDER BY c.id LIMIT $3");
    /// Nothing of owner `$1` and service `$2` is primary.
    DEMOTE = "credential.demote":
        "UPDATE credentials SET is_primary = FALSE, revision = revision + 1
         WHERE owner = $1 AND service = $2 AND is_primary";
    /// The first of its service is primary: `$1` id, `$2` owner, `$3` service, `$4` account, `$5` primary, `$6` status,
    /// `$7` sharing, `$8` epoch, `$9` version, `$10` sealed, `$11` data key, `$12` expires, `$13` at, `$14` fields, `$15` issuer,
    /// `$16` identity.
    INSERT = "credential.insert":
        "INSERT INTO credentials (id, owner, service, account, is_primary, status, sharing, epoch, version, sealed,
             data_key_id, expires_at, created_at, rotated_at, fields, issuer, identity)
         SELECT $1, $2, $3, $4,
             ($5 OR NOT EXISTS (SELECT 1 FROM credentials c WHERE c.owner = $2 AND c.service = $3)),
             $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16";
    /// A new value: `$1` id, `$2` version, `$3` sealed, `$4` data key, `$5` expires, `$6` fields, `$7` at, `$8`
    /// issuer; answers the owner.
    ROTATE = "credential.rotate":
        "UPDATE credentials SET version = $2, sealed = $3, data_key_id = $4, expires_at = $5, fields = $6, rotated_at = $7,
             issuer = $8, epoch = epoch + 1, revision = revision + 1
         WHERE id = $1 AND version = $2 - 1 RETURNING owner";
    /// `$1` id, `$2` status; answers the owner. What awaits its confirmation is not switched.
    SET_STATUS = "credential.set_status":
        "UPDATE credentials SET status = $2, status_reason = NULL, epoch = epoch + 1, revision = revision + 1
         WHERE id = $1 AND status <> 'pending' RETURNING owner";
    /// `$1` id, `$2` status, `$3` reason; answers the owner. What its owner switched off stays so.
    SET_CONDITION = "credential.set_condition":
        "UPDATE credentials SET status = $2, status_reason = $3, epoch = epoch + 1, revision = revision + 1
         WHERE id = $1 AND status <> 'inactive' RETURNING owner";
    /// `$1` id, `$2` identity.
    SET_IDENTITY = "credential.set_identity": "UPDATE credentials SET identity = $2 WHERE id = $1";
    /// `$1` id, `$2` sharing; answers the owner.
    SET_SHARING = "credential.set_sharing":
        "UPDATE credentials SET sharing = $2, epoch = epoch + 1, revision = revision + 1 WHERE id = $1 RETURNING owner";
    /// Owner and service of credential `$1`.
    FIND_SERVICE = "credential.find_service": "SELECT owner, service FROM credentials WHERE id = $1";
    /// Makes credential `$1` primary; no other of its owner and service may be.
    MAKE_PRIMARY = "credential.make_primary":
        "UPDATE credentials SET is_primary = TRUE, revision = revision + 1 WHERE id = $1";
    /// How many there are of each service.
    COUNT_BY_SERVICE = "credential.count_by_service":
        "SELECT service, count(*) FROM credentials GROUP BY service";
    /// Who holds live leases on credential `$1` at `$2`, with the role in its organization.
    HOLDERS = "credential.holders":
        "SELECT l.user_id, coalesce(m.role, c.role) AS role, count(DISTINCT l.id) AS leases
         FROM lease_sources s JOIN leases l ON l.id = s.lease_id
         LEFT JOIN memberships m ON m.organization_id = s.owner AND m.user_id = l.user_id AND NOT m.removed
         LEFT JOIN clients c ON c.id = l.client_id AND l.user_id IS NULL
         WHERE s.credential_id = $1 AND l.state = 'active' AND l.expires_at > $2
         GROUP BY l.user_id, coalesce(m.role, c.role)";
    /// Whether credential `$1` has revision `$2`, and keeps it until the transaction ends.
    HAS_REVISION = "credential.has_revision": "SELECT id FROM credentials WHERE id = $1 AND revision = $2",
        postgres: "SELECT id FROM credentials WHERE id = $1 AND revision = $2 FOR NO KEY UPDATE";
    /// `$1` id; answers owner and service.
    DELETE = "credential.delete":
        "DELETE FROM credentials WHERE id = $1 RETURNING owner, service";
    /// The oldest of owner `$1` and service `$2` becomes primary, if none is.
    PROMOTE = "credential.promote":
        "UPDATE credentials SET is_primary = TRUE, revision = revision + 1 WHERE id = (
             SELECT c.id FROM credentials c WHERE c.owner = $1 AND c.service = $2 ORDER BY c.created_at, c.id LIMIT 1)
         AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.owner = $1 AND c.service = $2 AND c.is_primary)";
    /// The same value in another envelope: `$1` id, `$2` from, `$3` to, `$4` data key.
    RESEAL = "credential.reseal":
        "UPDATE credentials SET sealed = $3, data_key_id = $4 WHERE id = $1 AND sealed = $2";
    /// Whether credential `$1` is there.
    EXISTS = "credential.exists":
        "SELECT id FROM credentials WHERE id = $1";
}

/// Columns as `credential!` has them, of a list.
macro_rules! listed {
    () => {
        "SELECT id, owner, service, account, is_primary, status, sharing, epoch, version, sealed, expires_at, created_at,
             rotated_at, fields, revision, status_reason, issuer, identity
         FROM credentials "
    };
}

listings! {
    /// Credentials of everybody: `$2` service, `$3` status.
    LIST_ALL = "credential.list_all"
        (listed!(), "(CAST($2 AS TEXT) IS NULL OR service = $2) AND (CAST($3 AS TEXT) IS NULL OR status = $3)"),
        after "$4" "$5", by { CreatedAt: "id", Service: "service" };
    /// Credentials of one owner: `$2` service, `$3` status, `$4` owner.
    LIST_OF_OWNER = "credential.list_of_owner"
        (listed!(), "(CAST($2 AS TEXT) IS NULL OR service = $2) AND (CAST($3 AS TEXT) IS NULL OR status = $3)
             AND owner = $4"),
        after "$5" "$6", by { CreatedAt: "id", Service: "service" };
}
