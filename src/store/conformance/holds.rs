//! The view `lease_holds`, case by case.

use super::{
    ground::Ground,
    world::{World, all_members, id, membership, rotation, sealed},
};
use crate::{
    model::organization::{OrganizationStatus, Role},
    store::admin::{Change, Fence},
};

const HOLDS: (bool, bool, bool) = (false, false, false);
const GONE: (bool, bool, bool) = (false, true, false);
const STALE: (bool, bool, bool) = (false, false, true);

pub(super) async fn a_new_lease_holds(ground: &Ground) {
    let world = World::new(ground).await;
    let leases = [world.lease(1), world.mcp_lease(2), world.organization_lease(3)];
    ground.lend(&leases).await;
    for new in leases {
        assert_eq!(ground.flags(new.lease.id).await, HOLDS);
    }
}

pub(super) async fn a_fence_matches_by_each_field(ground: &Ground) {
    let world = World::new(ground).await;
    let filters = |fence: fn(&World) -> Fence, other: fn() -> Fence| (fence(&world), other());
    let cases = [
        filters(
            |world| Fence { client_id: Some(world.client), ..Fence::default() },
            || Fence { client_id: Some(id(99)), ..Fence::default() },
        ),
        filters(
            |world| Fence { user_id: Some(world.user), ..Fence::default() },
            || Fence { user_id: Some(id(99)), ..Fence::default() },
        ),
        filters(
            |world| Fence { organization_id: Some(world.organization), ..Fence::default() },
            || Fence { organization_id: Some(id(99)), ..Fence::default() },
        ),
        filters(
            |world| Fence { credential_id: Some(world.personal), ..Fence::default() },
            || Fence { credential_id: Some(id(99)), ..Fence::default() },
        ),
        filters(
            |_| Fence { service: Some("notion".to_owned()), ..Fence::default() },
            || Fence { service: Some("not".to_owned()), ..Fence::default() },
        ),
        filters(
            |_| Fence { service: Some("notion/main".to_owned()), ..Fence::default() },
            || Fence { service: Some("jira/main".to_owned()), ..Fence::default() },
        ),
        filters(
            |_| Fence { server_id: Some("worker-1".to_owned()), ..Fence::default() },
            || Fence { server_id: Some("worker-2".to_owned()), ..Fence::default() },
        ),
        filters(
            |world| Fence {
                client_id: Some(world.client),
                service: Some("jira".to_owned()),
                ..Fence::default()
            },
            || Fence { server_id: Some("worker-1".to_owned()), client_id: Some(id(99)), ..Fence::default() },
        ),
        filters(|_| Fence::default(), || Fence { user_id: Some(id(98)), ..Fence::default() }),
    ];
    for (number, (matching, other)) in cases.into_iter().enumerate() {
        let new = world.lease(u32::try_from(number).expect("small"));
        ground.lend(std::slice::from_ref(&new)).await;
        let other = Fence { id: format!("fen_{number}_other"), ..other };
        ground.apply(Change::PlaceFence(other)).await.expect("a fence");
        assert_eq!(ground.flags(new.lease.id).await, HOLDS, "{number}");
        let matching = Fence { id: format!("fen_{number}"), ..matching };
        ground.apply(Change::PlaceFence(matching)).await.expect("a fence");
        assert_eq!(ground.flags(new.lease.id).await, (true, false, false), "{number}");
    }
}

pub(super) async fn a_later_lease_is_not_fenced(ground: &Ground) {
    let world = World::new(ground).await;
    ground.lend(&[world.lease(1)]).await;
    ground
        .apply(Change::PlaceFence(Fence { id: "all".to_owned(), ..Fence::default() }))
        .await
        .expect("a fence");
    ground.lend(&[world.lease(2)]).await;
    assert!(ground.flags(world.lease(1).lease.id).await.0);
    assert_eq!(ground.flags(world.lease(2).lease.id).await, HOLDS);
}

pub(super) async fn it_ends_with_its_holder(ground: &Ground) {
    let world = World::new(ground).await;
    let (own, mcp, shared) = (world.lease(1), world.mcp_lease(2), world.organization_lease(3));
    ground.lend(&[own.clone(), mcp.clone(), shared.clone()]).await;
    ground.apply(Change::SetClientActive(world.client, false)).await.expect("off");
    assert_eq!(ground.flags(own.lease.id).await, GONE);
    assert_eq!(ground.flags(mcp.lease.id).await, HOLDS);
    ground.apply(Change::SetClientActive(world.client, true)).await.expect("on");
    assert_eq!(ground.flags(own.lease.id).await, GONE, "for good");
    let own = world.lease(4);
    ground.lend(std::slice::from_ref(&own)).await;
    assert_eq!(ground.flags(own.lease.id).await, HOLDS, "taken since");
    ground.apply(Change::SetUserActive(world.user, false)).await.expect("off");
    assert_eq!(ground.flags(own.lease.id).await, GONE);
    assert_eq!(ground.flags(mcp.lease.id).await, GONE);
    assert_eq!(ground.flags(shared.lease.id).await, HOLDS);
    let suspend = Change::SetOrganizationStatus(world.organization, OrganizationStatus::Suspended);
    ground.apply(suspend).await.expect("suspended");
    assert_eq!(ground.flags(shared.lease.id).await, (false, true, true));
    ground.tamper(&format!("DELETE FROM client_secrets WHERE client_id = '{}'", world.client)).await;
    ground.tamper(&format!("DELETE FROM clients WHERE id = '{}'", world.client)).await;
    assert!(ground.flags(own.lease.id).await.1);
}

