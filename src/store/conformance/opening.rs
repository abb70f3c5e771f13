//! Opening a database: schemas, locks, modes, and what several processes do to one another.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use super::{
    ground::Ground,
    world::{NOW, World, rotation},
};
use crate::{
    model::principal::Principal,
    store::{StoreError, admin::Change},
};

pub(super) async fn a_newer_schema_is_refused(ground: &Ground) {
    let known = ground.number("SELECT max(version) FROM _sqlx_migrations").await;
    ground.backend.close().await;
    ground
        .tamper("INSERT INTO _sqlx_migrations SELECT 999, 'later', installed_on, success, checksum, execution_time
                 FROM _sqlx_migrations WHERE version = 1")
        .await;
    for may_migrate in [true, false] {
        match ground.open(may_migrate).await {
            Err(StoreError::NewerSchema { found: 999, known: newest }) => assert_eq!(newest, known),
            other => panic!("{:?}", other.err()),
        }
    }
}

pub(super) async fn an_older_schema_is_refused_unless_it_may_be_migrated(ground: &Ground) {
    ground.backend.close().await;
    ground.open(false).await.expect("what is current opens").close().await;
    ground
        .tamper(
            "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(m.version) FROM _sqlx_migrations m)",
        )
        .await;
    let refused = ground.open(false).await.err();
    assert!(matches!(&refused, Some(StoreError::Setup(text)) if text.contains("migrate")), "{refused:?}");
}

pub(super) async fn what_was_written_is_there_after_reopening(ground: &Ground) {
    let world = World::new(ground).await;
    ground.lend(&[world.lease(1)]).await;
    ground.backend.close().await;
    assert!(matches!(ground.backend.begin().await.err(), Some(StoreError::Unavailable(_))));
    let again = ground.open(true).await.expect("it opens again");
    let (_, found) = again.read_uses(&[], &[world.lease(1).lease.id]).await.expect("facts");
    assert_eq!(found.len(), 1);
    again.close().await;
}

#[tokio::test]
async fn a_second_process_is_refused_on_sqlite() {
    let ground = Ground::sqlite().await;
    let refused = ground.open(true).await.err();
    assert!(matches!(&refused, Some(StoreError::Setup(text)) if text.contains("in use")), "{refused:?}");
    ground.backend.close().await;
    ground.open(true).await.expect("free again").close().await;
    let nowhere = crate::store::sqlite::open(&ground.file().join("no/such/folder"), true).await.err();
    assert!(matches!(nowhere, Some(StoreError::Setup(_))), "{nowhere:?}");
}

#[tokio::test]
async fn sqlite_files_are_private_and_durable() {
    let ground = Ground::sqlite().await;
    World::new(&ground).await;
    let folder = ground.file().parent().expect("a folder").to_owned();
    for file in std::fs::read_dir(folder).expect("the folder") {
        let file = file.expect("a file");
        assert_eq!(file.metadata().expect("its mode").permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    assert_eq!(ground.number("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'").await, 1);
}

#[tokio::test]
async fn what_is_deleted_is_wiped_from_the_sqlite_file() {
    let ground = Ground::sqlite().await;
    let world = World::new(&ground).await;
    let holds_it = || {
        let bytes = std::fs::read(ground.file()).expect("the file");
        bytes.windows(40).any(|window| window == [0xC7; 40])
    };
    let sealed = super::world::sealed("dky", 0xC7);
    let rotate = rotation(world.personal, 2, sealed, None);
    ground.apply(rotate).await.expect("rotated");
    ground.backend.close().await;
    assert!(holds_it());
    let again = ground.open(true).await.expect("it opens again");
    let mut tx = again.begin().await.expect("a transaction");
    tx.administer(&Change::DeleteCredential(world.personal)).await.expect("deleted");
    tx.commit().await.expect("a commit");
    again.close().await;
    assert!(!holds_it());
}

#[tokio::test]
async fn a_url_that_is_none_is_refused() {
    let refused = crate::store::postgres::open("nonsense", 1, false).await.err();
    assert!(matches!(refused, Some(StoreError::Setup(_))), "{refused:?}");
    let nobody = crate::store::postgres::open("postgres://nobody@127.0.0.1:1/none", 1, false).await.err();
    assert!(matches!(nobody, Some(StoreError::Unavailable(_))), "{nobody:?}");
}

#[tokio::test]
async fn replicas_lock_counters_one_after_the_other() {
    let ground = Ground::postgres().await;
    let other = ground.open(false).await.expect("a second replica");
    let world = World::new(&ground).await;
    let principals = [Principal::Client(world.client), Principal::User(world.user)];
    let count = async |backend: &dyn crate::store::backend::Backend| {
        let mut tx = backend.begin().await.expect("a transaction");
        let live = tx.lock_quotas(&principals).await.expect("counters");
        tokio::time::sleep(Duration::from_millis(2)).await;
        let up: Vec<_> = live.iter().map(|(principal, _)| (*principal, 1)).collect();
        tx.move_quotas(&up).await.expect("moved");
        tx.commit().await.expect("a commit");
        live
    };
    let ((), ()) = tokio::join!(
        async {
            for _ in 0..20 {
                count(&*ground.backend).await;
            }
        },
        async {
            for _ in 0..20 {
                count(&*other).await;
            }
        },
    );
    let mut live = count(&*other).await;
    live.sort_unstable();
    assert_eq!(live, principals.map(|principal| (principal, 40)));
}

#[tokio::test]
async fn a_decisive_change_waits_for_judgements_and_they_for_it() {
    let ground = Ground::postgres().await;
    let other = ground.open(false).await.expect("a second replica");
    let world = World::new(&ground).await;
    let new = world.lease(1);
    ground.lend(std::slice::from_ref(&new)).await;

    let mut judging = ground.backend.begin().await.expect("a transaction");
    assert!(!judging.lock_leases(&[new.lease.id]).await.expect("facts")[0].stale);
    let change = async {
        let mut tx = other.begin().await.expect("a transaction");
        tx.administer(&Change::DeleteCredential(world.personal)).await.expect("deleted");
        tx.commit().await.expect("a commit");
    };
    tokio::pin!(change);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut change).await;
    assert!(early.is_err(), "the change waits");
    judging.commit().await.expect("a commit");
    change.await;
    let mut judging = ground.backend.begin().await.expect("a transaction");
    assert!(judging.lock_leases(&[new.lease.id]).await.expect("facts")[0].stale);
}

#[tokio::test]
async fn a_lease_is_judged_as_it_is_once_locked() {
    let ground = Ground::postgres().await;
    let other = ground.open(false).await.expect("a second replica");
    let world = World::new(&ground).await;
    let mut lease = world.lease(1).lease;
    ground.lend(&[world.lease(1)]).await;
    let mut first = ground.backend.begin().await.expect("a transaction");
    first.lock_leases(&[lease.id]).await.expect("facts");
    lease.renewal_count = 1;
    lease.expires_at = NOW.plus_seconds(9_999);
    first.update_leases(std::slice::from_ref(&lease)).await.expect("updated");
    let second = async {
        let mut tx = other.begin().await.expect("a transaction");
        tx.lock_leases(&[lease.id]).await.expect("facts").remove(0).lease
    };
    tokio::pin!(second);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut second).await.is_err(), "the lock is held");
    first.commit().await.expect("a commit");
    assert_eq!(second.await, lease);
}
