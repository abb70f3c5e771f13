//! Requests to endpoints of a service, made of its description and the values at hand.

use std::collections::BTreeMap;

use http::{HeaderName, Method, header};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    egress::{Ask, Body},
    model::{
        catalog::{
            Service,
            issuing::{ClientProof, Endpoint, Sending},
            template::Template,
        },
        secret::SecretText,
    },
};

use super::{error::IssueError, oauth::Client, render::basic};

/// What a request is made of: a credential's values, and what this flow knows beside them.
pub(super) struct Values<'a> {
    pub(super) service: &'a Service,
    pub(super) fields: &'a Map<String, Value>,
    pub(super) flow: BTreeMap<&'static str, SecretText>,
}

impl Values<'_> {
    /// The value of a name: what the flow knows first.
    pub(super) fn find(&self, name: &str) -> Option<String> {
        let known = self.flow.get(name).map(|value| value.expose().to_owned());
        known.or_else(|| self.service.value(self.fields, name))
    }

    pub(super) fn fill(&self, template: &Template) -> Result<String, IssueError> {
        template.fill(|name| self.find(name)).map_err(|name| IssueError::Lacking(name.to_owned()))
    }

    pub(super) fn url(&self, template: &Template) -> Result<Url, IssueError> {
        self.fill(template)?.parse().map_err(|_| IssueError::NoAddress)
    }

    /// The parameters of an endpoint: its own, else the standard ones.
    pub(super) fn parameters(
        &self,
        endpoint: &Endpoint,
        standard: Vec<(&str, SecretText)>,
    ) -> Result<Vec<(String, SecretText)>, IssueError> {
        let Some(own) = &endpoint.parameters else {
            return Ok(standard.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        };
        let filled = |(name, template): (&String, &Template)| {
            self.fill(template).map(|value| (name.clone(), SecretText::new(value)))
        };
        own.iter().map(filled).collect()
    }

    /// A request to an endpoint, by a client.
    pub(super) fn request(
        &self,
        endpoint: &Endpoint,
        standard: Vec<(&str, SecretText)>,
        proof: ClientProof,
        client: Option<&Client>,
    ) -> Result<Ask, IssueError> {
        let url = self.url(&endpoint.url)?;
        let mut parameters = self.parameters(endpoint, standard)?;
        let mut ask = Ask::new(Method::POST, url);
        ask.headers.push((header::ACCEPT, SecretText::new("application/json".to_owned())));
        match (proof, client) {
            (ClientProof::Basic, Some(client)) => ask.headers.push(client_header(client, endpoint.send)),
            (ClientProof::Body, Some(client)) if endpoint.parameters.is_none() => {
                parameters.push(("client_id".to_owned(), SecretText::new(client.id.clone())));
                parameters.push(("client_secret".to_owned(), client.secret.clone()));
            }
            _ => {}
        }
        match endpoint.send {
            Sending::Form => ask.body = Body::Form(parameters),
            Sending::Json => ask.body = Body::Json(json_object(&parameters)),
            Sending::Query => {
                ask.method = Method::GET;
                let pairs = parameters.iter().map(|(name, value)| (name, value.expose()));
                ask.url.query_pairs_mut().extend_pairs(pairs);
            }
        }
        Ok(ask)
    }
}

/// RFC 6749, section 2.3.1: id and secret are form-encoded before they are joined. Services that take JSON are none of that
/// RFC, and take them as they are.
fn client_header(client: &Client, send: Sending) -> (HeaderName, SecretText) {
    let encoded = |text: &str| match send {
        Sending::Json => text.to_owned(),
        Sending::Form | Sending::Query => url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    };
    let secret = SecretText::new(encoded(client.secret.expose()));
    (header::AUTHORIZATION, basic(&encoded(&client.id), secret.expose()))
}

fn json_object(parameters: &[(String, SecretText)]) -> SecretText {
    let object: BTreeMap<&str, &str> =
        parameters.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    #[expect(clippy::expect_used, reason = "texts always serialise")]
    SecretText::new(serde_json::to_string(&object).expect("texts serialise"))
}