pub(super) async fn it_ends_with_its_mcp_token_not_with_its_access_token(ground: &Ground) {
    let world = World::new(ground).await;
    let (own, mcp) = (world.lease(1), world.mcp_lease(2));
    ground.lend(&[own.clone(), mcp.clone()]).await;
    assert_eq!(ground.flags(own.lease.id).await, HOLDS, "its access token was never even there");
    ground.apply(Change::SetTokenActive(world.mcp_token, false)).await.expect("off");
    assert_eq!(ground.flags(mcp.lease.id).await, GONE);
    ground.apply(Change::SetTokenActive(world.mcp_token, true)).await.expect("on");
    assert_eq!(ground.flags(mcp.lease.id).await, GONE, "for good");
    let mcp = world.mcp_lease(4);
    ground.lend(std::slice::from_ref(&mcp)).await;
    assert_eq!(ground.flags(mcp.lease.id).await, HOLDS, "taken since");
    ground.tamper("UPDATE tokens SET expires_at = 1").await;
    assert_eq!(ground.flags(mcp.lease.id).await, HOLDS, "a token that ran out ends no lease");
    ground.tamper("UPDATE tokens SET revoked_at = 1").await;
    assert_eq!(ground.flags(mcp.lease.id).await, GONE);
    ground.tamper("DELETE FROM tokens").await;
    assert_eq!(ground.flags(mcp.lease.id).await, GONE);
    assert_eq!(ground.flags(own.lease.id).await, HOLDS);
}

pub(super) async fn it_is_stale_when_an_epoch_moved(ground: &Ground) {
    let world = World::new(ground).await;
    let mut own = world.lease(1);
    ground.lend(std::slice::from_ref(&own)).await;
    let rotate = rotation(world.personal, 2, sealed("dky", 2), None);
    let reinstate = Change::SetOrganizationStatus(world.organization, OrganizationStatus::Active);
    for (change, seen) in [
        (rotate, (1, 0, 0, 0)),
        (Change::SetCredentialSharing(world.shared, all_members()), (1, 1, 0, 0)),
        (Change::PutMembership(membership(world.organization, world.user, Role::Admin)), (1, 1, 1, 0)),
        (reinstate, (1, 1, 1, 1)),
    ] {
        ground.apply(change.clone()).await.expect("changed");
        assert_eq!(ground.flags(own.lease.id).await, STALE, "{change:?}");
        let (personal, shared, membership_epoch, organization_epoch) = seen;
        own.sources[0].credential_epoch = personal;
        own.sources[1].credential_epoch = shared;
        own.sources[1].membership_epoch = Some(membership_epoch);
        own.sources[1].organization_epoch = Some(organization_epoch);
        let updates: Vec<_> = own.sources.iter().map(|source| (own.lease.id, source.clone())).collect();
        let mut tx = ground.backend.begin().await.expect("a transaction");
        tx.update_sources(&updates).await.expect("updated");
        tx.commit().await.expect("a commit");
        assert_eq!(ground.flags(own.lease.id).await, HOLDS, "{change:?}");
    }
    ground.apply(Change::RemoveMembership(world.organization, world.user)).await.expect("removed");
    assert_eq!(ground.flags(own.lease.id).await, STALE);
    ground
        .apply(Change::PutMembership(membership(world.organization, world.user, Role::Admin)))
        .await
        .expect("back");
    assert_eq!(ground.flags(own.lease.id).await, STALE, "coming back repeats no epoch");
    ground.apply(Change::DeleteCredential(world.personal)).await.expect("deleted");
    assert_eq!(ground.flags(own.lease.id).await, STALE);
}

pub(super) async fn a_client_of_an_organization_is_stale_by_its_role(ground: &Ground) {
    let world = World::new(ground).await;
    let new = world.organization_lease(1);
    ground.lend(std::slice::from_ref(&new)).await;
    let before = ground.revision(new.lease.owner).await;
    ground.apply(Change::SetClientRole(world.organization_client, Role::Guest)).await.expect("changed");
    assert_eq!(ground.flags(new.lease.id).await, STALE);
    assert_eq!(ground.revision(new.lease.owner).await, before + 1);
}
