//! Messages of the token service.

use leasehold_proto::v1;

use crate::broker::tokens::types::{ClientCredentials, Introspection, IssueToken, IssuedToken};

use super::{duration, given, timestamp};

/// A request for a token, but for who makes it.
pub(in crate::grpc) fn issue_request(
    client: Option<ClientCredentials>,
    grant_type: String,
    scope: String,
    resource: String,
) -> IssueToken {
    IssueToken {
        client,
        grant_type: given(grant_type).or_else(|| Some("client_credentials".to_owned())),
        scope: given(scope),
        resource: given(resource),
    }
}

/// An access token.
pub(in crate::grpc) fn issue_response(issued: IssuedToken) -> v1::IssueTokenResponse {
    let IssuedToken { access_token, expires_in, scope } = issued;
    v1::IssueTokenResponse {
        access_token: access_token.expose().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: Some(duration(expires_in)),
        scope,
    }
}

/// What a token is.
pub(in crate::grpc) fn introspect_response(introspection: Introspection) -> v1::IntrospectTokenResponse {
    let Introspection { active, scope, client_id, sub, aud, iss, exp, iat, jti, owner } = introspection;
    v1::IntrospectTokenResponse {
        active,
        scope: scope.unwrap_or_default(),
        client_id: client_id.unwrap_or_default(),
        sub: sub.unwrap_or_default(),
        aud: aud.unwrap_or_default(),
        iss: iss.unwrap_or_default(),
        exp: exp.map(timestamp),
        iat: iat.map(timestamp),
        jti: jti.unwrap_or_default(),
        owner: owner.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{instant::Instant, secret::SecretText};

    use super::*;

    #[test]
    fn an_empty_request_asks_for_client_credentials() {
        let request = issue_request(None, String::new(), String::new(), String::new());
        assert_eq!(request.grant_type.as_deref(), Some("client_credentials"));
        assert_eq!((request.scope, request.resource), (None, None));
        let other = issue_request(None, "password".to_owned(), "a b".to_owned(), "https://x".to_owned());
        assert_eq!(other.grant_type.as_deref(), Some("password"));
        assert_eq!((other.scope.as_deref(), other.resource.as_deref()), (Some("a b"), Some("https://x")));
    }

    #[test]
    fn a_token_is_sent_and_never_shown() {
        let access_token = SecretText::new("canary".to_owned());
        let response = issue_response(IssuedToken { access_token, expires_in: 3_600, scope: "a".to_owned() });
        assert_eq!((response.access_token.as_str(), response.token_type.as_str()), ("canary", "Bearer"));
        assert_eq!(response.expires_in, Some(duration(3_600)));
        assert!(!format!("{response:?}").contains("canary"));
    }

    #[test]
    fn a_dead_token_says_nothing_more() {
        assert_eq!(introspect_response(Introspection::default()), v1::IntrospectTokenResponse::default());
        let live =
            Introspection { active: true, exp: Some(Instant::from_micros(5_000_000)), ..Default::default() };
        let live = introspect_response(live);
        assert_eq!((live.active, live.exp.map(|at| at.seconds)), (true, Some(5)));
    }
}
