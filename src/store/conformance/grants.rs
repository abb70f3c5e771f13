//! Grants, links to connect accounts, and counted calls: each step is taken by one.

use super::{
    ground::Ground,
    world::{NOW, World, all_members, credential, id, rotation, sealed},
};
use crate::{
    model::{
        connection::{ConnectLink, LINK_SECONDS, LinkState},
        credential::{Credential, CredentialStatus},
        grant::Grant,
        id::CredentialId,
        owner::Owner,
    },
    store::{
        StoreError,
        admin::{Change, GrantChange, GrantClaim, LeftGrant, LinkChange, RenewedGrant, UpstreamCall},
    },
};

pub(super) async fn one_refresher_has_the_claim_until_it_runs_out(ground: &Ground) {
    let world = World::new(ground).await;
    ground.apply(put(&world, 1)).await.expect("a grant");
    let id = world.personal;
    assert_eq!(ground.apply(claim(id, 1, "one", 0)).await.expect("claimed"), 1);
    assert_eq!(ground.apply(claim(id, 1, "two", 44)).await.expect("refused"), 0);
    assert_eq!(ground.apply(claim(id, 2, "two", 45)).await.expect("refused"), 0, "of another version");
    assert_eq!(ground.apply(claim(id, 1, "two", 45)).await.expect("claimed"), 1);
    let held = ground.backend.find_grant(id).await.expect("a grant").expect("a grant");
    assert_eq!((held.times_sent("a token"), held.times_sent("another")), (2, 0));

    let late = ground.apply(Change::Grant(GrantChange::Renew(Box::new(renewed(id, "one"))))).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })), "{late:?}");
    let together = Change::All(vec![
        rotation(id, 2, sealed("dky_new", 2), Some(NOW)),
        Change::Grant(GrantChange::Renew(Box::new(renewed(id, "one")))),
    ]);
    assert!(ground.apply(together).await.is_err());
    assert_eq!(ground.credential(id).await.version, 1, "all of it or nothing");
    ground.apply(Change::Grant(GrantChange::Renew(Box::new(renewed(id, "two"))))).await.expect("renewed");
    let renewed = ground.backend.find_grant(id).await.expect("a grant").expect("a grant");
    assert_eq!((renewed.version, renewed.claim, renewed.attempt), (2, None, None));
    assert_eq!(renewed.sealed, sealed("dky_new", 3));

    ground.apply(claim(id, 2, "three", 0)).await.expect("claimed");
    let left = LeftGrant {
        id,
        claim: "three".to_owned(),
        failures: 1,
        failure: Some("away".to_owned()),
        due_at: Some(NOW),
        uncertain: 0,
        reported_at: None,
    };
    ground.apply(Change::Grant(GrantChange::Leave(left))).await.expect("left");
    let left = ground.backend.find_grant(id).await.expect("a grant").expect("a grant");
    assert_eq!(
        (left.failures, left.failure.as_deref(), left.attempt, left.claim),
        (1, Some("away"), None, None)
    );
    assert!(matches!(ground.apply(put(&world, 2)).await, Err(StoreError::Conflict { .. })));
    ground.apply(Change::DeleteCredential(id)).await.expect("deleted");
    assert_eq!(ground.backend.find_grant(id).await.expect("none"), None, "it goes with its credential");
}

pub(super) async fn what_is_due_is_shared_out_among_services(ground: &Ground) {
    let world = World::new(ground).await;
    let owner = Owner::User(world.user);
    for (number, service) in (40..50).map(|number| (number, "tray")).chain([(60, "todo")]) {
        let made = credential(id(number), owner, service, &number.to_string());
        ground.apply(Change::CreateCredential(made.clone())).await.expect("deposited");
        let grant = Grant { due_at: Some(NOW.plus_seconds(i64::from(number))), ..grant(&made, 1) };
        ground.apply(Change::Grant(GrantChange::Put(Box::new(grant)))).await.expect("a grant");
    }
    ground.apply(claim(id(41), 1, "one", 99)).await.expect("claimed");
    ground.apply(Change::SetCredentialStatus(id(42), CredentialStatus::Inactive)).await.expect("switched");
    let due = ground.backend.list_due_grants(NOW.plus_seconds(100), 3).await.expect("grants");
    let due: Vec<CredentialId> = due.into_iter().map(|grant| grant.credential_id).collect();
    assert_eq!(due, [id(40), id(43), id(44), id(60)], "neither the claimed nor the inactive, three of each");
    ground.apply(Change::Grant(GrantChange::Postpone(id(40), None))).await.expect("put off");
    let due = ground.backend.list_due_grants(NOW.plus_seconds(43), 3).await.expect("grants");
    assert_eq!(due.len(), 1);
}

