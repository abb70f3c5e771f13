-- Records are found by time, whatever chain they are in, and by what they are about. Whatever else is asked is looked
-- for within a bounded stretch of time: an index on each column would cost every request more than queries save.
CREATE INDEX audit_records_by_time ON audit_records (at, chain_id, seq);
CREATE INDEX audit_records_of_target ON audit_records (target, at, chain_id, seq) WHERE target IS NOT NULL;

ALTER TABLE audit_checkpoints ADD COLUMN previous BIGINT; -- the chain's checkpoint before this one, 0 for the first; signed too. NULL in those made before this column
