//! Credentials, holdings, entitlements.

use super::{
    ground::Ground,
    world::{NOW, World, all_members, credential, id, membership, organization, rotation, sealed},
};
use crate::{
    model::{
        credential::{Credential, CredentialFilter, CredentialStatus, Holder},
        holdings::Subject,
        id::CredentialId,
        organization::{Membership, OrganizationStatus, Role, SharingEntry, SharingRule},
        owner::Owner,
        page::{ListQuery, Order, OrderKey, PageSize},
        resolution::CredentialFacts,
    },
    store::{
        StoreError,
        admin::{Change, CredentialPatch, WrappedDataKey},
    },
};

pub(super) async fn the_first_is_primary_and_deleting_it_promotes_the_oldest(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::User(world.user);
    let (created_at, rotated_at) = (NOW.plus_seconds(2), NOW.plus_seconds(2));
    let newer = Credential { created_at, rotated_at, ..credential(id(20), owner, "jira", "b") };
    let older = Credential { created_at: NOW.plus_seconds(1), ..credential(id(21), owner, "jira", "c") };
    for credential in [newer.clone(), older.clone()] {
        ground.apply(Change::CreateCredential(credential)).await.expect("deposited");
    }
    assert!(ground.credential(world.personal).await.primary);
    assert_eq!(ground.credential(id(20)).await, newer);
    let twin = ground.apply(Change::CreateCredential(credential(id(22), owner, "jira", "b"))).await;
    assert!(matches!(twin, Err(StoreError::Conflict { .. })), "{twin:?}");

    ground.apply(Change::DeleteCredential(world.personal)).await.expect("deleted");
    assert!(ground.backend.load_credentials(&[world.personal]).await.expect("credentials").is_empty());
    assert!(ground.credential(id(21)).await.primary);
    assert!(!ground.credential(id(20)).await.primary);
    ground.apply(Change::DeleteCredential(id(20))).await.expect("deleted");
    assert!(ground.credential(id(21)).await.primary);
    let chosen = Credential { primary: true, ..credential(id(23), owner, "jira", "d") };
    ground.apply(Change::CreateCredential(chosen)).await.expect("deposited");
    assert!(ground.credential(id(23)).await.primary);
    assert!(!ground.credential(id(21)).await.primary);
}

pub(super) async fn a_rotation_needs_the_next_version(ground: &Ground) {
    let world = World::new(ground).await;
    let rotate = |id: CredentialId, version| rotation(id, version, sealed("dky_new", 2), Some(NOW));
    for version in [1, 3] {
        let refused = ground.apply(rotate(world.personal, version)).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    }
    assert!(matches!(ground.apply(rotate(id(99), 2)).await, Err(StoreError::Missing(_))));
    assert_eq!(ground.apply(rotate(world.personal, 2)).await.expect("rotated"), 1);
    let Credential { version, epoch, sealed: value, expires_at, .. } =
        ground.credential(world.personal).await;
    assert_eq!((version, epoch, value, expires_at), (2, 1, sealed("dky_new", 2), Some(NOW)));
}

pub(super) async fn every_change_raises_epoch_and_revision(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::Organization(world.organization);
    let mut revision = ground.revision(owner).await;
    for (number, change) in [
        Change::SetCredentialStatus(world.shared, CredentialStatus::Inactive),
        Change::SetCredentialSharing(world.shared, SharingRule::default()),
    ]
    .into_iter()
    .enumerate()
    {
        ground.apply(change).await.expect("changed");
        revision += 1;
        assert_eq!(ground.revision(owner).await, revision);
        assert_eq!(ground.credential(world.shared).await.epoch, i64::try_from(number).expect("small") + 1);
    }
    let changed = ground.credential(world.shared).await;
    assert_eq!((changed.status, changed.sharing), (CredentialStatus::Inactive, SharingRule::default()));
    ground.apply(Change::DeleteCredential(world.shared)).await.expect("deleted");
    assert_eq!(ground.revision(owner).await, revision + 1);
    let stranger =
        ground.apply(Change::CreateCredential(credential(id(30), Owner::User(id(99)), "x", "y"))).await;
    assert!(matches!(stranger, Err(StoreError::Missing("the owner"))), "{stranger:?}");
}

