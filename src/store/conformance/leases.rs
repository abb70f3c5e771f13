//! Leases: written, listed, swept.

use super::{
    ground::Ground,
    world::{DAY, NOW, World, id},
};
use crate::{
    model::{
        id::LeaseId,
        lease::{Lease, LeaseState, LeaseStatus, Revocation},
        organization::OrganizationStatus,
        owner::Owner,
        page::PageSize,
        principal::Principal,
    },
    store::{
        StoreError,
        admin::{Change, Fence},
        backend::{LeaseQuery, NewLease},
    },
};

pub(super) async fn what_is_inserted_reads_back(ground: &Ground) {
    let world = World::new(ground).await;
    let mut full = world.organization_lease(3);
    full.lease.organization_id = Some(world.organization);
    full.lease.last_renewed_at = Some(NOW);
    full.lease.renewable = false;
    full.lease.address = Some("2001:db8::1".to_owned());
    full.lease.state = LeaseState::Revoking(revocation());
    let leases = [world.lease(1), world.mcp_lease(2), full];
    ground.lend(&leases).await;
    let ids: Vec<LeaseId> = leases.iter().map(|new| new.lease.id).chain([id(1)]).collect();
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let mut locked = tx.lock_leases(&ids).await.expect("facts");
    let mut read = tx.lease_facts(&ids).await.expect("facts");
    locked.sort_by_key(|facts| facts.lease.id);
    read.sort_by_key(|facts| facts.lease.id);
    assert_eq!(locked, read);
    let expected: Vec<Lease> = leases.into_iter().map(|new| new.lease).collect();
    assert_eq!(read.into_iter().map(|facts| facts.lease).collect::<Vec<_>>(), expected);
    let twice = tx.insert_leases(&[world.lease(1)]).await;
    assert!(matches!(twice, Err(StoreError::Conflict { .. })), "{twice:?}");
}

pub(super) async fn updates_write_what_can_change(ground: &Ground) {
    let world = World::new(ground).await;
    let (mut one, mut two) = (world.lease(1).lease, world.lease(2).lease);
    ground.lend(&[world.lease(1), world.lease(2)]).await;
    one.expires_at = NOW.plus_seconds(7_200);
    one.renewal_count = 1;
    one.last_renewed_at = Some(NOW.plus_seconds(1));
    two.state = LeaseState::Revoked(revocation());
    let mut tx = ground.backend.begin().await.expect("a transaction");
    tx.update_leases(&[one.clone(), two.clone()]).await.expect("updated");
    tx.commit().await.expect("a commit");
    assert_eq!(ground.facts(one.id).await.lease, one);
    assert_eq!(ground.facts(two.id).await.lease, two);
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let missing = tx.update_leases(&[one, world.lease(9).lease]).await;
    assert!(matches!(missing, Err(StoreError::Missing(_))), "{missing:?}");
}

pub(super) async fn sources_keep_their_order_and_are_updated(ground: &Ground) {
    let world = World::new(ground).await;
    let mut reversed = world.lease(1);
    reversed.sources.reverse();
    ground.lend(&[reversed.clone(), world.lease(2)]).await;
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let ids = [world.lease(2).lease.id, reversed.lease.id];
    let found = tx.sources(&ids).await.expect("sources");
    let of = |id: LeaseId| found.iter().filter(move |(of, _)| *of == id).map(|(_, source)| source.clone());
    assert_eq!(of(ids[1]).collect::<Vec<_>>(), reversed.sources);
    assert_eq!(of(ids[0]).collect::<Vec<_>>(), world.lease(2).sources);
    let mut newer = reversed.sources[0].clone();
    newer.credential_version = 8;
    newer.credential_epoch = 9;
    newer.membership_epoch = None;
    newer.organization_epoch = Some(4);
    tx.update_sources(&[(ids[1], newer.clone())]).await.expect("updated");
    let found = tx.sources(&ids[1..]).await.expect("sources");
    assert_eq!(found[0], (ids[1], newer));
    assert_eq!(found[1].1, reversed.sources[1]);
}

