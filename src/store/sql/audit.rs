//! Statements on audit chains, records and checkpoints. Records are only ever added.

use super::statements;

macro_rules! entry {
    () => {
        "SELECT r.chain_id, r.seq, r.at, r.event, r.actor, r.owner, r.target, r.body, r.hash,
             (SELECT p.hash FROM audit_records p WHERE p.chain_id = r.chain_id AND p.seq = r.seq - 1) AS previous
         FROM audit_records r "
    };
}

macro_rules! checkpoint {
    () => {
        "SELECT c.chain_id, c.seq, c.hash, c.at, c.key_id, c.signature, c.previous FROM audit_checkpoints c "
    };
}

/// A page of records: `$1` since, `$2` until, after position `$3` at, `$4` chain, `$5` seq, up to and with position `$6`,
/// `$7`, `$8`; of actor `$9`, owner `$10`, event `$11`, outcome `$12` (`success`, `refused` or a code), request `$13` and
/// target `$14`, where these are not NULL; at most `$15`.
macro_rules! page {
    ($refusal:literal, $request:literal, $target:literal, $after:literal, $to:literal, $order:literal) => {
        concat!(
            entry!(),
            "WHERE r.at >= $1 AND r.at < $2 AND (r.at, r.chain_id, r.seq) ", $after, " ($3, $4, $5)
               AND (r.at, r.chain_id, r.seq) ", $to, " ($6, $7, $8)
               AND (CAST($9 AS TEXT) IS NULL OR r.actor = $9) AND (CAST($10 AS TEXT) IS NULL OR r.owner = $10)
               AND (CAST($11 AS TEXT) IS NULL OR r.event = $11)
               AND (CAST($12 AS TEXT) IS NULL OR CASE $12 WHEN 'success' THEN ", $refusal, " IS NULL
                   WHEN 'refused' THEN ", $refusal, " IS NOT NULL ELSE ", $refusal, " = $12 END)
               AND (CAST($13 AS TEXT) IS NULL OR ", $request, " = $13)
               AND ", $target, "
             ORDER BY r.at ", $order, ", r.chain_id ", $order, ", r.seq ", $order, " LIMIT $15"
        )
    };
    (sqlite $target:literal, $after:literal, $to:literal, $order:literal) => {
        page!("r.body ->> '$.refusal'", "r.body ->> '$.request_id'", $target, $after, $to, $order)
    };
    (postgres $target:literal, $after:literal, $to:literal, $order:literal) => {
        page!("(r.body::jsonb ->> 'refusal')", "(r.body::jsonb ->> 'request_id')", $target, $after, $to, $order)
    };
}

