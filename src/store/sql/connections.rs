//! Statements on links by which people connect accounts.

use super::statements;

/// A link; `rows::ConnectLinkRow` reads it.
macro_rules! link {
    () => {
        "SELECT id, owner, service, account, sharing, reconnects, credential_id, start, requested_by, requester, state,
             failure, browser, identity, created_at, expires_at
         FROM connect_links "
    };
}

statements! {
    /// By id.
    FIND = "connect_link.find": concat!(link!(), "WHERE id = $1");
    /// By the digest of its handle.
    FIND_BY_DIGEST = "connect_link.find_by_digest": concat!(link!(), "WHERE digest = $1");
    /// By the digest of the state that came back.
    FIND_BY_FLOW = "connect_link.find_by_flow": concat!(link!(), "WHERE flow = $1");
    /// `$1` id, `$2` digest, `$3` owner, `$4` service, `$5` account, `$6` sharing, `$7` reconnects, `$8` credential, `$9`
    /// start, `$10` requested by, `$11` requester, `$12` at, `$13` expires.
    INSERT = "connect_link.insert":
        "INSERT INTO connect_links (id, digest, owner, service, account, sharing, reconnects, credential_id, start,
             requested_by, requester, state, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'open', $12, $13)";
    /// `$1` id, `$2` browser.
    BIND = "connect_link.bind": "UPDATE connect_links SET browser = $2 WHERE id = $1 AND browser IS NULL";
    /// `$1` id, `$2` browser, `$3` flow, `$4` at.
    BEGIN = "connect_link.begin":
        "UPDATE connect_links SET browser = $2, flow = $3, state = 'begun'
         WHERE id = $1 AND (browser IS NULL OR browser = $2) AND state IN ('open', 'begun') AND expires_at > $4";
    /// `$1` id.
    EXCHANGE = "connect_link.exchange":
        "UPDATE connect_links SET state = 'exchanging', flow = NULL WHERE id = $1 AND state = 'begun'";
    /// `$1` id, `$2` credential, `$3` identity.
    CONNECT = "connect_link.connect":
        "UPDATE connect_links SET state = 'connected', credential_id = $2, identity = $3
         WHERE id = $1 AND state = 'exchanging'";
    /// `$1` id.
    CONFIRM = "connect_link.confirm":
        "UPDATE connect_links SET state = 'confirmed' WHERE id = $1 AND state = 'connected'";
    /// `$1` id, `$2` why.
    FAIL = "connect_link.fail":
        "UPDATE connect_links SET state = 'failed', failure = $2, flow = NULL WHERE id = $1 AND state <> 'confirmed'";
    /// Those that ran out before `$1`, at most `$2`.
    PRUNE = "connect_link.prune":
        "DELETE FROM connect_links WHERE id IN (
             SELECT l.id FROM connect_links l WHERE l.expires_at <= $1 ORDER BY l.expires_at LIMIT $2)";
    /// Accounts that were reached before `$1` and never confirmed, at most `$2`.
    PRUNE_PENDING = "credential.prune_pending":
        "DELETE FROM credentials WHERE id IN (
             SELECT c.id FROM credentials c WHERE c.status = 'pending' AND c.created_at <= $1
             ORDER BY c.created_at LIMIT $2)";
}
