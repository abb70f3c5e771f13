//! The committer over a real back end: batches, their outcomes, and the chain they leave.

use std::sync::Arc;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{
    ground::Ground,
    world::{NOW, World, id},
};
use crate::{
    clock::ManualClock,
    model::{
        audit::Actor,
        id::LeaseId,
        principal::Principal,
        renewal::UseRefusal,
        scope::ScopeSet,
        token::{Token, TokenReading, TokenRefusal},
    },
    store::{
        StoreError,
        admin::{AdminChange, Change, Fence, Precondition},
        chain::{ChainHead, next_hash},
        committer::{Commit, Committer, Observer, Reply},
        mutation::{Bearer, IssueToken, Mutation, Reach, ReadCredentials, Refusal, RenewLease, RevokeLease},
    },
};

struct Unobserved;

impl Observer for Unobserved {
    fn committed(&self, _: &Commit<'_>) {}
    fn failed(&self, _: &StoreError) {}
}

/// Hands everything in before the committer starts, so that it makes one batch; answers in the order given.
pub(super) async fn batch(ground: &Ground, mutations: Vec<Mutation>) -> Vec<Reply> {
    static CHAINS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = CHAINS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let head = ChainHead::new(format!("aud_{number}"), NOW);
    let clock = Arc::new(ManualClock::new(NOW));
    let (committer, writer) =
        Committer::new(Arc::clone(&ground.backend), clock, Arc::new(Unobserved), head, 1_000);
    let stop = CancellationToken::new();
    let answers = async {
        let answers = join_all(mutations.into_iter().map(|mutation| committer.submit(mutation))).await;
        stop.cancel();
        answers
    };
    tokio::join!(answers, writer.run(stop.clone())).0
}

fn bearer(world: &World) -> Bearer {
    Bearer {
        token_id: world.access(0).id,
        reading: TokenReading { epoch: 0, withdrawals: Some(0) },
        principal: Principal::Client(world.client),
        scopes: Arc::new(ScopeSet::worker()),
    }
}

fn renew(world: &World, lease_id: LeaseId) -> Mutation {
    let (actor, bearer) = (Actor::system(), bearer(world));
    Mutation::RenewLease(RenewLease { actor, bearer, lease_id, ttl: None, with_sources: false })
}

fn revoke(world: &World, lease_id: LeaseId) -> Mutation {
    let (actor, bearer) = (Actor::system(), bearer(world));
    Mutation::RevokeLease(RevokeLease {
        actor,
        bearer,
        lease_id,
        reason: "done".to_owned(),
        reach: Reach::Own,
    })
}

fn read(world: &World, lease_id: LeaseId) -> Mutation {
    Mutation::ReadCredentials(ReadCredentials { actor: Actor::system(), bearer: bearer(world), lease_id })
}

fn issue(token: Token) -> Mutation {
    Mutation::IssueToken(Box::new(IssueToken {
        actor: Actor::system(),
        token,
        secret: "digest-1".to_owned(),
    }))
}

pub(super) fn refusal(reply: &Reply) -> Option<Refusal> {
    reply.as_ref().expect("decided").as_ref().err().copied()
}

/// A world with an access token and some leases of its client.
async fn lent(ground: &Ground, leases: u32) -> World {
    let world = World::new(ground).await;
    for reply in batch(ground, vec![issue(world.access(0))]).await {
        assert_eq!(refusal(&reply), None);
    }
    ground.lend(&(0..leases).map(|number| world.lease(number)).collect::<Vec<_>>()).await;
    world
}

pub(super) async fn one_bad_mutation_fails_alone(ground: &Ground) {
    let world = lent(ground, 0).await;
    // The id of token 0 is taken: the database refuses that row.
    let numbers = [1, 2, 0, 3, 4, 0, 5];
    let answers = batch(ground, numbers.map(|number| issue(world.access(number))).to_vec()).await;
    for (number, answer) in numbers.iter().zip(&answers) {
        match number {
            0 => assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}"),
            _ => assert_eq!(refusal(answer), None),
        }
    }
    assert_eq!(ground.number("SELECT count(*) FROM tokens WHERE kind = 'access'").await, 6);
}

pub(super) async fn one_renewal_left_is_granted_once(ground: &Ground) {
    let world = lent(ground, 1).await;
    ground.tamper("UPDATE leases SET renewal_count = 23").await;
    let lease = world.lease(0).lease.id;
    let answers = batch(ground, (0..25).map(|_| renew(&world, lease)).collect()).await;
    let granted = answers.iter().filter(|answer| refusal(answer).is_none()).count();
    let refused =
        answers.iter().filter(|a| refusal(a) == Some(Refusal::Use(UseRefusal::MaxRenewals))).count();
    assert_eq!((granted, refused), (1, 24));
    assert_eq!(ground.number("SELECT renewal_count FROM leases").await, 24);
}

