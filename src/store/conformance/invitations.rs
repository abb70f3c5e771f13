//! Invitations.

use super::{
    ground::Ground,
    world::{NOW, World, id, membership, minted, organization, user},
};
use InvitationStatus::{Open, Unvouched};

use crate::{
    model::{
        id::{InvitationId, OrganizationId},
        instant::Instant,
        invitation::{INVITATION_SECONDS, Invitation, InvitationFacts, InvitationStatus, Resending},
        organization::Role,
        owner::Owner,
        page::{ListQuery, Order, OrderKey, PageSize},
        token::Token,
    },
    store::{
        StoreError,
        admin::{Acceptance, Change},
    },
};

/// An offer by the world's user.
fn invitation(world: &World, number: u32, email: &str) -> Invitation {
    Invitation {
        id: id(number),
        organization_id: world.organization,
        email: email.to_owned(),
        role: Role::Member,
        invited_by: world.user.to_string(),
        by_operator: false,
        registers_because: None,
        created_at: NOW,
        expires_at: NOW.plus_seconds(INVITATION_SECONDS),
        revision: 1,
    }
}

fn create(invitation: &Invitation, digest: &str) -> Change {
    Change::CreateInvitation(invitation.clone(), digest.to_owned())
}

fn accept(number: u32, revision: i64, user: u32, at: Instant) -> Acceptance {
    Acceptance { id: id(number), revision, user_id: id(user), at }
}

async fn facts(ground: &Ground, id: InvitationId) -> Option<InvitationFacts> {
    ground.backend.find_invitation(id).await.expect("invitations")
}

/// The world, whose user is an owner, and Bob, who is not a member.
async fn ground_for_inviting(ground: &Ground) -> World {
    let world = World::new(ground).await;
    let owner = Change::PutMembership(membership(world.organization, world.user, Role::Owner));
    ground.apply(owner).await.expect("an owner");
    ground.apply(Change::CreateUser(user(id(50), "bob@example.org"))).await.expect("Bob");
    world
}

pub(super) async fn an_address_is_invited_once(ground: &Ground) {
    let world = ground_for_inviting(ground).await;
    let first = invitation(&world, 60, "bob@example.org");
    ground.apply(create(&first, "one")).await.expect("invited");
    let found = facts(ground, id(60)).await.expect("the invitation");
    let name = "Development Team".to_owned();
    let expected = InvitationFacts {
        invitation: first.clone(),
        organization_name: name,
        organization_active: true,
        inviter_role: Some(Role::Owner),
    };
    assert_eq!(found, expected);
    let by_digest = ground.backend.find_invitation_by_digest("one").await.expect("invitations");
    assert_eq!(by_digest, Some(expected));
    assert_eq!(ground.backend.find_invitation_by_digest("two").await.expect("invitations"), None);

    let again = Invitation { id: id(61), ..first.clone() };
    let is_refused = |done: Result<u64, StoreError>| matches!(done, Err(StoreError::Conflict { .. }));
    assert!(is_refused(ground.apply(create(&again, "two")).await));
    assert!(
        is_refused(ground.apply(create(&invitation(&world, 62, "ada@example.org"), "two")).await),
        "a member"
    );
    let nowhere = Invitation { organization_id: id(99), ..invitation(&world, 63, "eve@example.org") };
    assert!(matches!(ground.apply(create(&nowhere, "two")).await, Err(StoreError::Missing(_))));

    let later = Invitation { created_at: first.expires_at, ..again };
    ground.apply(create(&later, "three")).await.expect("the first ran out");
    assert_eq!(facts(ground, id(60)).await, None);
    assert!(facts(ground, id(61)).await.is_some());
}

