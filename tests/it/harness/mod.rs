//! What scenarios stand on: servers on fresh databases, people made on demand, one trait over three ways in.
//!
//! A scenario is written once, as what somebody does and what must come of it. [`scenarios!`] makes a test of it for
//! each database, which plays it over each way in, with fresh people; the audit chains must verify at the end.

pub(crate) mod api;
mod database;
pub(crate) mod people;
mod scene;
mod site;

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt as _;
use leasehold::config::LimitsConfig;

pub(crate) use api::{Answer, Ask, ListAsk, Refused, TokenAsk, ask};
pub(crate) use database::Engine;
pub(crate) use people::{Borrower, OAuthClient, Person, Team};
pub(crate) use scene::{Record, Scene, Transport, eventually};
pub(crate) use site::{Installation, World, new_root_key};

/// Makes a module for each scenario, with one test per database that plays it over every way in.
///
/// `async fn name(scene) { … }`, or with limits of its own, `async fn name(scene; max_renewals = 2) { … }`.
macro_rules! scenarios {
    ($($(#[$doc:meta])* async fn $name:ident($scene:ident $(; $($limit:ident = $value:expr),+)?) $body:block)*) => {$(
        $(#[$doc])*
        async fn $name($scene: $crate::harness::Scene) $body

        mod $name {
            fn limits() -> leasehold::config::LimitsConfig {
                leasehold::config::LimitsConfig { $($($limit: $value,)+)? ..Default::default() }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::harness::play($crate::harness::Engine::Sqlite, limits(), super::$name).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::harness::play($crate::harness::Engine::Postgres, limits(), super::$name).await;
            }
        }
    )*};
}

/// Makes two tests of each function, one per database: for what concerns a whole installation, not a way in. The
/// function owns the installation, and removes it when all went well.
macro_rules! on_each_database {
    ($($(#[$doc:meta])* async fn $name:ident($installation:ident) $body:block)*) => {$(
        $(#[$doc])*
        async fn $name($installation: $crate::harness::Installation) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::harness::Installation::new($crate::harness::Engine::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name($crate::harness::Installation::new($crate::harness::Engine::Postgres).await).await;
            }
        }
    )*};
}

pub(crate) use {on_each_database, scenarios};

/// Plays a scenario on one database, over one way in after the other.
pub(crate) async fn play(engine: Engine, limits: LimitsConfig, scenario: impl AsyncFn(Scene)) {
    play_on(Installation { limits, ..Installation::new(engine).await }, scenario).await;
}

/// The same on an installation with settings of its own, which is removed at the end.
pub(crate) async fn play_on(installation: Installation, scenario: impl AsyncFn(Scene)) {
    let engine = installation.database.engine();
    let world = installation.opens().await;
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
