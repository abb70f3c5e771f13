-- Only leases that were taken to be shared are looked up by their key; the others have the empty one. An index that
-- every lease is in, at another place for each principal, costs a page for each.
DROP INDEX leases_to_share;
CREATE INDEX leases_to_share ON leases (principal, reuse_key) WHERE state = 'active' AND reuse_key <> '';