pub(super) async fn lists_filter_as_the_model_judges(ground: &Ground) {
    let world = World::new(ground).await;
    ground.lend(&variety(&world)).await;
    let fence = Fence { id: "f".to_owned(), server_id: Some("fenced".to_owned()), ..Fence::default() };
    ground.apply(Change::PlaceFence(fence)).await.expect("a fence");
    let everything = ground.backend.list_leases(&query(&world)).await.expect("leases").items;
    assert_eq!(everything.len(), 7);
    let mut seen = 0;
    for status in [LeaseStatus::Active, LeaseStatus::Expired, LeaseStatus::Revoked] {
        let listed = ground.backend.list_leases(&LeaseQuery { status: Some(status), ..query(&world) }).await;
        let listed: Vec<LeaseId> = listed.expect("leases").items.iter().map(|facts| facts.lease.id).collect();
        let judged =
            everything.iter().filter(|facts| facts.status(NOW) == status).map(|facts| facts.lease.id);
        assert_eq!(listed, judged.collect::<Vec<_>>(), "{status}");
        seen += listed.len();
    }
    assert_eq!(seen, 7);
    for (service, expected) in [("jira", 7), ("notion", 7), ("todo", 0)] {
        let service = Some(service.parse().expect("a service"));
        let listed = ground.backend.list_leases(&LeaseQuery { service, ..query(&world) }).await;
        assert_eq!(listed.expect("leases").items.len(), expected);
    }
    let server_id = Some("fenced".to_owned());
    let listed = ground.backend.list_leases(&LeaseQuery { server_id, ..query(&world) }).await;
    assert_eq!(listed.expect("leases").items.len(), 1);
    let suspend = Change::SetOrganizationStatus(world.organization, OrganizationStatus::Suspended);
    ground.apply(suspend).await.expect("suspended");
    let status = Some(LeaseStatus::Active);
    let listed = ground.backend.list_leases(&LeaseQuery { status, ..query(&world) }).await.expect("leases");
    assert_eq!(listed.items.len(), 2, "one to check again counts as active until it was");
}

fn variety(world: &World) -> Vec<NewLease> {
    let states = [
        LeaseState::Active,
        LeaseState::Pending,
        LeaseState::Expired,
        LeaseState::Revoked(revocation()),
        LeaseState::Revoking(revocation()),
        LeaseState::Active,
        LeaseState::Active,
    ];
    let mut leases: Vec<NewLease> = (0..)
        .zip(states)
        .map(|(number, state)| {
            let mut new = world.lease(number);
            new.lease.state = state;
            new
        })
        .collect();
    leases[5].lease.expires_at = NOW;
    leases[6].lease.server_id = "fenced".to_owned();
    let mut of_another = world.lease(99);
    of_another.lease.principal = Principal::Client(id(98));
    leases.push(of_another);
    leases
}

fn query(world: &World) -> LeaseQuery {
    LeaseQuery {
        principal: Principal::Client(world.client),
        now: NOW,
        status: None,
        service: None,
        server_id: None,
        after: None,
        size: PageSize::default(),
    }
}

