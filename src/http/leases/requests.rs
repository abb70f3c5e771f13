//! What the lease endpoints are sent. Only its form is read here; what a value may be is the broker's to say.

use serde::Deserialize;
use utoipa::{
    IntoParams, ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use crate::{
    broker::{
        Violation,
        leases::types::{CreateLease, ListLeases, Report},
    },
    http::{
        parameters::{FromQuery, Parameters, SAID_TWICE},
        problem::Problem,
    },
    model::lease::LeaseStatus,
};

/// Asks for a lease.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateLease)]
pub(in crate::http) struct CreateBody {
    /// What to borrow, each `service` or `service/account`; duplicates are merged.
    #[serde(default)]
    #[schema(required, min_items = 1, max_items = 64)]
    services: Vec<String>,
    /// Seconds.
    #[schema(minimum = 60, maximum = 86_400, default = 3_600)]
    ttl: Option<i64>,
    /// The borrower's name for itself.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 100)]
    server_id: String,
    /// Narrows the choice among organizations; personal credentials still come first.
    organization_id: Option<String>,
    /// Lend what resolves and leave out the rest.
    #[serde(default)]
    allow_partial: bool,
    /// A live lease of the same kind, taken with `reuse` too, will do.
    #[serde(default)]
    reuse: bool,
    /// What the borrower says about itself.
    #[schema(max_length = 500)]
    client_info: Option<String>,
}

/// Asks for a renewal.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RenewLease)]
pub(in crate::http) struct RenewBody {
    /// Seconds; not longer than the original ttl.
    #[schema(minimum = 60, maximum = 86_400)]
    pub(super) ttl: Option<i64>,
}

/// Says why a lease is revoked.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RevokeLease)]
pub(in crate::http) struct RevokeBody {
    /// In the caller's words.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Says that a service refuses what was lent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReportUnauthorized)]
pub(in crate::http) struct ReportBody {
    /// Which service of the lease, as it was asked for.
    #[schema(example = "tray")]
    service: String,
    /// The version that was refused: `credential_version` of the lease's answer, or of `credential_versions`.
    credential_version: i64,
}

/// Narrows and pages the list of leases.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// `active`, `expired` or `revoked`.
    #[param(required = false, schema_with = statuses)]
    status: Option<String>,
    /// Those that cover this service.
    service: Option<String>,
    /// Those of this server id.
    server_id: Option<String>,
    /// At most as many; 0 is as if left out.
    #[param(minimum = 0, maximum = 1_000, default = 50)]
    page_size: Option<i64>,
    /// Where the page before ended.
    page_token: Option<String>,
}

/// What a renewal should answer.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct RenewQuery {
    /// `credentials`: the values, whether or not one changed.
    pub(super) include: Option<String>,
}

/// Why a lease is revoked, where a body would not arrive.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct RevokeQuery {
    /// In the caller's words.
    #[param(max_length = 500)]
    reason: Option<String>,
}

fn statuses() -> Object {
    let names = LeaseStatus::ALL.iter().map(|status| status.as_str());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build()
}

impl CreateBody {
    /// What the broker is asked.
    pub(super) fn into_request(self, idempotency_key: Option<String>) -> CreateLease {
        let Self { services, ttl, server_id, organization_id, allow_partial, reuse, client_info } = self;
        CreateLease {
            services,
            ttl,
            server_id,
            organization_id,
            allow_partial,
            reuse,
            client_info,
            idempotency_key,
        }
    }
}

impl RevokeBody {
    /// The reason, which body or query says.
    pub(super) fn reason(self, query: RevokeQuery) -> Result<Option<String>, Problem> {
        match (self.reason, query.reason) {
            (Some(_), Some(_)) => Err(Problem::invalid(vec![Violation::new("reason", SAID_TWICE)])),
            (body, query) => Ok(body.or(query)),
        }
    }
}

impl From<ReportBody> for Report {
    fn from(body: ReportBody) -> Self {
        let ReportBody { service, credential_version } = body;
        Self { service, credential_version }
    }
}

