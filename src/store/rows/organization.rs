//! Rows of organizations and of their members.

use super::Place;
use crate::{
    model::{
        instant::Instant,
        organization::{Member, Organization},
    },
    store::error::StoreError,
};

/// An organization.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct OrganizationRow {
    id: String,
    name: String,
    status: String,
    epoch: i64,
    revision: i64,
    created_at: i64,
}

impl TryFrom<OrganizationRow> for Organization {
    type Error = StoreError;

    fn try_from(row: OrganizationRow) -> Result<Self, StoreError> {
        let OrganizationRow { id, name, status, epoch, revision, created_at } = row;
        let place = Place { table: "organizations", row: &id };
        let (id, status) = (place.parse("id", &id)?, place.parse("status", &status)?);
        Ok(Self { id, name, status, epoch, revision, created_at: Instant::from_micros(created_at) })
    }
}

/// A membership with the names of both sides.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct MemberRow {
    id: String,
    organization_id: String,
    organization_name: String,
    organization_status: String,
    user_id: String,
    email: String,
    name: String,
    active: bool,
    role: String,
    revision: i64,
    created_at: i64,
}

impl TryFrom<MemberRow> for Member {
    type Error = StoreError;

    fn try_from(row: MemberRow) -> Result<Self, StoreError> {
        let place = Place { table: "memberships", row: &row.id };
        Ok(Self {
            organization_id: place.parse("organization_id", &row.organization_id)?,
            organization_status: place.parse("status", &row.organization_status)?,
            user_id: place.parse("user_id", &row.user_id)?,
            role: place.parse("role", &row.role)?,
            organization_name: row.organization_name,
            email: row.email,
            name: row.name,
            active: row.active,
            revision: row.revision,
            created_at: Instant::from_micros(row.created_at),
        })
    }
}
