//! People, programs and credentials that most cases need, and shorthands for transactions.

use crate::{
    model::{
        audit::{Actor, AuditRecord, EventName},
        catalog::issuing::IssuerKind,
        client::Client,
        credential::{Credential, CredentialStatus, FieldNames},
        id::{ClientId, CredentialId, Id, LeaseId, OrganizationId, TokenId, UserId},
        instant::Instant,
        lease::{CredentialScope, Lease, LeaseState},
        organization::{Membership, Organization, OrganizationStatus, Role, SharingEntry, SharingRule},
        owner::Owner,
        principal::Principal,
        resolution::Source,
        scope::ScopeSet,
        sealed::Sealed,
        standing::LeaseFacts,
        token::{Token, TokenKind},
        ttl::Ttl,
        user::User,
    },
    store::{
        admin::{Change, MintedToken, Minter},
        backend::NewLease,
    },
};

use super::ground::Ground;

/// The moment of most cases.
pub(super) const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);
pub(super) const DAY: i64 = 86_400;

/// A user with a client, an MCP token and a personal credential; an organization that the user is a member of, with a
/// client and a credential for all members.
pub(super) struct World {
    pub(super) user: UserId,
    pub(super) organization: OrganizationId,
    pub(super) client: ClientId,
    pub(super) organization_client: ClientId,
    pub(super) mcp_token: TokenId,
    pub(super) personal: CredentialId,
    pub(super) shared: CredentialId,
}

impl World {
    pub(super) async fn new(ground: &Ground) -> Self {
        let world = Self {
            user: id(1),
            organization: id(2),
            client: id(3),
            organization_client: id(4),
            mcp_token: id(5),
            personal: id(6),
            shared: id(7),
        };
        for change in world.changes() {
            ground.apply(change).await.expect("the world is made");
        }
        world
    }

    fn changes(&self) -> Vec<Change> {
        let owner = Owner::Organization(self.organization);
        let shared =
            Credential { sharing: all_members(), ..credential(self.shared, owner, "notion", "main") };
        vec![
            Change::CreateUser(user(self.user, "ada@example.org")),
            Change::CreateOrganization(organization(self.organization)),
            Change::PutMembership(membership(self.organization, self.user, Role::Member)),
            Change::CreateClient(client(self.client, Owner::User(self.user), None), "digest-1".to_owned()),
            Change::CreateClient(
                client(self.organization_client, owner, Some(Role::Member)),
                "digest-2".to_owned(),
            ),
            Change::CreateMcpToken(Box::new(minted(self.mcp(), "mcp-digest"))),
            Change::CreateCredential(credential(self.personal, Owner::User(self.user), "jira", "main")),
            Change::CreateCredential(shared),
        ]
    }

    pub(super) fn mcp(&self) -> Token {
        let access = self.access(0);
        Token {
            id: self.mcp_token,
            kind: TokenKind::Mcp,
            client_id: None,
            name: "laptop".to_owned(),
            epoch: 0,
            expires_at: None,
            ..access
        }
    }

    /// An access token of the user's client.
    pub(super) fn access(&self, number: u32) -> Token {
        Token {
            id: id(1_000 + number),
            kind: TokenKind::Access,
            client_id: Some(self.client),
            user_id: Some(self.user),
            owner: Owner::User(self.user),
            name: String::new(),
            scopes: ScopeSet::worker(),
            audience: "https://broker.example".to_owned(),
            epoch: 0,
            issued_at: NOW,
            expires_at: Some(NOW.plus_seconds(3_600)),
            max_usages: None,
        }
    }

    /// A lease of the user's client on both credentials, for an hour.
    pub(super) fn lease(&self, number: u32) -> NewLease {
        let services = ["jira", "notion/main"].map(|text| text.parse().expect("a service")).to_vec();
        let lease = Lease {
            id: id(10_000 + number),
            owner: Owner::User(self.user),
            principal: Principal::Client(self.client),
            token_id: id(1_000),
            client_id: Some(self.client),
            user_id: Some(self.user),
            server_id: "worker-1".to_owned(),
            organization_id: None,
            services,
            credential_scope: CredentialScope::Mixed,
            ttl: Ttl::DEFAULT,
            created_at: NOW,
            expires_at: NOW.plus_seconds(3_600),
            lifetime_ends_at: NOW.plus_seconds(30 * DAY),
            renewable: true,
            renewal_count: 0,
            max_renewals: 24,
            last_renewed_at: None,
            state: LeaseState::Active,
            client_info: Some("{\"name\":\"test \\\"quoted\\\" ü\"}".to_owned()),
            address: None,
        };
        NewLease {
            lease,
            sources: vec![self.personal_source(), self.shared_source()],
            reuse_key: Some("same".to_owned()),
        }
    }

    /// The same, taken by the user with the MCP token.
    pub(super) fn mcp_lease(&self, number: u32) -> NewLease {
        let mut new = self.lease(number);
        new.lease.principal = Principal::User(self.user);
        new.lease.client_id = None;
        new.lease.token_id = self.mcp_token;
        new
    }

    /// A lease of the organization's client, on the shared credential.
    pub(super) fn organization_lease(&self, number: u32) -> NewLease {
        let mut new = self.lease(number);
        new.lease.owner = Owner::Organization(self.organization);
        new.lease.principal = Principal::Client(self.organization_client);
        new.lease.client_id = Some(self.organization_client);
        new.lease.user_id = None;
        new.sources = vec![Source { membership_epoch: None, ..self.shared_source() }];
        new
    }

