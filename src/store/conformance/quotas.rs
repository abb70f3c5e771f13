//! Counters of live leases, and idempotency keys.

use super::{
    ground::Ground,
    world::{DAY, NOW, World, id},
};
use crate::{
    model::{lease::LeaseState, principal::Principal},
    store::{admin::Change, backend::UsedKey, error::StoreError, mutation::Idempotency},
};

pub(super) async fn counters_move_and_are_recounted(ground: &Ground) {
    let world = World::new(ground).await;
    let (one, two) = (Principal::Client(world.client), Principal::User(world.user));
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let mut made = tx.lock_quotas(&[two, one, two]).await.expect("counters");
    made.sort_unstable();
    assert_eq!(made, vec![(one, 0), (two, 0)]);
    tx.move_quotas(&[(one, 4), (two, -4), (one, 5)]).await.expect("moved");
    tx.commit().await.expect("a commit");
    assert_eq!(ground.backend.count_live_leases().await.expect("a count"), 9, "never below zero");

    let mut ended = world.lease(3);
    ended.lease.state = LeaseState::Expired;
    let mut over = world.lease(4);
    over.lease.expires_at = NOW;
    ground.lend(&[world.lease(1), world.lease(2), ended, over.clone()]).await;
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let due = tx.lock_due_leases_of(&[one], NOW).await.expect("due leases");
    assert_eq!(due.iter().map(|facts| facts.lease.id).collect::<Vec<_>>(), vec![over.lease.id]);
    assert_eq!(tx.lock_due_leases_of(&[two], NOW).await.expect("due leases"), vec![]);
    assert_eq!(tx.lock_due_leases_of(&[], NOW).await.expect("due leases"), vec![]);
}

pub(super) async fn keys_stand_for_a_day(ground: &Ground) {
    let world = World::new(ground).await;
    let principal = Principal::Client(world.client);
    let used = |digest: &str, lease| UsedKey {
        principal,
        idempotency: Idempotency { key: "k-1".to_owned(), digest: digest.to_owned() },
        lease_id: id(lease),
    };
    let asked = [(principal, "k-1".to_owned()), (principal, "k-2".to_owned())];
    let mut tx = ground.backend.begin().await.expect("a transaction");
    tx.insert_keys(&[used("first", 1)], NOW).await.expect("inserted");
    tx.commit().await.expect("a commit");

    let mut tx = ground.backend.begin().await.expect("a transaction");
    assert_eq!(tx.used_keys(&asked, NOW).await.expect("keys"), vec![used("first", 1)]);
    assert_eq!(tx.used_keys(&asked, NOW.plus_seconds(1)).await.expect("keys"), vec![]);
    let again = tx.insert_keys(&[used("second", 2)], NOW.plus_seconds(DAY)).await;
    assert!(matches!(again, Err(StoreError::Serialization(_))), "{again:?}");
    drop(tx);

    let later = NOW.plus_seconds(DAY + 1);
    let mut tx = ground.backend.begin().await.expect("a transaction");
    tx.insert_keys(&[used("second", 2)], later).await.expect("one that ran out is replaced");
    assert_eq!(tx.used_keys(&asked, later).await.expect("keys"), vec![used("second", 2)]);
    tx.commit().await.expect("a commit");
    assert_eq!(ground.apply(Change::Prune(later.plus_seconds(DAY), 10)).await.expect("pruned"), 0);
    assert_eq!(ground.apply(Change::Prune(later.plus_seconds(DAY + 1), 10)).await.expect("pruned"), 1);
}
