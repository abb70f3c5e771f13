//! Who plays: people, teams, clients. Their verbs are what scenarios are written in.

use std::ops::Deref;

use leasehold::{
    model::{
        audit::EventName,
        id::{ClientId, CredentialId, OrganizationId, TokenId, UserId},
        instant::Instant,
        organization::{OrganizationStatus, Role, SharingEntry},
        owner::Owner,
        scope::ScopeSet,
    },
    store::admin::Change,
};
use serde_json::Value;

use super::{
    api::{
        Answer, Ask, Grant, Introspected, Issued, ListAsk, Me, Page, Read, RenewAsk, Renewed, ReportSeen,
        Revoked, Shown, TokenAsk, ask,
    },
    scene::Scene,
};

/// Whoever can show a token, or fails to.
#[derive(Clone)]
pub(crate) struct Borrower {
    pub(crate) scene: Scene,
    pub(crate) authorization: Option<String>,
}

/// A person, who borrows with an MCP token.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) token_id: TokenId,
    pub(crate) borrower: Borrower,
}

/// An organization.
#[derive(Clone)]
pub(crate) struct Team {
    pub(crate) id: OrganizationId,
    pub(crate) name: String,
    pub(crate) scene: Scene,
}

/// A program with an id and a secret.
#[derive(Clone)]
pub(crate) struct OAuthClient {
    pub(crate) id: ClientId,
    pub(crate) secret: String,
    pub(crate) scene: Scene,
}

impl Borrower {
    pub(crate) const fn new(scene: Scene, authorization: Option<String>) -> Self {
        Self { scene, authorization }
    }

    /// A lease of these services, which must be granted.
    pub(crate) async fn borrows<const N: usize>(&self, services: [&str; N]) -> Grant {
        self.create(&ask(services)).await.expect("a lease")
    }

    pub(crate) async fn create(&self, ask: &Ask) -> Answer<Grant> {
        self.scene.way_in().create(self.header(), ask).await
    }

    pub(crate) async fn me(&self) -> Answer<Me> {
        self.scene.way_in().me(self.header()).await
    }

    pub(crate) async fn show(&self, id: &str) -> Answer<Shown> {
        self.scene.way_in().show(self.header(), id).await
    }

    pub(crate) async fn list(&self, ask: &ListAsk) -> Answer<Page> {
        self.scene.way_in().list(self.header(), ask).await
    }

    /// All own leases, newest first.
    pub(crate) async fn leases(&self) -> Vec<Shown> {
        self.list(&ListAsk::default()).await.expect("a page").leases
    }

    pub(crate) async fn renew(&self, id: &str) -> Answer<Renewed> {
        self.renew_with(id, RenewAsk::default()).await
    }

    pub(crate) async fn renew_for(&self, id: &str, ttl: i64) -> Answer<Renewed> {
        self.renew_with(id, RenewAsk { ttl: Some(ttl), ..RenewAsk::default() }).await
    }

    pub(crate) async fn renew_with(&self, id: &str, ask: RenewAsk) -> Answer<Renewed> {
        self.scene.way_in().renew(self.header(), id, &ask).await
    }

    pub(crate) async fn read(&self, id: &str) -> Answer<Read> {
        self.scene.way_in().read(self.header(), id).await
    }

    pub(crate) async fn report(&self, id: &str, service: &str, version: i64) -> Answer<ReportSeen> {
        self.scene.way_in().report(self.header(), id, service, version).await
    }

    pub(crate) async fn revoke(&self, id: &str) -> Answer<Revoked> {
        self.scene.way_in().revoke(self.header(), id, None).await
    }

    pub(crate) async fn revoke_because(&self, id: &str, reason: &str) -> Answer<Revoked> {
        self.scene.way_in().revoke(self.header(), id, Some(reason)).await
    }

    /// Runs an operation of the table.
    pub(crate) async fn run(&self, operation: &str, request: Value) -> Answer<Value> {
        self.scene.way_in().run(self.header(), operation, request).await
    }

    /// Runs an operation of the table, which must succeed.
    pub(crate) async fn does(&self, operation: &str, request: Value) -> Value {
        let answer = self.run(operation, request.clone()).await;
        answer.unwrap_or_else(|failure| panic!("{operation} {request}: {failure:?}"))
    }

