//! Chains, checkpoints, settings; looking for records.

use super::{
    ground::Ground,
    world::{NOW, World, id, record},
};
use crate::{
    model::{
        audit::{Actor, AuditRecord, EventName, OutcomeFilter},
        owner::Owner,
        page::PageSize,
    },
    store::{
        StoreError,
        admin::{Change, Checkpoint},
        audit::{AuditFilter, AuditOrder, AuditQuery},
        backend::Tx,
        chain::{ChainHead, StoredEntry},
    },
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
    assert_eq!(records.iter().map(|entry| entry.seq).collect::<Vec<_>>(), vec![2, 3]);
    assert_eq!(records[1].previous.as_ref(), Some(&records[0].hash));
    assert_eq!(records.into_iter().map(|entry| entry.body).collect::<Vec<_>>(), expected);
    let first = ground.backend.read_chain("aud_one", 0, 1).await.expect("records").remove(0);
    assert_eq!(first.previous, Some("00".repeat(32)));
    assert_eq!((first.event.as_str(), first.target.as_deref()), ("lease_created", Some("a")));
    assert_eq!(ground.backend.list_headless_chains().await.expect("chains"), Vec::<String>::new());
    ground.tamper("DELETE FROM audit_chains").await;
    assert_eq!(ground.backend.list_headless_chains().await.expect("chains"), ["aud_one"]);
}

pub(super) async fn checkpoints_and_settings_are_kept(ground: &Ground) {
    let checkpoint = |seq| Checkpoint {
        chain_id: "aud_one".to_owned(),
        seq,
        hash: "00".repeat(32),
        at: NOW,
        previous: (seq > 1).then_some(seq - 1),
        key_id: id(1),
        signature: "signed".to_owned(),
    };
    for seq in [1, 3, 2, 3] {
        ground.apply(Change::PutCheckpoint(checkpoint(seq))).await.expect("a checkpoint");
    }
    let listed = ground.backend.list_checkpoints("aud_one", 1, 10).await.expect("checkpoints");
    assert_eq!(listed, [checkpoint(2), checkpoint(3)]);
    assert_eq!(ground.backend.list_checkpoints("aud_two", 0, 10).await.expect("checkpoints"), []);
    assert_eq!(ground.backend.list_headless_chains().await.expect("chains"), ["aud_one"]);
    assert_eq!(ground.backend.newest_checkpoints(9).await.expect("checkpoints"), []);
    append(ground, "aud_one", vec![record("a")]).await;
    assert_eq!(ground.backend.newest_checkpoints(9).await.expect("checkpoints"), [checkpoint(3)]);

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

pub(super) async fn records_are_found_over_all_chains(ground: &Ground) {
    let at = |second: i64, target: &str| AuditRecord { at: NOW.plus_seconds(second), ..record(target) };
    let of = |actor: &str, owner: Option<Owner>, record: AuditRecord| AuditRecord {
        actor: Actor {
            id: actor.to_owned(),
            owner,
            request_id: Some(format!("r-{actor}")),
            ..Actor::system()
        },
        ..record
    };
    let refused = AuditRecord { refusal: Some("not_found".to_owned()), ..at(2, "b") };
    let org = Owner::Organization(id(1));
    append(ground, "aud_one", vec![at(0, "a"), of("ann", None, at(2, "a")), at(4, "c")]).await;
    append(ground, "aud_two", vec![of("ann", Some(org), at(1, "a")), refused, at(4, "c")]).await;

    let all = AuditFilter::default();
    let newest = found(ground, &all, AuditOrder::NewestFirst, 50).await;
    assert_eq!(newest, ["two3", "one3", "two2", "one2", "two1", "one1"]);
    let mut oldest = found(ground, &all, AuditOrder::OldestFirst, 50).await;
    oldest.reverse();
    assert_eq!(oldest, newest);
    for order in [AuditOrder::NewestFirst, AuditOrder::OldestFirst] {
        for size in 1..4 {
            assert_eq!(found(ground, &all, order, size).await, found(ground, &all, order, 50).await);
        }
    }
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (AuditFilter { target: text("a"), ..all.clone() }, &["one2", "two1", "one1"][..]),
        (AuditFilter { actor: text("ann"), ..all.clone() }, &["one2", "two1"]),
        (AuditFilter { target: text("a"), actor: text("system"), ..all.clone() }, &["one1"]),
        (AuditFilter { owner: Some(org), ..all.clone() }, &["two1"]),
        (AuditFilter { owner: Some(Owner::System), ..all.clone() }, &[]),
        (AuditFilter { event: Some(EventName::LeaseExpired), ..all.clone() }, &[]),
        (
            AuditFilter { event: Some(EventName::LeaseCreated), target: text("c"), ..all.clone() },
            &["two3", "one3"],
        ),
        (AuditFilter { outcome: Some(OutcomeFilter::Refused), ..all.clone() }, &["two2"]),
        (
            AuditFilter { outcome: Some(OutcomeFilter::Code("not_found".to_owned())), ..all.clone() },
            &["two2"],
        ),
        (AuditFilter { outcome: Some(OutcomeFilter::Code("conflict".to_owned())), ..all.clone() }, &[]),
        (
            AuditFilter {
                outcome: Some(OutcomeFilter::Success),
                since: Some(NOW.plus_seconds(2)),
                ..all.clone()
            },
            &["two3", "one3", "one2"],
        ),
        (AuditFilter { until: Some(NOW.plus_seconds(2)), ..all.clone() }, &["two1", "one1"]),
        (AuditFilter { request_id: text("r-ann"), ..all.clone() }, &["one2", "two1"]),
    ] {
        for size in [1, 50] {
            let found = found(ground, &filter, AuditOrder::NewestFirst, size).await;
            assert_eq!(found, expected, "{filter:?}");
        }
    }
}