pub(super) async fn a_revocation_comes_first_in_its_batch(ground: &Ground) {
    let world = lent(ground, 2).await;
    let (one, two) = (world.lease(0).lease.id, world.lease(1).lease.id);
    let batched = vec![renew(&world, one), read(&world, one), revoke(&world, one), renew(&world, two)];
    let answers = batch(ground, batched).await;
    let refusals: Vec<_> = answers.iter().map(refusal).collect();
    let revoked = Some(Refusal::Use(UseRefusal::Revoked));
    assert_eq!(refusals, vec![revoked, revoked, None, None]);
    assert_eq!(ground.number("SELECT count(*) FROM leases WHERE state = 'revoked'").await, 1);
}

pub(super) async fn a_fence_refuses_every_use_at_once(ground: &Ground) {
    let world = lent(ground, 1).await;
    let lease = world.lease(0).lease.id;
    let fence = Fence { id: "f".to_owned(), client_id: Some(world.client), ..Fence::default() };
    let change = AdminChange::of(Change::PlaceFence(fence), Vec::new());
    let answers = batch(
        ground,
        vec![Mutation::Administer(Box::new(change)), renew(&world, lease), read(&world, lease)],
    );
    let answers = answers.await;
    let revoked = Some(Refusal::Use(UseRefusal::Revoked));
    assert_eq!(answers.iter().map(refusal).collect::<Vec<_>>(), vec![None, revoked, revoked]);
}

pub(super) async fn the_token_is_judged_with_the_lease(ground: &Ground) {
    let world = lent(ground, 1).await;
    let lease = world.lease(0).lease.id;
    let change = AdminChange::of(Change::SetClientActive(world.client, false), Vec::new());
    let answers = batch(ground, vec![Mutation::Administer(Box::new(change)), renew(&world, lease)]).await;
    let inactive = Some(Refusal::Token(TokenRefusal::HolderInactive));
    assert_eq!(answers.iter().map(refusal).collect::<Vec<_>>(), vec![None, inactive]);
    let stranger = Bearer { token_id: id(99), ..bearer(&world) };
    let unknown = Mutation::ReadCredentials(ReadCredentials {
        actor: Actor::system(),
        bearer: stranger,
        lease_id: lease,
    });
    let answers = batch(ground, vec![unknown]).await;
    assert_eq!(refusal(&answers[0]), Some(Refusal::Token(TokenRefusal::Unknown)));
}

pub(super) async fn a_revocation_reaches_as_far_as_its_authority(ground: &Ground) {
    let world = lent(ground, 4).await;
    let mut personal = world.mcp_lease(9);
    personal.sources.truncate(1);
    ground.lend(&[world.mcp_lease(8), personal]).await;
    let by = |reach: Reach, number: u32| {
        let Mutation::RevokeLease(revoke) = revoke(&world, id(10_000 + number)) else { unreachable!() };
        Mutation::RevokeLease(RevokeLease { reach, ..revoke })
    };
    let resting = |epoch| {
        let membership = Precondition::Membership(world.organization, world.user, epoch);
        Reach::RestingOn(world.organization, vec![membership])
    };
    let answers = batch(
        ground,
        vec![
            by(Reach::Own, 8),
            by(resting(0), 8),
            by(resting(0), 9),
            by(resting(7), 1),
            by(Reach::RestingOn(id(90), Vec::new()), 1),
            by(Reach::Any, 9),
            by(Reach::Any, 77),
        ],
    )
    .await;
    let refusals: Vec<_> = answers.iter().map(refusal).collect();
    let (gone, moved) = (Some(Refusal::NotFound), Some(Refusal::AuthorityChanged));
    assert_eq!(refusals, vec![gone, None, gone, moved, gone, None, gone]);
    assert_eq!(ground.number("SELECT count(*) FROM leases WHERE state = 'revoked'").await, 2);
}

pub(super) async fn every_batch_continues_the_chain(ground: &Ground) {
    let world = lent(ground, 3).await;
    let leases = [0, 1, 2].map(|number| world.lease(number).lease.id);
    batch(ground, leases.map(|lease| renew(&world, lease)).to_vec()).await;
    let heads = ground.backend.list_chains().await.expect("chains");
    for head in heads {
        let mut hash = [0; 32];
        let records = ground.backend.read_chain(&head.chain_id, 0, 100).await.expect("records");
        for (position, entry) in records.iter().enumerate() {
            assert_eq!(usize::try_from(entry.seq), Ok(position + 1));
            hash = next_hash(&hash, &entry.body);
        }
        assert_eq!((i64::try_from(records.len()), hash), (Ok(head.seq), head.hash));
    }
    assert_eq!(ground.number("SELECT count(*) FROM audit_records WHERE event = 'lease_renewed'").await, 3);
}
