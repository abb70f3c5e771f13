//! The development data of seed 004: users, organizations, credentials and leases to try things on.

use serde_json::{Map, Value, json};

use crate::{
    keyring::machine_secret::SecretKind,
    model::{
        audit::{Actor, EventName},
        credential::CredentialFilter,
        id::{OrganizationId, UserId},
        organization::{Role, SharingEntry, SharingRule},
        owner::Owner,
        scope::ScopeSet,
        secret::SecretText,
        service::DEFAULT_ACCOUNT,
        user::User,
    },
    store::admin::{AdminChange, Change},
};

use super::{
    Broker, Code, Error, Origin,
    admin::{NewClient, NewMcpToken},
    credentials::NewCredential,
    leases::types::CreateLease,
    listing::ListRequest,
};

/// What a developer needs to try things: texts that are shown this once.
#[derive(Debug, Clone)]
pub struct Development {
    /// An MCP token of the test user.
    pub mcp_token: SecretText,
    /// An operator's token, with every scope.
    pub admin_token: SecretText,
    /// The development client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretText,
}

/// The test user's e-mail address.
pub const SEED_EMAIL: &str = "test@mcp-manager.local";
/// Names of settings of the database.
const ENVIRONMENT: &str = "environment";
const DEVELOPMENT: &str = "development";
const SEEDED: &str = "development_seeded";
const SYSTEM_EMAIL: &str = "mcp-server@system.local";

