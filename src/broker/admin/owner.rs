//! Whose rows an administrator works on: an organization's owners and admins on the organization's, operators on
//! everybody's.

use crate::{
    broker::{Broker, Call, Code, Error, Violation, authz::Authorized},
    model::{owner::Owner, scope::Operation},
};

impl Broker {
    /// The caller as somebody who administers what this owner has. Who does not is told that `what` is not there.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`]; [`Code::NotFound`]; [`Code::Forbidden`] for a member of the organization without the
    /// role.
    pub(in crate::broker) async fn administrator_of_owner(
        &self,
        call: &Call,
        scope: Operation,
        owner: Owner,
        what: &str,
    ) -> Result<Authorized, Error> {
        let authorized = match owner {
            Owner::Organization(id) => {
                self.administrator_of(call, scope, &id.to_string()).await.map(|(_, authorized)| authorized)
            }
            Owner::System => return self.operator(call, scope).await,
            // That a person exists is nobody else's business.
            Owner::User(_) => {
                self.operator(call, scope).await.map_err(|error| hidden(error, Code::Forbidden, what))
            }
        };
        let authorized = authorized.map_err(|error| hidden(error, Code::NotFound, what))?;
        Ok(authorized.on_behalf_of(owner))
    }

    /// The same for an owner as sent.
    pub(in crate::broker) async fn administrator_of_named(
        &self,
        call: &Call,
        scope: Operation,
        owner: &str,
    ) -> Result<(Owner, Authorized), Error> {
        call.require(scope)?;
        let parsed: Owner = owner.parse().map_err(|_| Error::not_found(OWNER))?;
        Ok((parsed, self.administrator_of_owner(call, scope, parsed, OWNER).await?))
    }

    /// Whose rows the caller may list: this owner's, or everybody's for an operator who names none.
    pub(in crate::broker) async fn administered(
        &self,
        call: &Call,
        owner: Option<&str>,
    ) -> Result<Option<Owner>, Error> {
        match owner {
            Some(owner) => self
                .administrator_of_named(call, Operation::AdminRead, owner)
                .await
                .map(|(owner, _)| Some(owner)),
            None => self.operator(call, Operation::AdminRead).await.map(|_| None),
        }
    }
}

/// What is wrong with the reason for touching what an owner has: for a person's, one is required.
pub(super) fn reason_violation(owner: Owner, reason: Option<&str>) -> Option<Violation> {
    let wrong = match reason {
        None => {
            matches!(owner, Owner::User(_)).then_some("required: say why you touch what belongs to a person")
        }
        Some(reason) => {
            let fits = (1..=500).contains(&reason.chars().count()) && !reason.chars().any(char::is_control);
            (!fits).then_some("must have 1 to 500 characters, no control characters")
        }
    };
    wrong.map(|text| Violation::new("reason", text))
}

fn hidden(error: Error, code: Code, what: &str) -> Error {
    if error.code == code { Error::not_found(what) } else { error }
}

const OWNER: &str = "owner";
