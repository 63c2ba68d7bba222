-- What a reach report says, counted as it happens. The row of a revision with no channel holds its totals; each other one
-- says how many of its deliveries on a channel stand so, for this reason ('': none).
CREATE TABLE reach_counts (
  notice_id UUID NOT NULL,
  revision BIGINT NOT NULL,
  channel TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  deliveries BIGINT NOT NULL,
  shown BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  recorded BIGINT NOT NULL,
  inboxed BIGINT NOT NULL,
  items_here BIGINT NOT NULL,
  items_read BIGINT NOT NULL,
  PRIMARY KEY (notice_id, revision, channel, state, reason)
);
-- What is to be added to them: every transaction appends what it changed, so that workers of one notice wait for nobody.
CREATE TABLE reach_deltas (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  notice_id UUID NOT NULL,
  revision BIGINT NOT NULL,
  channel TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  deliveries BIGINT NOT NULL,
  shown BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  recorded BIGINT NOT NULL,
  inboxed BIGINT NOT NULL,
  items_here BIGINT NOT NULL,
  items_read BIGINT NOT NULL
);
CREATE INDEX reach_deltas_notice_idx ON reach_deltas (notice_id);
-- When the counters of a finished fan-out were held against the rows, in how many they differed, and how many users had a
-- delivery then. What was announced before there were counters is counted when somebody asks, or by the scheduler.
ALTER TABLE fan_outs ADD COLUMN reach_checked_at BIGINT;
ALTER TABLE fan_outs ADD COLUMN reach_differences BIGINT;
ALTER TABLE fan_outs ADD COLUMN reach_users BIGINT;
ALTER TABLE fan_outs ADD COLUMN reach_uncounted BOOLEAN;
UPDATE fan_outs SET reach_uncounted = true;
CREATE INDEX fan_outs_unchecked_idx ON fan_outs (finished_at) WHERE reach_checked_at IS NULL AND finished_at IS NOT NULL;
CREATE INDEX fan_outs_differ_idx ON fan_outs (notice_id) WHERE reach_differences > 0;
-- Whether the lease was taken by a worker that worked nothing else beside it.
ALTER TABLE chunks ADD COLUMN alone BOOLEAN NOT NULL DEFAULT false;