pub(super) async fn an_invitation_is_accepted_once(ground: &Ground) {
    let world = ground_for_inviting(ground).await;
    ground.apply(create(&invitation(&world, 60, "bob@example.org"), "one")).await.expect("invited");
    let revision = ground.revision(Owner::User(id(50))).await;
    let stale = Change::AcceptInvitation(accept(60, 2, 50, NOW));
    assert!(matches!(ground.apply(stale).await, Err(StoreError::Missing("the invitation"))));
    let take = Change::AcceptInvitation(accept(60, 1, 50, NOW));
    ground.apply(take.clone()).await.expect("accepted");
    assert!(matches!(ground.apply(take).await, Err(StoreError::Missing("the invitation"))));
    let member = ground.backend.find_member(world.organization, id(50)).await.expect("members");
    assert_eq!(member.map(|member| member.role), Some(Role::Member));
    assert_eq!(ground.revision(Owner::User(id(50))).await, revision + 1);
    assert_eq!(facts(ground, id(60)).await, None);
}

pub(super) async fn an_invitation_falls_with_whoever_made_it(ground: &Ground) {
    let world = ground_for_inviting(ground).await;
    ground
        .apply(Change::AddMembership(membership(world.organization, id(50), Role::Owner)))
        .await
        .expect("Bob");
    let by_client = world.organization_client.to_string();
    let mut made = Vec::new();
    for (number, invited_by, by_operator) in
        [(60, world.user.to_string(), false), (61, by_client, false), (62, "tok_x".to_owned(), true)]
    {
        let new = invitation(&world, number, &format!("{number}@example.org"));
        let new = Invitation { invited_by, by_operator, ..new };
        ground.apply(create(&new, &number.to_string())).await.expect("invited");
        made.push(new.id);
    }
    let statuses = async || {
        let mut statuses = Vec::new();
        for id in &made {
            statuses.push(facts(ground, *id).await.expect("the invitation").status(NOW));
        }
        statuses
    };
    assert_eq!(statuses().await, [Open, Unvouched, Open], "the client is a mere member");
    ground.apply(Change::SetClientRole(world.organization_client, Role::Admin)).await.expect("an admin");
    assert_eq!(statuses().await, [Open, Open, Open]);
    ground.apply(Change::SetClientActive(world.organization_client, false)).await.expect("off");
    ground.apply(Change::SetUserActive(world.user, false)).await.expect("off");
    assert_eq!(statuses().await, [Unvouched, Unvouched, Open]);
    ground.apply(Change::SetUserActive(world.user, true)).await.expect("on");
    ground.apply(Change::RemoveMembership(world.organization, world.user)).await.expect("removed");
    assert_eq!(statuses().await, [Unvouched, Unvouched, Open]);

    let mut late = accept(60, 1, 1, NOW);
    late.user_id = world.user;
    let refused = ground.apply(Change::AcceptInvitation(late)).await;
    assert!(matches!(refused, Err(StoreError::Missing("the invitation"))), "{refused:?}");
}

pub(super) async fn sending_again_is_a_new_secret_and_a_new_time(ground: &Ground) {
    let world = ground_for_inviting(ground).await;
    let because = Some("known in person".to_owned());
    let new = Invitation {
        registers_because: because.clone(),
        by_operator: true,
        ..invitation(&world, 60, "new@example.org")
    };
    ground.apply(create(&new, "one")).await.expect("invited");
    let resending = Resending {
        id: id(60),
        digest: "two".to_owned(),
        invited_by: "tok_x".to_owned(),
        by_operator: true,
        keeps_registering: true,
        expires_at: new.expires_at.plus_seconds(9),
    };
    ground.apply(Change::ResendInvitation(resending.clone())).await.expect("sent again");
    assert_eq!(ground.backend.find_invitation_by_digest("one").await.expect("invitations"), None);
    let found = ground.backend.find_invitation_by_digest("two").await.expect("invitations");
    let found = found.expect("the invitation").invitation;
    let expected =
        Invitation { invited_by: "tok_x".to_owned(), expires_at: resending.expires_at, revision: 2, ..new };
    assert_eq!(found, expected);

    let by_another = Resending { by_operator: false, keeps_registering: false, ..resending };
    ground.apply(Change::ResendInvitation(by_another)).await.expect("sent again");
    let found = facts(ground, id(60)).await.expect("the invitation").invitation;
    assert_eq!((found.registers_because, found.by_operator), (None, false));
    let unknown = Change::RevokeInvitation(id(99));
    assert!(matches!(ground.apply(unknown).await, Err(StoreError::Missing(_))));
    ground.apply(Change::RevokeInvitation(id(60))).await.expect("taken back");
    assert_eq!(facts(ground, id(60)).await, None);
}