impl Broker {
    /// Makes the development data, unless it is there. The database is marked as one of development first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn seed_development(&self) -> Result<(), Error> {
        let rows = self.store.rows();
        if rows.find_setting(SEEDED).await?.is_some() {
            return Ok(());
        }
        // Each step looks first: a start that was cut off in the midst of them is finished by the next.
        self.put_setting(ENVIRONMENT, DEVELOPMENT).await?;
        let actor = Actor::system();
        let system = self.seed_user(SYSTEM_EMAIL, "MCP Server").await?;
        let user = self.seed_user(SEED_EMAIL, "Test User").await?;
        let team = self.seed_organization("Development Team", user.id).await?;
        let projects = self.seed_organization("Client Projects", system.id).await?;
        self.put_member(&actor, projects, user.id, Role::Admin).await?;
        for (service, fields) in personal() {
            self.seed_credential(Owner::User(user.id), service, None, fields).await?;
        }
        for (service, fields) in shared_with_team() {
            self.seed_credential(Owner::Organization(team), service, Some(SharingEntry::AllMembers), fields)
                .await?;
        }
        let sentry = json!({
            "auth_token": "dev-sentry-token", "org_slug": "client-projects", "base_url": "https://sentry.io"
        });
        self.seed_credential(Owner::Organization(projects), "sentry", Some(SharingEntry::AdminsOnly), sentry)
            .await?;
        self.seed_leases(user.id).await?;
        self.put_setting(SEEDED, "yes").await
    }

    /// Whether the database was made for development: production refuses it.
    ///
    /// # Errors
    /// What the database said.
    pub async fn is_development(&self) -> Result<bool, Error> {
        Ok(self.store.rows().find_setting(ENVIRONMENT).await?.as_deref() == Some(DEVELOPMENT))
    }

    /// Mints what a developer needs; earlier texts stay good.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the development data is not there.
    pub async fn mint_development(&self) -> Result<Development, Error> {
        let actor = Actor::system();
        let rows = self.store.rows();
        let user = rows.find_user_by_email(SEED_EMAIL).await?.ok_or_else(|| Error::not_found("test user"))?;
        let mcp_token = self.mint(Some(user.id), "development", ScopeSet::everything_of_a_person()).await?;
        let admin_token = self.mint(None, "development administration", ScopeSet::everything()).await?;
        let new = NewClient {
            owner: Owner::User(user.id),
            name: "Development client".to_owned(),
            role: None,
            scopes: ScopeSet::worker(),
        };
        let (client, client_secret) = self.create_client(&actor, new).await?;
        Ok(Development { mcp_token, admin_token, client_id: client.id.to_string(), client_secret })
    }

    /// Gives the test user a credential of a service, or the one before another value.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the development data is not there; [`Code::InvalidRequest`] for fields that are not of the
    /// service.
    pub async fn put_development_credential(
        &self,
        service: &str,
        fields: &Map<String, Value>,
    ) -> Result<(), Error> {
        let found = self.store.rows().find_user_by_email(SEED_EMAIL).await?;
        let owner = Owner::User(found.ok_or_else(|| Error::not_found("test user"))?.id);
        let filter = CredentialFilter { owner: Some(owner), service: service.parse().ok(), status: None };
        let before = self.list_credentials(filter, &ListRequest::default()).await?.items.into_iter();
        match before.into_iter().find(|credential| credential.account.as_str() == DEFAULT_ACCOUNT) {
            Some(before) => self.rotate_credential(&Actor::system(), before.id, fields, None).await.map(drop),
            None => self.seed_credential(owner, service, None, Value::Object(fields.clone())).await,
        }
    }

    /// Registers the broker's own application with a service, or gives the one before another id and secret.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] for a service whose accounts are not connected.
    pub async fn put_development_application(
        &self,
        service: &str,
        client_id: &str,
        client_secret: &str,
    ) -> Result<(), Error> {
        let secret = SecretText::new(client_secret.to_owned());
        let (application, change) =
            self.new_application(Owner::System, service, client_id.to_owned(), &secret).await?;
        let target = application.service.to_string();
        self.administer(&Actor::system(), EventName::ApplicationPut, &target, change).await.map(drop)
    }

    async fn seed_user(&self, email: &str, name: &str) -> Result<User, Error> {
        match self.store.rows().find_user_by_email(email).await? {
            Some(user) => Ok(user),
            None => self.create_user(&Actor::system(), email, name).await,
        }
    }

    async fn seed_organization(&self, name: &str, owner: UserId) -> Result<OrganizationId, Error> {
        let own = self.store.rows().list_memberships(owner).await?;
        match own.into_iter().find(|(_, known, _)| known == name) {
            Some((id, ..)) => Ok(id),
            None => self.create_organization(&Actor::system(), name, owner).await.map(|made| made.id),
        }
    }

    async fn put_setting(&self, name: &'static str, value: &str) -> Result<(), Error> {
        let change = AdminChange::of(Change::PutSetting(name, value.to_owned()), Vec::new());
        Ok(self.store.administer(change).await.map(drop)?)
    }

    async fn mint(&self, user_id: Option<UserId>, name: &str, scopes: ScopeSet) -> Result<SecretText, Error> {
        let new = NewMcpToken {
            user_id,
            name: name.to_owned(),
            scopes,
            expires_at: None,
            max_usages: None,
            kind: SecretKind::DevelopmentMcpToken,
        };
        self.create_mcp_token(&Actor::system(), new).await.map(|(_, text)| text)
    }

    async fn seed_credential(
        &self,
        owner: Owner,
        service: &str,
        sharing: Option<SharingEntry>,
        fields: Value,
    ) -> Result<(), Error> {
        let new = NewCredential {
            owner,
            service: service.parse().map_err(Error::internal)?,
            account: DEFAULT_ACCOUNT.parse().map_err(Error::internal)?,
            sharing: SharingRule(sharing.into_iter().collect()),
            fields: fields.as_object().cloned().unwrap_or_else(Map::new),
            expires_at: None,
        };
        match self.deposit_credential(&Actor::system(), new).await {
            Err(error) if error.code != Code::Conflict => Err(error),
            // An earlier start deposited it.
            _ => Ok(()),
        }
    }

    /// Three leases, of which one ends in five minutes, taken as anybody takes one: with a token of the user's.
    async fn seed_leases(&self, user: UserId) -> Result<(), Error> {
        let token = self.mint(Some(user), "development seed", ScopeSet::worker()).await?;
        let origin = Origin { address: None, request_id: "seed".to_owned() };
        let call = self.authenticate(Some(&format!("Bearer {}", token.expose())), origin).await?;
        for (services, ttl) in
            [(["todoist", "openai"], 3_600), (["jira", "notion"], 3_600), (["gmail", "jira"], 300)]
        {
            let services = services.map(ToOwned::to_owned).to_vec();
            let server_id = "development-seed".to_owned();
            let request = CreateLease { services, ttl: Some(ttl), server_id, ..CreateLease::default() };
            self.create_lease(&call, request).await?;
        }
        Ok(())
    }
}

fn personal() -> [(&'static str, Value); 3] {
    [
        ("todoist", json!({ "access_token": "dev-todoist-token" })),
        ("openai", json!({ "api_key": "dev-openai-key" })),
        ("gmail", json!({ "access_token": "dev-gmail-token", "email": SEED_EMAIL })),
    ]
}

fn shared_with_team() -> [(&'static str, Value); 2] {
    let jira = json!({
        "url": "https://dev-team.atlassian.net", "email": "jira@dev-team.local", "api_token": "dev-jira-token", "cloud": true
    });
    [
        ("jira", jira),
        ("notion", json!({ "access_token": "dev-notion-token", "database_id": "dev-notion-database" })),
    ]
}