    pub(super) fn personal_source(&self) -> Source {
        Source {
            service: "jira".parse().expect("a service"),
            credential_id: self.personal,
            credential_version: 1,
            credential_epoch: 0,
            owner: Owner::User(self.user),
            membership_epoch: None,
            organization_epoch: None,
        }
    }

    pub(super) fn shared_source(&self) -> Source {
        Source {
            service: "notion/main".parse().expect("a service"),
            credential_id: self.shared,
            credential_version: 1,
            credential_epoch: 0,
            owner: Owner::Organization(self.organization),
            membership_epoch: Some(0),
            organization_epoch: Some(0),
        }
    }
}

impl Ground {
    /// Inserts leases in a transaction of their own.
    pub(super) async fn lend(&self, leases: &[NewLease]) {
        let mut tx = self.backend.begin().await.expect("a transaction");
        tx.insert_leases(leases).await.expect("leases are inserted");
        tx.commit().await.expect("a commit");
    }

    /// A lease's facts.
    pub(super) async fn facts(&self, id: LeaseId) -> LeaseFacts {
        let (_, mut leases) = self.backend.read_uses(&[], &[id]).await.expect("facts");
        leases.pop().expect("the lease is there")
    }

    /// Fenced, holder gone, stale.
    pub(super) async fn flags(&self, id: LeaseId) -> (bool, bool, bool) {
        let LeaseFacts { fenced, holder_gone, stale, .. } = self.facts(id).await;
        (fenced, holder_gone, stale)
    }

    /// An owner's revision.
    pub(super) async fn revision(&self, owner: Owner) -> i64 {
        let mut tx = self.backend.begin().await.expect("a transaction");
        let revisions = tx.revisions(&[owner]).await.expect("revisions");
        revisions.first().expect("the owner is there").1
    }

    /// A credential, which must be there.
    pub(super) async fn credential(&self, id: CredentialId) -> Credential {
        let mut found = self.backend.load_credentials(&[id]).await.expect("credentials");
        found.pop().expect("the credential is there").expect("it reads back")
    }
}

/// An id that follows from a number; larger numbers sort later.
pub(super) fn id<I: Id>(number: u32) -> I {
    let at = Instant::from_micros(NOW.micros() + i64::from(number) * 1_000);
    I::from_parts(at, [7; 10])
}

pub(super) fn user(id: UserId, email: &str) -> User {
    User {
        id,
        email: email.to_owned(),
        name: "Ada".to_owned(),
        active: true,
        epoch: 0,
        revision: 1,
        created_at: NOW,
    }
}

pub(super) fn organization(id: OrganizationId) -> Organization {
    let status = OrganizationStatus::Active;
    Organization { id, name: "Development Team".to_owned(), status, epoch: 0, revision: 1, created_at: NOW }
}

pub(super) fn membership(organization_id: OrganizationId, user_id: UserId, role: Role) -> Membership {
    Membership { organization_id, user_id, role, epoch: 0, created_at: NOW }
}

pub(super) fn client(id: ClientId, owner: Owner, role: Option<Role>) -> Client {
    let scopes = ScopeSet::worker();
    Client {
        id,
        owner,
        name: "worker".to_owned(),
        role,
        scopes,
        active: true,
        epoch: 0,
        revision: 1,
        created_at: NOW,
    }
}

pub(super) fn credential(id: CredentialId, owner: Owner, service: &str, account: &str) -> Credential {
    Credential {
        id,
        owner,
        service: service.parse().expect("a service"),
        account: account.parse().expect("an account"),
        primary: false,
        status: CredentialStatus::Active,
        status_reason: None,
        issuer: IssuerKind::Static,
        identity: None,
        sharing: SharingRule::default(),
        epoch: 0,
        version: 1,
        sealed: sealed("dky_old", 1),
        expires_at: None,
        created_at: NOW,
        rotated_at: NOW,
        fields: FieldNames::from_text("access_token"),
        revision: 1,
    }
}

/// A new value of a credential.
pub(super) fn rotation(
    id: CredentialId,
    version: i64,
    sealed: Sealed,
    expires_at: Option<Instant>,
) -> Change {
    let fields = FieldNames::from_text("access_token base_url");
    Change::RotateCredential {
        id,
        version,
        sealed,
        expires_at,
        fields,
        issuer: IssuerKind::Static,
        at: NOW.plus_seconds(1),
    }
}

pub(super) fn all_members() -> SharingRule {
    SharingRule(vec![SharingEntry::AllMembers])
}

/// A token to insert, minted by nobody in particular.
pub(super) fn minted(token: Token, digest: &str) -> MintedToken {
    let minter = Minter { by: "system".to_owned(), reason: None };
    MintedToken { token, digest: digest.to_owned(), hint: "mcp_abc…".to_owned(), minter, minted_with: None }
}

/// An envelope of a key id; the ciphertext is made of one byte.
pub(super) fn sealed(key_id: &str, byte: u8) -> Sealed {
    let mut bytes = vec![1, u8::try_from(key_id.len()).expect("a short id")];
    bytes.extend_from_slice(key_id.as_bytes());
    bytes.extend_from_slice(&[byte; 40]);
    Sealed::from_envelope(bytes).expect("an envelope")
}

pub(super) fn record(target: &str) -> AuditRecord {
    AuditRecord::success(EventName::LeaseCreated, &Actor::system(), target, NOW)
        .with("note", "a \"quoted\" ü")
}
