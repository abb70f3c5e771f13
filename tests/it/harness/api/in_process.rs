//! The broker's own methods, called directly.

use std::sync::Arc;

use async_trait::async_trait;
use leasehold::{
    broker::{
        Broker, Call, Error, Origin,
        leases::types::{self, Credentials},
        tokens::types::{ClientCredentials, IssueToken, TokenError},
    },
    model::{
        audit::Actor,
        instant::Instant,
        lease::{Lease, Revocation},
        renewal::RenewalCap,
        secret::SecretText,
    },
};
use serde_json::Value;

use super::{
    Answer, Api, Ask, Failure, Grant, Included, Introspected, Issued, ListAsk, Me, OwnTeam, Page, Read,
    RenewAsk, Renewed, ReportSeen, Revoked, Shown, SourceSeen, TokenAsk, Values, known,
};

pub(crate) struct InProcess(Arc<Broker>);

impl InProcess {
    pub(crate) fn new(broker: Arc<Broker>) -> Self {
        Self(broker)
    }

    async fn call(&self, authorization: Option<&str>) -> Answer<Call> {
        Ok(self.0.authenticate(authorization, origin()).await?)
    }
}

#[async_trait]
impl Api for InProcess {
    async fn token(&self, ask: &TokenAsk) -> Answer<Issued> {
        let TokenAsk { scope, resource, .. } = ask.clone();
        let request = IssueToken {
            client: Some(credentials(ask)),
            grant_type: Some("client_credentials".to_owned()),
            scope,
            resource,
        };
        let issued = self.0.issue_token(&origin(), request).await?;
        let access_token = issued.access_token.expose().to_owned();
        Ok(Issued { access_token, expires_in: issued.expires_in, scope: issued.scope })
    }

    async fn introspect(&self, ask: &TokenAsk, token: &str) -> Answer<Introspected> {
        let found = self.0.introspect_token(&origin(), Some(credentials(ask)), token).await?;
        Ok(Introspected {
            active: found.active,
            scope: found.scope,
            client_id: found.client_id,
            sub: found.sub,
            aud: found.aud,
            iss: found.iss,
            exp: found.exp.map(Instant::unix_seconds),
            iat: found.iat.map(Instant::unix_seconds),
            jti: found.jti,
            owner: found.owner,
        })
    }

    async fn withdraw(&self, ask: &TokenAsk, token: &str) -> Answer<()> {
        Ok(self.0.revoke_token(&origin(), Some(credentials(ask)), token).await?)
    }

    async fn me(&self, authorization: Option<&str>) -> Answer<Me> {
        let call = self.call(authorization).await?;
        let who = self.0.who_am_i(&call).await?;
        let team = |team: &types::OrganizationView| OwnTeam {
            id: team.id.to_string(),
            name: team.name.clone(),
            role: team.role.to_string(),
        };
        Ok(Me {
            user_id: who.subject.user_id().map(|id| id.to_string()),
            client_id: who.client_id,
            email: who.email,
            name: who.name,
            organizations: who.organizations.iter().map(team).collect(),
            available_services: who.available_services,
            token_scopes: who.token_scopes,
        })
    }

    async fn create(&self, authorization: Option<&str>, ask: &Ask) -> Answer<Grant> {
        let call = self.call(authorization).await?;
        let ask = ask.clone();
        let request = types::CreateLease {
            services: ask.services,
            ttl: ask.ttl,
            server_id: ask.server_id,
            organization_id: ask.organization_id,
            allow_partial: ask.allow_partial,
            reuse: ask.reuse,
            client_info: ask.client_info,
            idempotency_key: ask.idempotency_key,
        };
        Ok(grant(self.0.create_lease(&call, request).await?))
    }

    async fn show(&self, authorization: Option<&str>, id: &str) -> Answer<Shown> {
        let call = self.call(authorization).await?;
        Ok(shown(self.0.show_lease(&call, id).await?))
    }

    async fn list(&self, authorization: Option<&str>, ask: &ListAsk) -> Answer<Page> {
        let call = self.call(authorization).await?;
        let request = types::ListLeases {
            status: ask.status.map(str::to_owned),
            service: ask.service.map(str::to_owned),
            server_id: ask.server_id.map(str::to_owned),
            page_size: ask.page_size.map(i64::from),
            page_token: ask.page_token.clone(),
        };
        let page = self.0.list_leases(&call, request).await?;
        let leases = page.leases.into_iter().map(shown).collect();
        Ok(Page { leases, next_page_token: page.next_page_token })
    }

    async fn renew(&self, authorization: Option<&str>, id: &str, ask: &RenewAsk) -> Answer<Renewed> {
        let call = self.call(authorization).await?;
        let request = types::RenewLease { ttl: ask.ttl, include_credentials: ask.with_credentials };
        let renewed = self.0.renew_lease(&call, id, request).await?;
        Ok(Renewed {
            lease_id: renewed.lease.id.to_string(),
            expires_at: renewed.lease.expires_at,
            renewal_count: renewed.lease.renewal_count,
            max_renewals: renewed.lease.max_renewals,
            renewals_remaining: renewed.lease.renewals_remaining(),
            last_renewed_at: renewed.lease.last_renewed_at,
            renew_after: renewed.renew_after,
            capped_by: renewed.capped_by.map(RenewalCap::as_str).map(str::to_owned),
            credentials: renewed.credentials.map(values),
        })
    }

