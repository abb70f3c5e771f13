//! Applications: what services know the broker by. Operators register the broker's own, which everybody's accounts are
//! connected by; an organization's administrators may register one for theirs. Secrets go in and never come out.

use crate::{
    model::{
        application::Application, audit::EventName, catalog::issuing::IssuerKind, owner::Owner,
        scope::Operation, secret::SecretText, service::ServiceName,
    },
    store::admin::{Change, GrantChange},
};

use super::{Broker, Call, Error, Violation};

/// An application to register, as sent.
pub struct NewApplication {
    /// `system`, or an organization's id.
    pub owner: String,
    /// A service whose accounts are connected.
    pub service: String,
    /// As the service gave it out.
    pub client_id: String,
    /// As the service gave it out.
    pub client_secret: SecretText,
}

impl Broker {
    /// Registers an application, or gives the one before another id and secret.
    ///
    /// # Errors
    /// [`super::Code::InvalidRequest`]; [`super::Code::NotFound`] for who does not administer the owner.
    pub async fn administrator_puts_application(
        &self,
        call: &Call,
        new: NewApplication,
    ) -> Result<Application, Error> {
        let NewApplication { owner, service, client_id, client_secret } = new;
        let (owner, authorized) = self.administrator_of_named(call, Operation::AdminWrite, &owner).await?;
        let (application, change) = self.new_application(owner, &service, client_id, &client_secret).await?;
        let record = self.success(&authorized, EventName::ApplicationPut, &application.service);
        let record = record.with("client_id", application.client_id.clone());
        self.change_recorded(call, authorized, vec![record], change)
            .await
            .map_err(|error| error.on_race("the application was changed meanwhile; try again"))?;
        Ok(application)
    }

    /// Lists applications, never secrets: of one owner, or of everybody for operators.
    ///
    /// # Errors
    /// [`super::Code::NotFound`] for who does not administer the owner.
    pub async fn administrator_lists_applications(
        &self,
        call: &Call,
        owner: Option<&str>,
    ) -> Result<Vec<Application>, Error> {
        let owner = self.administered(call, owner).await?;
        Ok(self.store.rows().list_applications(owner).await?)
    }

    /// Forgets an application: accounts that were connected by it are refreshed no more.
    ///
    /// # Errors
    /// [`super::Code::NotFound`].
    pub async fn administrator_deletes_application(
        &self,
        call: &Call,
        owner: &str,
        service: &str,
    ) -> Result<(), Error> {
        let (owner, authorized) = self.administrator_of_named(call, Operation::AdminWrite, owner).await?;
        let service: ServiceName = service.parse().map_err(|_| Error::not_found(APPLICATION))?;
        let record = self.success(&authorized, EventName::ApplicationDeleted, &service);
        let change = Change::Grant(GrantChange::DeleteApplication(owner, service));
        self.change_recorded(call, authorized, vec![record], change).await.map(drop)
    }

    /// An application, checked and sealed, and the change that registers it.
    pub(super) async fn new_application(
        &self,
        owner: Owner,
        service: &str,
        client_id: String,
        client_secret: &SecretText,
    ) -> Result<(Application, Change), Error> {
        let service = self.checked(owner, service, &client_id, client_secret)?;
        let before = self.store.rows().find_application(owner, &service).await?;
        let version = before.as_ref().map_or(1, |before| before.version + 1);
        let now = self.clock.now();
        let application = Application {
            owner,
            client_id,
            sealed: self.vault.seal_application(owner, &service, version, client_secret).await?,
            version,
            created_at: before.map_or(now, |before| before.created_at),
            service,
        };
        let change = Change::Grant(GrantChange::PutApplication(Box::new(application.clone())));
        Ok((application, change))
    }

    fn checked(
        &self,
        owner: Owner,
        service: &str,
        client_id: &str,
        secret: &SecretText,
    ) -> Result<ServiceName, Error> {
        let mut violations = Vec::new();
        if matches!(owner, Owner::User(_)) {
            violations.push(Violation::new("owner", "must be `system` or an organization"));
        }
        for (field, text) in [("client_id", client_id), ("client_secret", secret.expose())] {
            let fits = (1..=MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
            if !fits {
                let reason = format!("must have 1 to {MAX_BYTES} bytes, no control characters");
                violations.push(Violation::new(field, reason));
            }
        }
        let name: Option<ServiceName> = service.parse().ok();
        let known = name.as_ref().and_then(|name| self.catalog.find(name));
        if known.is_none_or(|known| known.issuing.kind != IssuerKind::AuthorizationCode) {
            violations.push(Violation::new("service", "must be a service whose accounts can be connected"));
        }
        name.filter(|_| violations.is_empty()).ok_or_else(|| Error::invalid(violations))
    }
}

const APPLICATION: &str = "application";
const MAX_BYTES: usize = 4_096;
