//! Users, for operators.

use crate::{
    broker::{
        Broker, Call, Error, Violation,
        listing::{ListRequest, Listing},
    },
    model::{
        audit::EventName,
        id::UserId,
        owner::Owner,
        page::{ListQuery, OrderKey},
        scope::Operation,
        user::{User, UserFilter, normal_email},
    },
    store::admin::{Change, LeasesOf, Precondition, Row, UserPatch},
};

use super::changes::{described, switched, unchanged};

/// A user to make.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Unique; 3 to 254 characters with one `@`.
    pub email: String,
    /// 1 to 100 characters.
    pub name: String,
}

/// What to change of a user; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct UpdateUser {
    /// As in [`NewUser`].
    pub email: Option<String>,
    /// As in [`NewUser`].
    pub name: Option<String>,
    /// Off: the user's tokens are refused and all leases end.
    pub active: Option<bool>,
    /// The revision that the caller read, if it cares.
    pub revision: Option<i64>,
}

/// Which users to list.
#[derive(Debug, Clone, Default)]
pub struct ListUsers {
    /// What to leave out.
    pub filter: UserFilter,
    /// Which part.
    pub page: ListRequest,
}

/// A row after its change.
#[derive(Debug, Clone)]
pub struct Updated<T> {
    /// As it is now.
    pub row: T,
    /// Live leases that the change ended; counted just before it.
    pub leases_ended: i64,
}

impl Broker {
    /// Makes a user. For operators.
    ///
    /// # Errors
    /// [`crate::broker::Code::Conflict`] when the e-mail address is taken.
    pub async fn operator_creates_user(&self, call: &Call, new: NewUser) -> Result<User, Error> {
        let authorized = self.operator(call, Operation::AdminWrite).await?;
        check(Some(&new.email), Some(&new.name))?;
        let NewUser { email, name } = new;
        let email = normal_email(&email);
        let created_at = self.clock.now();
        let id: UserId = self.entropy.id(created_at);
        let user = User { id, email, name, active: true, epoch: 1, revision: 1, created_at };
        let authorized = authorized.on_behalf_of(Owner::User(id));
        let record = self.success(&authorized, EventName::UserCreated, id);
        let record = record.with("email", user.email.as_str()).with("name", user.name.as_str());
        let changed =
            self.change_recorded(call, authorized, vec![record], Change::CreateUser(user.clone())).await;
        changed.map_err(|error| error.on_conflict(TAKEN))?;
        Ok(user)
    }

    /// Shows a user. For operators.
    ///
    /// # Errors
    /// [`crate::broker::Code::NotFound`].
    pub async fn operator_shows_user(&self, call: &Call, id: &str) -> Result<User, Error> {
        self.operator(call, Operation::AdminRead).await?;
        self.user(user_id(id)?).await
    }

    /// Lists users, by creation, e-mail address or name. For operators.
    ///
    /// # Errors
    /// [`crate::broker::Code::InvalidRequest`] for a page or an order that is none.
    pub async fn operator_lists_users(
        &self,
        call: &Call,
        request: ListUsers,
    ) -> Result<Listing<User>, Error> {
        self.operator(call, Operation::AdminRead).await?;
        let (order, after, size) =
            request.page.read(&[OrderKey::CreatedAt, OrderKey::Email, OrderKey::Name])?;
        let UserFilter { email, active } = request.filter;
        let filter = UserFilter { email: email.as_deref().map(normal_email), active };
        let query = ListQuery { filter, order, after, size };
        Ok(Listing::of(order, self.store.rows().list_users(&query).await?))
    }

    /// Changes a user; switched off, the user's leases end at once. For operators.
    ///
    /// # Errors
    /// [`crate::broker::Code::NotFound`]; [`crate::broker::Code::Conflict`] when the e-mail address is taken;
    /// [`crate::broker::Code::PreconditionFailed`] when the user changed since the revision given.
    pub async fn operator_updates_user(
        &self,
        call: &Call,
        id: &str,
        update: UpdateUser,
    ) -> Result<Updated<User>, Error> {
        let authorized = self.operator(call, Operation::AdminWrite).await?;
        let id = user_id(id)?;
        check(update.email.as_deref(), update.name.as_deref())?;
        let UpdateUser { email, name, active, revision } = update;
        let before = self.user(id).await?;
        // What does not change must not raise an epoch, nor a revision.
        let email = email.as_deref().map(normal_email).filter(|email| *email != before.email);
        let name = name.filter(|name| *name != before.name);
        let active = active.filter(|active| *active != before.active);
        if email.is_none() && name.is_none() && active.is_none() {
            let known = before.revision;
            return unchanged(before, revision, known);
        }
        let leases_ended = match active {
            Some(false) => self.live_leases_of(LeasesOf::User(id)).await?,
            _ => 0,
        };
        let as_read = revision.map(|revision| Precondition::Revision(Row::User(id), revision));
        let authorized = authorized.on_behalf_of(Owner::User(id)).with(as_read);
        let record = self.success(&authorized, EventName::UserUpdated, id);
        let record = described(record, [("email", email.clone()), ("name", name.clone())]);
        let record = switched(record, active, leases_ended);
        let change = Change::UpdateUser(id, UserPatch { email, name, active });
        let changed = self.change_recorded(call, authorized, vec![record], change).await;
        changed.map_err(|error| error.on_conflict(TAKEN))?;
        Ok(Updated { row: self.user(id).await?, leases_ended })
    }

    pub(super) async fn user(&self, id: UserId) -> Result<User, Error> {
        self.store.rows().find_user(id).await?.ok_or_else(|| Error::not_found("user"))
    }
}

pub(super) fn user_id(text: &str) -> Result<UserId, Error> {
    text.parse().map_err(|_| Error::not_found("user"))
}

fn check(email: Option<&str>, name: Option<&str>) -> Result<(), Error> {
    let email = email.and_then(email_violation);
    let name = name.and_then(|name| name_violation("name", name));
    let violations: Vec<Violation> = email.into_iter().chain(name).collect();
    if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
}

/// What is wrong with an e-mail address. Whether somebody reads there, nobody knows.
pub(super) fn email_violation(email: &str) -> Option<Violation> {
    let parts = email.split_once('@');
    let printable = email.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let whole = parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    let reason = "must be an e-mail address of at most 254 characters";
    (!(whole && printable && email.chars().count() <= 254)).then(|| Violation::new("email", reason))
}

/// What is wrong with a name for people.
pub(super) fn name_violation(field: &str, name: &str) -> Option<Violation> {
    let fits = (1..=100).contains(&name.chars().count()) && name.trim() == name;
    let printable = !name.chars().any(char::is_control);
    let reason = "must have 1 to 100 characters, no control characters, and no space at its ends";
    (!(fits && printable)).then(|| Violation::new(field, reason))
}

const TAKEN: &str = "a user with this e-mail address exists";
