//! What several processes on one PostgreSQL do to one another.

use std::{pin::pin, sync::Arc, time::Duration};

use super::{
    ground::Ground,
    world::{NOW, World, id, sealed},
};
use crate::{
    model::{mcp_token::McpTokenPatch, owner::Owner, principal::Principal},
    store::{
        admin::{Change, OrganizationPatch, Precondition, Row, UserPatch, WrappedDataKey},
        backend::Backend,
    },
};

async fn replicas() -> (Ground, Arc<dyn Backend>) {
    let ground = Ground::postgres().await;
    let other = ground.open(false).await.expect("a second replica");
    (ground, other)
}

#[tokio::test]
async fn replicas_lock_counters_one_after_the_other() {
    let (ground, other) = replicas().await;
    let world = World::new(&ground).await;
    let principals = [Principal::Client(world.client), Principal::User(world.user)];
    let count = async |backend: &dyn Backend| {
        let mut tx = backend.begin().await.expect("a transaction");
        let live = tx.lock_quotas(&principals).await.expect("counters");
        // Long enough for the other to come in between, if it could.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let up: Vec<_> = live.iter().map(|(principal, _)| (*principal, 1)).collect();
        tx.move_quotas(&up).await.expect("moved");
        tx.commit().await.expect("a commit");
        live
    };
    let ((), ()) = tokio::join!(
        async {
            for _ in 0..20 {
                count(&*ground.backend).await;
            }
        },
        async {
            for _ in 0..20 {
                count(&*other).await;
            }
        },
    );
    let mut live = count(&*other).await;
    live.sort_unstable();
    assert_eq!(live, principals.map(|principal| (principal, 40)));
}

#[tokio::test]
async fn a_decisive_change_waits_for_judgements_and_they_for_it() {
    let (ground, other) = replicas().await;
    let world = World::new(&ground).await;
    let new = world.lease(1);
    ground.lend(std::slice::from_ref(&new)).await;

    let mut judging = ground.backend.begin().await.expect("a transaction");
    assert!(!judging.lock_leases(&[new.lease.id]).await.expect("facts")[0].stale);
    let change = async {
        let mut tx = other.begin().await.expect("a transaction");
        tx.administer(&Change::DeleteCredential(world.personal)).await.expect("deleted");
        tx.commit().await.expect("a commit");
    };
    tokio::pin!(change);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut change).await;
    assert!(early.is_err(), "the change waits");
    judging.commit().await.expect("a commit");
    change.await;
    let mut judging = ground.backend.begin().await.expect("a transaction");
    assert!(judging.lock_leases(&[new.lease.id]).await.expect("facts")[0].stale);
}

#[tokio::test]
async fn a_lease_is_judged_as_it_is_once_locked() {
    let (ground, other) = replicas().await;
    let world = World::new(&ground).await;
    let mut lease = world.lease(1).lease;
    ground.lend(&[world.lease(1)]).await;
    let mut first = ground.backend.begin().await.expect("a transaction");
    first.lock_leases(&[lease.id]).await.expect("facts");
    lease.renewal_count = 1;
    lease.expires_at = NOW.plus_seconds(9_999);
    first.update_leases(std::slice::from_ref(&lease)).await.expect("updated");
    let second = async {
        let mut tx = other.begin().await.expect("a transaction");
        tx.lock_leases(&[lease.id]).await.expect("facts").remove(0).lease
    };
    tokio::pin!(second);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut second).await.is_err(), "the lock is held");
    first.commit().await.expect("a commit");
    assert_eq!(second.await, lease);
}

/// The change itself waits for nobody; what its caller read must not be changed by another replica in between.
#[tokio::test]
async fn a_row_is_changed_once_as_it_was_read() {
    let (ground, other) = replicas().await;
    let world = World::new(&ground).await;
    let name = || Some("Other".to_owned());
    let (digest, at) = ("another-digest".to_owned(), NOW);
    let renamed = OrganizationPatch { name: name(), status: None };
    for (row, change) in [
        (Row::Organization(world.organization), Change::UpdateOrganization(world.organization, renamed)),
        (
            Row::User(world.user),
            Change::UpdateUser(world.user, UserPatch { name: name(), ..UserPatch::default() }),
        ),
        (Row::Client(world.client), Change::RotateClientSecret { id: world.client, digest, at, until: at }),
        (
            Row::Token(world.mcp_token),
            Change::UpdateMcpToken(world.mcp_token, McpTokenPatch { name: name(), active: None }),
        ),
    ] {
        let as_read = Precondition::Revision(row, 1);
        let mut first = ground.backend.begin().await.expect("a transaction");
        assert!(first.is_met(&as_read).await.expect("judged"), "{as_read:?}");
        let second = async {
            let mut tx = other.begin().await.expect("a transaction");
            tx.is_met(&as_read).await.expect("judged")
        };
        tokio::pin!(second);
        let early = tokio::time::timeout(Duration::from_millis(100), &mut second).await;
        assert!(early.is_err(), "{as_read:?}: the other waits");
        first.administer(&change).await.expect("changed");
        first.commit().await.expect("a commit");
        assert!(!second.await, "{as_read:?}: it was changed");
    }
}

#[tokio::test]
async fn a_deleted_organization_leaves_no_data_key() {
    let (ground, other) = replicas().await;
    let world = World::new(&ground).await;
    let owner = Owner::Organization(world.organization);
    let key = WrappedDataKey { id: id(90), owner, version: 9, wrapped: sealed("dev", 1), created_at: NOW };
    let mut sealing = ground.backend.begin().await.expect("a transaction");
    sealing.administer(&Change::CreateDataKey(key)).await.expect("a key");
    let mut deletion = pin!(async {
        let mut tx = other.begin().await.expect("a transaction");
        tx.administer(&Change::DeleteOrganization(world.organization)).await.expect("deleted");
        tx.commit().await.expect("a commit");
    });
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut deletion).await.is_err(), "it waits");
    sealing.commit().await.expect("a commit");
    deletion.await;
    assert_eq!(ground.backend.list_data_keys(owner).await.expect("keys"), Vec::new());
}
