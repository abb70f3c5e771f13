//! Statements on owners, users, organizations and memberships.

use super::{listings, statements};

macro_rules! user {
    () => {
        "SELECT id, email, name, active, epoch, revision, created_at FROM users "
    };
}

statements! {
    /// Revisions of owners.
    REVISIONS = "owner.revisions" columns (id text):
        "SELECT o.id, o.revision FROM r JOIN owners o ON o.id = r.id";
    /// `$1` id, `$2` kind.
    INSERT_OWNER = "owner.insert":
        "INSERT INTO owners (id, kind, revision) VALUES ($1, $2, 0)";
    /// Raises the revision of owner `$1`, unless it was deleted.
    RAISE_REVISION = "owner.raise_revision":
        "UPDATE owners SET revision = revision + 1 WHERE id = $1 AND NOT closed";

    /// `$1` id.
    FIND_USER = "user.find": concat!(user!(), "WHERE id = $1");
    /// `$1` e-mail address.
    FIND_USER_BY_EMAIL = "user.find_by_email": concat!(user!(), "WHERE email = $1");
    /// `$1` id, `$2` e-mail address, `$3` name, `$4` active, `$5` epoch, `$6` at.
    INSERT_USER = "user.insert":
        "INSERT INTO users (id, email, name, active, epoch, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    /// `$1` id, `$2` active.
    SET_USER_ACTIVE = "user.set_active":
        "UPDATE users SET active = $2, epoch = epoch + 1, revision = revision + 1, cutoff = CASE WHEN $2 THEN cutoff
             ELSE (SELECT c.value FROM counters c WHERE c.name = 'fence') END
         WHERE id = $1";

    /// `$1` id, `$2` e-mail address, `$3` name; each only if given.
    UPDATE_USER = "user.update":
        "UPDATE users SET email = coalesce($2, email), name = coalesce($3, name), revision = revision + 1
         WHERE id = $1";
    /// Whether user `$1` has revision `$2`, and keeps it until the transaction ends.
    USER_REVISION = "user.revision": "SELECT id FROM users WHERE id = $1 AND revision = $2",
        postgres: "SELECT id FROM users WHERE id = $1 AND revision = $2 FOR NO KEY UPDATE";

    /// `$1` id.
    FIND_ORGANIZATION = "organization.find":
        "SELECT name, status, epoch FROM organizations WHERE id = $1";
    /// `$1` id, `$2` name, `$3` status, `$4` epoch, `$5` at.
    INSERT_ORGANIZATION = "organization.insert":
        "INSERT INTO organizations (id, name, status, epoch, created_at) VALUES ($1, $2, $3, $4, $5)";
    /// `$1` id, `$2` status.
    SET_ORGANIZATION_STATUS = "organization.set_status":
        "UPDATE organizations SET status = $2, epoch = epoch + 1, revision = revision + 1
         WHERE id = $1 AND status <> 'deleted'";
    /// Raises the epoch of organization `$1`.
    RAISE_ORGANIZATION_EPOCH = "organization.raise_epoch":
        "UPDATE organizations SET epoch = epoch + 1 WHERE id = $1";

    /// A user's memberships, oldest first: `$1` user.
    MEMBERSHIPS = "membership.list":
        "SELECT o.id, o.name, o.status, o.epoch, m.role, m.epoch AS membership_epoch
         FROM memberships m JOIN organizations o ON o.id = m.organization_id
         WHERE m.user_id = $1 AND NOT m.removed ORDER BY m.created_at, o.id";
    /// Authority: the membership of `$2` in organization `$1`.
    FIND_MEMBERSHIP = "membership.find":
        "SELECT m.role, m.epoch, o.status FROM memberships m JOIN organizations o ON o.id = m.organization_id
         WHERE m.organization_id = $1 AND m.user_id = $2 AND NOT m.removed";
    /// Whether the membership of `$2` in organization `$1` has epoch `$3`.
    MEMBERSHIP_EPOCH = "membership.epoch":
        "SELECT user_id FROM memberships
         WHERE organization_id = $1 AND user_id = $2 AND epoch = $3 AND NOT removed";
    /// Makes, changes or brings back: `$1` organization, `$2` user, `$3` role, `$4` epoch of a new one, `$5` at.
    PUT_MEMBERSHIP = "membership.put":
        "INSERT INTO memberships (organization_id, user_id, role, epoch, created_at, removed)
         SELECT o.id, $2, $3, $4, $5, FALSE FROM organizations o WHERE o.id = $1 AND o.status <> 'deleted'
         ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role, epoch = memberships.epoch + 1,
             revision = memberships.revision + 1,
             created_at = CASE WHEN memberships.removed THEN excluded.created_at ELSE memberships.created_at END,
             removed = FALSE";
    /// `$1` organization, `$2` user.
    FIND_ROLE = "membership.find_role":
        "SELECT role FROM memberships WHERE organization_id = $1 AND user_id = $2 AND NOT removed";
    /// Whether `$2` is the only owner of organization `$1`.
    IS_ONLY_OWNER = "membership.is_only_owner":
        "SELECT m.user_id FROM memberships m
         WHERE m.organization_id = $1 AND m.user_id = $2 AND m.role = 'owner' AND NOT m.removed AND NOT EXISTS (
             SELECT 1 FROM memberships x WHERE x.organization_id = $1 AND x.user_id <> $2 AND x.role = 'owner'
                 AND NOT x.removed)";
    /// Leaves a tombstone: `$1` organization, `$2` user.
    REMOVE_MEMBERSHIP = "membership.remove":
        "UPDATE memberships SET removed = TRUE, epoch = epoch + 1, revision = revision + 1
         WHERE organization_id = $1 AND user_id = $2 AND NOT removed";
}

listings! {
    /// Users: `$2` e-mail address, `$3` active.
    LIST_USERS = "user.list"
        (user!(), "(CAST($2 AS TEXT) IS NULL OR email = $2) AND (CAST($3 AS BOOLEAN) IS NULL OR active = $3)"),
        after "$4" "$5", by { CreatedAt: "id", Email: "email", Name: "name" };
}
