//! Statements on data keys and signing keys.

use super::statements;

macro_rules! data_key {
    () => {
        "SELECT id, owner, version, wrapped, created_at FROM data_keys "
    };
}

statements! {
    /// Of owner `$1`, newest first.
    LIST = "data_key.list": concat!(data_key!(), "WHERE owner = $1 ORDER BY version DESC");
    /// All after `$1`, at most `$2`.
    LIST_ALL = "data_key.list_all": concat!(data_key!(), "WHERE id > $1 ORDER BY id LIMIT $2");
    /// If the owner is there and is not deleted meanwhile: `$1` id, `$2` owner, `$3` version, `$4` wrapped, `$5` at.
    INSERT = "data_key.insert":
        "INSERT INTO data_keys (id, owner, version, wrapped, created_at)
         SELECT $1, o.id, $3, $4, $5 FROM owners o WHERE o.id = $2 AND NOT o.closed",
        postgres: "INSERT INTO data_keys (id, owner, version, wrapped, created_at)
         SELECT $1, o.id, $3, $4, $5 FROM owners o WHERE o.id = $2 AND NOT o.closed FOR SHARE";
    /// `$1` id, `$2` from, `$3` to.
    REWRAP = "data_key.rewrap":
        "UPDATE data_keys SET wrapped = $3 WHERE id = $1 AND wrapped = $2";
    /// Whether data key `$1` is there.
    EXISTS = "data_key.exists":
        "SELECT id FROM data_keys WHERE id = $1";
    /// Published at `$1`, oldest first.
    LIST_SIGNING = "signing_key.list":
        "SELECT id, sealed, public_jwk, created_at, signs_from, retires_at FROM signing_keys
         WHERE retires_at IS NULL OR retires_at > $1 ORDER BY created_at, id";
    /// `$1` id, `$2` sealed, `$3` JWK, `$4` at, `$5` signs from, `$6` retires.
    INSERT_SIGNING = "signing_key.insert":
        "INSERT INTO signing_keys (id, sealed, public_jwk, created_at, signs_from, retires_at)
         VALUES ($1, $2, $3, $4, $5, $6)";
    /// `$1` id, `$2` from, `$3` to.
    RESEAL_SIGNING = "signing_key.reseal":
        "UPDATE signing_keys SET sealed = $3 WHERE id = $1 AND sealed = $2";
    /// Whether signing key `$1` is there.
    SIGNING_EXISTS = "signing_key.exists":
        "SELECT id FROM signing_keys WHERE id = $1";
    /// Whether another key than `$1` signs at `$2`, with none to follow it.
    ANOTHER_SIGNS = "signing_key.another_signs":
        "SELECT id FROM signing_keys WHERE id <> $1 AND signs_from <= $2 AND retires_at IS NULL LIMIT 1";
    /// `$1` id, `$2` at.
    RETIRE_SIGNING = "signing_key.retire":
        "UPDATE signing_keys SET retires_at = $2 WHERE id = $1";
}