pub(super) async fn a_new_user_comes_with_the_acceptance_or_not_at_all(ground: &Ground) {
    let world = ground_for_inviting(ground).await;
    let new = Invitation { by_operator: true, ..invitation(&world, 60, "new@example.org") };
    ground.apply(create(&new, "one")).await.expect("invited");
    let token = Token { id: id(71), user_id: Some(id(70)), owner: Owner::User(id(70)), ..world.mcp() };
    let register = |revision| {
        let minted = minted(token.clone(), "token-digest");
        let made = (accept(60, revision, 70, NOW), user(id(70), "new@example.org"), minted);
        Change::RegisterInvited(Box::new(made))
    };
    assert!(matches!(ground.apply(register(2)).await, Err(StoreError::Missing("the invitation"))));
    assert_eq!(ground.backend.find_user(id(70)).await.expect("users"), None);
    ground.apply(register(1)).await.expect("registered");
    assert!(ground.backend.find_member(world.organization, id(70)).await.expect("members").is_some());
    let found = ground.backend.find_mcp_token("token-digest").await.expect("tokens");
    assert_eq!(found.map(|token| token.user_id), Some(Some(id(70))));
}

pub(super) async fn membership_uses_an_invitation_up(ground: &Ground) {
    let world = ground_for_inviting(ground).await;
    ground.apply(Change::FoundOrganization(organization(id(52)), world.user)).await.expect("another");
    ground.apply(create(&invitation(&world, 60, "bob@example.org"), "one")).await.expect("invited");
    let elsewhere = Invitation { organization_id: id(52), ..invitation(&world, 61, "bob@example.org") };
    ground.apply(create(&elsewhere, "two")).await.expect("invited");
    ground
        .apply(Change::AddMembership(membership(world.organization, id(50), Role::Guest)))
        .await
        .expect("Bob");
    assert_eq!(facts(ground, id(60)).await, None);
    assert!(facts(ground, id(61)).await.is_some(), "another organization's");
    ground.apply(Change::DeleteOrganization(id(52))).await.expect("deleted");
    assert_eq!(facts(ground, id(61)).await, None);
}

pub(super) async fn invitations_are_listed_and_pruned(ground: &Ground) {
    let world = ground_for_inviting(ground).await;
    for (number, email) in [(60, "c@example.org"), (61, "a@example.org"), (62, "b@example.org")] {
        let new = invitation(&world, number, email);
        let expires_at = NOW.plus_seconds(i64::from(number));
        ground.apply(create(&Invitation { expires_at, ..new }, email)).await.expect("invited");
    }
    let walk = async |organization: OrganizationId, key| {
        let order = Order { key, descending: false };
        let size = PageSize::from_number(2).expect("a size");
        let mut query = ListQuery { filter: organization, order, after: None, size };
        let first = ground.backend.list_invitations(&query).await.expect("a page");
        query.after = first.next.clone();
        let second = match query.after {
            Some(_) => ground.backend.list_invitations(&query).await.expect("a page").items,
            None => Vec::new(),
        };
        first.items.into_iter().chain(second).map(|facts| facts.invitation.id).collect::<Vec<_>>()
    };
    assert_eq!(walk(world.organization, OrderKey::CreatedAt).await, vec![id(60), id(61), id(62)]);
    assert_eq!(walk(world.organization, OrderKey::Email).await, vec![id(61), id(62), id(60)]);
    assert_eq!(walk(id(99), OrderKey::Email).await, vec![]);

    let week_after = |seconds| NOW.plus_seconds(INVITATION_SECONDS + seconds);
    assert_eq!(ground.apply(Change::Prune(week_after(60), 10)).await.expect("pruned"), 0);
    assert_eq!(ground.apply(Change::Prune(week_after(63), 2)).await.expect("pruned"), 2);
    assert_eq!(walk(world.organization, OrderKey::CreatedAt).await, vec![id(62)]);
}
