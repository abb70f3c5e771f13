//! What the OAuth endpoints are sent: a form, as the RFCs have it, or JSON, as older clients of the system send it.

use std::fmt;

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use utoipa::ToSchema;

use crate::{
    broker::{
        Code, Origin,
        tokens::types::{ClientCredentials, TokenError, TokenErrorCode},
    },
    http::{
        caller::origin,
        extract::{is_utf8, media_type, read_body},
        parameters::Parameters,
        problem::Problem,
    },
    model::secret::SecretText,
};

use super::{answers::Refusal, client::client, invalid_request};

/// A request to an OAuth endpoint, read.
pub(in crate::http) struct OAuthRequest {
    /// Where it comes from.
    pub(super) origin: Origin,
    /// The client, if it showed an id and a secret.
    pub(super) client: Option<ClientCredentials>,
    /// The rest; unknown ones are ignored.
    pub(super) parameters: Parameters,
}

/// The parameters of a token request.
#[derive(ToSchema)]
#[schema(as = TokenRequest)]
#[expect(dead_code, reason = "for the API description; what is sent is read leniently, as the RFC has it")]
pub(in crate::http) struct TokenForm {
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// Scopes separated by spaces; all that the client has when left out.
    #[schema(example = "lease:create lease:renew service:jira")]
    scope: Option<String>,
    /// A registered resource server's URI (RFC 8707); the broker itself when left out or empty.
    resource: Option<String>,
    /// Unless sent by HTTP Basic.
    client_id: Option<String>,
    /// Unless sent by HTTP Basic.
    client_secret: Option<String>,
}

/// The parameters of an introspection.
#[derive(ToSchema)]
#[schema(as = IntrospectRequest)]
#[expect(dead_code, reason = "for the API description")]
pub(in crate::http) struct IntrospectForm {
    #[schema(min_length = 1)]
    token: String,
    /// Not needed.
    token_type_hint: Option<String>,
    /// Unless sent by HTTP Basic.
    client_id: Option<String>,
    /// Unless sent by HTTP Basic.
    client_secret: Option<String>,
}

/// The parameters of a revocation.
#[derive(ToSchema)]
#[schema(as = RevokeRequest)]
#[expect(dead_code, reason = "for the API description")]
pub(in crate::http) struct RevokeForm {
    #[schema(min_length = 1)]
    token: String,
    /// Not needed.
    token_type_hint: Option<String>,
    /// Unless sent by HTTP Basic.
    client_id: Option<String>,
    /// Unless sent by HTTP Basic.
    client_secret: Option<String>,
}

impl OAuthRequest {
    /// The token that the request is about.
    pub(super) fn token(&mut self) -> Result<SecretText, TokenError> {
        let token = self.parameters.take("token").map(SecretText::new);
        token.ok_or_else(|| invalid_request("the parameter token is missing"))
    }
}

impl<S: Sync> FromRequest<S> for OAuthRequest {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let body = read_body(&parts, body).await.map_err(IntoResponse::into_response)?;
        let mut parameters = if body.is_empty() {
            Parameters::default()
        } else {
            let form = form_of(media_type(&parts.headers).filter(|_| is_utf8(&parts.headers)).as_deref());
            let form = form.map_err(IntoResponse::into_response)?;
            read(form, &body).map_err(|error| Refusal::from(error).into_response())?
        };
        let client = client(&parts.headers, &mut parameters).map_err(|e| Refusal::from(e).into_response())?;
        Ok(Self { origin: origin(&parts.extensions), client, parameters })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    UrlEncoded,
    Json,
}

fn form_of(media_type: Option<&str>) -> Result<Form, Problem> {
    match media_type {
        Some("application/x-www-form-urlencoded") => Ok(Form::UrlEncoded),
        Some("application/json") => Ok(Form::Json),
        _ => {
            let message = "send application/x-www-form-urlencoded or application/json, in UTF-8";
            Err(Problem::new(Code::UnsupportedMediaType, message))
        }
    }
}