pub(super) async fn a_search_looks_at_a_bounded_stretch(ground: &Ground) {
    let many = (0..25_000).map(|number| AuditRecord { at: NOW.plus_micros(number), ..record("x") });
    append(ground, "aud_one", vec![AuditRecord { at: NOW.plus_micros(-1), ..record("needle") }]).await;
    append(ground, "aud_two", many.collect()).await;
    let filter = AuditFilter { actor: Some("nobody".to_owned()), ..AuditFilter::default() };
    let mut query =
        AuditQuery { filter, order: AuditOrder::NewestFirst, after: None, size: PageSize::default() };
    let mut pages = 0;
    loop {
        let page = ground.backend.query_audit(&query).await.expect("a page");
        assert_eq!(page.items, []);
        pages += 1;
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(pages, 3);
    let needle = AuditFilter { target: Some("needle".to_owned()), ..AuditFilter::default() };
    assert_eq!(found(ground, &needle, AuditOrder::NewestFirst, 1).await, ["one1"]);
}

pub(super) async fn a_role_that_changes_is_told_from_a_new_member(ground: &Ground) {
    let world = World::new(ground).await;
    let roles = async |tx: &mut dyn Tx| tx.find_role(world.organization, world.user).await.expect("a role");
    let mut tx = ground.backend.begin().await.expect("a transaction");
    let before = roles(&mut *tx).await;
    assert!(before.is_some());
    tx.administer(&Change::RemoveMembership(world.organization, world.user)).await.expect("removed");
    assert_eq!(roles(&mut *tx).await, None);
}

pub(super) async fn the_database_tells_how_it_is_set_up(ground: &Ground) {
    let settings = ground.backend.settings().await.expect("settings");
    let value =
        |name: &str| settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    if ground.is_shared() {
        assert_eq!((value("synchronous_commit"), value("fsync")), (Some("on"), Some("on")));
        assert!(value("max_connections").is_some_and(|number| number.parse::<u32>().is_ok()));
    } else {
        assert_eq!((value("journal_mode"), value("synchronous")), (Some("wal"), Some("2")));
        assert_eq!((value("secure_delete"), value("quick_check")), (Some("1"), Some("ok")));
    }
}

async fn append(ground: &Ground, chain: &str, records: Vec<AuditRecord>) {
    let start = ChainHead::new(chain.to_owned(), NOW);
    let (entries, _) = start.extend(records);
    let mut tx = ground.backend.begin().await.expect("a transaction");
    tx.append_audit(&start, &entries).await.expect("appended");
    tx.commit().await.expect("a commit");
}

/// Everything that a filter finds, page by page, as chain and number.
async fn found(ground: &Ground, filter: &AuditFilter, order: AuditOrder, size: i64) -> Vec<String> {
    let size = PageSize::from_number(size).expect("a size");
    let mut query = AuditQuery { filter: filter.clone(), order, after: None, size };
    let mut all = Vec::new();
    loop {
        let page = ground.backend.query_audit(&query).await.expect("a page");
        let name =
            |entry: &StoredEntry| format!("{}{}", entry.chain_id.trim_start_matches("aud_"), entry.seq);
        all.extend(page.items.iter().map(name));
        query.after = page.next;
        if query.after.is_none() {
            return all;
        }
    }
}