pub(super) async fn holdings_are_ordered_and_carry_revisions(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::User(world.user);
    for (number, account, after) in [(31, "b", 2), (32, "a", 1)] {
        let more = Credential {
            created_at: NOW.plus_seconds(after),
            ..credential(id(number), owner, "jira", account)
        };
        ground.apply(Change::CreateCredential(more)).await.expect("deposited");
    }
    ground.apply(Change::CreateOrganization(organization(id(50)))).await.expect("an organization");
    let earlier =
        Membership { created_at: NOW.plus_seconds(-9), ..membership(id(50), world.user, Role::Guest) };
    ground.apply(Change::PutMembership(earlier)).await.expect("a membership");
    ground.apply(Change::CreateOrganization(organization(id(51)))).await.expect("an organization of others");

    let holdings = ground.backend.load_holdings(Subject::User(world.user)).await.expect("holdings");
    let personal: Vec<CredentialId> = holdings.personal.iter().map(|credential| credential.id).collect();
    assert_eq!(personal, vec![world.personal, id(32), id(31)]);
    let organizations: Vec<_> = holdings.organizations.iter().map(|o| (o.organization_id, o.role)).collect();
    assert_eq!(organizations, vec![(id(50), Role::Guest), (world.organization, Role::Member)]);
    let shared = holdings.organizations.last().expect("the organization");
    assert_eq!(shared.credentials.iter().map(|c| c.id).collect::<Vec<_>>(), vec![world.shared]);
    assert_eq!(
        (shared.status, shared.epoch, shared.membership_epoch),
        (OrganizationStatus::Active, 0, Some(0))
    );
    let mut revisions = holdings.revisions;
    revisions.sort_unstable();
    let mut expected = Vec::new();
    for owner in [Owner::Organization(world.organization), Owner::Organization(id(50)), owner] {
        expected.push((owner, ground.revision(owner).await));
    }
    expected.sort_unstable();
    assert_eq!(revisions, expected);
}

pub(super) async fn a_client_of_an_organization_holds_what_that_holds(ground: &Ground) {
    let world = World::new(ground).await;
    let subject = Subject::OrganizationClient { organization_id: world.organization, role: Role::Admin };
    let holdings = ground.backend.load_holdings(subject).await.expect("holdings");
    assert!(holdings.personal.is_empty());
    let owner = Owner::Organization(world.organization);
    assert_eq!(holdings.revisions, vec![(owner, ground.revision(owner).await)]);
    let [only] = holdings.organizations.as_slice() else { panic!("one organization") };
    assert_eq!((only.role, only.membership_epoch, only.credentials.len()), (Role::Admin, None, 1));
}

pub(super) async fn a_corrupt_row_costs_nobody_the_others(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::User(world.user);
    ground.apply(Change::CreateCredential(credential(id(40), owner, "todo", "x"))).await.expect("deposited");
    ground.tamper(&format!("UPDATE credentials SET status = 'maybe' WHERE id = '{}'", world.personal)).await;
    let loaded = ground.backend.load_credentials(&[world.personal, id(40)]).await.expect("credentials");
    let (good, bad): (Vec<_>, Vec<_>) = loaded.into_iter().partition(Result::is_ok);
    assert_eq!(good.into_iter().flatten().map(|c| c.id).collect::<Vec<_>>(), vec![id(40)]);
    let place = match bad.into_iter().next() {
        Some(Err(StoreError::Corrupt { table, column, row })) => (table, column, row),
        other => panic!("{other:?}"),
    };
    assert_eq!(place, ("credentials", "status", world.personal.to_string()));
    let holdings = ground.backend.load_holdings(Subject::User(world.user)).await.expect("holdings");
    assert_eq!(holdings.personal.iter().map(|c| c.id).collect::<Vec<_>>(), vec![id(40)]);
    assert_eq!(holdings.unreadable.iter().map(|c| c.owner).collect::<Vec<_>>(), vec![owner]);
}