    fn header(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

impl Person {
    /// Deposits a credential of her own; lent, it reads as `value`.
    pub(crate) async fn deposits(&self, service: &str, value: &str) -> CredentialId {
        self.scene.deposit(Owner::User(self.id), service, value, &[], None).await
    }

    /// Deposits a credential whose value runs out by itself.
    pub(crate) async fn deposits_until(&self, service: &str, value: &str, at: Instant) -> CredentialId {
        self.scene.deposit(Owner::User(self.id), service, value, &[], Some(at)).await
    }

    /// The same person with another token, of these scopes.
    pub(crate) async fn with_scopes(&self, scopes: &str) -> Self {
        let scopes = scopes.parse().expect("scopes");
        self.with_token(scopes, None, None).await
    }

    /// The same person with another token.
    pub(crate) async fn with_token(
        &self,
        scopes: ScopeSet,
        expires_at: Option<Instant>,
        max_usages: Option<i64>,
    ) -> Self {
        let (token_id, header) = self.scene.mcp_token(self.id, scopes, expires_at, max_usages).await;
        let borrower = Borrower::new(self.scene.clone(), Some(header));
        Self { token_id, borrower, ..self.clone() }
    }

    /// A program that acts for her.
    pub(crate) async fn client(&self) -> OAuthClient {
        self.scene.client(Owner::User(self.id), None, ScopeSet::worker()).await
    }
}

impl Deref for Person {
    type Target = Borrower;

    fn deref(&self) -> &Borrower {
        &self.borrower
    }
}

impl Team {
    /// Makes somebody a member, or changes the role.
    pub(crate) async fn admits(&self, person: &Person, role: Role) {
        let stage = super::api::in_process::stage();
        let admitted = self.scene.broker().put_member(&stage, self.id, person.id, role).await;
        admitted.expect("a membership");
    }

    pub(crate) async fn expels(&self, person: &Person) {
        let change = Change::RemoveMembership(self.id, person.id);
        self.scene.change(EventName::MemberRemoved, person.id, change).await;
    }

    /// Deposits a credential that those whom the rule admits may borrow.
    pub(crate) async fn shares(&self, service: &str, value: &str, rule: &[SharingEntry]) -> CredentialId {
        self.scene.deposit(Owner::Organization(self.id), service, value, rule, None).await
    }

    pub(crate) async fn becomes(&self, status: OrganizationStatus) {
        let change = Change::SetOrganizationStatus(self.id, status);
        self.scene.change(EventName::OrganizationUpdated, self.id, change).await;
    }

    /// A program that acts for the team, with a role in it.
    pub(crate) async fn client(&self, role: Role) -> OAuthClient {
        self.scene.client(Owner::Organization(self.id), Some(role), ScopeSet::worker()).await
    }
}

impl OAuthClient {
    /// The program with a fresh access token of all its scopes.
    pub(crate) async fn enters(&self) -> Borrower {
        self.scene.bearer(&self.token(None).await.expect("a token").access_token)
    }

    pub(crate) async fn token(&self, scope: Option<&str>) -> Answer<Issued> {
        self.scene.way_in().token(&TokenAsk { scope: scope.map(str::to_owned), ..self.ask() }).await
    }

    pub(crate) async fn introspect(&self, token: &str) -> Introspected {
        self.scene.way_in().introspect(&self.ask(), token).await.expect("an answer")
    }

    pub(crate) async fn withdraw(&self, token: &str) {
        self.scene.way_in().withdraw(&self.ask(), token).await.expect("an answer");
    }

    /// What it asks the token endpoint for, unless told otherwise.
    pub(crate) fn ask(&self) -> TokenAsk {
        let (client_id, client_secret) = (self.id.to_string(), self.secret.clone());
        TokenAsk { client_id, client_secret, ..TokenAsk::default() }
    }

    /// Switches it on or off.
    pub(crate) async fn is_active(&self, active: bool) {
        let change = Change::SetClientActive(self.id, active);
        self.scene.change(EventName::ClientUpdated, self.id, change).await;
    }
}