impl From<ListQuery> for ListLeases {
    fn from(query: ListQuery) -> Self {
        let ListQuery { status, service, server_id, page_size, page_token } = query;
        Self { status, service, server_id, page_size, page_token }
    }
}

impl FromQuery for ListQuery {
    const NAMES: &'static [&'static str] = &["status", "service", "server_id", "page_size", "page_token"];

    fn from_query(parameters: &mut Parameters) -> Result<Self, Violation> {
        Ok(Self {
            status: parameters.take("status"),
            service: parameters.take("service"),
            server_id: parameters.take("server_id"),
            page_size: parameters.take_integer("page_size")?,
            page_token: parameters.take("page_token"),
        })
    }
}

impl FromQuery for RenewQuery {
    const NAMES: &'static [&'static str] = &["include"];

    fn from_query(parameters: &mut Parameters) -> Result<Self, Violation> {
        let include = parameters.take("include");
        if include.as_ref().is_some_and(|what| what != "credentials") {
            return Err(Violation::new("include", "must be credentials"));
        }
        Ok(Self { include })
    }
}

impl FromQuery for RevokeQuery {
    const NAMES: &'static [&'static str] = &["reason"];

    fn from_query(parameters: &mut Parameters) -> Result<Self, Violation> {
        Ok(Self { reason: parameters.take("reason") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{broker::Code, http::extract::parse_json};

    fn field(text: &str) -> String {
        let error = parse_json::<CreateBody>(text.as_bytes()).unwrap_err().0;
        assert_eq!(error.code, Code::InvalidRequest, "{text}");
        error.violations[0].field.clone()
    }

    #[test]
    fn wrong_fields_are_named() {
        for (text, name) in [
            (r#"{"services":["a"],"server_id":"s","ttl":"text"}"#, "ttl"),
            (r#"{"services":["a"],"server_id":"s","ttl":9223372036854775808}"#, "ttl"),
            (r#"{"services":["a"],"server_id":"s","ttl":-9223372036854775809}"#, "ttl"),
            (r#"{"services":"x"}"#, "services"),
            (r#"{"services":[1]}"#, "services[0]"),
            (r#"{"services":null}"#, "services"),
            (r#"{"server_id":5}"#, "server_id"),
            (r#"{"reuse":"yes"}"#, "reuse"),
            (r#"{"user_id":7}"#, "user_id"),
        ] {
            assert_eq!(field(text), name, "{text}");
        }
        for text in [r#"{"ttl":60,"include":"x"}"#, r#"{"reason":"x"}"#] {
            assert!(parse_json::<RenewBody>(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse_json::<RevokeBody>(br#"{"why":"x"}"#).is_err());
    }

    #[test]
    fn what_is_left_out_is_the_brokers_to_judge() {
        let request = parse_json::<CreateBody>(b"{}").unwrap().into_request(Some("k".to_owned()));
        assert!(request.services.is_empty() && request.server_id.is_empty() && request.ttl.is_none());
        assert_eq!(request.idempotency_key.as_deref(), Some("k"));
        assert_eq!(parse_json::<RenewBody>(br#"{"ttl":null}"#).unwrap().ttl, None);
    }

    #[test]
    fn a_reason_stands_in_one_place() {
        let said = |body: Option<&str>, query: &str| {
            let query = RevokeQuery::from_query(&mut Parameters::parse(query.as_bytes()).unwrap()).unwrap();
            RevokeBody { reason: body.map(ToOwned::to_owned) }.reason(query)
        };
        assert_eq!(said(None, "").unwrap(), None);
        assert_eq!(said(None, "reason=done").unwrap().as_deref(), Some("done"));
        assert_eq!(said(Some("done"), "reason=").unwrap().as_deref(), Some("done"));
        assert_eq!(said(Some("done"), "reason=done").unwrap_err().0.violations[0].field, "reason");
    }

    #[test]
    fn only_credentials_can_be_included() {
        let include = |query: &str| RenewQuery::from_query(&mut Parameters::parse(query.as_bytes()).unwrap());
        assert!(include("include=credentials").unwrap().include.is_some());
        assert!(include("").unwrap().include.is_none());
        assert_eq!(include("include=secrets").unwrap_err().field, "include");
    }
}
