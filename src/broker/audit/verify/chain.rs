//! One chain, record by record, to its end whatever is found on the way.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    broker::Error,
    model::words::counted,
    store::{
        admin::Checkpoint,
        chain::{ChainHead, StoredEntry},
    },
};

use super::{Audit, heads::Heads, links::Links};

/// Where the reading of a chain stands.
struct Reading<'c> {
    chain: &'c str,
    /// The last record read.
    seq: i64,
    links: Links,
    /// The record that the last signed head covers; 0 before the first.
    signed: i64,
    /// The signed heads met that a file kept outside has too.
    met: BTreeSet<i64>,
    /// The first record that a call left.
    called: Option<i64>,
}

impl Audit<'_> {
    pub(super) async fn chain(&mut self, head: &ChainHead) -> Result<(), Error> {
        let rows = self.rows;
        let mut heads = Heads::of(rows, &head.chain_id);
        let mut reading = Reading::of(&head.chain_id);
        loop {
            let page = rows.read_chain(reading.chain, reading.seq, PAGE).await?;
            let Some(last) = page.last().map(|entry| entry.seq) else { break };
            // The chain may grow while it is read: what lies beyond the head as first read is another verification's.
            for entry in page.iter().take_while(|entry| entry.seq <= head.seq) {
                self.found.records += 1;
                let signed = self.heads_up_to(&mut reading, &mut heads, entry.seq).await?;
                self.entry(&mut reading, entry, signed.as_ref());
            }
            if last > head.seq {
                self.beyond(head, last).await?;
                break;
            }
        }
        self.last_heads(&mut reading, &mut heads, head).await?;
        self.end(reading, head);
        Ok(())
    }

    /// Checks the signed heads up to a record; answers the one that covers it, and whether its signature is good.
    async fn heads_up_to(
        &mut self,
        reading: &mut Reading<'_>,
        heads: &mut Heads<'_>,
        seq: i64,
    ) -> Result<Option<(Checkpoint, bool)>, Error> {
        let mut covering = None;
        while let Some(checkpoint) = heads.up_to(seq).await? {
            let is_good = self.signed_head(reading, &checkpoint);
            covering = Some((checkpoint, is_good)).filter(|(checkpoint, _)| checkpoint.seq == seq);
        }
        Ok(covering)
    }

    /// Checks a record, and it against what was signed and kept of it.
    fn entry(&mut self, reading: &mut Reading<'_>, entry: &StoredEntry, signed: Option<&(Checkpoint, bool)>) {
        let is_signed = signed.is_some_and(|(checkpoint, is_good)| *is_good && checkpoint.hash == entry.hash);
        let is_kept = self.is_kept(reading.chain, entry);
        self.record(reading, entry, is_signed || is_kept);
        if let Some((checkpoint, _)) = signed {
            self.covers(checkpoint, Some(entry));
        }
    }

    /// Whether a file kept outside has the record as it is.
    fn is_kept(&mut self, chain: &str, entry: &StoredEntry) -> bool {
        let lines = self.lines_at(chain, entry.seq);
        let other = lines.iter().any(|line| line.hash != entry.hash);
        let good = lines.iter().any(|line| line.hash == entry.hash && line.is_good());
        if other {
            let what = format!("record {} is another one than the checkpoint kept outside covers", entry.seq);
            self.fault(chain, &what);
        }
        good && !other
    }

    /// Checks a signed head by itself and against the one before it; answers whether its signature is good.
    fn signed_head(&mut self, reading: &mut Reading<'_>, checkpoint: &Checkpoint) -> bool {
        let (chain, seq) = (reading.chain, checkpoint.seq);
        let gap = checkpoint.previous.filter(|previous| *previous != reading.signed);
        if let Some(previous) = gap {
            let what = format!("the checkpoint at {previous} was removed; the one at {seq} names it");
            self.fault(chain, &what);
        }
        reading.signed = seq;
        let lines = self.lines_at(chain, seq);
        if !lines.is_empty() {
            reading.met.insert(seq);
        }
        if lines.iter().any(|line| line.checkpoint() != *checkpoint) {
            self.fault(chain, &format!("the checkpoint at {seq} was replaced by another"));
        }
        self.signature(checkpoint)
    }

    fn record(&mut self, reading: &mut Reading<'_>, entry: &StoredEntry, vouched: bool) {
        let (chain, number) = (reading.chain, entry.seq);
        if number != reading.seq + 1 {
            let told = reading.links.skip();
            self.tell(chain, told);
            self.fault(chain, &missing(reading.seq + 1, number - 1));
        }
        reading.seq = number;
        let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
        if let Some(what) = misplaced(chain, number, &body) {
            let told = reading.links.pass(entry);
            self.tell(chain, told);
            return self.fault(chain, &what);
        }
        let told = reading.links.follow(entry, vouched);
        self.tell(chain, told);
        if !reading.links.is_in_doubt() {
            self.columns(chain, entry, &body);
        }
        if text(&body, "event") == Some("key_rotated")
            && body.pointer("/details/kind").and_then(Value::as_str) == Some("signing")
        {
            self.announced.extend(entry.target.clone());
        }
        if is_of_a_call(&body) {
            reading.called.get_or_insert(number);
        }
    }

    /// What queries go by must be what the record says.
    fn columns(&mut self, chain: &str, entry: &StoredEntry, body: &Value) {
        let columns = [
            ("at", Some(entry.at.to_string())),
            ("event", Some(entry.event.clone())),
            ("actor", Some(entry.actor.clone())),
            ("owner", entry.owner.clone()),
            ("target", entry.target.clone()),
        ];
        for (name, column) in columns {
            if column.as_deref() != text(body, name) {
                self.fault(chain, &format!("the column `{name}` of record {} was changed", entry.seq));
            }
        }
    }

    /// Records behind the head: the chain grew meanwhile, or they were put there.
    async fn beyond(&mut self, head: &ChainHead, last: i64) -> Result<(), Error> {
        if !self.has_grown(&head.chain_id, last).await? {
            let what = format!("record {last} stands behind the head, which says {}", head.seq);
            self.fault(&head.chain_id, &what);
        }
        Ok(())
    }

    /// The signed heads behind the last record: the chain grew meanwhile, or was cut off.
    async fn last_heads(
        &mut self,
        reading: &mut Reading<'_>,
        heads: &mut Heads<'_>,
        head: &ChainHead,
    ) -> Result<(), Error> {
        while let Some(checkpoint) = heads.up_to(i64::MAX).await? {
            self.signed_head(reading, &checkpoint);
            let seq = checkpoint.seq;
            if seq > reading.seq && (seq <= head.seq || !self.has_grown(reading.chain, seq).await?) {
                let what = format!("cut off after {}; a signed head says {seq}", reading.seq);
                self.fault(reading.chain, &what);
            }
        }
        Ok(())
    }

    fn end(&mut self, mut reading: Reading<'_>, head: &ChainHead) {
        let chain = reading.chain;
        if reading.seq == head.seq {
            let told = reading.links.end(&head.hash);
            self.tell(chain, told);
        } else {
            let told = reading.links.skip();
            self.tell(chain, told);
            let what = format!("the head says {}, found {}", counted(head.seq, "record"), reading.seq);
            self.fault(chain, &what);
        }
        if let Some(called) = reading.called.filter(|_| reading.signed == 0) {
            let what =
                format!("its signed heads were removed: none is there, and record {called} is a call's");
            self.fault(chain, &what);
        }
        let kept = self.kept_at.keys().filter(|(of, seq)| *of == chain && !reading.met.contains(seq));
        let removed: Vec<i64> = kept.map(|(_, seq)| *seq).collect();
        for seq in removed {
            self.fault(chain, &format!("the checkpoint at {seq} was removed"));
        }
    }

    async fn has_grown(&self, chain: &str, to: i64) -> Result<bool, Error> {
        let now = self.rows.list_chains().await?;
        Ok(now.iter().any(|present| present.chain_id == chain && present.seq >= to))
    }

    fn tell(&mut self, chain: &str, what: Option<String>) {
        if let Some(what) = what {
            self.fault(chain, &what);
        }
    }
}

