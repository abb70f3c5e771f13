//! Resolution over random holdings, against the rules said the other way round.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::model::{
    catalog::issuing::IssuerKind,
    credential::FieldNames,
    holdings::Subject,
    id::{Id, RANDOM_BYTES},
    instant::Instant,
    organization::{SharingEntry, SharingRule},
    sealed::{FORMAT_VERSION, NONCE_LEN, Sealed, TAG_LEN},
};

const SERVICES: [&str; 3] = ["jira", "todo", "tray"];
const ACCOUNTS: [&str; 2] = ["one", "two"];
const ROLES: [Role; 4] = [Role::Guest, Role::Member, Role::Admin, Role::Owner];

fn id<I: Id>(number: u8) -> I {
    I::from_parts(Instant::from_micros(1_000_000), [number; RANDOM_BYTES])
}

fn sealed() -> Sealed {
    let mut envelope = vec![FORMAT_VERSION, 1, b'k'];
    envelope.extend([0; NONCE_LEN + TAG_LEN]);
    Sealed::from_envelope(envelope).expect("an envelope")
}

fn statuses() -> impl Strategy<Value = CredentialStatus> {
    select(vec![CredentialStatus::Active, CredentialStatus::Inactive])
}

fn sharing() -> impl Strategy<Value = SharingRule> {
    let entries = [
        SharingEntry::AllMembers,
        SharingEntry::AdminsOnly,
        SharingEntry::User(id(1)),
        SharingEntry::User(id(2)),
    ];
    vec(select(entries.to_vec()), 0..3).prop_map(SharingRule)
}

fn credentials(owner: Owner) -> impl Strategy<Value = Vec<Credential>> {
    let one = (select(SERVICES.to_vec()), select(ACCOUNTS.to_vec()), statuses(), sharing());
    vec(one, 0..6).prop_map(move |drawn| {
        let mut made: Vec<Credential> = Vec::new();
        for (number, (service, account, status, sharing)) in (0_u8..).zip(drawn) {
            let (service, account) =
                (service.parse().expect("a service"), account.parse().expect("an account"));
            let same = |c: &Credential| c.service == service;
            if made.iter().any(|c| same(c) && c.account == account) {
                continue;
            }
            let primary = !made.iter().any(same);
            let (id, created_at) = (id(number), Instant::from_micros(number.into()));
            made.push(Credential {
                id,
                owner,
                service,
                account,
                primary,
                status,
                status_reason: None,
                issuer: IssuerKind::Static,
                identity: None,
                sharing,
                epoch: 1,
                version: 1,
                sealed: sealed(),
                expires_at: None,
                created_at,
                rotated_at: created_at,
                fields: FieldNames::default(),
                revision: 1,
            });
        }
        made
    })
}

fn organizations() -> impl Strategy<Value = Vec<OrganizationHoldings>> {
    let organization = |number: u8| {
        let organization_id: OrganizationId = id(number);
        let status = select(vec![OrganizationStatus::Active, OrganizationStatus::Suspended]);
        (status, select(ROLES.to_vec()), credentials(Owner::Organization(organization_id))).prop_map(
            move |(status, role, credentials)| OrganizationHoldings {
                organization_id,
                name: String::new(),
                status,
                epoch: 3,
                role,
                membership_epoch: Some(2),
                credentials,
            },
        )
    };
    (organization(10), organization(11)).prop_map(|(one, two)| vec![one, two])
}

fn holdings() -> impl Strategy<Value = Holdings> {
    (credentials(Owner::User(id(1))), organizations()).prop_map(|(personal, organizations)| Holdings {
        subject: Subject::User(id(1)),
        personal,
        organizations,
        unreadable: Vec::new(),
        revisions: Vec::new(),
    })
}

fn services() -> impl Strategy<Value = ServiceRef> {
    (select(SERVICES.to_vec()), proptest::option::of(select(ACCOUNTS.to_vec()))).prop_map(
        |(service, account)| {
            let account = account.map(|account| account.parse().expect("an account"));
            ServiceRef { service: service.parse().expect("a service"), account }
        },
    )
}

fn only() -> impl Strategy<Value = Option<OrganizationId>> {
    proptest::option::of(select(vec![id(10), id(11), id(12)]))
}