pub(super) async fn resealing_walks_through_what_the_newest_key_did_not_seal(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::User(world.user);
    for (number, account) in [(41, "x"), (42, "y")] {
        ground
            .apply(Change::CreateCredential(credential(id(number), owner, "todo", account)))
            .await
            .expect("deposited");
    }
    let newest = id(60);
    let key = WrappedDataKey { id: newest, owner, version: 1, wrapped: sealed("root", 1), created_at: NOW };
    ground.apply(Change::CreateDataKey(key)).await.expect("a key");
    let listed = async |after, limit| {
        let found = ground.backend.list_credentials_by_owner(owner, after, limit).await.expect("credentials");
        found.into_iter().map(|credential| credential.id).collect::<Vec<CredentialId>>()
    };
    assert_eq!(listed(None, 10).await, vec![world.personal, id(41), id(42)]);
    assert_eq!(listed(Some(world.personal), 1).await, vec![id(41)]);
    let to = sealed(&newest.to_string(), 9);
    let reseal = |from| Change::ResealCredential { id: id(41), from, to: to.clone() };
    let before = (ground.revision(owner).await, ground.credential(id(41)).await);
    assert_eq!(ground.apply(reseal(sealed("dky_old", 1))).await.expect("resealed"), 1);
    assert_eq!(ground.apply(reseal(sealed("dky_old", 1))).await.expect("done before"), 0);
    assert_eq!(listed(None, 10).await, vec![world.personal, id(42)]);
    assert_eq!(ground.revision(owner).await, before.0, "nothing that can be borrowed changed");
    assert_eq!(ground.credential(id(41)).await, Credential { sealed: to.clone(), ..before.1 });
}

pub(super) async fn entitlements_tell_the_present(ground: &Ground) {
    let world = World::new(ground).await;
    let (lease, of_organization) = (world.lease(1), world.organization_lease(2));
    ground.lend(&[lease.clone(), of_organization.clone()]).await;
    ground.apply(Change::DeleteCredential(world.personal)).await.expect("deleted");
    ground
        .apply(Change::PutMembership(membership(world.organization, world.user, Role::Admin)))
        .await
        .expect("promoted");
    ground.apply(Change::SetCredentialSharing(world.shared, all_members())).await.expect("shared");
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let found = tx.entitlements(&[lease.lease.id, of_organization.lease.id]).await.expect("entitlements");
    let [(_, personal, gone), (_, shared, present), (last, _, of_client)] = found.as_slice() else {
        panic!("three sources: {found:?}")
    };
    assert_eq!((personal, gone.credential.clone()), (&world.personal_source(), None));
    assert_eq!(shared, &world.shared_source());
    let facts =
        CredentialFacts { status: CredentialStatus::Active, sharing: all_members(), epoch: 1, version: 1 };
    assert_eq!(present.credential, Some(facts));
    assert_eq!(present.organization, Some((OrganizationStatus::Active, 0)));
    assert_eq!((present.membership, present.user), (Some((Role::Admin, Some(1))), Some(world.user)));
    assert_eq!(*last, of_organization.lease.id);
    assert_eq!((of_client.membership, of_client.user), (Some((Role::Member, None)), None));
    drop(tx);
    ground.apply(Change::RemoveMembership(world.organization, world.user)).await.expect("removed");
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let found = tx.entitlements(&[lease.lease.id]).await.expect("entitlements");
    assert_eq!(found.last().expect("a source").2.membership, None);
}

