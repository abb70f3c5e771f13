//! The messages of the lease service, there and back.

use prost_types::Duration;

use crate::{
    broker::leases::types::Credentials,
    model::{
        credential::Fields,
        id::{Id, LeaseId, OrganizationId, TokenId, UserId},
        lease::LeaseState,
        owner::Owner,
        principal::Principal,
        secret::SecretText,
        ttl::Ttl,
    },
};

use super::*;

fn id<I: Id>() -> I {
    I::from_parts(at(0), [7; 10])
}

fn at(seconds: i64) -> Instant {
    Instant::from_micros(1_700_000_000_250_000).plus_seconds(seconds)
}

#[expect(clippy::unnecessary_wraps, reason = "messages have optional fields")]
fn stamp(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: 1_700_000_000 + seconds, nanos: 250_000_000 })
}

fn recorded(state: LeaseState) -> Lease {
    let user: UserId = id();
    Lease {
        id: id(),
        owner: Owner::User(user),
        principal: Principal::User(user),
        token_id: id::<TokenId>(),
        client_id: None,
        user_id: Some(user),
        server_id: "worker-1".to_owned(),
        organization_id: Some(id()),
        services: ["jira", "tray/12"].map(|text| text.parse().expect("a service")).into(),
        credential_scope: CredentialScope::Mixed,
        ttl: Ttl::DEFAULT,
        created_at: at(0),
        expires_at: at(3_600),
        lifetime_ends_at: at(9_000),
        renewable: true,
        renewal_count: 2,
        max_renewals: 24,
        last_renewed_at: Some(at(5)),
        state,
        client_info: Some("tests".to_owned()),
        address: Some("127.0.0.1".to_owned()),
    }
}

