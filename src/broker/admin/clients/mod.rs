//! OAuth clients, for administrators: an organization's for its owners and admins, everybody's for operators.
//!
//! Whoever holds a client's secret is that client. So nobody makes one, or a new secret for one, that could do more than
//! the caller: its scopes lie within the caller's, its role is not above the caller's. An operator may give an
//! organization's client what it likes, but a client of the broker itself only what the operator's own token has; and
//! as such a client, or a person's, is as good as a token of theirs, it takes the scope `admin:tokens`.

mod bounds;
mod types;

use crate::{
    broker::{Broker, Call, Code, Error, Violation, authz::Authorized, listing::Listing},
    keyring::{digest::TokenDigest, machine_secret::SecretKind},
    model::{
        audit::{Actor, AuditRecord, EventName},
        client::{Client, ClientFilter, SecretAge},
        id::ClientId,
        page::{ListQuery, OrderKey},
        scope::{Operation, ScopeSet},
        secret::SecretText,
    },
    store::{
        admin::{Change, ClientPatch, LeasesOf, Precondition, Row},
        backend::FoundClient,
    },
};

use super::{
    Updated,
    changes::{described, switched, unchanged},
    owned,
    owner::reason_violation,
    users::name_violation,
};

use bounds::{read_scopes, role_violation, scope_for, within};

pub use types::{ListClients, NewClient, RegisterClient, RotateSecret, ShownClient, UpdateClient};

impl Broker {
    /// Registers a client; its secret is shown this once. For what the broker and its commands do by themselves.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] when an organization's client has no role.
    pub async fn create_client(&self, actor: &Actor, new: NewClient) -> Result<(Client, SecretText), Error> {
        if let Some(violation) = role_violation(new.owner, new.role) {
            return Err(Error::invalid(vec![violation]));
        }
        let (client, secret, change) = self.new_client(new);
        let actor = owned(actor, client.owner);
        self.administer(&actor, EventName::ClientCreated, &client.id.to_string(), change).await?;
        Ok((client, secret))
    }

    /// Registers a client; its secret is shown this once.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] that names each wrong field; [`Code::Forbidden`] for scopes or a role beyond the caller's;
    /// [`Code::NotFound`] for who does not administer the owner.
    pub async fn administrator_registers_client(
        &self,
        call: &Call,
        new: RegisterClient,
    ) -> Result<(ShownClient, SecretText), Error> {
        let RegisterClient { owner, name, role, scopes, reason } = new;
        let (owner, authorized) = self.administrator_of_named(call, Operation::AdminWrite, &owner).await?;
        call.require(scope_for(owner))?;
        let mut violations: Vec<Violation> = name_violation("name", &name).into_iter().collect();
        violations.extend(role_violation(owner, role));
        violations.extend(reason_violation(owner, reason.as_deref()));
        let scopes = read_scopes(&scopes, &mut violations);
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        within(call, authorized.authority, owner, &scopes, role)?;
        let (client, secret, change) = self.new_client(NewClient { owner, name, role, scopes });
        let record = self.client_record(&authorized, EventName::ClientCreated, client.id, reason);
        let record = record.with("name", client.name.clone()).with("scopes", client.scopes.to_string());
        let record = described(record, [("role", role.map(|role| role.to_string()))]);
        self.change_recorded(call, authorized, vec![record], change).await?;
        let secrets = vec![SecretAge { created_at: client.created_at, expires_at: None }];
        Ok((ShownClient { client, secrets }, secret))
    }

    /// Lists clients, by creation or name.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] for a page or an order that is none; [`Code::NotFound`] for who does not administer the
    /// owner.
    pub async fn administrator_lists_clients(
        &self,
        call: &Call,
        request: ListClients,
    ) -> Result<Listing<ShownClient>, Error> {
        let ListClients { owner, active, page } = request;
        let owner = self.administered(call, owner.as_deref()).await?;
        let (order, after, size) = page.read(&[OrderKey::CreatedAt, OrderKey::Name])?;
        let query = ListQuery { filter: ClientFilter { owner, active }, order, after, size };
        let page = self.store.rows().list_clients(&query).await?;
        let ids: Vec<ClientId> = page.items.iter().map(|client| client.id).collect();
        let ages = self.store.rows().list_secret_ages(&ids, self.clock.now()).await?;
        let secrets = |id: ClientId| ages.iter().filter(|(of, _)| *of == id).map(|(_, age)| *age).collect();
        Ok(Listing::of(order, page).map(|client| ShownClient { secrets: secrets(client.id), client }))
    }

