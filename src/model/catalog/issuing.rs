//! How what is lent of a service comes about: `[issuer]` of its description.
//!
//! Data alone; the floor of issuers acts on it. What a file leaves out is as the RFCs have it (6749 for the grants, 7636
//! for PKCE, 7009 for revocation); a service that differs says where.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

use super::{
    super::{header, named::named},
    template::Template,
};

/// How what is lent comes about.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuing {
    /// By which code.
    pub kind: IssuerKind,
    /// Where a person consents.
    pub authorize: Option<Endpoint>,
    /// Where tokens are made.
    pub token: Option<Endpoint>,
    /// Where they are refreshed; as `token` unless told.
    pub refresh: Option<Endpoint>,
    /// Where they are withdrawn (RFC 7009); without it they cannot be.
    pub revoke: Option<Endpoint>,
    /// How the client proves itself there.
    #[serde(default)]
    pub client: ClientProof,
    /// Whether the code is bound to its flow by a challenge (RFC 7636, S256).
    #[serde(default)]
    pub pkce: bool,
    /// What is asked for.
    pub scope: Option<Template>,
    /// Where the state of a flow travels.
    #[serde(default)]
    pub state: StatePlace,
    /// Fields that whoever makes a link to connect must know before.
    #[serde(default)]
    pub start: Vec<String>,
    /// Fields that come back with the browser: each with its parameter.
    #[serde(default)]
    pub callback: BTreeMap<String, String>,
    /// Fields that must lead to one host: a flow begun for one account must not end at another.
    #[serde(default)]
    pub same_host: Vec<String>,
    /// Whose account it is.
    pub identity: Option<Identity>,
    /// How a token's answer reads.
    #[serde(default)]
    pub answer: AnswerShape,
    /// How a refusal reads.
    #[serde(default)]
    pub errors: ErrorShape,
    /// The most calls a minute that one client may make there, of all replicas together.
    pub calls_per_minute: Option<u32>,
    /// The header by which a repeated request for a token gets the same one again: a token whose answer was lost is found
    /// by it, and withdrawn.
    pub repeat_header: Option<String>,
    /// Whom a token of our own is for: the `aud` of RFC 9068.
    pub audience: Option<Template>,
}

named! {
    /// The kinds of issuers.
    IssuerKind, "issuer":
    /// What was deposited is lent.
    Static = "static";
    /// A person consents in a browser; the token is refreshed (RFC 6749, sections 4.1 and 6).
    AuthorizationCode = "authorization_code";
    /// The credential is a client of the service, which makes tokens (RFC 6749, section 4.4).
    ClientCredentials = "client_credentials";
    /// The same, a token for each lease, which is withdrawn when the lease ends (RFC 7009).
    ClientCredentialsPerLease = "client_credentials_per_lease";
    /// The token is one of ours; the service verifies it by our keys (RFC 9068).
    Signed = "signed";
}

impl<'de> Deserialize<'de> for IssuerKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A place that is called.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Where.
    pub url: Template,
    /// How what is sent is written.
    #[serde(default)]
    pub send: Sending,
    /// Exactly what is sent; what the RFCs say when none.
    pub parameters: Option<BTreeMap<String, Template>>,
}

/// How parameters travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sending {
    /// POST, `application/x-www-form-urlencoded`.
    #[default]
    Form,
    /// POST, a JSON object of texts.
    Json,
    /// GET, in the query.
    Query,
}

/// How a client proves itself (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientProof {
    /// By HTTP's basic authentication.
    #[default]
    Basic,
    /// By `client_id` and `client_secret` among the parameters.
    Body,
    /// Not, beyond what the parameters of the endpoints say.
    None,
}

/// Where the state of a flow travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatePlace {
    /// As the parameter `state`.
    #[default]
    Parameter,
    /// In the callback's own address, for services that know no `state`.
    Callback,
}

/// Whose account a connection reached.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// What tells accounts apart, for people and for comparing.
    pub account: Template,
    /// What is asked with the new token, if the account is not known from the callback.
    pub url: Option<Template>,
    /// What is taken of the answer: names, each with its JSON pointer (RFC 6901).
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

/// Where a token's answer has what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerShape {
    /// The member with the time the access token runs out, as a date.
    pub expires_at: Option<String>,
    /// The member with the time the refresh token runs out, as a date.
    pub refresh_expires_at: Option<String>,
    /// Hours that dates without a zone are ahead of UTC.
    pub dates_offset_hours: i64,
    /// The longest that an access token lives, whatever the answer says; and how long when it says nothing.
    pub life_seconds: Option<i64>,
    /// The same of a refresh token.
    pub refresh_life_seconds: Option<i64>,
}