/// Every credential that may be lent for a service, in the order of priority.
fn lendable<'a>(
    holdings: &'a Holdings,
    service: &ServiceRef,
    only: Option<OrganizationId>,
) -> Vec<&'a Credential> {
    let own = holdings.personal.iter().filter(|c| match &service.account {
        None => c.primary,
        Some(account) => c.account == *account,
    });
    let shared =
        holdings.organizations.iter().filter(|o| only.is_none_or(|id| id == o.organization_id)).flat_map(
            |o| {
                let user: UserId = id(1);
                let admits = move |c: &&Credential| {
                    c.sharing.0.iter().any(|entry| match entry {
                        SharingEntry::AllMembers => o.role != Role::Guest,
                        SharingEntry::AdminsOnly => matches!(o.role, Role::Admin | Role::Owner),
                        SharingEntry::User(id) => *id == user,
                    })
                };
                let active = o.status == OrganizationStatus::Active;
                let account =
                    |c: &&Credential| service.account.as_ref().is_none_or(|account| c.account == *account);
                o.credentials.iter().filter(move |_| active).filter(admits).filter(account)
            },
        );
    own.chain(shared)
        .filter(|c| c.service == service.service && c.status == CredentialStatus::Active)
        .collect()
}

proptest! {
    #[test]
    fn the_first_that_may_be_lent_is_chosen(holdings in holdings(), service in services(), only in only()) {
        let expected = lendable(&holdings, &service, only).first().map(|c| (c.owner, c.id));
        let chosen = holdings.resolve(&service, only);
        prop_assert_eq!(chosen.as_ref().map(|r| (r.credential.owner, r.credential.id)), expected);
        if let Some(Resolved { source, credential }) = chosen {
            prop_assert_eq!(source.service, service);
            prop_assert_eq!(source.organization_epoch.is_some(), source.owner != Owner::User(id(1)));
            prop_assert_eq!((source.credential_id, source.owner), (credential.id, credential.owner));
        }
    }

    #[test]
    fn what_is_listed_is_what_resolves(holdings in holdings()) {
        let listed = holdings.available_services();
        for name in SERVICES {
            let service: ServiceRef = name.parse().expect("a service");
            prop_assert_eq!(listed.contains(&service.service), holdings.resolve(&service, None).is_some());
        }
    }

    #[test]
    fn narrowing_never_adds(holdings in holdings(), service in services(), only in only()) {
        if holdings.resolve(&service, only).is_some() {
            prop_assert!(holdings.resolve(&service, None).is_some());
        }
    }

    #[test]
    fn an_entitlement_stands_exactly_while_it_would_be_given(holdings in holdings(), service in services()) {
        let Some(Resolved { source, credential }) = holdings.resolve(&service, None) else { return Ok(()) };
        let organization = holdings.organizations.iter().find(|o| Some(o.organization_id) == source.organization_id());
        let facts = |status| Entitlement {
            credential: Some(CredentialFacts { status, sharing: credential.sharing.clone(), epoch: 7, version: 8 }),
            organization: organization.map(|o| (o.status, o.epoch)),
            membership: organization.map(|o| (o.role, o.membership_epoch)),
            user: Some(id(1)),
        };
        let renewed = facts(CredentialStatus::Active).renewed_source(&source);
        prop_assert_eq!(renewed.as_ref().map(|s| (s.credential_epoch, s.credential_version)), Some((7, 8)));
        prop_assert_eq!(facts(CredentialStatus::Inactive).renewed_source(&source), None);
        let gone = Entitlement { credential: None, ..facts(CredentialStatus::Active) };
        prop_assert_eq!(gone.renewed_source(&source), None);
        if organization.is_some() {
            let left = Entitlement { membership: None, ..facts(CredentialStatus::Active) };
            prop_assert_eq!(left.renewed_source(&source), None);
            let guest = Entitlement { membership: Some((Role::Guest, None)), ..facts(CredentialStatus::Active) };
            let named = credential.sharing.0.contains(&SharingEntry::User(id(1)));
            prop_assert_eq!(guest.renewed_source(&source).is_some(), named);
        }
    }
}
