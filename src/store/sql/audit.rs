//! Statements on audit chains, records and checkpoints. Records are only ever added.

use super::statements;

statements! {
    /// Appends records.
    APPEND = "audit_record.append" rows (
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
    /// Records of chain `$1` after `$2`, at most `$3`.
    READ = "audit_record.read":
        "SELECT seq, body, hash FROM audit_records WHERE chain_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    /// `$1` chain, `$2` seq, `$3` hash, `$4` at, `$5` key, `$6` signature.
    PUT_CHECKPOINT = "audit_checkpoint.put":
        "INSERT INTO audit_checkpoints (chain_id, seq, hash, at, key_id, signature) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (chain_id, seq) DO UPDATE
         SET hash = excluded.hash, at = excluded.at, key_id = excluded.key_id, signature = excluded.signature";
    /// The newest of chain `$1`.
    FIND_CHECKPOINT = "audit_checkpoint.find":
        "SELECT chain_id, seq, hash, at, key_id, signature FROM audit_checkpoints WHERE chain_id = $1
         ORDER BY seq DESC LIMIT 1";
}
