//! The links of a chain: which record does not fit its hash. Each is judged by the hash that is stored before it, so that
//! one fault hides no other.
//!
//! What the hash of record `n` covers is the hash of `n - 1` and the text of `n`. Where they don't fit, the record behind
//! tells which one is wrong: it was made from the right hash of `n`.

use data_encoding::HEXLOWER;

use crate::store::chain::{GENESIS, StoredEntry, next_hash};

/// Where the reading of a chain's hashes stands.
pub(super) struct Links {
    /// The hash before, as it is stored; none where there is none that can be read.
    before: Option<[u8; 32]>,
    /// Whether somebody else than the row says that this is the hash.
    vouched: bool,
    /// The record before does not fit; what follows it tells why.
    doubt: Option<Doubt>,
}

/// A record that does not fit its hash.
struct Doubt {
    seq: i64,
    /// The hash that its text would have.
    computed: [u8; 32],
    /// Whether the hash before it is surely right, so that it is the record itself.
    sure: bool,
}

impl Links {
    pub(super) const fn new() -> Self {
        Self { before: Some(GENESIS), vouched: true, doubt: None }
    }

    /// Goes on to the next record; answers what is wrong with the one before. `vouched`: a signature or a file kept
    /// outside says that its hash is the stored one.
    pub(super) fn follow(&mut self, entry: &StoredEntry, vouched: bool) -> Option<String> {
        let stored = read(&entry.hash);
        let fits = |before: &[u8; 32]| Some(next_hash(before, &entry.body)) == stored;
        let (told, doubt) = if self.before.as_ref().is_some_and(fits) {
            (self.settle(), None)
        } else if let Some(doubt) = self.doubt.take_if(|doubt| fits(&doubt.computed)) {
            (Some(format!("the hash of record {} was changed", doubt.seq)), None)
        } else {
            let doubt = self.before.map(|before| Doubt {
                seq: entry.seq,
                computed: next_hash(&before, &entry.body),
                sure: self.vouched,
            });
            (self.settle(), doubt)
        };
        (self.before, self.vouched, self.doubt) = (stored, vouched, doubt);
        told
    }

    /// Whether the last record does not fit its hash.
    pub(super) const fn is_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// Goes on behind records that are missing: the next one has nothing to be judged by.
    pub(super) fn skip(&mut self) -> Option<String> {
        self.before = None;
        self.settle()
    }

    /// Goes on behind a record that is not the one that was written here.
    pub(super) fn pass(&mut self, entry: &StoredEntry) -> Option<String> {
        (self.before, self.vouched) = (read(&entry.hash), false);
        self.settle()
    }

    /// Compares the end with the head; answers what is wrong with the last record, or with the head.
    pub(super) fn end(&mut self, head: &[u8; 32]) -> Option<String> {
        if let Some(doubt) = self.doubt.take_if(|doubt| doubt.computed == *head) {
            return Some(format!("the hash of record {} was changed", doubt.seq));
        }
        let is_last = self.before == Some(*head);
        self.settle().or_else(|| (!is_last).then(|| "the head has another hash than its record".to_owned()))
    }

    /// The record in doubt has no better excuse.
    fn settle(&mut self) -> Option<String> {
        let Doubt { seq, sure, .. } = self.doubt.take()?;
        let other =
            if sure { String::new() } else { format!(", or record {} together with its hash", seq - 1) };
        Some(format!("record {seq} was changed{other}"))
    }
}

fn read(hash: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(hash.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use crate::model::instant::Instant;

    use super::*;

    fn chain(length: usize) -> Vec<StoredEntry> {
        let mut hash = GENESIS;
        let entry = |seq| {
            let body = format!("record {seq}");
            hash = next_hash(&hash, &body);
            StoredEntry {
                chain_id: "aud_1".to_owned(),
                seq,
                at: Instant::from_micros(0),
                event: String::new(),
                actor: String::new(),
                owner: None,
                target: None,
                body,
                hash: HEXLOWER.encode(&hash),
                previous: None,
            }
        };
        (1..).take(length).map(entry).collect()
    }

    fn rewrite(entries: &mut [StoredEntry], at: usize) {
        "another".clone_into(&mut entries[at].body);
        let before = at.checked_sub(1).map_or(GENESIS, |before| read(&entries[before].hash).unwrap());
        entries[at].hash = HEXLOWER.encode(&next_hash(&before, "another"));
    }

    /// What is wrong, with hashes vouched for where told.
    fn faults(entries: &[StoredEntry], head: [u8; 32], vouched: &[i64]) -> Vec<String> {
        let mut links = Links::new();
        let mut found: Vec<String> =
            entries.iter().filter_map(|entry| links.follow(entry, vouched.contains(&entry.seq))).collect();
        found.extend(links.end(&head));
        found
    }

    #[test]
    fn every_changed_text_is_told_by_itself() {
        let sound = chain(8);
        let head = read(&sound[7].hash).unwrap();
        assert_eq!(faults(&sound, head, &[]), Vec::<String>::new());
        let mut changed = sound;
        for at in [0, 3, 4, 7] {
            "another".clone_into(&mut changed[at].body);
        }
        let found = faults(&changed, head, &[3, 7]);
        let or = "record 5 was changed, or record 4 together with its hash";
        assert_eq!(found, ["record 1 was changed", "record 4 was changed", or, "record 8 was changed"]);
    }

    #[test]
    fn a_changed_hash_is_told_from_a_changed_text() {
        let sound = chain(4);
        let head = read(&sound[3].hash).unwrap();
        for (at, hash) in [(1, "00".repeat(32)), (1, "none".to_owned()), (3, "00".repeat(32))] {
            let mut changed = sound.clone();
            changed[at].hash = hash;
            assert_eq!(faults(&changed, head, &[]), [format!("the hash of record {} was changed", at + 1)]);
        }
        assert_eq!(faults(&sound, GENESIS, &[]), ["the head has another hash than its record"]);
    }

    #[test]
    fn a_record_written_anew_with_its_hash_shows_at_the_next() {
        let mut entries = chain(5);
        let head = read(&entries[4].hash).unwrap();
        rewrite(&mut entries, 1);
        assert_eq!(faults(&entries, head, &[]), ["record 3 was changed, or record 2 together with its hash"]);
    }

    #[test]
    fn what_is_behind_a_gap_is_taken_as_it_stands() {
        let mut entries = chain(5);
        let head = read(&entries[4].hash).unwrap();
        "another".clone_into(&mut entries[4].body);
        let mut links = Links::new();
        assert_eq!(links.follow(&entries[0], false), None);
        assert_eq!(links.skip(), None);
        assert_eq!(links.follow(&entries[2], false), None);
        assert_eq!(links.pass(&entries[3]), None);
        assert_eq!(links.follow(&entries[4], false), None);
        let told = "record 5 was changed, or record 4 together with its hash";
        assert_eq!(links.end(&head).as_deref(), Some(told));
    }
}
