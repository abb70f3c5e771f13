//! Statements on invitations. Each is read together with the role that whoever made it has now.

use super::{listings, statements};

/// An invitation with its facts; `rows::InvitationRow` reads it.
macro_rules! invitation {
    () => {
        "SELECT * FROM (
             SELECT i.id, i.organization_id, i.email, i.role, i.digest, i.invited_by, i.by_operator,
                 i.registers_because, i.created_at, i.expires_at, i.revision, o.name AS organization_name,
                 o.status = 'active' AS organization_active,
                 coalesce(m.role, k.role) AS inviter_role
             FROM invitations i JOIN organizations o ON o.id = i.organization_id
             LEFT JOIN memberships m ON m.organization_id = i.organization_id AND m.user_id = i.invited_by
                 AND NOT m.removed AND EXISTS (SELECT 1 FROM users u WHERE u.id = m.user_id AND u.active)
             LEFT JOIN clients k ON k.id = i.invited_by AND k.owner = i.organization_id AND k.active) x "
    };
}

statements! {
    /// `$1` id.
    FIND = "invitation.find": concat!(invitation!(), "WHERE id = $1");
    /// `$1` digest.
    FIND_BY_DIGEST = "invitation.find_by_digest": concat!(invitation!(), "WHERE digest = $1");
    /// Whether invitation `$1` has revision `$2`, and keeps it until the transaction ends.
    REVISION = "invitation.revision": "SELECT id FROM invitations WHERE id = $1 AND revision = $2",
        postgres: "SELECT id FROM invitations WHERE id = $1 AND revision = $2 FOR NO KEY UPDATE";
    /// Takes the place of one for the same address that ran out: `$1` id, `$2` organization, `$3` e-mail address, `$4`
    /// role, `$5` digest, `$6` who, `$7` an operator, `$8` why it registers, `$9` at, `$10` expires.
    INSERT = "invitation.insert":
        "INSERT INTO invitations (id, organization_id, email, role, digest, invited_by, by_operator, registers_because,
             created_at, expires_at, revision)
         SELECT $1, o.id, $3, $4, $5, $6, $7, $8, $9, $10, 1 FROM organizations o
         WHERE o.id = $2 AND o.status <> 'deleted'
         ON CONFLICT (organization_id, email) DO UPDATE SET id = excluded.id, role = excluded.role,
             digest = excluded.digest, invited_by = excluded.invited_by, by_operator = excluded.by_operator,
             registers_because = excluded.registers_because, created_at = excluded.created_at,
             expires_at = excluded.expires_at, revision = 1
         WHERE invitations.expires_at <= excluded.created_at";
    /// Whether organization `$1` keeps an invitation for e-mail address `$2`.
    IS_KEPT = "invitation.is_kept":
        "SELECT id FROM invitations WHERE organization_id = $1 AND email = $2";
    /// `$1` id, `$2` digest, `$3` who, `$4` an operator, `$5` whether it may still register, `$6` expires.
    RESEND = "invitation.resend":
        "UPDATE invitations SET digest = $2, invited_by = $3, by_operator = $4,
             registers_because = CASE WHEN $5 THEN registers_because ELSE NULL END, expires_at = $6,
             revision = revision + 1
         WHERE id = $1";
    /// `$1` id.
    DELETE = "invitation.delete": "DELETE FROM invitations WHERE id = $1";
    /// Those of organization `$1` for user `$2`, who is a member now.
    USE_UP = "invitation.use_up":
        "DELETE FROM invitations WHERE organization_id = $1
             AND email = (SELECT u.email FROM users u WHERE u.id = $2)";
    /// Every invitation of organization `$1`.
    DELETE_ALL = "invitation.delete_all": "DELETE FROM invitations WHERE organization_id = $1";
    /// Those that ran out before `$1`, at most `$2`.
    PRUNE = "invitation.prune":
        "DELETE FROM invitations WHERE id IN (
             SELECT i.id FROM invitations i WHERE i.expires_at < $1 ORDER BY i.expires_at LIMIT $2)";
}

listings! {
    /// Of organization `$2`.
    LIST = "invitation.list" (invitation!(), "organization_id = $2"), after "$3" "$4",
        by { CreatedAt: "id", Email: "email" };
}
