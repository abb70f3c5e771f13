//! Everybody wants the token at the moment at which it has run out, at two brokers.

use std::collections::BTreeSet;

use leasehold_backends::Rotation;
use tokio::task::JoinSet;

use super::scene::{Asked, Scene, TOKEN_SECONDS, borrow, read};
use crate::harness::Kind;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_readers_at_two_brokers_make_one_refresh() {
    let scene = Scene::start(Kind::Postgres, Rotation::Strict).await;
    let (first, second) = tokio::join!(scene.serve(), scene.serve());
    let people = [scene.person(&first).await, scene.person(&second).await];
    let mut before = scene.connects(&people[0]).await.token;
    for round in 0..ROUNDS {
        let (lease, _) = borrow(&people[round % 2]).await.expect("a lease");
        let then = scene.oauth.counts();
        // Chores of both brokers find it due at the same moment.
        scene.passes(TOKEN_SECONDS + 1).await;

        let mut reads = JoinSet::new();
        for number in 0..READERS {
            let (person, lease) = (people[number % 2].clone(), lease.clone());
            reads.spawn(async move { read(&person, &lease).await.expect("a token") });
        }
        let tokens: BTreeSet<String> = reads.join_all().await.into_iter().collect();

        let asked = scene.since(&then);
        println!("round {round}: {READERS} readers, {} token(s), {asked:?}", tokens.len());
        assert_eq!(asked, Asked { calls: 1, refreshes: 1, ..Asked::default() });
        assert_eq!(tokens.len(), 1, "everybody has the same");
        let token = tokens.into_iter().next().expect("a token");
        assert_ne!(token, before);
        assert!(scene.takes(&token).await);
        before = token;
    }
}

const ROUNDS: usize = 6;
const READERS: usize = 100;