pub(super) async fn what_the_service_says_leaves_the_owners_switch(ground: &Ground) {
    let world = World::new(ground).await;
    let dead =
        |id| Change::SetCredentialCondition(id, CredentialStatus::NeedsReauth, Some("gone".to_owned()));
    assert_eq!(ground.apply(dead(world.personal)).await.expect("set"), 1);
    let Credential { status, status_reason, epoch, .. } = ground.credential(world.personal).await;
    assert_eq!((status, status_reason.as_deref(), epoch), (CredentialStatus::NeedsReauth, Some("gone"), 1));
    ground
        .apply(Change::SetCredentialStatus(world.personal, CredentialStatus::Inactive))
        .await
        .expect("switched off");
    assert_eq!(ground.apply(dead(world.personal)).await.expect("nothing"), 0);
    assert_eq!(ground.credential(world.personal).await.status, CredentialStatus::Inactive);
}

pub(super) async fn a_link_takes_each_step_once(ground: &Ground) {
    let world = World::new(ground).await;
    let link = ConnectLink {
        id: id(70),
        owner: Owner::User(world.user),
        service: "tray".parse().expect("a service"),
        account: "main".parse().expect("an account"),
        sharing: all_members(),
        reconnects: false,
        credential_id: None,
        start: serde_json::Map::new(),
        requested_by: world.user.to_string(),
        requester: "Ann".to_owned(),
        state: LinkState::Open,
        failure: None,
        browser: None,
        identity: None,
        created_at: NOW,
        expires_at: NOW.plus_seconds(LINK_SECONDS),
    };
    let step = async |change| ground.apply(Change::Link(change)).await;
    step(LinkChange::Create(Box::new(link.clone()), "digest".to_owned())).await.expect("a link");
    let found = ground.backend.find_connect_link_by_digest("digest").await.expect("a link");
    assert_eq!(found, Some(link.clone()));
    let begin = |browser: &str, seconds| {
        LinkChange::Begin(link.id, browser.to_owned(), "flow".to_owned(), NOW.plus_seconds(seconds))
    };
    assert_eq!(step(LinkChange::Bind(link.id, "first".to_owned())).await.expect("bound"), 1);
    assert_eq!(step(LinkChange::Bind(link.id, "second".to_owned())).await.expect("not"), 0);
    assert_eq!(step(begin("second", 1)).await.expect("not"), 0);
    assert_eq!(step(begin("first", LINK_SECONDS)).await.expect("too late"), 0);
    assert_eq!(step(LinkChange::Exchange(link.id)).await.expect("not begun"), 0);
    assert_eq!(step(begin("first", 1)).await.expect("begun"), 1);
    assert!(ground.backend.find_connect_link_by_flow("flow").await.expect("a link").is_some());
    assert_eq!(step(LinkChange::Exchange(link.id)).await.expect("back"), 1);
    assert_eq!(step(LinkChange::Exchange(link.id)).await.expect("once"), 0);
    assert!(step(LinkChange::Confirm(link.id)).await.is_err(), "nothing was reached");
    let identity = Some("store 1".to_owned());
    step(LinkChange::Connect(link.id, world.personal, identity.clone())).await.expect("connected");
    step(LinkChange::Confirm(link.id)).await.expect("confirmed");
    assert_eq!(step(LinkChange::Fail(link.id, "late".to_owned())).await.expect("not"), 0);
    let done = ground.backend.find_connect_link(link.id).await.expect("a link").expect("a link");
    assert_eq!(
        (done.state, done.identity, done.credential_id),
        (LinkState::Confirmed, identity, Some(world.personal))
    );
}

pub(super) async fn calls_are_counted_up_to_the_limit(ground: &Ground) {
    let call = |slot| {
        let call = UpstreamCall { name: "tray".to_owned(), slot, most: 2 };
        Change::Grant(GrantChange::CountCall(call))
    };
    for (slot, taken) in [(1, 1), (1, 1), (1, 0), (2, 1), (1, 0), (2, 1), (2, 0)] {
        assert_eq!(ground.apply(call(slot)).await.expect("counted"), taken, "{slot}");
    }
}

fn put(world: &World, version: i64) -> Change {
    let made = credential(world.personal, Owner::User(world.user), "jira", "a");
    Change::Grant(GrantChange::Put(Box::new(grant(&made, version))))
}

fn grant(of: &Credential, version: i64) -> Grant {
    Grant {
        credential_id: of.id,
        owner: of.owner,
        service: of.service.clone(),
        version,
        sealed: sealed("dky_new", 1),
        refreshed_at: NOW,
        refresh_expires_at: None,
        due_at: None,
        failures: 0,
        failure: None,
        claim: None,
        attempt: None,
        reported_at: None,
    }
}

fn claim(id: CredentialId, version: i64, token: &str, seconds: i64) -> Change {
    let at = NOW.plus_seconds(seconds);
    Change::Grant(GrantChange::Claim(GrantClaim {
        id,
        version,
        token: token.to_owned(),
        at,
        until: at.plus_seconds(45),
        attempt: Some("a token".to_owned()),
    }))
}

fn renewed(id: CredentialId, claim: &str) -> RenewedGrant {
    RenewedGrant {
        id,
        claim: claim.to_owned(),
        version: 2,
        sealed: sealed("dky_new", 3),
        refresh_expires_at: None,
        due_at: None,
        reported_at: None,
        at: NOW,
    }
}
