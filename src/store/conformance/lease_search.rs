//! Finding leases of everybody, and counting them.

use super::{
    ground::Ground,
    world::{NOW, World, id},
};
use crate::{
    model::{
        id::LeaseId,
        instant::Instant,
        lease::{LeaseState, LeaseStatus, Revocation},
        page::{Cursor, ListQuery, Order, OrderKey, PageSize},
        principal::Principal,
    },
    store::{
        admin::{Change, Fence},
        backend::{LeaseFilter, NewLease, TallyQuery},
    },
};

const NOTHING: LeaseFilter = LeaseFilter {
    now: NOW,
    principal: None,
    user_id: None,
    organization_id: None,
    own_alone: false,
    credential_id: None,
    service: None,
    server_id: None,
    status: None,
    created_from: None,
    created_before: None,
};

impl Ground {
    async fn page(
        &self,
        filter: &LeaseFilter,
        descending: bool,
        after: Option<Cursor>,
        size: i64,
    ) -> (Vec<LeaseId>, Option<Cursor>) {
        let order = Order { key: OrderKey::CreatedAt, descending };
        let size = PageSize::from_number(size).expect("a size");
        let query = ListQuery { filter: filter.clone(), order, after, size };
        let page = self.backend.search_leases(&query).await.expect("a page");
        (page.items.iter().map(|facts| facts.lease.id).collect(), page.next)
    }

    async fn walk(&self, filter: &LeaseFilter, descending: bool, size: i64) -> Vec<LeaseId> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = self.page(filter, descending, after, size).await;
            found.extend(page);
            match next {
                Some(_) => after = next,
                None => return found,
            }
        }
    }

    async fn tallies(&self, query: TallyQuery) -> Vec<(Principal, String, i64)> {
        let (mut found, mut query) = (Vec::new(), query);
        loop {
            let page = self.backend.tally_leases(&query).await.expect("a page");
            assert!(page.items.len() <= usize::from(query.size.items()));
            found.extend(
                page.items.iter().map(|tally| (tally.principal, tally.service.to_string(), tally.live)),
            );
            match page.next {
                Some(_) => query.after = page.next,
                None => return found,
            }
        }
    }
}

/// Leases of the client, the person and the organization's client, a millisecond apart.
fn variety(world: &World) -> Vec<NewLease> {
    let mut leases = vec![
        world.lease(0),
        world.mcp_lease(1),
        world.organization_lease(2),
        world.lease(3),
        world.mcp_lease(4),
        world.lease(5),
    ];
    leases[3].lease.state = LeaseState::Expired;
    leases[4].lease.state =
        LeaseState::Revoked(Revocation { at: NOW, reason: "done".to_owned(), by: "system".to_owned() });
    leases[5].lease.expires_at = NOW;
    leases[1].lease.server_id = "laptop".to_owned();
    leases[1].sources.truncate(1);
    for (number, new) in (0..).zip(&mut leases) {
        new.lease.created_at = taken_at(number);
    }
    leases
}

fn taken_at(number: i64) -> Instant {
    NOW.plus_micros((10_000 + number) * 1_000)
}

fn lease(number: u32) -> LeaseId {
    id(10_000 + number)
}

