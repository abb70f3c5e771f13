//! Messages of the identity service.

use leasehold_proto::v1;

use crate::{
    broker::leases::types::{OrganizationView, WhoAmI},
    model::organization::Role,
};

/// Who the caller is.
pub(in crate::grpc) fn who_am_i_response(who: WhoAmI) -> v1::WhoAmIResponse {
    let WhoAmI {
        subject,
        // The subject already says it.
        owner: _,
        client_id,
        email,
        name,
        organizations,
        available_services,
        token_scopes,
    } = who;
    v1::WhoAmIResponse {
        user_id: subject.user_id().map(|id| id.to_string()).unwrap_or_default(),
        client_id: client_id.unwrap_or_default(),
        email: email.unwrap_or_default(),
        name,
        organizations: organizations.into_iter().map(membership).collect(),
        available_services,
        token_scopes,
    }
}

fn membership(organization: OrganizationView) -> v1::OrganizationMembership {
    let OrganizationView { id, name, role: held } = organization;
    v1::OrganizationMembership { id: id.to_string(), name, role: role(held).into() }
}

const fn role(role: Role) -> v1::OrganizationRole {
    match role {
        Role::Guest => v1::OrganizationRole::Guest,
        Role::Member => v1::OrganizationRole::Member,
        Role::Admin => v1::OrganizationRole::Admin,
        Role::Owner => v1::OrganizationRole::Owner,
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{
        holdings::Subject,
        id::{Id as _, OrganizationId, UserId},
        instant::Instant,
        owner::Owner,
    };

    use super::*;

    #[test]
    fn a_person_and_a_client_of_an_organization() {
        let user = UserId::from_parts(Instant::default(), [1; 10]);
        let organization_id = OrganizationId::from_parts(Instant::default(), [2; 10]);
        let organization =
            OrganizationView { id: organization_id, name: "Team".to_owned(), role: Role::Owner };
        let mut who = WhoAmI {
            subject: Subject::User(user),
            owner: Owner::User(user),
            client_id: None,
            email: Some("a@b.example".to_owned()),
            name: "A".to_owned(),
            organizations: vec![organization],
            available_services: vec!["jira".to_owned()],
            token_scopes: vec!["lease:create".to_owned()],
        };
        let person = who_am_i_response(who.clone());
        assert_eq!((person.user_id, person.client_id), (user.to_string(), String::new()));
        assert_eq!(
            person.organizations.first().map(v1::OrganizationMembership::role),
            Some(role(Role::Owner))
        );

        who.subject = Subject::OrganizationClient { organization_id, role: Role::Member };
        who.client_id = Some("cli_1".to_owned());
        let client = who_am_i_response(who);
        assert_eq!((client.user_id.as_str(), client.client_id.as_str()), ("", "cli_1"));
    }
}