/// What refusals mean, beyond RFC 6749, section 5.2.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorShape {
    /// Where the code is (a JSON pointer).
    pub at: Option<String>,
    /// Codes that mean that the grant is dead.
    pub refused: Vec<String>,
    /// Codes that mean that the account is switched off at the service, each with the words for it.
    pub disabled: BTreeMap<String, String>,
}

/// What is wrong with a description of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IssuingFault {
    /// A text that the file has where it is wrong.
    pub(super) near: String,
    /// What is wrong.
    pub(super) reason: String,
}

impl Issuing {
    /// The issuer of services that say nothing.
    #[must_use]
    pub fn lending_what_is_stored() -> Self {
        Self {
            kind: IssuerKind::Static,
            authorize: None,
            token: None,
            refresh: None,
            revoke: None,
            client: ClientProof::default(),
            pkce: false,
            scope: None,
            state: StatePlace::default(),
            start: Vec::new(),
            callback: BTreeMap::new(),
            same_host: Vec::new(),
            identity: None,
            answer: AnswerShape::default(),
            errors: ErrorShape::default(),
            calls_per_minute: None,
            repeat_header: None,
            audience: None,
        }
    }

    /// Where tokens are refreshed.
    #[must_use]
    pub fn refreshing(&self) -> Option<&Endpoint> {
        self.refresh.as_ref().or(self.token.as_ref())
    }

    /// Whether what was lent can be withdrawn at the service.
    #[must_use]
    pub const fn can_revoke(&self) -> bool {
        self.revoke.is_some()
    }

    /// Checks that the parts go together, and that every name is a field's or one that a flow has.
    pub(super) fn check(&self, is_field: impl Fn(&str) -> bool) -> Result<(), IssuingFault> {
        let fault =
            |near: &str, reason: &str| IssuingFault { near: near.to_owned(), reason: reason.to_owned() };
        for (there, wanted, key) in [
            (self.authorize.is_some(), self.kind == IssuerKind::AuthorizationCode, "authorize"),
            (self.token.is_some(), self.calls_for_tokens(), "token"),
            (self.audience.is_some(), self.kind == IssuerKind::Signed, "audience"),
        ] {
            if wanted && !there {
                return Err(fault("[issuer]", &format!("this kind of issuer needs `{key}`")));
            }
            if there && !wanted {
                return Err(fault(key, &format!("this kind of issuer has no `{key}`")));
            }
        }
        if let Some(name) = &self.repeat_header {
            if self.kind != IssuerKind::ClientCredentialsPerLease {
                return Err(fault("repeat_header", "this kind of issuer has no `repeat_header`"));
            }
            if header::check_name(name).is_err() {
                return Err(fault("repeat_header", "must be the name of a header that requests may set"));
            }
        }
        if self.calls_per_minute.is_some_and(|limit| limit < LEAST_CALLS) {
            return Err(fault("calls_per_minute", &format!("at least {LEAST_CALLS}")));
        }
        let fields = self.start.iter().chain(self.callback.keys()).chain(&self.same_host);
        if let Some(name) = fields.into_iter().find(|name| !is_field(name)) {
            return Err(fault(name, &format!("`{name}` is no field of the service")));
        }
        let known = |name: &str| is_field(name) || FLOW.contains(&name);
        let identity = |name: &str| {
            known(name) || self.identity.as_ref().is_some_and(|identity| identity.values.contains_key(name))
        };
        let account = self.identity.iter().map(|identity| &identity.account);
        let unknown = self.templates().find_map(|template| template.names().find(|name| !known(name)));
        let unknown = unknown.or_else(|| {
            account.into_iter().find_map(|template| template.names().find(|name| !identity(name)))
        });
        match unknown {
            Some(name) => {
                Err(fault(&format!("{{{name}}}"), &format!("`{{{name}}}` is no field of the service")))
            }
            None => Ok(()),
        }
    }

    /// Whether tokens come from an endpoint of the service.
    const fn calls_for_tokens(&self) -> bool {
        matches!(
            self.kind,
            IssuerKind::AuthorizationCode
                | IssuerKind::ClientCredentials
                | IssuerKind::ClientCredentialsPerLease
        )
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let endpoints = [&self.authorize, &self.token, &self.refresh, &self.revoke];
        let sent = endpoints.into_iter().flatten().flat_map(|endpoint| {
            endpoint.parameters.iter().flat_map(BTreeMap::values).chain([&endpoint.url])
        });
        let identity = self.identity.iter().filter_map(|identity| identity.url.as_ref());
        sent.chain(&self.scope).chain(&self.audience).chain(identity)
    }
}

/// Calls are counted by the thirteenth part of a minute.
const LEAST_CALLS: u32 = 13;
/// What a flow knows beside the credential's fields.
const FLOW: &[&str] = &[
    "access_token",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_verifier",
    "redirect_uri",
    "refresh_token",
    "scope",
    "state",
    "token",
];
