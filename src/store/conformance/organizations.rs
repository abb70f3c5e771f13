//! Organizations and their members, as administrators see and change them.

use super::{
    committing::{batch, refusal},
    ground::Ground,
    world::{NOW, World, id, membership, organization, user},
};
use crate::{
    model::{
        id::{OrganizationId, UserId},
        organization::{
            Member, MemberFilter, Membership, Organization, OrganizationFilter, OrganizationStatus, Role,
        },
        owner::Owner,
        page::{ListQuery, Order, OrderKey, PageSize},
    },
    store::{
        StoreError,
        admin::{AdminChange, Change, LeasesOf, OrganizationPatch, Precondition, Row},
        mutation::{Mutation, Refusal},
    },
};

const BY_CREATION: Order = Order { key: OrderKey::CreatedAt, descending: false };

async fn organizations(ground: &Ground, filter: OrganizationFilter, order: Order) -> Vec<OrganizationId> {
    let size = PageSize::from_number(1).expect("a size");
    let mut query = ListQuery { filter, order, after: None, size };
    let mut found = Vec::new();
    loop {
        let page = ground.backend.list_organizations(&query).await.expect("a page");
        found.extend(page.items.iter().map(|organization| organization.id));
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
}

async fn members(ground: &Ground, filter: MemberFilter, order: Order) -> Vec<UserId> {
    let size = PageSize::from_number(1).expect("a size");
    let mut query = ListQuery { filter, order, after: None, size };
    let mut found = Vec::new();
    loop {
        let page = ground.backend.list_members(&query).await.expect("a page");
        found.extend(page.items.iter().map(|member| member.user_id));
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
}

async fn whole(ground: &Ground, id: OrganizationId) -> Organization {
    ground.backend.find_organization(id).await.expect("organizations").expect("the organization")
}

pub(super) async fn an_organization_is_founded_with_its_owner(ground: &Ground) {
    ground.apply(Change::CreateUser(user(id(1), "ada@example.org"))).await.expect("a user");
    let nobody = ground.apply(Change::FoundOrganization(organization(id(2)), id(9))).await;
    assert!(matches!(nobody, Err(StoreError::Missing(_))), "{nobody:?}");
    assert_eq!(ground.backend.find_organization(id(2)).await.expect("organizations"), None);

    ground.apply(Change::FoundOrganization(organization(id(2)), id(1))).await.expect("founded");
    assert_eq!(whole(ground, id(2)).await, organization(id(2)));
    let owner = ground.backend.find_member(id(2), id(1)).await.expect("members").expect("the owner");
    let expected = Member {
        organization_id: id(2),
        organization_name: "Development Team".to_owned(),
        organization_status: OrganizationStatus::Active,
        user_id: id(1),
        email: "ada@example.org".to_owned(),
        name: "Ada".to_owned(),
        active: true,
        role: Role::Owner,
        revision: 1,
        created_at: NOW,
    };
    assert_eq!(owner, expected);
}

pub(super) async fn organizations_are_listed_for_whom_they_concern(ground: &Ground) {
    ground.apply(Change::CreateUser(user(id(1), "ada@example.org"))).await.expect("a user");
    ground.apply(Change::CreateUser(user(id(2), "bob@example.org"))).await.expect("a user");
    for (number, name) in [(11, "c"), (12, "a"), (13, "b")] {
        let new = Organization { name: name.to_owned(), ..organization(id(number)) };
        ground.apply(Change::FoundOrganization(new, id(1))).await.expect("an organization");
    }
    ground.apply(Change::AddMembership(membership(id(12), id(2), Role::Admin))).await.expect("an admin");
    ground.apply(Change::AddMembership(membership(id(13), id(2), Role::Member))).await.expect("a member");
    let suspend = Change::SetOrganizationStatus(id(11), OrganizationStatus::Suspended);
    ground.apply(suspend).await.expect("suspended");
    ground.apply(Change::DeleteOrganization(id(13))).await.expect("deleted");

    let all = OrganizationFilter::default();
    let by_name = Order { key: OrderKey::Name, descending: true };
    assert_eq!(organizations(ground, all.clone(), BY_CREATION).await, vec![id(11), id(12)]);
    assert_eq!(organizations(ground, all.clone(), by_name).await, vec![id(11), id(12)]);
    for (filter, expected) in [
        (OrganizationFilter { name: Some("a".to_owned()), ..all.clone() }, vec![id(12)]),
        (OrganizationFilter { status: Some(OrganizationStatus::Suspended), ..all.clone() }, vec![id(11)]),
        (OrganizationFilter { status: Some(OrganizationStatus::Deleted), ..all.clone() }, vec![id(13)]),
        (OrganizationFilter { administered_by: Some(id(1)), ..all.clone() }, vec![id(11), id(12)]),
        (OrganizationFilter { administered_by: Some(id(2)), ..all.clone() }, vec![id(12)]),
    ] {
        assert_eq!(organizations(ground, filter.clone(), BY_CREATION).await, expected, "{filter:?}");
    }
}

pub(super) async fn members_are_listed_from_both_sides(ground: &Ground) {
    let world = World::new(ground).await;
    // Made later, a member for longer; and another organization.
    ground.apply(Change::CreateUser(user(id(51), "bob@example.org"))).await.expect("a user");
    ground.apply(Change::FoundOrganization(organization(id(52)), id(51))).await.expect("an organization");
    let earlier = Membership {
        created_at: NOW.plus_seconds(-9),
        ..membership(world.organization, id(51), Role::Guest)
    };
    ground.apply(Change::AddMembership(earlier)).await.expect("a member");

    let of = MemberFilter::Organization(world.organization, None);
    let by_email = Order { key: OrderKey::Email, descending: false };
    assert_eq!(members(ground, of, BY_CREATION).await, vec![id(51), world.user]);
    assert_eq!(members(ground, of, by_email).await, vec![world.user, id(51)]);
    let guests = MemberFilter::Organization(world.organization, Some(Role::Guest));
    assert_eq!(members(ground, guests, BY_CREATION).await, vec![id(51)]);
    assert_eq!(members(ground, MemberFilter::User(id(51)), BY_CREATION).await, vec![id(51), id(51)]);
}

pub(super) async fn nobody_is_a_member_twice(ground: &Ground) {
    let world = World::new(ground).await;
    let again = Change::AddMembership(membership(world.organization, world.user, Role::Owner));
    let refused = ground.apply(again.clone()).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    ground.apply(Change::RemoveMembership(world.organization, world.user)).await.expect("removed");
    ground.apply(again).await.expect("back");
    let back = ground.backend.find_member(world.organization, world.user).await.expect("members");
    assert_eq!(back.map(|member| (member.role, member.revision)), Some((Role::Owner, 3)));
}

pub(super) async fn an_organization_is_changed_as_it_was_read(ground: &Ground) {
    let world = World::new(ground).await;
    let rename = |precondition| {
        let patch = OrganizationPatch { name: Some("Other".to_owned()), status: None };
        let change = AdminChange::of(Change::UpdateOrganization(world.organization, patch), Vec::new());
        Mutation::Administer(Box::new(AdminChange { preconditions: vec![precondition], ..change }))
    };
    let at = |revision| Precondition::Revision(Row::Organization(world.organization), revision);
    let member = |revision| Precondition::Revision(Row::Membership(world.organization, world.user), revision);
    let invitation = Precondition::Revision(Row::Invitation(id(77)), 1);
    for (precondition, expected) in [
        (at(1), None),
        (at(1), Some(Refusal::Changed)),
        (at(2), None),
        (member(1), None),
        (member(2), Some(Refusal::Changed)),
        (invitation, Some(Refusal::Changed)),
    ] {
        let answers = batch(ground, vec![rename(precondition)]).await;
        assert_eq!(refusal(&answers[0]), expected);
    }
    let read = whole(ground, world.organization).await;
    assert_eq!((read.name.as_str(), read.revision, read.epoch), ("Other", 4, 0));
}

pub(super) async fn a_suspension_by_a_patch_ends_what_a_suspension_ends(ground: &Ground) {
    let world = World::new(ground).await;
    let revision = ground.revision(Owner::Organization(world.organization)).await;
    let patch = OrganizationPatch { name: None, status: Some(OrganizationStatus::Suspended) };
    ground.apply(Change::UpdateOrganization(world.organization, patch)).await.expect("suspended");
    let read = whole(ground, world.organization).await;
    assert_eq!((read.status, read.epoch), (OrganizationStatus::Suspended, 1));
    assert!(ground.revision(Owner::Organization(world.organization)).await > revision);
    assert_eq!(ground.number("SELECT count(*) FROM doubts WHERE kind = 'organization'").await, 1);
}

pub(super) async fn a_deleted_organization_leaves_its_name_alone(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::Organization(world.organization);
    ground.apply(Change::DeleteOrganization(world.organization)).await.expect("deleted");

    let left = whole(ground, world.organization).await;
    assert_eq!(
        (left.name.as_str(), left.status, left.epoch),
        ("Development Team", OrganizationStatus::Deleted, 1)
    );
    assert_eq!(ground.backend.find_member(world.organization, world.user).await.expect("members"), None);
    assert_eq!(ground.backend.list_memberships(world.user).await.expect("memberships"), vec![]);
    let found = ground.backend.find_client(world.organization_client, NOW).await.expect("clients");
    let found = found.expect("the client");
    assert_eq!((found.client.active, found.client.epoch, found.secrets), (false, 1, vec![]));
    assert!(!found.owner_stands);
    assert!(ground.backend.load_credentials(&[world.shared]).await.expect("credentials").is_empty());
    assert_eq!(ground.backend.list_data_keys(owner).await.expect("keys"), vec![]);
    assert_eq!(ground.number("SELECT count(*) FROM doubts WHERE kind <> 'user'").await, 2);
    // What is somebody else's is left alone.
    ground.credential(world.personal).await;
}

pub(super) async fn nothing_is_written_for_a_deleted_organization(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::Organization(world.organization);
    ground.apply(Change::DeleteOrganization(world.organization)).await.expect("deleted");
    let patch = |status| OrganizationPatch { name: Some("Back".to_owned()), status };
    for change in [
        Change::DeleteOrganization(world.organization),
        Change::UpdateOrganization(world.organization, patch(None)),
        Change::UpdateOrganization(world.organization, patch(Some(OrganizationStatus::Active))),
        Change::SetOrganizationStatus(world.organization, OrganizationStatus::Active),
        Change::AddMembership(membership(world.organization, world.user, Role::Owner)),
        Change::PutMembership(membership(world.organization, world.user, Role::Owner)),
        Change::CreateCredential(super::world::credential(id(60), owner, "jira", "main")),
        Change::SetClientRole(world.organization_client, Role::Admin),
    ] {
        let answer = ground.apply(change.clone()).await;
        assert!(matches!(answer, Err(StoreError::Missing(_))), "{change:?}: {answer:?}");
    }
}

pub(super) async fn a_role_carries_what_is_shared_with_it(ground: &Ground) {
    let world = World::new(ground).await;
    ground.lend(&[world.lease(0), world.lease(1)]).await;
    let count = async |of| ground.backend.count_leases(of, NOW).await.expect("a count");
    let beyond = |role| LeasesOf::MembershipBeyond(world.organization, world.user, role);
    assert_eq!(count(LeasesOf::Membership(world.organization, world.user)).await, 2);
    assert_eq!(count(beyond(Role::Member)).await, 0, "shared with all members");
    assert_eq!(count(beyond(Role::Guest)).await, 2);
    let later = ground.backend.count_leases(beyond(Role::Guest), NOW.plus_seconds(9_999)).await;
    assert_eq!(later.expect("a count"), 0);
}