    /// Shows a client.
    ///
    /// # Errors
    /// [`Code::NotFound`], also for who does not administer its owner.
    pub async fn administrator_shows_client(&self, call: &Call, id: &str) -> Result<ShownClient, Error> {
        call.require(Operation::AdminRead)?;
        let shown = self.shown_client(client_id(id)?).await?;
        self.administrator_of_owner(call, Operation::AdminRead, shown.client.owner, CLIENT).await?;
        Ok(shown)
    }

    /// Changes a client; switched off, its leases end at once.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] that names each wrong field; [`Code::Forbidden`] for scopes or a role beyond the caller's;
    /// [`Code::NotFound`]; [`Code::PreconditionFailed`].
    pub async fn administrator_updates_client(
        &self,
        call: &Call,
        id: &str,
        update: UpdateClient,
    ) -> Result<Updated<ShownClient>, Error> {
        let (before, authorized) = self.administered_client(call, id).await?;
        let UpdateClient { name, scopes, role, active, revision, reason } = update;
        let mut violations: Vec<Violation> =
            name.as_deref().and_then(|name| name_violation("name", name)).into_iter().collect();
        violations.extend(role.and_then(|role| role_violation(before.owner, Some(role))));
        violations.extend(reason_violation(before.owner, reason.as_deref()));
        let scopes = scopes.map(|scopes| read_scopes(&scopes, &mut violations));
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        // What does not change must not raise an epoch.
        let scopes = scopes.filter(|scopes| *scopes != before.scopes);
        let role = role.filter(|role| Some(*role) != before.role);
        let active = active.filter(|active| *active != before.active);
        let name = name.filter(|name| *name != before.name);
        let given = scopes.clone().unwrap_or_default();
        within(call, authorized.authority, before.owner, &given, role.max(before.role))?;
        if name.is_none() && scopes.is_none() && role.is_none() && active.is_none() {
            return unchanged(self.shown_client(before.id).await?, revision, before.revision);
        }
        let leases_ended = match active {
            Some(false) => self.live_leases_of(LeasesOf::Client(before.id)).await?,
            _ => 0,
        };
        let record = self.client_record(&authorized, EventName::ClientUpdated, before.id, reason);
        let fields = [
            ("name", name.clone()),
            ("scopes", scopes.as_ref().map(ToString::to_string)),
            ("role", role.map(|role| role.to_string())),
        ];
        let record = switched(described(record, fields), active, leases_ended);
        let change = Change::UpdateClient(before.id, ClientPatch { name, scopes, role, active });
        self.change_client(call, authorized, &before, revision, record, change).await?;
        Ok(Updated { row: self.shown_client(before.id).await?, leases_ended })
    }

    /// Gives a client a new secret, shown this once; those before stay good for the overlap.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`]; [`Code::Forbidden`] for a client that may do more than the caller; [`Code::NotFound`];
    /// [`Code::PreconditionFailed`].
    pub async fn administrator_rotates_secret(
        &self,
        call: &Call,
        id: &str,
        rotate: RotateSecret,
    ) -> Result<(ShownClient, SecretText), Error> {
        let (before, authorized) = self.administered_client(call, id).await?;
        let RotateSecret { overlap_seconds, revision, reason } = rotate;
        let overlap = overlap_seconds.unwrap_or(DEFAULT_OVERLAP);
        let mut violations: Vec<Violation> =
            reason_violation(before.owner, reason.as_deref()).into_iter().collect();
        if !(0..=MAX_OVERLAP).contains(&overlap) {
            violations
                .push(Violation::new("overlap_seconds", format!("must be between 0 and {MAX_OVERLAP}")));
        }
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        within(call, authorized.authority, before.owner, &before.scopes, before.role)?;
        let secret = SecretKind::ClientSecret.generate(&*self.entropy);
        let at = self.clock.now();
        let digest = TokenDigest::of(secret.expose()).to_string();
        let until = at.plus_seconds(overlap);
        let record = self.client_record(&authorized, EventName::ClientSecretRotated, before.id, reason);
        let record = record.with("overlap_seconds", overlap);
        let change = Change::RotateClientSecret { id: before.id, digest, at, until };
        self.change_client(call, authorized, &before, revision, record, change).await?;
        Ok((self.shown_client(before.id).await?, secret))
    }