statements! {
    /// Appends records.
    APPEND = "audit_record.append" columns (
        chain_id text, seq bigint, at bigint, event text, actor text, owner text, target text, body text, hash text):
        "INSERT INTO audit_records (chain_id, seq, at, event, actor, owner, target, body, hash)
         SELECT r.chain_id, r.seq, r.at, r.event, r.actor, r.owner, r.target, r.body, r.hash FROM r";
    /// Moves a head: `$1` chain, `$2` seq, `$3` hash, `$4` started, from `$5` seq and `$6` hash. A chain that is not there
    /// yet can only be moved from 0.
    MOVE_HEAD = "audit_chain.move":
        "INSERT INTO audit_chains (chain_id, seq, hash, started_at)
         SELECT $1, $2, $3, $4 WHERE $5 = 0 OR EXISTS (SELECT 1 FROM audit_chains c WHERE c.chain_id = $1)
         ON CONFLICT (chain_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash
         WHERE audit_chains.seq = $5 AND audit_chains.hash = $6";
    /// Locks the head of chain `$1`.
    LOCK_HEAD = "audit_chain.lock":
        "SELECT chain_id, seq, hash, started_at FROM audit_chains WHERE chain_id = $1",
        postgres: "SELECT chain_id, seq, hash, started_at FROM audit_chains WHERE chain_id = $1 FOR UPDATE";
    /// Every head.
    LIST_HEADS = "audit_chain.list":
        "SELECT chain_id, seq, hash, started_at FROM audit_chains ORDER BY started_at, chain_id";
    /// Chains that have records or checkpoints, and no head.
    HEADLESS = "audit_chain.headless":
        "WITH RECURSIVE c(id) AS (
             SELECT min(chain_id) FROM audit_records
             UNION ALL
             SELECT (SELECT min(r.chain_id) FROM audit_records r WHERE r.chain_id > c.id) FROM c WHERE c.id IS NOT NULL)
         SELECT c.id FROM c WHERE c.id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM audit_chains h WHERE h.chain_id = c.id)
         UNION
         SELECT p.chain_id FROM audit_checkpoints p
         WHERE NOT EXISTS (SELECT 1 FROM audit_chains h WHERE h.chain_id = p.chain_id)";
    /// Records of chain `$1` after `$2`, at most `$3`.
    READ = "audit_record.read":
        concat!(entry!(), "WHERE r.chain_id = $1 AND r.seq > $2 ORDER BY r.seq LIMIT $3");
    /// The end of a stretch that begins after position `$3` at, `$4` chain, `$5` seq, going back in time: since `$1`,
    /// until `$2`, `$6` records to leave out.
    STRETCH_BACK = "audit_record.stretch_back":
        "SELECT at, chain_id, seq FROM audit_records
         WHERE at >= $1 AND at < $2 AND (at, chain_id, seq) < ($3, $4, $5)
         ORDER BY at DESC, chain_id DESC, seq DESC LIMIT 1 OFFSET $6";
    /// The same, going forward in time.
    STRETCH_ON = "audit_record.stretch_on":
        "SELECT at, chain_id, seq FROM audit_records
         WHERE at >= $1 AND at < $2 AND (at, chain_id, seq) > ($3, $4, $5)
         ORDER BY at, chain_id, seq LIMIT 1 OFFSET $6";
    /// Newest first; see `page`.
    PAGE_BACK = "audit_record.page_back": page!(sqlite "CAST($14 AS TEXT) IS NULL", "<", ">=", "DESC"),
        postgres: page!(postgres "CAST($14 AS TEXT) IS NULL", "<", ">=", "DESC");
    /// Oldest first; see `page`.
    PAGE_ON = "audit_record.page_on": page!(sqlite "CAST($14 AS TEXT) IS NULL", ">", "<=", "ASC"),
        postgres: page!(postgres "CAST($14 AS TEXT) IS NULL", ">", "<=", "ASC");
    /// Of one target, newest first; see `page`.
    PAGE_OF_BACK = "audit_record.page_of_back": page!(sqlite "r.target = $14", "<", ">=", "DESC"),
        postgres: page!(postgres "r.target = $14", "<", ">=", "DESC");
    /// Of one target, oldest first; see `page`.
    PAGE_OF_ON = "audit_record.page_of_on": page!(sqlite "r.target = $14", ">", "<=", "ASC"),
        postgres: page!(postgres "r.target = $14", ">", "<=", "ASC");
    /// `$1` chain, `$2` seq, `$3` hash, `$4` at, `$5` key, `$6` signature, `$7` previous.
    PUT_CHECKPOINT = "audit_checkpoint.put":
        "INSERT INTO audit_checkpoints (chain_id, seq, hash, at, key_id, signature, previous)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (chain_id, seq) DO UPDATE
         SET hash = excluded.hash, at = excluded.at, key_id = excluded.key_id, signature = excluded.signature,
             previous = excluded.previous";
    /// Of chain `$1` after `$2`, at most `$3`.
    LIST_CHECKPOINTS = "audit_checkpoint.list":
        concat!(checkpoint!(), "WHERE c.chain_id = $1 AND c.seq > $2 ORDER BY c.seq LIMIT $3");
    /// The newest of each of the `$1` chains that began last.
    NEWEST_CHECKPOINTS = "audit_checkpoint.newest":
        concat!(checkpoint!(), "JOIN audit_chains h ON h.chain_id = c.chain_id
         WHERE c.seq = (SELECT max(x.seq) FROM audit_checkpoints x WHERE x.chain_id = c.chain_id)
         ORDER BY h.started_at DESC, c.chain_id DESC LIMIT $1");
}
