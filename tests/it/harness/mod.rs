//! What scenarios stand on: servers on fresh databases, people made on demand, one trait over three ways in.
//!
//! A scenario is written once, as what somebody does and what must come of it. [`scenarios!`] makes a test of it for
//! each database, which plays it over each way in, with fresh people; the audit chains must verify at the end.

pub(crate) mod api;
mod database;
mod people;
mod scene;
mod site;

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt as _;
use leasehold::config::LimitsConfig;

pub(crate) use api::{Answer, Ask, Failure, ListAsk, Refused, TokenAsk, ask};
pub(crate) use database::Engine;
pub(crate) use people::{Borrower, OAuthClient, Person, Team};
pub(crate) use scene::{Scene, Transport, eventually};
pub(crate) use site::{Installation, World};

/// Makes a module for each scenario, with one test per database that plays it over every way in.
///
/// `async fn name(scene) { … }`, or with limits of its own, `async fn name(scene; max_renewals = 2) { … }`.
macro_rules! scenarios {
    ($($(#[$doc:meta])* async fn $name:ident($scene:ident $(; $($limit:ident = $value:expr),+)?) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn scenario($scene: $crate::harness::Scene) $body

            fn limits() -> leasehold::config::LimitsConfig {
                leasehold::config::LimitsConfig { $($($limit: $value,)+)? ..Default::default() }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::harness::play($crate::harness::Engine::Sqlite, limits(), scenario).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::harness::play($crate::harness::Engine::Postgres, limits(), scenario).await;
            }
        }
    )*};
}

/// Makes two tests of each function, one per database: for what concerns a whole installation, not a way in.
macro_rules! on_each_database {
    ($($(#[$doc:meta])* async fn $name:ident($installation:ident) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn check($installation: &mut $crate::harness::Installation) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::harness::on($crate::harness::Engine::Sqlite, async |i| check(i).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::harness::on($crate::harness::Engine::Postgres, async |i| check(i).await).await;
            }
        }
    )*};
}

pub(crate) use {on_each_database, scenarios};

/// Plays a scenario on one database, over one way in after the other.
pub(crate) async fn play<F, R>(engine: Engine, limits: LimitsConfig, scenario: F)
where
    F: Fn(Scene) -> R,
    R: Future<Output = ()>,
{
    let mut installation = Installation::new(engine).await;
    installation.limits = limits;
    let site = installation.start().await.expect("the server starts");
    let world = Arc::new(World::new(installation, site).await);
    for via in Transport::ALL {
        let scene = Scene::new(Arc::clone(&world), via);
        if let Err(panic) = AssertUnwindSafe(scenario(scene)).catch_unwind().await {
            eprintln!("… over {via:?} on {engine:?}");
            world.end().await;
            std::panic::resume_unwind(panic);
        }
    }
    let found = world.broker().verify_audit().await.expect("the chains can be read");
    world.end().await;
    assert_eq!(found.faults, Vec::<String>::new(), "the audit chains verify");
}

/// Runs a check of a whole installation on one database, which is removed afterwards.
pub(crate) async fn on(engine: Engine, check: impl AsyncFn(&mut Installation)) {
    let mut installation = Installation::new(engine).await;
    let outcome = AssertUnwindSafe(check(&mut installation)).catch_unwind().await;
    installation.remove().await;
    if let Err(panic) = outcome {
        eprintln!("… on {engine:?}");
        std::panic::resume_unwind(panic);
    }
}