pub(super) async fn lists_page(ground: &Ground) {
    let world = World::new(ground).await;
    let leases: Vec<NewLease> = (0..5).map(|number| world.lease(number)).collect();
    ground.lend(&leases).await;
    let (mut after, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let size = PageSize::from_number(2).expect("a size");
        let page =
            ground.backend.list_leases(&LeaseQuery { after, size, ..query(&world) }).await.expect("leases");
        seen.extend(page.items.iter().map(|facts| facts.lease.id));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut expected: Vec<LeaseId> = leases.iter().map(|new| new.lease.id).collect();
    expected.reverse();
    assert_eq!((seen, pages), (expected, 3));
}

pub(super) async fn due_leases_are_shared_out(ground: &Ground) {
    let world = World::new(ground).await;
    let mut leases: Vec<NewLease> = (0..30).map(|number| world.lease(number)).collect();
    for new in &mut leases {
        new.lease.expires_at = NOW.plus_seconds(-100);
    }
    for number in 0..3 {
        let mut new = world.organization_lease(100 + number);
        new.lease.expires_at = NOW.plus_seconds(-1);
        leases.push(new);
    }
    leases.push(world.lease(200));
    ground.lend(&leases).await;
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let due = tx.lock_due_leases(NOW, 10).await.expect("due leases");
    let of_organization =
        due.iter().filter(|facts| facts.lease.owner == Owner::Organization(world.organization));
    assert_eq!((due.len(), of_organization.count()), (10, 3));
    let ended: Vec<Lease> =
        due.into_iter().map(|f| Lease { state: LeaseState::Expired, ..f.lease }).collect();
    tx.update_leases(&ended).await.expect("updated");
    assert_eq!(tx.lock_due_leases(NOW, 100).await.expect("due leases").len(), 23);
}

pub(super) async fn reuse_finds_the_newest_live_one(ground: &Ground) {
    let world = World::new(ground).await;
    let mut over = world.lease(3);
    over.lease.expires_at = NOW;
    let mut other = world.lease(4);
    other.reuse_key = Some("other".to_owned());
    let own = NewLease { reuse_key: None, ..world.lease(6) };
    ground.lend(&[world.lease(1), world.lease(2), over, other, world.mcp_lease(5), own]).await;
    let principal = Principal::Client(world.client);
    let keys = [(principal, "same".to_owned()), (principal, "none".to_owned()), (principal, String::new())];
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let found = tx.reusable_leases(&keys, NOW).await.expect("leases");
    let expected = [2, 1].map(|number| (principal, "same".to_owned(), world.lease(number).lease.id));
    assert_eq!(found, expected);
}

pub(super) async fn ended_leases_are_pruned(ground: &Ground) {
    let world = World::new(ground).await;
    let mut ended = world.lease(1);
    ended.lease.state = LeaseState::Expired;
    ground.lend(&[ended.clone(), world.lease(2)]).await;
    let kept = ended.lease.expires_at.plus_seconds(7 * DAY);
    assert_eq!(ground.apply(Change::Prune(kept, 10)).await.expect("pruned"), 0);
    assert_eq!(ground.apply(Change::Prune(kept.plus_micros(1), 10)).await.expect("pruned"), 1);
    assert_eq!(ground.number("SELECT count(*) FROM leases").await, 1);
    assert_eq!(ground.number("SELECT count(*) FROM lease_sources").await, 2);
}

pub(super) async fn a_corrupt_row_costs_nobody_the_others(ground: &Ground) {
    let world = World::new(ground).await;
    ground.lend(&[world.lease(1), world.lease(2), world.lease(3)]).await;
    ground
        .tamper(&format!("UPDATE leases SET state = 'lost' WHERE id = '{}'", world.lease(2).lease.id))
        .await;
    ground.tamper(&format!("UPDATE leases SET ttl = 1 WHERE id = '{}'", world.lease(3).lease.id)).await;
    let ids = [1, 2, 3].map(|number| world.lease(number).lease.id);
    let (_, found) = ground.backend.read_uses(&[], &ids).await.expect("facts");
    assert_eq!(found.iter().map(|facts| facts.lease.id).collect::<Vec<_>>(), ids[..1]);
    let size = PageSize::from_number(1).expect("a size");
    let page = ground.backend.list_leases(&LeaseQuery { size, ..query(&world) }).await.expect("leases");
    assert!(page.items.is_empty());
    let after = page.next;
    assert!(after.is_some(), "the list goes on behind a page of nothing but corrupt rows");
    let mut tx = ground.backend.begin().await.expect("a transaction");
    assert_eq!(tx.lock_due_leases(NOW.plus_seconds(DAY), 10).await.expect("due leases").len(), 1);
}

pub(super) async fn a_transaction_dropped_never_happened(ground: &Ground) {
    let world = World::new(ground).await;
    let mut tx = ground.backend.begin().await.expect("a transaction");
    tx.insert_leases(&[world.lease(1)]).await.expect("inserted");
    drop(tx);
    let (_, found) = ground.backend.read_uses(&[], &[world.lease(1).lease.id]).await.expect("facts");
    assert_eq!(found, vec![]);
    ground.lend(&[world.lease(1)]).await;
}

pub(super) async fn many_rows_are_one_statement(ground: &Ground) {
    let world = World::new(ground).await;
    let leases: Vec<NewLease> = (0..2_000).map(|number| world.lease(number)).collect();
    ground.lend(&leases).await;
    let ids: Vec<LeaseId> = leases.iter().map(|new| new.lease.id).collect();
    let (_, found) = ground.backend.read_uses(&[], &ids).await.expect("facts");
    assert_eq!(found.len(), 2_000);
}

fn revocation() -> Revocation {
    Revocation { at: NOW, reason: "no longer needed".to_owned(), by: "system".to_owned() }
}