fn values() -> Credentials {
    let fields = Fields::new(SecretText::new(r#"{"token":"canary"}"#.to_owned()));
    Credentials(BTreeMap::from([("jira".to_owned(), fields)]))
}

#[test]
fn a_lease_shows_everything_but_values_and_owners() {
    let revocation = Revocation { at: at(9), reason: "done".to_owned(), by: "system".to_owned() };
    let view = LeaseView { lease: recorded(LeaseState::Revoking(revocation)), status: LeaseStatus::Revoked };
    let shown = lease(view);
    let expected = v1::Lease {
        lease_id: id::<LeaseId>().to_string(),
        status: v1::LeaseStatus::Revoked.into(),
        services: vec!["jira".to_owned(), "tray/12".to_owned()],
        expires_at: stamp(3_600),
        renewable: false,
        renewal_count: 2,
        max_renewals: 24,
        renewals_remaining: 0,
        credential_scope: v1::CredentialScope::Mixed.into(),
        server_id: "worker-1".to_owned(),
        organization_id: id::<OrganizationId>().to_string(),
        created_at: stamp(0),
        last_renewed_at: stamp(5),
        revoked_at: stamp(9),
        revocation_reason: "done".to_owned(),
        revoked_by: "system".to_owned(),
        ttl: Some(Duration { seconds: 3_600, nanos: 0 }),
        client_info: "tests".to_owned(),
    };
    assert_eq!(shown, expected);
}

#[test]
fn a_grant_carries_values_and_where_they_came_from() {
    let from = CredentialSource {
        scope: CredentialScope::Organization,
        organization_id: Some(id()),
        organization_name: Some("Team".to_owned()),
        credential_id: "crd_1".to_owned(),
        credential_version: 3,
    };
    let response = create_response(LeaseGrant {
        lease: recorded(LeaseState::Active),
        credentials: values(),
        sources: BTreeMap::from([("jira".to_owned(), from)]),
        credential_expires_at: BTreeMap::from([("jira".to_owned(), at(70))]),
        renew_after: at(60),
        included_organizations: BTreeMap::from([(id(), vec!["jira".to_owned()])]),
        missing_services: vec!["slack".to_owned()],
        reused: true,
        replayed: false,
    });
    assert_eq!(response.lease_id, id::<LeaseId>().to_string());
    assert_eq!((response.expires_at, response.renew_after), (stamp(3_600), stamp(60)));
    assert_eq!(response.credential_expires_at.get("jira").copied(), stamp(70));
    assert_eq!(response.included_org_credentials.len(), 1);
    assert_eq!(response.missing_services, ["slack"]);
    assert_eq!((response.reused, response.replayed), (true, false));
    let source = response.credential_sources.get("jira").expect("a source");
    assert_eq!((source.scope(), source.credential_version), (v1::CredentialScope::Organization, 3));
    assert!(response.credentials.contains_key("jira") && !format!("{response:?}").contains("canary"));
}

#[test]
fn a_renewal_tells_its_cap_and_only_the_values_there_are() {
    let renewed = |credentials, capped_by| RenewedLease {
        lease: recorded(LeaseState::Active),
        renew_after: at(60),
        capped_by,
        credentials,
        credential_expires_at: BTreeMap::new(),
        credential_versions: BTreeMap::from([("jira".to_owned(), 4)]),
    };
    let plain = renew_response(renewed(None, None));
    assert!(plain.credentials.is_empty() && plain.capped_by() == v1::RenewalCap::Unspecified);
    assert_eq!((plain.renewal_count, plain.renewals_remaining), (2, 22));
    let capped = renew_response(renewed(Some(values()), Some(RenewalCap::MaxLifetime)));
    assert!(capped.credentials.len() == 1 && capped.capped_by() == v1::RenewalCap::MaxLifetime);
}

#[test]
fn a_request_passes_as_sent_and_empty_texts_mean_none() {
    let empty = create_request(v1::CreateLeaseRequest::default(), None).expect("nothing to refuse here");
    assert_eq!(
        (empty.ttl, empty.organization_id, empty.client_info, empty.idempotency_key),
        (None, None, None, None)
    );
    let message = v1::CreateLeaseRequest {
        services: vec!["JIRA!".to_owned(); 10_000],
        ttl: Some(Duration { seconds: i64::MIN, nanos: 0 }),
        server_id: "w".to_owned(),
        organization_id: "org".to_owned(),
        allow_partial: true,
        reuse: true,
        client_info: "me".to_owned(),
        idempotency_key: "k".to_owned(),
    };
    let request = create_request(message, Some("k".to_owned())).expect("the rules judge it");
    assert_eq!((request.services.len(), request.ttl), (10_000, Some(i64::MIN)));
    assert_eq!(request.idempotency_key.as_deref(), Some("k"));
    assert!(request.allow_partial && request.reuse);
}

#[test]
fn what_has_no_translation_is_refused_by_field() {
    let fields = |error: Error| error.violations.into_iter().map(|v| v.field).collect::<Vec<_>>();
    let ttl = Some(Duration { seconds: 60, nanos: 1 });
    let create = create_request(v1::CreateLeaseRequest { ttl, ..Default::default() }, None);
    assert_eq!(create.map_err(fields).err(), Some(vec!["ttl".to_owned()]));
    let renew = renew_request(v1::RenewLeaseRequest { ttl, ..Default::default() });
    assert_eq!(renew.map_err(fields).err(), Some(vec!["ttl".to_owned()]));
    let keys = v1::CreateLeaseRequest { idempotency_key: "a".to_owned(), ..Default::default() };
    let keys = create_request(keys, Some("b".to_owned()));
    assert_eq!(keys.map_err(fields).err(), Some(vec!["idempotency_key".to_owned()]));
    let list = list_request(v1::ListLeasesRequest { status: 99, ..Default::default() });
    assert_eq!(list.map_err(fields).err(), Some(vec!["status".to_owned()]));
}

#[test]
fn each_status_can_be_asked_for_and_shown() {
    for status in [LeaseStatus::Active, LeaseStatus::Expired, LeaseStatus::Revoked] {
        let message = v1::ListLeasesRequest { status: lease_status(status).into(), ..Default::default() };
        let request = list_request(message).expect("a known status");
        assert_eq!(request.status.as_deref(), Some(status.as_str()));
    }
    let any = list_request(v1::ListLeasesRequest::default()).expect("no filter");
    assert_eq!((any.status, any.service, any.page_size, any.page_token), (None, None, Some(0), None));
}