impl<'c> Reading<'c> {
    const fn of(chain: &'c str) -> Self {
        Self { chain, seq: 0, links: Links::new(), signed: 0, met: BTreeSet::new(), called: None }
    }
}

/// Whether a call left the record. A process answers calls only after the first signature on its chain is durable; what
/// it records before that, and what commands record at the database itself, has no address and no request.
pub(super) fn is_of_a_call(body: &Value) -> bool {
    ["address", "request_id"].iter().any(|name| text(body, name).is_some())
}

fn missing(first: i64, last: i64) -> String {
    if first == last {
        format!("record {first} is missing")
    } else {
        format!("records {first} to {last} are missing")
    }
}

/// What a record's own text says against its place.
fn misplaced(chain: &str, number: i64, body: &Value) -> Option<String> {
    match (text(body, "chain"), body.get("seq").and_then(Value::as_i64)) {
        (Some(of), Some(at)) if of == chain && at == number => None,
        (Some(of), Some(at)) => {
            Some(format!("record {number} is out of place: it was written as {at} of {of}"))
        }
        _ => Some(format!("record {number} was changed: its text is no record")),
    }
}

fn text<'b>(body: &'b Value, name: &str) -> Option<&'b str> {
    body.get(name).and_then(Value::as_str)
}

const PAGE: u16 = 1_000;
