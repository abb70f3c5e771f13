//! Chains, checkpoints, settings.

use super::{
    ground::Ground,
    world::{NOW, id, record},
};
use crate::store::{
    StoreError,
    admin::{Change, Checkpoint},
    chain::ChainHead,
};

pub(super) async fn a_chain_grows_from_its_head_alone(ground: &Ground) {
    let start = ChainHead::new("aud_one".to_owned(), NOW);
    let (entries, middle) = start.extend(vec![record("a"), record("b")]);
    let mut tx = ground.backend.begin().await.expect("a transaction");
    assert_eq!(tx.lock_chain("aud_one").await.expect("a head"), None);
    tx.append_audit(&start, &entries).await.expect("appended");
    assert_eq!(tx.lock_chain("aud_one").await.expect("a head"), Some(middle.clone()));
    tx.commit().await.expect("a commit");

    let (more, end) = middle.extend(vec![record("c")]);
    for wrong in
        [start.clone(), ChainHead { seq: 7, ..middle.clone() }, ChainHead { hash: [9; 32], ..middle.clone() }]
    {
        let mut tx = ground.backend.begin().await.expect("a transaction");
        let refused = tx.append_audit(&wrong, &more).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{wrong:?}: {refused:?}");
    }
    let unknown = ChainHead { chain_id: "aud_two".to_owned(), ..middle.clone() };
    let mut tx = ground.backend.begin().await.expect("a transaction");
    assert!(tx.append_audit(&unknown, &more).await.is_err(), "a chain begins at its beginning");
    drop(tx);
    let mut tx = ground.backend.begin().await.expect("a transaction");
    tx.append_audit(&middle, &more).await.expect("appended");
    tx.commit().await.expect("a commit");

    assert_eq!(ground.backend.list_chains().await.expect("chains"), vec![end]);
    let records = ground.backend.read_chain("aud_one", 1, 10).await.expect("records");
    let expected = [entries.get(1), more.first()].map(|entry| entry.expect("an entry").body.clone());
    assert_eq!(records.iter().map(|(seq, ..)| *seq).collect::<Vec<_>>(), vec![2, 3]);
    assert_eq!(records.into_iter().map(|(_, body, _)| body).collect::<Vec<_>>(), expected);
}

pub(super) async fn checkpoints_and_settings_are_kept(ground: &Ground) {
    let checkpoint = |seq| Checkpoint {
        chain_id: "aud_one".to_owned(),
        seq,
        hash: "00".repeat(32),
        at: NOW,
        key_id: id(1),
        signature: "signed".to_owned(),
    };
    for seq in [1, 3, 2, 3] {
        ground.apply(Change::PutCheckpoint(checkpoint(seq))).await.expect("a checkpoint");
    }
    let newest = ground.backend.find_checkpoint("aud_one").await.expect("checkpoints");
    assert_eq!(newest, Some(checkpoint(3)));
    assert_eq!(ground.backend.find_checkpoint("aud_two").await.expect("checkpoints"), None);

    assert_eq!(ground.backend.find_setting("environment").await.expect("settings"), None);
    for value in ["development", "production"] {
        let change = Change::PutSetting("environment", value.to_owned());
        assert_eq!(ground.apply(change).await.expect("a setting"), 1);
        let found = ground.backend.find_setting("environment").await.expect("settings");
        assert_eq!(found.as_deref(), Some(value));
    }
    let own_time = ground.backend.ping().await.expect("it answers");
    assert_eq!(own_time.is_some(), ground.is_shared());
    assert_eq!(ground.apply(Change::RecordOnly).await.expect("nothing"), 0);
}