pub(super) async fn searches_filter_as_the_model_judges(ground: &Ground) {
    let world = World::new(ground).await;
    ground.lend(&variety(&world)).await;
    let fence = Fence { id: "f".to_owned(), server_id: Some("laptop".to_owned()), ..Fence::default() };
    ground.apply(Change::PlaceFence(fence)).await.expect("placed");
    let ids: Vec<LeaseId> = (0..6).map(lease).collect();
    let (_, mut facts) = ground.backend.read_uses(&[], &ids).await.expect("facts");
    facts.sort_by_key(|facts| facts.lease.id);
    for status in [LeaseStatus::Active, LeaseStatus::Expired, LeaseStatus::Revoked] {
        let judged: Vec<LeaseId> =
            facts.iter().filter(|facts| facts.status(NOW) == status).map(|facts| facts.lease.id).collect();
        assert!(!judged.is_empty());
        let filter = LeaseFilter { status: Some(status), ..NOTHING };
        assert_eq!(ground.walk(&filter, false, 50).await, judged, "{status}");
    }

    let organization = Some(world.organization);
    let service = |text: &str| Some(text.parse().expect("a service"));
    let own_alone = LeaseFilter { organization_id: organization, own_alone: true, ..NOTHING };
    let person = Some(Principal::User(world.user));
    let cases: Vec<(LeaseFilter, &[u32])> = vec![
        (NOTHING, &[0, 1, 2, 3, 4, 5]),
        (LeaseFilter { principal: person, ..NOTHING }, &[1, 4]),
        (LeaseFilter { user_id: Some(world.user), ..NOTHING }, &[0, 1, 3, 4, 5]),
        (LeaseFilter { user_id: Some(world.user), principal: person, ..NOTHING }, &[1, 4]),
        (LeaseFilter { organization_id: organization, ..NOTHING }, &[0, 2, 3, 4, 5]),
        (LeaseFilter { organization_id: organization, principal: person, ..NOTHING }, &[4]),
        (LeaseFilter { credential_id: Some(world.personal), ..NOTHING }, &[0, 1, 3, 4, 5]),
        (
            LeaseFilter { credential_id: Some(world.shared), user_id: Some(world.user), ..NOTHING },
            &[0, 3, 4, 5],
        ),
        (LeaseFilter { service: service("jira"), ..NOTHING }, &[0, 1, 3, 4, 5]),
        (LeaseFilter { service: service("notion"), principal: person, ..NOTHING }, &[4]),
        (LeaseFilter { server_id: Some("laptop".to_owned()), ..NOTHING }, &[1]),
        (LeaseFilter { service: service("jira"), organization_id: organization, ..NOTHING }, &[0, 3, 4, 5]),
        (LeaseFilter { service: service("jira"), ..own_alone.clone() }, &[]),
        (LeaseFilter { service: service("notion"), ..own_alone.clone() }, &[0, 2, 3, 4, 5]),
        (LeaseFilter { credential_id: Some(world.personal), ..own_alone.clone() }, &[]),
        (LeaseFilter { created_from: Some(taken_at(2)), ..NOTHING }, &[2, 3, 4, 5]),
        (LeaseFilter { created_from: Some(taken_at(2).plus_micros(1)), ..NOTHING }, &[3, 4, 5]),
        (LeaseFilter { created_before: Some(taken_at(2)), ..NOTHING }, &[0, 1]),
        (
            LeaseFilter { created_from: Some(taken_at(1)), created_before: Some(taken_at(3)), ..own_alone },
            &[2],
        ),
    ];
    for (filter, expected) in cases {
        let expected: Vec<LeaseId> = expected.iter().copied().map(lease).collect();
        for size in [1, 2, 50] {
            assert_eq!(ground.walk(&filter, false, size).await, expected, "{filter:?} by {size}");
            let newest_first: Vec<LeaseId> = expected.iter().rev().copied().collect();
            assert_eq!(ground.walk(&filter, true, size).await, newest_first, "{filter:?} down by {size}");
        }
    }
}

pub(super) async fn a_page_looks_at_a_bounded_number(ground: &Ground) {
    let world = World::new(ground).await;
    let mut leases: Vec<NewLease> = (0..4_500).map(|number| world.lease(number)).collect();
    leases[4_321].lease.server_id = "needle".to_owned();
    for some in leases.chunks(1_000) {
        ground.lend(some).await;
    }
    let filter = LeaseFilter { server_id: Some("needle".to_owned()), ..NOTHING };
    let (first, next) = ground.page(&filter, false, None, 10).await;
    assert_eq!(first, vec![], "not that far");
    let (second, next) = ground.page(&filter, false, next, 10).await;
    assert_eq!(second, vec![], "nor that far");
    let (third, next) = ground.page(&filter, false, next, 10).await;
    assert_eq!((third, next), (vec![lease(4_321)], None));
}

pub(super) async fn live_leases_are_tallied(ground: &Ground) {
    let world = World::new(ground).await;
    ground.lend(&variety(&world)).await;
    let (client, person) = (Principal::Client(world.client), Principal::User(world.user));
    let of_organization = Principal::Client(world.organization_client);
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let principals = [client, person, of_organization, Principal::Client(id(90))];
    tx.lock_quotas(&principals).await.expect("counters");
    tx.move_quotas(&principals.map(|principal| (principal, 1))).await.expect("moved");
    tx.commit().await.expect("a commit");

    let size = |items| PageSize::from_number(items).expect("a size");
    let everything = TallyQuery {
        now: NOW,
        principal: None,
        organization_id: None,
        service: None,
        after: None,
        size: size(1),
    };
    let mut expected = vec![
        (client, "jira".to_owned(), 1),
        (client, "notion".to_owned(), 1),
        (person, "jira".to_owned(), 1),
        (of_organization, "notion".to_owned(), 1),
    ];
    expected.sort_by_key(|(principal, service, _)| (principal.to_string(), service.clone()));
    for items in [1, 2, 3, 50] {
        let found = ground.tallies(TallyQuery { size: size(items), ..everything.clone() }).await;
        assert_eq!(found, expected, "by {items}");
    }
    let own = ground.tallies(TallyQuery { principal: Some(client), ..everything.clone() }).await;
    assert_eq!(own, vec![(client, "jira".to_owned(), 1), (client, "notion".to_owned(), 1)]);
    let service = Some("jira".parse().expect("a service"));
    let jira = ground.tallies(TallyQuery { service, ..everything.clone() }).await;
    let expected_jira: Vec<_> =
        expected.iter().filter(|(_, service, _)| service == "jira").cloned().collect();
    assert_eq!(jira, expected_jira);
    let organization_id = Some(world.organization);
    let shared = ground.tallies(TallyQuery { organization_id, ..everything }).await;
    let mut expected_shared =
        vec![(client, "notion".to_owned(), 1), (of_organization, "notion".to_owned(), 1)];
    expected_shared.sort_by_key(|(principal, ..)| principal.to_string());
    assert_eq!(shared, expected_shared, "personal services are left out");
}
