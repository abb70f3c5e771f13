//! Opening a database: schemas, locks, modes.

use std::os::unix::fs::PermissionsExt;

use super::{
    ground::Ground,
    world::{World, rotation},
};
use crate::store::{StoreError, admin::Change};

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

pub(super) async fn a_schema_of_another_program_is_refused(ground: &Ground) {
    ground.backend.close().await;
    ground.tamper("UPDATE _sqlx_migrations SET checksum = substr(checksum, 2) WHERE version = 1").await;
    for may_migrate in [true, false] {
        let refused = ground.open(may_migrate).await.err();
        assert!(matches!(&refused, Some(StoreError::Setup(text)) if text.contains("schema")), "{refused:?}");
    }
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