pub(super) async fn updates_change_what_is_named_and_raise_revisions(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::Organization(world.organization);
    let other = credential(id(60), owner, "notion", "other");
    ground.apply(Change::CreateCredential(other)).await.expect("deposited");
    assert_eq!(ground.credential(world.shared).await.revision, 1);

    let patch = CredentialPatch { becomes_primary: true, ..CredentialPatch::default() };
    let before = ground.revision(owner).await;
    ground.apply(Change::UpdateCredential(id(60), patch)).await.expect("changed");
    let (now, then) = (ground.credential(id(60)).await, ground.credential(world.shared).await);
    assert_eq!((now.primary, now.epoch, now.revision), (true, 0, 2));
    assert_eq!((then.primary, then.epoch, then.revision), (false, 0, 2));
    assert!(ground.revision(owner).await > before);

    let sharing = Some(SharingRule(vec![SharingEntry::AdminsOnly]));
    let patch = CredentialPatch { sharing, status: Some(CredentialStatus::Inactive), becomes_primary: false };
    ground.apply(Change::UpdateCredential(id(60), patch)).await.expect("changed");
    let changed = ground.credential(id(60)).await;
    assert_eq!((changed.status, changed.epoch, changed.revision), (CredentialStatus::Inactive, 2, 4));
    assert_eq!(changed.sharing, SharingRule(vec![SharingEntry::AdminsOnly]));

    ground.apply(rotation(id(60), 2, sealed("dky", 3), None)).await.expect("rotated");
    let rotated = ground.credential(id(60)).await;
    assert_eq!((rotated.version, rotated.revision, rotated.rotated_at), (2, 5, NOW.plus_seconds(1)));
    assert_eq!(rotated.fields.iter().collect::<Vec<_>>(), ["access_token", "base_url"]);
    let nothing = ground.apply(Change::UpdateCredential(id(61), CredentialPatch::default())).await;
    assert!(matches!(nothing, Err(StoreError::Missing(_))), "{nothing:?}");
}

pub(super) async fn lists_are_of_everybody_or_of_one_owner(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::Organization(world.organization);
    for (number, service, status) in
        [(70, "tray", CredentialStatus::Active), (71, "anthropic", CredentialStatus::Inactive)]
    {
        let credential = Credential { status, ..credential(id(number), owner, service, "a") };
        ground.apply(Change::CreateCredential(credential)).await.expect("deposited");
    }
    let list = async |owner, service: Option<&str>, status, key| {
        let service = service.map(|name| name.parse().expect("a service"));
        let filter = CredentialFilter { owner, service, status };
        let order = Order { key, descending: false };
        let mut query =
            ListQuery { filter, order, after: None, size: PageSize::from_number(1).expect("a size") };
        let mut found: Vec<CredentialId> = Vec::new();
        loop {
            let page = ground.backend.list_credentials(&query).await.expect("a page");
            found.extend(page.items.iter().map(|credential| credential.id));
            query.after = page.next;
            if query.after.is_none() {
                return found;
            }
        }
    };
    let (made, named) = (OrderKey::CreatedAt, OrderKey::Service);
    assert_eq!(list(Some(owner), None, None, named).await, [id(71), world.shared, id(70)]);
    assert_eq!(list(Some(Owner::User(world.user)), None, None, made).await, [world.personal]);
    assert_eq!(list(None, None, None, made).await.len(), 4);
    assert_eq!(list(None, Some("tray"), None, made).await, [id(70)]);
    assert_eq!(list(None, None, Some(CredentialStatus::Inactive), named).await, [id(71)]);
    assert!(list(Some(Owner::System), None, None, made).await.is_empty());
}

pub(super) async fn holders_are_told_with_their_roles(ground: &Ground) {
    let world = World::new(ground).await;
    ground.lend(&[world.lease(1), world.lease(2), world.organization_lease(3)]).await;
    let holders = async || {
        let mut found = ground.backend.list_holders(world.shared, NOW).await.expect("holders");
        found.sort_by_key(|holder| holder.leases);
        found
    };
    let client = Holder { user: None, role: Some(Role::Member), leases: 1 };
    let person = |role| Holder { user: Some(world.user), role, leases: 2 };
    assert_eq!(holders().await, [client, person(Some(Role::Member))]);
    ground
        .apply(Change::PutMembership(membership(world.organization, world.user, Role::Admin)))
        .await
        .expect("changed");
    assert_eq!(holders().await, [client, person(Some(Role::Admin))]);
}