fn read(form: Form, body: &[u8]) -> Result<Parameters, TokenError> {
    let parameters = match form {
        Form::UrlEncoded => Parameters::parse(body).map_err(|_| invalid_request("the body is not UTF-8"))?,
        Form::Json => {
            let unreadable = || invalid_request("the body is not a JSON object whose parameters are strings");
            serde_json::from_slice::<JsonParameters>(body).map_err(|_| unreadable())?.0
        }
    };
    match parameters.repeated(KNOWN) {
        None => Ok(parameters),
        // RFC 8707 lets a client ask for several; a token of ours is for one.
        Some("resource") => {
            Err(TokenError::new(TokenErrorCode::InvalidTarget, "ask for one resource at a time"))
        }
        Some(name) => Err(invalid_request(format!("the parameter {name} is given more than once"))),
    }
}

/// The known members of a JSON object, repetitions kept; the value null counts as omitted.
struct JsonParameters(Parameters);

impl<'de> Deserialize<'de> for JsonParameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = JsonParameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<JsonParameters, A::Error> {
        let mut parameters = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            if KNOWN.contains(&name.as_str()) {
                let text: Option<String> = members.next_value()?;
                parameters.push((name, text.unwrap_or_default()));
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(JsonParameters(Parameters(parameters)))
    }
}

/// Every parameter that one of the endpoints reads.
const KNOWN: &[&str] =
    &["grant_type", "scope", "resource", "client_id", "client_secret", "token", "token_type_hint"];

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(form: Form, body: &str, name: &str) -> Result<Option<String>, &'static str> {
        let mut parameters = read(form, body.as_bytes()).map_err(|error| error.code.as_str())?;
        Ok(parameters.take(name))
    }

    #[test]
    fn a_form_and_json_say_the_same() {
        let form = "grant_type=client_credentials&scope=todos%3Aread+todos%3Awrite&unknown=1&unknown=2";
        let json =
            r#"{"grant_type":"client_credentials","scope":"todos:read todos:write","unknown":{"a":[1]}}"#;
        for (form, body) in [(Form::UrlEncoded, form), (Form::Json, json)] {
            assert_eq!(taken(form, body, "grant_type"), Ok(Some("client_credentials".to_owned())));
            assert_eq!(taken(form, body, "scope"), Ok(Some("todos:read todos:write".to_owned())));
        }
    }

    #[test]
    fn without_a_value_is_omitted() {
        assert_eq!(taken(Form::UrlEncoded, "scope=&resource", "scope"), Ok(None));
        assert_eq!(taken(Form::Json, r#"{"scope":null}"#, "scope"), Ok(None));
        assert_eq!(taken(Form::Json, r#"{"scope":""}"#, "scope"), Ok(None));
    }

    #[test]
    fn repetitions_are_refused() {
        assert_eq!(taken(Form::UrlEncoded, "scope=a&scope=a", "scope"), Err("invalid_request"));
        assert_eq!(taken(Form::UrlEncoded, "scope=a&scope=", "scope"), Err("invalid_request"));
        assert_eq!(taken(Form::Json, r#"{"scope":"a","scope":"b"}"#, "scope"), Err("invalid_request"));
        assert_eq!(taken(Form::UrlEncoded, "resource=a&resource=b", "scope"), Err("invalid_target"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for body in
            ["", "[]", "null", r#"{"scope":["a"]}"#, r#"{"scope":1}"#, r#"{"scope":"a"}}"#, "{\"scope\":"]
        {
            assert_eq!(taken(Form::Json, body, "scope"), Err("invalid_request"), "{body}");
        }
        assert_eq!(taken(Form::UrlEncoded, "scope=%ff", "scope"), Err("invalid_request"));
        assert!(read(Form::Json, b"{\"scope\":\"\xff\"}").is_err());
    }

    #[test]
    fn media_types() {
        assert_eq!(form_of(Some("application/json")).ok(), Some(Form::Json));
        assert_eq!(form_of(Some("application/x-www-form-urlencoded")).ok(), Some(Form::UrlEncoded));
        for other in [None, Some(""), Some("text/plain"), Some("multipart/form-data")] {
            assert!(form_of(other).is_err());
        }
    }
}