    async fn read(&self, authorization: Option<&str>, id: &str) -> Answer<Read> {
        let call = self.call(authorization).await?;
        let read = self.0.read_credentials(&call, id).await?;
        Ok(Read {
            lease_id: read.lease.id.to_string(),
            credentials: values(read.credentials),
            expires_at: read.lease.expires_at,
            renew_after: read.renew_after,
        })
    }

    async fn report(
        &self,
        authorization: Option<&str>,
        id: &str,
        service: &str,
        version: i64,
    ) -> Answer<ReportSeen> {
        let call = self.call(authorization).await?;
        let report = types::Report { service: service.to_owned(), credential_version: version };
        let reported = self.0.report_unauthorized(&call, id, report).await?;
        Ok(ReportSeen {
            changed: reported.changed,
            credentials: values(reported.read.credentials),
            credential_versions: reported.read.credential_versions,
        })
    }

    async fn revoke(&self, authorization: Option<&str>, id: &str, reason: Option<&str>) -> Answer<Revoked> {
        let call = self.call(authorization).await?;
        let revoked = self.0.revoke_lease(&call, id, reason.map(str::to_owned)).await?;
        Ok(Revoked { lease_id: revoked.lease.id.to_string(), revoked_at: revoked.ended_at })
    }

    async fn run(&self, authorization: Option<&str>, operation: &str, request: Value) -> Answer<Value> {
        let operation = known(operation);
        let call = self.call(authorization).await?;
        Ok(operation.run(Arc::clone(&self.0), call, request).await?)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (missing, available) = error
            .missing
            .map(|missing| (missing.missing_services, missing.available_services))
            .unwrap_or_default();
        Self {
            code: error.code.as_str().to_owned(),
            fields: error.violations.into_iter().map(|violation| violation.field).collect(),
            missing,
            available,
            retry_after: error.retry_after,
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let code = error.code.as_str().to_owned();
        Self { code, retry_after: error.retry_after, ..Self::default() }
    }
}

/// As the other ways in name a caller on this machine.
pub(crate) fn origin() -> Origin {
    Origin { address: Some("127.0.0.1".to_owned()), request_id: "in-process".to_owned() }
}

/// Whoever sets the scene.
pub(crate) fn stage() -> Actor {
    Actor { id: "stage".to_owned(), ..Actor::system() }
}

fn credentials(ask: &TokenAsk) -> ClientCredentials {
    let client_secret = SecretText::new(ask.client_secret.clone());
    ClientCredentials { client_id: ask.client_id.clone(), client_secret, basic: false }
}

fn grant(grant: types::LeaseGrant) -> Grant {
    let source = |source: types::CredentialSource| SourceSeen {
        scope: source.scope.to_string(),
        organization_id: source.organization_id.map(|id| id.to_string()),
        organization_name: source.organization_name,
        credential_id: source.credential_id,
        credential_version: source.credential_version,
    };
    let included = grant.included_organizations.into_iter();
    Grant {
        lease_id: grant.lease.id.to_string(),
        credentials: values(grant.credentials),
        credential_sources: grant.sources.into_iter().map(|(name, seen)| (name, source(seen))).collect(),
        credential_expires_at: grant.credential_expires_at,
        expires_at: grant.lease.expires_at,
        renew_after: grant.renew_after,
        renewable: grant.lease.renewable,
        max_renewals: grant.lease.max_renewals,
        credential_scope: grant.lease.credential_scope.to_string(),
        included_org_credentials: included
            .map(|(id, services)| Included { organization_id: id.to_string(), services })
            .collect(),
        missing_services: grant.missing_services,
        reused: grant.reused,
        fresh: !grant.reused && !grant.replayed,
    }
}

fn shown(view: types::LeaseView) -> Shown {
    let lease: Lease = view.lease;
    let renewals_remaining = lease.renewals_remaining();
    let revocation: Option<Revocation> = lease.state.revocation().cloned();
    Shown {
        lease_id: lease.id.to_string(),
        status: view.status.to_string(),
        services: lease.services.iter().map(ToString::to_string).collect(),
        expires_at: lease.expires_at,
        renewable: lease.renewable,
        renewal_count: lease.renewal_count,
        max_renewals: lease.max_renewals,
        renewals_remaining,
        credential_scope: lease.credential_scope.to_string(),
        server_id: lease.server_id,
        organization_id: lease.organization_id.map(|id| id.to_string()),
        created_at: lease.created_at,
        last_renewed_at: lease.last_renewed_at,
        revoked_at: revocation.as_ref().map(|revocation| revocation.at),
        revocation_reason: revocation.as_ref().map(|revocation| revocation.reason.clone()),
        revoked_by: revocation.map(|revocation| revocation.by),
        ttl: lease.ttl.seconds().into(),
        client_info: lease.client_info,
    }
}

fn values(credentials: Credentials) -> Values {
    credentials.0.into_iter().map(|(service, opened)| (service, opened.parsed())).collect()
}
