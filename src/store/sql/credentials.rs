//! Statements on credentials. Ciphertext is bound, never part of JSON.

use super::statements;

/// A credential; `rows::CredentialRow` reads it.
macro_rules! credential {
    () => {
        "SELECT c.id, c.owner, c.service, c.account, c.is_primary, c.status, c.sharing, c.epoch, c.version, c.sealed,
             c.expires_at, c.created_at
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
        "UPDATE credentials SET is_primary = FALSE WHERE owner = $1 AND service = $2 AND is_primary";
    /// The first of its service is primary: `$1` id, `$2` owner, `$3` service, `$4` account, `$5` primary, `$6` status,
    /// `$7` sharing, `$8` epoch, `$9` version, `$10` sealed, `$11` data key, `$12` expires, `$13` at.
    INSERT = "credential.insert":
        "INSERT INTO credentials (id, owner, service, account, is_primary, status, sharing, epoch, version, sealed,
             data_key_id, expires_at, created_at)
         SELECT $1, $2, $3, $4,
             ($5 OR NOT EXISTS (SELECT 1 FROM credentials c WHERE c.owner = $2 AND c.service = $3)),
             $6, $7, $8, $9, $10, $11, $12, $13";
    /// A new value: `$1` id, `$2` version, `$3` sealed, `$4` data key, `$5` expires; answers the owner.
    ROTATE = "credential.rotate":
        "UPDATE credentials SET version = $2, sealed = $3, data_key_id = $4, expires_at = $5, epoch = epoch + 1
         WHERE id = $1 AND version = $2 - 1 RETURNING owner";
    /// `$1` id, `$2` status; answers the owner.
    SET_STATUS = "credential.set_status":
        "UPDATE credentials SET status = $2, epoch = epoch + 1 WHERE id = $1 RETURNING owner";
    /// `$1` id, `$2` sharing; answers the owner.
    SET_SHARING = "credential.set_sharing":
        "UPDATE credentials SET sharing = $2, epoch = epoch + 1 WHERE id = $1 RETURNING owner";
    /// `$1` id; answers owner and service.
    DELETE = "credential.delete":
        "DELETE FROM credentials WHERE id = $1 RETURNING owner, service";
    /// The oldest of owner `$1` and service `$2` becomes primary, if none is.
    PROMOTE = "credential.promote":
        "UPDATE credentials SET is_primary = TRUE WHERE id = (
             SELECT c.id FROM credentials c WHERE c.owner = $1 AND c.service = $2 ORDER BY c.created_at, c.id LIMIT 1)
         AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.owner = $1 AND c.service = $2 AND c.is_primary)";
    /// The same value in another envelope: `$1` id, `$2` from, `$3` to, `$4` data key.
    RESEAL = "credential.reseal":
        "UPDATE credentials SET sealed = $3, data_key_id = $4 WHERE id = $1 AND sealed = $2";
    /// Whether credential `$1` is there.
    EXISTS = "credential.exists":
        "SELECT id FROM credentials WHERE id = $1";
}