    /// Deletes a client with its secrets: its tokens are refused, its leases end. Answers how many live leases that ended.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`]; [`Code::Forbidden`] for a role above the caller's; [`Code::NotFound`];
    /// [`Code::PreconditionFailed`].
    pub async fn administrator_deletes_client(
        &self,
        call: &Call,
        id: &str,
        revision: Option<i64>,
        reason: Option<String>,
    ) -> Result<i64, Error> {
        let (before, authorized) = self.administered_client(call, id).await?;
        if let Some(violation) = reason_violation(before.owner, reason.as_deref()) {
            return Err(Error::invalid(vec![violation]));
        }
        within(call, authorized.authority, before.owner, &ScopeSet::default(), before.role)?;
        let leases_ended = self.live_leases_of(LeasesOf::Client(before.id)).await?;
        let record = self.client_record(&authorized, EventName::ClientDeleted, before.id, reason);
        let record = record.with("leases_ended", leases_ended);
        let change = Change::DeleteClient(before.id);
        self.change_client(call, authorized, &before, revision, record, change).await?;
        Ok(leases_ended)
    }

    fn new_client(&self, new: NewClient) -> (Client, SecretText, Change) {
        let NewClient { owner, name, role, scopes } = new;
        let created_at = self.clock.now();
        let id: ClientId = self.entropy.id(created_at);
        let client =
            Client { id, owner, name, role, scopes, active: true, epoch: 1, revision: 1, created_at };
        let secret = SecretKind::ClientSecret.generate(&*self.entropy);
        let digest = TokenDigest::of(secret.expose()).to_string();
        (client.clone(), secret, Change::CreateClient(client, digest))
    }

    /// A client that the caller may change.
    async fn administered_client(&self, call: &Call, id: &str) -> Result<(Client, Authorized), Error> {
        // Who lacks the scope learns nothing of what is there.
        call.require(Operation::AdminWrite)?;
        let found = self.store.rows().find_client(client_id(id)?, self.clock.now()).await?;
        let FoundClient { client, .. } = found.ok_or_else(|| Error::not_found(CLIENT))?;
        let authorized =
            self.administrator_of_owner(call, Operation::AdminWrite, client.owner, CLIENT).await?;
        call.require(scope_for(client.owner))?;
        Ok((client, authorized))
    }

    /// Applies a change to a client that is still what the caller's authority was judged by.
    async fn change_client(
        &self,
        call: &Call,
        authorized: Authorized,
        before: &Client,
        revision: Option<i64>,
        record: AuditRecord,
        change: Change,
    ) -> Result<(), Error> {
        let as_read = Precondition::Revision(Row::Client(before.id), revision.unwrap_or(before.revision));
        let changed = self.change_recorded(call, authorized.with([as_read]), vec![record], change).await;
        self.clients.forget(before.id);
        changed.map(drop).map_err(|error| match (error.code, revision) {
            (Code::PreconditionFailed, None) => {
                Error::new(Code::Conflict, "the client changed meanwhile; try again")
            }
            _ => error,
        })
    }

    async fn shown_client(&self, id: ClientId) -> Result<ShownClient, Error> {
        let now = self.clock.now();
        let found = self.store.rows().find_client(id, now).await?;
        let FoundClient { client, .. } = found.ok_or_else(|| Error::not_found(CLIENT))?;
        let ages = self.store.rows().list_secret_ages(&[id], now).await?;
        Ok(ShownClient { client, secrets: ages.into_iter().map(|(_, age)| age).collect() })
    }

    fn client_record(
        &self,
        authorized: &Authorized,
        event: EventName,
        id: ClientId,
        reason: Option<String>,
    ) -> AuditRecord {
        let record = AuditRecord::success(event, &authorized.actor, id, self.clock.now());
        reason.into_iter().fold(record, |record, reason| record.with("reason", reason))
    }
}

fn client_id(text: &str) -> Result<ClientId, Error> {
    text.parse().map_err(|_| Error::not_found(CLIENT))
}

const CLIENT: &str = "client";
const DEFAULT_OVERLAP: i64 = 86_400;
const MAX_OVERLAP: i64 = 30 * 86_400;
