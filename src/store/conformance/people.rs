//! Users, organizations, memberships.

use super::{
    committing::{batch, refusal},
    ground::Ground,
    world::{NOW, World, id, membership, organization, user},
};
use crate::{
    model::{
        organization::{Membership, OrganizationStatus, Role},
        owner::Owner,
        page::{ListQuery, Order, OrderKey, PageSize},
        user::UserFilter,
    },
    store::{
        StoreError,
        admin::{AdminChange, Change, ClientPatch, CredentialPatch, Precondition, Row, UserPatch},
        mutation::{Mutation, Refusal},
    },
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
        Change::RotateClientSecret { id: id(90), digest: "digest".to_owned(), at: NOW, until: NOW },
        Change::UpdateClient(id(90), ClientPatch::default()),
        Change::DeleteClient(id(90)),
        Change::DeleteResource("https://nobody.example".parse().expect("a URI")),
        Change::UpdateCredential(id(90), CredentialPatch::default()),
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

pub(super) async fn lists_are_walked_in_each_order(ground: &Ground) {
    for (number, name) in [(1, "c"), (2, "a"), (3, "b"), (4, "a"), (5, "c")] {
        let user = user(id(number), &format!("{}@example.org", 9 - number));
        let user = crate::model::user::User { name: name.to_owned(), ..user };
        ground.apply(Change::CreateUser(user)).await.expect("a user");
    }
    let orders = [
        (OrderKey::CreatedAt, [1, 2, 3, 4, 5]),
        (OrderKey::Email, [5, 4, 3, 2, 1]),
        (OrderKey::Name, [2, 4, 3, 1, 5]),
    ];
    for (key, expected) in orders {
        for descending in [false, true] {
            let mut expected: Vec<_> = expected.map(id).to_vec();
            if descending {
                expected.reverse();
            }
            assert_eq!(walk(ground, Order { key, descending }).await, expected, "{key} {descending}");
        }
    }
    let filter = UserFilter { email: Some("7@example.org".to_owned()), active: Some(true) };
    let order = Order { key: OrderKey::Name, descending: false };
    let query = ListQuery { filter, order, after: None, size: PageSize::default() };
    let page = ground.backend.list_users(&query).await.expect("a page");
    assert_eq!(page.items.iter().map(|user| user.id).collect::<Vec<_>>(), vec![id(2)]);
    assert_eq!(page.next, None);
}

/// Every user, two at a time.
async fn walk(ground: &Ground, order: Order) -> Vec<crate::model::id::UserId> {
    let size = PageSize::from_number(2).expect("a size");
    let mut query = ListQuery { filter: UserFilter::default(), order, after: None, size };
    let mut found = Vec::new();
    loop {
        let page = ground.backend.list_users(&query).await.expect("a page");
        found.extend(page.items.iter().map(|user| user.id));
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
}

pub(super) async fn a_change_needs_what_it_relied_on(ground: &Ground) {
    let world = World::new(ground).await;
    let rename = |name: &str, precondition| {
        let patch = UserPatch { name: Some(name.to_owned()), ..UserPatch::default() };
        let change = AdminChange::of(Change::UpdateUser(world.user, patch), Vec::new());
        Mutation::Administer(Box::new(AdminChange { preconditions: vec![precondition], ..change }))
    };
    let at = |revision| Precondition::Revision(Row::User(world.user), revision);
    let member = |epoch| Precondition::Membership(world.organization, world.user, epoch);
    for (precondition, expected) in [
        (at(1), None),
        (at(1), Some(Refusal::Changed)),
        (at(2), None),
        (member(0), None),
        (member(7), Some(Refusal::AuthorityChanged)),
    ] {
        let answers = batch(ground, vec![rename("Other", precondition)]).await;
        assert_eq!(refusal(&answers[0]), expected);
    }
    let read = ground.backend.find_user(world.user).await.expect("users").expect("the user");
    assert_eq!((read.name.as_str(), read.revision), ("Other", 4));
}
