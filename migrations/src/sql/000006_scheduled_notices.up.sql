-- Notices that wait for their time. `draft` is what was handed in, as JSON; '' once it is of no more use. `due_at` is
-- when it is tried next: at first `publish_at`, later only after a failure of ours. `version` grows when another draft
-- takes the place of the first, so that nobody publishes the one that it read before.
CREATE TABLE scheduled_notices (
  id UUID PRIMARY KEY,
  publisher_id UUID NOT NULL REFERENCES publishers (id),
  key_id UUID NOT NULL REFERENCES publisher_keys (id),
  source TEXT NOT NULL,
  source_id TEXT NOT NULL,
  title TEXT NOT NULL,
  category_path TEXT NOT NULL,
  region_path TEXT NOT NULL,
  draft TEXT NOT NULL,
  draft_hash BYTEA NOT NULL,
  version BIGINT NOT NULL,
  publish_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  detail TEXT,
  notice_id UUID,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE UNIQUE INDEX scheduled_notices_waiting_key ON scheduled_notices (source, source_id) WHERE state = 'scheduled';
CREATE INDEX scheduled_notices_source_idx ON scheduled_notices (source, source_id, id);
CREATE INDEX scheduled_notices_due_idx ON scheduled_notices (state, publish_at, id);
CREATE INDEX scheduled_notices_publisher_idx ON scheduled_notices (publisher_id, id);
CREATE INDEX scheduled_notices_publisher_state_idx ON scheduled_notices (publisher_id, state, id);
CREATE INDEX scheduled_notices_state_idx ON scheduled_notices (state, id);
CREATE INDEX scheduled_notices_ended_idx ON scheduled_notices (ended_at) WHERE ended_at IS NOT NULL;
