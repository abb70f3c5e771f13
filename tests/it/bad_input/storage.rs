//! Databases that are not as they were left: a damaged row fails alone; a newer schema is not touched.

use std::sync::Arc;

use leasehold::model::{
    id::CredentialId,
    organization::{Role::Member, SharingEntry::AllMembers},
};

use crate::harness::{Installation, Person, Refused as _, Scene, Transport, World, ask, on_each_database};

on_each_database! {
    async fn a_value_whose_bits_flipped_fails_alone(installation) {
        let (world, ann, jira) = a_borrower(installation).await;

        damage(&world, jira, |sealed| *sealed.last_mut().expect("a byte") ^= 1).await;

        fails_alone(&world, &ann).await;
    }

    async fn a_value_that_is_no_envelope_fails_alone(installation) {
        let (world, ann, jira) = a_borrower(installation).await;

        damage(&world, jira, |sealed| sealed.truncate(3)).await;

        fails_alone(&world, &ann).await;
    }

    async fn an_empty_value_fails_alone(installation) {
        let (world, ann, jira) = a_borrower(installation).await;

        damage(&world, jira, Vec::clear).await;

        fails_alone(&world, &ann).await;
    }

    async fn a_row_with_a_word_that_nobody_knows_fails_alone(installation) {
        let (world, ann, jira) = a_borrower(installation).await;

        let row = jira.to_string();
        world.with_database(async |database| database.write_text(SET_SHARING, &row, "nonsense").await).await;

        fails_alone(&world, &ann).await;
    }

    async fn a_value_moved_to_another_row_does_not_open(installation) {
        let (world, ann, jira) = a_borrower(installation).await;
        let other = ann.deposits("tray", "another").await.to_string();

        let moved = world.with_database(async |database| database.bytes(SEALED, &other).await).await;
        damage(&world, jira, |sealed| *sealed = moved).await;

        fails_alone(&world, &ann).await;
    }

    async fn nothing_takes_the_place_of_a_value_that_cannot_be_read(installation) {
        let (world, ann, jira) = a_borrower(installation).await;
        let team = ann.scene.team().await;
        team.admits(&ann, Member).await;
        team.shares("jira", "the team's", &[AllMembers]).await;
        ann.deposits("jira/other", "another account").await;

        damage(&world, jira, Vec::clear).await;

        assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "internal");
        assert_eq!(ann.borrows(["jira/other"]).await.value("jira/other"), "another account");
        world.end().await;
    }

    async fn a_value_damaged_under_a_live_lease_fails_its_readings_alone(installation) {
        let (world, ann, jira) = a_borrower(installation).await;
        let (hit, unhurt) = (ann.borrows(["jira"]).await.lease_id, ann.borrows(["todoist"]).await.lease_id);
        damage(&world, jira, |sealed| *sealed.last_mut().expect("a byte") ^= 1).await;
        // A server that was started since has nothing in memory.
        let world = world.closes().await.opens().await;
        let ann = Scene::new(Arc::clone(&world), Transport::Http).stranger(ann.authorization.as_deref());

        assert_eq!(ann.read(&hit).await.refusal(), "internal");
        assert_eq!(ann.read(&unhurt).await.unwrap().value("todoist"), "sound");
        assert_eq!(ann.show(&hit).await.unwrap().status, "active");
        assert!(ann.revoke(&hit).await.is_ok());
        world.end().await;
    }

    async fn a_newer_schema_is_not_touched(installation) {
        let installation = installation.opens().await.closes().await;
        installation.database.write(NEWER, "of the future").await;

        let refused = installation.start().await.err().expect("it must not start").to_string();

        assert!(refused.contains("9999") && refused.contains("newer"), "{refused}");
        assert!(refused.contains("upgrade the program"), "{refused}");
        installation.remove().await;
    }
}

/// Somebody with a credential to be damaged, and a sound one.
async fn a_borrower(installation: Installation) -> (Arc<World>, Person, CredentialId) {
    let world = installation.opens().await;
    let ann = Scene::new(Arc::clone(&world), Transport::Http).person().await;
    let jira = ann.deposits("jira", "damaged").await;
    ann.deposits("todoist", "sound").await;
    (world, ann, jira)
}

async fn damage(world: &World, credential: CredentialId, change: impl FnOnce(&mut Vec<u8>)) {
    let row = credential.to_string();
    let mut sealed = world.with_database(async |database| database.bytes(SEALED, &row).await).await;
    change(&mut sealed);
    world.with_database(async |database| database.write_bytes(SET_SEALED, &row, sealed).await).await;
}

/// What needs the damaged row fails, without a word about what it holds; all else works; no lease is left behind.
async fn fails_alone(world: &World, ann: &Person) {
    assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "internal");
    assert_eq!(ann.create(&ask(["jira", "todoist"])).await.refusal(), "internal");
    assert_eq!(ann.leases().await, []);
    assert_eq!(ann.borrows(["todoist"]).await.value("todoist"), "sound");
    assert!(ann.me().await.unwrap().available_services.contains(&"todoist".to_owned()));
    world.end().await;
}

const SEALED: &str = "SELECT sealed FROM credentials WHERE id = $1";
const SET_SEALED: &str = "UPDATE credentials SET sealed = $2 WHERE id = $1";
const SET_SHARING: &str = "UPDATE credentials SET sharing = $2 WHERE id = $1";
const NEWER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
    SELECT 9999, $1, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
