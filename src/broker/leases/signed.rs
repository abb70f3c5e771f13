//! Tokens of our own, lent: signed for one lease, for a service that verifies them by the broker's keys (RFC 9068).
//!
//! Such a token is made when it is handed out, after the lease is durable: the lease's row is the record of it. It ends with
//! the lease, and after an hour at the latest; until then a service that only verifies it takes it, revoked or not.

use serde::Serialize;
use serde_json::json;

use crate::{
    broker::{ACCESS_TOKEN_SECONDS, Broker, Code, Error},
    issuer::render,
    keyring::jwt::ACCESS_TOKEN_TYPE,
    model::{
        catalog::{ACCESS_TOKEN, Service, issuing::IssuerKind},
        credential::Fields,
        instant::Instant,
        lease::Lease,
        service::ServiceRef,
    },
};

use super::answer::Lent;

/// What the token says.
#[derive(Serialize)]
struct Claims {
    iss: String,
    /// Whom the borrower acts for.
    sub: String,
    aud: String,
    /// Who borrowed it.
    client_id: String,
    iat: i64,
    exp: i64,
    /// The lease, and which of its services: one token for each handing out.
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    lease_id: String,
}

impl Broker {
    /// Whether a lease rests on a service whose tokens are ours.
    pub(super) fn has_signed(&self, lease: &Lease) -> bool {
        lease.services.iter().any(|service| self.signs_for(service).is_some())
    }

    /// Adds the tokens that are ours to what goes out.
    ///
    /// # Errors
    /// No key signs; [`Code::InvalidRequest`] for an audience that our own tokens are for.
    pub(super) async fn sign_lent(&self, lent: &mut Lent, lease: &Lease) -> Result<(), Error> {
        for service in &lease.services {
            let Some(described) = self.signs_for(service) else { continue };
            let name = service.to_string();
            let Some(fields) = lent.credentials.0.get(&name) else { continue };
            let (signed, until) = self.with_token(described, fields, lease, &name).await?;
            lent.credentials.0.insert(name.clone(), signed);
            lent.expires_at.insert(name, until);
        }
        Ok(())
    }

    async fn with_token(
        &self,
        service: &Service,
        fields: &Fields,
        lease: &Lease,
        name: &str,
    ) -> Result<(Fields, Instant), Error> {
        let mut values = fields.parsed();
        let filled = |template: &crate::model::catalog::template::Template| {
            template.fill(|name| service.value(&values, name)).ok()
        };
        let audience = service.issuing.audience.as_ref().and_then(filled).unwrap_or_default();
        let scope = service.issuing.scope.as_ref().and_then(filled).filter(|scope| !scope.is_empty());
        self.check_audience(&audience).await?;
        let iat = self.clock.now().unix_seconds();
        let exp = (iat + ACCESS_TOKEN_SECONDS).min(lease.expires_at.unix_seconds());
        let claims = Claims {
            iss: self.issuer_url.clone(),
            sub: lease.owner.to_string(),
            aud: audience,
            client_id: lease.principal.to_string(),
            iat,
            exp,
            jti: format!("{}/{name}/{iat}", lease.id),
            scope,
            lease_id: lease.id.to_string(),
        };
        let token =
            self.signing_key().await?.sign_jwt(ACCESS_TOKEN_TYPE, &claims).map_err(Error::internal)?;
        let until = Instant::from_micros(0).plus_seconds(exp);
        values.insert(ACCESS_TOKEN.to_owned(), json!(token.expose()));
        values.insert("token_type".to_owned(), json!("Bearer"));
        values.insert("token_expires_at".to_owned(), json!(until.to_string()));
        if service.lends_headers {
            values.extend(render::ready_to_send(service, &values));
        }
        Ok((Fields::of(&values), until))
    }

    /// What depositors choose must not pass for what `/oauth/token` issues: its scopes are those of clients.
    async fn check_audience(&self, audience: &str) -> Result<(), Error> {
        let own = audience.trim_end_matches('/') == self.issuer_url;
        if own || self.store.rows().is_resource(audience).await? {
            let message =
                "the credential's audience is served by tokens of /oauth/token: ask for one with `resource`";
            return Err(Error::new(Code::InvalidRequest, message));
        }
        Ok(())
    }

    fn signs_for(&self, service: &ServiceRef) -> Option<&Service> {
        self.catalog.find(&service.service).filter(|known| known.issuing.kind == IssuerKind::Signed)
    }
}
