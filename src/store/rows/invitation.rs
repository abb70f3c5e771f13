//! Rows of invitations, with what other rows say of them.

use super::Place;
use crate::{
    model::{
        instant::Instant,
        invitation::{Invitation, InvitationFacts},
    },
    store::error::StoreError,
};

/// An invitation.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct InvitationRow {
    id: String,
    organization_id: String,
    email: String,
    role: String,
    invited_by: String,
    by_operator: bool,
    registers_because: Option<String>,
    created_at: i64,
    expires_at: i64,
    revision: i64,
    organization_name: String,
    organization_active: bool,
    inviter_role: Option<String>,
}

impl TryFrom<InvitationRow> for InvitationFacts {
    type Error = StoreError;

    fn try_from(row: InvitationRow) -> Result<Self, StoreError> {
        let place = Place { table: "invitations", row: &row.id };
        let inviter_role = place.parse_some("inviter_role", row.inviter_role.as_deref())?;
        let invitation = Invitation {
            id: place.parse("id", &row.id)?,
            organization_id: place.parse("organization_id", &row.organization_id)?,
            role: place.parse("role", &row.role)?,
            email: row.email,
            invited_by: row.invited_by,
            by_operator: row.by_operator,
            registers_because: row.registers_because,
            created_at: Instant::from_micros(row.created_at),
            expires_at: Instant::from_micros(row.expires_at),
            revision: row.revision,
        };
        let InvitationRow { organization_name, organization_active, .. } = row;
        Ok(Self { invitation, organization_name, organization_active, inviter_role })
    }
}
