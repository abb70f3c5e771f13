//! Users, organizations, memberships.

use super::{
    ground::Ground,
    world::{NOW, World, id, membership, organization, user},
};
use crate::{
    model::{
        organization::{Membership, OrganizationStatus, Role},
        owner::Owner,
    },
    store::{StoreError, admin::Change},
};

pub(super) async fn users_are_unique_by_address(ground: &Ground) {
    let ada = user(id(1), "ada@example.org");
    assert_eq!(ground.apply(Change::CreateUser(ada.clone())).await.expect("a user"), 1);
    assert_eq!(ground.backend.find_user(ada.id).await.expect("users"), Some(ada.clone()));
    let found = ground.backend.find_user_by_email("ada@example.org").await.expect("users");
    assert_eq!(found, Some(ada.clone()));
    assert_eq!(ground.backend.find_user(id(2)).await.expect("users"), None);
    assert_eq!(ground.backend.find_user_by_email("bob@example.org").await.expect("users"), None);
    let twin = ground.apply(Change::CreateUser(user(id(2), "ada@example.org"))).await;
    assert!(
        matches!(&twin, Err(StoreError::Conflict { constraint }) if constraint.contains("email")),
        "{twin:?}"
    );
    assert_eq!(ground.backend.find_user(id(2)).await.expect("users"), None);
}

pub(super) async fn a_membership_ends_as_a_tombstone(ground: &Ground) {
    let world = World::new(ground).await;
    ground.apply(Change::CreateOrganization(organization(id(50)))).await.expect("an organization");
    let earlier =
        Membership { created_at: NOW.plus_seconds(-9), ..membership(id(50), world.user, Role::Guest) };
    ground.apply(Change::PutMembership(earlier)).await.expect("a membership");
    let listed = ground.backend.list_memberships(world.user).await.expect("memberships");
    let roles: Vec<_> = listed.iter().map(|(id, _, role)| (*id, *role)).collect();
    assert_eq!(roles, vec![(id(50), Role::Guest), (world.organization, Role::Member)]);

    let revision = ground.revision(Owner::User(world.user)).await;
    let remove = Change::RemoveMembership(world.organization, world.user);
    assert_eq!(ground.apply(remove.clone()).await.expect("removed"), 1);
    assert!(matches!(ground.apply(remove).await, Err(StoreError::Missing("the membership"))));
    assert_eq!(ground.backend.list_memberships(world.user).await.expect("memberships").len(), 1);
    assert_eq!(ground.revision(Owner::User(world.user)).await, revision + 1);

    let again = Membership {
        created_at: NOW.plus_seconds(9),
        ..membership(world.organization, world.user, Role::Admin)
    };
    ground.apply(Change::PutMembership(again)).await.expect("back");
    assert_eq!(ground.number("SELECT max(epoch) FROM memberships").await, 2, "no epoch is repeated");
    assert_eq!(ground.number("SELECT max(created_at) FROM memberships").await, NOW.plus_seconds(9).micros());
    assert_eq!(ground.revision(Owner::User(world.user)).await, revision + 2);
}

pub(super) async fn what_is_not_there_is_missing(ground: &Ground) {
    let world = World::new(ground).await;
    for change in [
        Change::SetUserActive(id(90), false),
        Change::SetOrganizationStatus(id(90), OrganizationStatus::Suspended),
        Change::PutMembership(membership(world.organization, id(90), Role::Member)),
        Change::PutMembership(membership(id(90), world.user, Role::Member)),
        Change::SetClientActive(id(90), false),
        Change::SetClientRole(id(90), Role::Admin),
        Change::SetClientRole(world.client, Role::Admin),
        Change::RotateClientSecret(id(90), "digest".to_owned(), NOW),
        Change::SetTokenActive(id(90), false),
        Change::DeleteCredential(id(90)),
    ] {
        let answer = ground.apply(change.clone()).await;
        assert!(matches!(answer, Err(StoreError::Missing(_))), "{change:?}: {answer:?}");
    }
}

pub(super) async fn statuses_raise_epochs(ground: &Ground) {
    let world = World::new(ground).await;
    let (user, organization) = (Owner::User(world.user), Owner::Organization(world.organization));
    let before = (ground.revision(user).await, ground.revision(organization).await);
    ground.apply(Change::SetUserActive(world.user, false)).await.expect("switched off");
    let switched = ground.backend.find_user(world.user).await.expect("users").expect("the user");
    assert_eq!((switched.active, switched.epoch), (false, 1));
    let suspend = Change::SetOrganizationStatus(world.organization, OrganizationStatus::Suspended);
    ground.apply(suspend).await.expect("suspended");
    assert_eq!(ground.number("SELECT epoch FROM organizations").await, 1);
    assert_eq!(
        (ground.revision(user).await, ground.revision(organization).await),
        (before.0 + 1, before.1 + 1)
    );
    let own = ground.backend.list_memberships(world.user).await.expect("memberships");
    assert_eq!(own, vec![(world.organization, "Development Team".to_owned(), Role::Member)]);
}

pub(super) async fn an_organization_keeps_an_owner(ground: &Ground) {
    let world = World::new(ground).await;
    let is_refused = |done: Result<u64, StoreError>| matches!(done, Err(StoreError::Conflict { .. }));
    let put = |who, role| Change::PutMembership(membership(world.organization, who, role));
    let remove = |who| Change::RemoveMembership(world.organization, who);
    ground.apply(put(world.user, Role::Owner)).await.expect("an owner");
    assert!(is_refused(ground.apply(remove(world.user)).await));
    assert!(is_refused(ground.apply(put(world.user, Role::Admin)).await));
    ground.apply(Change::CreateUser(user(id(50), "bob@example.org"))).await.expect("a user");
    ground.apply(put(id(50), Role::Owner)).await.expect("another owner");
    ground.apply(put(world.user, Role::Admin)).await.expect("one is left");
    assert!(is_refused(ground.apply(remove(id(50))).await));
}
