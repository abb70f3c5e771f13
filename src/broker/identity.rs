//! Who the caller is, and what it may borrow.

use std::collections::BTreeSet;

use crate::model::{holdings::Subject, service::ServiceName};

use super::{
    Broker, Call, Error,
    leases::types::{OrganizationView, WhoAmI},
};

impl Broker {
    /// Who the caller is. What it lists as available is exactly what a lease would be granted for.
    ///
    /// # Errors
    /// [`super::Code::Unauthenticated`] when the token no longer stands; [`super::Code::Unavailable`].
    pub async fn who_am_i(&self, call: &Call) -> Result<WhoAmI, Error> {
        let outcome = self.identify(call).await;
        self.noted_read(call, "identity.whoami", None, outcome)
    }

    async fn identify(&self, call: &Call) -> Result<WhoAmI, Error> {
        self.check_token(call).await?;
        let caller = &call.caller;
        let holdings = self.holdings.fresh(&self.store, caller.subject).await?;
        let within = |service: &ServiceName| caller.scopes.allows_service(service);
        let available: BTreeSet<ServiceName> =
            holdings.available_services().into_iter().filter(within).collect();
        let (name, email) = self.names(call).await?;
        Ok(WhoAmI {
            subject: caller.subject,
            owner: caller.owner,
            client_id: caller.client_id.map(|id| id.to_string()),
            email,
            name,
            organizations: holdings.organizations.iter().map(view).collect(),
            available_services: available.iter().map(ToString::to_string).collect(),
            token_scopes: caller.scopes.iter().map(|scope| scope.to_string()).collect(),
        })
    }

    /// Asks the database whether the caller's token stands at this moment.
    pub(crate) async fn check_token(&self, call: &Call) -> Result<(), Error> {
        use crate::model::token::TokenRefusal;
        let (facts, _) = self.store.facts(call.caller.token_id, None).await?;
        let stands = facts.ok_or(TokenRefusal::Unknown);
        let stands = stands.and_then(|facts| facts.stands(call.caller.reading, self.clock.now()));
        stands.map_err(|refusal| self.token_refused(call, refusal))?;
        self.proven(call);
        Ok(())
    }

    async fn names(&self, call: &Call) -> Result<(String, Option<String>), Error> {
        let rows = self.store.rows();
        match call.caller.subject {
            Subject::Operator if call.caller.client_id.is_none() => {
                let found = rows.find_token(call.caller.token_id).await?;
                Ok((found.ok_or_else(|| Error::not_found("token"))?.name, None))
            }
            Subject::User(id) => {
                let user = rows.find_user(id).await?.ok_or_else(|| Error::not_found("user"))?;
                Ok((user.name, Some(user.email)))
            }
            Subject::Operator | Subject::OrganizationClient { .. } => {
                let id = call.caller.client_id.ok_or_else(|| Error::not_found("client"))?;
                let found = rows.find_client(id, self.clock.now()).await?;
                let found = found.ok_or_else(|| Error::not_found("client"))?;
                Ok((found.client.name, None))
            }
        }
    }
}

fn view(holdings: &crate::model::holdings::OrganizationHoldings) -> OrganizationView {
    OrganizationView { id: holdings.organization_id, name: holdings.name.clone(), role: holdings.role }
}
