//! Doubts and fences: what a change may end is found, a bounded part at a time.

use super::{
    ground::Ground,
    world::{NOW, World, id, user},
};
use crate::{
    model::{
        client::Client,
        id::LeaseId,
        lease::{Lease, LeaseState, Revocation},
        owner::Owner,
        principal::Principal,
    },
    store::{
        admin::{Change, Fence},
        backend::NewLease,
    },
};

impl Ground {
    /// One call of the chore, whose finds are revoked.
    async fn sweep(&self, limit: u16) -> Vec<LeaseId> {
        let mut tx = self.backend.begin().await.expect("a transaction");
        let (found, _) = tx.lock_doubtful_leases(NOW, limit).await.expect("doubtful leases");
        let ended: Vec<Lease> = found.into_iter().map(|facts| revoked(facts.lease)).collect();
        tx.update_leases(&ended).await.expect("updated");
        tx.commit().await.expect("a commit");
        ended.into_iter().map(|lease| lease.id).collect()
    }
}

fn revoked(mut lease: Lease) -> Lease {
    let (reason, by) = ("entitlement_lost".to_owned(), "system".to_owned());
    lease.state = LeaseState::Revoked(Revocation { at: NOW, reason, by });
    lease
}

fn many(world: &World, numbers: std::ops::Range<u32>) -> Vec<NewLease> {
    numbers.map(|number| world.lease(number)).collect()
}

pub(super) async fn a_change_is_worked_off_in_bounded_parts(ground: &Ground) {
    let world = World::new(ground).await;
    ground.sweep(10).await;
    ground.lend(&many(&world, 0..1_500)).await;
    assert_eq!(ground.sweep(10).await, vec![]);
    ground.apply(Change::DeleteCredential(world.personal)).await.expect("deleted");
    ground.lend(&[world.organization_lease(2_000)]).await;
    let mut found = Vec::new();
    for _ in 0..12 {
        let part = ground.sweep(256).await;
        assert!(part.len() <= 256);
        found.extend(part);
    }
    found.sort_unstable();
    let expected: Vec<LeaseId> = many(&world, 0..1_500).into_iter().map(|new| new.lease.id).collect();
    assert_eq!(found, expected);
    assert_eq!(ground.number("SELECT count(*) FROM doubts").await, 0);
    let mut tx = ground.backend.begin().await.expect("a transaction");
    assert_eq!(tx.lock_doubtful_leases(NOW, 20).await.expect("leases"), (vec![], false));
}

pub(super) async fn a_fence_is_settled_when_a_whole_pass_finds_nothing(ground: &Ground) {
    let world = World::new(ground).await;
    ground.sweep(10).await;
    ground.lend(&many(&world, 0..30)).await;
    let fence = Fence { id: "f".to_owned(), server_id: Some("worker-1".to_owned()), ..Fence::default() };
    ground.apply(Change::PlaceFence(fence)).await.expect("a fence");
    let settled = "SELECT count(*) FROM fences WHERE settled_at IS NOT NULL";
    let mut tx = ground.backend.begin().await.expect("a transaction");
    assert_eq!(tx.lock_doubtful_leases(NOW, 20).await.expect("leases").0.len(), 20);
    drop(tx);
    for (limit, expected) in [(20, 20), (20, 10), (20, 0)] {
        assert_eq!(ground.number(settled).await, 0);
        assert_eq!(ground.sweep(limit).await.len(), expected);
    }
    for _ in 0..2 {
        ground.sweep(20).await;
    }
    assert_eq!(ground.number(settled).await, 1);
    let again = Fence { id: "g".to_owned(), ..Fence::default() };
    ground.apply(Change::PlaceFence(again)).await.expect("a fence");
    assert_eq!(ground.number("SELECT max(seq) FROM fences").await, 2, "numbers are not used twice");
}

pub(super) async fn changes_share_a_call(ground: &Ground) {
    let world = World::new(ground).await;
    ground.sweep(10).await;
    ground.apply(Change::CreateUser(user(id(60), "bob@example.org"))).await.expect("a user");
    let owner = Owner::User(id(60));
    let client = Client { owner, ..super::world::client(id(61), owner, None) };
    ground.apply(Change::CreateClient(client, "digest".to_owned())).await.expect("a client");
    let mut of_bob = many(&world, 500..503);
    for new in &mut of_bob {
        new.lease.owner = owner;
        new.lease.user_id = Some(id(60));
        new.lease.client_id = Some(id(61));
        new.lease.principal = Principal::Client(id(61));
        new.sources.truncate(1);
    }
    ground.lend(&many(&world, 0..100)).await;
    ground.lend(&of_bob).await;
    ground.apply(Change::SetClientActive(world.client, false)).await.expect("off");
    ground.apply(Change::SetClientActive(id(61), false)).await.expect("off");
    let found = ground.sweep(10).await;
    assert_eq!(found.len(), 8, "five of one change and all three of the other");
    assert!(of_bob.iter().all(|new| found.contains(&new.lease.id)));
}

pub(super) async fn fences_of_every_kind_find_their_leases(ground: &Ground) {
    let world = World::new(ground).await;
    let fences = [
        Fence { client_id: Some(world.client), ..Fence::default() },
        Fence { user_id: Some(world.user), ..Fence::default() },
        Fence { organization_id: Some(world.organization), ..Fence::default() },
        Fence { credential_id: Some(world.shared), ..Fence::default() },
        Fence { service: Some("jira".to_owned()), ..Fence::default() },
        Fence::default(),
    ];
    for (number, fence) in fences.into_iter().enumerate() {
        let new = world.lease(u32::try_from(number).expect("small"));
        ground.lend(std::slice::from_ref(&new)).await;
        ground.apply(Change::PlaceFence(Fence { id: number.to_string(), ..fence })).await.expect("a fence");
        assert_eq!(ground.sweep(10).await, vec![new.lease.id], "{number}");
    }
}
