//! Rows of users and of memberships with their organizations.

use super::Place;
use crate::{
    model::{
        holdings::OrganizationHoldings,
        id::OrganizationId,
        instant::Instant,
        organization::{MemberStanding, OrganizationStatus, Role},
        user::User,
    },
    store::error::StoreError,
};

/// A user.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct UserRow {
    id: String,
    email: String,
    name: String,
    active: bool,
    epoch: i64,
    revision: i64,
    created_at: i64,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        let UserRow { id, email, name, active, epoch, revision, created_at } = row;
        let id = Place { table: "users", row: &id }.parse("id", &id)?;
        Ok(Self { id, email, name, active, epoch, revision, created_at: Instant::from_micros(created_at) })
    }
}

/// A membership, with its organization.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct MembershipRow {
    id: String,
    name: String,
    status: String,
    epoch: i64,
    role: String,
    membership_epoch: i64,
}

impl MembershipRow {
    fn place(&self) -> Place<'_> {
        Place { table: "memberships", row: &self.id }
    }

    fn organization_id(&self) -> Result<OrganizationId, StoreError> {
        self.place().parse("organization_id", &self.id)
    }

    fn role(&self) -> Result<Role, StoreError> {
        self.place().parse("role", &self.role)
    }
}

impl TryFrom<MembershipRow> for (OrganizationId, String, Role) {
    type Error = StoreError;

    fn try_from(row: MembershipRow) -> Result<Self, StoreError> {
        Ok((row.organization_id()?, row.name.clone(), row.role()?))
    }
}

impl TryFrom<MembershipRow> for OrganizationHoldings {
    type Error = StoreError;

    fn try_from(row: MembershipRow) -> Result<Self, StoreError> {
        let status: OrganizationStatus = row.place().parse("status", &row.status)?;
        Ok(Self {
            organization_id: row.organization_id()?,
            status,
            role: row.role()?,
            epoch: row.epoch,
            membership_epoch: Some(row.membership_epoch),
            name: row.name,
            credentials: Vec::new(),
        })
    }
}

/// A membership as far as it gives authority.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct StandingRow {
    role: String,
    epoch: i64,
    status: String,
}

impl StandingRow {
    pub(in crate::store) fn read(self, row: &str) -> Result<MemberStanding, StoreError> {
        let place = Place { table: "memberships", row };
        let Self { role, epoch, status } = self;
        Ok(MemberStanding {
            role: place.parse("role", &role)?,
            epoch,
            organization: place.parse("status", &status)?,
        })
    }
}
