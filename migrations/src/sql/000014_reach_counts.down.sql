ALTER TABLE chunks DROP COLUMN alone;
DROP INDEX fan_outs_differ_idx;
DROP INDEX fan_outs_unchecked_idx;
ALTER TABLE fan_outs DROP COLUMN reach_uncounted;
ALTER TABLE fan_outs DROP COLUMN reach_users;
ALTER TABLE fan_outs DROP COLUMN reach_differences;
ALTER TABLE fan_outs DROP COLUMN reach_checked_at;
DROP TABLE reach_deltas;
DROP TABLE reach_counts;
