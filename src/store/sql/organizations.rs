//! Statements on organizations and their members as administrators see them. What else concerns them is in
//! [`super::people`].

use super::{listings, statements};

macro_rules! organization {
    () => {
        "SELECT id, name, status, epoch, revision, created_at FROM organizations "
    };
}

/// A membership with its names; `rows::MemberRow` reads it. Its id is made of both sides, and instants of today have
/// sixteen digits: as text they sort as they follow each other.
macro_rules! member {
    () => {
        "SELECT * FROM (
             SELECT m.organization_id || ':' || m.user_id AS id, CAST(m.created_at AS TEXT) AS since, m.organization_id,
                 o.name AS organization_name, o.status AS organization_status, m.user_id, u.email, u.name, u.active,
                 m.role, m.revision, m.created_at
             FROM memberships m JOIN organizations o ON o.id = m.organization_id JOIN users u ON u.id = m.user_id
             WHERE NOT m.removed) x "
    };
}

statements! {
    /// `$1` id.
    FIND = "organization.find_whole": concat!(organization!(), "WHERE id = $1");
    /// Whether organization `$1` has revision `$2`, and keeps it until the transaction ends.
    REVISION = "organization.revision":
        "SELECT id FROM organizations WHERE id = $1 AND revision = $2",
        postgres: "SELECT id FROM organizations WHERE id = $1 AND revision = $2 FOR NO KEY UPDATE";
    /// `$1` id, `$2` name, if given.
    UPDATE = "organization.update":
        "UPDATE organizations SET name = coalesce($2, name), revision = revision + 1
         WHERE id = $1 AND status <> 'deleted'";
    /// `$1` id.
    DELETE = "organization.delete":
        "UPDATE organizations SET status = 'deleted', epoch = epoch + 1, revision = revision + 1
         WHERE id = $1 AND status <> 'deleted'";
    /// Nothing is written for owner `$1` any more.
    CLOSE_OWNER = "owner.close":
        "UPDATE owners SET closed = TRUE, revision = revision + 1 WHERE id = $1";
    /// Nobody is a member of organization `$1` any more.
    REMOVE_MEMBERS = "membership.remove_all":
        "UPDATE memberships SET removed = TRUE, epoch = epoch + 1, revision = revision + 1
         WHERE organization_id = $1 AND NOT removed";
    /// Switches off every client of owner `$1`.
    STOP_CLIENTS = "client.stop_all":
        "UPDATE clients SET active = FALSE, epoch = epoch + 1, revision = revision + 1,
             cutoff = (SELECT c.value FROM counters c WHERE c.name = 'fence')
         WHERE owner = $1";
    /// No client of owner `$1` has a secret any more.
    DELETE_CLIENT_SECRETS = "client_secret.delete_all":
        "DELETE FROM client_secrets WHERE client_id IN (SELECT k.id FROM clients k WHERE k.owner = $1)";
    /// Every credential of owner `$1`.
    DELETE_CREDENTIALS = "credential.delete_all": "DELETE FROM credentials WHERE owner = $1";
    /// Every link to connect an account for owner `$1`.
    DELETE_CONNECT_LINKS = "connect_link.delete_all": "DELETE FROM connect_links WHERE owner = $1";
    /// Every application of owner `$1`.
    DELETE_APPLICATIONS = "application.delete_all": "DELETE FROM applications WHERE owner = $1";
    /// Every data key of owner `$1`: what was sealed under them is shredded, in backups too once these lost the keys.
    DELETE_DATA_KEYS = "data_key.delete_all": "DELETE FROM data_keys WHERE owner = $1";

    /// `$1` organization, `$2` user.
    FIND_MEMBER = "member.find": concat!(member!(), "WHERE organization_id = $1 AND user_id = $2");
    /// Whether the membership of `$2` in organization `$1` has revision `$3`, and keeps it until the transaction ends.
    MEMBER_REVISION = "member.revision":
        "SELECT user_id FROM memberships WHERE organization_id = $1 AND user_id = $2 AND revision = $3 AND NOT removed",
        postgres: "SELECT user_id FROM memberships WHERE organization_id = $1 AND user_id = $2 AND revision = $3 AND NOT removed FOR NO KEY UPDATE";
    /// Whether organization `$1` has a member of e-mail address `$2`, in lower case.
    IS_MEMBER = "member.by_email":
        "SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id
         WHERE m.organization_id = $1 AND NOT m.removed AND u.email = $2";
}

/// A name and a status, if given: `$2` and `$3`.
macro_rules! wanted {
    () => {
        "(CAST($2 AS TEXT) IS NULL OR name = $2)
             AND (CASE WHEN CAST($3 AS TEXT) IS NULL THEN status <> 'deleted' ELSE status = $3 END)"
    };
}

// A list for each way to narrow it, so that each finds its rows by an index.
listings! {
    /// Organizations: `$2` name, `$3` status.
    LIST = "organization.list" (organization!(), wanted!()), after "$4" "$5", by { CreatedAt: "id", Name: "name" };
    /// Those that user `$4` administers.
    LIST_ADMINISTERED = "organization.list_administered" (organization!(), concat!(wanted!(), " AND id IN (
             SELECT m.organization_id FROM memberships m
             WHERE m.user_id = $4 AND m.role IN ('owner', 'admin') AND NOT m.removed)")),
        after "$5" "$6", by { CreatedAt: "id", Name: "name" };
    /// Members of organization `$2`: `$3` role, if given.
    LIST_MEMBERS = "member.list"
        (member!(), "organization_id = $2 AND (CAST($3 AS TEXT) IS NULL OR role = $3)"),
        after "$4" "$5", by { CreatedAt: "since", Email: "email", Name: "name" };
    /// Memberships of user `$2`.
    LIST_MEMBERSHIPS = "member.list_of_user" (member!(), "user_id = $2"), after "$3" "$4", by { CreatedAt: "since" };
}
