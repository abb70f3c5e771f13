//! Whatever is done to the audit log behind the broker's back is found, and the message says where.

use std::sync::Arc;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use leasehold::{
    broker::audit::{self, CheckpointFile, CheckpointLine},
    clock::Clock,
    entropy::{Entropy, OsEntropy},
    keyring::signing::SigningKey,
    model::id::SigningKeyId,
    store::{
        admin::Checkpoint,
        chain::{GENESIS, StoredEntry, next_hash},
    },
};

use crate::harness::{Installation, Scene, Transport, World, on_each_database};

/// A log of two chains, at rest, and every checkpoint of it as it was kept elsewhere.
struct Log {
    installation: Installation,
    /// The older one, and the one that saw it.
    chains: [String; 2],
    kept: CheckpointFile,
}

on_each_database! {
    async fn an_untouched_log_is_whole(installation) {
        let log = Log::written(installation).await;
        assert_eq!(log.faults().await, Vec::<String>::new());
        assert_eq!(log.faults_by_what_was_kept().await, Vec::<String>::new());
        assert!(log.kept.lines.len() >= 4);
        log.end().await;
    }

    async fn a_changed_record_shows(installation) {
        let log = Log::written(installation).await;
        log.tamper("UPDATE audit_records SET body = replace(body, 'worker-1', 'worker-2') WHERE event = 'lease_created'
                    AND chain_id = 'OLD'").await;
        let seq = log.number_of("lease_created").await;
        assert_eq!(log.faults().await, [log.changed(seq)]);
        log.end().await;
    }

    async fn each_changed_record_shows(installation) {
        let log = Log::written(installation).await;
        let seqs = [2, 6, log.last().await];
        for seq in seqs {
            log.tamper(&format!("UPDATE audit_records SET body = replace(body, '\"event\"', '\"evenT\"')
                WHERE seq = {seq} AND chain_id = 'OLD'")).await;
        }
        assert_eq!(log.faults().await, seqs.map(|seq| log.changed(seq)));
        log.tamper("UPDATE audit_records SET body = 'x' WHERE seq = 6 AND chain_id = 'OLD'").await;
        assert!(log.faults().await.contains(&log.old("record 6 was changed: its text is no record")));
        log.end().await;
    }

    async fn a_changed_record_that_a_signed_head_stands_before_is_named_alone(installation) {
        let log = Log::written(installation).await;
        let signed = log.kept.lines[0].seq;
        log.tamper(&format!("UPDATE audit_records SET body = replace(body, '\"event\"', '\"evenT\"')
            WHERE seq = {} AND chain_id = 'OLD'", signed + 1)).await;
        assert_eq!(log.faults().await, [log.old(&format!("record {} was changed", signed + 1))]);
        log.end().await;
    }

    async fn what_cannot_be_read_hides_nothing_else(installation) {
        let log = Log::written(installation).await;
        log.tamper("UPDATE audit_records SET body = replace(body, 'worker-1', 'worker-2') WHERE event = 'lease_created'
                    AND chain_id = 'OLD'").await;
        let changed = log.changed(log.number_of("lease_created").await);
        log.tamper("UPDATE signing_keys SET public_jwk = 'x'").await;
        let faults = log.faults().await;
        assert!(faults.iter().any(|fault| fault.ends_with("which is not there or cannot be read")), "{faults:?}");
        assert!(faults.contains(&changed), "{faults:?}");
        log.tamper("INSERT INTO audit_chains (chain_id, seq, hash, started_at) VALUES ('aud_new', 0, '', 1)").await;
        log.tamper("UPDATE audit_chains SET hash = 'x' WHERE chain_id = 'OLD'").await;
        let faults = log.faults().await;
        assert!(faults.iter().any(|fault| fault.contains("aud_new")), "{faults:?}");
        assert!(faults.contains(&changed), "{faults:?}");
        log.end().await;
    }

    async fn a_changed_hash_shows(installation) {
        let log = Log::written(installation).await;
        for seq in [2, log.last().await - 1] {
            log.tamper(&format!("UPDATE audit_records SET hash = replace(hash, substr(hash, 1, 4), 'abcd')
                WHERE seq = {seq} AND chain_id = 'OLD'")).await;
            let fault = log.old(&format!("the hash of record {seq} was changed"));
            assert!(log.faults().await.contains(&fault), "{:?}", log.faults().await);
        }
        log.end().await;
    }

    async fn a_chain_tells_so_many_faults_and_counts_the_rest(installation) {
        let installation = a_run(installation.opens().await).await;
        let world = installation.opens().await;
        let scene = Scene::new(Arc::clone(&world), Transport::InProcess);
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        for _ in 0..30 {
            ann.read(&lease).await.unwrap();
        }
        drop((ann, scene));
        let installation = world.closes().await;
        let backend = installation.backend().await;
        let chain = backend.list_chains().await.expect("chains").pop().expect("a chain").chain_id;
        installation.database.tamper(&format!("UPDATE audit_records SET actor = 'x' WHERE chain_id = '{chain}'")).await;
        let keys = audit::stored_keys(&*backend).await.expect("keys");
        let found = audit::verify(&*backend, &keys, &CheckpointFile::default()).await.expect("a verification");
        backend.close().await;
        assert_eq!(found.faults.len(), 21, "{:?}", found.faults);
        let rest = found.faults.last().expect("a line");
        assert!(rest.starts_with(&chain) && rest.ends_with(" faults more"), "{rest}");
        installation.remove().await;
    }

    async fn a_changed_record_with_a_hash_of_its_own_shows_at_the_next(installation) {
        let log = Log::written(installation).await;
        let mut records = log.records().await;
        let position = records.iter().position(|record| record.event == "lease_created").expect("a record");
        records[position].body = records[position].body.replace("worker-1", "worker-2");
        log.rehash(&records[..=position]).await;
        let faults = log.faults().await;
        assert!(faults.contains(&log.changed(records[position].seq + 1)), "{faults:?}");
        log.end().await;
    }

    async fn a_chain_written_anew_differs_from_its_signed_heads(installation) {
        let log = Log::written(installation).await;
        log.forge_history().await;
        let last = log.kept_at(0);
        let faults = log.faults().await;
        assert!(faults.contains(&log.old(&format!("record {last} differs from its signed head"))), "{faults:?}");
        log.end().await;
    }

    async fn a_changed_column_shows(installation) {
        let log = Log::written(installation).await;
        log.tamper("UPDATE audit_records SET actor = 'somebody' WHERE event = 'lease_created' AND chain_id = 'OLD'").await;
        let seq = log.number_of("lease_created").await;
        assert_eq!(log.faults().await, [log.old(&format!("the column `actor` of record {seq} was changed"))]);
        log.end().await;
    }

    async fn a_removed_record_shows(installation) {
        let log = Log::written(installation).await;
        let seq = log.number_of("lease_created").await;
        log.tamper("DELETE FROM audit_records WHERE event = 'lease_created' AND chain_id = 'OLD'").await;
        let faults = log.faults().await;
        assert_eq!(faults.first(), Some(&log.old(&format!("record {seq} is missing"))), "{faults:?}");
        log.end().await;
    }

    async fn records_that_changed_places_show(installation) {
        let log = Log::written(installation).await;
        for statement in [
            "UPDATE audit_records SET seq = 1000 WHERE seq = 3 AND chain_id = 'OLD'",
            "UPDATE audit_records SET seq = 3 WHERE seq = 4 AND chain_id = 'OLD'",
            "UPDATE audit_records SET seq = 4 WHERE seq = 1000 AND chain_id = 'OLD'",
        ] {
            log.tamper(statement).await;
        }
        let faults = log.faults().await;
        let chain = &log.chains[0];
        let expected = log.old(&format!("record 3 is out of place: it was written as 4 of {chain}"));
        assert_eq!(faults.first(), Some(&expected), "{faults:?}");
        log.end().await;
    }

    async fn a_record_put_in_shows(installation) {
        let log = Log::written(installation).await;
        let seq = log.number_of("lease_created").await;
        for statement in [
            format!("UPDATE audit_records SET seq = seq + 1000 WHERE seq >= {seq} AND chain_id = 'OLD'"),
            "UPDATE audit_records SET seq = seq - 999 WHERE seq >= 1000 AND chain_id = 'OLD'".to_owned(),
            format!("INSERT INTO audit_records (chain_id, seq, at, event, actor, owner, target, body, hash)
                     SELECT chain_id, {seq}, at, event, actor, owner, target, body, hash FROM audit_records
                     WHERE chain_id = 'OLD' AND seq = {seq} - 1"),
            "UPDATE audit_chains SET seq = seq + 1 WHERE chain_id = 'OLD'".to_owned(),
        ] {
            log.tamper(&statement).await;
        }
        let faults = log.faults().await;
        let written = format!("it was written as {} of {}", seq - 1, log.chains[0]);
        assert_eq!(faults.first(), Some(&log.old(&format!("record {seq} is out of place: {written}"))), "{faults:?}");
        log.end().await;
    }

    async fn a_record_put_behind_the_head_shows(installation) {
        let log = Log::written(installation).await;
        let last = log.last().await;
        log.tamper("INSERT INTO audit_records (chain_id, seq, at, event, actor, owner, target, body, hash)
                    SELECT r.chain_id, r.seq + 1, r.at, r.event, r.actor, r.owner, r.target, r.body, r.hash
                    FROM audit_records r WHERE r.chain_id = 'OLD' AND r.seq = (
                        SELECT max(m.seq) FROM audit_records m WHERE m.chain_id = 'OLD')").await;
        let what = format!("record {} stands behind the head, which says {last}", last + 1);
        assert_eq!(log.faults().await, [log.old(&what)]);
        log.end().await;
    }

    async fn a_chain_cut_off_shows(installation) {
        let log = Log::written(installation).await;
        let last = log.last().await;
        log.cut_the_last(0).await;
        let faults = log.faults().await;
        let expected = log.old(&format!("cut off after {}; a signed head says {last}", last - 1));
        assert!(faults.contains(&expected), "{faults:?}");
        let seen = log.old(&format!("{} records; {} saw {last}", last - 1, log.chains[1]));
        assert!(faults.contains(&seen), "{faults:?}");
        log.end().await;
    }

    async fn the_youngest_chain_cut_off_with_its_checkpoint_shows_by_what_was_kept(installation) {
        let log = Log::written(installation).await;
        let last = log.kept_at(1);
        log.cut_the_last(1).await;
        log.tamper(&format!("DELETE FROM audit_checkpoints WHERE chain_id = 'NEW' AND seq = {last}")).await;
        assert_eq!(log.faults().await, Vec::<String>::new(), "nothing in the database tells");
        let faults = log.faults_by_what_was_kept().await;
        let cut = format!("{}: cut off after {}; a checkpoint kept outside covers {last}", log.chains[1], last - 1);
        assert!(faults.contains(&cut), "{faults:?}");
        log.end().await;
    }

    async fn a_chain_that_is_gone_shows(installation) {
        let log = Log::written(installation).await;
        log.remove_chain(0).await;
        let faults = log.faults().await;
        assert!(faults.contains(&log.old(&format!("gone; {} saw it", log.chains[1]))), "{faults:?}");
        log.end().await;
    }

    async fn the_youngest_chain_gone_shows_by_what_was_kept(installation) {
        let log = Log::written(installation).await;
        let last = log.kept_at(1);
        log.remove_chain(1).await;
        assert_eq!(log.faults().await, Vec::<String>::new(), "nothing in the database tells");
        let faults = log.faults_by_what_was_kept().await;
        let gone = format!("{}: gone; a checkpoint kept outside covers {last}", log.chains[1]);
        assert!(faults.contains(&gone), "{faults:?}");
        log.end().await;
    }

    async fn a_chain_without_its_head_shows(installation) {
        let log = Log::written(installation).await;
        log.tamper("DELETE FROM audit_chains WHERE chain_id = 'OLD'").await;
        let faults = log.faults().await;
        assert!(faults.contains(&log.old("its head was removed")), "{faults:?}");
        log.end().await;
    }

    async fn swapped_chains_show(installation) {
        let log = Log::written(installation).await;
        for table in ["audit_chains", "audit_records", "audit_checkpoints"] {
            for (from, to) in [("OLD", "x"), ("NEW", "OLD"), ("x", "NEW")] {
                log.tamper(&format!("UPDATE {table} SET chain_id = '{to}' WHERE chain_id = '{from}'")).await;
            }
        }
        let faults = log.faults().await;
        let [old, new] = &log.chains;
        for (place, of) in [(old, new), (new, old)] {
            let expected = format!("{place}: record 1 is out of place: it was written as 1 of {of}");
            assert!(faults.contains(&expected), "{faults:?}");
        }
        log.end().await;
    }

    async fn a_forged_checkpoint_shows(installation) {
        let log = Log::written(installation).await;
        let last = log.kept_at(0);
        log.tamper(&format!("UPDATE audit_checkpoints SET signature = 'AAAA' WHERE chain_id = 'OLD' AND seq = {last}")).await;
        assert_eq!(log.faults().await, [log.old(&format!("the signature of the head at {last} is wrong"))]);
        let faults = log.faults_by_what_was_kept().await;
        assert!(faults.contains(&log.old(&format!("the checkpoint at {last} was replaced by another"))), "{faults:?}");
        log.end().await;
    }

    async fn history_signed_again_with_a_key_of_ones_own_shows(installation) {
        let log = Log::written(installation).await;
        log.forge_history().await;
        let key = log.sign_again().await;
        let faults = log.faults().await;
        assert_eq!(faults, [format!("the signing key {key} is one that no record tells of")]);
        let faults = log.faults_by_what_was_kept().await;
        let last = log.kept_at(0);
        for expected in [
            format!("record {last} is another one than the checkpoint kept outside covers"),
            format!("the checkpoint at {last} was replaced by another"),
        ] {
            assert!(faults.contains(&log.old(&expected)), "{faults:?}");
        }
        log.end().await;
    }

    async fn a_replaced_signing_key_shows(installation) {
        let log = Log::written(installation).await;
        let id: SigningKeyId = log.kept.lines[0].key;
        let (key, _) = SigningKey::generate(id).expect("a key");
        let jwk = serde_json::to_string(&key.verifying_key().jwk()).expect("JSON");
        log.tamper(&format!("UPDATE signing_keys SET public_jwk = '{jwk}' WHERE id = '{id}'")).await;
        let faults = log.faults_by_what_was_kept().await;
        assert!(faults.contains(&log.old(&format!("the signing key {id} was replaced"))), "{faults:?}");
        assert!(faults.iter().any(|fault| fault.contains("the signature of the head")), "{faults:?}");
        log.end().await;
    }

    async fn a_removed_checkpoint_shows(installation) {
        let log = Log::written(installation).await;
        let of_old: Vec<i64> = log.kept.lines.iter().filter(|line| line.chain == log.chains[0]).map(|line| line.seq).collect();
        let [first, second, ..] = of_old[..] else { panic!("{of_old:?}") };
        log.tamper(&format!("DELETE FROM audit_checkpoints WHERE chain_id = 'OLD' AND seq = {first}")).await;
        let what = format!("the checkpoint at {first} was removed; the one at {second} names it");
        assert_eq!(log.faults().await, [log.old(&what)]);
        log.tamper("DELETE FROM audit_checkpoints WHERE chain_id = 'OLD'").await;
        let faults = log.faults().await;
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(&log.old("its signed heads were removed")), "{faults:?}");
        let faults = log.faults_by_what_was_kept().await;
        for seq in of_old {
            assert!(faults.contains(&log.old(&format!("the checkpoint at {seq} was removed"))), "{faults:?}");
        }
        log.end().await;
    }

    async fn every_checkpoint_removed_shows(installation) {
        let log = Log::written(installation).await;
        log.tamper("DELETE FROM audit_checkpoints").await;
        let faults = log.faults().await;
        assert_eq!(faults.len(), 2, "{faults:?}");
        for (chain, fault) in log.chains.iter().zip(&faults) {
            assert!(fault.starts_with(&format!("{chain}: its signed heads were removed")), "{faults:?}");
        }
        let backend = log.installation.backend().await;
        let keys = audit::stored_keys(&*backend).await.expect("keys");
        let quick = audit::quick_check(&*backend, &keys).await.expect("a check").faults;
        backend.close().await;
        assert!(quick.iter().all(|fault| fault.contains("its signed heads were removed")), "{quick:?}");
        log.end().await;
    }

    async fn a_chain_that_no_call_was_answered_on_needs_no_checkpoint(installation) {
        let world = installation.opens().await;
        let installation = world.closes().await;
        // As after a kill between the chain's first record and its first signature.
        installation.database.tamper("DELETE FROM audit_checkpoints").await;
        let backend = installation.backend().await;
        let keys = audit::stored_keys(&*backend).await.expect("keys");
        let found = audit::verify(&*backend, &keys, &CheckpointFile::default()).await.expect("a verification");
        assert_eq!((found.chains, found.faults), (1, Vec::new()));
        assert_eq!(audit::quick_check(&*backend, &keys).await.expect("a check").faults, Vec::<String>::new());
        backend.close().await;
        installation.remove().await;
    }

    async fn a_start_signs_although_its_key_may_sign_no_token_yet(installation) {
        let world = installation.opens().await;
        let installation = world.closes().await;
        installation.database.tamper("UPDATE signing_keys SET signs_from = signs_from + 3600000000").await;
        let world = installation.opens().await;
        let signed = world.with_database(async |database| {
            database.number("SELECT count(DISTINCT chain_id) FROM audit_checkpoints WHERE chain_id LIKE $1", "aud_%").await
        });
        assert_eq!(signed.await, 2);
        world.end().await;
    }

    async fn a_file_that_was_changed_is_no_witness(installation) {
        let mut log = Log::written(installation).await;
        log.kept.lines[0].at = log.kept.lines[0].at.plus_seconds(1);
        let seq = log.kept.lines[0].seq;
        let faults = log.faults_by_what_was_kept().await;
        let what = format!("the checkpoint kept outside for record {seq} bears no good signature");
        assert!(faults.contains(&log.old(&what)), "{faults:?}");
        log.end().await;
    }

    async fn heads_are_signed_every_thousand_records(installation) {
        let world = installation.opens().await;
        let scene = Scene::new(Arc::clone(&world), Transport::InProcess);
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let before = world.with_database(async |database| database.number(CHECKPOINTS, "aud_%").await).await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        for _ in 0..11 {
            let reads = (0..100).map(|_| ann.read(&lease));
            futures::future::try_join_all(reads).await.unwrap();
            scene.passes(2);
        }
        crate::harness::eventually("the head is signed", async || {
            world.with_database(async |database| database.number(CHECKPOINTS, "aud_%").await).await > before
        })
        .await;
        world.end().await;
    }
}

impl Log {
    /// Two runs; in each a lease is taken, the head signed, and the lease renewed. The head is signed at each end, too.
    async fn written(installation: Installation) -> Self {
        let installation = a_run(installation.opens().await).await.opens().await;
        let installation = a_run(installation).await;
        let backend = installation.backend().await;
        let keys = audit::stored_keys(&*backend).await.expect("keys");
        let heads = backend.list_chains().await.expect("chains");
        let chains = [0, 1].map(|position: usize| heads[position].chain_id.clone());
        let mut kept = CheckpointFile::default();
        for chain in &chains {
            let stored = backend.list_checkpoints(chain, 0, 100).await.expect("checkpoints");
            kept.lines.extend(stored.iter().map(|stored| CheckpointLine::of(stored, keys.first())));
        }
        backend.close().await;
        // As they come back from a file.
        let text: Vec<String> =
            kept.lines.iter().map(|line| serde_json::to_string(line).expect("JSON")).collect();
        let kept = CheckpointFile::parse(&text.join("\n")).expect("checkpoints");
        Self { installation, chains, kept }
    }

    async fn faults(&self) -> Vec<String> {
        self.verify(&CheckpointFile::default()).await
    }

    async fn faults_by_what_was_kept(&self) -> Vec<String> {
        self.verify(&self.kept).await
    }

    async fn verify(&self, kept: &CheckpointFile) -> Vec<String> {
        let backend = self.installation.backend().await;
        let keys = audit::stored_keys(&*backend).await.expect("keys");
        let found = audit::verify(&*backend, &keys, kept).await.expect("a verification");
        backend.close().await;
        found.faults
    }

    /// A fault of the older chain.
    fn old(&self, what: &str) -> String {
        format!("{}: {what}", self.chains[0])
    }

    /// The fault of a record of the older chain whose text was changed, with no signed head just before it.
    fn changed(&self, seq: i64) -> String {
        self.old(&format!("record {seq} was changed, or record {} together with its hash", seq - 1))
    }

    /// `OLD` and `NEW` stand for the chains.
    async fn tamper(&self, sql: &str) {
        let sql = sql.replace("OLD", &self.chains[0]).replace("NEW", &self.chains[1]);
        self.installation.database.tamper(&sql).await;
    }

    async fn records(&self) -> Vec<StoredEntry> {
        let backend = self.installation.backend().await;
        let records = backend.read_chain(&self.chains[0], 0, 1_000).await.expect("records");
        backend.close().await;
        records
    }

    async fn last(&self) -> i64 {
        self.records().await.last().expect("a record").seq
    }

    async fn number_of(&self, event: &str) -> i64 {
        self.records().await.iter().find(|record| record.event == event).expect("a record").seq
    }

    /// The record that the newest checkpoint of a chain covers.
    fn kept_at(&self, chain: usize) -> i64 {
        let of = self.kept.lines.iter().filter(|line| line.chain == self.chains[chain]);
        of.map(|line| line.seq).max().expect("a checkpoint")
    }

    /// Writes bodies, with the hashes that follow from them; answers the last one.
    async fn rehash(&self, records: &[StoredEntry]) -> String {
        let mut hash = GENESIS;
        for record in records {
            hash = next_hash(&hash, &record.body);
            let (body, hash, seq) = (record.body.replace('\'', "''"), HEXLOWER.encode(&hash), record.seq);
            let sql = format!(
                "UPDATE audit_records SET body = '{body}', hash = '{hash}' WHERE chain_id = 'OLD' AND seq = {seq}"
            );
            self.tamper(&sql).await;
        }
        HEXLOWER.encode(&hash)
    }

    /// Changes a record, and every hash after it, the head's too.
    async fn forge_history(&self) {
        let mut records = self.records().await;
        for record in &mut records {
            record.body = record.body.replace("worker-1", "worker-2");
        }
        let head = self.rehash(&records).await;
        self.tamper(&format!("UPDATE audit_chains SET hash = '{head}' WHERE chain_id = 'OLD'")).await;
    }

    /// Puts a signing key into the database, and signs every checkpoint of the older chain with it.
    async fn sign_again(&self) -> SigningKeyId {
        let entropy: &dyn Entropy = &OsEntropy;
        let id: SigningKeyId = entropy.id(Clock::now(&*self.installation.clock));
        let (key, _) = SigningKey::generate(id).expect("a key");
        let jwk = serde_json::to_string(&key.verifying_key().jwk()).expect("JSON");
        self.tamper(&format!(
            "INSERT INTO signing_keys (id, sealed, public_jwk, created_at, signs_from, retires_at)
             SELECT '{id}', sealed, '{jwk}', created_at, signs_from, retires_at FROM signing_keys"
        ))
        .await;
        let records = self.records().await;
        for line in self.kept.lines.iter().filter(|line| line.chain == self.chains[0]) {
            let Checkpoint { chain_id, seq, at, previous, .. } = line.checkpoint();
            let hash = &records.iter().find(|record| record.seq == seq).expect("a record").hash;
            let after = previous.expect("a number");
            let text = format!("leasehold audit checkpoint {chain_id} {seq} {hash} {at} after {after}");
            let signature = BASE64URL_NOPAD.encode(&key.sign_bytes(text.as_bytes()).expect("a signature"));
            self.tamper(&format!(
                "UPDATE audit_checkpoints SET hash = '{hash}', key_id = '{id}', signature = '{signature}'
                 WHERE chain_id = 'OLD' AND seq = {seq}"
            ))
            .await;
        }
        id
    }

    /// Removes the last record of a chain, and sets its head back.
    async fn cut_the_last(&self, chain: usize) {
        let chain = &self.chains[chain];
        self.tamper(&format!(
            "DELETE FROM audit_records WHERE chain_id = '{chain}' AND seq = (
                 SELECT max(m.seq) FROM audit_records m WHERE m.chain_id = '{chain}')"
        ))
        .await;
        self.tamper(&format!(
            "UPDATE audit_chains SET seq = seq - 1, hash = (
                 SELECT r.hash FROM audit_records r WHERE r.chain_id = '{chain}' ORDER BY r.seq DESC LIMIT 1)
             WHERE chain_id = '{chain}'"
        ))
        .await;
    }

    async fn remove_chain(&self, chain: usize) {
        let chain = &self.chains[chain];
        for table in ["audit_chains", "audit_records", "audit_checkpoints"] {
            self.tamper(&format!("DELETE FROM {table} WHERE chain_id = '{chain}'")).await;
        }
    }

    async fn end(self) {
        self.installation.remove().await;
    }
}

async fn a_run(world: Arc<World>) -> Installation {
    let scene = Scene::new(Arc::clone(&world), Transport::InProcess);
    let ann = scene.person().await;
    ann.deposits("jira", "hers").await;
    let lease = ann.borrows(["jira"]).await.lease_id;
    assert!(world.broker().sign_checkpoint().await.expect("a signature"));
    ann.renew(&lease).await.unwrap();
    scene.passes(60);
    drop((ann, scene));
    world.closes().await
}

const CHECKPOINTS: &str = "SELECT count(*) FROM audit_checkpoints WHERE chain_id LIKE $1";
